"""What the code around the core must provide, as guarantees; ``testing.check_*`` proves an implementation."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from msgspec import Struct

from visavis.model.card import Card
from visavis.model.customer import Customer
from visavis.model.entry import Entry, WorldEntry
from visavis.model.world import World, WorldChange


class EntryLog(Protocol):
    """The entries, in the order in which they were committed."""

    def commit(self, entries: Sequence[Entry | WorldEntry], lines: Sequence[Sequence[bytes]] = ()) -> int:
        """Append these entries and their ledger lines in one durable transaction, or nothing; the position of the last.

        ``lines[i]`` are the lines of ``entries[i]``, from :func:`~visavis.ledger.record.prepare_lines`.
        :class:`Refused` when an entry of the same customer and moment id exists, or the customer was erased.
        """

    def entry(self, customer: str, moment: str) -> Entry | None:
        """The entry of this moment of this customer."""

    def of(self, customer: str) -> Iterator[Entry]:
        """The customer's entries, oldest first."""

    def scan(self, after: int = 0) -> Iterator[tuple[int, Entry | WorldEntry]]:
        """Every entry with its position (1, 2, …), in order; those committed while it runs may be missing."""

    def amend(self, customer: str, entries: Mapping[str, Entry | None]) -> None:
        """Replace this customer's entries of these moments (``None`` deletes one) durably, all or none, in place."""

    def erase(self, customer: str, *, for_good: bool = True) -> int:
        """Delete everything about this customer, in every file, and return how many entries that was; idempotent.

        Positions stay and are not reused. ``for_good``: the customer is :meth:`erased` from then on; otherwise they may
        come again. :class:`Unavailable` while another reader holds what must go: call again.
        """

    def erased(self, customer: str) -> bool:
        """Whether this customer was erased for good."""

    def __len__(self) -> int:
        """How many entries there are."""

    def close(self) -> None:
        """Release the files; every later call raises :class:`Unavailable`."""


class UseLog(Protocol):
    """The lines of the ledger of uses, numbered from 0. :meth:`EntryLog.commit` appends them; none is ever removed."""

    def lines(self, start: int, stop: int) -> Sequence[bytes]:
        """The lines from number ``start`` up to, not including, ``stop``, as far as they exist."""

    def last_line(self) -> bytes:
        """The newest line; empty when there is none."""

    def lines_of(self, customer: str) -> Iterator[tuple[int, bytes]]:
        """The lines of the entries that the log holds of this customer, each with its number."""

    def create_keys(self, customers: Iterable[str]) -> None:
        """Create, durably, the missing keys of these customers; :class:`Refused` when one of them was erased."""

    def audit_key(self, customer: str) -> bytes:
        """The key that finds and opens this customer's lines; empty when they have none."""


class Log(EntryLog, UseLog, Protocol):
    """Both in one object, since an entry and its lines share one transaction."""


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
        """Delete all of it, in memory and in every file; how many items that was; repeatable.

        ``entries`` are what the log held of them, to find what is kept under a hash. :class:`Unavailable`: call again.
        """


class PersonalDataStore(PersonalDataHolder, Protocol):
    """A holder whose file says what the log does not: an erasure that a crash interrupted is completed from it."""

    def people(self) -> set[str]:
        """The names of which something is kept."""


class Projection(PersonalDataHolder, Protocol):
    """A state derived from entries: rebuilt at start, then fed every entry after its ``position`` (the last)."""

    position: int = 0

    def apply(self, entry: Entry, customer: Customer, live: bool, /) -> None:
        """Take in one entry, in order, and the person after it; ``live`` if just committed. Errors are retried."""

    def amend(self, customer: Customer, replaced: Sequence[Entry], entries: Sequence[Entry], /) -> None:
        """Follow a correction of one name, ``replaced`` by ``entries`` (all it has); the default rebuilds it all."""
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
    """A card on its way to one person's device: ``device`` its profile, ``place`` the name above it.

    It may be shown for ``lasts_s`` from delivery, that is until ``until`` (epoch seconds).
    """

    person: str
    device: str
    card: Card
    place: str
    until: float
    lasts_s: float


Handed = Literal["taken", "nobody", "refused", "not_sent", "unsure"]


class DeliveryResult(Struct, frozen=True):
    """The result of a delivery: ``taken``, ``nobody`` connected, ``refused`` for good, ``not_sent``, or ``unsure``.

    Only ``not_sent`` may be tried again, ``after_s`` later at the earliest. ``reason`` names no person.
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
