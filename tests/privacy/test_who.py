"""Who is meant by an identifier, and how two persons become one: each has a say, and keeps what is their own."""

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.doors import MOMENTS, a_server, agree, client, moment, own, running, shops, switch
from support.people import BRANDS, NOON
from visavis.consent.confirmation import WAITS_DAYS
from visavis.consent.gate import view
from visavis.ledger.personal_view import lines_of_person
from visavis.model.entry import Entry, encode
from visavis.model.moment import Consulted, UsedTogether, Worn
from visavis.runtime.clock import TurnedClock
from visavis.wiring import Server

pytestmark = pytest.mark.anyio
CARD = "LOYALTY-4711"
HEALTH = frozenset({"numbers"})
BASKET: dict[str, Any] = {"place": "s1", "lines": [[BRANDS[0], 1, 200]]}


def bought(customer: str, id: str, **fields: Any) -> dict[str, Any]:  # noqa: A002
    return moment("bought", customer, id=id, **(BASKET | fields))


async def link(brand: httpx.AsyncClient, name: str, identifier: str = CARD, id: str = "") -> httpx.Response:  # noqa: A002
    return await brand.post(MOMENTS, json=moment("linked", name, id=id or f"l-{identifier}", identifier=identifier))


async def both_chose(brand: httpx.AsyncClient) -> None:
    for name in ("amy", "bo"):
        await switch(brand, name, "reminders")
    assert (await link(brand, "bo")).json()["linked"] == "linked"


def turn(server: Server, **by: float) -> None:
    assert isinstance(server.processor.clock, TurnedClock)
    server.processor.clock.turn((server.processor.clock.now() + timedelta(**by)).timestamp())


async def test_two_people_one_card_two_tills_one_of_them_at_night() -> None:
    """Bo's card is used at one till by day; Ada is linked to it; the other till reports at night, and again."""
    server = a_server()
    async with (
        running(server) as brand,
        client(server, server.access_keys.issue("till", "s1")) as day,
        client(server, server.access_keys.issue("till", "s2")) as night,
    ):
        await both_chose(brand)
        first = (await day.post(MOMENTS, json=bought(CARD, "t1"))).json()
        assert (await link(brand, "amy")).json()["linked"] == "waiting"
        late = bought(CARD, "t2", place="s2", at=NOON - timedelta(hours=2))
        lines = b"\n".join([httpx.Request("POST", "http://x", json=late).content] * 2)
        turn(server, hours=12)
        told = await night.post(MOMENTS, content=lines, headers={"content-type": "application/x-ndjson"})
        await agree(brand, "amy", "bo")
        again = [(await night.post(MOMENTS, json={**late, "customer": name})).json() for name in (CARD, "bo", "amy")]
        conflict = await brand.post(MOMENTS, json=late | {"customer": CARD, "lines": [[BRANDS[1], 1, 1]]})

    assert [entry.moment.id for entry in server.log.of("bo") if entry.moment.kind == "bought"] == ["t1", "t2"]
    assert not [entry for name in ("amy", CARD) for entry in server.log.of(name) if entry.moment.kind == "bought"]
    came_by = [entry.identifier for entry in server.log.of("bo") if entry.moment.kind == "bought"]
    assert came_by == list(server.processor.customer("bo").profile("bo").identifiers) * 2
    assert first == {"id": "t1", "kept": True}
    assert [one["retried"] for one in again] == [True, True, True]
    assert told.text.count("retried") == 1
    assert conflict.status_code == 409
    assert server.processor.customer("amy").names == ("amy", "bo")


async def test_a_till_hears_the_same_whether_an_identifier_is_linked_or_not() -> None:
    server = a_server()
    async with running(server) as brand, client(server, server.access_keys.issue("till", "s1")) as till:
        await both_chose(brand)
        await switch(brand, "bo", "place-moment")
        heard = []
        for card in (CARD, "NOBODYS-1"):
            sent = [
                bought(card, "t"),
                moment("paying", card, id="p", **BASKET),
                moment("redeeming", card, id="r", code="none"),
                moment("checked_in", card, id="c"),
                bought(card, "t", lines=[[BRANDS[1], 1, 1]]),
                moment("checked_in", card, id="c"),
            ]
            answers = [await till.post(MOMENTS, json=one) for one in sent]
            heard.append([(one.status_code, one.json()) for one in answers])
    assert heard[0] == heard[1]


