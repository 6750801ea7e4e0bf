"""Erasure with a receipt, and P15: an objection to marketing is absolute and lasting, through restores and imports."""

import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from support.canary import traces
from support.disk import change
from support.doors import MOMENTS, a_server, client, moment, running
from support.house import House, everything, orders, words_of
from support.people import BRANDS, NOON, a_history, says_yes
from support.sabotage import Sabotage, mutate, replacing, wrapping
from visavis.customers import choices
from visavis.delivery.webhooks import WebhookDelivery
from visavis.model.decision import Show
from visavis.model.moment import Entered, Linked, Moment, Objected
from visavis.rights import erasure
from visavis.rights import requests as desk
from visavis.rights import suppression_list as opposition
from visavis.rights.erasure import Erased, erase
from visavis.rights.export import signed
from visavis.rights.receipts import public_key
from visavis.rights.suppression_list import SuppressionList
from visavis.runtime.loop import Processor

pytestmark = pytest.mark.anyio
SHE = "camille-7f3a91"
HE = "basile-7f3a91"


def check_that_the_receipt_is_true(root: Path) -> None:
    """It states what was deleted, what is kept and why, in both languages, and verifies without us."""
    with House(root) as house:
        for name in (SHE, HE):
            house.server.access_keys.issue("device", name)
            house.process(everything(name))
        orders(house, SHE)
        house.run(house.server.requests.object(SHE, "marketing", on=True))
        entries = len(list(house.server.log.of(SHE)))
        receipt = house.run(house.server.requests.erasures.erase(SHE))
        token = house.server.requests.signed(receipt, "erasure-receipt")
        assert (receipt.erased.entries, receipt.erased.deleted["access_keys"], receipt.erased.deleted["webhooks"]) == (
            entries,
            1,
            1,
        ), "it does not say what was deleted"
        assert set(receipt.kept) == {"tombstone", "ledger", "learned", "opposition"}, "it does not say what is kept"
        assert all(words.keys() == {"fr", "en"} and all(words.values()) for words in receipt.kept.values()), (
            "it does not say why"
        )
        assert SHE not in token
        assert SHE.encode() not in msgspec.json.encode(receipt), "it names the person"
        key = OKPKey.import_key(public_key(house.server.requests.key))
        told = msgspec.json.decode(jws.deserialize_compact(token, key, algorithms=["Ed25519"]).payload)
        assert told == msgspec.json.decode(msgspec.json.encode(receipt)), "the signed one says something else"
        assert house.server.log.erased(SHE), "nothing was erased"
        assert not list(house.server.log.of(SHE)), "nothing was erased"
        again = house.run(house.server.requests.export(HE))
        assert len(again.entries) > len(everything(HE)), "somebody else lost something"
        assert not traces(house.root, words_of(SHE)), "something of theirs is left"


def test_the_receipt_of_an_erasure_is_true(tmp_path: Path) -> None:
    check_that_the_receipt_is_true(tmp_path)


_says_more = replacing(
    erasure, "erase", lambda *given, **more: msgspec.structs.replace(erase(*given, **more), entries=10_000)
)


_keeps_quiet = replacing(erasure, "KEPT", {"tombstone": erasure.KEPT["tombstone"]})


def pretending(names: tuple[str, ...], loop: Processor, _holders: Any) -> Any:
    now = loop.clock.now()
    return Erased(
        now, now, sum([len(list(loop.log.of(name))) for name in names]), {"screens": 1, "webhooks": 1, "access_keys": 1}
    )


_pretends = replacing(erasure, "erase", pretending)


_listed_in_clear = replacing(SuppressionList, "_fingerprint", lambda _self, name: name.encode())


RECEIPTS: dict[str, tuple[Sabotage, str]] = {
    "it says more than was done": (_says_more, "what was deleted"),
    "it keeps quiet about what is kept": (_keeps_quiet, "what is kept"),
    "it pretends": (_pretends, "nothing was erased"),
    "the list of objections names people": (_listed_in_clear, "left"),
}


@pytest.mark.parametrize("sabotage", RECEIPTS)
def test_a_receipt_that_is_not_true_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotage: str) -> None:
    spoil, told = RECEIPTS[sabotage]
    spoil(monkeypatch)

    with pytest.raises((AssertionError, ValueError), match=told):
        check_that_the_receipt_is_true(tmp_path)


FILES = ("outbox.sqlite", "keys.sqlite", "addresses.sqlite", "timelines.sqlite", "delivery.sqlite")


