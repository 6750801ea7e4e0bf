"""Delivers each card through a channel to the device that it was decided for: at most once, while it may be shown.

Before each attempt the card's time, purpose, answer and device are checked again. The attempt is written to disk before
it is made and, if its outcome is unknown, not repeated. What was certainly not sent is retried with growing pauses,
then through the next channel. A card that was withdrawn, or answered elsewhere, is recalled. The file holds keyed
hashes of decisions and their status. A card that was never displayed needs no moment: its window closes by itself.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import asdict, replace

from visavis.delivery.eligibility import undeliverable
from visavis.delivery.screens import OnScreen, Screens
from visavis.model.customer import Customer
from visavis.model.decision import Show
from visavis.model.entry import Entry
from visavis.ports import Channel, DeliveryResult, Message, Projection
from visavis.store.sqlite_file import open_database, truncate_wal
from visavis.strategy.read import Strategy

TIMEOUT_S: Final = 20.0  # how long a channel may take; after this the outcome is unknown
BACKOFF_S: Final = (1.0, 5.0, 30.0, 120.0, 600.0, 1800.0)
AT_ONCE: Final = 64
FALLBACK: Final = "mail"  # the channel that needs no device: tried last, for every device
log = logging.getLogger("visavis.delivery")

Status = Literal["waiting", "sending", "taken", "unsure", "dropped", "given_up"]
_SENT: Final = frozenset({"taken", "unsure"})


class CardDelivery(Struct, frozen=True):
    """One card that waits, or that was handed to ``channel`` and may still be on a screen."""

    person: str
    device: str
    until: float
    status: Status = "waiting"
    channel: str = ""
    attempts: int = 0
    reason: str = ""


class Dispatcher(Projection):
    """Follows the durable entries, after the screens; ``secret`` keys the hashes of decisions."""

    name = "dispatcher"

    def __init__(
        self,
        path: Path | str,
        channels: Sequence[Channel],
        strategy: Strategy,
        screens: Screens,
        person: Callable[[str], Customer],
        now: Callable[[], float],
        secret: bytes = b"",
    ) -> None:
        self._channels = {channel.name: channel for channel in channels}
        self._strategy = strategy
        self._screens = screens
        self._person = person
        self._now = now
        self._secret = secret
        # Written by threads, one statement at a time: what is on disk before a card goes out must survive a power cut.
        self._database = open_database(path)
        self._writing = Lock()
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS deliveries (decision BLOB PRIMARY KEY, status TEXT, channel TEXT, until REAL)"
            " STRICT"
        )
        self._database.execute("DELETE FROM deliveries WHERE until < ?", (now(),))
        rows = self._database.execute("SELECT decision, status, channel FROM deliveries").fetchall()
        self._before: dict[bytes, tuple[Status, str]] = {
            name: ("unsure" if status == "sending" else status, channel) for name, status, channel in rows
        }
        self._unheard = set(self._before)
        self.parcels: dict[str, CardDelivery] = {}
        self._of: dict[str, list[str]] = {}
        self._alarms: list[tuple[float, str]] = []
        self._look: dict[str, None] = {}
        self.under_way: dict[str, asyncio.Task[None]] = {}
        self._bell = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def apply(self, entry: Entry, _customer: Customer, _live: bool) -> None:
        """Take in the card of one entry, or that something changed for somebody who has one."""
        if entry.customer in self._of:
            self._look[entry.customer] = None
            self._bell.set()
        for show in entry.decisions if self._channels or self._unheard else ():
            if isinstance(show, Show) and show.audience == "customer" and show.until > self._now():
                name = self._name(show.id)
                self._unheard.discard(name)
                if not self._channels:
                    continue
                status, channel = self._before.get(name, ("waiting", ""))
                self.parcels[show.id] = CardDelivery(entry.customer, show.device, show.until, status, channel)
                self._of.setdefault(entry.customer, []).append(show.id)
                heappush(self._alarms, (self._now() if status == "waiting" else show.until, show.id))
                self._look[entry.customer] = None
                self._bell.set()

    def amend(self, customer: Customer, _replaced: Sequence[Entry], _entries: Sequence[Entry]) -> None:
        """Recall what this person's screens do not show any more; what was handed over is not handed over again."""
        self._look.update(dict.fromkeys(set(customer.names) & self._of.keys()))
        self._bell.set()

    def erase_personal_data(self, names: Collection[str], entries: Sequence[Entry]) -> int:
        """Drop every card of this person, without recall; how many were on their way or on a device."""
        gone: set[str] = set()
        for name in names:
            gone.update(self._of.pop(name, ()))
            self._look.pop(name, None)
        with self._writing:  # from here on no thread writes of them
            for decision in gone:
                del self.parcels[decision]
        for decision in gone:
            if (attempt := self.under_way.pop(decision, None)) is not None:
                attempt.cancel()
        self._alarms = [alarm for alarm in self._alarms if alarm[1] not in gone]
        heapify(self._alarms)
        # Also cards whose time is over, and those handed over when there were channels.
        said = {decision.id for entry in entries for decision in entry.decisions if isinstance(decision, Show)}
        self._drop({self._name(decision) for decision in gone | said})
        return len(gone)

    def export_personal_data(self, names: Collection[str]) -> list[dict[str, Any]]:
        """What became of each card on its way to this person: device, channel, number of attempts."""
        theirs = [(name, decision) for name in names for decision in self._of.get(name, ())]
        return [{"of": name, "decision": decision, **asdict(self.parcels[decision])} for name, decision in theirs]

    def settle(self) -> None:
        """Once the whole log was applied, drop the status of cards that are not in it (an erasure, a backup)."""
        self._drop(self._unheard)
        self._unheard = set()

    def nudge(self) -> None:
        """Read the clock again: it was changed."""
        self._bell.set()

    @property
    def waiting(self) -> int:
        """How many cards are still to be handed over."""
        return sum([parcel.status in ("waiting", "sending") for parcel in self.parcels.values()])

    def start(self) -> None:
        """Begin to deliver, in the running event loop, after the whole log was applied."""
        self.settle()
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def stop(self) -> None:
        """Wait for attempts under way, so that their outcomes are known, then close the file."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.under_way:
            _, late = await asyncio.wait(self.under_way.values(), timeout=TIMEOUT_S)
            for task in late:
                task.cancel()
        self._database.close()

    async def _serve(self) -> None:
        while True:
            self._bell.clear()
            while self._look:
                person = next(iter(self._look))
                del self._look[person]
                self._recall_removed(person)
            now = self._now()
            while self._alarms and self._alarms[0][0] <= now and len(self.under_way) < AT_ONCE:
                _, decision = heappop(self._alarms)
                self._alarm_due(decision, now)
            alarm = None
            if self._alarms and len(self.under_way) < AT_ONCE:
                alarm = asyncio.get_running_loop().call_later(min(60.0, self._alarms[0][0] - now), self._bell.set)
            try:
                await self._bell.wait()
            finally:
                if alarm is not None:
                    alarm.cancel()

    def _alarm_due(self, decision: str, now: float) -> None:
        parcel = self.parcels.get(decision)
        if parcel is None:
            return
        if now >= parcel.until:
            if decision in self.under_way:
                heappush(self._alarms, (now + TIMEOUT_S, decision))
            else:
                self._forget(decision, parcel)
        elif parcel.status == "waiting" and decision not in self.under_way:
            heappush(self._alarms, (parcel.until, decision))
            self._start_task(decision, self._attempt)

    def _recall_removed(self, person: str) -> None:
        """Recall what left this person's screens; not when its time is over, since screens remove it then."""
        for decision in self._of.get(person, ()):
            parcel = self.parcels[decision]
            if parcel.status in _SENT and decision not in self.under_way and not self._replaced(decision, parcel):
                found = self._screens.card(person)
                if (found is None or found.show.id != decision) and self._now() < parcel.until:
                    self._start_task(decision, self._recall)

    def _replaced(self, decision: str, parcel: CardDelivery) -> bool:
        """Whether a later card takes this one's place on the same device, or is about to."""
        later = [self.parcels[one] for one in self._of[parcel.person][self._of[parcel.person].index(decision) + 1 :]]
        return any(one.device == parcel.device and one.status not in ("dropped", "given_up") for one in later)

    def _start_task(self, decision: str, what: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        async def done() -> None:
            try:
                await what(decision)
            except Exception:
                parcel = self.parcels.get(decision)
                device = parcel.device if parcel is not None else ""
                log.exception("a card could not be handed over or recalled", extra={"device": device})
                if parcel is not None and parcel.status != "dropped":  # a recall is tried once
                    self.parcels[decision] = replace(parcel, status="unsure", reason="failed here")
            finally:
                if decision in self.parcels:  # else the person was erased meanwhile
                    del self.under_way[decision]
                    self._look[self.parcels[decision].person] = None
                    self._bell.set()

        self.under_way[decision] = asyncio.create_task(done())

    async def _recall(self, decision: str) -> None:
        parcel = self.parcels[decision]
        await self._write_status(decision, replace(parcel, status="dropped", reason="recalled"))
        async with asyncio.timeout(TIMEOUT_S):
            await self._channels[parcel.channel].recall(parcel.person, parcel.device, decision)

    async def _attempt(self, decision: str) -> None:
        trouble: DeliveryResult | None = None
        for name in self._channels_for(self.parcels[decision].device):
            parcel, channel = self.parcels[decision], self._channels[name]
            found = self._screens.card(parcel.person, parcel.device)
            if reason := self._not_now(parcel.person, decision, found):
                self.parcels[decision] = replace(parcel, status="dropped", reason=reason)
                return
            assert found is not None
            lasts_s = self._screens.lasts_s(found.show)
            if lasts_s < max(1.0, channel.least_s) or not channel.reaches(parcel.person, parcel.device):
                continue
            await self._write_status(decision, replace(parcel, status="sending", channel=name))
            receipt = await self._hand_over(channel, self._message(parcel, found, lasts_s))
            if receipt.handed in ("taken", "unsure"):
                parcel = self.parcels[decision]
                await self._write_status(decision, replace(parcel, status=receipt.handed, reason=receipt.reason))
                return
            log.warning("a card was not taken", extra={"channel": name, "reason": receipt.reason or receipt.handed})
            statement = "DELETE FROM deliveries WHERE decision = ?"
            await asyncio.to_thread(self._execute, decision, statement, (self._name(decision),))
            parcel = self.parcels[decision]
            self.parcels[decision] = replace(parcel, status="waiting", channel="", reason=receipt.reason)
            if receipt.handed == "not_sent":
                trouble = receipt
        self._later(decision, trouble)

    async def _hand_over(self, channel: Channel, message: Message) -> DeliveryResult:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await channel.deliver(message)
        except TimeoutError:
            return DeliveryResult("unsure", "no answer in time")

    def _later(self, decision: str, trouble: DeliveryResult | None) -> None:
        """Certainly nothing was sent: retry while there is time, if some channel could have taken it."""
        parcel = self.parcels[decision]
        attempts = parcel.attempts + 1
        pause_s = BACKOFF_S[min(attempts, len(BACKOFF_S)) - 1]
        at = self._now() + max(pause_s, trouble.after_s if trouble is not None else 0.0)
        if trouble is None or at >= parcel.until:
            self.parcels[decision] = replace(parcel, status="given_up", attempts=attempts)
        else:
            self.parcels[decision] = replace(parcel, attempts=attempts)
            heappush(self._alarms, (at, decision))

    def _channels_for(self, device: str) -> list[str]:
        known = self._strategy.devices.get(device)
        return [name for name in (*(known.transports if known is not None else ()), FALLBACK) if name in self._channels]

    def _not_now(self, person: str, decision: str, found: OnScreen | None) -> str:
        if found is None or found.show.id != decision:
            return "not to be shown any more"
        return undeliverable(self._strategy, self._person(person), found.show, self._now())

    def _message(self, parcel: CardDelivery, found: OnScreen, lasts_s: float) -> Message:
        card = found.card(self._strategy, self._strategy.language_for(self._person(parcel.person)))
        place = found.place_name(self._strategy)
        return Message(parcel.person, parcel.device, card, place, parcel.until, lasts_s)

    async def _write_status(self, decision: str, parcel: CardDelivery) -> None:
        row = (self._name(decision), parcel.status, parcel.channel, parcel.until)
        await asyncio.to_thread(self._execute, decision, "INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?)", row)
        self.parcels[decision] = parcel

    def _execute(self, decision: str, statement: str, values: tuple[bytes | str | float, ...]) -> None:
        """Run on a thread, which a cancelled attempt does not stop; writes nothing of a person erased meanwhile."""
        with self._writing:
            if decision in self.parcels:
                self._database.execute(statement, values)

    def _drop(self, names: set[bytes]) -> None:
        for name in names:
            self._before.pop(name, None)
        self._database.executemany("DELETE FROM deliveries WHERE decision = ?", [(name,) for name in names])
        truncate_wal(self._database)

    def _name(self, decision: str) -> bytes:
        """A keyed hash of the decision's id, since an id could be matched to a person by guessing."""
        return blake2b(decision.encode(), key=self._secret, digest_size=16).digest()

    def _forget(self, decision: str, parcel: CardDelivery) -> None:
        del self.parcels[decision]
        self._of[parcel.person].remove(decision)
        if not self._of[parcel.person]:
            del self._of[parcel.person]
