"""Everybody's year on the stage.

What is happening, and what each objective brought against its holdout, or that it is too early to say.
"""

from collections.abc import Iterable
from datetime import datetime
from math import isfinite
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from babel.numbers import format_decimal, format_percent
from markupsafe import Markup
from msgspec import Struct

from visavis.cards.typography import typeset
from visavis.cards.words import family_name
from visavis.lab.stage.onstage import StagePerson, printed
from visavis.lab.stories.simulated_population import PERSUADED, Heard
from visavis.measurement.objectives import ObjectiveResult
from visavis.web import charts

MINUS: Final = "\u2212"


class Population(Protocol):
    """Everybody's year, as far as it is lived."""

    at: float
    households: int
    moments: int
    cards: int
    silences: int
    added: int
    done: bool
    console: str
    feed: list[Heard]

    def standings(self) -> Iterable[ObjectiveResult]:
        """What each objective brought so far."""


class Happened(Struct, frozen=True):
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


def figures(crowd: Population, person: StagePerson) -> list[tuple[str, str]]:
    """What was lived so far, in five numbers."""
    told = {
        "people": crowd.households,
        "moments": crowd.moments,
        "shown_cards": crowd.cards,
        "silences": crowd.silences,
        "added": crowd.added,
    }
    return [(format_decimal(n, locale=person.language), person.word(name)) for name, n in told.items()]


def day(crowd: Population, person: StagePerson) -> str:
    """The day of the year that is being lived."""
    return _day(crowd.at, person, "yMMMMd") if crowd.at else ""


def feed(crowd: Population, person: StagePerson) -> list[Happened]:
    """What came of the last moments, the newest first."""
    found = []
    for one in crowd.feed:
        what = person.action(one.action)
        if not one.action:
            what = person.say("silence_because", reason=person.say("reasons", one.reason, "short"))
        elif one.product in person.strategy.products:
            family = person.strategy.products[one.product].family
            what = person.say("about", action=what, what=family_name(person.strategy, family, person.language))
        found.append(Happened(f"{_day(one.at, person, 'MMMd')}, {person.at(one.at)}", one.who, what, bool(one.action)))
    return found


def brought(crowd: Population, person: StagePerson) -> list[ObjectiveLine]:
    """The objectives that showed anything; those that were held against a holdout first."""
    standings = [one for one in crowd.standings() if one.shown or one.closed]
    return [_brought(one, person) for one in sorted(standings, key=lambda one: one.effect is None)]


def truth(person: StagePerson) -> str:
    """What the simulated people do, which the holdout must find."""
    return person.say("truth", share=format_percent(PERSUADED, locale=person.language))


def _brought(one: ObjectiveResult, person: StagePerson) -> ObjectiveLine:
    why = typeset(one.objective.why[person.language], person.language)
    counted = person.say("shown_held", shown=one.shown, held=one.held_out, people=one.people)
    effect = one.effect
    if effect is None or not (isfinite(effect.uplift) and effect.low > -1.0 and effect.high < 1.0):
        # An interval that holds everything possible says nothing yet.
        early = "too_early" if one.objective.holdout_share else "no_holdout"
        return ObjectiveLine(why, counted, person.say(early), "", Markup(), sure=False)
    sure = effect.verdict in ("more", "less")
    return ObjectiveLine(
        why,
        counted,
        person.say("points", n=_points(effect.uplift, person)),
        person.say("sure" if sure else "unsure", low=_points(effect.low, person), high=_points(effect.high, person)),
        charts.interval(effect.low, effect.uplift, effect.high),
        sure,
    )


def _points(share: float, person: StagePerson) -> str:
    n = round(share * 100, 1)
    return f"{'+' if n > 0 else MINUS if n < 0 else ''}{format_decimal(abs(n), locale=person.language)}"


def _day(at: float, person: StagePerson, skeleton: str) -> str:
    zone = ZoneInfo(person.strategy.brand.zone)
    return printed(
        format_skeleton(skeleton, datetime.fromtimestamp(at, zone), locale=person.language).replace(" ", "\u00a0"),
        person.language,
    )
