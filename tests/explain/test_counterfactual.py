"""Why, in full: what a card came from and what would have changed it, found by deciding again."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import combinations_with_replacement, product
from types import ModuleType

import msgspec
import pytest
from msgspec.structs import replace

from support.cards import a_show
from support.doors import a_server, client, running
from support.people import BRANDS, KEY, NOON, STRATEGY, a_loop, camille, enters, says_yes
from support.sabotage import mutate
from visavis.cards.brief import brief
from visavis.cards.compose import compose
from visavis.cards.typography import clipped, count_words, typeset
from visavis.cards.words import family_name
from visavis.customers.fold import fold
from visavis.decide import brief_facts as telling
from visavis.decide.explain import SENTENCES, sentence
from visavis.explain import counterfactual as room
from visavis.explain.counterfactual import LANGUAGES, UsedData, Why, find, why
from visavis.model.customer import newborn
from visavis.model.decision import Show, Silence
from visavis.model.entry import Entry
from visavis.model.moment import CheckedIn, Declared, Linked
from visavis.runtime.loop import Processor


def explained(loop: Processor, entry: Entry, audience: str, language: str = "en") -> Why:
    decision = next(one for one in entry.decisions if one.audience == audience)
    found = room.find(loop.log.of(entry.customer), decision.id)
    assert found is not None
    return room.why(STRATEGY, loop.worlds[entry.world], *found, decision.id, KEY, language)


def at_the_door(*purposes: str) -> tuple[Processor, Entry]:
    loop = a_loop()
    camille(loop, *purposes, products=tuple(BRANDS[:6]))
    entry = loop.process([enters()])[0].entry
    assert entry is not None
    return loop, entry


def check_a_card() -> None:
    loop, entry = at_the_door("place-moment", "reminders")
    card = entry.decisions[0]
    assert isinstance(card, Show)

    told = explained(loop, entry, "customer")

    assert told.again
    assert {one.category for one in told.used} == {category for use in entry.uses for category in use.categories}
    for one in told.used:
        assert set(one.purposes) == {use.purpose for use in entry.uses if one.category in use.categories}, (
            "not the purposes that read it"
        )
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


def test_a_card_says_what_it_came_from_and_what_would_have_changed_it() -> None:
    check_a_card()


def a_brief(*traits: str) -> tuple[Processor, Entry]:
    """Somebody who says these things of themselves, and their usual basket, then comes to an adviser."""
    loop = a_loop()
    camille(loop, "adviser-brief", products=tuple(BRANDS[:6]))
    for trait in traits:
        loop.process([Declared(id=trait, customer="camille", occurred_at=NOON, trait=trait, value=True)])
    entry = loop.process([CheckedIn(id="in", customer="camille", occurred_at=NOON, place="s1")])[0].entry
    assert entry is not None
    return loop, entry


def check_origins() -> None:
    """Neither the brief nor its explanation confuses what was stated, observed and concluded."""
    loop, entry = a_brief("in_a_hurry")

    told = explained(loop, entry, "adviser")

    (card,) = [one for one in entry.decisions if isinstance(one, Show)]
    assert {(fact.kind, fact.origin) for fact in card.facts} == {
        ("name", "observed"),
        ("trait", "declared"),
        ("need", "inferred"),
    }, "of another origin"
    assert {one.origin for one in told.used if one.category == "preferences"} == {"declared"}, (
        "what was said was not seen"
    )
    trait = next(one for one in told.used if one.datum == "trait/in_a_hurry")
    assert (trait.origin, trait.change) == ("declared", "other")
    assert told.plain["en"].startswith("This brief relies on what you told us")


def test_a_brief_is_explained_with_what_was_declared_first() -> None:
    check_origins()


def check_words() -> int:
    """Each card and brief of the example: families, silences, reasons; returns how many sentences of ≤ 25 words."""
    said = [
        typeset(sentence(Silence("d", "customer", "", reason, 1.0, (), (), (), None), spoken), spoken)
        for reason in SENTENCES
        for spoken in LANGUAGES
    ]
    for action, family, spoken in product(STRATEGY.actions.values(), STRATEGY.families, LANGUAGES):
        show = a_show(action.id, family)
        said.append((brief if action.audience == "adviser" else compose)(STRATEGY, show, spoken).why)
    for spoken, audience in product(LANGUAGES, ("customer", "adviser")):
        names = sorted(
            {clipped(family_name(STRATEGY, family, spoken), 28, 4) for family in STRATEGY.families},
            key=lambda name: (count_words(name), name),
        )
        used = [
            UsedData("purchases", "datum", origin, template[spoken].format(name=name), (), "", "gone")
            for origin, (name, template) in product(room.FIRST, product(names[-2:], room._DATA.values()))
        ]
        show = replace(a_show("refill", ""), audience=audience)
        said += [
            room._with_words(replace(one, change=change), audience, spoken).without
            for one, change in product(used, room.CHANGED["fr"])
        ]
        said += [room.plain(show, three, spoken) for three in combinations_with_replacement(used, 3)]
    loop, entry = a_brief("likes to be left alone", "would rather be called later", "looks for something for a child")
    said += explained(loop, entry, "adviser").plain.values()
    assert not [one for one in said if not 0 < count_words(one) <= 25], "more words than are read at a glance"
    return len(said)


def test_every_sentence_of_the_example_has_at_most_25_words_in_both_languages() -> None:
    assert check_words() > 10_000


@pytest.mark.parametrize(
    ("check", "module", "old", "new", "told"),
    [
        (check_a_card, room, "if category in use.categories])", "])", "purposes that read"),
        (check_origins, room, '"declared" if category == "preferences" else "observed"', '"observed"', "was not seen"),
        (check_origins, telling, 'one.family, "inferred", int', 'one.family, "observed", int', "another origin"),
        (check_words, room, "WORDS_LIMIT: Final = 25", "WORDS_LIMIT: Final = 26", "more words"),
    ],
)
def test_an_explanation_that_tells_something_else_is_caught(
    monkeypatch: pytest.MonkeyPatch, check: Callable[[], object], module: ModuleType, old: str, new: str, told: str
) -> None:
    mutate(monkeypatch, module, old, new)
    with pytest.raises(AssertionError, match=told):
        check()


def test_silence_is_explained_too() -> None:
    loop = a_loop()
    camille(loop, "reminders")
    loop.process([enters()])
    entry = loop.process([enters(id="again", at=NOON + timedelta(seconds=5))])[0].entry
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
                await server.writer.process(moment)
            entry = (await server.writer.process(enters())).answer.entry
            assert entry is not None
            path = f"/v1/people/camille/decisions/{entry.decisions[0].id}/why"
            own, other = server.access_keys.issue("device", "camille"), server.access_keys.issue("device", "dan")
            async with client(server, own) as camilles, client(server, other) as dans:
                assert (await camilles.get(path)).json() == (await brand.get(path)).json()
                assert (await camilles.get(path, params={"language": "fr"})).json()["plain"].keys() == {"fr", "en"}
                assert (
                    (await dans.get(path)).status_code
                    == (await dans.get("/v1/people/camille/decisions/none/why")).status_code
                    == 403
                )
                assert (await camilles.get("/v1/people/camille/decisions/none/why")).status_code == 404
                assert (await dans.get(f"/v1/people/dan/decisions/{entry.decisions[0].id}/why")).status_code == 404

    asyncio.run(ask())


def test_a_person_who_was_merged_is_explained_as_they_were_then() -> None:
    loop = a_loop()
    camille(loop, "reminders", "place-moment", products=tuple(BRANDS[:6]))
    loop.process([Linked(id="other", customer="cam", occurred_at=NOON, identifier="card-2")])
    loop.process([Linked(id="same", customer="cam", occurred_at=NOON, identifier="card-1")])
    assert len(loop.names("camille")) == 2
    loop.process(says_yes("cam", "reminders", "place-moment", at=NOON))
    entry = loop.process([enters(at=NOON + timedelta(minutes=2))])[0].entry
    assert entry is not None

    found = find(loop.entries_of("cam"), entry.decisions[0].id)
    assert found is not None
    assert why(STRATEGY, loop.worlds[entry.world], *found, entry.decisions[0].id, KEY, "en").again