async def check_that_asking_again_completes_it(folder: Path, file: str) -> None:
    """A reader of a file during an erasure delays that file only; the second request's receipt covers both."""
    server = a_server(folder)
    async with running(server) as brand:
        await brand.post(MOMENTS, json=moment("worn", "bo"))
        for name in ("bo", "al"):
            server.access_keys.issue("device", name)
            server.external_channels.addresses.keep(name, "mail", "", b"bo@example.org")
            server.mirror.timelines.put(name, "timeline", "1", b"{}")
        change(folder, "outbox", "INSERT INTO parcels VALUES (x'00', 'delivered', 1, 'x')")
        change(folder, "delivery", "INSERT INTO deliveries VALUES (x'00', 'taken', 'x', 9e9)")
        reader = sqlite3.connect(folder / file, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()

        first = await brand.post("/v1/people/bo/erase")
        left = [
            key for key in server.access_keys.listed() if key.subject == "bo"
        ] or "bo" in server.external_channels.addresses.people() | server.mirror.people()
        reader.execute("COMMIT")
        reader.close()
        again = await brand.post("/v1/people/bo/erase")

    if first.status_code == 200:
        assert not left
        return
    assert (first.status_code, again.status_code) == (503, 200), again.text
    assert not left, "what nobody read was left"
    found = again.json()["receipt"]["erased"]
    assert found["entries"] > 0, "what the first asking deleted is forgotten"
    assert not [key for key in server.access_keys.listed() if key.subject == "bo"], "a key is left"
    assert "bo" not in server.external_channels.addresses.people() | server.mirror.people(), "an address is left"


@pytest.mark.parametrize("file", FILES)
async def test_an_erasure_that_met_a_reader_is_completed_by_asking_again(tmp_path: Path, file: str) -> None:
    await check_that_asking_again_completes_it(tmp_path, file)


async def test_an_erasure_that_is_forgotten_half_done_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure.Erasures, "_pending", property(lambda _: {}, lambda *_: None), raising=False)
    with pytest.raises(AssertionError, match=r"404|Nothing is held"):
        await check_that_asking_again_completes_it(tmp_path, "keys.sqlite")


async def test_recipients_are_told_of_an_erasure_and_then_nothing_tells_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    server = a_server()
    server.strategy.purposes["account"] = msgspec.structs.replace(
        server.strategy.purposes["account"], recipients=("Fidélité SA",)
    )
    heard: list[str] = []
    finish = server.webhooks._finish

    def finishing(key: str, delivery: WebhookDelivery) -> None:
        heard.append(f"{delivery.effect.kind} {delivery.effect.product}")
        finish(key, delivery)

    monkeypatch.setattr(server.webhooks, "_finish", finishing)
    async with running(server) as brand:
        await brand.post(MOMENTS, json=moment("worn", "bo"))
        told = await brand.post("/v1/people/bo/erase")
    assert told.json()["receipt"]["recipients"] == ["Fidélité SA"]
    assert heard == ["erased Fidélité SA"]
    assert not server.webhooks.parcels


async def test_somebody_of_whom_nothing_is_held_but_beside_the_log_takes_it_away_and_erases_it() -> None:
    server = a_server()
    async with running(server), client(server, server.access_keys.issue("device", "bo")) as bo:
        server.mirror.timelines.put("bo", "timeline", "1", b"{}")
        assert (await bo.get("/v1/people/bo/export")).status_code == 200
        assert (await bo.post("/v1/people/bo/erase")).status_code == 200
    assert "bo" not in server.mirror.people() | server.access_keys.people()


async def test_after_an_erasure_every_door_answers_as_if_nobody_had_been() -> None:
    server = a_server()
    async with running(server) as brand:
        token = server.access_keys.issue("device", "bo")
        await brand.put("/v1/people/bo/purposes/reminders", json={"on": True})
        await brand.post(MOMENTS, json=moment("worn", "bo"))
        erased = await brand.post("/v1/people/bo/erase")
        assert erased.status_code == 200
        assert erased.json()["receipt"]["erased"]["entries"] > 0
        async with client(server, token) as bo:
            assert (await bo.get("/v1/people/bo/export")).status_code == 401
        said: list[tuple[str, str, Any]] = [
            ("GET", "export", None),
            ("GET", "requests", None),
            ("GET", "wallet", None),
            ("GET", "purposes", None),
            ("POST", "erase", None),
            ("POST", "corrections", {"moment": "m1", "instead": None}),
            ("POST", "corrections", {"family": "f"}),
            ("PUT", "restriction", {"on": True}),
            ("PUT", "objections/marketing", {"on": True}),
            ("PUT", "requests/r", {"status": "fulfilled"}),
            ("POST", "decisions/d/contest", {"view": "v"}),
            ("PUT", "decisions/d/review", {"outcome": "confirmed", "reasons": "r"}),
            ("GET", "moments/m1", None),
            ("POST", "import", {"export": "x"}),
        ]
        for method, path, body in said:
            found = [await brand.request(method, f"/v1/people/{name}/{path}", json=body) for name in ("bo", "nobody")]
            assert (found[0].status_code, found[0].content) == (found[1].status_code, found[1].content), path


