"""Two panels of the stage, from choices and folds of the log: what the person gives and receives, and what is known."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from babel.dates import format_skeleton
from msgspec import Struct

from visavis.cards.typography import clipped
from visavis.cards.words import EPOCH, family_name, figure, left, product_name, span
from visavis.consent.choices import Choice, choices
from visavis.lab.stage.stage_person import PanelLine, StagePerson
from visavis.model.decision import Show
from visavis.model.habit import DAY_S, FIRST, HABIT, LAST, T_BASKETS, T_FIRST, TRIPS, K
from visavis.model.moment import Consumed, Measured, RanOut, Saw, Stocked
from visavis.strategy.freshness import fresh

LENGTH: Final = 40
OFTEN: Final = 3
"""From how many purchases on a rhythm is shown."""


class StageSwitch(Struct, frozen=True):
    """One use of data: what is given and how protected, what it brought; ``just`` when switched last."""

    purpose: str
    gives: str
    protects: str
    gets: str
    brought: str
    on: bool
    just: bool


def switches(person: StagePerson) -> list[StageSwitch]:
    """Every choice, those that this scene is about first."""
    about = list(_about(person))
    found = choices(person.strategy, person.customer, person.language, person.now)
    consents = [choice for choice in found if choice.basis == "consent"]
    consents.sort(key=lambda choice: about.index(choice.purpose) if choice.purpose in about else len(about))
    return [_switch(person, choice) for choice in consents]


def _switch(person: StagePerson, choice: Choice) -> StageSwitch:
    never = choice.status in ("unknown", "requested")
    return StageSwitch(
        choice.purpose,
        person.data_given(choice.purpose),
        _protects(person, choice),
        person.say("purposes", choice.purpose, "gets") or choice.benefit.rstrip("."),
        _brought(person, choice.purpose) if choice.on else person.say("never_asked" if never else "closed"),
        choice.on,
        choice.purpose in person.last_switched(),
    )


def _about(person: StagePerson) -> Iterator[str]:
    """The purposes that the story touches: what it switches, what its moments may be decided under, what it gives."""
    if person.story is None:
        return
    steps = person.story.steps
    given = person.story.given
    yield from [step.switch for step in steps if step.switch]
    yield from [
        purpose for step in steps for purpose in given if step.close in person.strategy.purposes[purpose].categories
    ]
    for step in steps:
        woken = {
            action.purpose for action in person.strategy.actions.values() if step.moment.get("kind") in action.woken_by
        }
        yield from sorted(woken.intersection(given))
    yield from given


def _protects(person: StagePerson, choice: Choice) -> str:
    if choice.status in ("withdrawn", "refused") and choice.since >= person.since > 0.0:
        return person.say("cut_at", time=person.at(choice.since))
    months = round(person.strategy.purposes[choice.purpose].duration_days / 30.4)
    return person.say("purposes", choice.purpose, "protects", months=months) or choice.notice_text


def _brought(person: StagePerson, purpose: str) -> str:
    """What this choice brought so far, counted."""
    actions = {action.id: action for action in person.strategy.actions.values() if action.purpose == purpose}
    shown = [
        card for card in person.customer.service.shown if card.action in actions and (card.displayed or card.answer)
    ]
    rewards = [reward for reward in person.customer.rewards if reward.action in actions]
    orders = [order for order in person.customer.orders if order.key in {card.decision for card in shown}]
    if orders:
        arrived = len([order for order in orders if order.status == "fulfilled"])
        return person.count("deliveries", arrived) if arrived else person.count("orders", len(orders))
    if rewards:
        return person.count("rewards", len(rewards))
    if not shown:
        return person.say("nothing_yet")
    if all(action.audience == "adviser" for action in actions.values()):
        return person.count("readings", len(shown))
    useful = len([card for card in shown if card.answer == "yes"])
    return person.count("cards", len(shown)) + (", " + person.count("useful", useful) if useful else "")


def known(person: StagePerson) -> list[PanelLine]:
    """What is known, what this scene is about first; the last line is what was never asked."""
    customer = person.customer
    lines = [*_numbers(person), *_home(person), *_wallet(person)]
    if customer.purchases.trips and not person.may_read("purchases"):
        n = int(TRIPS.unpack(customer.purchases.trips)[T_BASKETS])
        lines.insert(0, PanelLine(person.count("purchases_closed", n), person.say("kept_closed"), closed=True))
    else:
        habits = list(_habits(person))
        lines += [*habits[:1], *_inferred(person), *_declared(person), *_visits(person), *habits[1:]]
    if not lines:
        lines = [PanelLine(person.say("unknown"), person.say("unknown_detail"))]
    return lines


def _focus(person: StagePerson) -> list[str]:
    """The families that this scene is about."""
    found: list[str] = []
    for decision in person.decisions:
        found += [decision.family] if isinstance(decision, Show) and decision.family else []
        found += [one.family for one in decision.scored if one.family]
    moment = person.moment
    if isinstance(moment, Saw | Stocked | Consumed | RanOut):
        found.insert(0, moment.family)
    return list(dict.fromkeys(found))


def _habits(person: StagePerson) -> Iterator[PanelLine]:
    purchases = person.customer.purchases
    often = {family: HABIT.unpack_from(purchases.table, row * HABIT.size) for family, row in purchases.rows.items()}
    ranked = sorted(
        [name for name in often if often[name][K] >= OFTEN and name not in person.strategy.never_push],
        key=lambda name: -often[name][K],
    )
    focus = [name for name in _focus(person) if name in ranked]
    for family in dict.fromkeys([*focus, *ranked[:4]]):
        habit = often[family]
        every = span(max(1, round((habit[LAST] - habit[FIRST]) / (habit[K] - 1))), person.language)
        name = product_name(person.strategy, purchases.usual[purchases.rows[family]], person.language)
        name = clipped(name, LENGTH - len(person.say("every", what="", days=every)), 9)
        yield PanelLine(person.say("every", what=name, days=every), person.say("every_detail", n=int(habit[K])))


def _inferred(person: StagePerson) -> Iterator[PanelLine]:
    for decision in person.decisions:
        for one in decision.known[:1]:
            if one.family in person.strategy.never_push:
                continue
            n = min(9, max(1, round(one.p * 10)))
            name = family_name(person.strategy, one.family, person.language)
            what = clipped(name[:1].upper() + name[1:], 20, 9)
            yield PanelLine(person.count("chances", n, what=what), person.say("chances_detail"))
            return


def _declared(person: StagePerson) -> Iterator[PanelLine]:
    for trait, value in person.customer.preferences.items():
        if value is True:
            words = person.strategy.brand.trait_name(trait, person.language)
            opened = person.may_read("preferences")
            yield PanelLine(words, person.say("declared" if opened else "declared_closed"), closed=not opened)


def _visits(person: StagePerson) -> Iterator[PanelLine]:
    if person.customer.purchases.trips:
        trips = TRIPS.unpack(person.customer.purchases.trips)
        first = EPOCH.fromordinal(EPOCH.toordinal() + int(trips[T_FIRST]))
        since = format_skeleton("yMMMM", first, locale=person.language)
        yield PanelLine(person.count("visits", int(trips[T_BASKETS])), person.say("visits_detail", since=since))


def _numbers(person: StagePerson) -> Iterator[PanelLine]:
    moment = person.moment
    opened = person.may_read("numbers")
    for name, number in person.customer.numbers.items():
        if not isinstance(moment, Measured) and opened:
            continue
        what = person.word("measures", name) or name
        amount = person.say("number", n=figure(round(number.today, 2), person.language), unit=number.unit, what=what)
        goal = person.say("number_own")
        if number.goal:
            goal = person.say("number_goal", goal=figure(number.goal, person.language), unit=number.unit)
        yield PanelLine(amount, goal if opened else person.say("number_closed"), closed=not opened)


def _day(at: float) -> date:
    return EPOCH + timedelta(days=int(at // DAY_S))


def _home(person: StagePerson) -> Iterator[PanelLine]:
    moment = person.moment
    known = fresh(person.strategy.brand, person.customer, person.now).home
    families = _focus(person) if isinstance(moment, Saw) else list(reversed(person.customer.home))
    for family in families[:2]:
        stock = person.customer.home.get(family)
        if stock is None:
            continue
        name = family_name(person.strategy, family, person.language)
        rest = left(stock.units, person.language)
        name = clipped(name[:1].upper() + name[1:], 22, 9)
        opened = person.may_read("home")
        line = person.say("at_home", what=name, left=rest) if rest else person.say("out_of", what=name)
        detail = person.say("home_detail" if opened else "home_closed", time=person.at(stock.at))
        if opened and family not in known:
            line = person.say("home_unknown", what=name)
            detail = person.say("home_stale", day=format_skeleton("MMMMd", _day(stock.at), locale=person.language))
        yield PanelLine(line, detail, closed=not opened)


def _wallet(person: StagePerson) -> Iterator[PanelLine]:
    for reward in person.customer.rewards[-1:]:
        yield PanelLine(person.say(f"reward_{reward.status}"), person.say("wallet_detail", time=person.at(reward.at)))
    for order in person.customer.orders[-1:]:
        name = clipped(product_name(person.strategy, order.product, person.language), 24, 9)
        yield PanelLine(person.say("order", what=name), person.say(f"order_{order.status}", time=person.at(order.at)))
