"""What the shell must provide, as guarantees; ``testing.check_*`` proves an implementation."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from msgspec import Struct

from visavis.model.card import Card
from visavis.model.consent import Purpose
from visavis.model.customer import Customer
from visavis.model.entry import Entry, WorldEntry
from visavis.model.world import World, WorldChange


class Log(Protocol):
    """The order in which things happened. Batch first: one at a time is a batch of one."""

    def commit(self, entries: Sequence[Entry | WorldEntry], purposes: Mapping[str, Purpose] | None = None) -> int:
        """Append all of them, in this order, durably, or none; the position of the last.

        A (customer, moment id) already there raises :class:`Refused`, and nothing is appended.

        With ``purposes`` (the strategy's), the lines of the ledger that tell of these entries are appended with them,
        or nothing is. Who lives moments gives them; without, nothing is told: for tests of the log itself.
        """

    def entry(self, customer: str, moment: str) -> Entry | None:
        """The entry of this moment of this customer; what a retry is answered with."""

    def of(self, customer: str) -> Iterator[Entry]:
        """The customer's entries, oldest first."""

    def scan(self, after: int = 0) -> Iterator[tuple[int, Entry | WorldEntry]]:
        """Every entry with its position (1, 2, …), in the order of commits.

        Only those committed when the scan began are promised.
        """

    def amend(self, customer: str, entries: Mapping[str, Entry | None]) -> None:
        """Put these in the place of this person's entries of the same moments (``None``: nothing is left of it).

        All of them durably, or none.

        Order and positions stay; what they said before cannot be read any more. A moment that is not there is passed
        over.
        """

    def erase(self, customer: str, *, for_good: bool = True) -> int:
        """Take away all that is held of this person, for good, and say how many entries that was.

        Asked again, complete what is left to do.

        The others' positions stay as they are, and none is ever given twice. From then on :meth:`erased` tells, and a
        commit of an entry of theirs raises :class:`Refused`. Afterwards nothing of it can be read in any file; where
        that cannot be had now (somebody is reading), :class:`Unavailable` says so.

        Unless it is ``for_good``, only what was held is gone for good: they may come again, as somebody of whom nothing
        is known.
        """

    def lines(self, start: int, stop: int) -> Sequence[bytes]:
        """The lines of the ledger from number ``start`` (the first is 0) until before ``stop``, as far as there are any; an erasure leaves them all."""

    def lines_of(self, customer: str) -> Iterator[tuple[int, bytes]]:
        """The lines that tell of this person, each with its number; none is known to once they are erased."""

    def audit_key(self, customer: str) -> bytes:
        """What this person's lines are known by, and opened with; empty when nothing is held of them."""

    def erased(self, customer: str) -> bool:
        """Whether this person was erased: late moments of theirs are not to bring them back."""

    def __len__(self) -> int:
        """How many entries there are."""

    def close(self) -> None:
        """Give back what is held; afterwards every call raises :class:`Unavailable`."""


class Clock(Protocol):
    """The time, for the shell only."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC; it never goes back."""


class PersonalDataHolder(Protocol):
    """Keeps something about people beside the log: it is part of their copies and of their erasures."""

    name: str
    """What copies, receipts and metrics call it."""

    def export_personal_data(self, names: Collection[str], /) -> list[dict[str, Any]]:
        """All about the person of these names, except secrets: one record a thing, ``of`` the name it is about."""

    def erase_personal_data(self, names: Collection[str], entries: Sequence[Entry], /) -> int:
        """Delete all of it, in memory and in every file; how many things that was.

        ``entries`` are what the log held of them: by these a holder finds what it keeps under a hash. Raises
        :class:`Unavailable` when a file cannot be cut now; asked again, it completes what is left to do.
        """


class PersonalDataStore(PersonalDataHolder, Protocol):
    """A holder whose file says what the log does not: an erasure that a crash interrupted is completed from it."""

    def people(self) -> set[str]:
        """The names of which something is kept."""


class Projection(PersonalDataHolder, Protocol):
    """What is derived from entries, beside the customers: rebuilt at start, then fed with every durable entry.

    ``position`` is that of the last entry that it took in; whoever feeds it passes over what is not later.
    """

    position: int = 0

    def apply(self, entry: Entry, customer: Customer, live: bool, /) -> None:
        """Take in one entry, in the order of the log; ``customer`` is the person after it.

        ``live`` when it has just become durable; else it is read from the log again. What raises is tried again later.
        """

    def amend(self, customer: Customer, replaced: Sequence[Entry], entries: Sequence[Entry], /) -> None:
        """Follow a correction: of one name, the log held ``replaced`` until now; ``entries`` are all that it holds now.

        Unless a projection says otherwise, everything of that name is erased and derived anew.
        """
        self.erase_personal_data({entry.customer for entry in replaced}, replaced)
        for entry in entries:
            self.apply(entry, customer, False)


@runtime_checkable
class Learner(Projection, Protocol):
    """A projection that changes the world: it proposes changes, and takes them in once they are entries of the log."""

    def changes(self, world: World, now: datetime) -> Sequence[WorldChange]:
        """The changes that are due at this instant; empty most of the time. Changes nothing itself."""

    def apply_change(self, entry: WorldEntry) -> None:
        """Take in a change of the world, its own or another's, in the order of the log."""


class Message(Struct, frozen=True):
    """A card on its way to one person's device.

    ``device`` is the profile it was decided for, ``place`` the name above it, ``until`` its end.

    ``lasts_s`` is how long it may still be shown when it is handed over; ``until`` the same as an instant (epoch
    seconds).
    """

    person: str
    device: str
    card: Card
    place: str
    until: float
    lasts_s: float


Handed = Literal["taken", "nobody", "refused", "not_sent", "unsure"]


class DeliveryResult(Struct, frozen=True):
    """What became of handing a card over: ``taken``; ``nobody`` is there to take it; ``refused`` for good.

    ``not_sent``, surely; or ``unsure``.

    Only what was surely ``not_sent`` may be tried again, ``after_s`` later at the earliest. ``reason`` names no person.
    """

    handed: Handed
    reason: str = ""
    after_s: float = 0.0


class Channel(Protocol):
    """One way to the screens of persons. It shows one card at a time: a new one takes the place of the one before."""

    @property
    def name(self) -> str:
        """What a device's ``transports`` call it."""

    @property
    def least_s(self) -> float:
        """How long a card must still last for this way to make sense."""

    def reaches(self, person: str, device: str) -> bool:
        """Whether this person can be reached on a device of this profile, as far as is known. Never waits."""

    async def deliver(self, message: Message) -> DeliveryResult:
        """Hand the card over, once. Never raises for what the other side does, and ends by itself in seconds."""

    async def recall(self, person: str, device: str, decision: str) -> None:
        """Take the card off that screen, as far as the device allows; nothing happens when it is not there."""
