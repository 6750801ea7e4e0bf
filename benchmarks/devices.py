"""What a card costs a device, by each way to it: how late it is, bytes on the wire, wake-ups with and without cards.

Bytes are those of the device's TCP connection, both directions, without IP and TCP headers, counted by a proxy. A
wake-up is a burst after 50 ms of silence; a quiet hour is extrapolated. The peer polls once a minute over kept HTTP.
"""

import argparse
import asyncio
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, Final

sys.path.remove(str(Path(__file__).parent))  # its own `http` is another benchmark, and would win over Python's

import aiomqtt
import httpx
import uvicorn

from visavis.cli import grocery
from visavis.config import Broker, Settings
from visavis.http.event_stream import HEARTBEAT_S
from visavis.model.decision import Show
from visavis.model.moment import Consented, Moment, Noticed, RanOut, Worn
from visavis.runtime.clock import TurnedClock
from visavis.strategy.read import COLLECTED
from visavis.wiring import Server, build

START: Final = datetime(2026, 11, 24, 17, tzinfo=UTC)
SILENCE_S: Final = 0.05
POLL_S: Final = 60.0
KEEPALIVE_S: Final = 900.0
"""How long a fridge may be silent, as docs/devices/fridge.md advises."""
WAIT_S: Final = 25.0
GOAL_MS: Final = 20.0
SSE_GOAL_BYTES: Final = 600.0
BEAT: Final = b"15\r\nevent: beat\ndata: .\n\n\r\n"
"""What an open stream sends when there is nothing to say, in its chunk."""
Figure = dict[str, Any]