async def test_an_id_comes_before_an_identifier_and_cannot_be_linked() -> None:
    server = a_server()
    async with running(server) as brand:
        await both_chose(brand)
        taken = await link(brand, "cleo", "amy")
        assert taken.status_code == 403
        assert "id of another customer" in taken.json()["advice"]
        server.access_keys.issue("device", "dan")
        assert (await link(brand, "cleo", "dan")).status_code == 403
        await switch(brand, CARD, "reminders")  # somebody who is called as the card is
        device = server.access_keys.issue("device", "NEW-1")
        await link(brand, "bo", "NEW-1")
        async with client(server, device) as own:
            assert (await own.post(MOMENTS, json=moment(customer="NEW-1"))).status_code == 200
        for name in (CARD, "NEW-1"):
            await brand.post(MOMENTS, json=bought(name, "own"))
    assert [entry.moment.id for entry in server.log.of(CARD)][-1] == "own"
    assert [entry.moment.id for entry in server.log.of("NEW-1")] == ["m1", "own"]


@pytest.mark.parametrize("own_number", [True, False])
async def test_a_bare_card_extends_its_holder_whose_choices_stay(own_number: bool) -> None:
    server, card = a_server(), CARD if own_number else "card-account"
    async with running(server) as brand, client(server, server.access_keys.issue("till", "s1")) as till:
        await till.post(MOMENTS, json=bought(card, "t1"))
        if not own_number:
            await link(brand, card)
        await switch(brand, "amy", "reminders")
        before = server.processor.customer("amy").consents
        assert (await link(brand, "amy")).json()["linked"] == "linked"
        person = server.processor.customer("amy")
        assert (person.consents, set(person.names)) == (before, {"amy", card})
        assert not person.merges
        assert person.purchases.trips
        for name in (CARD, "amy"):
            assert (await brand.post(MOMENTS, json=bought(name, "t1"))).json()["retried"], name
        copy = (await brand.get("/v1/people/amy/export")).json()
        assert {entry[3]["id"] for entry in copy["entries"] if entry[3]["kind"] == "bought"} == {"t1"}
        await brand.post(MOMENTS, json=moment("unlinked", "amy", id="u", identifier=CARD))
        assert server.processor.customer("amy").names == ("amy",)
        assert server.processor.customer("amy").consents == before
        await link(brand, "amy", id="back")
        await brand.post("/v1/people/amy/erase", json={})
    assert not [entry for _, entry in server.log.scan() if isinstance(entry, Entry)]


async def test_nobody_is_merged_until_both_have_confirmed_on_their_own_page() -> None:
    server = a_server()
    keys = {name: server.access_keys.issue("device", name) for name in ("amy", "bo")}
    async with running(server) as brand, client(server, keys["amy"]) as amy, client(server, keys["bo"]) as bo:
        assert (await link(brand, "bo")).json()["linked"] == "linked"
        heard = [(await link(brand, "amy", id=f"l{i}")).json()["linked"] for i in range(2)]
        [waits] = (await bo.get("/v1/people/bo/merges")).json()
        assert (await amy.get("/v1/people/amy/merges")).json() == [waits]
        assert (await amy.get("/v1/people/bo/merges")).status_code == 403
        assert (await brand.get("/v1/people/bo/merges")).status_code == 403
        said = {"merge": waits["merge"], "yes": True}
        assert (await brand.post("/v1/people/bo/merges", json=said)).status_code == 403
        [left] = (await amy.post("/v1/people/amy/merges", json=said)).json()
        assert left["confirmed"]
        assert server.processor.customer("amy").names == ("amy",)
        assert (await bo.post("/v1/people/bo/merges", json=said | {"yes": False})).json() == []
        assert (await bo.post("/v1/people/bo/merges", json=said)).status_code == 404
        heard.append((await link(brand, "amy", id="l3")).json()["linked"])
        assert (await amy.get("/v1/people/bo/merges")).status_code == 403
        turn(server, seconds=WAITS_DAYS * 86_400)
        assert (await amy.get("/v1/people/amy/merges")).json() == []
        await link(brand, "amy", id="l4")
        [waits] = (await bo.get("/v1/people/bo/merges")).json()
        said = {"merge": waits["merge"], "yes": True}
        await bo.post("/v1/people/bo/merges", json=said)
        assert (await amy.post("/v1/people/amy/merges", json=said)).json() == []
        retry = (await link(brand, "amy", id="l4")).json()
    assert heard == ["waiting"] * 3
    assert retry["linked"] == "linked"
    assert set(server.processor.customer("amy").names) == {"amy", "bo"}


