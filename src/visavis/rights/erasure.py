"""Erase a person everywhere, in one go, in their own order.

Between two groups of moments (``Writer.ask``), never in the midst of one.

First the log, where it is decided: tombstone, rows, keys, write-ahead logs. Then what is in memory, on screens, on its
way, in the outbox; the keys that speak for them, where they can be reached, and their timeline. What was learned
together stays, an aggregate; what was not taught yet goes. When something cannot be done now, everything else is,
:class:`Unfinished` says so, and asking again completes it; after a crash, or a backup that is put back, opening the log
and :func:`resume` do.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from visavis.model.entry import Entry
from visavis.model.errors import Unavailable, VisavisError
from visavis.ports import Clock, EntryLog, Log


class Lives(Protocol):
    """Who lives moments, and so knows when to stop (``runtime.loop.Loop``)."""

    log: Log
    clock: Clock

    def erase(self, customer: str) -> list[Entry]:
        """Forget this person in log and memory, as far as they lived under this name; the entries that there were."""


class Holds(Protocol):
    """What else holds something of people."""

    def forget(self, customer: str, entries: Sequence[Entry], /) -> int:
        """Drop all of it, whose entries were these; how many things that was."""

    def told(self, customer: str, /) -> list[dict[str, Any]]:
        """All of it, for their copy, but for what opens doors.

        One record a thing, in names that people and programs understand.
        """


class Keeps(Holds, Protocol):
    """What keeps something of people, on disk, that the log does not tell."""

    def people(self) -> set[str]:
        """Of whom."""


class Erased(Struct, frozen=True):
    """What was deleted.

    Entries of the log, cards on screens, parcels of the outbox, keys that spoke for the person, cards on their way,
    addresses, items.
    """

    asked_at: datetime
    done_at: datetime
    entries: int
    cards: int
    parcels: int
    keys: int
    deliveries: int = 0
    addresses: int = 0
    items: int = 0


def both(one: Erased | None, other: Erased) -> Erased:
    """What two askings deleted together."""
    if one is None:
        return other
    counted = {
        name: getattr(one, name) + getattr(other, name) for name in Erased.__struct_fields__ if not name.endswith("_at")
    }
    return Erased(asked_at=one.asked_at, done_at=other.done_at, **counted)


class Unfinished(Unavailable):
    """Not all of it could be done now: somebody reads a file. What was done is ``done``; asking again does the rest."""

    def __init__(self, done: Erased, why: VisavisError) -> None:
        super().__init__(
            "Not everything could be erased yet: somebody is reading a file of it.",
            advice="Ask again once the backup is made.",
        )
        self.done = done
        self.__cause__ = why


def erase(
    names: Iterable[str],
    loop: Lives,
    *,
    screens: Holds,
    outbox: Holds,
    access: Holds,
    delivery: Holds,
    addresses: Holds,
    mirror: Holds,
) -> Erased:
    """Erase the person who has these names; what was deleted.

    Somebody of whom nothing is known is erased as well: nothing of theirs is taken from then on.
    """
    asked_at, entries, held = loop.clock.now(), 0, (screens, outbox, access, delivery, addresses, mirror)
    counts, failed = [0] * len(held), None
    for name in names:
        deleted: Sequence[Entry] = ()
        try:
            deleted = loop.erase(name)
        except VisavisError as error:
            failed = error
            if not loop.log.erased(name):  # not even decided
                continue
        entries += len(deleted)
        for i, one in enumerate(held):
            try:
                counts[i] += one.forget(name, deleted)
            except VisavisError as error:  # the others need not wait for it
                failed = error
    done = Erased(asked_at, loop.clock.now(), entries, *counts)
    if failed is not None:
        raise Unfinished(done, failed)
    return done


def resume(log: EntryLog, held: Iterable[Keeps]) -> int:
    """After opening: complete what a crash interrupted, or a backup brought back, outside the log.

    How many things it destroyed.
    """
    return sum([one.forget(customer, ()) for one in held for customer in one.people() if log.erased(customer)])
