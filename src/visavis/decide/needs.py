"""The needs that actions are about: their families, the most probable first, under every head that the action reads."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from msgspec import Struct

from visavis.decide.facts import PRODUCT_READERS
from visavis.insight.need import Estimate, Head, basket_of, best, estimate
from visavis.insight.shortlist import Shortlist, shortlist
from visavis.model.action import Action
from visavis.model.decision import Known, Term
from visavis.model.habit import LAST, K
from visavis.model.view import View
from visavis.model.world import Calibration, World
from visavis.strategy.read import Strategy
from visavis.strategy.rules import Column, masks

KNOWN_LIMIT: Final = 4
HEADS: Final[Mapping[str, Head]] = {"need.p_visit": "visit", "need.p_forgotten": "forgotten", "need.p7": "week"}
"""The head that each attribute of a product condition reads."""
WINDOW_HEADS: Final[Mapping[str, Head]] = {"visit": "visit", "days": "forgotten"}
"""The head that predicts the outcome of an objective, by its window."""
_UNCALIBRATED: Final = Calibration()

Estimates = dict[Head, Estimate]


class Ranking(Struct, frozen=True, gc=False):
    """The needs that one action is about: ``rows`` of the shortlist that its product condition allows, best first."""

    shortlist: Shortlist
    head: Head
    estimate: Estimate
    rows: list[int]

    def known(self) -> tuple[Known, ...]:
        """The families believed in most: before caps, holdout and cool-down."""
        rows = self.rows[:KNOWN_LIMIT]
        return tuple([Known(self.family(row), self.product(row), round(self.p(row), 6)) for row in rows])

    def family(self, row: int) -> str:
        """The family of this row."""
        return self.shortlist.families[row]

    def product(self, row: int) -> str:
        """The usual product of this row."""
        return self.shortlist.products[row]

    def p(self, row: int) -> float:
        """The probability of this row."""
        return float(self.estimate.p[row])

    def terms(self, row: int) -> tuple[Term, ...]:
        """What moved the estimate of this row most."""
        return tuple([Term(name, round(push * 100)) for name, push in self.estimate.terms(row)])


def rankings(strategy: Strategy, world: World, actions: Iterable[tuple[Action, View]]) -> dict[str, Ranking]:
    """The ranking of each of these actions that is about a need, by id; none without habits or learned parameters."""
    needing = [(action, view) for action, view in actions if action.about == "need"]
    heads: dict[frozenset[str], set[Head]] = {}
    for action, view in needing:
        heads.setdefault(view.categories, set()).update(heads_read(strategy, action))
    estimated: dict[frozenset[str], tuple[Shortlist, Estimates] | None] = {}
    found: dict[str, Ranking] = {}
    for action, view in needing:
        if view.categories not in estimated:
            estimated[view.categories] = _estimated(world, view, heads[view.categories])
        if (known := estimated[view.categories]) is not None:
            found[action.id] = _ranking(strategy, action, *known)
    return found


def heads_read(strategy: Strategy, action: Action) -> set[Head]:
    """The heads that this action reads: its objective's, and those that its product condition names."""
    condition = strategy.product_conditions.get(action.id)
    named = {HEADS[path] for path in condition.paths if path in HEADS} if condition is not None else set[Head]()
    return named | {WINDOW_HEADS[strategy.objectives[action.objective].window]}


def _estimated(world: World, view: View, heads: Iterable[Head]) -> tuple[Shortlist, Estimates] | None:
    """The habits of this view, and the estimate of each head; features are computed once for all heads."""
    basket = basket_of(view)
    short = shortlist(view, without=basket or frozenset())
    if short is None or world.learned is None:
        return None
    estimates: Estimates = {}
    x = None
    for head in heads:
        calibration = world.calibrations.get(head, _UNCALIBRATED)
        estimates[head] = estimate(world.learned, calibration, short, head, x=x, basket=basket)
        x = estimates[head].x
    return short, estimates


def _ranking(strategy: Strategy, action: Action, short: Shortlist, estimates: Estimates) -> Ranking:
    head = WINDOW_HEADS[strategy.objectives[action.objective].window]
    rows = best(estimates[head].p, len(short.families))
    condition = strategy.product_conditions.get(action.id)
    if condition is not None:
        allowed = masks(condition, _columns(strategy, short, estimates, condition.paths), size=len(short.families))
        rows = [row for row in rows if allowed[row]]
    return Ranking(short, head, estimates[head], rows)


def _columns(strategy: Strategy, short: Shortlist, estimates: Estimates, paths: Iterable[str]) -> dict[str, Column]:
    """These product-scope attributes of the shortlist, one column each."""
    found: dict[str, Column] = {}
    for path in paths:
        if path in HEADS:
            found[path] = estimates[HEADS[path]].p
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
