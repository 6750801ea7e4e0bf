"""What a durable moment costs a server over HTTP, against the same server answering a constant of the same size.

Both are uvicorn (uvloop, httptools) with a raw ASGI callable, in a process each, asked in turn with the same bytes over
the same connections; CPU is the server process's own. Three forms: no action is woken, one is woken and 32 families
are scored; then the time until a card is on the glasses' stream. ``--profile`` shows where a moment goes.
"""

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, sleep, time
from typing import Any

sys.path[0] = str(Path(__file__).parents[1])  # this file's name is also that of a module of Python's

import httpx
import msgspec
import numpy as np
import uvicorn
from benchmarks.step import a_world, grocery

from visavis.api.moments import Receive, Scope, Send
from visavis.config import Settings
from visavis.model.moment import Bought, Consented, Entered, Line, Linked, Moment, Noticed, Worn
from visavis.runtime.clock import TurnedClock
from visavis.strategy.read import COLLECTED, read
from visavis.wiring import Server, build

PEOPLE = 200
CONNECTIONS = 64
GOALS = {"not waking": 0.5, "waking": 0.1, "p50": 5.0, "p99": 25.0}
TOKEN_FILE, DEVICES_FILE = "token", "devices"
PURPOSES = ("place-moment", "reminders", "tailored-offers")


def a_server(folder: Path | None, start: datetime) -> Server:
    """A server with people who have bought for months; its clock runs on from ``start``."""
    files, clock = {**grocery(), **COLLECTED}, TurnedClock(runs=True)
    learned = a_world(read(files)).learned
    settings = Settings(data=str(folder)) if folder is not None else Settings()
    server = build(files, settings, memory=folder is None, clock=clock, key=b"k" * 32, learned=learned)
    clock.turn(start.timestamp() - 200 * 86_400)
    dice = np.random.default_rng(1)
    for person in range(PEOPLE):
        server.processor.process(_choices(server, f"p{person}", start - timedelta(days=200)))
    for trip in range(30):
        at = start - timedelta(days=190 - 6 * trip)
        clock.turn(at.timestamp())
        for person in range(PEOPLE):
            lines = tuple(
                [Line(f"p{p}", 1, 199) for p in np.unique(np.minimum(dice.geometric(0.02, size=10), 199)).tolist()]
            )
            server.processor.step(Bought(id=f"b{trip}", customer=f"p{person}", occurred_at=at, place="s1", lines=lines))
        server.processor.wake()
        server.processor.commit()
    clock.turn(start.timestamp())
    server.processor.wake()
    server.processor.commit()
    return server


def _choices(server: Server, name: str, at: datetime) -> list[Moment]:
    moments: list[Moment] = [Linked(id="l", customer=name, occurred_at=at, identifier=f"card of {name}")]
    for purpose in PURPOSES:
        notice = server.strategy.purposes[purpose].notice.version
        moments.append(
            Noticed(id=f"n{purpose}", customer=name, occurred_at=at, purpose=purpose, notice=notice, language="en")
        )
        moments.append(Consented(id=f"c{purpose}", customer=name, occurred_at=at, purpose=purpose, notice=notice))
    return moments


def serve(kind: str, folder: Path, port: int, answer: bytes) -> None:
    """Be one of the two servers until stopped."""
    app: Callable[[Scope, Receive, Send], Any]
    if kind == "constant":
        app = constant(answer)
    else:
        server = a_server(folder, datetime.now(UTC))
        (folder / TOKEN_FILE).write_text(server.access_keys.issue("brand"))
        (folder / DEVICES_FILE).write_text(
            "\n".join([server.access_keys.issue("device", f"p{person}") for person in range(PEOPLE)])
        )
        app = server.app
    profile = cProfile.Profile() if kind == "profiled" else None
    app = Profiled(app, profile) if profile is not None else app
    uvicorn.run(app, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    if profile is not None:
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(45)


class Profiled:
    """The application, profiled from its first request on, with all that its event loop does."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Any], profile: cProfile.Profile) -> None:
        self._app, self._profile, self._on = app, profile, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on."""
        if scope["type"] == "http" and not self._on:
            self._on = True
            self._profile.enable()
        await self._app(scope, receive, send)
        if scope["type"] == "lifespan":
            self._profile.disable()


def constant(answer: bytes) -> Callable[[Scope, Receive, Send], Any]:
    """The least that can answer a POST: read its body, send bytes."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        while (await receive()).get("more_body", False):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return app


def payload(kind: str, number: int) -> bytes:
    """A new moment: glasses that report their state (no action is woken), or a person who comes in."""
    at, name = datetime.fromtimestamp(time(), UTC), f"p{number % PEOPLE}"
    moment: Moment
    if kind == "not waking":
        moment = Worn(
            id=f"w{number}-{at.timestamp()}", customer=name, occurred_at=at, device="g1", profile="glasses", battery=0.8
        )
    else:
        place = f"s{1 + number // PEOPLE % 2}"  # from one shop to the other: each is an entrance
        moment = Entered(id=f"e{number}-{at.timestamp()}", customer=name, occurred_at=at, place=place)
    return msgspec.json.encode(moment)


async def ask(port: int, token: str, payloads: list[bytes]) -> bytes:
    """Send each over one of many connections, one at a time on each; the last answer's body."""
    last = b""
    todo = iter(payloads)

    async def connection() -> None:
        nonlocal last
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            f"POST /v1/moments HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type:"
            " application/json\r\ncontent-length: "
        )
        for body in todo:
            writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
            head_lines = await reader.readuntil(b"\r\n\r\n")
            assert head_lines.startswith(b"HTTP/1.1 200"), head_lines[:40]
            length = head_lines.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            last = await reader.readexactly(int(length))
        writer.close()

    await asyncio.gather(*[connection() for _ in range(CONNECTIONS)])
    return last


