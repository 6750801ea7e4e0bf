"""P5: the data that an explanation names are those that the card came from: no more, no less."""

from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest
from msgspec.structs import replace

from support.lives import Life, a_strategy, a_world, allowed, choices, moments, past
from support.people import BRANDS, KEY, NOON, STRATEGY, a_history, enters, lines, says_yes
from visavis.cards.replies import reply
from visavis.cards.typography import count_words
from visavis.customers.fold import fold
from visavis.engine import NotAdmitted, admit, step
from visavis.explain import counterfactual as evidence_why
from visavis.explain.counterfactual import find, why
from visavis.insight.need import prior
from visavis.model.customer import Customer, newborn
from visavis.model.decision import Show
from visavis.model.entry import Entry, encode
from visavis.model.world import World
from visavis.strategy.read import Strategy

WORLD = World(version="w", strategy=STRATEGY.version, learned=prior())

FIELDS = {
    "purchases": ("purchases",),
    "places": ("places",),
    "home": ("home",),
    "numbers": ("numbers",),
    "preferences": ("preferences",),
    "orders": ("orders", "rewards"),
}


def decisions(strategy: Strategy, entry: Entry) -> list[bytes]:
    bare = [
        encode(replace(entry, decisions=(one,), uses=(), closed=(), effects=(), granted=None))
        for one in entry.decisions
    ]
    return [*bare, *[str(reply(strategy, entry, "fr", role).decisions).encode() for role in ("device", "adviser")]]


def check(seeds: range) -> int:
    """Change what was not named: nothing changes, word for word. How many times it was tried."""
    tried = 0
    for seed in seeds:
        dice = Random(seed)
        served, now = a_strategy(dice)
        world, other = a_world(dice, now), Life(served, now, a_world(dice, now))
        said, yes = choices(dice, served)
        visible = sorted(allowed(served, now, yes))
        for moment in past(Random(seed + 1), visible, dice, [], served):
            other.process(moment)
        stranger = other.processor.customer("camille")
        life = Life(served, now, world)
        for moment in [*said, *sorted(moments(dice, visible, 16, "m"), key=lambda one: one.occurred_at)]:
            life.process(moment)
        customer = newborn("camille")
        for entry in life.processor.log.of("camille"):
            if any(isinstance(one, Show) for one in entry.decisions):
                tried += _try(life, customer, stranger, entry, seed)
            customer = fold(customer, entry)
    return tried


def _try(life: Life, customer: Customer, stranger: Customer, entry: Entry, seed: int) -> int:
    def decided(person: Customer) -> list[bytes]:
        return decisions(
            life.processor.strategy,
            step(life.processor.strategy, life.processor.world, person, entry.moment, entry.received_at, KEY)[0],
        )

    honest, tried = decided(customer), 0
    named = {category for use in entry.uses for category in use.categories}
    own = entry.moment.category
    for category, fields in FIELDS.items():
        if category not in named and category != own:
            tried += 1
            changed = replace(customer, **{field: getattr(stranger, field) for field in fields})
            assert decided(changed) == honest, f"seed {seed}: {category} is not named, and changed {entry.moment.id}"
    return tried


def check_named(seeds: range) -> tuple[int, int]:
    """Cards about one need, and how many of them change when the purchases of that family are taken away."""
    cards = changed = 0
    for seed in seeds:
        dice = Random(seed)
        baskets = [dice.sample(BRANDS, dice.randint(2, 6)) for _ in range(8)]
        show = _at_the_door(baskets)
        if show is not None and show.terms:
            cards += 1
            without = [
                [one for one in basket if STRATEGY.products[one].family != show.family] or ["nothing"]
                for basket in baskets
            ]
            changed += _at_the_door(without) != show
    return cards, changed


def _at_the_door(baskets: list[list[str]]) -> Show | None:
    entry, _ = _entry_at_the_door(baskets)
    return next((one for one in entry.decisions if isinstance(one, Show)), None)


def _entry_at_the_door(baskets: list[list[str]]) -> tuple[Entry, Customer]:
    customer = before = newborn("camille")
    start = NOON - timedelta(days=70)
    trips = [
        replace(trip, lines=lines(*basket))
        for trip, basket in zip(a_history("camille", weeks=len(baskets)), baskets, strict=True)
    ]
    for moment in [*says_yes("camille", "reminders", at=start), *trips, enters()]:
        admitted = admit(STRATEGY, customer, moment, moment.occurred_at)
        assert not isinstance(admitted, NotAdmitted)
        before = customer
        entry, customer = step(STRATEGY, WORLD, customer, admitted, moment.occurred_at, KEY)
    return entry, before