class Meter:
    """A proxy in front of a port that counts what passes, and in how many bursts."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = 0
        self.bytes = self.wakes = 0
        self._last = 0.0
        self._server: asyncio.Server | None = None

    async def start(self) -> "Meter":
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def counted(self, doing: Callable[[], Awaitable[object]]) -> tuple[int, int]:
        """Bytes and wake-ups from when this begins until the wire is silent again."""
        before = self.bytes, self.wakes
        await doing()
        await asyncio.sleep(4 * SILENCE_S)
        return self.bytes - before[0], self.wakes - before[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            now = perf_counter()
            self.wakes += now - self._last > SILENCE_S
            self._last = now
            self.bytes += len(data)
            writer.write(data)
        writer.close()

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()


def a_port() -> int:
    """A free one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def a_broker() -> AsyncIterator[int]:
    """A mosquitto of its own, open to all; its port."""
    port = a_port()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mosquitto.conf"
        file.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\nset_tcp_nodelay true\n"
        )
        process = await asyncio.create_subprocess_exec(
            shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(file), stderr=subprocess.DEVNULL
        )
        try:
            for _ in range(200):
                try:
                    (await asyncio.open_connection("127.0.0.1", port))[1].close()
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    break
            yield port
        finally:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def a_server(settings: Settings) -> AsyncIterator[tuple[Server, int]]:
    """A server without a disk, over HTTP as it is; its port."""
    clock = TurnedClock(runs=True)
    clock.turn(START.timestamp())
    server = build({**grocery(), **COLLECTED}, settings, memory=True, clock=clock, key=b"b" * 32)
    port = a_port()
    serving = uvicorn.Server(
        uvicorn.Config(server.app, host="127.0.0.1", port=port, log_level="error", timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(serving.serve())
    for _ in range(500):
        if serving.started:
            break
        await asyncio.sleep(0.02)
    try:
        yield server, port
    finally:
        server.screens.close()
        serving.should_exit = True
        await task


async def registered(server: Server, name: str, *, profile: str) -> tuple[str, str]:
    """A person who lets their home be known, and the key of one of their screens: its token and its id."""
    at, notice = START - timedelta(minutes=1), server.strategy.purposes["home"].notice.version
    token = server.access_keys.issue("device", name, profile=profile)
    key = server.access_keys.check(token)
    moments: list[Moment] = [
        Noticed(id="n", customer=name, occurred_at=at, purpose="home", notice=notice),
        Consented(id="c", customer=name, occurred_at=at, purpose="home", notice=notice),
        Worn(id="w", customer=name, occurred_at=at, device=key.id, profile=profile),
    ]
    for moment in moments:
        await server.writer.process(moment)
    return token, key.id


async def runs_out(server: Server, name: str) -> bool:
    """The milk of this person is out; whether a card was decided."""
    moment = RanOut(
        id="out", customer=name, occurred_at=server.processor.clock.now(), product=next(iter(server.strategy.products))
    )
    entry = (await server.writer.process(moment)).answer.entry
    return entry is not None and any(isinstance(one, Show) for one in entry.decisions)


async def mqtt(cards: int) -> list[Figure]:
    """A fridge's screen over MQTT: one connection, woken by its cards and its keep-alives alone."""
    waits, costs = list[float](), list[tuple[int, int]]()
    async with a_broker() as broker, a_server(Settings(mqtt=Broker("127.0.0.1", broker, tls=False))) as (server, _):
        meter = await Meter(broker).start()
        for number in range(cards):
            name = f"p{number}"
            _, home = await registered(server, name, profile="fridge")
            arrived: asyncio.Queue[float] = asyncio.Queue()
            # Every tenth is counted, and let alone until its wire is silent; the others are timed.
            counted = number % 10 == 0
            port, version = meter.port if counted else broker, aiomqtt.ProtocolVersion.V5
            async with aiomqtt.Client("127.0.0.1", port, protocol=version, keepalive=int(KEEPALIVE_S)) as screen:
                await screen.subscribe(f"visavis/{home}/card", qos=1)
                listening = asyncio.create_task(_listen(screen, arrived))
                await screen.publish(f"visavis/{home}/status", b"online", qos=1, retain=True)
                await asyncio.sleep(4 * SILENCE_S if counted else 0.02)
                if counted:
                    costs.append(await meter.counted(lambda name=name, arrived=arrived: _card(server, name, arrived)))  # type: ignore[misc]
                else:
                    waits.append(await _card(server, name, arrived))
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        alive, woken = await _kept_alive(meter)
        meter.stop()
    hour = 3600 / KEEPALIVE_S
    cost, wakes = medians(costs)
    quiet = f"a quiet hour over MQTT, keep-alive {KEEPALIVE_S:.0f} s"
    return [
        *delays("the fridge's screen over MQTT", waits),
        figure("bytes of one card over MQTT", cost, "B", "limit", None),
        figure("wake-ups of one card over MQTT", wakes, "", "limit", None),
        figure(f"bytes of {quiet}", alive * hour, "B", "polling", None),
        figure(f"wake-ups of {quiet}", woken * hour, "", "polling", None),
    ]


async def _listen(screen: aiomqtt.Client, arrived: "asyncio.Queue[float]") -> None:
    async for message in screen.messages:
        if message.payload:
            arrived.put_nowait(perf_counter())


async def _card(server: Server, name: str, arrived: "asyncio.Queue[float]") -> float:
    started = perf_counter()
    assert await runs_out(server, name), "no card was decided"
    return (await asyncio.wait_for(arrived.get(), 5) - started) * 1e3


async def _kept_alive(meter: Meter) -> tuple[float, float]:
    """Bytes and wake-ups of one keep-alive, from several of a second each."""
    async with aiomqtt.Client("127.0.0.1", meter.port, protocol=aiomqtt.ProtocolVersion.V5, keepalive=1):
        await asyncio.sleep(0.5)
        before, seconds = (meter.bytes, meter.wakes), 6
        await asyncio.sleep(seconds)
        pings = max(1, round((meter.bytes - before[0]) / 4))  # a request and its answer have two bytes each
        return (meter.bytes - before[0]) / pings, (meter.wakes - before[1]) / pings


async def polling(cards: int) -> list[Figure]:
    """The peer: asks once a minute over a kept connection."""
    quiet, shown = list[tuple[int, int]](), list[tuple[int, int]]()
    async with a_server(Settings()) as (server, port):
        meter = await Meter(port).start()
        for number in range(max(3, cards // 10)):
            token, _ = await registered(server, f"q{number}", profile="fridge")
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{meter.port}", headers={"authorization": f"Bearer {token}"}
            ) as client:

                async def poll(client: httpx.AsyncClient = client) -> int:
                    return (await client.get("/glasses/screen")).status_code

                assert await poll() == 204
                await asyncio.sleep(2 * SILENCE_S)
                quiet.append(await meter.counted(poll))
                await runs_out(server, f"q{number}")
                shown.append(await meter.counted(poll))
        meter.stop()
    polls, way = 3600 / POLL_S, f"by polling every {POLL_S:.0f} s"
    cost, wakes = medians(quiet)
    return [
        figure(f"delay of a card {way}, mean", POLL_S * 500, "ms", "arithmetic", None),
        figure("bytes of one card by polling", medians(shown)[0], "B", "limit", None),
        figure(f"bytes of a quiet hour {way}", cost * polls, "B", "itself", None),
        figure(f"wake-ups of a quiet hour {way}", wakes * polls, "", "itself", None),
    ]


async def sse(cards: int) -> list[Figure]:
    """Glasses with a stream open: woken by their cards, and every 15 s by the server, which says that it is there."""
    waits, costs = list[float](), list[tuple[int, int]]()
    async with a_server(Settings()) as (server, port):
        meter = await Meter(port).start()
        for number in range(cards):
            name, counted, arrived = f"s{number}", number % 10 == 0, asyncio.Queue[float]()
            token, _ = await registered(server, name, profile="glasses")
            async with (
                a_client(meter.port if counted else port, token) as client,
                client.stream("GET", "/glasses/stream") as stream,
            ):
                listening = asyncio.create_task(_follow(stream, arrived))
                await asyncio.sleep(4 * SILENCE_S if counted else 0.02)
                if counted:
                    costs.append(await meter.counted(lambda name=name, arrived=arrived: _card(server, name, arrived)))  # type: ignore[misc]
                else:
                    waits.append(await _card(server, name, arrived))
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        token, _ = await registered(server, "quiet", profile="glasses")
        async with a_client(meter.port, token) as client, client.stream("GET", "/glasses/stream"):
            beat = await meter.counted(lambda: asyncio.sleep(HEARTBEAT_S + 1))
        meter.stop()
    # What opens the stream is counted with the beat, once: an hour opens it once.
    cost, wakes = medians(costs)
    beats, quiet = 3600 / HEARTBEAT_S, f"a quiet hour over SSE, a beat every {HEARTBEAT_S:.0f} s"
    return [
        *delays("the glasses over SSE", waits),
        figure("bytes of one card over SSE", cost, "B", "limit", SSE_GOAL_BYTES),
        figure("wake-ups of one card over SSE", wakes, "", "limit", None),
        figure(f"bytes of {quiet}", beat[0] + (beats - 1) * len(BEAT), "B", "polling", None),
        figure(f"wake-ups of {quiet}", beats, "", "polling", None),
    ]


async def _follow(stream: httpx.Response, arrived: "asyncio.Queue[float]") -> None:
    async for line in stream.aiter_lines():
        if line.startswith("data: {") and len(line) > len("data: {}"):
            arrived.put_nowait(perf_counter())


async def waiting(cards: int) -> list[Figure]:
    """Glasses that cannot stream: they ask, and the server answers when there is something, or after 25 s."""
    waits, costs, quiet = list[float](), list[tuple[int, int]](), list[tuple[int, int]]()
    async with a_server(Settings()) as (server, port):
        meter = await Meter(port).start()
        for number in range(cards):
            name, counted, arrived = f"w{number}", number % 10 == 0, asyncio.Queue[float]()
            token, _ = await registered(server, name, profile="glasses")
            async with a_client(meter.port if counted else port, token) as client:

                async def ask(
                    client: httpx.AsyncClient = client, arrived: "asyncio.Queue[float]" = arrived, wait_s: int = 25
                ) -> None:
                    if (
                        await client.get("/glasses/screen", params={"wait_s": wait_s}, headers={"if-none-match": '""'})
                    ).status_code == 200:
                        arrived.put_nowait(perf_counter())

                if counted:
                    await ask(wait_s=0)
                    await asyncio.sleep(2 * SILENCE_S)
                    quiet.append(await meter.counted(lambda ask=ask: ask(wait_s=1)))  # type: ignore[misc]
                asking = asyncio.create_task(ask())
                await asyncio.sleep(4 * SILENCE_S if counted else 0.02)
                if counted:
                    costs.append(await meter.counted(lambda name=name, arrived=arrived: _card(server, name, arrived)))  # type: ignore[misc]
                else:
                    waits.append(await _card(server, name, arrived))
                await asking
        meter.stop()
    asked, hour = 3600 / WAIT_S, f"a quiet hour by waiting {WAIT_S:.0f} s"
    cost, wakes = medians(quiet)
    return [
        delays("the glasses by waiting", waits)[0],
        figure("bytes of one card by waiting, without the question", medians(costs)[0], "B", "limit", None),
        figure(f"bytes of {hour}", cost * asked, "B", "polling", None),
        figure(f"wake-ups of {hour}", wakes * asked, "", "polling", None),
    ]


def a_client(port: int, token: str) -> httpx.AsyncClient:
    """A device with this key."""
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=40
    )


Way = Callable[[int], Coroutine[Any, Any, list[Figure]]]
WAYS: Final[dict[str, Way]] = {"mqtt": mqtt, "polling": polling, "sse": sse, "waiting": waiting}
"""Each way to a screen, measured by one function."""


def figure(name: str, value: float, unit: str, against: str, goal: float | None) -> Figure:
    """One figure of the line of JSON."""
    ratio = round(value / goal, 3) if goal else None
    return {"figure": name, "value": round(value, 2), "unit": unit, "against": against, "ratio": ratio, "goal": goal}


def medians(costs: list[tuple[int, int]]) -> tuple[float, float]:
    """The median bytes and wake-ups."""
    return statistics.median([cost for cost, _ in costs]), statistics.median([wakes for _, wakes in costs])


def delays(to: str, waits_ms: list[float]) -> list[Figure]:
    """The figures of how late cards were, median and ninth decile."""
    late = statistics.quantiles(waits_ms, n=10)[-1]
    return [
        figure(f"decision to {to}, p50", statistics.median(waits_ms), "ms", "limit", GOAL_MS),
        figure(f"decision to {to}, p90", late, "ms", "limit", None),
    ]


def compared(results: list[Figure]) -> None:
    """Set the quiet hours beside the peer's."""
    peers = {
        one["figure"].split(" ", 1)[0]: one["value"] for one in results if "quiet hour by polling" in one["figure"]
    }
    for one in results:
        if one["against"] == "polling" and (peer := peers.get(one["figure"].split(" ", 1)[0])):
            one["ratio"] = round(one["value"] / peer, 4)


def main() -> None:
    """Measure, print a table, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="ten times as many cards")
    parser.add_argument("--way", choices=tuple(WAYS), help="measure this one alone")
    asked = parser.parse_args()
    results: list[Figure] = []
    for name, way in WAYS.items():
        if asked.way in (None, name):
            results += asyncio.run(way(400 if asked.full else 40))
    compared(results)
    print("one process for server and screens, log in memory, everything on this machine")
    for one in results:
        beside = f"   ratio {one['ratio']} to {one['against']}" if one["ratio"] is not None else ""
        print(f"{one['figure']:<66}{one['value']:>12,.2f} {one['unit']:<3}{beside}")
    print(json.dumps({"benchmark": "devices", "results": results}))


if __name__ == "__main__":
    main()