def cpu_s(process: int) -> float:
    """The processor time that this process has taken, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Running:
    """One server in a process of its own."""

    def __init__(self, kind: str, folder: Path, answer: bytes = b"") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (folder / "answer").write_bytes(answer)
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", kind, "--folder", str(folder), "--port", str(self.port)]
        )
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                sleep(0.1)
            else:
                break
        self.token = (folder / TOKEN_FILE).read_text() if kind != "constant" else "vv_brand_" + "x" * 32

    def measured(self, payloads: list[bytes]) -> tuple[float, float, bytes]:
        """CPU µs of a request, requests a second, and the last answer."""
        cpu, started = cpu_s(self.process.pid), perf_counter()
        last = asyncio.run(ask(self.port, self.token, payloads))
        return (cpu_s(self.process.pid) - cpu) / len(payloads) * 1e6, len(payloads) / (perf_counter() - started), last

    def stop(self) -> None:
        """End it, gracefully."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)


async def card_ms(port: int, token: str, devices: list[str]) -> list[float]:
    """Milliseconds from sending ``entered`` over HTTP until the card is on the stream of that person's glasses."""
    found = list[float]()
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {token}"}
    ) as client:
        for number, device in enumerate(devices):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET /glasses/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {device}\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.02)
            sent = perf_counter()
            answer = await client.post("/v1/moments", content=payload("waking", number))
            if any(one["audience"] == "customer" and one["result"] == "show" for one in answer.json()["decisions"]):
                await asyncio.wait_for(reader.readuntil(b"event: card"), 5)
                found.append((perf_counter() - sent) * 1e3)
            writer.close()
    return found


def main() -> None:
    """Measure, print a table, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="five times as many requests and rounds")
    parser.add_argument(
        "--profile", choices=("not waking", "waking"), help="profile the server under one kind of moment, and stop"
    )
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve, asked.folder, asked.port, (asked.folder / "answer").read_bytes())
        return
    rounds = 15 if asked.full else 5
    with tempfile.TemporaryDirectory() as name:
        ours = Running("profiled" if asked.profile else "visavis", Path(name))
        if asked.profile:
            ours.measured([payload(asked.profile, number) for number in range(6000)])
            ours.stop()
            return
        print(
            f"{CONNECTIONS} connections, {PEOPLE} people of 30 baskets, log on disk, one fsync a group; medians of"
            f" {rounds} rounds taken in turn"
        )
        print(
            f"{'moment':<14}{'CPU µs':>8}{'constant':>10}{'ratio':>8}{'goal':>6}"
            f"{'requests/s':>12}{'constant':>10}{'answer B':>10}"
        )
        kinds = (("not waking", 4000), ("waking", 1500))
        results = [one for kind, count in kinds for one in compared(kind, count, ours, Path(name), rounds)]
        ours.stop()
    results += cards(5 if asked.full else 1)
    print(json.dumps({"benchmark": "http", "results": results}))


def compared(kind: str, count: int, ours: "Running", folder: Path, rounds: int) -> list[dict[str, Any]]:
    """The server and a constant answer of the same size, in turn."""
    _, _, last = ours.measured([payload(kind, number) for number in range(400)])
    peer = Running("constant", folder, b" " * len(last))
    peer.measured([payload(kind, number) for number in range(400)])
    costs, rates = list[tuple[float, float]](), list[tuple[float, float]]()
    for turn in range(rounds):
        bodies = [payload(kind, turn * count + number) for number in range(count)]
        peer_us, peer_rate, _ = peer.measured(bodies)
        us, rate, _ = ours.measured(bodies)
        costs.append((us, peer_us))
        rates.append((rate, peer_rate))
    peer.stop()
    us, peer_us = [statistics.median(column) for column in zip(*costs, strict=True)]
    rate, peer_rate = [statistics.median(column) for column in zip(*rates, strict=True)]
    ratio = statistics.median([peer_cost / cost for cost, peer_cost in costs])
    print(
        f"{kind:<14}{us:>8.1f}{peer_us:>10.1f}{ratio:>8.2f}{GOALS[kind]:>6}{rate:>12,.0f}{peer_rate:>10,.0f}"
        f"{len(last):>10,}"
    )
    against = "the same uvicorn answering a constant of the same size"
    return [
        figure(f"server CPU of a durable moment, {kind}", round(us, 1), "µs", against, ratio, GOALS[kind]),
        figure(f"durable moments a second, {kind}", round(rate), "1/s", against, rate / peer_rate, None),
    ]


def cards(runs: int) -> list[dict[str, Any]]:
    """How long a card takes from the moment over HTTP to the stream of the glasses, each run on a new server."""
    waits = list[float]()
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as name:
            ours = Running("visavis", Path(name))
            waits += asyncio.run(card_ms(ours.port, ours.token, (Path(name) / DEVICES_FILE).read_text().split()))
            ours.stop()
    results = []
    for quantile, share in (("p50", 0.5), ("p99", 0.99)):
        value, goal = float(np.quantile(waits, share)), GOALS[quantile]
        print(f"moment to card on the stream, {quantile}: {value:.2f} ms of {goal:.0f} ({len(waits)} cards)")
        name = f"moment to card on the stream, {quantile}"
        results.append(figure(name, round(value, 2), "ms", "limit", value / goal, 1.0))
    return results


def figure(name: str, value: float, unit: str, against: str, ratio: float, goal: float | None) -> dict[str, Any]:
    """One figure of the line of JSON."""
    return {"figure": name, "value": value, "unit": unit, "against": against, "ratio": round(ratio, 3), "goal": goal}


if __name__ == "__main__":
    main()
