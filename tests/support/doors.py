"""A whole server for the tests: real parts by wiring, a clock that tests turn, a client over ASGI or a socket."""

import json
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from support.people import NOON, grocery
from visavis.config import GoogleWallet, Mail, Push, Settings, Wallet
from visavis.delivery.webhook_targets import Target
from visavis.http.routes import ApiRoute, Operation
from visavis.runtime.clock import TurnedClock
from visavis.strategy.read import COLLECTED
from visavis.wiring import Server, build

ROOT_KEY = b"k" * 32
MOMENTS = "/v1/moments"
_folder = tempfile.TemporaryDirectory()
"""It goes when the tests end."""


@cache
def every_way() -> dict[str, Any]:
    """Settings of a server that has every way to a person; what they lead to is nowhere."""
    folder, url, key = Path(_folder.name), "https://visavis.example", rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pass")]), datetime.now(UTC)
    begun = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
    )
    made = (
        begun.not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
    )
    account = json.dumps({"client_email": "a@b.c", "private_key": private.decode()}).encode()
    for file, data in (("pass.pem", made), ("pass.key", private), ("account.json", account)):
        (folder / file).write_bytes(data)
    certificate = str(folder / "pass.pem")
    return {
        "push": Push(contact="mailto:cards@example.org"),
        "mail": Mail("127.0.0.1", 9, "none", sender="cards@example.org", purpose="reminders", url=url),
        "wallet": Wallet(
            "pass.example", "TEAM123456", certificate, str(folder / "pass.key"), certificate, url, push_url=""
        ),
        "google_wallet": GoogleWallet("3388000000012345678", str(folder / "account.json"), url),
    }


def a_server(
    folder: Path | None = None,
    *,
    at: datetime = NOON,
    webhooks: Mapping[str, Target] | None = None,
    files: Mapping[str, bytes] | None = None,
    **more: Any,
) -> Server:
    """``files`` are the strategy's, else the example's; ``more`` settings, such as :func:`every_way`."""
    clock = TurnedClock()
    clock.turn(at.timestamp())
    settings = Settings(data=str(folder or "nowhere"), webhooks=dict(webhooks or {}), hosts=("127.0.0.1",), **more)
    return build(COLLECTED | dict(files or grocery()), settings, memory=folder is None, clock=clock, key=ROOT_KEY)


def operations(server: Server) -> list[Operation]:
    """The operation of every endpoint of this server."""
    return [route.operation for route in server.routes if isinstance(route, ApiRoute)]


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """The server's own tasks run, and the client carries the brand's key."""
    server.writer.start()
    server.webhooks.start()
    try:
        async with client(server, server.access_keys.issue("brand")) as brand:
            yield brand
    finally:
        await server.writer.stop()
        await server.webhooks.stop()


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


def moment(
    kind: str = "worn",
    customer: str = "bo",
    *,
    id: str = "m1",  # noqa: A002
    at: datetime = NOON,
    **fields: Any,
) -> dict[str, Any]:
    more = {"device": "g1"} if kind == "worn" else {"place": "s1"} if kind in ("entered", "left", "checked_in") else {}
    return {"kind": kind, "id": id, "customer": customer, "occurred_at": at.isoformat(), **more, **fields}


async def agree(brand: httpx.AsyncClient, *names: str) -> None:
    """Each of these confirms the merge that waits for them, by their one-time code."""
    for name in names:
        made = await brand.post(f"/v1/people/{name}/merge-code")
        assert made.status_code == 200, made.text
        used = await brand.post(f"/v1/people/{name}/merge-code/use", json={"code": made.json()["code"]})
        assert used.status_code == 204, used.text


def own(server: Server, person: str) -> httpx.AsyncClient:
    """The client of the person's own device, who alone may say yes again after a no."""
    return client(server, server.access_keys.issue("device", person))


async def switch(client: httpx.AsyncClient, person: str, purpose: str, *, on: bool = True) -> None:
    told = await client.put(f"/v1/people/{person}/purposes/{purpose}", json={"on": on})
    assert told.status_code == 200, told.text


async def shops(client: httpx.AsyncClient, server: Server, person: str, *, weeks: int = 8) -> None:
    """One basket a week until now, always of the same four products."""
    lines = [[product, 1, 100] for product in list(server.strategy.products)[:4]]
    baskets = [
        moment("bought", person, id=f"w{week}", at=NOON - timedelta(days=7 * week), place="s1", lines=lines)
        for week in range(weeks, 0, -1)
    ]
    told = await client.post(MOMENTS, json=baskets)
    assert [one["kept"] for one in told.json()] == [True] * weeks, told.text
