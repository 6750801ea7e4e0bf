"""What the stage says beside the two screens: her switches, what is known of her, what the engine thought, and why; all read from what runs.

Nothing here is a script: every line is a fold of the log, a choice, or a decision in words. People are called by their first name, never *he* or *she*.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton
from msgspec import Struct

from visavis.cards.typography import clipped, typeset
from visavis.cards.words import EPOCH, amount, day, family_name, figure, left, product_name, span
from visavis.consent.choices import Choice, choices
from visavis.consent.gate import open_categories
from visavis.decide.telling import NAME
from visavis.evidence.story import Story
from visavis.model.customer import Customer
from visavis.model.decision import Decision, Refusal, Show
from visavis.model.habit import DAY_S, FIRST, HABIT, K, LAST, LOCAL_DAY, T_BASKETS, T_FIRST, TRIPS
from visavis.model.moment import Consumed, Measured, RanOut, Saw, Stocked
from visavis.runtime.screens import Recent
from visavis.strategy.read import Strategy
from visavis.web.pages import clock

ROWS: Final = 4
"""How many rows a panel shows before it is opened further."""
LINE: Final = 36
NEGATIVE_PX, POSITIVE_PX = 26, 58


class Line(Struct, frozen=True):
    """Two lines of a panel: what, and where it comes from; ``closed`` is known and read by nobody."""

    what: str
    detail: str
    closed: bool = False


class Switch(Struct, frozen=True):
    """One use of data in the person's own words: what is given and how it is protected, what is received and what it brought; ``just`` was switched last."""

    purpose: str
    gives: str
    protects: str
    gets: str
    brought: str
    on: bool
    just: bool


class Bar(Struct, frozen=True):
    """One arm beside silence, which is the line at 0: its margin, drawn from ``x`` over ``width`` pixels; silence itself when chosen is a dot."""

    what: str
    detail: str
    margin: str
    note: str
    x: float = 0.0
    width: float = 0.0
    ahead: bool = False
    dot: bool = False


class Thought(Struct, frozen=True):
    """What the engine weighed, and what it never weighed, with the reason."""

    us: str
    bars: tuple[Bar, ...]
    refused: tuple[Line, ...]


class Person(Struct, frozen=True):
    """Who is on the stage, with everything that the panels read; ``since`` is when the scene began (epoch seconds)."""

    strategy: Strategy
    customer: Customer
    name: str
    now: float
    since: float
    last: Recent | None
    story: Story | None
    language: str
    words: Mapping[str, Any]

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided last in this scene."""
        return self.last.entry.decisions if self.last is not None else ()

    def decision(self, audience: str) -> Decision | None:
        """What was decided last for this audience."""
        return next((one for one in self.decisions if one.audience == audience), None)

    def reads(self, category: str) -> bool:
        """Whether any choice lets this category be read."""
        return any(
            category in open_categories(self.customer, purpose, self.now) for purpose in self.strategy.purposes.values() if purpose.basis == "consent"
        )

    def purpose(self, key: str) -> str:
        """A use of data in the person's own words, quoted."""
        return self.say("quoted", what=self.words["purposes"].get(key, {}).get("gives", key))

    def say(self, key: str, **values: object) -> str:
        """A sentence of the words table, typeset."""
        return typeset(self.words[key].format(name=self.name, of_name=of(self.name, self.language), **values), self.language)

    def at(self, instant: float) -> str:
        """A time of day where the brand is."""
        return clock(datetime.fromtimestamp(instant, ZoneInfo(self.strategy.brand.zone)), self.language)


def of(name: str, language: str) -> str:
    """« de Solène », « d’Inès ».

    >>> of("Solène", "fr"), of("Inès", "fr"), of("Inès", "en")
    ('de Solène', 'd’Inès', 'Inès’s')
    """
    if language != "fr":
        return f"{name}’s"
    return f"d’{name}" if name[:1].lower() in "aàâeéèêiîoôuûyh" else f"de {name}"


def just_switched(person: Person) -> frozenset[str]:
    """The purposes that were switched last in this scene."""
    changed = {key: consent.since for key, consent in person.customer.consents.items() if consent.since >= person.since > 0.0}
    return frozenset([key for key, since in changed.items() if since == max(changed.values())])


def switches(person: Person) -> list[Switch]:
    """Every choice, those that this scene is about first."""
    strategy, customer = person.strategy, person.customer
    just = just_switched(person)
    told = [choice for choice in choices(strategy, customer, person.language, person.now) if choice.basis == "consent"]
    about = list(_about(person))
    told.sort(key=lambda choice: about.index(choice.purpose) if choice.purpose in about else len(about))
    found = []
    for choice in told:
        words = person.words["purposes"].get(choice.purpose, {})
        protects = _protected(person, choice, words)
        gets = words.get("gets") or choice.benefit.rstrip(".")
        brought = _brought(person, choice) if choice.on else person.words["closed" if choice.status in ("withdrawn", "expired") else "never_asked"]
        found.append(Switch(choice.purpose, words.get("gives", choice.purpose), protects, gets, brought, choice.on, choice.purpose in just))
    return found


def _about(person: Person) -> Iterator[str]:
    """The purposes that the story touches, in its order."""
    if person.story is None:
        return
    for step in person.story.steps:
        if step.switch:
            yield step.switch
    given = set(person.story.given)
    for step in person.story.steps:
        kind = step.moment.get("kind", "")
        woken = [action.purpose for action in person.strategy.actions.values() if kind in action.woken_by]
        yield from sorted(woken, key=lambda purpose: purpose not in given)
    yield from person.story.given


def _protected(person: Person, choice: Choice, words: Mapping[str, str]) -> str:
    if choice.status == "withdrawn" and choice.since >= person.since > 0.0:
        return person.say("cut_at", time=person.at(choice.since))
    months = person.strategy.purposes[choice.purpose].duration_days // 30
    return typeset(words.get("protects", choice.notice_text).format(months=months), person.language) if words else choice.notice_text


def _brought(person: Person, choice: Choice) -> str:
    """What this choice brought so far, counted."""
    strategy, customer = person.strategy, person.customer
    actions = {action.id: action for action in strategy.actions.values() if action.purpose == choice.purpose}
    shown = [card for card in customer.service.shown if card.action in actions and card.displayed]
    effects = {action.effect for action in actions.values()}
    if "order" in effects:
        keys = {card.decision for card in shown}
        return person.words_of("orders", len([order for order in customer.orders if order.key in keys])) if keys else person.words["nothing_yet"]
    return ""
