"""The home over MQTT: messages of a fridge or its sensors become moments, and its screen shows the card of now.

A screen is kept in step with what it should show: one that comes online later gets the card, and loses it at its end.
Topics begin with the id of the home's key: ``root/<id>/event``, ``/status`` (``online``, or ``offline`` by last will),
``/displayed`` and ``/answer``, and from us ``/card``, retained. The key decides whose home it is and which moments it
may send; the broker limits each account to its own topics. A sensor's key only sends; a device's key is a screen too.

From an empty fridge to a delivered order::

    devices/home/messages     reads the fridge's message as ``ran_out``
    engine.step               decides for the fridge's screen
    devices/home              publishes the card; the person's yes comes back on ``/answer``
    delivery/answers          makes ``answered`` of it
    engine.step               adds the effect ``order`` to that entry, if the card and its consent still hold
    delivery/webhooks         sends the order to the brand's system, at least once, under one key
    api/moments               the brand reports ``ordered``, then ``fulfilled``
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from visavis.config import Broker
from visavis.delivery.answers import Answers
from visavis.delivery.screens import Screens
from visavis.devices.home import discovery, messages
from visavis.devices.home.broker import Arrived, Connection
from visavis.devices.registry import worn_moment
from visavis.http.access_keys import AccessKey, AccessKeys, permits
from visavis.http.event_stream import HEARTBEAT_S, rings
from visavis.model.card import Card
from visavis.model.errors import Invalid, Unavailable, VisavisError
from visavis.model.moment import Moment
from visavis.runtime.writer import Writer

RETRY_S: Final = 1.0
TRANSPORT: Final = "mqtt"
"""The name of this way to a screen in devices.toml."""
log = logging.getLogger("visavis.home")


class Home:
    """All homes of one broker. ``count`` counts each message in the metrics, by kind of moment and outcome."""

    def __init__(
        self,
        broker: Broker,
        writer: Writer,
        access: AccessKeys,
        screens: Screens,
        *,
        count: Callable[[str, str], None] = lambda _kind, _fate: None,
    ) -> None:
        self._broker = broker
        self._writer = writer
        self._access = access
        self._screens = screens
        self._count = count
        self._strategy = writer.processor.strategy
        self._answers = Answers(writer)
        self._connection = Connection(broker, self)
        self._keys: dict[str, AccessKey] = {}
        self._online: dict[str, asyncio.Task[None]] = {}
        self._shown: dict[str, str] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self.announced: dict[str, discovery.Path] = {}

    def start(self) -> None:
        """Begin to serve, in the running event loop."""
        self._connection.start()

    async def stop(self) -> None:
        """Disconnect; cards stay until their time is over, and what homes send waits at the broker."""
        await self._ended()
        await self._connection.stop()

    async def _put(self, home: str, card: Card, until: float, lasts_s: float) -> bool:
        """Put this card on this screen, unless it is there; whether the broker has taken it."""
        async with self._turn(home):
            if self._shown.get(home) == card.decision:
                return True
            payload = msgspec.json.encode(messages.home_card(card, until))
            taken = await self._connection.publish(self._card_topic(home), payload, retain=True, lasts_s=lasts_s)
            if taken:
                self._shown[home] = card.decision
                await self._announce(home, card)
            return taken

    async def _clear(self, home: str) -> bool:
        """Remove what is on this screen; whether the broker has taken it."""
        async with self._turn(home):
            taken = await self._connection.publish(self._card_topic(home), b"", retain=True)
            if taken:
                self._shown.pop(home, None)
                await self._announce(home, None)
            return taken

    def _card_topic(self, home: str) -> str:
        return f"{self._broker.root}/{home}/card"

    async def _announce(self, home: str, card: Card | None) -> None:
        if self._broker.discovery:
            for topic, payload in discovery.announced(self._broker, home, self._strategy.brand.name, card).items():
                await self._connection.publish(topic, payload, retain=True)

    def _turn(self, home: str) -> asyncio.Lock:
        return self._turns.setdefault(home, asyncio.Lock())

    async def _watch(self, key: AccessKey) -> None:
        """Keep this home's screen in step, for as long as it is online and its key valid."""
        me = asyncio.current_task()
        if key.id not in self._shown:
            await self._announce(key.id, None)
        with self._screens.watching(key.subject) as bell:
            while self._online.get(key.id) is me and self._access.holds(key):
                bell.clear()
                try:
                    wait = await self._look(key)
                except Exception:
                    log.exception("a home's screen could not be served")
                    wait = RETRY_S
                await rings(bell, wait)
        if self._online.get(key.id) is me:
            del self._online[key.id]
            await self._clear(key.id)

    async def _look(self, key: AccessKey) -> float:
        """Put on this screen what should be there now, or remove what should not; in how many seconds to look again."""
        found = self._screens.card(key.subject, key.profile)
        if found is None:
            cleared = key.id not in self._shown or await self._clear(key.id)
            return HEARTBEAT_S if cleared else RETRY_S
        card = found.card(self._strategy, self._strategy.language_for(self._writer.processor.customer(key.subject)))
        taken = await self._put(key.id, card, found.show.until, self._screens.lasts_s(found.show))
        return min(HEARTBEAT_S, self._screens.ends_in_s(found.show)) if taken else RETRY_S

    # ---- what homes send

    @property
    def topics(self) -> list[str]:
        """What homes send; first what is on their screens, so that it is known before anything else is put there."""
        own = [f"{self._broker.root}/+/{name}" for name in ("card", "status", "event", "displayed", "answer")]
        return own + (discovery.filters(self._broker.discovery) if self._broker.discovery else [])

    async def opened(self) -> None:
        """Forget which homes are online: those that are report it again."""
        await self._ended()
        self._shown.clear()
        self.announced.clear()

    async def received(self, arrived: Arrived) -> None:
        """Process one message; an invalid or forbidden one has no effect."""
        try:
            await self._process_message(arrived)
        except VisavisError as error:
            fate = "invalid" if isinstance(error, Invalid) else "forbidden"
            self._count("", fate)
            log.debug("a message of a home was refused", extra={"reason": Exception.__str__(error)})
        except Exception:
            # It would fail again: one message is lost rather than all homes waiting behind it.
            self._count("", "invalid")
            log.exception("a message of a home could not be processed")

    async def _process_message(self, arrived: Arrived) -> None:
        prefix = self._broker.discovery
        if prefix and arrived.topic.startswith(f"{prefix}/"):
            await self._discovered(discovery.home_of(prefix, arrived.topic), arrived)
            return
        home, _, what = arrived.topic.removeprefix(f"{self._broker.root}/").partition("/")
        key = self._key(home)
        where = self.announced.get(arrived.topic)
        if what == "card":
            if arrived.retained and arrived.payload:
                await self._found(home, key, arrived.payload)
        elif key is None:
            self._count("", "forbidden")
        elif where is not None or what == "event":
            fields = discovery.within(messages.opened(arrived.payload), where or ())
            now = self._writer.processor.clock.now()
            about = (fields, key.subject, key.id, self._strategy.products, now)
            await self._process(key, messages.event(*about, retained=arrived.retained))
        elif what == "status":
            await self._status(key, arrived.payload)
        elif what in ("displayed", "answer"):
            await self._answered(key, what, messages.answer(messages.opened(arrived.payload)))

    async def _found(self, home: str, key: AccessKey | None, payload: bytes) -> None:
        """A card was on this screen when we connected: keep it, or remove it if it may not be shown any more."""
        try:
            decision = msgspec.json.decode(payload, type=messages.HomeCard).decision
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            decision = "unreadable"
        self._shown[home] = decision
        found = self._screens.card(key.subject, key.profile) if key is not None else None
        if found is None or found.show.id != decision:
            await self._clear(home)

    async def _status(self, key: AccessKey, payload: bytes) -> None:
        """A home's screen is online, or not: decisions choose among the devices that are."""
        device = self._strategy.devices.get(key.profile)
        served = key.role == "device" and device is not None and TRANSPORT in device.transports
        if not served or payload not in (b"online", b"offline", b""):
            return
        online = payload == b"online"
        if online and key.id not in self._online:
            self._online[key.id] = asyncio.create_task(self._watch(key))
        elif not online:
            task = self._online.pop(key.id, None)
            if task is not None:
                self._screens.ring(key.subject)  # the task ends by itself, after what it is sending
                await asyncio.gather(task, return_exceptions=True)
            if key.id in self._shown:
                await self._clear(key.id)
        known = self._writer.processor.customer(key.subject).devices.get(key.id)
        if online if known is None else (known.worn, known.profile) != (online, key.profile):
            await self._process(key, worn_moment(key, self._writer.processor.clock.now(), worn=online))

    async def _answered(self, key: AccessKey, what: str, sent: messages.HomeAnswer) -> None:
        if what == "displayed":
            await self._process(key, self._answers.displayed(key.subject, sent.decision))
        elif sent.answer:
            await self._process(key, self._answers.answered(key.subject, sent.decision, sent.answer))

    async def _discovered(self, home: str, arrived: Arrived) -> None:
        key = self._key(home)
        if key is None:
            return
        own = f"{self._broker.root}/{home}/"
        if not arrived.payload:  # the entity is gone
            self.announced = {topic: where for topic, where in self.announced.items() if not topic.startswith(own)}
            return
        found = discovery.events(messages.opened(arrived.payload), own)
        mine = [topic for topic in self.announced if topic.startswith(own)]
        if len({*mine, *found}) > discovery.EVENTS_LIMIT:
            raise Invalid("This home announces too much.", advice=f"At most {discovery.EVENTS_LIMIT} kinds of event.")
        for topic in found.keys() - self.announced.keys():
            await self._connection.subscribe(topic)
        self.announced |= found

    async def _process(self, key: AccessKey, moment: Moment | None) -> None:
        """Process the moment; while the log is unavailable it is retried, and the broker waits."""
        if moment is None:
            self._count("", "unused")
            return
        if permits(key, moment):
            self._count("", "forbidden")
            return
        while True:
            try:
                answer = (await self._writer.process(moment, key.origin("mqtt"))).answer
            except Unavailable:
                await asyncio.sleep(RETRY_S)
            else:
                fate = "refused" if answer.entry is None else "retried" if answer.retried else "kept"
                self._count(moment.kind, fate)
                return

    def _key(self, home: str) -> AccessKey | None:
        """The key of this id, if it is a home's and still valid."""
        key = self._keys.get(home)
        if key is None:
            key = next(
                (one for one in self._access.listed() if one.id == home and one.role in ("device", "sensor")), None
            )
            if key is not None:
                self._keys[home] = key
        return key if key is not None and self._access.holds(key) else None

    async def _ended(self) -> None:
        online, self._online = self._online, {}
        for home, task in online.items():
            task.cancel()
            # A cancellation that meets an answer of the broker may get lost in the library.
            self._screens.ring(self._keys[home].subject)
        await asyncio.gather(*online.values(), return_exceptions=True)
