"""A whole server for the tests: real parts joined by wiring, a clock that tests turn, and a client that speaks ASGI or a socket."""

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from people import NOON, grocery
from visavis.config import Settings
from visavis.runtime.clock import TurnedClock
from visavis.runtime.outbox import Target
from visavis.wiring import Server, build

ROOT_KEY = b"k" * 32
MOMENTS = "/v1/moments"


def a_server(folder: Path | None = None, *, at: datetime = NOON, webhooks: Mapping[str, Target] | None = None) -> Server:
    clock = TurnedClock()
    clock.turn(at.timestamp())
    settings = Settings(data=str(folder or "nowhere"), webhooks=dict(webhooks or {}), hosts=("127.0.0.1",))
    return build(grocery(), settings, memory=folder is None, clock=clock, key=ROOT_KEY)


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """The server's own tasks run, and the client carries the brand's key."""
    server.writer.start()
    server.outbox.start()
    try:
        async with client(server, server.access.issue("brand")) as brand:
            yield brand
    finally:
        await server.writer.stop()
        await server.outbox.stop()


def client(server: Server, token: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(server.app, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://tests", headers={"authorization": f"Bearer {token}"})


@contextmanager
def listening(server: Server) -> Iterator[int]:
    """A real uvicorn on a free port, in a thread."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    config = uvicorn.Config(server.app, port=port, log_config=None, timeout_graceful_shutdown=2)
    found = uvicorn.Server(config)
    thread = threading.Thread(target=found.run)
    thread.start()
    while not found.started:
        time.sleep(0.01)
    try:
        yield port
    finally:
        found.should_exit = True
        thread.join()


def moment(kind: str = "worn", customer: str = "bo", *, id: str = "m1", at: datetime = NOON, **fields: Any) -> dict[str, Any]:  # noqa: A002
    more = {"device": "g1"} if kind == "worn" else {"place": "s1"} if kind in ("entered", "left", "checked_in") else {}
    return {"kind": kind, "id": id, "customer": customer, "occurred_at": at.isoformat(), **more, **fields}


async def switch(client: httpx.AsyncClient, person: str, purpose: str, *, on: bool = True) -> None:
    told = await client.put(f"/v1/people/{person}/purposes/{purpose}", json={"on": on})
    assert told.status_code == 200, told.text


async def shops(client: httpx.AsyncClient, server: Server, person: str, *, weeks: int = 8) -> None:
    """One basket a week until now, always of the same four products."""
    lines = [[product, 1, 100] for product in list(server.strategy.products)[:4]]
    baskets = [moment("bought", person, id=f"w{week}", at=NOON - timedelta(days=7 * week), place="s1", lines=lines) for week in range(weeks, 0, -1)]
    told = await client.post(MOMENTS, json=baskets)
    assert [one["kept"] for one in told.json()] == [True] * weeks, told.text
