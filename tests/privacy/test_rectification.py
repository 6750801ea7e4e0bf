"""P20: a correction holds everywhere: in decisions, cards, facts, copies, files, memory; consequences are redone."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.canary import traces
from support.doors import MOMENTS, a_server, client, moment, running, switch
from support.house import House
from support.people import BRANDS, NOON, a_history, lines, says_yes
from support.sabotage import Sabotage, mutate, replacing, wrapping
from visavis.customers import rights
from visavis.customers.fold import fold
from visavis.customers.reordered import reordered
from visavis.delivery.screens import Screens
from visavis.ledger.personal_view import lines_of_person
from visavis.model.customer import NAMES_LIMIT, bounded, newborn
from visavis.model.entry import Entry, encode
from visavis.model.moment import Bought, CheckedIn, Corrected, Declared, Entered, Linked, Moment, RanOut, Requested
from visavis.model.request import NEXT, months_after
from visavis.rights import rectification as rectify
from visavis.rights.people import People
from visavis.runtime.clock import TurnedClock
from visavis.runtime.loop import Processor
from visavis.runtime.replay import Difference, rebuild, verify
from visavis.wiring import Server

pytestmark = pytest.mark.anyio
SHE = "camille"
WRONG = "c7300910042"
NAME = "Wröng name 7f3a91"
RIGHT = "Right name"
GOOD = tuple(BRANDS[:2])


def life(*, wrong: bool = True) -> list[Moment]:
    """A person with wrong baskets and a wrong name, or, without, as it really was."""
    ago = NOON - timedelta(days=90)
    told: list[Moment] = [
        Linked(id="card", customer=SHE, occurred_at=ago, identifier="card-1"),
        *says_yes(SHE, "place-moment", "reminders", "tailored-offers", "home", "recognition", "adviser-brief", at=ago),
    ]
    told += a_history(SHE, products=GOOD)
    for week in range(6):
        products = (*GOOD, WRONG) if wrong else GOOD
        told.append(
            Bought(
                id=f"extra-{week}",
                customer=SHE,
                occurred_at=NOON - timedelta(days=40 - 7 * week),
                place="s1",
                lines=lines(*products),
            )
        )
    told.append(Declared(id="name", customer=SHE, occurred_at=NOON, trait="first_name", value=NAME if wrong else RIGHT))
    told += [
        CheckedIn(id="in", customer=SHE, occurred_at=NOON, place="s1"),
        Entered(id="door", customer=SHE, occurred_at=NOON, place="s1"),
    ]
    for i in range(8):
        told.append(RanOut(id=f"out-{i}", customer=SHE, occurred_at=NOON + timedelta(minutes=i), product=BRANDS[0]))
    return told


def corrected(house: House) -> None:
    async def put_right() -> None:
        kept = [[product, 1, 200] for product in GOOD]
        for week in range(6):
            await house.server.requests.correct(SHE, f"extra-{week}", {"lines": kept}, by_brand=True)
        await house.server.requests.correct(SHE, "name", {"value": RIGHT}, by_brand=False)

    house.run(put_right())


def held(server: Server) -> bytes:
    """All that is in memory of people, on screens, in the outbox, and in a copy taken now."""
    screens, outbox = server.screens, server.webhooks
    shown = [one for one in (screens.card(SHE), screens.brief_of(SHE)) if one is not None]
    parts: list[Any] = [
        server.processor.population.by_name(),
        [(one.show, encode(one.entry)) for one in shown],
        [encode(one.entry) for one in screens.recent],
        list(outbox.parcels.values()),
        [encode(entry) for _, entry in server.log.scan()],
        [holder.export_personal_data({SHE}) for holder in server.projections()],
    ]
    return msgspec.msgpack.encode(parts, enc_hook=str)


def check_that_a_correction_wins_everywhere(root: Path) -> None:
    with House(root) as house:
        house.process(life())
        before = held(house.server)
        assert WRONG.encode() in before, "nothing was wrong: this proves nothing"
        assert any(WRONG.encode() in msgspec.msgpack.encode(entry.decisions) for entry in house.server.log.of(SHE)), (
            "no decision rested on it"
        )
        corrected(house)
        for when in ("at once", "after a restart"):
            found = held(house.server)
            copy = msgspec.json.encode(house.run(house.server.requests.export(SHE)))
            for word in (WRONG, NAME):
                assert word.encode() not in found, f"{when}, the old value is still there"
                assert word.encode() not in copy, f"{when}, a copy shows the old value"
            assert house.server.screens.card(SHE) is None, f"{when}, a card is still on a screen"
            assert not house.server.screens.briefs("s1"), f"{when}, a brief is still on a screen"
            house.reopen()
        corrections = [entry for entry in house.server.log.of(SHE) if isinstance(entry.moment, Corrected)]
        assert len(corrections) == 7, "history does not tell that corrections happened"
        assert house.server.processor.customer(SHE).preferences["first_name"] == RIGHT, "the right value is not there"
        check_that_they_are_who_the_log_says(house)
        differences: list[Difference] = []
        verify(house.server.log, house.server.processor.randomization_key, found=differences.append)
        assert not differences, "replay asks about what was corrected"
        at = NOON + timedelta(days=1)
        house.clock.turn(at.timestamp())
        answers = house.process([Entered(id="later", customer=SHE, occurred_at=at, place="s1")])
        assert WRONG.encode() not in msgspec.msgpack.encode([one.entry for one in answers]), (
            "a decision rests on the old value"
        )
    assert not traces(root, [WRONG, NAME]), "the old value can be read in a file"


def check_that_they_are_who_the_log_says(house: House) -> None:
    """Derived values are those of somebody of whom the right thing was always known."""
    customer = house.server.processor.customer(SHE)
    again = newborn(SHE)
    for entry in house.server.log.of(SHE):
        again = fold(again, entry)
    log = house.server.log
    assert customer == reordered(again, log.of), "memory and log tell of two people"
    assert rebuild(log).population.customer(SHE) == again, "a restart makes somebody else of them"
    with House(house.root / "other") as other:
        other.process(life(wrong=False))
        truly = other.server.processor.customer(SHE)
    assert customer.purchases == truly.purchases, "a derived value rests on the old one"
    assert customer.preferences == truly.preferences
    assert customer.home == truly.home


def test_a_correction_wins_everywhere(tmp_path: Path) -> None:
    check_that_a_correction_wins_everywhere(tmp_path)


def remembering(amend: Any, loop: Processor, customer: str, entries: Any) -> None:
    before = loop.customer(customer)
    amend(loop, customer, entries)
    loop.population.replace([before], loop.population.holders())


_derived_kept = wrapping(Processor, "amend", remembering)


_decisions_kept = replacing(rectify, "_without", lambda entry, _gone, _untold: entry)


def _cards_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Screens, "_take_off", lambda _self, _names: 0)
    patch.setattr("visavis.customers.rights._recalled", lambda customer, _at, _decision="": customer)


_log_kept = replacing("visavis.store.sqlite.SqliteEntryLog.amend", lambda _self, _customer, _entries: None)


def _not_told(patch: pytest.MonkeyPatch) -> None:
    async def silent(self: People, moment: Moment) -> None:
        if not isinstance(moment, Corrected):
            await process(self, moment)

    process = People.process
    patch.setattr(People, "process", silent)


SABOTAGES: dict[str, tuple[Sabotage, str]] = {
    "derived values are kept": (_derived_kept, "still there|derived"),
    "decisions keep what they rested on": (_decisions_kept, "still there"),
    "cards stay": (_cards_kept, "still there|on a screen"),
    "the log keeps the old row": (_log_kept, "still there"),
    "history forgets that it happened": (_not_told, "history does not tell|on a screen|still there"),
}


@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_product_that_keeps_the_old_value_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotage: str
) -> None:
    spoil, told = SABOTAGES[sabotage]
    spoil(monkeypatch)

    with pytest.raises(AssertionError, match=told):
        check_that_a_correction_wins_everywhere(tmp_path)


async def check_that_what_was_used_stays_told() -> None:
    """A moment's uses are not part of its error: they stay, with lines that they open."""
    server = a_server()
    async with running(server) as brand:
        await switch(brand, "bo", "home")
        await brand.post(MOMENTS, json=moment("ran_out", id="out", product=BRANDS[0]))
        before, lines = server.log.entry("bo", "out"), lines_of_person(server.log, ["bo"])
        assert before is not None
        assert before.uses, "nothing was used: this proves nothing"
        await server.requests.correct("bo", "out", {"product": BRANDS[1]}, by_brand=False)
        after = server.log.entry("bo", "out")
        assert after is not None
        assert after.moment != before.moment
        assert after.uses == before.uses, "what was used is forgotten"
        assert lines_of_person(server.log, ["bo"])[: len(lines)] == lines, "a line is opened by no entry any more"


