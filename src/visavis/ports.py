"""What the shell must provide, as guarantees; ``testing.check_*`` proves an implementation."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from visavis.model.card import Card
from visavis.model.entry import Entry, WorldEntry


class EntryLog(Protocol):
    """The entries, in the order in which they were committed."""

    def commit(self, entries: Sequence[Entry | WorldEntry], lines: Sequence[Sequence[bytes]] = ()) -> None:
        """Append these entries, in this order, and their ledger lines in one durable transaction, or nothing.

        ``lines[i]`` are the lines of ``entries[i]``, from :func:`~visavis.ledger.record.prepare_lines`; none when left
        out. :class:`Refused` when an entry of the same customer and moment id exists, or the customer was erased.
        """

    def entry(self, customer: str, moment: str) -> Entry | None:
        """The entry of this moment of this customer."""

    def of(self, customer: str) -> Iterator[Entry]:
        """The customer's entries, oldest first."""

    def scan(self, after: int = 0) -> Iterator[tuple[int, Entry | WorldEntry]]:
        """Every entry with its position (1, 2, …), in order; those committed while it runs may be missing."""

    def amend(self, customer: str, entries: Mapping[str, Entry | None]) -> None:
        """Replace this customer's entries of these moments (``None`` deletes one): all of them durably, or none.

        Order and positions stay, and what was replaced cannot be read any more. Unknown moments are ignored.
        """

    def erase(self, customer: str, *, for_good: bool = True) -> int:
        """Delete everything about this customer, in every file, and return how many entries that was.

        Idempotent: called again, it completes what was left. The others keep their positions, and none is reused. When
        ``for_good``, the customer is :meth:`erased` from then on; otherwise they may come again, as a stranger.
        :class:`Unavailable` when somebody is still reading what must go: call again.
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
        """Create, durably, the keys of those of these customers who have none.

        :class:`Refused` when one of them was erased.
        """

    def audit_key(self, customer: str) -> bytes:
        """The key that finds and opens this customer's lines; empty when they have none."""


class Log(EntryLog, UseLog, Protocol):
    """Both in one object, since an entry and its lines share one transaction."""


class Clock(Protocol):
    """The time, for the shell only."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC; it never goes back."""


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
