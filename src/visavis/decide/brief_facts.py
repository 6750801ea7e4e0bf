"""What an adviser should know of a person, from the view of the brief's own purpose.

At most three facts, the first changes most what to do.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from visavis.model.action import SOURCES
from visavis.model.decision import Fact, Known
from visavis.model.habit import DAY_S, FIRST, HABIT, LAST, LOCAL_DAY, T_FIRST, T_LAST, T_LOCAL_DAY, T_S28, TRIPS, K
from visavis.model.shown import Service
from visavis.model.view import View
from visavis.strategy.read import Strategy

FACTS: Final = 3
NAME: Final = "first_name"
"""The declared trait by which a person wants to be called."""
HEAVY_TRIPS: Final = 6.0
AWAY_DAYS: Final = 45.0
AVOID_DAYS: Final = 30.0
SURE_ENOUGH: Final = 0.2
NO: Final = frozenset({"no", "wrong"})


def brief_facts(
    strategy: Strategy, view: View, service: Service, family: str, known: Iterable[Known], excluded_families: set[str]
) -> tuple[Fact, ...]:
    """The name when the person gave one, at most three facts, and at most one thing not to do.

    Facts come in the order in which they change the action: why it is suggested, how the person wants to be served,
    what is owed to them, who they are as a customer, then what else they probably need. ``excluded_families`` are families that
    the customer's own glasses take care of.
    """
    name = view.preferences.get(NAME)
    since = _first_day(view)
    called = (
        (Fact("name", name, "declared", since),) if isinstance(name, str) else (Fact("name", "", "observed", since),)
    )
    avoided = avoid(strategy, view, service)
    hidden = excluded_families | strategy.never_push | set(service.wrong) | ({avoided} if avoided else set())
    facts = [fact for fact in _ranked(view, family, known) if fact.kind != "need" or fact.subject not in hidden]
    not_to_do = (Fact("avoid", avoided, "observed"),) if avoided and avoided not in strategy.never_push else ()
    return (*called, *facts[:FACTS], *not_to_do)


def avoid(strategy: Strategy, view: View, service: Service) -> str:
    """The family that this person refused or called wrong last, within a month, of those that came of data that this view holds; empty when none."""
    since = view.now - AVOID_DAYS * DAY_S
    refused = [
        card
        for card in service.shown
        if card.answer in NO and card.family and card.at > since and _may_be_named(strategy, view, card.action)
    ]
    return refused[-1].family if refused else ""


def _may_be_named(strategy: Strategy, view: View, action: str) -> bool:
    known = strategy.actions.get(action)
    return known is not None and SOURCES.get(known.about, "") in view.categories


def _ranked(view: View, family: str, known: Iterable[Known]) -> Iterator[Fact]:
    needs = [_need(view, one) for one in known]
    yield from [fact for fact in needs if fact.subject == family]
    yield from [Fact("trait", trait, "declared") for trait, value in view.preferences.items() if value is True]
    yield from [
        Fact("reward", reward.action, "observed", int(reward.at // DAY_S))
        for reward in view.rewards
        if reward.status == "granted" and view.now < reward.until
    ]
    yield from [
        Fact("order", order.product, "observed", int(order.at // DAY_S))
        for order in view.orders
        if order.status == "ordered"
    ]
    if view.purchases.trips:
        trips = TRIPS.unpack(view.purchases.trips)
        away = view.now / DAY_S - trips[T_LAST]
        if away >= AWAY_DAYS:
            yield Fact("away", str(round(away)), "observed", int(trips[T_LOCAL_DAY]))
        elif trips[T_S28] >= HEAVY_TRIPS:
            yield Fact("heavy", str(round(trips[T_S28])), "observed", int(trips[T_LOCAL_DAY]))
    yield from [fact for fact in needs if fact.subject != family and fact.p >= SURE_ENOUGH]


def _first_day(view: View) -> int:
    return int(TRIPS.unpack(view.purchases.trips)[T_FIRST]) if view.purchases.trips else 0


def _need(view: View, one: Known) -> Fact:
    """What is probably needed, with the habit behind it.

    Since when the person went without, how often they took it, how far apart.
    """
    row = view.purchases.rows.get(one.family)
    if row is None:
        return Fact("need", one.family, "inferred", 0, one.p)
    habit = HABIT.unpack_from(view.purchases.table, row * HABIT.size)
    times = int(habit[K])
    return Fact(
        "need",
        one.family,
        "inferred",
        int(habit[LOCAL_DAY]),
        one.p,
        times,
        round((habit[LAST] - habit[FIRST]) / (times - 1), 1) if times > 1 else 0.0,
    )
