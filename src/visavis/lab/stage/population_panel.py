"""The simulated year on the stage: its counts, its last decisions, and each objective's uplift against its holdout."""

from datetime import datetime
from math import isfinite
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from babel.numbers import format_decimal, format_percent
from markupsafe import Markup
from msgspec import Struct

from visavis.cards.typography import typeset
from visavis.cards.words import family_name
from visavis.lab.stage.stage_person import StagePerson, typeset_inline
from visavis.lab.stories.simulated_population import RESPONSE_SHARE, FeedItem, SimulatedPopulation
from visavis.measurement.objectives import ObjectiveResult
from visavis.web import charts

MINUS: Final = "\u2212"


class FeedLine(Struct, frozen=True):
    """One line of the feed; ``shown`` when a card came of it."""

    at: str
    who: str
    what: str
    shown: bool


class ObjectiveLine(Struct, frozen=True):
    """One objective in words, with its interval drawn; ``sure`` when the holdout says that something was changed."""

    why: str
    counted: str
    effect: str
    detail: str
    drawn: Markup
    sure: bool


def population_values(population: SimulatedPopulation | None, person: StagePerson) -> dict[str, Any]:
    """What the template of the simulated year reads; no figures before it began."""
    if population is None:
        return {"figures": []}
    counts = {
        "people": population.households,
        "moments": population.moments,
        "shown_cards": population.cards,
        "silences": population.silences,
        "added": population.added,
    }
    results = [one for one in population.objectives() if one.shown or one.closed]
    return {
        "figures": [(format_decimal(n, locale=person.language), person.word(name)) for name, n in counts.items()],
        "feed": [feed_line(item, person) for item in population.feed],
        "objectives": [_objective(one, person) for one in sorted(results, key=lambda one: one.effect is None)],
        "note": person.say("truth", share=format_percent(RESPONSE_SHARE, locale=person.language)),
        "day": _day(population.at, person, "yMMMMd") if population.at else "",
        "done": population.done,
        "console": population.console,
    }


def feed_line(item: FeedItem, person: StagePerson) -> FeedLine:
    """One decision of the feed in the language of the page."""
    what = person.action(item.action)
    if not item.action:
        what = person.say("silence_because", reason=person.say("reasons", item.reason, "short"))
    elif item.product in person.strategy.products:
        family = person.strategy.products[item.product].family
        what = person.say("about", action=what, what=family_name(person.strategy, family, person.language))
    at = f"{_day(item.at, person, 'MMMd')}, {person.at(item.at)}"
    return FeedLine(at, item.household, what, bool(item.action))


def _objective(one: ObjectiveResult, person: StagePerson) -> ObjectiveLine:
    why = typeset(one.objective.why[person.language], person.language)
    counted = person.say("shown_held", shown=one.shown, held=one.held_out, people=one.people)
    effect = one.effect
    if effect is None or not (isfinite(effect.uplift) and effect.low > -1.0 and effect.high < 1.0):
        # An interval that holds everything possible says nothing yet.
        early = "too_early" if one.objective.holdout_share else "no_holdout"
        return ObjectiveLine(why, counted, person.say(early), "", Markup(), sure=False)
    sure = effect.verdict in ("more", "less")
    low, middle, high = [_points(share, person) for share in (effect.low, effect.uplift, effect.high)]
    detail = person.say("sure" if sure else "unsure", low=low, high=high)
    drawn = charts.interval(effect.low, effect.uplift, effect.high)
    return ObjectiveLine(why, counted, person.say("points", n=middle), detail, drawn, sure)


def _points(share: float, person: StagePerson) -> str:
    n = round(share * 100, 1)
    return f"{'+' if n > 0 else MINUS if n < 0 else ''}{format_decimal(abs(n), locale=person.language)}"


def _day(at: float, person: StagePerson, skeleton: str) -> str:
    zone = ZoneInfo(person.strategy.brand.zone)
    day = format_skeleton(skeleton, datetime.fromtimestamp(at, zone), locale=person.language)
    return typeset_inline(day.replace(" ", "\u00a0"), person.language)
