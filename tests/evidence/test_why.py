"""Why, in full: what a card came from and what would have changed it, found by deciding again."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from doors import a_server, client, running
from people import BRANDS, KEY, NOON, STRATEGY, a_loop, camille, enters, says_yes
from visavis.cards.typography import count_words
from visavis.customers.fold import fold
from visavis.evidence import why as room
from visavis.evidence.why import Why, find, why
from visavis.model.customer import newborn
from visavis.model.decision import Show
from visavis.model.entry import Entry
from visavis.model.moment import CheckedIn, Declared, Linked
from visavis.runtime.loop import Loop


def explained(loop: Loop, entry: Entry, audience: str, language: str = "en") -> Why:
    decision = next(one for one in entry.decisions if one.audience == audience)
    found = find(loop.log.of(entry.customer), decision.id)
    assert found is not None
    return why(STRATEGY, loop.worlds[entry.world], *found, decision.id, KEY, language)


def at_the_door(*purposes: str) -> tuple[Loop, Entry]:
    loop = a_loop()
    camille(loop, *purposes, products=tuple(BRANDS[:6]))
    entry = loop.live([enters()])[0].entry
    assert entry is not None
    return loop, entry


def test_a_card_says_what_it_came_from_and_what_would_have_changed_it() -> None:
    loop, entry = at_the_door("place-moment", "reminders")
    card = entry.decisions[0]
    assert isinstance(card, Show)

    told = explained(loop, entry, "customer")

    assert told.again
    assert {one.category for one in told.used} == {category for use in entry.uses for category in use.categories}
    by_name = {one.datum or one.category: one for one in told.used}
    assert by_name["places"].change == "gone"
    assert by_name["places"].without == "Without the places where you were, this card would not have appeared."
    assert by_name[f"habit/{card.family}"].origin == "observed"
    assert by_name[f"need/{card.family}"].origin == "inferred"
    assert by_name["places"].day == f"{NOON:%Y-%m-%d}"
    assert by_name[f"habit/{card.family}"].day == f"{NOON - timedelta(days=7):%Y-%m-%d}"
    assert told.links["withdraw"] == "/v1/people/camille/purposes/reminders"
    assert told.records == {
        "place-moment": f"yes-place-moment-{NOON - timedelta(days=90):%m%d%H%M}",
        "reminders": f"yes-reminders-{NOON - timedelta(days=90):%m%d%H%M}",
    }
    assert set(told.withheld) == {"tailored-offers", "recognition"}


def test_the_sentence_has_at_most_25_words_in_both_languages() -> None:
    loop, entry = at_the_door("place-moment", "reminders", "tailored-offers", "recognition")
    for language in ("fr", "en"):
        told = explained(loop, entry, "customer", language)
        assert all(0 < count_words(one) <= 25 for one in told.plain.values()), told.plain
        assert all(count_words(one.without) <= 25 for one in told.used)


def test_a_brief_is_explained_with_what_was_declared_first() -> None:
    loop = a_loop()
    camille(loop, "adviser-brief")
    loop.live([Declared(id="hurry", customer="camille", occurred_at=NOON, trait="in_a_hurry", value=True)])
    entry = loop.live([CheckedIn(id="in", customer="camille", occurred_at=NOON, place="s1")])[0].entry
    assert entry is not None

    told = explained(loop, entry, "adviser")

    trait = next(one for one in told.used if one.datum == "trait/in_a_hurry")
    assert (trait.origin, trait.change) == ("declared", "other")
    assert told.plain["en"].startswith("This brief relies on what you told us")


def test_silence_is_explained_too() -> None:
    loop = a_loop()
    camille(loop, "reminders")
    loop.live([enters()])
    entry = loop.live([enters(id="again", at=NOON + timedelta(seconds=5))])[0].entry
    assert entry is not None

    told = explained(loop, entry, "customer", "fr")

    assert told.result == "silence"
    assert told.plain["fr"].startswith("Rien n’a été affiché")


def test_a_decision_of_a_world_that_is_gone_says_what_was_used_and_invents_nothing() -> None:
    loop, entry = at_the_door("reminders")
    before = newborn("camille")
    for one in loop.log.of("camille"):
        if one.moment.id != "door":
            before = fold(before, one)

    told = why(STRATEGY, None, before, entry, entry.decisions[0].id, KEY, "en")

    assert not told.again
    assert {one.category for one in told.used} == {"purchases", "places"}
    assert all(one.change == "" and one.without == "" for one in told.used)


def test_what_is_told_is_the_experiment_and_no_sentence_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: a canned reason, whatever deciding again comes to."""
    loop, entry = at_the_door("reminders")
    honest = explained(loop, entry, "customer")
    monkeypatch.setattr(room, "changed", lambda *_: "same")

    canned = explained(loop, entry, "customer")

    assert msgspec.to_builtins(canned) != msgspec.to_builtins(honest)
    assert {one.change for one in honest.used} != {"same"}


def test_the_door_opens_to_the_person_and_the_brand_and_tells_nobody_else_whether_there_is_such_a_decision() -> None:
    async def ask() -> None:
        server = a_server()
        async with running(server) as brand:
            for moment in says_yes("camille", "reminders", "place-moment", at=NOON):
                await server.writer.live(moment)
            entry = (await server.writer.live(enters())).answer.entry
            assert entry is not None
            path = f"/v1/people/camille/decisions/{entry.decisions[0].id}/why"
            own, other = server.access.issue("device", "camille"), server.access.issue("device", "dan")
            async with client(server, own) as camilles, client(server, other) as dans:
                assert (await camilles.get(path)).json() == (await brand.get(path)).json()
                assert (await camilles.get(path, params={"language": "fr"})).json()["plain"].keys() == {"fr", "en"}
                assert (await dans.get(path)).status_code == (await dans.get("/v1/people/camille/decisions/none/why")).status_code == 403
                assert (await camilles.get("/v1/people/camille/decisions/none/why")).status_code == 404
                assert (await dans.get(f"/v1/people/dan/decisions/{entry.decisions[0].id}/why")).status_code == 404

    asyncio.run(ask())


def test_a_person_who_was_merged_is_explained_as_they_were_then() -> None:
    loop = a_loop()
    camille(loop, "reminders", "place-moment", products=tuple(BRANDS[:6]))
    loop.live([Linked(id="other", customer="cam", occurred_at=NOON, identifier="card-2")])
    loop.live([Linked(id="same", customer="cam", occurred_at=NOON, identifier="card-1")])
    assert len(loop.names("camille")) == 2
    loop.live(says_yes("cam", "reminders", "place-moment", at=NOON))
    entry = loop.live([enters(at=NOON + timedelta(minutes=2))])[0].entry
    assert entry is not None

    found = find(loop.life("cam"), entry.decisions[0].id)
    assert found is not None
    assert why(STRATEGY, loop.worlds[entry.world], *found, entry.decisions[0].id, KEY, "en").again
