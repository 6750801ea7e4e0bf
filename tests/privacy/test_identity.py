"""Over HTTP: one person under two names; objections last, screens agree, parting and erasure are complete."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from support.doors import MOMENTS, ROOT_KEY, a_server, agree, client, moment, running, shops, switch
from support.house import House
from support.people import BRANDS, NOON, a_history, a_loop, everyone, lines, says_yes
from support.sabotage import Sabotage, mutate, replacing, wrapping
from visavis.customers import fold, identity
from visavis.delivery import screens
from visavis.model.customer import Customer
from visavis.model.entry import SERVER, Entry, encode
from visavis.model.moment import Bought, Entered, Linked, Objected, Unlinked
from visavis.rights.suppression_list import SuppressionList
from visavis.runtime import linking
from visavis.runtime import loop as loop_room
from visavis.runtime.loop import Processor
from visavis.runtime.replay import rebuild, verify
from visavis.store.keys import derived
from visavis.wiring import Server

pytestmark = pytest.mark.anyio
BYTES = msgspec.msgpack.Encoder().encode
CARD = "LOYALTY-4711"


async def tell(who: httpx.AsyncClient, *moments: dict[str, Any]) -> list[httpx.Response]:
    return [await who.post(MOMENTS, json=one) for one in moments]


async def merge(brand: httpx.AsyncClient, one: str = "ada", other: str = "bo") -> httpx.Response:
    told = await tell(
        brand, moment("linked", other, id="card", identifier=CARD), moment("linked", one, id="same", identifier=CARD)
    )
    if told[-1].json().get("linked") == "waiting":
        await agree(brand, one, other)
        told = await tell(brand, moment("linked", one, id="same", identifier=CARD))
    return told[-1]


async def opened(brand: httpx.AsyncClient, name: str) -> set[str]:
    found = (await brand.get(f"/v1/people/{name}/purposes")).json()
    return {one["purpose"] for one in found if one["on"] and one["basis"] == "consent"}


def replays(server: Server) -> None:
    """Memory is what the log adds up to, byte for byte; and everything comes out the same when it is decided again."""
    state = rebuild(server.log)
    log = server.log
    assert everyone(state.population, log) == everyone(server.processor.population, log), "replay"
    assert {key: name for key, name in state.population.holders().items() if name} == {
        key: name for key, name in server.processor.population.holders().items() if name
    }, "replay"
    differences: list[object] = []
    verify(server.log, derived(ROOT_KEY, "dice"), found=differences.append)
    assert differences == [], "decided again, something differs"


async def check_the_stricter_holds_until_they_part(folder: Path | None) -> None:
    """P14, P15: no yes is copied, an objection of either holds for the whole, and both are restored when they part."""
    server = a_server(folder)
    async with running(server) as brand:
        await shops(brand, server, "ada")
        for purpose in ("reminders", "home"):
            await switch(brand, "ada", purpose)
        for purpose in ("reminders", "look"):
            await switch(brand, "bo", purpose)
        before = {name: await opened(brand, name) for name in ("ada", "bo")}
        kept = {name: [encode(entry) for entry in server.log.of(name)] for name in ("ada", "bo")}

        assert (await merge(brand)).status_code == 200

        assert server.processor.customer("ada") is server.processor.customer("bo"), "not one person"
        assert await opened(brand, "ada") == await opened(brand, "bo") == {"reminders"}, "not what both agreed to"
        assert {
            name: [encode(entry) for entry in server.log.of(name)][: len(rows)] for name, rows in kept.items()
        } == kept, "the log was rewritten"
        await switch(brand, "bo", "home")
        assert await opened(brand, "ada") == {"reminders", "home"}, "a new yes counts for the person"
        await tell(brand, moment("objected", "bo", id="no", about="marketing"))
        closed = await opened(brand, "ada")
        assert "reminders" not in closed, "an objection by one name does not hold for the other"
        door = await brand.post(MOMENTS, json=moment("entered", "ada", id="door"))
        assert not door.json().get("card"), "told in spite of an objection"
        replays(server)

        await tell(brand, moment("unlinked", "ada", id="apart", identifier=CARD))

        assert [server.processor.customer(name).names for name in ("ada", "bo")] == [("ada",), ("bo",)], (
            "a side is not what it was"
        )
        assert await opened(brand, "ada") == before["ada"] - {"reminders"}, (
            "a side is not what it was, but for what was objected to as one"
        )
        names = ("ada", "bo", *server.processor.customer("bo").identifiers)
        assert [server.suppression_list.of([name]) for name in names] == [["marketing"]] * 3, (
            "an objection is not remembered under each name"
        )
        assert "home" in await opened(brand, "bo"), "what came since by this name is lost"
        assert "reminders" not in await opened(brand, "bo"), "the objection is gone"
        replays(server)
    if folder is not None:
        held = {name: BYTES(person) for name, person in server.processor.population.by_name().items()}
        server.access_keys.close()
        server.log.close()
        again = a_server(folder)
        for name in ("ada", "bo"):
            assert BYTES(again.processor.customer(name)) == held[name], "a restart changes who they are"
        again.access_keys.close()
        again.log.close()


@pytest.mark.parametrize("disk", [False, True])
async def test_the_stricter_holds_until_they_part(tmp_path: Path, disk: bool) -> None:
    await check_the_stricter_holds_until_they_part(tmp_path / "data" if disk else None)


def check_what_was_taken_back_as_one_stays_taken_back(root: Path) -> None:
    """By one name of somebody who objected under the other: while they are one it holds, at the next start too."""
    with House(root) as house:
        house.process([Linked(id="card", customer=name, occurred_at=NOON, identifier=CARD) for name in ("ada", "bo")])
        for name, on in (("bo", True), ("ada", False)):
            house.run(house.server.requests.object(name, "marketing", on=on))
        for _ in range(2):
            assert house.server.processor.customer("ada") is house.server.processor.customer("bo")
            assert not house.server.processor.customer("bo").objections, "what was taken back is said again"
            house.reopen()


def test_what_was_taken_back_as_one_stays_taken_back(tmp_path: Path) -> None:
    check_what_was_taken_back_as_one_stays_taken_back(tmp_path)


def test_an_objection_that_comes_back_by_itself_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = SuppressionList.apply
    monkeypatch.setattr(
        SuppressionList,
        "apply",
        lambda self, entry, person, live: honest(self, entry, msgspec.structs.replace(person, profiles=()), live),
    )
    with pytest.raises(AssertionError, match="said again"):
        check_what_was_taken_back_as_one_stays_taken_back(tmp_path)


async def check_only_the_brand_merges() -> None:
    """A device that knows another's identifier gets nothing of them, and hears the same when it is nobody's."""
    server = a_server()
    async with running(server) as brand, client(server, server.access_keys.issue("device", "eve")) as eve:
        await tell(brand, moment("linked", "bo", id="card", identifier=CARD))
        told = await tell(
            eve,
            moment("linked", "eve", id="l", identifier=CARD),
            moment("unlinked", "eve", id="u", identifier=CARD),
            moment("linked", "eve", id="again", identifier=CARD),
            moment("linked", "eve", id="n", identifier="nobody's"),
        )
        assert [one.status_code for one in told] == [403, 200, 403, 403], "a device took another's life"
        assert told[0].json() == told[-1].json(), "a device learns whose an identifier is"
        assert server.processor.customer("eve").names == ("eve",), "a device took another's life"
        await tell(brand, moment("linked", "cleo", id="same", identifier=CARD))
        assert server.processor.customer("cleo").names == server.processor.customer("bo").names == ("bo", "cleo"), (
            "what was let go of was another's"
        )


async def test_only_the_brand_merges() -> None:
    await check_only_the_brand_merges()


async def check_who_may_not_be_merged_is_not(caplog: pytest.LogCaptureFixture) -> None:
    """Restricted, or a minor for whom nobody answers: the log has the reason, the sender hears what it always hears."""
    server = a_server()
    async with running(server) as brand:
        young = (NOON - timedelta(days=3650)).date().isoformat()
        await tell(
            brand,
            moment("restricted", "bo", id="r"),
            moment("born", "cleo", id="b", birth_date=young),
            moment(customer="ada"),
        )
        with caplog.at_level(logging.WARNING, logger="visavis.identity"):
            found = await tell(
                brand,
                moment("linked", "bo", id="card", identifier=CARD),
                moment("linked", "ada", id="same", identifier=CARD),
                moment("linked", "cleo", id="k", identifier="card of cleo"),
                moment("linked", "ada", id="x", identifier="card of cleo"),
            )
        heard = [(one.status_code, one.json()["linked"]) for one in found]
        assert heard == [(200, "linked"), (202, "waiting")] * 2, "the sender learns more than waiting or linked"
        reasons = [record.reason for record in caplog.records if record.name == "visavis.identity"]  # type: ignore[attr-defined]
        assert reasons == ["restricted", "minor"], "not in the log"
        merges = server.requests.merges
        for name in ("ada", "bo", "cleo"):
            for one in merges.waiting(name):
                await merges.answer(name, one.merge, SERVER, yes=True)
        assert all(len(person.names) == 1 for person in server.processor.population), "merged in spite of it"


async def test_who_may_not_be_merged_is_not(caplog: pytest.LogCaptureFixture) -> None:
    await check_who_may_not_be_merged_is_not(caplog)


def check_screens_and_answers_follow(root: Path) -> None:
    """A card for one name is on both screens, answered once, its order sent; then one of them is erased."""
    with House(root) as house:
        server, names = house.server, ("ada", "bo")
        ago = NOON - timedelta(days=80)
        for name in names:
            house.process(
                [
                    Linked(id="card", customer=name, occurred_at=ago, identifier=f"card of {name}"),
                    *says_yes(name, "place-moment", "reminders", "home", at=ago),
                ]
            )
            house.process(a_history(name, products=(BRANDS[0],)))
            server.access_keys.issue("device", name)
        house.process([Linked(id="same", customer="ada", occurred_at=NOON, identifier="card of bo")])
        house.agree(*names)
        whole = server.processor.customer("bo")
        assert whole.names == names
        assert len(server.processor.population) == 1, "the console counts one person twice"
        told = None
        for attempt in range(12):
            at = NOON + timedelta(days=attempt + 1)
            house.clock.turn(at.timestamp())
            with server.screens.watching("ada") as bell:
                house.process([Entered(id=f"e{attempt}", customer="bo", occurred_at=at, place="s1")])
                assert bell.is_set(), "the other's screen is not woken"
            if (told := server.screens.card("bo")) is not None:
                break
        assert told is not None, "no card in twelve draws"
        assert server.screens.card("ada") == told, "the other's screen does not show it"
        from visavis.model.moment import Answered

        [answer] = house.process(
            [Answered(id="yes", customer="ada", occurred_at=house.clock.now(), decision=told.show.id, answer="no")]
        )
        assert answer.entry is not None
        assert answer.entry.customer == "bo", "an answer is not received by the side that was shown the card"
        assert server.screens.card("ada") is server.screens.card("bo") is None, (
            "answered by one, still asked of the other"
        )
        [again] = house.process(
            [Answered(id="yes", customer="ada", occurred_at=house.clock.now(), decision=told.show.id, answer="no")]
        )
        assert again.retried, "lived twice"
        state = rebuild(server.log)
        assert everyone(state.population, server.log) == everyone(server.processor.population, server.log)

        kept = [encode(entry) for entry in server.log.of("bo")]
        done = house.erase("ada")

        assert done.deleted["access_keys"] == 1, "a key of the other was erased"
        assert not list(server.log.of("ada")), "something is left in the log"
        assert [encode(entry) for entry in server.log.of("bo")] == kept, "what is the other's was erased"
        assert server.processor.customer("bo").names == ("bo",), "the other is not themselves"
        assert (server.log.erased("ada"), server.log.erased("bo")) == (True, False), "the other was erased"
        assert "ada" not in server.processor.population.holders().values()
        house.reopen()
        late = house.process(
            [Bought(id="late", customer=name, occurred_at=NOON, place="s1", lines=lines(BRANDS[0])) for name in names]
        )
        assert [one.entry is None for one in late] == [True, False], "somebody came back"


def test_screens_answers_and_erasure_follow_the_person(tmp_path: Path) -> None:
    check_screens_and_answers_follow(tmp_path)


def check_a_failed_commit_merges_nobody() -> None:
    """When the log refuses, who was merged in memory was not; asked again, they are."""
    loop = a_loop()
    loop.process(
        [
            Linked(id="card", customer="bo", occurred_at=NOON, identifier="x"),
            Objected(id="o", customer="bo", occurred_at=NOON, about="marketing"),
        ]
    )
    loop.process([Linked(id="own", customer="ada", occurred_at=NOON, identifier="y")])
    before = {name: BYTES(person) for name, person in loop.population.by_name().items()}
    loop.step(Linked(id="same", customer="ada", occurred_at=NOON, identifier="x"))
    assert loop.customer("ada").objections, "not merged within the group"
    loop.discard_group(loop.close_group())
    assert {name: BYTES(person) for name, person in loop.population.by_name().items()} == before, (
        "a merge that was never written is remembered"
    )
    assert not loop.customer("ada").objections, "a merge that was never written is remembered"
    loop.process([Linked(id="same", customer="ada", occurred_at=NOON, identifier="x")])
    assert loop.customer("bo").names == ("bo", "ada") or loop.customer("bo").names == ("ada", "bo")
    loop.process([Unlinked(id="apart", customer="bo", occurred_at=NOON, identifier="x")])
    assert loop.customer("ada").names == ("ada",)
    assert not loop.customer("ada").objections, "the other's objection stays"


def test_a_failed_commit_merges_nobody() -> None:
    check_a_failed_commit_merges_nobody()


_copied = replacing(
    identity,
    "_stricter",
    lambda one, other: one if one is not None and (other is None or one.since > other.since) else other,
)


def _at_once(patch: pytest.MonkeyPatch) -> None:
    honest = identity.apply_entry
    patch.setattr(
        "visavis.runtime.population.apply_entry",
        lambda people, identified, entry, after: honest(people.maps[-1], identified.maps[-1], entry, after),
    )


def of_one(honest: Any, self: SuppressionList, entry: Entry, person: Customer, live: bool) -> None:
    one = msgspec.structs.replace(person, profiles=())
    honest(self, msgspec.structs.replace(entry, customer=person.id), one, live)


_remembered_of_one = wrapping(SuppressionList, "apply", of_one)


_said_of_one = replacing(Processor, "_object_as_each", lambda *_: None)


PROMISES: dict[str, tuple[Sabotage, str]] = {
    "a yes is copied": (_copied, "not what both agreed to"),
    "the sides forget what they live": (
        replacing(fold, "apply_to_profile", lambda person, _: person),
        "replay|is lost|objection",
    ),
    "an objection is remembered of one name": (_remembered_of_one, "not remembered under each"),
    "an objection is said under one name": (_said_of_one, "objected to as one|does not hold"),
    "nobody parts": (replacing(identity, "split", lambda person: (person,)), "is not what it was"),
}


@pytest.mark.parametrize("sabotage", PROMISES)
async def test_a_product_that_merges_badly_is_caught_at_its_doors(
    monkeypatch: pytest.MonkeyPatch, sabotage: str
) -> None:
    spoil, told = PROMISES[sabotage]
    spoil(monkeypatch)

    with pytest.raises(AssertionError, match=told):
        await check_the_stricter_holds_until_they_part(None)


async def test_a_door_that_lets_anyone_merge_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Linked, "senders", Linked.senders | {"device"})
    with pytest.raises(AssertionError, match="another's life"):
        await check_only_the_brand_merges()


async def test_who_lets_go_of_what_is_anothers_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(
        monkeypatch,
        identity,
        "if isinstance(moment, kinds.Linked) or holder is None or holder.id in after.names:",
        "if True:",
    )
    with pytest.raises(AssertionError, match="was another's"):
        await check_only_the_brand_merges()


@pytest.mark.parametrize(
    ("sabotage", "told"),
    [
        (replacing(linking, "refusal", lambda *_: None), "learns more|not in the log|merged in spite"),
        (replacing(linking.log, "warning", lambda *_, **__: None), "not in the log"),
    ],
)
async def test_a_quiet_refusal_is_caught(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sabotage: Sabotage, told: str
) -> None:
    sabotage(monkeypatch)
    with pytest.raises(AssertionError, match=told):
        await check_who_may_not_be_merged_is_not(caplog)


@pytest.mark.parametrize(
    ("sabotage", "told"),
    [
        (
            replacing(screens.Screens, "_latest", lambda self, person, audience: self._last.get((person.id, audience))),
            "no card|does not show",
        ),
        (replacing(loop_room, "addressed", lambda _, said: said), "not received by the side"),
        (replacing(Processor, "names", lambda self, name: self.customer(name).names), "of the other was erased"),
    ],
)
def test_a_person_of_whom_half_is_forgotten_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage, told: str
) -> None:
    sabotage(monkeypatch)
    with pytest.raises(AssertionError, match=told):
        check_screens_and_answers_follow(tmp_path)


def test_a_merge_before_it_is_durable_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    _at_once(monkeypatch)
    with pytest.raises(AssertionError, match="never written"):
        check_a_failed_commit_merges_nobody()
