"""The log in memory: for tests and for rehearsals.

It keeps bytes, not objects, so that it behaves as the one on disk.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from secrets import token_bytes

from visavis.ledger.record import leaves
from visavis.model.consent import Purpose
from visavis.model.entry import Entry, WorldEntry, decode, decode_world, encode
from visavis.model.errors import Refused, Unavailable
from visavis.store.keys import KEY_BYTES


class MemoryLog:
    """A :class:`~visavis.ports.Log` that forgets everything when the process ends."""

    def __init__(self) -> None:
        self._rows: list[tuple[bool, bytes] | None] = []
        self._places: dict[tuple[str, str], int] = {}
        self._erased: set[str] = set()
        self._lines: list[bytes] = []
        self._day = 0
        self._told: dict[str, list[int]] = defaultdict(list)
        self._audit_keys: dict[str, bytes] = {}
        self._open = True

    def commit(self, entries: Sequence[Entry | WorldEntry], purposes: Mapping[str, Purpose] | None = None) -> int:
        """All of them, or none."""
        self._check()
        names = [(entry.customer, entry.moment.id) for entry in entries if isinstance(entry, Entry)]
        if len(set(names)) < len(names) or any(name in self._places for name in names):
            raise Refused("A moment of this group is in the log already.", advice="Answer it with Log.entry.")
        if any(customer in self._erased for customer, _ in names):
            raise Refused("A person of this group was erased.", advice="Their moments are not kept any more.")
        rows = [(isinstance(entry, Entry), encode(entry)) for entry in entries]
        start = len(self._rows)
        self._rows.extend(rows)
        places = [start + i for i, (of_customer, _) in enumerate(rows) if of_customer]
        self._places.update(zip(names, places, strict=True))
        for customer, _ in names:
            if customer not in self._audit_keys:
                self._audit_keys[customer] = token_bytes(KEY_BYTES)
        for entry in entries if purposes is not None else ():
            if (
                purposes is not None
                and isinstance(entry, Entry)
                and (lines := leaves(entry, purposes, self._audit_keys[entry.customer], since=self._day))
            ):
                self._told[entry.customer].extend(range(len(self._lines), len(self._lines) + len(lines)))
                self._lines.extend(lines)
                self._day = max(self._day, entry.received_at.toordinal())
        return len(self._rows)

    def entry(self, customer: str, moment: str) -> Entry | None:
        """The entry of this moment, or ``None``."""
        self._check()
        place = self._places.get((customer, moment))
        return self._entry(place) if place is not None else None

    def of(self, customer: str) -> Iterator[Entry]:
        """The customer's entries, oldest first."""
        self._check()
        for place in sorted(place for (name, _), place in self._places.items() if name == customer):
            yield self._entry(place)

    def scan(self, after: int = 0) -> Iterator[tuple[int, Entry | WorldEntry]]:
        """Every entry after this position."""
        self._check()
        for position, row in enumerate(self._rows[after:], start=after + 1):
            if row is not None:
                of_customer, data = row
                yield position, decode(data) if of_customer else decode_world(data)

    def amend(self, customer: str, entries: Mapping[str, Entry | None]) -> None:
        """Put these in the place of what their moments said."""
        self._check()
        for moment, entry in entries.items():
            place = (
                self._places.get((customer, moment))
                if entry is not None
                else self._places.pop((customer, moment), None)
            )
            if place is not None:
                self._rows[place] = (True, encode(entry)) if entry is not None else None

    def erase(self, customer: str, *, for_good: bool = True) -> int:
        """Take everything of this person away."""
        self._check()
        names = [name for name in self._places if name[0] == customer]
        for name in names:
            self._rows[self._places.pop(name)] = None
        if for_good:
            self._erased.add(customer)
        self._told.pop(customer, None)
        self._audit_keys.pop(customer, None)
        return len(names)

    def lines(self, start: int, stop: int) -> Sequence[bytes]:
        """These lines of the ledger."""
        self._check()
        return self._lines[start:stop]

    def lines_of(self, customer: str) -> Iterator[tuple[int, bytes]]:
        """The person's own."""
        self._check()
        for number in self._told.get(customer, ()):
            yield number, self._lines[number]

    def audit_key(self, customer: str) -> bytes:
        """What they are known by."""
        return self._audit_keys.get(customer, b"")

    def erased(self, customer: str) -> bool:
        """Whether this person was erased."""
        return customer in self._erased

    def __len__(self) -> int:
        """How many entries."""
        self._check()
        return sum([row is not None for row in self._rows])

    def close(self) -> None:
        """Close it."""
        self._open = False

    def _entry(self, place: int) -> Entry:
        row = self._rows[place]
        assert row is not None
        return decode(row[1])

    def _check(self) -> None:
        if not self._open:
            raise Unavailable("This log is closed.", advice="Open it again.")