async def test_a_correction_forgets_no_use() -> None:
    await check_that_what_was_used_stays_told()


async def test_a_correction_that_forgets_what_was_used_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch, rectify, "return replace(entry, moment=new)", "return replace(entry, moment=new, uses=())")
    with pytest.raises(AssertionError, match="used is forgotten"):
        await check_that_what_was_used_stays_told()


async def test_a_correction_that_cannot_be_is_refused_with_one_sentence_and_nothing_changes() -> None:
    server = a_server()
    async with running(server) as brand, client(server, server.access_keys.issue("device", "bo")) as bo:
        for purpose in ("adviser-brief", "reminders"):
            await brand.put(f"/v1/people/bo/purposes/{purpose}", json={"on": True})
        await brand.post(
            MOMENTS,
            json=[
                moment("declared", "bo", id="d", trait="size", value="M"),
                moment("bought", "bo", id="b", place="s1", lines=[["p1", 1, 5]]),
            ],
        )
        before = [encode(entry) for entry in server.log.of("bo")]
        for said, status in (
            ({"moment": "nothing", "instead": {"value": "L"}}, 404),
            ({"moment": "d", "instead": {"customer": "al"}}, 422),
            ({"moment": "d", "instead": {"kind": "bought"}}, 422),
            ({"moment": "d", "instead": {"value": ["L"]}}, 422),
            ({"moment": "d", "instead": {}}, 422),
            ({"moment": "d"}, 422),
            ({"family": ""}, 422),
        ):
            told = await bo.post("/v1/people/bo/corrections", json=said)
            assert told.status_code == status, told.text
        told = await bo.post(
            "/v1/people/bo/corrections", json={"moment": "d", "instead": {"colour": "L", "value": "L"}}
        )
        assert told.json()["detail"] == "1 of these fields are not known of this kind of moment.", (
            "the sentence says something else"
        )
        after = {entry.moment.id: encode(entry) for entry in server.log.of("bo")}
        assert all(one in after.values() for one in before), "something changed"

        asked = await bo.post(
            "/v1/people/bo/corrections", json={"moment": "b", "instead": {"lines": [[BRANDS[0], 1, 3]]}}
        )
        assert (asked.status_code, asked.json()["acknowledgement"]["status"]) == (200, "requires_action")
        request = asked.json()["acknowledgement"]["request"]
        assert (await brand.post("/v1/people/bo/corrections", json={"moment": "b", "instead": None})).status_code == 200
        assert server.log.entry("bo", "b") is None
        assert not server.processor.customer("bo").purchases.rows
        assert (
            await brand.put(f"/v1/people/bo/requests/{request}", json={"status": "delayed", "reason": "x"})
        ).status_code == 422


