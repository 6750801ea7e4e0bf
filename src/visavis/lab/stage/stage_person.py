"""The person on the stage: their state, the decisions of this scene, and the stage's words (never *he* or *she*)."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from visavis.cards.typography import elides, typeset
from visavis.consent.gate import open_categories
from visavis.delivery.screens import Recent
from visavis.lab.stage.pages import WORDS
from visavis.model.customer import Customer
from visavis.model.decision import Decision, Refusal
from visavis.model.moment import Answered, Displayed, Moment
from visavis.strategy.read import Strategy
from visavis.strategy.story import Story
from visavis.web.pages import clock

TOGETHER_S: Final = 1.0
"""Choices made within this time are one gesture."""


class PanelLine(Struct, frozen=True):
    """Two lines of a panel: what, and where it comes from; ``closed`` when nothing may read it."""

    what: str
    detail: str
    closed: bool = False


class StagePerson(Struct, frozen=True):
    """The person of this scene and what happened in it (``recent``, newest first) ``since`` (epoch s, 0: unknown).

    ``on_screens`` are the decisions that a screen shows now; there is no ``story`` in the simulated year.
    """

    strategy: Strategy
    customer: Customer
    name: str
    now: float
    since: float
    recent: tuple[Recent, ...]
    on_screens: frozenset[str]
    story: Story | None
    language: str

    @property
    def last_decided(self) -> Recent | None:
        """The last moment of this scene at which something was decided."""
        return next((one for one in self.recent if one.entry.decisions), None)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided at it, and earlier decisions that a screen still shows."""
        latest = self.last_decided.entry.decisions if self.last_decided is not None else ()
        audiences = {decision.audience for decision in latest}
        earlier = [
            decision
            for decision in map(self.decision, ("customer", "adviser"))
            if decision is not None and decision.id in self.on_screens and decision.audience not in audiences
        ]
        return (*latest, *earlier)

    @property
    def moment(self) -> Moment | None:
        """The last moment of this scene that is not about a card."""
        moments = [one.entry.moment for one in self.recent]
        return next((moment for moment in moments if not isinstance(moment, Displayed | Answered)), None)

    def decision(self, audience: str) -> Decision | None:
        """What was decided last in this scene for this audience."""
        decisions = [decision for one in self.recent for decision in one.entry.decisions]
        return next((decision for decision in decisions if decision.audience == audience), None)

    def may_read(self, category: str) -> bool:
        """Whether any choice of the person lets this category be read."""
        purposes = [purpose for purpose in self.strategy.purposes.values() if purpose.basis == "consent"]
        return any(category in open_categories(self.customer, purpose, self.now) for purpose in purposes)

    def last_switched(self) -> frozenset[str]:
        """The purposes that were switched last in this scene."""
        changed = {
            key: consent.since for key, consent in self.customer.consents.items() if consent.since >= self.since > 0.0
        }
        latest = max(changed.values(), default=0.0)
        return frozenset([key for key, since in changed.items() if latest - since < TOGETHER_S])

    def switched_off(self, refusals: tuple[Refusal, ...]) -> str:
        """The purpose that was switched off in this scene and refused these actions; empty when none."""
        switched = self.last_switched()
        return next((one.detail for one in refusals if one.reason == "consent" and one.detail in switched), "")

    def word(self, *path: str) -> str:
        """One of the stage's words; empty when there is none."""
        found: Any = WORDS[self.language].stage
        for name in path:
            found = getattr(found, name, "")
        return found if isinstance(found, str) else ""

    def say(self, *path: str, **values: object) -> str:
        """A sentence of the stage's words, with its values, typeset."""
        that = f"qu’{self.name}" if elides(self.name) else f"que {self.name}"
        names = {"name": self.name, "of_name": possessive(self.name, self.language), "that_name": that}
        text = self.word(*path).format_map(names | values)
        return typeset_inline(text, self.language)

    def count(self, key: str, n: int, **values: object) -> str:
        """The words for this many: singular and plural stand on both sides of a bar."""
        one, _, many = self.word(key).partition("|")
        single = n < 2 if self.language == "fr" else n == 1
        return typeset_inline((one if single else many or one).format(n=n, **values), self.language)

    def quoted(self, purpose: str) -> str:
        """A use of data, as its switch calls it."""
        return self.say("quoted", what=self.data_given(purpose))

    def data_given(self, purpose: str) -> str:
        """What is given under this purpose, in the person's own words."""
        known = self.strategy.purposes.get(purpose)
        categories = sorted(known.categories if known is not None else [purpose])
        return getattr(WORDS[self.language].data_given, purpose, "") or ", ".join(categories)

    def action(self, action: str) -> str:
        """An action, as the stage calls it."""
        return self.word("actions", action) or action.replace("-", " ").capitalize()

    def at(self, instant: float) -> str:
        """A time of day where the brand is."""
        local = datetime.fromtimestamp(instant, ZoneInfo(self.strategy.brand.zone))
        return clock(local.hour + local.minute / 60, self.language)


def typeset_inline(text: str, language: str) -> str:
    """The text typeset for the middle of a line: its first letter keeps its case.

    >>> typeset_inline("rien d'autre", "fr")
    'rien d’autre'
    """
    text, first = text.strip(), text.strip()[:1]
    capitalised = typeset(text, language)
    lower = first.islower() and capitalised.startswith(first.upper())
    return first + capitalised[len(first.upper()) :] if lower else capitalised


def possessive(name: str, language: str) -> str:
    """Whose.

    >>> possessive("Yaël", "fr"), possessive("Inès", "fr"), possessive("Inès", "en")
    ('de Yaël', 'd’Inès', 'Inès’s')
    """
    if language != "fr":
        return f"{name}’s"
    return f"d’{name}" if elides(name) else f"de {name}"
