"""P9 and P23: the copy holds all that the person's keys open, in a published form, and another server continues it."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest
from msgspec.structs import replace

from support.doors import MOMENTS, a_server, client, every_way, moment, running
from support.house import everything, word, words_of
from support.people import BRANDS, NOON, ROOT, a_history, lines
from support.sabotage import mutate
from visavis.delivery.addresses import Addresses
from visavis.delivery.dispatcher import Dispatcher
from visavis.delivery.screens import Screens
from visavis.delivery.webhooks import Webhooks
from visavis.devices.mirror.mirror import Mirror
from visavis.devices.mirror.timelines import Media
from visavis.http.access_keys import AccessKeys
from visavis.ledger.personal_view import missing, own_lines
from visavis.model.entry import Entry, WorldEntry, encode
from visavis.model.moment import CheckedIn, Entered, Linked, Moment, Paying, RanOut, Saw, Worn
from visavis.rights import export as rights_export
from visavis.rights import requests as desk
from visavis.rights.export import Export, opened, schema, signed
from visavis.rights.receipts import public_key, signing_key
from visavis.runtime import loop as loop_room
from visavis.runtime.clock import TurnedClock
from visavis.runtime.loop import Processor
from visavis.wiring import Server

pytestmark = pytest.mark.anyio
SHE = "camille-7f3a91"
LATER = NOON + timedelta(days=1)
SCHEMA = ROOT / "docs" / "export.schema.json"


async def furnished(name: str = SHE) -> Server:
    """A server where somebody left everything that a person can leave."""
    server = a_server(**every_way())
    server.strategy.purposes["account"] = replace(server.strategy.purposes["account"], recipients=("Fidélité SA",))
    server.writer.start()
    watch = Worn(id="watch", customer=name, occurred_at=NOON, device="w1", profile="watch")
    glasses = Worn(id="glasses-off", customer=name, occurred_at=NOON, device=word(name, "device"), worn=False)
    for one in (*everything(name), watch, glasses, *a_history(name, products=tuple(BRANDS[:4]))):
        await server.writer.process(one)
    await server.requests.hide(name, "SOAP")
    await server.writer.process(RanOut(id="out", customer=name, occurred_at=NOON, product=BRANDS[0]))
    beside(server, name)
    await server.writer.stop()
    return server


def beside(server: Server, name: str) -> None:
    """What is kept of a person beside the log: where to reach them, what speaks for them, and their timeline."""
    server.access_keys.issue("device", name, profile="watch")
    server.external_channels.addresses.keep(name, "mail", "", word(name, "mail").encode())
    timelines = server.mirror.timelines
    timelines.put(name, "timeline", "item-1", json.dumps({"id": "item-1", "text": word(name, "item")}).encode())
    timelines.put(
        name, "contacts", "contact-1", json.dumps({"id": "contact-1", "displayName": word(name, "contact")}).encode()
    )
    timelines.attach(name, "item-1", Media("photo-1", "image/png", PHOTO))


PHOTO = b"\x89PNG \x00\xff"


def taken(name: str = SHE) -> tuple[Server, Export]:
    async def take() -> tuple[Server, Export]:
        server = await furnished(name)
        again = a_writer(server)
        again.start()
        copy = await server.requests.export(name)
        await again.stop()
        return server, copy

    return asyncio.run(take())


def a_writer(server: Server) -> Any:
    """The same loop under a writer of this event loop."""
    from visavis.runtime.writer import Writer

    server.writer = Writer(server.processor, threaded=False)
    server.requests.people.writer = server.writer
    return server.writer


def check_that_the_copy_is_complete(copy: Export, server: Server, name: str = SHE) -> None:
    """Everything that their keys open is there, and so is everything that follows from it."""
    told = json.loads(msgspec.json.encode(copy))
    text = json.dumps(told, ensure_ascii=False)
    held = [encode(entry) for entry in server.log.of(name)]
    assert [encode(entry) for entry in copy.entries] == held, "the entries are not those of the log"
    for one in words_of(name):
        assert one in text, f"a word of theirs is missing: {one}"
    customer = server.processor.customer(name)
    assert set(told["inferred"]["habits"]) == set(customer.purchases.rows), "habits are missing"
    for head in ("visit", "forgotten", "week"):
        assert set(told["inferred"]["needs"][head]) == set(customer.purchases.rows), "needs are missing"
    assert told["inferred"]["hidden"] == ["SOAP"], "what was hidden is missing"
    assert told["inferred"]["reluctance"] == customer.service.reluctance, "what was concluded is missing"
    assert set(told["inferred"]["held_out"]) == {
        key for key, one in server.strategy.objectives.items() if one.holdout_share
    }, "control groups are missing"
    assert told["observed"]["numbers"].keys() == customer.numbers.keys(), "numbers are missing"
    assert told["declared"]["traits"] == customer.preferences, "what was declared is missing"
    assert [one["purpose"] for one in told["purposes"]] == list(server.strategy.purposes), "purposes are missing"
    for one in told["purposes"]:
        purpose = server.strategy.purposes[one["purpose"]]
        assert all([one["iri"], one["basis"]]), "a ground is missing"
        assert one["recipients"] == list(purpose.recipients), "recipients are missing"
        kept_until = datetime.fromisoformat(one["kept_until"])
        assert kept_until >= NOON + timedelta(days=purpose.retention_days), "a retention date is missing"
        assert (one["choice"] is not None) is (one["purpose"] in customer.consents), "a choice is missing"
    assert len(told["notices_served"]) == len(told["choices_made"]) == 8, "a history is missing"
    assert set(told["logic"]) == {"fr", "en"}
    assert all(told["logic"].values()), "the logic is missing"
    assert {"places", "sight", "purchases", "home", "numbers", "preferences", "orders"} <= set(told["sources"]), (
        "a source is missing"
    )
    assert any(use["by"] == "person" for use in told["uses"]), "that a copy was taken is missing"
    assert told["brought"].keys() == server.accounts.of([name]).brought.keys() != set(), "what it brought is missing"
    assert set(told["devices"]) == set(customer.devices), "devices are missing"
    assert [one["key"] for one in told["orders"]] == [one.key for one in customer.orders], "orders are missing"
    kept = told["kept"]
    assert all(one["of"] == name for things in kept.values() for one in things)
    assert [(one["kind"], one["address"]) for one in kept["addresses"]] == [("mail", word(name, "mail"))], (
        "an address is missing"
    )
    keys = [key for key in server.access_keys.listed() if key.subject == name]
    assert (
        [(one["id"], one["role"], one["profile"]) for one in kept["access_keys"]]
        == [(key.id, key.role, key.profile) for key in keys]
        != []
    ), "a key is missing"
    assert all(datetime.fromisoformat(one["made_at"]).tzinfo for one in kept["access_keys"]), (
        "when a key was made is missing"
    )
    timeline = {one["collection"]: one for one in kept["mirror"]}
    assert timeline.keys() == {"timeline", "contacts", "attachments"}, "a part of the timeline is missing"
    assert timeline["timeline"]["content"]["text"] == word(name, "item"), "an item is missing"
    assert (timeline["attachments"]["type"], b64decode(timeline["attachments"]["data"])) == ("image/png", PHOTO), (
        "an attachment is missing"
    )
    effects = {effect.key for entry in server.log.of(name) for effect in entry.effects}
    assert {one["key"] for one in kept["webhooks"]} == effects != set(), "what became of an effect is missing"
    assert (
        {one["decision"] for one in kept["screens"]}
        == {one.show.id for one in (server.screens.card(name), server.screens.brief_of(name)) if one is not None}
        != set()
    ), "what is on a screen is missing"
    assert {one["decision"] for one in kept["dispatcher"]} == set(server.dispatcher.parcels), (
        "what is on its way is missing"
    )


def test_the_copy_holds_everything_that_the_persons_keys_open() -> None:
    server, copy = taken()

    check_that_the_copy_is_complete(copy, server)


FORGOTTEN: dict[str, tuple[str, str, str]] = {
    "inferred values left out": ('"habits": habits,', '"habits": {},', "habits are missing"),
    "needs left out": ('"needs": _needs(world, customer, now),', '"needs": {head: {} for head in _HEADS},', "needs"),
    "control groups left out": (
        "for key, objective in strategy.objectives.items() if objective.holdout_share",
        "for key, objective in ()",
        "control groups",
    ),
    "one entry left out": ("entries=tuple(entries),", "entries=tuple(entries)[1:],", "not those of the log"),
    "one purpose left out": ("return tuple(found)\n", "return tuple(found[1:])\n", "purposes are missing"),
    "choices left out": ("(Consented, Withdrew, Objected)", "(Withdrew, Objected)", "a history is missing"),
    "uses left out": (
        "for entry in entries for use in entry.uses",
        "for entry in () for use in entry.uses",
        "a copy was taken",
    ),
    "what sharing brought left out": (
        "brought={purpose: asdict(gains) for purpose, gains in brought.items()},",
        "brought={},",
        "what it brought",
    ),
    "devices left out": ("devices=_named(customer.devices),", "devices={},", "devices are missing"),
    "sources left out": ("sources=_sources(entries),", "sources={},", "a source is missing"),
}


@pytest.mark.parametrize("mutant", FORGOTTEN)
def test_a_product_that_leaves_something_out_is_caught(
    mutant: str, whole: tuple[Server, Export], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken_again() -> Export:
        again = a_writer(server)
        again.start()
        copy = await server.requests.export(SHE)
        await again.stop()
        return copy

    server, (old, new, told) = whole[0], FORGOTTEN[mutant]
    mutate(monkeypatch, rights_export, old, new)
    copy = asyncio.run(taken_again())

    with pytest.raises(AssertionError, match=told):
        check_that_the_copy_is_complete(copy, server)


SILENT: dict[str, tuple[type, str]] = {
    "addresses": (Addresses, "an address is missing"),
    "access_keys": (AccessKeys, "a key is missing"),
    "mirror": (Mirror, "the timeline is missing"),
    "webhooks": (Webhooks, "an effect is missing"),
    "screens": (Screens, "on a screen is missing"),
    "dispatcher": (Dispatcher, "on its way is missing"),
}


@pytest.mark.parametrize("holder", SILENT)
def test_who_holds_something_and_tells_nothing_is_caught(holder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    silent, told = SILENT[holder]
    monkeypatch.setattr(silent, "export_personal_data", lambda *_: [])
    server, copy = taken()

    assert list(copy.kept) == [one.name for one in server.requests.people.holders], "a holder is not asked"
    assert set(copy.kept) > set(SILENT)
    with pytest.raises(AssertionError, match=told):
        check_that_the_copy_is_complete(copy, server)


@pytest.fixture(scope="module")
def whole() -> tuple[Server, Export]:
    return taken()


def test_the_form_of_a_copy_is_published_and_every_copy_has_it(whole: tuple[Server, Export]) -> None:
    published = json.loads(SCHEMA.read_text())
    assert published == json.loads(msgspec.json.encode(schema())), (
        "write docs/export.schema.json anew: visavis rights schema"
    )
    jsonschema.Draft202012Validator.check_schema(published)
    checker = jsonschema.Draft202012Validator(published)
    told = json.loads(msgspec.json.encode(whole[1]))

    checker.validate(told)
    for spoilt in (
        {**told, "form": "other"},
        {**told, "more": 1},
        {key: value for key, value in told.items() if key != "inferred"},
    ):
        assert not checker.is_valid(spoilt)


HUNDRED = 100


def events(name: str) -> list[Moment]:
    """What happens next: a hundred moments of every kind that wakes something."""
    found: list[Moment] = []
    for i in range(HUNDRED):
        at = LATER + timedelta(hours=3 * i)
        one: Moment
        match i % 6:
            case 0:
                one = Entered(id=f"n{i}", customer=name, occurred_at=at, place="s1")
            case 1:
                one = Saw(id=f"n{i}", customer=name, occurred_at=at, product=BRANDS[i % 4])
            case 2:
                one = Paying(id=f"n{i}", customer=name, occurred_at=at, place="s1", lines=lines(BRANDS[i % 4]))
            case 3:
                one = RanOut(id=f"n{i}", customer=name, occurred_at=at, product=BRANDS[i % 4])
            case 4:
                one = CheckedIn(id=f"n{i}", customer=name, occurred_at=at, place="s1")
            case _:
                one = Entered(id=f"n{i}", customer=name, occurred_at=at, place="s1-front")
        found.append(one)
    return found


def lived_on(loop: Processor, name: str) -> list[bytes]:
    """What this server decides on them, and on whatever falls due between."""
    told: list[bytes] = []
    for one in events(name):
        assert isinstance(loop.clock, TurnedClock)
        loop.clock.turn(one.occurred_at.timestamp())
        answers = [*loop.wake(), loop.step(one)]
        loop.commit()
        told += [encode(answer.entry) if answer.entry is not None else b"refused" for answer in answers]
    return told


def elsewhere(server: Server) -> Server:
    """A new server under the same root key, strategy and world, with all that the first one learned."""
    other = a_server(at=NOON)
    other.processor.world = server.processor.world
    other.processor.worlds = server.processor.worlds
    return other


def check_that_life_goes_on(carried: Callable[[Export], Export] = lambda copy: copy) -> None:
    """Taken away and brought in elsewhere, the next hundred moments are decided as they would have been."""

    async def bring(server: Server, copy: Export) -> Server:
        other = elsewhere(server)
        a_writer(other).start()
        key = server.requests.key
        assert await other.requests.bring_in(SHE, signed(copy, key), public_key(key)) == len(copy.entries)
        await other.writer.stop()
        lines, known_by = [line for _, line in other.log.lines_of(SHE)], other.log.audit_key(SHE)
        assert not missing(own_lines(lines, known_by), other.log.of(SHE), known_by), (
            "a use that was brought in has no line"
        )
        return other

    server, copy = taken()
    other = asyncio.run(bring(server, carried(copy)))
    here, there = lived_on(server.processor, SHE), lived_on(other.processor, SHE)
    assert sum(b"show" in one for one in here) >= 5, "nothing was shown: this proves nothing"
    assert here == there, "the decisions differ"


def test_a_life_goes_on_elsewhere_with_the_same_hundred_decisions() -> None:
    check_that_life_goes_on()


def _without(*kinds: type[Moment]) -> Callable[[Export], Export]:
    return lambda copy: replace(
        copy, entries=tuple([entry for entry in copy.entries if not isinstance(entry.moment, kinds)])
    )


def test_a_copy_without_device_events_is_caught() -> None:
    with pytest.raises(AssertionError, match="decisions differ"):
        check_that_life_goes_on(_without(Worn))


def test_a_copy_without_what_was_shown_is_caught() -> None:
    with pytest.raises(AssertionError, match="decisions differ"):
        check_that_life_goes_on(
            lambda copy: replace(copy, entries=tuple([replace(entry, decisions=()) for entry in copy.entries]))
        )


def test_an_import_that_writes_no_lines_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch, loop_room, "self.write(entries)\n", "self.log.commit(entries)\n")
    with pytest.raises(AssertionError, match="has no line"):
        check_that_life_goes_on()


CARD = "LOYALTY-4711"


def check_that_who_was_merged_comes_along_whole() -> None:
    """One copy, under either name, of a person and of the card that is theirs; elsewhere they are one person still."""

    async def merged() -> tuple[Server, Export, Server]:
        server = await furnished()
        a_writer(server).start()
        for one in a_history("al", products=tuple(BRANDS[2:6])):
            await server.writer.process(one)
        for name in ("al", SHE):
            await server.writer.process(Linked(id="one-person", customer=name, occurred_at=NOON, identifier=CARD))
        assert server.processor.names("al") == server.processor.names(SHE)
        copy = await server.requests.export("al")
        assert len(copy.entries) == len(list(server.log.of("al"))) + len(list(server.log.of(SHE))), "a side is missing"
        told = [line.encode() for line in copy.ledger]
        for name, known_by in copy.audit_keys.items():
            mine = list(own_lines(told, bytes.fromhex(known_by)))
            assert mine, "a key is missing"
            assert not missing(
                mine, [entry for entry in copy.entries if entry.customer == name], bytes.fromhex(known_by)
            ), "a line is missing"
        other, key = elsewhere(server), server.requests.key
        a_writer(other).start()
        assert await other.requests.bring_in("al", signed(copy, key), public_key(key)) == len(copy.entries)
        await server.writer.stop()
        await other.writer.stop()
        return server, copy, other

    server, copy, other = asyncio.run(merged())
    assert other.processor.names("al") == other.processor.names(SHE) == server.processor.names("al"), (
        "two persons again"
    )
    here, there = lived_on(server.processor, SHE), lived_on(other.processor, SHE)
    assert sum(b"show" in one for one in here) >= 5, "nothing was shown: this proves nothing"
    assert here == there, "the decisions differ"
    assert set(copy.brought), "what it brought is missing"


def test_who_was_merged_comes_along_whole() -> None:
    check_that_who_was_merged_comes_along_whole()


def test_a_copy_of_one_name_only_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Processor, "entries_of", lambda loop, name: list(loop.log.of(name)))
    with pytest.raises(AssertionError, match="a side is missing"):
        check_that_who_was_merged_comes_along_whole()


async def brought(copy: str, name: str = SHE, key: Any = None, *, before: Any = None) -> tuple[httpx.Response, Server]:
    other = a_server()
    async with running(other) as brand:
        if before is not None:
            assert (await brand.post(MOMENTS, json=before)).status_code == 200
        return await brand.post(
            f"/v1/people/{name}/import", json={"export": copy, **({"key": key} if key is not None else {})}
        ), other


def check_that_it_is_refused_whole(copy: str, name: str = SHE, key: Any = None) -> None:
    told, other = asyncio.run(brought(copy, name, key))
    assert told.status_code == 422, told.text
    assert told.json()["detail"].count(".") == 1, "one clear sentence"
    assert not list(other.log.of(name)), "something was kept"
    assert not any(isinstance(entry, Entry) for _, entry in other.log.scan()), "something was kept"
    assert not other.processor.customer(name).entries, "something is remembered"
    assert all(isinstance(entry, WorldEntry) for _, entry in other.log.scan())


def test_what_is_foreign_broken_or_edited_is_refused_whole(whole: tuple[Server, Export]) -> None:
    server, copy = whole
    key = server.requests.key
    token = signed(copy, key)
    head, payload, signature = token.split(".")
    edited = (
        payload[: len(payload) // 2]
        + ("A" if payload[len(payload) // 2] != "A" else "B")
        + payload[len(payload) // 2 + 1 :]
    )
    stranger = signing_key(b"s" * 32)
    check_that_it_is_refused_whole(signed(copy, stranger))
    check_that_it_is_refused_whole(token, key=public_key(stranger))
    check_that_it_is_refused_whole(token, "somebody-else")
    check_that_it_is_refused_whole(f"{head}.{edited}.{signature}")
    check_that_it_is_refused_whole(token[: len(token) // 2])
    check_that_it_is_refused_whole("{}")
    check_that_it_is_refused_whole(server.requests.signed(copy, "erasure-receipt"))
    check_that_it_is_refused_whole(signed(replace(copy, entries=(*copy.entries, copy.entries[0])), key))
    check_that_it_is_refused_whole(signed(replace(copy, entries=()), key))


def test_an_edited_copy_that_is_believed_is_caught(
    whole: tuple[Server, Export], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, copy = whole

    def believing(token: str | bytes, public: Any, person: str) -> Export:
        return replace(copy, person=person)

    monkeypatch.setattr(desk, "opened", believing)
    with pytest.raises(AssertionError):
        check_that_it_is_refused_whole(signed(copy, signing_key(b"s" * 32)))
    assert opened(signed(copy, server.requests.key), public_key(server.requests.key), SHE).entries == copy.entries


def test_nobody_is_overwritten_by_an_import(whole: tuple[Server, Export]) -> None:
    server, copy = whole
    told, other = asyncio.run(brought(signed(copy, server.requests.key), before=moment("worn", SHE)))

    assert told.status_code == 403
    assert len(list(other.log.of(SHE))) == 1


async def test_only_the_person_and_the_brand_take_a_copy_and_only_the_brand_brings_one_in() -> None:
    server = a_server()
    async with running(server) as brand:
        await brand.post(MOMENTS, json=[moment("worn", "bo"), moment("worn", "al")])
        async with client(server, server.access_keys.issue("device", "bo")) as bo:
            assert (await bo.get("/v1/people/bo/export")).status_code == 200
            assert (await bo.get("/v1/people/al/export")).status_code == 403
            assert (await bo.post("/v1/people/bo/import", json={"export": "x"})).status_code == 403
            found = await bo.get("/v1/people/bo/export?format=signed")
            assert opened(found.text, public_key(server.requests.key), "bo").person == "bo"
            assert (await bo.get("/v1/people/bo/requests")).json()
        assert (await brand.get("/v1/people/nobody/export")).status_code == 404
        assert (await brand.get("/v1/people/bo/export")).status_code == 200
        taken_by = [use.by for entry in server.log.of("bo") for use in entry.uses if use.purpose == "rights"]
        assert taken_by == ["person", "person", "brand@desk"], "who took a copy is not who the ledger tells"