def cards(house: House, name: str, days: int) -> int:
    """How many marketing cards somebody is shown at the next ten doors, and how much of them is read for marketing."""
    strategy, shown = house.server.strategy, 0
    for i in range(10):
        at = NOON + timedelta(days=days, hours=i)
        house.clock.turn(at.timestamp())
        for answer in house.process([Entered(id=f"door-{days}-{i}", customer=name, occurred_at=at, place="s1")]):
            if answer.entry is None:
                continue
            shown += sum(
                isinstance(one, Show) and strategy.purposes[one.purpose].marketing for one in answer.entry.decisions
            )
            shown += sum(strategy.purposes[use.purpose].marketing for use in answer.entry.uses)
    return shown


def marketing(name: str) -> list[Moment]:
    ago = NOON - timedelta(days=90)
    return [
        Linked(id="card", customer=name, occurred_at=ago, identifier="card-1"),
        *says_yes(name, "place-moment", "reminders", "tailored-offers", at=ago),
        *a_history(name, weeks=12, products=tuple(BRANDS[:4])),
    ]


def begun_anew(house: House, backup: Path | None = None) -> None:
    """The same root key and objections with other data (none, or a backup's) and an unknown ledger."""
    house.close()
    shutil.rmtree(house.data)
    shutil.rmtree(house.root / "root.checkpoints", ignore_errors=True)
    if backup is not None:
        shutil.copytree(backup, house.data)
    house.open()


def check_that_an_objection_lasts(root: Path) -> None:
    with House(root) as house:
        house.process(marketing(SHE))
        copy = signed(house.run(house.server.requests.export(SHE)), house.server.requests.key)
        assert cards(house, SHE, 1) > 0, "nothing is marketing: this proves nothing"
        house.close()
        shutil.copytree(house.data, root / "backup")
        house.open()
        house.run(house.server.requests.object(SHE, "marketing", on=True))
        assert cards(house, SHE, 2) == 0, "the next event was not silent"
        house.reopen()
        assert cards(house, SHE, 3) == 0, "a restart forgot it"
        begun_anew(house, root / "backup")
        assert cards(house, SHE, 4) == 0, "a backup brought marketing back"
        begun_anew(house)
        house.run(house.server.requests.bring_in(SHE, copy))
        assert "marketing" in house.server.processor.customer(SHE).objections, "an import cleared it"
        assert cards(house, SHE, 5) == 0, "an import cleared it"
        other = "a new number"
        begun_anew(house)
        house.process(marketing(other))
        assert cards(house, other, 6) == 0, "a new life under the same card forgot it"
        house.process(marketing(SHE))
        assert cards(house, SHE, 6) == 0, "a new life under the same name forgot it"
        stranger = [
            msgspec.structs.replace(one, identifier="card-2") if isinstance(one, Linked) else one
            for one in marketing("else")
        ]
        house.process(stranger)
        assert "marketing" not in house.server.processor.customer("else").objections, "somebody else was silenced"
        house.run(house.server.requests.object(other, "marketing", on=False))
        assert "marketing" not in house.server.processor.customer(other).objections, "it cannot be taken back"
        listed = (root / "root.objected").read_bytes()
        assert SHE.encode() not in listed, "the list names people"
        assert not traces(root / "root.objected", [SHE, "card-1"])


def test_an_objection_to_marketing_is_absolute_and_lasting(tmp_path: Path) -> None:
    check_that_an_objection_lasts(tmp_path)


def _import_clears(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(desk, "restore_objections", lambda *_: None)
    patch.setattr("visavis.wiring.restore_objections", lambda *_: None)


_list_unread = replacing(opposition, "_lines", lambda _: [])


_identifiers_unknown = wrapping(SuppressionList, "of", lambda of, self, names: of(self, list(names)[:1]))


_nothing_noted = replacing(SuppressionList, "apply", lambda *_: None)


_everybody_silenced = replacing(SuppressionList, "of", lambda self, _names: ["marketing"] if self._standing else [])


LASTING: dict[str, tuple[Sabotage, str]] = {
    "an import clears it": (_import_clears, "import cleared|backup brought"),
    "the list is not read": (_list_unread, "backup brought"),
    "nothing is noted in the list": (_nothing_noted, "backup brought"),
    "identifiers are not looked up": (_identifiers_unknown, "new life"),
    "everybody is silenced": (_everybody_silenced, "somebody else"),
}


@pytest.mark.parametrize("sabotage", LASTING)
def test_an_objection_that_is_forgotten_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotage: str
) -> None:
    spoil, told = LASTING[sabotage]
    spoil(monkeypatch)

    with pytest.raises(AssertionError, match=told):
        check_that_an_objection_lasts(tmp_path)


