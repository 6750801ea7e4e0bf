"""Arms: the concrete things that an eligible action could say now, each with its net value in cents."""

from collections.abc import Set as AbstractSet

from msgspec import Struct

from visavis.decide.eligible import Eligible
from visavis.decide.facts import usual_product
from visavis.decide.policy import PRIOR, estimate
from visavis.model.action import Action, Objective
from visavis.model.moment import Consumed, RanOut, Saw, Stocked
from visavis.model.world import Belief, World
from visavis.strategy.read import Strategy

P_PRIOR = 0.1
"""The probability of the outcome of an action that is about no need, before any outcome."""


class Arm(Struct, frozen=True, gc=False):
    """One thing to show, with its score; ``row`` is that of its ranking, -1 when it is about no need."""

    of: Eligible
    family: str
    product: str
    row: int
    p_response: float
    net_cents: float


def value_cents(objective: Objective, action: Action, belief: Belief, p_need: float) -> tuple[float, float]:
    """``(p_response, value)``: its uplift, or its response for a service whose use is its value, times the value."""
    p_response, p_base = estimate(belief, p_need)
    credited = p_response if objective.credit == "response" else p_response - p_base
    return p_response, credited * objective.value_cents * action.lever


def need_arms(
    strategy: Strategy, world: World, one: Eligible, barred: AbstractSet[str], price_cents: float
) -> list[Arm]:
    """Up to ``action.top`` arms, the most probable needs first, without families that are barred or never pushed."""
    if one.ranking is None:
        return []
    action, ranking = one.action, one.ranking
    objective, belief = strategy.objectives[action.objective], world.beliefs.get(action.id, PRIOR)
    arms: list[Arm] = []
    for row in ranking.rows:
        family = ranking.family(row)
        if family in barred or family in strategy.never_push:
            continue
        p_response, value = value_cents(objective, action, belief, ranking.p(row))
        arms.append(Arm(one, family, ranking.product(row), row, p_response, value - price_cents))
        if len(arms) == action.top:
            break
    return arms


def moment_arms(
    strategy: Strategy, world: World, one: Eligible, barred: AbstractSet[str], price_cents: float
) -> list[Arm]:
    """The one arm of an action about what was looked at, what the home reports, or nothing in particular."""
    action, moment = one.action, one.view.moment
    family, product = "", ""
    if action.about in ("seen", "home") and isinstance(moment, Saw | RanOut | Stocked | Consumed):
        family, product = moment.family, usual_product(one.view, moment.family) or moment.product
        if family in barred or family in strategy.never_push:
            return []
    objective = strategy.objectives[action.objective]
    p_response, value = value_cents(objective, action, world.beliefs.get(action.id, PRIOR), P_PRIOR)
    if objective.credit == "uplift" and action.about == "none":
        value = objective.value_cents * action.lever * P_PRIOR  # until outcomes say otherwise
    return [Arm(one, family, product, -1, p_response, value - price_cents)]