def test_what_is_not_named_changes_nothing(times: Callable[[int, int], int]) -> None:
    assert check(range(times(40, 2000))) > 200


def test_what_is_named_is_what_the_card_came_from(times: Callable[[int, int], int]) -> None:
    cards, changed = check_named(range(times(40, 1000)))

    assert cards > 10
    assert changed >= 0.95 * cards


def test_a_canned_reason_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = _at_the_door([[BRANDS[0]]] * 8)
    monkeypatch.setitem(globals(), "_at_the_door", lambda _: honest)  # the same card whatever was bought
    cards, changed = check_named(range(20))
    assert cards == 20
    assert changed < 0.95 * cards


def test_an_explanation_that_leaves_out_what_was_read_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavis.strategy.read._reads", lambda *_: frozenset())
    with pytest.raises(AssertionError, match="is not named"):
        check(range(30))


def check_told(seeds: range) -> tuple[int, int]:
    """Explain each card of random lives: only what was read is named, all true; how many by data, with reason."""
    cards = reasons = 0
    for seed in seeds:
        dice = Random(seed)
        served, now = a_strategy(dice)
        life = Life(served, now, a_world(dice, now))
        said, yes = choices(dice, served)
        visible = sorted(allowed(served, now, yes))
        for moment in [*said, *sorted(moments(dice, visible, 16, "m"), key=lambda one: one.occurred_at)]:
            life.process(moment)
        for entry in life.processor.log.of("camille"):
            for decision in [one for one in entry.decisions if isinstance(one, Show)]:
                found = find(life.processor.log.of("camille"), decision.id)
                assert found is not None
                told = why(life.processor.strategy, life.processor.world, *found, decision.id, KEY, "fr")
                assert told.again, f"seed {seed}: {entry.moment.id} is not decided the same again"
                read = {category for use in entry.uses for category in use.categories}
                assert {one.category for one in told.used} <= read
                assert all(0 < count_words(sentence) <= 25 for sentence in told.plain.values()), told.plain
                assert all(
                    one.origin
                    == (
                        "declared"
                        if one.category == "preferences"
                        else "inferred"
                        if "need/" in one.datum
                        else "observed"
                    )
                    for one in told.used
                )
                if (
                    entry.moment.category in read
                ):  # else nothing of theirs woke it, and what was read may have been one cause of several
                    cards += 1
                    reasons += any(one.change != "same" for one in told.used)
    return cards, reasons


def check_reasons(seeds: range) -> tuple[int, int]:
    """Cards about one need: how often the purchases named are those without which the result changes."""
    cards = agreed = 0
    for seed in seeds:
        dice = Random(seed)
        baskets = [dice.sample(BRANDS, dice.randint(2, 6)) for _ in range(8)]
        entry, before = _entry_at_the_door(baskets)
        show = next((one for one in entry.decisions if isinstance(one, Show)), None)
        if show is None or not show.terms:
            continue
        cards += 1
        without = [
            [one for one in basket if STRATEGY.products[one].family != show.family] or ["nothing"] for basket in baskets
        ]
        told = next(
            (
                one
                for one in why(STRATEGY, WORLD, before, entry, show.id, KEY, "en").used
                if one.datum == f"habit/{show.family}"
            ),
            None,
        )
        agreed += (told is not None and told.change != "same") == (_at_the_door(without) != show)
    return cards, agreed


def test_every_card_says_what_it_came_from_and_decides_the_same_again(times: Callable[[int, int], int]) -> None:
    cards, reasons = check_told(range(times(40, 1000)))

    assert cards > 30
    assert reasons >= 0.95 * cards


def test_what_is_told_to_have_changed_it_does_in_another_life(times: Callable[[int, int], int]) -> None:
    cards, agreed = check_reasons(range(times(40, 1000)))

    assert cards > 10
    assert agreed >= 0.95 * cards


def test_a_reason_that_no_experiment_gave_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_why, "changed", lambda *_: "same")
    cards, agreed = check_reasons(range(40))
    assert agreed < 0.95 * cards


def test_deciding_again_with_other_dice_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "KEY", b"other dice")
    with pytest.raises(AssertionError, match="not decided the same again"):
        check_told(range(40))
