"""Nobody acts in another's name: entries, lines and papers say who acted, and what only the person may do waits."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from support.doors import MOMENTS, a_server, moment, own, running
from support.people import NOON
from support.sabotage import mutate
from visavis.consent import confirmation
from visavis.ledger.record import read
from visavis.model.entry import Entry
from visavis.model.moment import Consented
from visavis.runtime.clock import TurnedClock
from visavis.wiring import Server

pytestmark = pytest.mark.anyio
PURPOSE = "/v1/people/bo/purposes/look"
PROOF = {"method": "paper form", "document": "form 1207", "at": "2026-11-20T09:00:00Z"}


def notice(server: Server) -> str:
    return server.strategy.purposes["look"].notice.version


def days_pass(server: Server, days: float) -> None:
    assert isinstance(server.processor.clock, TurnedClock)
    server.processor.clock.turn((NOON + timedelta(days=days)).timestamp())


async def is_on(person: httpx.AsyncClient) -> bool:
    found = (await person.get("/v1/people/bo/purposes")).json()
    return next(bool(one["on"]) for one in found if one["purpose"] == "look")


def last(server: Server, kind: type[Any]) -> Entry:
    return [entry for entry in server.log.of("bo") if isinstance(entry.moment, kind)][-1]


async def opened_by(server: Server, brand: httpx.AsyncClient, door: str) -> httpx.Response:
    """The brand tries to open what the person closed, by this door."""
    match door:
        case "switch":
            return await brand.put(PURPOSE, json={"on": True})
        case "proof":
            return await brand.put(PURPOSE, json={"on": True, "proof": PROOF})
        case "guardian":
            said = {"purpose": "look", "notice": notice(server), "by": "guardian"}
            return await brand.post(MOMENTS, json=moment("consented", id="y", at=NOON, **said))
        case "objection":
            return await brand.put("/v1/people/bo/objections/marketing", json={"on": False})
        case "restriction":
            return await brand.put("/v1/people/bo/restriction", json={"on": False})
        case "objected":
            return await brand.post(MOMENTS, json=moment("objected", id="o", at=NOON, about="marketing", on=False))
        case _:
            return await brand.post(MOMENTS, json=moment("restricted", id="r", at=NOON, on=False))


DOORS = ("switch", "proof", "guardian", "objection", "restriction", "objected", "restricted")


async def check_the_brand_opens_nothing(door: str) -> None:
    """Whatever the person closed stays closed, and waits on their own page until they say yes."""
    server = a_server()
    async with running(server) as brand, own(server, "bo") as person:
        await person.put(PURPOSE, json={"on": True})
        if door in ("switch", "proof", "guardian"):
            await person.put(PURPOSE, json={"on": False})
            # Closing again on its own account gives the brand no way to open.
            revoked = moment("withdrew", id="w", at=NOON, purpose="look", how="revoked")
            assert (await brand.post(MOMENTS, json=revoked)).status_code == 200
        elif "objec" in door:
            await person.put("/v1/people/bo/objections/marketing", json={"on": True})
        else:
            await person.put("/v1/people/bo/restriction", json={"on": True})
        before = server.processor.customer("bo")

        told = await opened_by(server, brand, door)

        assert told.status_code == 202, "it was taken"
        after = server.processor.customer("bo")
        assert not await is_on(person), "it was opened"
        assert (after.objections, after.restricted) == (before.objections, before.restricted), "it was lifted"
        [asked] = after.waiting
        page = (await person.get("/me", params={"language": "en"})).text
        assert asked.of in page
        assert "brand’s team ask" in page
        assert not any(entry.decisions for entry in server.log.of("bo")), "it is never shown elsewhere"

        done = await person.post("/me/confirm", json={"of": asked.of, "yes": True})

        assert done.status_code == 200, done.text
        assert await is_on(person), "a yes of the person opens"
        assert not server.processor.customer("bo").waiting


@pytest.mark.parametrize("door", DOORS)
async def test_the_brand_never_opens_what_the_person_closed(door: str) -> None:
    await check_the_brand_opens_nothing(door)


@pytest.mark.parametrize(
    ("door", "old", "new"),
    [
        ("switch", "choice.status not in OPENS", "choice.status == 'withdrawn'"),
        ("objected", "refused = moment.about in customer.objections", "refused = False"),
        ("restriction", "refused = customer.restricted", "refused = False"),
    ],
)
async def test_a_brand_that_may_open_is_caught(monkeypatch: pytest.MonkeyPatch, door: str, old: str, new: str) -> None:
    mutate(monkeypatch, confirmation, old, new)
    with pytest.raises(AssertionError, match=r"it was|waiting|unpack"):
        await check_the_brand_opens_nothing(door)


async def test_what_waits_is_refused_or_expires_and_asking_again_prolongs_nothing() -> None:
    server = a_server()
    async with running(server) as brand, own(server, "bo") as person:
        await person.put(PURPOSE, json={"on": True})
        await person.put(PURPOSE, json={"on": False})
        await brand.put(PURPOSE, json={"on": True})
        [asked] = server.processor.customer("bo").waiting
        days_pass(server, 20)
        await brand.put(PURPOSE, json={"on": True})
        assert server.processor.customer("bo").waiting == (asked,)

        days_pass(server, 31)
        late = await person.post("/me/confirm", json={"of": asked.of, "yes": True})
        assert late.status_code == 422
        assert not await is_on(person)

        await brand.put(PURPOSE, json={"on": True})
        [again] = server.processor.customer("bo").waiting
        assert (await person.post("/me/confirm", json={"of": again.of, "yes": False})).status_code == 200
        assert not server.processor.customer("bo").waiting
        assert not await is_on(person)


async def test_the_same_request_again_gets_the_same_answer() -> None:
    server = a_server()
    async with running(server) as brand, own(server, "bo") as person:
        await person.put("/v1/people/bo/restriction", json={"on": True})
        found = [await opened_by(server, brand, "restricted") for _ in range(2)]
        assert [(one.status_code, one.json()["waiting"]) for one in found] == [(202, True)] * 2
        other = await brand.post(MOMENTS, json=moment("objected", id="r", at=NOON, about="marketing", on=False))
        assert other.status_code == 409


async def test_an_entry_says_who_acted_and_where_and_no_sender_can_say_it() -> None:
    server = a_server()
    async with running(server) as brand, own(server, "bo") as person:
        key = server.access_keys.check(person.headers["authorization"].removeprefix("Bearer "))
        sent = moment("worn", id="w1", origin={"role": "brand", "key": "x"})
        await person.post(MOMENTS, json=sent)
        entry = server.log.entry("bo", "w1")
        assert entry is not None
        assert entry.origin == key.origin("api")
        await brand.post(MOMENTS, json=moment("worn", id="w2"))
        by_brand = server.log.entry("bo", "w2")
        assert by_brand is not None
        assert (by_brand.origin.role, by_brand.origin.key != key.id) == ("brand", True)
        assert "vv_brand" not in str(by_brand.origin)


async def test_the_ledger_the_page_and_the_receipt_name_who_recorded_a_choice() -> None:
    server = a_server()
    async with running(server) as brand, own(server, "bo") as person:
        assert (await brand.put(PURPOSE, json={"on": True, "proof": PROOF})).status_code == 200
        page = (await person.get("/me", params={"language": "en"})).text
        assert "Recorded by the brand’s team (paper form, form 1207)." in page
        assert [read(line).by for _, line in server.log.lines_of("bo")] == [
            "service",
            "brand",
            "brand",
        ]  # the last: its answer
        record = (await person.get(f"{PURPOSE}/receipt", params={"format": "record"})).json()
        [status] = record["dpv:hasConsentStatus"]
        assert status["dpv:isIndicatedBy"] == {"@id": "ex:controller"}
        assert "form 1207" in status["dpv:hasIndicationMethod"]
        yes = last(server, Consented)
        assert isinstance(yes.moment, Consented)
        assert yes.moment.since is not None
        assert yes.moment.since.isoformat() == "2026-11-20T09:00:00+00:00"

        await person.put(PURPOSE, json={"on": True})
        assert "Recorded by" not in (await person.get("/me", params={"language": "en"})).text
        assert [read(line).by for _, line in server.log.lines_of("bo")][-1] == "person"


@pytest.mark.parametrize(
    "proof", [{}, {"method": "form"}, PROOF | {"at": "2026-11-20T09:00:00"}, PROOF | {"at": "2027-01-01T00:00:00Z"}]
)
async def test_a_proof_says_how_where_and_when(proof: dict[str, str]) -> None:
    server = a_server()
    async with running(server) as brand:
        assert (await brand.put(PURPOSE, json={"on": True, "proof": proof})).status_code == 422


async def test_a_device_proves_nothing_by_itself() -> None:
    server = a_server()
    async with running(server), own(server, "bo") as person:
        assert (await person.put(PURPOSE, json={"on": True, "proof": PROOF})).status_code == 403
        assert not server.processor.customer("bo").entries, "a notice is noted as read for a choice that was not taken"
        assert not await is_on(person)


async def test_a_second_birth_date_makes_no_minor_an_adult() -> None:
    server = a_server()
    async with running(server) as brand:
        for name, date, status in (("b1", "2014-05-31", 200), ("b2", "1990-05-31", 403), ("b3", "2015-05-31", 200)):
            told = await brand.post(MOMENTS, json=moment("born", id=name, at=NOON, birth_date=date))
            assert told.status_code == status
    assert server.processor.customer("bo").of_age_at > NOON.timestamp()


async def test_no_choice_is_corrected_away() -> None:
    server = a_server()
    async with running(server) as brand, own(server, "bo") as person:
        await person.put(PURPOSE, json={"on": True})
        await person.put(PURPOSE, json={"on": False})
        no = [entry.moment.id for entry in server.log.of("bo")][-1]
        told = await brand.post("/v1/people/bo/corrections", json={"moment": no, "instead": None})
        assert told.status_code == 422
        assert not await is_on(person)
