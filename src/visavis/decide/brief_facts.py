"""The facts of an adviser's brief, from the view of the brief's own purpose."""

from collections.abc import Iterable, Iterator
from typing import Final

from visavis.decide.facts import facts
from visavis.model.action import SOURCES
from visavis.model.decision import Fact, Known
from visavis.model.habit import DAY_S, FIRST, HABIT, LAST, LOCAL_DAY, T_DAYS, T_FIRST, T_LAST, T_LOCAL_DAY, TRIPS, K
from visavis.model.shown import Service
from visavis.model.view import View
from visavis.strategy.read import Strategy

FACTS_LIMIT: Final = 3
NAME: Final = "first_name"
"""The declared trait by which a person wants to be called."""
RECENT_TRIPS: Final = "worth.trips_28d"
HEAVY_TRIPS: Final = 6.0
"""Trips decayed over 28 days, and days of purchase, from which a customer is called a frequent one."""
RHYTHM_GAPS: Final = 5
"""The number of gaps between days of purchase from which they are called a rhythm, ..."""
LATE_GAPS: Final = 3.0
"""... while the present gap is under so many of them."""
AWAY_DAYS: Final = 45.0
AVOID_DAYS: Final = 30.0
NEED_P: Final = 0.2
"""The probability from which another need is worth stating."""


def brief_facts(
    strategy: Strategy, view: View, service: Service, family: str, known: Iterable[Known], excluded_families: set[str]
) -> tuple[Fact, ...]:
    """The name when given, at most three facts (those that change what to do first), at most one thing to avoid."""
    declared = view.preferences.get(NAME)
    since = int(TRIPS.unpack(view.purchases.trips)[T_FIRST]) if view.purchases.trips else 0
    name = Fact("name", "", "observed", since)
    if isinstance(declared, str):
        name = Fact("name", declared, "declared", since)
    refused = refused_family(strategy, view, service)
    hidden = excluded_families | strategy.never_push | {*service.wrong, refused}
    facts = [fact for fact in _candidates(view, family, known) if fact.kind != "need" or fact.subject not in hidden]
    avoid = (Fact("avoid", refused, "observed"),) if refused and refused not in strategy.never_push else ()
    return (name, *facts[:FACTS_LIMIT], *avoid)


def refused_family(strategy: Strategy, view: View, service: Service) -> str:
    """The family that this person refused or called wrong last, within a month, from data of this view; else empty."""
    since = view.now - AVOID_DAYS * DAY_S
    refused = [card for card in service.shown if card.answer in ("no", "wrong") and card.family and card.at > since]
    return next((card.family for card in reversed(refused) if _came_from(strategy, view, card.action)), "")


def _came_from(strategy: Strategy, view: View, action: str) -> bool:
    """Whether the family on a card of this action came from data that this view holds."""
    known = strategy.actions.get(action)
    return known is not None and SOURCES.get(known.about, "") in view.categories


def _candidates(view: View, family: str, known: Iterable[Known]) -> Iterator[Fact]:
    needs = [_need(view, one) for one in known]
    yield from [fact for fact in needs if fact.subject == family]
    yield from [Fact("trait", trait, "declared") for trait, value in view.preferences.items() if value is True]
    rewards = [reward for reward in view.rewards if reward.status == "granted" and view.now < reward.until]
    yield from [Fact("reward", reward.action, "observed", int(reward.at // DAY_S)) for reward in rewards]
    orders = [order for order in view.orders if order.status == "ordered"]
    yield from [Fact("order", order.product, "observed", int(order.at // DAY_S)) for order in orders]
    if view.purchases.trips:
        trips = TRIPS.unpack(view.purchases.trips)
        away = view.now / DAY_S - trips[T_LAST]
        if away >= AWAY_DAYS:
            yield Fact("away", str(round(away)), "observed", int(trips[T_LOCAL_DAY]))
        elif _recent_trips(view) >= HEAVY_TRIPS <= trips[T_DAYS]:
            yield Fact("heavy", str(int(trips[T_DAYS])), "observed", int(trips[T_FIRST]))
    yield from [fact for fact in needs if fact.subject != family and fact.p >= NEED_P]


def _recent_trips(view: View) -> float:
    """The trips of this person, decayed over 28 days."""
    found = facts(view, (RECENT_TRIPS,)).get(RECENT_TRIPS)
    return found if isinstance(found, float) else 0.0


def _need(view: View, one: Known) -> Fact:
    """A need, with the habit behind it: the last day, how often, and how many days apart."""
    row = view.purchases.rows.get(one.family)
    if row is None:
        return Fact("need", one.family, "inferred", 0, one.p)
    habit = HABIT.unpack_from(view.purchases.table, row * HABIT.size)
    times = int(habit[K])
    gap_days = (habit[LAST] - habit[FIRST]) / max(1, times - 1)
    steady = times > RHYTHM_GAPS and view.now / DAY_S - habit[LAST] < LATE_GAPS * gap_days
    every_days = round(gap_days, 1) if steady else 0.0
    return Fact("need", one.family, "inferred", int(habit[LOCAL_DAY]), one.p, times, every_days)