async def check_that_whatever_comes_after_an_objection_leaves_it() -> None:
    """Neither a second objection nor taking that one back replaces it; a card linked later keeps it too."""
    server = a_server()
    async with running(server):
        await server.writer.process(Linked(id="m1", customer="bo", occurred_at=NOON, identifier="card-1"))
        await server.requests.object("bo", "marketing", on=True)
        for on in (True, False):
            await server.requests.object("bo", "sharing", on=on)
            assert "marketing" in server.processor.customer("bo").objections, "another objection took its place"
        await server.writer.process(Linked(id="m2", customer="bo", occurred_at=NOON, identifier="card-2"))
        await server.requests.erasures.erase("bo")
        for card in ("card-1", "card-2"):
            await server.writer.process(Linked(id="again", customer=f"with {card}", occurred_at=NOON, identifier=card))
            assert "marketing" in server.processor.customer(f"with {card}").objections, (
                f"a new life with {card} forgot it"
            )


async def test_whatever_comes_after_an_objection_leaves_it() -> None:
    await check_that_whatever_comes_after_an_objection_leaves_it()


AFTER: dict[str, tuple[ModuleType, str, str, str]] = {
    "a new objection forgets the others": (choices, "if about != moment.about}", "if False}", "took its place"),
    "a card that is linked later is not listed": (
        opposition,
        "elif isinstance(moment, Linked):",
        "elif False:",
        "with card-2 forgot",
    ),
}


@pytest.mark.parametrize("mutant", AFTER)
async def test_an_objection_that_something_takes_the_place_of_is_caught(
    mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, old, new, told = AFTER[mutant]
    mutate(monkeypatch, module, old, new)

    with pytest.raises(AssertionError, match=told):
        await check_that_whatever_comes_after_an_objection_leaves_it()


async def test_an_objection_closes_marketing_for_a_new_device_at_once() -> None:
    server = a_server()
    async with running(server) as brand:
        await brand.put("/v1/people/bo/purposes/tailored-offers", json={"on": True})
        told = await brand.put("/v1/people/bo/objections/marketing", json={"on": True})
        assert told.json()["acknowledgement"]["status"] == "fulfilled"
        async with client(server, server.access_keys.issue("device", "bo", profile="watch")) as watch:
            await watch.post(MOMENTS, json=moment("worn", "bo", device="new", profile="watch"))
            choices = {one["purpose"]: one for one in (await watch.get("/v1/people/bo/purposes")).json()}
            again = await watch.put("/v1/people/bo/purposes/tailored-offers", json={"on": True})
            assert again.status_code == 200
            after = {one["purpose"]: one for one in again.json()}
        assert (
            choices["tailored-offers"]["closed_by"] == after["tailored-offers"]["closed_by"] == "objection: marketing"
        )
        assert not after["tailored-offers"]["on"]
        assert (await brand.put("/v1/people/bo/objections/account", json={"on": True})).status_code == 403
        nonsense = await brand.put("/v1/people/bo/objections/nonsense", json={"on": True})
        assert (nonsense.status_code, nonsense.json()["detail"]) == (
            422,
            "There is nothing to object to under this name.",
        )
        assert any(isinstance(entry.moment, Objected) for entry in server.log.of("bo"))


def test_the_command_line_is_the_same_desk(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from visavis.cli import app, example

    def said(*words: str) -> Any:
        told = CliRunner().invoke(
            app, ["rights", *words, "--data", str(tmp_path / "data")] if words != ("schema",) else ["rights", "schema"]
        )
        assert told.exit_code == 0, told.exception
        return told.stdout

    root, file = str(example("grocery")), str(tmp_path / "bo.jws")
    with House(tmp_path / "house") as house:
        house.process(everything("bo"))
        token = signed(house.run(house.server.requests.export("bo")), house.server.requests.key)
        public = msgspec.json.encode(public_key(house.server.requests.key))
    Path(file).write_text(token)
    (tmp_path / "key.json").write_bytes(public)
    assert "entries" in said("import", root, "bo", file, "--key", str(tmp_path / "key.json"))
    assert (
        msgspec.json.decode(said("correct", root, "bo", "m-declared", "--instead", '{"value": "M"}'))["status"]
        == "fulfilled"
    )
    assert msgspec.json.decode(said("object", root, "bo"))["right"] == "objection"
    assert msgspec.json.decode(said("restrict", root, "bo", "--off"))["right"] == "restriction"
    assert len(msgspec.json.decode(said("requests", root, "bo"))) == 4
    said("export", root, "bo", str(tmp_path / "copy.json"), "--no-sign")
    assert msgspec.json.decode((tmp_path / "copy.json").read_bytes())["declared"]["traits"] == {"first_name": "M"}
    assert msgspec.json.decode(said("reviews", root)) == []
    assert msgspec.json.decode(said("erase", root, "bo"))["receipt"]["kept"]
    assert msgspec.json.decode(said("schema"))["title"] == "visavis-export/1"