async def test_a_merge_that_is_over_is_not_confirmed() -> None:
    server = a_server()
    async with running(server) as brand:
        await both_chose(brand)
        await link(brand, "amy")
        await agree(brand, "amy")
        made = (await brand.post("/v1/people/bo/merge-code")).json()["code"]
        turn(server, seconds=WAITS_DAYS * 86_400)
        assert (await brand.post("/v1/people/bo/merge-code/use", json={"code": made})).status_code == 403
    assert server.processor.customer("amy").names == ("amy",)


async def test_a_code_is_of_one_person_for_one_use_and_few_attempts() -> None:
    server = a_server()
    async with running(server) as brand:
        await both_chose(brand)
        await link(brand, "amy")
        assert (await brand.post("/v1/people/nobody-here/merge-code")).status_code == 404
        old, new = [(await brand.post("/v1/people/bo/merge-code")).json()["code"] for _ in range(2)]

        async def use(name: str, code: str) -> httpx.Response:
            return await brand.post(f"/v1/people/{name}/merge-code/use", json={"code": code})

        wrong = [await use("bo", old), await use("amy", new), await use("nobody-here", new), await use("bo", "")]
        assert {one.status_code for one in wrong} == {403}
        assert len({one.text for one in wrong}) == 1
        assert (await use("bo", new.lower().replace("-", " "))).status_code == 204
        assert (await use("bo", new)).status_code == 403
        late = (await brand.post("/v1/people/amy/merge-code")).json()["code"]
        turn(server, days=14)
        assert (await use("amy", late)).status_code == 403
        good = (await brand.post("/v1/people/amy/merge-code")).json()["code"]
        for _ in range(9):
            await use("amy", "wrong")
        assert "Too many" in (await use("amy", good)).text
    written = b"".join([encode(entry) for _, entry in server.log.scan() if isinstance(entry, Entry)])
    assert all(code.replace("-", "").encode() not in written for code in (old, new, late, good))
    reads = [
        one for one in server.log.of("bo") if isinstance(one.moment, Consulted) and one.moment.about == "merge-code"
    ]
    assert len(reads) == 2
    assert server.processor.customer("amy").names == ("amy",)


async def test_the_brand_confirms_for_nobody_who_has_a_device() -> None:
    """Else its key alone would merge two people, by two codes that neither of them ever saw."""
    server = a_server()
    async with running(server) as brand:
        await both_chose(brand)
        early = (await brand.post("/v1/people/bo/merge-code")).json()["code"]
        async with own(server, "amy") as amy, own(server, "bo"):
            await link(brand, "amy")
            assert (await brand.post("/v1/people/amy/merge-code")).status_code == 403
            assert (await brand.post("/v1/people/bo/merge-code/use", json={"code": early})).status_code == 403
            shown = (await amy.post("/v1/people/amy/merge-code")).json()["code"]
            assert (await brand.post("/v1/people/amy/merge-code/use", json={"code": shown})).status_code == 204
    assert server.processor.customer("amy").names == ("amy",)


