"""Nobody acts in another's name: ids of our own, retries, and reads by staff."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.doors import MOMENTS, a_server, client, every_way, moment, operations, running, shops, switch
from support.people import BRANDS
from visavis.http.routes import STAFF, Operation
from visavis.model.decoding import decode, from_builtins
from visavis.model.entry import Entry
from visavis.model.errors import Invalid
from visavis.model.ids import ID_LIMIT, OWN, check_sent_id, decision_id, own_id
from visavis.model.moment import Consulted
from visavis.rights.requests import Requests
from visavis.wiring import Server

pytestmark = pytest.mark.anyio
LINES = [[product, 1, 100] for product in BRANDS[:4]]
WARNED = "the server's own"


def entries(server: Server, name: str) -> list[Entry]:
    return list(server.log.of(name))


def reads(server: Server, name: str) -> list[Consulted]:
    return [entry.moment for entry in entries(server, name) if isinstance(entry.moment, Consulted)]


def lines_of(server: Server) -> int:
    server.ledger.follow()
    return len(server.ledger)


# Ids of our own


@given(st.text(max_size=140), st.lists(st.text(max_size=140), min_size=1, max_size=3))
def test_no_sender_can_send_an_id_of_ours(tail: str, parts: list[str]) -> None:
    ours = own_id("seen", *parts)

    assert ours == own_id("seen", *parts)
    assert ours.startswith(OWN)
    assert len(ours) <= ID_LIMIT
    for name in (ours, OWN + tail):
        with pytest.raises(Invalid):
            check_sent_id(name)


def test_a_decision_cannot_be_named_without_the_key() -> None:
    made = {decision_id(key, "camille", "m1", "customer") for key in (b"k", b"l", b"m")}

    assert len(made) == 3


@pytest.mark.parametrize("role", ["brand", "till", "device", "sensor", "adviser"])
async def test_every_role_is_refused_an_id_of_ours_over_http(role: str) -> None:
    server = a_server()
    sent = moment("bought", id="~answer-d1", place="s1", lines=LINES)
    subject = {"brand": "", "till": "s1", "adviser": "s1"}.get(role, "bo")
    async with running(server), client(server, server.access_keys.issue(role, subject)) as one:
        alone = await one.post(MOMENTS, json=sent)
        array = await one.post(MOMENTS, json=[sent])
        lines = await one.post(
            MOMENTS, content=b"%s" % alone.request.content, headers={"content-type": "application/x-ndjson"}
        )

    assert alone.status_code == 422
    assert WARNED in alone.json()["detail"]
    assert array.json()[0]["status"] == lines.json()["status"] == 422
    assert entries(server, "bo") == []


def test_a_story_and_a_position_of_the_mirror_are_refused_an_id_of_ours() -> None:
    server = a_server()
    now = server.processor.clock.now()
    sent = {**moment(id="~due-1"), "occurred_at": now}
    with pytest.raises(Invalid, match=WARNED):
        from_builtins(sent, received_at=now)
    with pytest.raises(Invalid, match=WARNED):
        decode(
            b'{"kind":"entered","id":"~m1","customer":"bo","occurred_at":"2026-11-24T09:59:00Z","place":"s1"}',
            received_at=now,
        )


async def test_a_position_over_the_mirror_cannot_take_an_id_of_ours() -> None:
    server = a_server()
    where = {"id": "~answer-d1", "latitude": 39.1075, "longitude": -84.4953}
    async with running(server) as brand, client(server, server.access_keys.issue("device", "bo")) as own:
        await switch(brand, "bo", "place-moment")
        told = await own.post("/mirror/v1/locations", json=where)

    assert told.status_code == 400, told.text
    assert not [entry for entry in entries(server, "bo") if entry.moment.kind == "entered"]


async def test_what_the_server_makes_of_its_own_accord_is_named_by_it() -> None:
    """Each of these was under an id that a till could send first."""
    server = a_server()
    async with running(server) as brand, client(server, server.access_keys.issue("device", "bo")) as own:
        await own.post(MOMENTS, json=moment(id="w1"), headers={"sec-gpc": "1"})
        await switch(brand, "bo", "reminders")
        await switch(own, "bo", "reminders")
        await own.put("/v1/people/bo/objections/marketing", json={"on": True})
        await own.put("/v1/people/bo/restriction", json={"on": True})
        await brand.get("/v1/people/bo/wallet")

    made = {entry.moment.id for entry in entries(server, "bo")} - {"w1"}
    assert len(made) >= 8
    assert {name[0] for name in made} == {OWN}


# Retries


async def test_a_retry_after_a_no_says_that_it_was_kept_and_no_more() -> None:
    server = a_server()
    pays = moment("paying", id="till", place="s1", lines=LINES[:1])
    async with running(server) as brand:
        await switch(brand, "bo", "reminders")
        await shops(brand, server, "bo")
        first = (await brand.post(MOMENTS, json=pays)).json()
        again = (await brand.post(MOMENTS, json=pays)).json()
        read = [one for one in reads(server, "bo") if one.about == "till"]
        await switch(brand, "bo", "reminders", on=False)
        after = (await brand.post(MOMENTS, json=pays)).json()

    assert first["decisions"]
    assert again["retried"]
    assert again["decisions"] == first["decisions"]
    assert len(read) == 1, "to the brand a retry is a read"
    assert after == {"id": "till", "kept": True, "retried": True}
    assert len([one for one in reads(server, "bo") if one.about == "till"]) == 1


async def test_who_sends_something_else_under_a_known_id_hears_nothing_of_what_was_kept() -> None:
    server = a_server()
    keys = server.access_keys
    async with running(server) as brand:
        for purpose in ("place-moment", "reminders", "recognition", "adviser-brief"):
            await switch(brand, "bo", purpose)
        await shops(brand, server, "bo")
        briefed = (await brand.post(MOMENTS, json=moment("checked_in", id="in", place="s1"))).json()
        decisions = {one["audience"]: one["decision"] for one in briefed["decisions"]}
        async with (
            client(server, keys.issue("adviser", "s1")) as adviser,
            client(server, keys.issue("till", "s2")) as till,
        ):
            fake = moment("displayed", id="in", decision=decisions["adviser"])
            told = await adviser.post(MOMENTS, json=fake)
            elsewhere = await till.post(MOMENTS, json=moment("checked_in", id="in", place="s2"))
            same = await till.post(MOMENTS, json=moment("checked_in", id="in", place="s1"))

    assert told.json() == {"id": "in", "kept": True, "retried": True}
    assert elsewhere.json() == {"id": "in", "kept": True}, "not even that it was kept before"
    assert same.status_code == 403, "a till of another place"


# Reads by staff


BODIES: dict[str, Any] = {
    "/v1/people/{person}/purposes/{purpose}": {"on": True},
    "/v1/people/{person}/categories/{category}": {"on": False},
}
STAFFED = [one for one in operations(a_server(**every_way())) if "{person}" in one.path and STAFF & set(one.roles)]


def test_every_endpoint_about_a_person_says_what_it_tells_staff() -> None:
    assert len(STAFFED) >= 15
    assert all(one.reads is not None for one in STAFFED)
    with pytest.raises(TypeError, match="reads"):
        Operation("GET", "/v1/people/{person}/secrets", "Secrets.", ("brand", "device"))
    Operation("GET", "/v1/people/{person}/secrets", "Secrets.", ("device",))


@pytest.mark.parametrize("operation", [one for one in STAFFED if one.method == "GET"], ids=lambda one: one.id)
async def test_each_read_by_the_brand_has_its_line_and_of_nobody_has_none(operation: Operation) -> None:
    server = a_server(**every_way())
    async with running(server) as brand:
        await switch(brand, "bo", "reminders")
        await shops(brand, server, "bo")
        decided = (await brand.post(MOMENTS, json=moment("paying", id="till", place="s1", lines=LINES[:1]))).json()[
            "decisions"
        ][0]["decision"]
        values = {"moment": "till", "decision": decided, "purpose": "reminders"}
        lines, before = lines_of(server), len(entries(server, "bo"))
        path = re.sub(r":\w+}", "}", operation.path)
        of_bo = await brand.get(path.format(person="bo", **values))
        after = lines_of(server)
        async with client(server, server.access_keys.issue("device", "bo")) as own:
            of_self = await own.get(path.format(person="bo", **values))
        by_self = lines_of(server)
        of_nobody = await brand.get(path.format(person="nobody-here", **values))

    assert of_bo.status_code == of_self.status_code == 200, of_bo.text
    assert after - lines == 1
    assert len(entries(server, "bo")) > before
    assert by_self - after == (operation.path.endswith("/export")), "one's own reading is recorded only as a copy"
    assert of_nobody.status_code in (200, 404)
    assert lines_of(server) == by_self
    assert entries(server, "nobody-here") == []


async def test_lists_of_requests_reviews_and_devices_are_read_of_each_person_whom_they_name() -> None:
    server = a_server()
    keys = server.access_keys
    async with running(server) as brand:
        for name in ("bo", "al"):
            async with client(server, keys.issue("device", name)) as own:
                await own.post(MOMENTS, json=moment(customer=name))
                await own.put("/v1/people/" + name + "/objections/marketing", json={"on": True})
        await waits(server.requests, "bo")
        keys.issue("device", "never-came")
        told = (await brand.get("/v1/requests")).json()
        devices = (await brand.get("/v1/devices?person=bo")).json()
        nobody = (await brand.get("/v1/devices?person=never-came")).json()
        assert (await brand.get("/v1/reviews")).json() == []

    assert {one["customer"] for one in told} == {"bo"}
    assert devices
    assert nobody == []
    assert [one.about for one in reads(server, "bo")] == ["requests", "devices"]
    assert reads(server, "al") == []
    assert entries(server, "never-came") == []


async def waits(requests: Requests, name: str) -> None:
    await requests.acknowledge(name, "access")


# What a moment may name


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (moment("declared", trait="diagnosis", value="HIV positive"), 422),
        (moment("declared", trait="organic", value="HIV positive"), 422),
        (moment("declared", trait="organic", value=True), 200),
        (moment("declared", trait="size", value="M"), 200),
        (moment("declared", trait="size", value="XXL"), 422),
        (moment("declared", trait="first_name", value="Bo"), 200),
        (moment("declared", trait="first_name", value="x" * 61), 422),
        (moment("measured", measure="emotion.anger", value=0.9), 422),
        (moment("measured", measure="water", value=0.9, unit="L"), 200),
        (moment("measured", measure="water", value=0.9, unit="tears"), 422),
        (moment("saw", product="48.1113,-1.6800"), 422),
        (moment("saw", product="Jeanne Martin"), 422),
        (moment("saw", product="3017620422004"), 422),
        (moment("saw", product="3017620422003"), 200),
        (moment("saw", product="p7"), 200),
        (moment("saw", product="https://shop.example/HIV/01/03017620422003/21/JEANNE"), 200),
        (moment("bought", place="s1", lines=[["Jeanne Martin", 1, 100]]), 422),
        (moment("bought", place="s1", lines=[["https://shop.example/01/03017620422003/21/JEANNE", 1, 100]]), 200),
        (moment("bought", place="48.1113,-1.6800", lines=LINES), 422),
        (moment("bought", place="s9", lines=LINES), 200),
        (moment("entered", place="12 rue Haute"), 422),
        (moment("shared", product="the cake of Jeanne"), 422),
        (moment("ordered", order="o1", product="the cake of Jeanne"), 422),
    ],
)
async def test_only_what_is_declared_and_codes_come_in(sent: dict[str, Any], status: int) -> None:
    server = a_server()
    async with running(server) as brand:
        for purpose in ("place-moment", "look", "own-numbers", "adviser-brief"):
            await switch(brand, "bo", purpose)
        before = len(entries(server, "bo"))
        told = await brand.post(MOMENTS, json=sent)

    assert told.status_code == status, told.text
    kept = entries(server, "bo")[before:]
    assert len(kept) == (status == 200)
    assert "JEANNE" not in repr(kept)
    assert "HIV" not in told.text + repr(kept)
    if status == 422:
        assert told.json()["advice"]


async def test_a_correction_brings_in_nothing_undeclared() -> None:
    server = a_server()
    async with running(server) as brand:
        await switch(brand, "bo", "adviser-brief")
        await brand.post(MOMENTS, json=moment("declared", id="d", trait="organic", value=True))
        told = await brand.post(
            "/v1/people/bo/corrections", json={"moment": "d", "instead": {"trait": "diagnosis", "value": "HIV"}}
        )

    assert told.status_code == 422, told.text
    assert server.processor.customer("bo").preferences == {"organic": True}


async def test_an_unknown_code_is_seen() -> None:
    server = a_server()
    async with running(server) as brand:
        for number in range(2):
            await brand.post(MOMENTS, json=moment("bought", id=f"b{number}", place="s9", lines=[["p7", 1, 100]]))
        metrics = (await brand.get("/metrics")).text
        console = (await brand.get("/console?language=en", headers={"cookie": ""})).text

    assert 'visavis_unknown_codes_total{what="product"} 2.0' in metrics
    assert 'visavis_unknown_codes_total{what="place"} 2.0' in metrics
    assert "p7" in console
    assert "s9" in console
