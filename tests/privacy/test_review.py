"""P22: no serious decision without a human: it is declared automated, and a person hears the view and answers."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from support.doors import MOMENTS, ROOT_KEY, client, moment, running, shops, switch
from support.people import NOON, grocery
from support.sabotage import replacing, wrapping
from visavis.config import Settings
from visavis.customers import rights
from visavis.model.errors import Invalid
from visavis.model.request import NEXT, Review, months_after
from visavis.rights.people import UnknownPerson
from visavis.rights.reviews import Reviews
from visavis.runtime.clock import TurnedClock
from visavis.strategy.read import read
from visavis.wiring import Server, build

pytestmark = pytest.mark.anyio
VIEW = "I was in a hurry, and the price was another one yesterday."
REASONS = "The shelf was labelled wrongly: you pay what it said."


def tagged(tag: str = "price", action: str = "welcome") -> dict[str, bytes]:
    """A strategy one of whose actions is a decision that matters: a price of one's own, say."""
    files = grocery()
    path = f"actions/{action}.toml"
    return {**files, path: f'review = "{tag}"\n'.encode() + files[path]}


def a_strict_server(tag: str = "price", action: str = "welcome") -> Server:
    clock = TurnedClock()
    clock.turn(NOON.timestamp())
    return build(tagged(tag, action), Settings(data="nowhere"), memory=True, clock=clock, key=ROOT_KEY)


async def decided(server: Server, brand: httpx.AsyncClient, person: str = "bo") -> dict[str, Any]:
    """Somebody comes in and is welcomed: the decision as their own device hears it."""
    await switch(brand, person, "place-moment")
    await brand.put(f"/v1/people/{person}/purposes/reminders", json={"on": False})
    async with client(server, server.access_keys.issue("device", person)) as device:
        told = (await device.post(MOMENTS, json=moment("entered", person, id="door"))).json()
    found: dict[str, Any] = told["decisions"][0]
    assert found.get("action") == "welcome", found
    return found


async def turned(server: Server, brand: httpx.AsyncClient, days: float) -> None:
    assert (await brand.put("/v1/clock", json={"at": (NOON + timedelta(days=days)).timestamp()})).status_code == 204


async def check_that_a_person_answers(server: Server) -> None:
    async with (
        running(server) as brand,
        client(server, server.access_keys.issue("device", "bo")) as bo,
        client(server, server.access_keys.issue("device", "al")) as al,
    ):
        said = await decided(server, brand)
        assert said["review"] == "price", "it is not marked"
        assert "person" in said["automated"], "it does not say that it is automated"
        address = f"/v1/people/bo/decisions/{said['decision']}"
        assert (await al.post(f"{address}/contest", json={"view": VIEW})).status_code == 403, (
            "another person contested it"
        )
        assert (await bo.get("/v1/reviews")).status_code == 403, "the queue is open"

        contested = await bo.post(f"{address}/contest", json={"view": VIEW})
        assert contested.status_code == 200, contested.text
        assert contested.json()["view"] == VIEW, "their own view is not recorded"
        assert contested.json()["due_at"] == months_after(NOON, 1).timestamp(), "it is due some other day"
        assert (await bo.post(f"{address}/contest", json={"view": "Other."})).json()["view"] == VIEW, (
            "contested twice, it is another contest"
        )

        for days, overdue in ((0.0, False), (29.9, False), (31.0, True), (400.0, True)):
            await turned(server, brand, days)
            await brand.post(MOMENTS, json=moment("worn", "bo", id=f"w{days}", at=NOON + timedelta(days=days)))
            queue = (await brand.get("/v1/reviews")).json()
            assert len(queue) == 1, "time closed it"
            assert queue[0]["overdue"] is overdue, "it is late, and nobody is told" if overdue else "it is not late yet"
            review = (await bo.get("/v1/people/bo/export")).json()["reviews"][said["decision"]]
            assert review["outcome"] == "", "something else than a person answered"

        assert (
            await bo.put(f"{address}/review", json={"outcome": "changed", "reasons": REASONS})
        ).status_code == 403, "one answered oneself"
        assert (await brand.put(f"{address}/review", json={"outcome": "changed"})).status_code == 422, (
            "answered without reasons"
        )
        assert (await brand.put(f"{address}/review", json={"outcome": "maybe", "reasons": REASONS})).status_code == 422
        answered = await brand.put(f"{address}/review", json={"outcome": "changed", "reasons": REASONS})
        assert answered.status_code == 200, answered.text
        review = (await bo.get("/v1/people/bo/export")).json()["reviews"][said["decision"]]
        assert (review["outcome"], review["reasons"]) == ("changed", REASONS), "the person does not read the answer"
        assert (await brand.get("/v1/reviews")).json() == [], "it is still in the queue"
        effects = [effect.kind for entry in server.log.of("bo") for effect in entry.effects]
        assert effects == ["changed"], "nobody is told to change it"
        assert (
            await brand.put(f"{address}/review", json={"outcome": "confirmed", "reasons": "No."})
        ).status_code == 422, "answered twice"