async def check_that_a_request_reaches_somebody(folder: Path) -> None:
    """A request stays in the brand's queue, with content and deadline, until corrected or refused with reasons."""
    server = a_server(folder)
    async with running(server) as brand, client(server, server.access_keys.issue("device", "bo")) as bo:
        said = [moment("bought", "bo", id=f"b{i}", place="s1", lines=[[BRANDS[i], 1, 5]]) for i in range(2)]
        await brand.post(MOMENTS, json=said)
        instead = {"lines": [["p2", 1, 3]]}
        for body in ({"moment": "b0", "instead": instead}, {"moment": "b1", "instead": None}):
            told = await bo.post("/v1/people/bo/corrections", json=body)
            assert told.json()["acknowledgement"]["status"] == "requires_action"
        assert (await bo.get("/v1/requests")).status_code == 403, "the queue is open"
        queue = (await brand.get("/v1/requests")).json()
        assert [(one["customer"], one["right"], one["of"], one["instead"]) for one in queue] == [
            ("bo", "rectification", "b0", instead),
            ("bo", "rectification", "b1", None),
        ], "nobody was asked"
        due = datetime.fromisoformat(queue[0]["expected_at"])
        assert (due, queue[0]["overdue"]) == (months_after(NOON, 1), False), "it is not due in a month"
        assert (await bo.get("/v1/people/bo/export")).json()["requests"][queue[0]["request"]]["instead"] == instead, (
            "the person is not told what they asked"
        )
        for _ in range(NAMES_LIMIT):
            await server.requests.move("bo", (await server.requests.acknowledge("bo", "access")).request, "fulfilled")
        assert isinstance(server.processor.clock, TurnedClock)
        server.processor.clock.turn((due + timedelta(seconds=1)).timestamp())
        waiting = (await brand.get("/v1/requests")).json()
        assert [(one["of"], one["overdue"]) for one in waiting] == [("b0", True), ("b1", True)], (
            "it went away unanswered"
        )
        assert (
            await brand.post("/v1/people/bo/corrections", json={"moment": "b0", "instead": {"customer": "al"}})
        ).status_code == 422
        assert len((await brand.get("/v1/requests")).json()) == 2, "what the brand mistyped was answered to the person"
        told = await brand.post("/v1/people/bo/corrections", json={"moment": "b0", "instead": instead})
        assert told.json()["acknowledgement"]["request"] == queue[0]["request"], "another request was answered"
        said_no = {"status": "rejected", "reason": "The receipt shows it."}
        assert (await brand.put(f"/v1/people/bo/requests/{queue[1]['request']}", json=said_no)).status_code == 200
        assert (await brand.get("/v1/requests")).json() == [], "what was answered still waits"
        assert (await bo.get("/v1/people/bo/requests")).json()[queue[1]["request"]]["reason"] == said_no["reason"]
    held = server.processor.customer("bo").requests
    server.access_keys.close()
    server.log.close()
    assert not traces(folder, [RIGHT]), "what was asked lies open"
    again = a_server(folder)
    assert again.processor.customer("bo").requests == held, "a restart forgets it"
    await again.stop()