async def test_each_of_two_merged_closes_and_lifts_their_own() -> None:
    server = a_server()
    async with running(server) as brand, AsyncExitStack() as later:
        await switch(brand, "amy", "place-moment")
        await merged(server, brand)
        amy, bo = [await later.enter_async_context(own(server, name)) for name in ("amy", "bo")]
        await amy.put("/v1/people/amy/categories/places", json={"on": False})
        for name, device, on in (("amy", amy, True), ("bo", bo, True), ("amy", amy, False), ("bo", bo, False)):
            turn(server, hours=1)
            await device.put(f"/v1/people/{name}/restriction", json={"on": on})
    person = server.processor.customer("amy")
    assert person.profile("amy").consents["place-moment"].status == "withdrawn", "what only one opened was not closed"
    assert min(person.closed_times[""])[0] == NOON.timestamp() + 3600, "closed from before anybody asked for it"


async def test_a_card_that_waited_for_a_restriction_is_bare_still() -> None:
    server = a_server()
    async with running(server) as brand, own(server, "bo") as bo:
        await both_chose(brand)
        await bo.put("/v1/people/bo/restriction", json={"on": True})
        await brand.post(MOMENTS, json=bought("bare", "b1"))
        assert (await link(brand, "bare", id="first")).json()["linked"] == "waiting"
        await bo.put("/v1/people/bo/restriction", json={"on": False})
        assert (await link(brand, "bare", id="again")).json()["linked"] == "linked"
    assert len(server.processor.customer("bare").sides) == 1


async def test_a_signal_that_comes_by_an_identifier_objects_once() -> None:
    server = a_server()
    async with running(server) as brand:
        await both_chose(brand)
        for number in range(3):
            sent = bought(CARD, f"g{number}")
            assert (await brand.post(MOMENTS, json=sent, headers={"sec-gpc": "1"})).status_code == 200
    assert [entry.moment.kind for entry in server.log.of("bo")].count("objected") == 1


async def merged(server: Server, brand: httpx.AsyncClient) -> None:
    for name in ("amy", "bo"):
        await shops(brand, server, name)
        await switch(brand, name, "reminders")
    await link(brand, "bo")
    await link(brand, "amy")
    await agree(brand, "amy", "bo")
    assert set(server.processor.customer("amy").names) == {"amy", "bo"}


async def test_a_use_of_merged_data_has_its_line_under_each_profile() -> None:
    server = a_server()
    async with running(server) as brand:
        await merged(server, brand)
        told = (await brand.post(MOMENTS, json=moment("paying", "amy", id="p", **BASKET))).json()
        used = [one for one in told["uses"] if one["purpose"] == "reminders"]
        assert used
        mine, theirs = (lines_of_person(server.log, [name])[-1] for name in ("amy", "bo"))
        assert (mine.record.purpose, theirs.record.purpose) == ("reminders", "reminders")
        assert mine.record.outcome == theirs.record.outcome
        assert theirs.record.categories == ("purchases",)
        assert theirs.details is not None
        [entry] = [one for one in server.log.of("bo") if isinstance(one.moment, UsedTogether)]
        assert "amy" not in encode(entry).decode("latin-1")
        decision = told["decisions"][0]["decision"]
        for path in ("moments/p", f"decisions/{decision}/why"):
            assert (await brand.get(f"/v1/people/amy/{path}")).status_code == 200
        await brand.post(MOMENTS, json=moment("paying", "amy", id="p", **BASKET))
        reads = [one.moment for one in server.log.of("bo") if isinstance(one.moment, Consulted)]
        assert [(one.about, one.categories) for one in reads[-3:]] == [(entry.moment.id, ("purchases",))] * 3


async def test_the_stricter_holds_ever_since_and_each_is_told_why() -> None:
    server = a_server()
    async with running(server) as brand, AsyncExitStack() as later:
        await switch(brand, "amy", "home")
        await merged(server, brand)
        amy = await later.enter_async_context(own(server, "amy"))
        path = "/v1/people/amy/purposes?language=en"
        told = {one["purpose"]: (one["on"], one["closed_by"]) for one in (await amy.get(path)).json()}
        assert told["reminders"] == (True, "")
        assert told["home"] == (False, "merged")
        await amy.put("/v1/people/amy/purposes/home", json={"on": True})
        told = {one["purpose"]: one["on"] for one in (await amy.get(path)).json()}
        assert not told["home"], "one opened what the other had not"
        page = await amy.get("/me?language=en")
        assert "the person you were linked with closed it" in page.text
        assert "n’a jamais dit oui" in (await amy.get("/me?language=fr")).text


