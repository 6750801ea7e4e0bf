"""The tallies of objectives: an empty group is the strongest sample ratio mismatch."""

import pytest

from support.people import KEY, NOON, STRATEGY
from visavis.decide.holdout import held_out
from visavis.measurement.objectives import ObjectiveTallies
from visavis.model.customer import newborn
from visavis.model.decision import Outcome
from visavis.model.entry import FORM, Entry
from visavis.model.moment import Due


@pytest.mark.parametrize(
    ("out", "people", "verdict"),
    [
        (False, 3000, "sample_ratio_mismatch"),
        (True, 300, "sample_ratio_mismatch"),
        (False, 3, "not_enough_evidence"),
        (True, 0, None),
    ],
)
def test_an_empty_group_is_a_mismatch_of_the_plan(out: bool, people: int, verdict: str | None) -> None:
    tallies, number = ObjectiveTallies(STRATEGY, KEY), 0
    share = STRATEGY.objectives["loyalty"].holdout_share
    for number in range(people * 30):
        name = f"x{number}"
        if people and held_out(name, "loyalty", share=share, key=KEY) is out:
            closed = (Outcome("d", "loyalty", "reminder-door", 1, True, 0),)
            due = Due(id="due", customer=name, occurred_at=NOON)
            tallies.apply(Entry(FORM, name, NOON, due, closed=closed), newborn(name), True)
            people -= 1

    effect = next(one.effect for one in tallies.results() if one.objective.id == "loyalty")
    assert (effect.verdict if effect is not None else None) == verdict