def test_only_a_person_answers_what_a_person_contests() -> None:
    asyncio.run(check_that_a_person_answers(a_strict_server()))


@pytest.mark.parametrize("tag", ["price", "eligibility", "credit", "refusal"])
async def test_a_contested_decision_is_queued_as_what_it_is_about(tag: str) -> None:
    server = a_strict_server(tag)
    async with running(server) as brand, client(server, server.access_keys.issue("device", "bo")) as bo:
        decision = (await decided(server, brand))["decision"]
        contested = await bo.post(f"/v1/people/bo/decisions/{decision}/contest", json={"view": VIEW})
        assert contested.json()["tag"] == tag
        [queued] = (await brand.get("/v1/reviews")).json()
        assert queued["review"]["tag"] == tag


async def test_a_view_beyond_the_limits_of_its_moment_is_refused() -> None:
    server = a_strict_server()
    async with running(server) as brand, client(server, server.access_keys.issue("device", "bo")) as bo:
        decision = (await decided(server, brand))["decision"]
        contested = await bo.post(f"/v1/people/bo/decisions/{decision}/contest", json={"view": "v" * 2001})
        assert contested.status_code == 422
        assert (await brand.get("/v1/reviews")).json() == []


async def check_that_a_changed_card_is_gone() -> None:
    """What a person decided otherwise is not shown any more; what they confirmed is."""
    for outcome in ("confirmed", "changed"):
        server = a_strict_server()
        async with running(server) as brand, client(server, server.access_keys.issue("device", "bo")) as bo:
            address = f"/v1/people/bo/decisions/{(await decided(server, brand))['decision']}"
            await bo.post(f"{address}/contest", json={"view": VIEW})
            assert server.screens.card("bo") is not None
            assert (
                await brand.put(f"{address}/review", json={"outcome": outcome, "reasons": REASONS})
            ).status_code == 200
            assert (server.screens.card("bo") is None) is (outcome == "changed"), "what was changed is still shown"


async def test_a_card_that_a_person_decided_otherwise_is_gone() -> None:
    await check_that_a_changed_card_is_gone()


async def test_a_changed_card_that_stays_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "_recalled", lambda customer, _at, _decision="": customer)
    with pytest.raises(AssertionError, match="still shown"):
        await check_that_a_changed_card_is_gone()


def _auto_closed(patch: pytest.MonkeyPatch) -> None:
    exercised = rights.with_request

    def closing(customer: Any, said: Any, received_s: float) -> Any:
        after = exercised(customer, said, received_s)
        late = {
            key: replace(one, outcome="confirmed", reasons="Late.") if received_s > one.due_at else one
            for key, one in after.reviews.items()
        }
        return replace(after, reviews=late)

    patch.setattr("visavis.customers.fold.with_request", closing)


_queue_forgets = wrapping(Reviews, "open", lambda listed, self: [one for one in listed(self) if not one.overdue])


_never_late = wrapping(Reviews, "open", lambda listed, self: [replace(one, overdue=False) for one in listed(self)])


_unmarked = replacing("visavis.cards.replies.review_tag", lambda _strategy, _decision: "")


_own_view_dropped = replacing(
    "visavis.customers.rights.Review", lambda action, tag, _view, *more: Review(action, tag, "", *more)
)


_nobody_told = replacing("visavis.engine.notices_to_recipients", lambda *_: ())


SABOTAGES: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "a review closes itself": (_auto_closed, "time closed it|something else than a person"),
    "the queue forgets what is late": (_queue_forgets, "time closed it"),
    "nothing is ever late": (_never_late, "nobody is told"),
    "it does not say that it is automated": (_unmarked, "KeyError|not marked|review"),
    "the person's view is dropped": (_own_view_dropped, "own view"),
    "nobody is told to change it": (_nobody_told, "told to change"),
}


@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_product_that_answers_by_itself_is_caught(monkeypatch: pytest.MonkeyPatch, sabotage: str) -> None:
    spoil, told = SABOTAGES[sabotage]
    spoil(monkeypatch)

    with pytest.raises((AssertionError, KeyError), match=told):
        asyncio.run(check_that_a_person_answers(a_strict_server()))