async def test_health_is_never_merged() -> None:
    server = a_server()
    async with running(server) as brand:
        for name, value in (("amy", 1.0), ("bo", 5.0)):
            await switch(brand, name, "own-numbers")
            await brand.post(MOMENTS, json=moment("measured", name, id="n1", measure="water", value=value))
        await merged(server, brand)
        await brand.post(MOMENTS, json=moment("measured", "amy", id="n2", measure="water", value=2.0))
        person = server.processor.customer("amy")
        assert not person.numbers
        assert [person.profile(name).numbers["water"].today for name in ("amy", "bo")] == [3.0, 5.0]
        for name, value in (("amy", 3.0), ("bo", 5.0)):
            seen = view(person, Worn(id="x", customer=name, occurred_at=NOON, device="g1"), HEALTH, NOON.timestamp())
            assert seen.numbers["water"].today == value


async def test_the_page_asks_and_both_languages_say_what_for() -> None:
    server = a_server()
    async with running(server) as brand, client(server, server.access_keys.issue("device", "amy")) as amy:
        await both_chose(brand)
        await link(brand, "amy")
        for language, word in (("en", "Are you the same person?"), ("fr", "Est-ce la même personne")):
            page = (await amy.get(f"/me?language={language}")).text
            assert word in page
            assert "24" in page
        [waits] = server.requests.merges.waiting("amy")
        said = await amy.post("/me/merge", json={"merge": waits.merge, "yes": True})
        assert said.status_code == 200
        assert f"apart-{waits.merge}" in said.text
        assert f"same-{waits.merge}" not in said.text


STEPS = st.lists(st.tuples(st.sampled_from(["amy", "bo", CARD]), st.integers(0, 5)), max_size=8)


@settings(max_examples=12, deadline=None, database=None, derandomize=True)
@given(STEPS)
async def test_neither_reads_exports_or_erases_what_is_the_others(steps: list[tuple[str, int]]) -> None:
    """Whatever two merged people do after another, each copy and each erasure is of one of them."""
    server = a_server()
    async with running(server) as brand:
        await merged(server, brand)
        for number, (name, kind) in enumerate(steps):
            sent = [
                bought(name, f"s{number}"),
                moment("paying", name, id=f"s{number}", **BASKET),
                moment("entered", name, id=f"s{number}"),
                moment("objected", name, id=f"s{number}", about="marketing", on=number % 2 == 0),
                moment("declared", name, id=f"s{number}", trait="organic", value=True),
                moment("withdrew", name, id=f"s{number}", purpose="reminders"),
            ][kind]
            await brand.post(MOMENTS, json=sent)
        kept = {name: [encode(entry) for entry in server.log.of(name)] for name in ("amy", "bo")}
        for name, other in (("amy", "bo"), ("bo", "amy")):
            copy = await server.requests.export(name)
            assert {entry.customer for entry in copy.entries} == {name}
            assert set(copy.audit_keys) == {name}
            assert f'"{other}"' not in (await brand.get(f"/v1/people/{name}/export")).text
            lines = {index for index, _ in server.log.lines_of(other)}
            assert lines.isdisjoint(line.index for line in lines_of_person(server.log, server.processor.names(name)))
            ids = [entry.moment.id for entry in server.log.of(other) if server.log.entry(name, entry.moment.id) is None]
            found = [(await brand.get(f"/v1/people/{name}/moments/{one}")).status_code for one in ids[:3]]
            assert set(found) <= {404}
        assert (await brand.post("/v1/people/amy/erase", json={})).status_code == 200
        rest = [encode(entry) for entry in server.log.of("bo")]
        assert rest[: len(kept["bo"])] == kept["bo"]
        assert not list(server.log.of("amy"))
        assert server.processor.customer("bo").names == ("bo",)