async def test_a_request_to_correct_a_purchase_reaches_somebody(tmp_path: Path) -> None:
    await check_that_a_request_reaches_somebody(tmp_path / "data")


def _unsaid(**said: Any) -> Requested:
    return Requested(**{**said, "of": "", "instead": None})


UNHEARD: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "what was asked is not kept": (replacing("visavis.rights.requests.Requested", _unsaid), "nobody was asked"),
    "the brand is not asked": (lambda patch: patch.setitem(NEXT, "requires_action", frozenset()), "nobody was asked"),
    "answers push out what waits": (replacing(rights, "_with_one_more", bounded), "went away"),
}


@pytest.mark.parametrize("sabotage", UNHEARD)
async def test_a_request_that_reaches_nobody_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotage: str
) -> None:
    spoil, told = UNHEARD[sabotage]
    spoil(monkeypatch)
    with pytest.raises(AssertionError, match=told):
        await check_that_a_request_reaches_somebody(tmp_path / "data")


async def test_a_wrong_conclusion_is_hidden_and_stays_in_the_data_that_was_observed() -> None:
    server = a_server()
    async with running(server) as brand:
        await brand.put("/v1/people/bo/purposes/reminders", json={"on": True})
        await brand.post(MOMENTS, json=moment("bought", "bo", place="s1", lines=[[BRANDS[0], 1, 5]]))
        (family,) = server.processor.customer("bo").purchases.rows
        assert (await brand.post("/v1/people/bo/corrections", json={"family": family})).status_code == 200
        assert server.processor.customer("bo").service.wrong == (family,)
        assert (await brand.get("/v1/people/bo/export")).json()["inferred"]["hidden"] == [family]
        assert family in server.processor.customer("bo").purchases.rows


def test_recipients_hear_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    check_recipients()
    monkeypatch.setattr("visavis.engine.notices_to_recipients", lambda *_: ())
    with pytest.raises(AssertionError, match="was not told"):
        check_recipients()


def check_recipients() -> None:
    """One effect a recipient, whatever the person agreed to, at a correction and at a restriction."""

    async def once() -> list[str]:
        server = a_server()
        server.strategy.purposes["account"] = msgspec.structs.replace(
            server.strategy.purposes["account"], recipients=("Fidélité SA",)
        )
        async with running(server) as brand:
            await brand.put("/v1/people/bo/purposes/adviser-brief", json={"on": True})
            await brand.post(MOMENTS, json=moment("declared", "bo", trait="size", value="M"))
            assert (
                await brand.post("/v1/people/bo/corrections", json={"moment": "m1", "instead": {"value": "L"}})
            ).status_code == 200
            assert (await brand.put("/v1/people/bo/restriction", json={"on": True})).status_code == 200
            entries: list[Entry] = list(server.log.of("bo"))
            parcels = [parcel.effect.kind for parcel in server.webhooks.parcels.values()]
        assert parcels == ["corrected", "restricted"], "a recipient was not told"
        return [f"{effect.kind} {effect.product}" for entry in entries for effect in entry.effects]

    assert asyncio.run(once()) == ["corrected Fidélité SA", "restricted Fidélité SA"], "a recipient was not told"
