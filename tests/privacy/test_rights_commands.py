"""The command line without a server gives the same copies, and informs the same recipients, as the server."""

import asyncio
import json
import shutil
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from support.canary import traces
from support.doors import client
from support.house import everything, word, words_of
from support.sabotage import replacing
from visavis.cli import app, example
from visavis.config import settings
from visavis.delivery.webhook_targets import verify
from visavis.delivery.webhooks import Webhooks
from visavis.files import strategy_files
from visavis.model.errors import Invalid
from visavis.rights.receipts import public_key, signing_key
from visavis.wiring import Server, build

SECRET = "whsec_bTpVFMMr6z29eGCYxP0IqlHUYB8QQZeY2gyzTHYUnW0="
FIRM = "Fidélité SA"


class Recipient:
    """Somebody else's server, on this machine: what it was told, and what it answers."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.told: list[dict[str, Any]] = []
        recipient = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                verify(
                    SECRET,
                    {name.lower(): value for name, value in self.headers.items()},
                    body,
                    now=float(self.headers["webhook-timestamp"]),
                )
                status = recipient.answers.pop(0) if recipient.answers else 204
                if status == 204:
                    recipient.told.append(json.loads(body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/told"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def recipient() -> Iterator[Recipient]:
    one = Recipient()
    yield one
    one.close()


@pytest.fixture
def brand(tmp_path: Path, recipient: Recipient) -> "Brand":
    return Brand(tmp_path, recipient.url)


class Brand:
    """A brand that names a recipient: its strategy, its settings and its data, which a server or a command opens."""

    def __init__(self, root: Path, url: str) -> None:
        self.strategy, self.file, self.root = root / "grocery", root / "visavis.toml", root
        shutil.copytree(example("grocery"), self.strategy)
        purposes = self.strategy / "purposes.toml"
        purposes.write_text(purposes.read_text().replace("[account]", f'[account]\nrecipients = ["{FIRM}"]', 1))
        self.file.write_text(
            f'data = "{root}/data"\nhosts = ["127.0.0.1"]\n[webhooks.erased]\nurl = "{url}"\nsecret = "{SECRET}"\n'
        )

    def says(self, *words: str) -> Any:
        """What this command of ``visavis rights`` prints."""
        told = CliRunner().invoke(
            app, ["rights", words[0], str(self.strategy), *words[1:], "--settings", str(self.file)]
        )
        assert told.exit_code == 0, told.exception
        return json.loads(told.stdout) if told.stdout else None

    def serve(self, what: Callable[[Server], Awaitable[Any]]) -> Any:
        """Start the server, do this, and stop it."""

        async def lived() -> Any:
            server = build(strategy_files(self.strategy), settings(self.file))
            server.writer.start()
            server.webhooks.start()
            server.dispatcher.start()
            try:
                return await what(server)
            finally:
                await server.stop()

        return asyncio.run(lived())


async def asks(server: Server, method: str, path: str, **more: Any) -> Any:
    async with client(server, server.access_keys.issue("brand")) as brand:
        told = await brand.request(method, path, **more)
        assert told.status_code == 200, told.text
        return told.json()


async def comes_in(server: Server) -> None:
    """Somebody who left everything that a person can leave, in the log and beside it."""
    moments = everything("bo")
    to_now = server.writer.processor.clock.now() - max(one.occurred_at for one in moments)  # what is late shows nothing
    for one in moments:
        await server.writer.process(replace(one, occurred_at=one.occurred_at + to_now))
    server.access_keys.issue("device", "bo")
    server.external_channels.addresses.keep("bo", "mail", "", word("bo", "mail").encode())
    server.mirror.timelines.put("bo", "timeline", "item-1", b'{"id":"item-1","text":"hello"}')


async def until_told(server: Server) -> None:
    async with asyncio.timeout(5):
        while server.webhooks.waiting:  # noqa: ASYNC110  the outbox rings for nobody
            await asyncio.sleep(0.01)


def check_that_the_command_gives_the_servers_copy(brand: Brand) -> None:
    async def served(server: Server) -> Any:
        await comes_in(server)
        return await asks(server, "GET", "/v1/people/bo/export")

    there = brand.serve(served)
    brand.says("export", "bo", str(brand.root / "copy.json"), "--no-sign")
    here = json.loads((brand.root / "copy.json").read_bytes())
    assert here["entries"][: len(there["entries"])] == there["entries"], "other entries"
    more = [
        part["kind"] for entry in here["entries"][len(there["entries"]) :] for part in entry if isinstance(part, dict)
    ]
    assert set(more) == {"requested"}, "other entries"
    assert here["kept"].keys() == there["kept"].keys() != set(), "other holders"
    for holder in there["kept"]:
        assert here["kept"][holder] == there["kept"][holder], f"{holder} tells something else"
    assert all(there["kept"][holder] for holder in ("addresses", "access_keys", "mirror", "screens")), (
        "nothing was told: this proves nothing"
    )
    parts = here.keys() - {
        "made_at",
        "entries",
        "requests",
        "uses",
        "ledger",
        "kept",
        "observed",
        "inferred",
        "purposes",
    }
    assert {part: here[part] for part in parts} == {part: there[part] for part in parts}


def test_the_command_gives_the_copy_that_the_server_gives(brand: Brand) -> None:
    check_that_the_command_gives_the_servers_copy(brand)


def test_what_waits_for_the_brand_is_listed_and_answered_at_the_command_line(brand: Brand) -> None:
    async def asked(server: Server) -> Any:
        await comes_in(server)
        async with client(server, server.access_keys.issue("device", "bo")) as bo:
            return (await bo.post("/v1/people/bo/corrections", json={"moment": "m-bought", "instead": None})).json()[
                "acknowledgement"
            ]

    request = brand.serve(asked)["request"]
    (waiting,) = brand.says("requests")
    assert (waiting["request"], waiting["customer"], waiting["of"], waiting["instead"]) == (
        request,
        "bo",
        "m-bought",
        None,
    )
    assert brand.says("move", "bo", request, "rejected", "--reason", "The receipt shows it.")["status"] == "rejected"
    assert brand.says("requests") == []
    assert brand.says("requests", "bo")[request]["reason"] == "The receipt shows it."


def check_that_recipients_are_told(brand: Brand, recipient: Recipient) -> None:
    """By the command when they answer, else by the server at its next start; once, and then the notice is nowhere."""
    brand.serve(comes_in)
    recipient.answers = [503]
    receipt = brand.says("erase", "bo")["receipt"]
    assert receipt["recipients"] == [FIRM]
    assert not recipient.told, "they said no"
    assert not recipient.answers, "the command did not try"
    told = brand.file.read_text()
    brand.file.write_text(told.split("[webhooks", 1)[0])
    brand.says("reviews")
    brand.file.write_text(told)
    brand.serve(until_told)
    assert [(one["type"], one["data"]["customer"], one["data"]["product"]) for one in recipient.told] == [
        ("erased", "bo", FIRM)
    ], "nobody was told"
    brand.serve(until_told)
    assert len(recipient.told) == 1, "they were told twice"
    assert not traces(brand.root / "data", [word("bo", "mail"), *words_of("bo")[1:]])


def test_recipients_are_told_of_an_erasure_at_the_command_line_or_at_the_next_start(
    brand: Brand, recipient: Recipient
) -> None:
    check_that_recipients_are_told(brand, recipient)


def test_recipients_are_told_by_the_command_itself(brand: Brand, recipient: Recipient) -> None:
    brand.serve(comes_in)
    brand.says("erase", "bo")
    assert [one["data"]["product"] for one in recipient.told] == [FIRM]


async def _at_once(*_: object) -> None:
    pass


def _never_done(outbox: Webhooks, key: str, parcel: Any) -> None:
    outbox.parcels[key] = parcel


SABOTAGES: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "the notice lives in memory only": (replacing(Webhooks, "announce", lambda *_: None), "nobody was told"),
    "the command waits for nobody": (replacing(Webhooks, "tried", _at_once), "did not try"),
    "what is owed is owed for ever": (replacing(Webhooks, "_finish", _never_done), "twice"),
}


@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_recipients_who_are_not_told_are_noticed(
    brand: Brand, recipient: Recipient, monkeypatch: pytest.MonkeyPatch, sabotage: str
) -> None:
    spoil, told = SABOTAGES[sabotage]
    spoil(monkeypatch)
    with pytest.raises(AssertionError, match=told):
        check_that_recipients_are_told(brand, recipient)


async def papers(server: Server) -> dict[str, str]:
    """One of each that a person is given, and the key that verifies them."""
    await comes_in(server)
    async with client(server, server.access_keys.issue("device", "bo")) as bo:
        return {
            "key": (await bo.get("/.well-known/consent-receipt-key.json")).text,
            "consent receipt": (await bo.get("/v1/people/bo/purposes/reminders/receipt")).text,
            "copy": (await bo.get("/v1/people/bo/export?format=signed")).text,
            "acknowledgement": (await bo.put("/v1/people/bo/restriction", json={"on": True})).json()["signed"],
            "erasure receipt": (await bo.post("/v1/people/bo/erase")).json()["signed"],
        }


def test_every_paper_verifies_offline_and_none_that_was_changed(brand: Brand) -> None:
    given = brand.serve(papers)
    key, other, paper = brand.root / "key.json", brand.root / "other.json", brand.root / "paper"
    key.write_text(given.pop("key"))
    other.write_text(json.dumps(public_key(signing_key(b"s" * 32))))
    for kind, token in given.items():
        paper.write_text(f"{token}\n")
        told = CliRunner().invoke(app, ["rights", "verify", str(paper), "--key", str(key)])
        assert told.exit_code == 0, told.exception
        assert json.loads(told.stdout)["kind"] == kind
        assert json.loads(told.stdout)["says"]
        head, payload, signature = token.split(".")
        edited = payload[:40] + ("A" if payload[40] != "A" else "B") + payload[41:]
        for spoilt, by in ((token, other), (f"{head}.{edited}.{signature}", key), (token[:-9], key), ("{}", key)):
            paper.write_text(spoilt)
            told = CliRunner().invoke(app, ["rights", "verify", str(paper), "--key", str(by)])
            assert isinstance(told.exception, Invalid), f"a {kind} that was changed is believed"


def test_a_key_is_never_made_beside_data_that_it_does_not_open(brand: Brand) -> None:
    brand.serve(comes_in)
    (brand.root / "data.key").rename(brand.root / "elsewhere.key")
    for words in (
        ["key", "brand"],
        ["rights", "reviews", str(brand.strategy)],
        ["rights", "erase", str(brand.strategy), "bo"],
    ):
        told = CliRunner().invoke(app, [*words, "--data", str(brand.root / "data")])
        assert isinstance(told.exception, Invalid), words
        assert str(told.exception).startswith("data holds data, and there is no root key data.key that opens them.")
    assert not (brand.root / "data.key").exists(), "a key that opens nothing was made"
    told = CliRunner().invoke(app, ["key", "brand", "--data", str(brand.root / "new")])
    assert told.exit_code == 0, "where there is nothing yet, a key may come first"
    told = CliRunner().invoke(app, ["key", "device", "bo", "--data", str(brand.root / "new")])
    assert told.exit_code == 0, told.exception
