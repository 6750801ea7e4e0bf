"""The log in memory, for tests and rehearsals. It keeps bytes, not objects, and so behaves like the one on disk."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from secrets import token_bytes

from msgspec import Struct
from msgspec.structs import replace

from visavis.model.entry import Entry, WorldEntry, decode, decode_world, encode
from visavis.model.errors import Refused, Unavailable
from visavis.store.keys import KEY_BYTES


class _Row(Struct, frozen=True):
    """An encoded entry, whose it is (empty: the world's) and the numbers of its ledger lines."""

    customer: str
    data: bytes
    lines: range


class MemoryEntryLog:
    """A :class:`~visavis.ports.Log` that is lost when the process ends."""

    def __init__(self) -> None:
        self._rows: list[_Row | None] = []
        self._moments: dict[str, dict[str, int]] = {}
        self._erased: set[str] = set()
        self._lines: list[bytes] = []
        self._audit_keys: dict[str, bytes] = {}
        self._open = True

    def commit(self, entries: Sequence[Entry | WorldEntry], lines: Sequence[Sequence[bytes]] = ()) -> int:
        """Append the entries with their lines, or nothing; the position of the last."""
        self._check()
        names = [(entry.customer, entry.moment.id) for entry in entries if isinstance(entry, Entry)]
        if len(set(names)) < len(names) or any(moment in self._moments.get(who, ()) for who, moment in names):
            raise Refused("A moment of this group is in the log already.", advice="Answer it with EntryLog.entry.")
        self.create_keys([customer for customer, _ in names])
        encoded = [encode(entry) for entry in entries]
        for entry, data, its_lines in list(zip(entries, encoded, lines or [()] * len(entries), strict=True)):
            customer = entry.customer if isinstance(entry, Entry) else ""
            if isinstance(entry, Entry):
                self._moments.setdefault(customer, {})[entry.moment.id] = len(self._rows)
            self._rows.append(_Row(customer, data, range(len(self._lines), len(self._lines) + len(its_lines))))
            self._lines += its_lines
        return len(self._rows)

    def entry(self, customer: str, moment: str) -> Entry | None:
        """The entry of this moment, or ``None``."""
        self._check()
        index = self._moments.get(customer, {}).get(moment)
        return decode(self._row(index).data) if index is not None else None

    def of(self, customer: str) -> Iterator[Entry]:
        """The customer's entries, oldest first."""
        self._check()
        for index in list(self._moments.get(customer, {}).values()):
            yield decode(self._row(index).data)

    def scan(self, after: int = 0) -> Iterator[tuple[int, Entry | WorldEntry]]:
        """Every entry after this position."""
        self._check()
        for position, row in enumerate(self._rows[after:], start=after + 1):
            if row is not None:
                yield position, decode(row.data) if row.customer else decode_world(row.data)

    def amend(self, customer: str, entries: Mapping[str, Entry | None]) -> None:
        """Replace or delete the entries of these moments."""
        self._check()
        known = self._moments.get(customer, {})
        for moment in known.keys() & entries.keys():
            entry = entries[moment]
            if entry is not None:
                self._rows[known[moment]] = replace(self._row(known[moment]), data=encode(entry))
            else:
                self._rows[known.pop(moment)] = None

    def erase(self, customer: str, *, for_good: bool = True) -> int:
        """Delete everything about this customer."""
        self._check()
        gone = self._moments.pop(customer, {})
        for index in gone.values():
            self._rows[index] = None
        if for_good:
            self._erased.add(customer)
        self._audit_keys.pop(customer, None)
        return len(gone)

    def erased(self, customer: str) -> bool:
        """Whether this customer was erased for good."""
        return customer in self._erased

    def lines(self, start: int, stop: int) -> Sequence[bytes]:
        """These lines of the ledger."""
        self._check()
        return self._lines[start:stop]

    def last_line(self) -> bytes:
        """The newest line, or nothing."""
        return self._lines[-1] if self._lines else b""

    def lines_of(self, customer: str) -> Iterator[tuple[int, bytes]]:
        """The lines of the customer's entries, with their numbers."""
        self._check()
        for index in list(self._moments.get(customer, {}).values()):
            for number in self._row(index).lines:
                yield number, self._lines[number]

    def create_keys(self, customers: Iterable[str]) -> None:
        """Draw an audit key for those who have none."""
        names = set(customers)
        if names & self._erased:
            raise Refused("A person of this group was erased.", advice="Their moments are not kept any more.")
        for name in names - self._audit_keys.keys():
            self._audit_keys[name] = token_bytes(KEY_BYTES)

    def audit_key(self, customer: str) -> bytes:
        """The customer's audit key, or nothing."""
        return self._audit_keys.get(customer, b"")

    def __len__(self) -> int:
        """How many entries."""
        self._check()
        return sum([row is not None for row in self._rows])

    def close(self) -> None:
        """Close it."""
        self._open = False

    def _row(self, index: int) -> _Row:
        row = self._rows[index]
        assert row is not None
        return row

    def _check(self) -> None:
        if not self._open:
            raise Unavailable("This log is closed.", advice="Open it again.")
