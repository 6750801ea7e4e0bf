"""Feed the projections, each entry once and in order; one that raises catches up, and stops no other."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from visavis.model.customer import Customer
from visavis.model.entry import Entry, WorldEntry
from visavis.model.world import World, WorldChange
from visavis.ports import Learner, Log, Projection

ATTEMPTS: Final = 3
log = logging.getLogger("visavis.projections")
Row = tuple[int, Entry | WorldEntry]  # an entry of the log with its position


class Projections:
    """The projections of one server, in order; ``failed`` is called with the name of one that raised."""

    def __init__(
        self, projections: Sequence[Projection] = (), *, failed: Callable[[str], None] = lambda _name: None
    ) -> None:
        self._projections = tuple(projections)
        self._learners = [one for one in self._projections if isinstance(one, Learner)]
        self._failed = failed
        self._attempts: dict[str, int] = {}
        """How often each that is behind has failed at the entry after its position."""

    def __iter__(self) -> Iterator[Projection]:
        """Each, in order."""
        return iter(self._projections)

    def replay(self, row: Row, customer: Callable[[str], Customer]) -> None:
        """Let each take in an entry that the log holds; what fails is tried again at once."""
        for one in self._projections:
            while one.position < row[0] and not self._applied(one, row, customer, live=False):
                pass

    def advance(
        self, rows: Sequence[Row], entries: Log, customer: Callable[[str], Customer], *, live: bool = True
    ) -> None:
        """Let each take in these entries, which are durable, after what it has missed."""
        for one in self._projections:
            missed: Iterable[Row] = entries.scan(one.position) if one.name in self._attempts else rows
            for row in missed:
                if row[0] > one.position and not self._applied(one, row, customer, live=live):
                    break

    def amend(self, customer: Customer, replaced: Sequence[Entry], entries: Sequence[Entry]) -> None:
        """Let each follow a correction of one name."""
        for one in self._projections:
            try:
                one.amend(customer, replaced, entries)
            except Exception:
                self._failed(one.name)
                log.exception("a projection could not follow a correction", extra={"kind": one.name})

    def changes(self, world: World, now: datetime) -> list[WorldChange]:
        """What those that learn propose, unless they are behind."""
        current = [one for one in self._learners if one.name not in self._attempts]
        return [change for one in current for change in one.changes(world, now)]

    def _applied(self, one: Projection, row: Row, customer: Callable[[str], Customer], *, live: bool) -> bool:
        position, entry = row
        try:
            if isinstance(entry, Entry):
                one.apply(entry, customer(entry.customer), live)
            elif isinstance(one, Learner):
                one.apply_change(entry)
        except Exception:
            attempt = self._attempts[one.name] = self._attempts.get(one.name, 0) + 1
            self._failed(one.name)
            trouble = "a projection failed" if attempt < ATTEMPTS else "a projection failed: the entry is passed over"
            log.exception(trouble, extra={"kind": one.name, "attempt": attempt})
            if attempt < ATTEMPTS:
                return False
        self._attempts.pop(one.name, None)
        one.position = position
        return True