async def test_what_is_not_tagged_is_not_contested_and_what_is_refused_may_be() -> None:
    server = a_strict_server("eligibility", "tailored-offer")
    async with running(server) as brand, client(server, server.access_keys.issue("device", "bo")) as bo:
        for purpose in ("reminders", "tailored-offers"):
            await switch(brand, "bo", purpose)
        await shops(brand, server, "bo", weeks=3)
        told = (await bo.post(MOMENTS, json=moment("entered", "bo", id="door"))).json()["decisions"][0]
        assert told["review"] == "eligibility", "who is not eligible may ask why, and contest it"
        contested = await bo.post(f"/v1/people/bo/decisions/{told['decision']}/contest", json={"view": VIEW})
        assert contested.json()["action"] == "tailored-offer"
        await switch(brand, "bo", "tailored-offers", on=False)
        own = (await bo.post(MOMENTS, json=moment("entered", "bo", id="door again"))).json()["decisions"][0]
        assert "review" not in own, "what one closed oneself is nobody's decision"
        till = (await brand.post(MOMENTS, json=moment("paying", "bo", id="till", place="s1", lines=[]))).json()[
            "decisions"
        ][0]
        assert "review" not in till
        refused = await bo.post(f"/v1/people/bo/decisions/{till['decision']}/contest", json={"view": VIEW})
        assert (refused.status_code, refused.json()["title"]) == (422, "Unprocessable Entity")
        assert (await bo.post("/v1/people/bo/decisions/none/contest", json={"view": VIEW})).status_code == 404
        assert (
            await bo.post(f"/v1/people/bo/decisions/{told['decision']}/contest", json={"view": " "})
        ).status_code == 422


async def test_no_sender_speaks_for_the_desk() -> None:
    server = a_strict_server()
    async with running(server) as brand, client(server, server.access_keys.issue("device", "bo")) as bo:
        said = await decided(server, brand)
        spoken: tuple[tuple[str, dict[str, Any]], ...] = (
            ("contested", {"view": VIEW}),
            ("reviewed", {"outcome": "confirmed", "reasons": "No."}),
            ("corrected", {"family": "f"}),
            ("requested", {"request": "r", "right": "access", "status": "fulfilled"}),
        )
        for kind, more in spoken:
            for sender in (bo, brand):
                told = await sender.post(
                    MOMENTS, json=moment(kind, "bo", id=f"x-{kind}", decision=said["decision"], **more)
                )
                assert told.status_code == 403


async def test_a_person_who_is_left_alone_is_not_read() -> None:
    server = a_strict_server()
    async with running(server) as brand:
        await decided(server, brand)
        assert (await brand.put("/v1/people/bo/restriction", json={"on": True})).status_code == 200
        for kind in ("asked", "worn"):
            await brand.post(MOMENTS, json={**moment(kind, "bo", id=f"still-{kind}"), "about": "offers"})
        after = [entry for entry in server.log.of("bo") if entry.moment.id.startswith("still")]
        assert len(after) == 2
        assert not [use for entry in after for use in entry.uses], "something was read"
        refused = await brand.post(MOMENTS, json=moment("entered", "bo", id="closed"))
        assert refused.status_code == 403


@pytest.mark.parametrize("tag", ["price", "eligibility", "credit", "refusal"])
def test_the_four_tags_are_read(tag: str) -> None:
    assert read(tagged(tag)).actions["welcome"].review == tag


def test_other_tags_and_tags_on_briefs_are_faults() -> None:
    with pytest.raises(Invalid, match=r"actions/welcome\.toml.*review"):
        read(tagged("mood"))
    files = grocery()
    path = "actions/adviser-suggestion.toml"
    with pytest.raises(Invalid, match="decided by a person already"):
        read({**files, path: b'review = "price"\n' + files[path]})


async def test_a_request_moves_by_its_table_only_and_is_answered_within_its_month() -> None:
    server = a_strict_server()
    async with running(server) as brand:
        await brand.post(MOMENTS, json=moment("worn", "bo"))
        asked = await server.requests.acknowledge("bo", "access")
        assert asked.expected_at == months_after(NOON, 1)
        with pytest.raises(Invalid, match="need a reason"):
            await server.requests.move("bo", asked.request, "delayed")
        delayed = await server.requests.move("bo", asked.request, "delayed", "The archive is elsewhere.")
        assert delayed.expected_at == months_after(NOON, 3)
        assert server.requests.of("bo")[asked.request]["term"] == "dpv:RequestActionDelayed"
        await server.requests.move("bo", asked.request, "fulfilled")
        for status in NEXT:
            if status:
                with pytest.raises(Invalid, match="does not become"):
                    await server.requests.move("bo", asked.request, status, "Why not.")
        late = await server.requests.acknowledge("bo", "access")
        await turned(server, brand, 40)
        with pytest.raises(Invalid, match="within its first month"):
            await server.requests.move("bo", late.request, "delayed", "Too late.")
        with pytest.raises(UnknownPerson):
            await server.requests.acknowledge("nobody", "access")
