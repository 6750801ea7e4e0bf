"""What an adviser reads as observed was counted from what was observed."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.people import BRANDS, NOON, STRATEGY, a_loop, lines, says_yes
from visavis.cards.brief import brief
from visavis.model.card import BriefFact
from visavis.model.decision import Fact, Show
from visavis.model.moment import Bought, CheckedIn, Moment

DAY_S = 86_400.0


def facts_after(days_ago: list[int]) -> tuple[tuple[Fact, ...], tuple[BriefFact, ...]]:
    """The facts of the brief of a person who bought on each of these days, and as they are written in English."""
    loop = a_loop()
    loop.process(says_yes("camille", "adviser-brief", at=NOON - timedelta(days=90)))
    bought: list[Moment] = [
        Bought(
            id=f"b{number}",
            customer="camille",
            occurred_at=NOON - timedelta(days=ago, minutes=number),
            place="s1",
            lines=lines(BRANDS[2]),
        )
        for number, ago in enumerate(sorted(days_ago, reverse=True))
    ]
    loop.process(bought)
    asked = loop.process([CheckedIn(id="in", customer="camille", occurred_at=NOON, place="s1")])[0].entry
    assert asked is not None
    shown = next((one for one in asked.decisions if isinstance(one, Show) and one.audience == "adviser"), None)
    if shown is None:
        return (), ()
    return shown.facts, brief(STRATEGY, shown, "en", today=int(NOON.timestamp() // DAY_S)).facts


@given(st.lists(st.integers(0, 60), min_size=1, max_size=30))
def test_the_visits_of_a_frequent_customer_are_the_days_on_which_they_bought(days_ago: list[int]) -> None:
    facts, _ = facts_after(days_ago)

    for fact in facts:
        if fact.kind == "heavy":
            assert int(fact.subject) == len(set(days_ago)) >= 6
        if fact.kind == "need" and fact.every_days:
            gaps = len(set(days_ago)) - 1
            assert gaps >= 5
            assert min(days_ago) < 3 * (max(days_ago) - min(days_ago) + 1) / gaps


def test_nine_baskets_of_one_day_are_no_nine_visits() -> None:
    facts, _ = facts_after([0] * 9)
    assert not [one for one in facts if one.kind == "heavy" or one.every_days]


@pytest.mark.parametrize(("days_ago", "steady"), [([*range(7, 56, 7)], True), ([*range(28, 77, 7)], False)])
def test_a_rhythm_is_said_while_it_lasts(days_ago: list[int], steady: bool) -> None:
    facts, written = facts_after(days_ago)

    assert [bool(one.every_days) for one in facts if one.kind == "need"][:1] == [steady]
    assert any("every" in one.detail for one in written) is steady


def test_a_frequent_customer_is_counted_since_the_first_visit() -> None:
    _, written = facts_after([*range(0, 28, 2)])
    assert "14 visits since October\u00a029" in [one.what for one in written]
