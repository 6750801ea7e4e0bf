"""The home over MQTT: what a fridge or its sensors say becomes moments.

The card decided for its screen goes back, and is taken away when it is over.

A home's topics begin with the id of its key, which says nothing: ``root/<id>/event`` (what happened), ``/status``
(``online``, or ``offline`` as its will), ``/displayed`` and ``/answer`` (what was done with a card), and from us
``/card``, retained. The key says whose home it is and what it may say; the broker sees to it that each account uses its
own topics only. A sensor's key tells, a device's key is a screen too.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from secrets import token_hex
from typing import Final

import msgspec

from visavis.cards.compose import compose
from visavis.config import Broker
from visavis.delivery.screens import Screens
from visavis.devices.home import discovery, messages
from visavis.devices.home.broker import Arrived, Connection
from visavis.http.access_keys import AccessKey, AccessKeys, permits
from visavis.http.requests import HEARTBEAT_S
from visavis.model.errors import Invalid, Unavailable, VisavisError
from visavis.model.moment import Answered, Displayed, Moment, Worn
from visavis.ports import DeliveryResult, Message
from visavis.runtime.writer import Writer

RETRY_S: Final = 1.0
log = logging.getLogger("visavis.home")


class Home:
    """All homes of one broker. ``heard`` is told what became of each moment, for the metrics.

    A :class:`~visavis.ports.Channel`, named ``mqtt``.
    """

    name: Final = "mqtt"
    least_s: Final = 2.0

    def __init__(
        self,
        broker: Broker,
        writer: Writer,
        access: AccessKeys,
        screens: Screens,
        *,
        heard: Callable[[str, str], None] = lambda _kind, _fate: None,
    ) -> None:
        self._broker = broker
        self._writer = writer
        self._access = access
        self._screens = screens
        self._heard = heard
        self._strategy = writer.processor.strategy
        self._connection = Connection(broker, self)
        self._keys: dict[str, AccessKey] = {}
        self._there: dict[str, asyncio.Task[None]] = {}
        self._shown: dict[str, str] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._announced: dict[str, discovery.Path] = {}

    def start(self) -> None:
        """Begin to serve, in the running event loop."""
        self._connection.start()

    async def stop(self) -> None:
        """Leave; cards stay until their time is over, and what homes say waits at the broker."""
        await self._ended()
        await self._connection.stop()

    # ---- the way to a screen

    def reaches(self, person: str, device: str) -> bool:
        """Whether a screen of this person, of this profile, said that it is there."""
        return self._connection.open and bool(self._homes(person, device))

    async def deliver(self, message: Message) -> DeliveryResult:
        """Put the card on the person's screens of this profile; one that has it already is left alone."""
        homes = self._homes(message.person, message.device)
        if not homes:
            return DeliveryResult("nobody")
        receipts = [await self._put(home, message) for home in homes]
        return next((one for one in receipts if one.handed == "taken"), receipts[0])

    async def recall(self, person: str, device: str, decision: str) -> None:
        """Take the card off that screen."""
        for home in self._homes(person, device):
            if self._shown.get(home) == decision:
                await self._clear(home)

    def _homes(self, person: str, device: str) -> list[str]:
        return [
            home
            for home in self._there
            if (key := self._keys[home]).subject == person and key.profile == device and self._access.holds(key)
        ]

    async def _put(self, home: str, message: Message) -> DeliveryResult:
        async with self._turn(home):
            card = message.card
            if self._shown.get(home) == card.decision:
                return DeliveryResult("taken")
            told = messages.HomeCard(
                card.decision,
                card.language,
                card.title,
                datetime.fromtimestamp(message.until, UTC),
                card.body,
                card.why,
                card.speech,
                card.yes,
                card.no,
            )
            receipt = await self._connection.publish(
                f"{self._broker.root}/{home}/card", msgspec.json.encode(told), retain=True, lasts_s=message.lasts_s
            )
            if receipt.handed == "taken":
                self._shown[home] = card.decision
                await self._announce(home, message)
            return receipt

    async def _clear(self, home: str) -> bool:
        """Take away what is on this screen; whether the broker has heard it."""
        async with self._turn(home):
            cleared = (
                await self._connection.publish(f"{self._broker.root}/{home}/card", b"", retain=True)
            ).handed == "taken"
            if cleared:
                self._shown.pop(home, None)
                await self._announce(home, None)
            return cleared

    async def _announce(self, home: str, message: Message | None) -> None:
        if self._broker.discovery:
            card = message.card if message is not None else None
            for topic, payload in discovery.announced(self._broker, home, self._strategy.brand.name, card).items():
                await self._connection.publish(topic, payload, retain=True)

    def _turn(self, home: str) -> asyncio.Lock:
        return self._turns.setdefault(home, asyncio.Lock())

    async def _watch(self, key: AccessKey) -> None:
        """Keep this home's screen as it should be, for as long as it is there and its key is one."""
        me = asyncio.current_task()
        if key.id not in self._shown:
            await self._announce(key.id, None)
        with self._screens.watching(key.subject) as bell:
            while self._there.get(key.id) is me and self._access.holds(key):
                bell.clear()
                try:
                    wait = await self._look(key)
                except Exception:
                    log.exception("a home's screen could not be served")
                    wait = RETRY_S
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await bell.wait()
        if self._there.get(key.id) is me:
            del self._there[key.id]
            await self._clear(key.id)

    async def _look(self, key: AccessKey) -> float:
        """Put there what should be on this screen now, or take away what should not.

        How long that holds, in seconds.
        """
        found = self._screens.card(key.subject, key.profile)
        if found is None:
            cleared = key.id not in self._shown or await self._clear(key.id)
            return HEARTBEAT_S if cleared else RETRY_S
        spot, lasts_s = found.entry.moment.at, self._screens.lasts_s(found.show)
        place = self._strategy.places.get(spot.place) if spot is not None else None
        card = compose(
            self._strategy, found.show, self._language(key.subject), place=place.id if place is not None else ""
        )
        message = Message(
            key.subject, key.profile, card, place.name if place is not None else "", found.show.until, lasts_s
        )
        return min(HEARTBEAT_S, lasts_s + 0.05) if (await self._put(key.id, message)).handed == "taken" else RETRY_S

    def _language(self, person: str) -> str:
        return self._strategy.language_for(self._writer.processor.customer(person))

    # ---- what homes say

    @property
    def topics(self) -> list[str]:
        """What homes say.

        First of all what is on their screens, so that what is stale is known before anything is put there.
        """
        own = [f"{self._broker.root}/+/{name}" for name in ("card", "status", "event", "displayed", "answer")]
        return own + (discovery.filters(self._broker.discovery) if self._broker.discovery else [])

    async def opened(self) -> None:
        """Forget who was there: those who are say so again."""
        await self._ended()
        self._shown.clear()
        self._announced.clear()

    async def heard(self, arrived: Arrived) -> None:
        """Take in one message; what cannot be understood, or may not be said, leaves nothing."""
        try:
            await self._taken(arrived)
        except VisavisError as error:
            fate = "invalid" if isinstance(error, Invalid) else "forbidden"
            self._heard("", fate)
            log.debug("a home was not understood", extra={"reason": Exception.__str__(error)})
        except Exception:
            # It would fail again: better one message lost than all homes waiting behind it.
            self._heard("", "invalid")
            log.exception("a message of a home could not be taken in")

    async def _taken(self, arrived: Arrived) -> None:
        prefix = self._broker.discovery
        if prefix and arrived.topic.startswith(f"{prefix}/"):
            await self._discovered(discovery.home_of(prefix, arrived.topic), arrived)
            return
        home, _, what = arrived.topic.removeprefix(f"{self._broker.root}/").partition("/")
        key = self._key(home)
        where = self._announced.get(arrived.topic)
        if what == "card":
            if arrived.retained and arrived.payload:
                await self._found(home, key, arrived.payload)
        elif key is None:
            self._heard("", "forbidden")
        elif where is not None or what == "event":
            told = discovery.within(messages.opened(arrived.payload), where or ())
            await self._process_all(
                key,
                messages.event(told, key.subject, key.id, self._strategy.products, self._writer.processor.clock.now()),
            )
        elif what == "status":
            await self._status(key, arrived.payload)
        elif what in ("displayed", "answer"):
            await self._answered(key, what, messages.answer(messages.opened(arrived.payload)))

    async def _found(self, home: str, key: AccessKey | None, payload: bytes) -> None:
        """A card was on this screen when we came.

        It is looked after again, or taken away when nobody may have it any more.
        """
        try:
            decision = msgspec.json.decode(payload, type=messages.HomeCard).decision
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            decision = "unreadable"
        self._shown[home] = decision
        found = self._screens.card(key.subject, key.profile) if key is not None else None
        if found is None or found.show.id != decision:
            await self._clear(home)

    async def _status(self, key: AccessKey, payload: bytes) -> None:
        """A home's screen is there, or is not: decisions choose among what is there."""
        device = self._strategy.devices.get(key.profile)
        if (
            key.role != "device"
            or device is None
            or self.name not in device.transports
            or payload not in (b"online", b"offline", b"")
        ):
            return
        there = payload == b"online"
        if there and key.id not in self._there:
            self._there[key.id] = asyncio.create_task(self._watch(key))
        elif not there:
            task = self._there.pop(key.id, None)
            if task is not None:
                self._screens.ring(key.subject)  # it sees that it is no longer wanted, and what it was sending is known
                await asyncio.gather(task, return_exceptions=True)
            if key.id in self._shown:
                await self._clear(key.id)
        known = self._writer.processor.customer(key.subject).devices.get(key.id)
        if there if known is None else (known.worn, known.profile) != (there, key.profile):
            at = self._writer.processor.clock.now()
            await self._process_all(
                key,
                Worn(
                    id=f"worn-{token_hex(6)}",
                    customer=key.subject,
                    occurred_at=at,
                    device=key.id,
                    profile=key.profile,
                    worn=there,
                ),
            )

    async def _answered(self, key: AccessKey, what: str, said: messages.HomeAnswer) -> None:
        shown = next(
            (
                card
                for card in self._writer.processor.customer(key.subject).service.shown
                if card.decision == said.decision
            ),
            None,
        )
        action = self._strategy.actions.get(shown.action) if shown is not None else None
        if action is None or action.audience != "customer":
            raise Invalid("There is no such card on this person's screens.")
        at = self._writer.processor.clock.now()
        if what == "displayed":
            await self._process_all(
                key, Displayed(id=f"seen-{said.decision}", customer=key.subject, occurred_at=at, decision=said.decision)
            )
        elif said.answer:
            # One id a card, whatever the device: the first answer received is the one that counts.
            await self._process_all(
                key,
                Answered(
                    id=f"answer-{said.decision}",
                    customer=key.subject,
                    occurred_at=at,
                    decision=said.decision,
                    answer=said.answer,
                ),
            )

    async def _discovered(self, home: str, arrived: Arrived) -> None:
        key = self._key(home)
        if key is None:
            return
        own = f"{self._broker.root}/{home}/"
        if not arrived.payload:  # the entity is gone
            self._announced = {topic: where for topic, where in self._announced.items() if not topic.startswith(own)}
            return
        found = discovery.events(messages.opened(arrived.payload), own)
        mine = [topic for topic in self._announced if topic.startswith(own)]
        if len({*mine, *found}) > discovery.EVENTS_LIMIT:
            raise Invalid("This home announces too much.", advice=f"At most {discovery.EVENTS_LIMIT} kinds of event.")
        for topic in found.keys() - self._announced.keys():
            await self._connection.subscribe(topic)
        self._announced |= found

    async def _process_all(self, key: AccessKey, moment: Moment | None) -> None:
        """Live the moment, through the gate like any other.

        While the log is not possible it is tried again, and the broker waits.
        """
        if moment is None:
            self._heard("", "unused")
            return
        if permits(key, moment):
            self._heard("", "forbidden")
            return
        while True:
            try:
                lived = await self._writer.process(moment)
            except Unavailable:
                await asyncio.sleep(RETRY_S)
            else:
                answer = lived.answer
                self._heard(moment.kind, "refused" if answer.entry is None else "retried" if answer.retried else "kept")
                return

    def _key(self, home: str) -> AccessKey | None:
        """The key of this id, of those who may speak for a home, as long as it is one."""
        key = self._keys.get(home)
        if key is None:
            key = next(
                (one for one in self._access.listed() if one.id == home and one.role in ("device", "sensor")), None
            )
            if key is not None:
                self._keys[home] = key
        return key if key is not None and self._access.holds(key) else None

    async def _ended(self) -> None:
        there, self._there = self._there, {}
        for home, task in there.items():
            task.cancel()
            self._screens.ring(
                self._keys[home].subject
            )  # a cancellation that meets an answer of the broker may get lost in the library
        await asyncio.gather(*there.values(), return_exceptions=True)
