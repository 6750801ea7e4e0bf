"""Dispatcher.

A card goes to the one device that it was decided for, at most once, and only while it may still be shown.

Just before each attempt the card is judged again: its time, its purpose, its answer, and the state of its device (worn,
battery), which may drop it but never picks another card. That it is being handed over is on disk before it is: when
nobody knows what became of it (a cut, a crash, no answer), it is not sent again. What was surely not sent is tried
again with growing pauses, then by the next way to the same person. A card that was taken back, or answered elsewhere,
is recalled. The file holds keyed hashes of decisions and what became of them, nothing else.

``displayed`` comes back as a moment when a device says so. That a card was never seen needs no moment: its time is in
the decision, and its window closes.
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

from visavis.cards.compose import compose
from visavis.decide.device import unfit
from visavis.delivery.screens import OnScreen, Screens
from visavis.model.customer import Customer
from visavis.model.decision import Show
from visavis.model.entry import Entry
from visavis.ports import Channel, DeliveryResult, Message, Projection
from visavis.store.sqlite_file import open_database, truncate_wal
from visavis.strategy.read import Strategy

TIMEOUT_S: Final = 20.0
"""No channel may keep a card longer than this; what became of it is then unknown."""
BACKOFF_S: Final = (1.0, 5.0, 30.0, 120.0, 600.0, 1800.0)
AT_ONCE: Final = 64
FALLBACK: Final = "mail"
"""The way that needs no device of its own: it comes last, whatever the device."""
log = logging.getLogger("visavis.delivery")

Status = Literal["waiting", "sending", "taken", "unsure", "dropped", "given_up"]
_SENT: Final = frozenset({"taken", "unsure"})


class CardDelivery(Struct, frozen=True):
    """One card on its way, or handed over by ``channel`` and perhaps still on a screen."""

    person: str
    device: str
    until: float
    status: Status = "waiting"
    channel: str = ""
    attempts: int = 0
    reason: str = ""


class Dispatcher(Projection):
    """Hands cards over; comes after the screens in the order of projections.

    ``person`` gives the customer as of the last one; ``secret`` keys what decisions are known by.
    """

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
            row[0]: ("unsure" if row[1] == "sending" else row[1], row[2]) for row in rows
        }
        self._unheard = set(self._before)
        self.parcels: dict[str, CardDelivery] = {}
        self._of: dict[str, list[str]] = {}
        self._alarms: list[tuple[float, str]] = []
        self._look: dict[str, None] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
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
        """Neither hand over nor remember anything for this person; how many cards were on their way or on a device.

        What is being handed over is left to whoever has it: where to recall it is not known any more.
        """
        gone: set[str] = set()
        for name in names:
            gone.update(self._of.pop(name, ()))
            self._look.pop(name, None)
        with self._writing:  # from here on no thread writes of them
            for decision in gone:
                del self.parcels[decision]
        for decision in gone:
            if (attempt := self._under_way.pop(decision, None)) is not None:
                attempt.cancel()
        self._alarms = [alarm for alarm in self._alarms if alarm[1] not in gone]
        heapify(self._alarms)
        # Also cards whose time is over, and those handed over when there were channels.
        said = {decision.id for entry in entries for decision in entry.decisions if isinstance(decision, Show)}
        self._drop({self._name(decision) for decision in gone | said})
        return len(gone)

    def export_personal_data(self, names: Collection[str]) -> list[dict[str, Any]]:
        """What became of each card on its way to this person: device, channel, number of attempts."""
        return [
            {"of": name, "decision": decision, **asdict(self.parcels[decision])}
            for name in names
            for decision in self._of.get(name, ())
        ]

    def settle(self) -> None:
        """Once the whole log has passed.

        Drop what is remembered of cards that it does not hold (a person was erased, a backup was put back).
        """
        self._drop(self._unheard)
        self._unheard = set()

    def nudge(self) -> None:
        """Look at the clock again: it was turned."""
        self._bell.set()

    @property
    def waiting(self) -> int:
        """How many cards are still to be handed over."""
        return sum([parcel.status in ("waiting", "sending") for parcel in self.parcels.values()])

    def start(self) -> None:
        """Begin to deliver, in the running event loop, once the whole log has passed."""
        self.settle()
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def stop(self) -> None:
        """Let what is under way end (else nobody would know what became of it), then give the file back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._under_way:
            _, late = await asyncio.wait(self._under_way.values(), timeout=TIMEOUT_S)
            for task in late:
                task.cancel()
        self._database.close()

    async def _serve(self) -> None:
        while True:
            self._bell.clear()
            while self._look:
                person = next(iter(self._look))
                del self._look[person]
                self._looked(person)
            now = self._now()
            while self._alarms and self._alarms[0][0] <= now and len(self._under_way) < AT_ONCE:
                _, decision = heappop(self._alarms)
                self._rung(decision, now)
            alarm = None
            if self._alarms and len(self._under_way) < AT_ONCE:
                alarm = asyncio.get_running_loop().call_later(min(60.0, self._alarms[0][0] - now), self._bell.set)
            try:
                await self._bell.wait()
            finally:
                if alarm is not None:
                    alarm.cancel()

    def _rung(self, decision: str, now: float) -> None:
        parcel = self.parcels.get(decision)
        if parcel is None:
            return
        if now >= parcel.until:
            if decision in self._under_way:
                heappush(self._alarms, (now + TIMEOUT_S, decision))
            else:
                self._forget(decision, parcel)
        elif parcel.status == "waiting" and decision not in self._under_way:
            heappush(self._alarms, (parcel.until, decision))
            self._does(decision, self._attempt)

    def _looked(self, person: str) -> None:
        """Recall what this person has on a screen and should not have any more, unless its own time is over.

        Screens know that time.
        """
        for decision in self._of.get(person, ()):
            parcel = self.parcels[decision]
            if parcel.status in _SENT and decision not in self._under_way and not self._replaced(decision, parcel):
                found = self._screens.card(person)
                if (found is None or found.show.id != decision) and self._now() < parcel.until:
                    self._does(decision, self._recall)

    def _replaced(self, decision: str, parcel: CardDelivery) -> bool:
        """Whether a later card takes this one's place on the same device, or is about to."""
        later = [self.parcels[one] for one in self._of[parcel.person][self._of[parcel.person].index(decision) + 1 :]]
        return any(one.device == parcel.device and one.status not in ("dropped", "given_up") for one in later)

    def _does(self, decision: str, what: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        async def done() -> None:
            try:
                await what(decision)
            except Exception:
                parcel = self.parcels.get(decision)
                log.exception(
                    "a card could not be handed over or recalled",
                    extra={"device": parcel.device if parcel is not None else ""},
                )
                if parcel is not None and parcel.status != "dropped":  # else it was being recalled, which is tried once
                    self.parcels[decision] = replace(parcel, status="unsure", reason="failed here")
            finally:
                if decision in self.parcels:  # else the person was erased meanwhile
                    del self._under_way[decision]
                    self._look[self.parcels[decision].person] = None
                    self._bell.set()

        self._under_way[decision] = asyncio.create_task(done())

    async def _recall(self, decision: str) -> None:
        parcel = self.parcels[decision]
        await self._marked(decision, replace(parcel, status="dropped", reason="recalled"))
        async with asyncio.timeout(TIMEOUT_S):
            await self._channels[parcel.channel].recall(parcel.person, parcel.device, decision)

    async def _attempt(self, decision: str) -> None:
        trouble: DeliveryResult | None = None
        for name in self._ways(self.parcels[decision].device):
            parcel, channel = self.parcels[decision], self._channels[name]
            found = self._screens.card(parcel.person, parcel.device)
            if found is None or found.show.id != decision or (reason := self._veto(parcel.person, found.show)):
                reason = "not to be shown any more" if found is None or found.show.id != decision else reason
                self.parcels[decision] = replace(parcel, status="dropped", reason=reason)
                return
            lasts_s = self._screens.lasts_s(found.show)
            if lasts_s < max(1.0, channel.least_s) or not channel.reaches(parcel.person, parcel.device):
                continue
            await self._marked(decision, replace(parcel, status="sending", channel=name))
            receipt = await self._handed(channel, self._message(parcel, found, lasts_s))
            if receipt.handed in ("taken", "unsure"):
                await self._marked(
                    decision, replace(self.parcels[decision], status=receipt.handed, reason=receipt.reason)
                )
                return
            log.warning("a card was not taken", extra={"channel": name, "reason": receipt.reason or receipt.handed})
            await asyncio.to_thread(
                self._written, decision, "DELETE FROM deliveries WHERE decision = ?", (self._name(decision),)
            )
            self.parcels[decision] = replace(
                self.parcels[decision], status="waiting", channel="", reason=receipt.reason
            )
            if receipt.handed == "not_sent":
                trouble = receipt
        self._later(decision, trouble)

    async def _handed(self, channel: Channel, message: Message) -> DeliveryResult:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await channel.deliver(message)
        except TimeoutError:
            return DeliveryResult("unsure", "no answer in time")

    def _later(self, decision: str, trouble: DeliveryResult | None) -> None:
        """Nothing went out, surely: it is tried again while there is time, when somebody could take it."""
        parcel = self.parcels[decision]
        attempts = parcel.attempts + 1
        at = self._now() + max(
            BACKOFF_S[min(attempts, len(BACKOFF_S)) - 1], trouble.after_s if trouble is not None else 0.0
        )
        if trouble is None or at >= parcel.until:
            self.parcels[decision] = replace(parcel, status="given_up", attempts=attempts)
        else:
            self.parcels[decision] = replace(parcel, attempts=attempts)
            heappush(self._alarms, (at, decision))

    def _ways(self, device: str) -> list[str]:
        """How a device of this profile may be reached, the best way first."""
        known = self._strategy.devices.get(device)
        return [name for name in (*(known.transports if known is not None else ()), FALLBACK) if name in self._channels]

    def _veto(self, person: str, show: Show) -> str:
        """Why the device cannot show it now, by what it last said of itself; and why it need not: it has."""
        customer = self._person(person)
        if any(card.decision == show.id and card.displayed for card in customer.service.shown):
            return "displayed already"
        known, states = (
            self._strategy.devices.get(show.device),
            [state for state in customer.devices.values() if state.profile == show.device],
        )
        troubles = [unfit(known, state) for state in states] if known is not None else []
        return "" if "" in troubles or not troubles else troubles[0]

    def _message(self, parcel: CardDelivery, found: OnScreen, lasts_s: float) -> Message:
        brand, spot = self._strategy.brand, found.entry.moment.at
        language = self._strategy.language_for(self._person(parcel.person))
        card = compose(self._strategy, found.show, language, place=spot.place if spot is not None else "")
        place = self._strategy.places.get(spot.place) if spot is not None else None
        return Message(
            parcel.person, parcel.device, card, place.name if place is not None else brand.name, parcel.until, lasts_s
        )

    async def _marked(self, decision: str, parcel: CardDelivery) -> None:
        row = (self._name(decision), parcel.status, parcel.channel, parcel.until)
        await asyncio.to_thread(self._written, decision, "INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?)", row)
        self.parcels[decision] = parcel

    def _written(self, decision: str, statement: str, values: tuple[bytes | str | float, ...]) -> None:
        """On a thread, which a cancelled attempt does not stop: nothing is written of who was erased meanwhile."""
        with self._writing:
            if decision in self.parcels:
                self._database.execute(statement, values)

    def _drop(self, names: set[bytes]) -> None:
        for name in names:
            self._before.pop(name, None)
        self._database.executemany("DELETE FROM deliveries WHERE decision = ?", [(name,) for name in names])
        truncate_wal(self._database)

    def _name(self, decision: str) -> bytes:
        """What a decision is known by at rest: a keyed hash, because its id names a person to who can guess."""
        return blake2b(decision.encode(), key=self._secret, digest_size=16).digest()

    def _forget(self, decision: str, parcel: CardDelivery) -> None:
        del self.parcels[decision]
        self._of[parcel.person].remove(decision)
        if not self._of[parcel.person]:
            del self._of[parcel.person]
