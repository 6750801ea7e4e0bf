"""A connection to an MQTT broker, renewed after every loss; its session keeps what homes send meanwhile.

A message is acknowledged once it was processed; else it comes again, so the listener is idempotent.
"""

import asyncio
import logging
import socket
import ssl
from time import monotonic
from typing import Any, Final, Protocol

from msgspec import Struct

from visavis.config import Broker
from visavis.model.errors import Invalid, Unavailable

BACKOFF_S: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
SESSION_S: Final = 86_400
"""How long the broker keeps what homes send while we are disconnected."""
IN_FLIGHT_LIMIT: Final = 64
"""How many messages may be on their way into the log at once; the broker holds the others."""
QUEUE_LIMIT: Final = 4_096
PACKET_LIMIT: Final = 1 << 15
TIMEOUT_S: Final = 5.0
KEEPALIVE_S: Final = 60
STEADY_S: Final = 5.0
"""A shorter connection counts as a failure: two servers that take the same session from each other slow down."""
log = logging.getLogger("visavis.home")


class Arrived(Struct, frozen=True):
    """One message; ``retained`` when the broker had kept it from before."""

    topic: str
    payload: bytes
    retained: bool


class Listener(Protocol):
    """What processes the messages of a connection."""

    @property
    def topics(self) -> list[str]:
        """What to subscribe to, in this order; retained messages come in the same order."""

    async def opened(self) -> None:
        """A new connection was made: forget what was known of the one before."""

    async def received(self, arrived: Arrived) -> None:
        """Process one message; when this returns, it is acknowledged. Never raises."""


class Connection:
    """Serve one listener over one broker; ``root/status`` is ``online``, or ``offline`` by our last will."""

    def __init__(self, broker: Broker, listener: Listener) -> None:
        try:
            import aiomqtt  # noqa: PLC0415  only servers with a broker need it
        except ImportError:
            raise Unavailable(
                "A broker is set, and MQTT is not installed.", advice="pip install visavis[mqtt]"
            ) from None
        self._aiomqtt = aiomqtt
        self._broker = broker
        self._listener = listener
        self._tls = _tls(broker)
        self._client: Any = None
        self._room = asyncio.Semaphore(IN_FLIGHT_LIMIT)
        self._task: asyncio.Task[None] | None = None
        self._wanted = False

    @property
    def open(self) -> bool:
        """Whether the broker is connected."""
        return self._client is not None

    def start(self) -> None:
        """Begin to connect, in the running event loop."""
        self._wanted = True
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def stop(self) -> None:
        """Publish that we are offline, and end."""
        self._wanted = False
        if self.open:
            await self.publish(f"{self._broker.root}/status", b"offline", retain=True)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def publish(self, topic: str, payload: bytes, *, retain: bool, lasts_s: float = 0.0) -> bool:
        """Send one message; whether the broker has it. The broker drops it after ``lasts_s`` (0: never)."""
        if self._client is None:
            return False
        from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415

        properties = _properties(PacketTypes.PUBLISH)
        if lasts_s:
            properties.MessageExpiryInterval = max(1, int(lasts_s))
        try:
            await self._client.publish(topic, payload, qos=1, retain=retain, properties=properties, timeout=TIMEOUT_S)
        except self._aiomqtt.MqttError:
            return False
        return True

    async def subscribe(self, topic: str) -> None:
        """Listen to one more topic, for as long as this connection lasts."""
        if self._client is not None:
            await self._client.subscribe(topic, qos=1, timeout=TIMEOUT_S)

    async def _serve(self) -> None:
        failures = 0
        while self._wanted:
            try:
                failures = await self._connected(failures)
            except (self._aiomqtt.MqttError, OSError) as error:
                log.warning(
                    "the broker cannot be reached", extra={"reason": type(error).__name__, "attempt": failures + 1}
                )
            except Exception:
                log.exception("the connection to the broker failed")
            await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
            failures += 1

    async def _connected(self, failures: int) -> int:
        """One connection, from its beginning to its loss; how many failures in a row there are now."""
        client, since = self._new_client(), monotonic()
        tasks: set[asyncio.Task[None]] = set()
        try:
            async with client:
                self._client = client
                await self._listener.opened()
                await self.publish(f"{self._broker.root}/status", b"online", retain=True)
                await client.subscribe([(topic, 1) for topic in self._listener.topics], timeout=TIMEOUT_S)
                async for message in client.messages:
                    await self._room.acquire()
                    task = asyncio.create_task(self._process(client, message))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
        except self._aiomqtt.MqttError as error:
            if self._client is None:
                raise
            failures = 0 if monotonic() - since > STEADY_S else failures
            log.warning("the broker was lost", extra={"reason": type(error).__name__})
        finally:
            self._client = None
            for task in tasks:  # what was not acknowledged comes again
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return failures

    async def _process(self, client: Any, message: Any) -> None:
        try:
            await self._listener.received(Arrived(str(message.topic), bytes(message.payload), bool(message.retain)))
            if message.qos and self._client is client:
                client.acknowledge(message)
        finally:
            self._room.release()

    def _new_client(self) -> Any:
        from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415

        broker, aiomqtt = self._broker, self._aiomqtt

        class Client(aiomqtt.Client):  # type: ignore[name-defined,misc]
            """The library's client, with acknowledgements by hand."""

            def acknowledge(self, message: Any) -> None:
                self._client.ack(message.mid, message.qos)

        properties = _properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval, properties.ReceiveMaximum = SESSION_S, IN_FLIGHT_LIMIT
        properties.MaximumPacketSize = PACKET_LIMIT
        client = Client(
            broker.host,
            broker.port,
            username=broker.user or None,
            password=broker.password or None,
            identifier=f"visavis-{broker.root}",
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=properties,
            timeout=TIMEOUT_S,
            keepalive=KEEPALIVE_S,
            tls_context=self._tls,
            max_queued_incoming_messages=QUEUE_LIMIT,
            will=aiomqtt.Will(f"{broker.root}/status", b"offline", 1, retain=True),
            # A card must not wait for the acknowledgement of what went before.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        client._client.manual_ack_set(True)  # noqa: SLF001  the library has no public name for it
        return client


def _tls(broker: Broker) -> ssl.SSLContext | None:
    if not broker.tls:
        if broker.host not in ("localhost", "127.0.0.1", "::1"):
            log.warning("what homes send travels in clear text: set `tls` in the settings of the broker")
        return None
    try:
        return ssl.create_default_context(cafile=broker.ca or None)
    except OSError as error:
        raise Invalid(
            f"The broker's authority cannot be read: {error.strerror}.",
            advice="Give the path of a PEM file, or leave `ca` out.",
        ) from None


def _properties(packet: int) -> Any:
    """The properties of an MQTT 5 packet; the library has no types."""
    from paho.mqtt import properties  # noqa: PLC0415

    made: Any = properties.Properties
    return made(packet)
