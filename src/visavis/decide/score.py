"""Turn eligible actions into arms, each with what it would bring net of the price of attention."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from msgspec import Struct

from visavis.decide.facts import PRODUCT_READERS
from visavis.decide.policy import PRIOR, estimate
from visavis.insight.need import Floats, Shortlist, best
from visavis.model.action import Action, Objective
from visavis.model.habit import LAST, K
from visavis.model.world import Belief
from visavis.strategy.read import Strategy
from visavis.strategy.rules import masks

WORDS_OF_A_CARD: Final = 8
HEADS: Final = {"need.p_visit": "visit", "need.p_forgotten": "forgotten", "need.p7": "week"}


class Candidate(Struct, frozen=True, gc=False):
    """One arm with its score; ``row`` is its place in the shortlist, -1 when it is about nothing in particular."""

    action: Action
    family: str
    product: str
    row: int
    p_response: float
    net_cents: float
    head: str


def net_cents(
    objective: Objective, action: Action, belief: Belief, p_need: float, price_cents: float
) -> tuple[float, float]:
    """``(p_response, net)`` of an arm.

    Its uplift (or its response, for a service whose use is its value) times value, less attention.
    """
    p_response, p_base = estimate(belief, p_need)
    credited = p_response if objective.credit == "response" else p_response - p_base
    return p_response, credited * objective.value_cents * action.lever - price_cents


def about_needs(
    strategy: Strategy,
    action: Action,
    short: Shortlist,
    probabilities: Mapping[str, Floats],
    *,
    head: str,
    barred: set[str],
    beliefs: Mapping[str, Belief],
    price_cents: float,
) -> list[Candidate]:
    """Up to ``action.top`` arms, the most needed families first, without those barred here or never pushed."""
    p = probabilities[head]
    objective = strategy.objectives[action.objective]
    condition = strategy.product_conditions.get(action.id)
    allowed = (
        masks(condition, columns(strategy, short, probabilities, condition.paths), size=len(short.families))
        if condition is not None
        else None
    )
    belief = beliefs.get(action.id, PRIOR)
    arms: list[Candidate] = []
    for row in best(p, len(short.families)):
        family = short.families[row]
        if family in barred or family in strategy.never_push or (allowed is not None and not allowed[row]):
            continue
        p_response, net = net_cents(objective, action, belief, float(p[row]), price_cents)
        arms.append(Candidate(action, family, short.products[row], row, p_response, net, head))
        if len(arms) == action.top:
            break
    return arms


def columns(
    strategy: Strategy, short: Shortlist, probabilities: Mapping[str, Floats], paths: Iterable[str]
) -> dict[str, list[str] | list[float | None] | Floats]:
    """These product-scope attributes of the shortlist, one column each; one that is not known here is left out."""
    found: dict[str, list[str] | list[float | None] | Floats] = {}
    for path in paths:
        if path in HEADS:
            if HEADS[path] in probabilities:
                found[path] = probabilities[HEADS[path]]
        elif path == "need.times":
            found[path] = short.table[:, K]
        elif path == "need.days_since":
            found[path] = np.maximum(short.now_days - short.table[:, LAST], 0.0)
        elif path == "product.id":
            found[path] = short.products
        elif path == "product.family":
            found[path] = short.families
        else:
            read = PRODUCT_READERS[path]
            products = [strategy.products.get(product) for product in short.products]
            found[path] = [read(product) if product is not None else None for product in products]
    return found
