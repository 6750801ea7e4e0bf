"""Who is on the stage, who plays there, and everything that its panels read.

People are called by their first name, never *he* or *she*.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from visavis.cards.typography import typeset
from visavis.consent.gate import open_categories
from visavis.delivery.screens import Recent
from visavis.model.customer import Customer
from visavis.model.decision import Decision, Refusal
from visavis.model.moment import Answered, Displayed, Moment
from visavis.strategy.read import Strategy
from visavis.strategy.story import Played, Story
from visavis.web.pages import WORDS, clock

VOWELS: Final = "aàâeéèêiîoôuûyh"
TOGETHER_S: Final = 1.0
"""Choices made within this time are one gesture."""


class Playing(Protocol):
    """Who plays the stories; ``changed`` are events to set whenever something changed."""

    stories: list[Story]
    households: list[str]
    household: str
    changed: set[asyncio.Event]

    @property
    def scene(self) -> int:
        """The scene on the stage; the one after the last story is everybody's year."""

    @property
    def person(self) -> str:
        """The customer on the stage."""

    @property
    def place(self) -> str:
        """The adviser's place."""

    @property
    def played(self) -> Sequence[Played]:
        """The steps of this scene so far, newest last."""

    @property
    def running(self) -> bool:
        """Whether a step is being played."""

    @property
    def total_steps(self) -> int:
        """How many steps this scene has."""

    def keys(self) -> dict[str, str]:
        """The keys of the two screens: ``device`` of the person, ``adviser`` of the place."""

    async def choose(self, household: str) -> None:
        """Put another household on the stage."""

    @property
    def following(self) -> str:
        """Who is on the stage when everything begins again."""

    async def again(self) -> None:
        """Begin again, with somebody else."""

    async def go(self, scene: int) -> None:
        """Put a scene on the stage and play its first step."""

    async def step(self) -> bool:
        """Play the next step; ``False`` when the scene is over."""

    async def switch(self, purpose: str, *, on: bool) -> None:
        """The person's own switch."""

    def crowd(self) -> Any:
        """Everybody's year so far; ``None`` before it began."""


class PanelLine(Struct, frozen=True):
    """Two lines of a panel: what, and where it comes from; ``closed`` when nobody reads it."""

    what: str
    detail: str
    closed: bool = False


class StagePerson(Struct, frozen=True):
    """The person of this scene, and what happened in it, the newest first.

    ``since`` is when it began (epoch seconds, 0 when not known).

    ``on_screens`` are the decisions that a screen shows now.
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
    def weighed(self) -> Recent | None:
        """The last moment of this scene at which something was decided."""
        return next((one for one in self.recent if one.entry.decisions), None)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided at it, and before it what a screen still shows."""
        latest = self.weighed.entry.decisions if self.weighed is not None else ()
        told = {decision.audience for decision in latest}
        before = [
            decision
            for decision in map(self.decision, ("customer", "adviser"))
            if decision is not None and decision.id in self.on_screens
        ]
        return (*latest, *[decision for decision in before if decision.audience not in told])

    @property
    def moment(self) -> Moment | None:
        """The last moment of this scene that is not about a card."""
        moments = [one.entry.moment for one in self.recent]
        return next((moment for moment in moments if not isinstance(moment, Displayed | Answered)), None)

    def decision(self, audience: str) -> Decision | None:
        """What was decided last in this scene for this audience."""
        return next(
            (decision for one in self.recent for decision in one.entry.decisions if decision.audience == audience), None
        )

    def reads(self, category: str) -> bool:
        """Whether any choice of the person lets this category be read."""
        purposes = [purpose for purpose in self.strategy.purposes.values() if purpose.basis == "consent"]
        return any(category in open_categories(self.customer, purpose, self.now) for purpose in purposes)

    def just_switched(self) -> frozenset[str]:
        """The purposes that were switched last in this scene."""
        changed = {
            key: consent.since for key, consent in self.customer.consents.items() if consent.since >= self.since > 0.0
        }
        latest = max(changed.values(), default=0.0)
        return frozenset([key for key, since in changed.items() if latest - since < TOGETHER_S])

    def cut(self, refusals: tuple[Refusal, ...]) -> str:
        """The purpose that kept actions silent because it was switched off in this scene; empty when none."""
        just = self.just_switched()
        return next((one.detail for one in refusals if one.reason == "consent" and one.detail in just), "")

    def word(self, *path: str) -> str:
        """One of the stage's words; empty when there is none."""
        found: Any = WORDS[self.language].stage
        for name in path:
            found = getattr(found, name, "")
        return found if isinstance(found, str) else ""

    def say(self, *path: str, **values: object) -> str:
        """A sentence of the stage's words, as a printer would set it."""
        return printed(
            self.word(*path).format(name=self.name, of_name=of(self.name, self.language), **values), self.language
        )

    def count(self, key: str, n: int, **values: object) -> str:
        """The words for this many: the singular and the plural stand on both sides of a bar."""
        one, _, many = self.word(key).partition("|")
        single = n < 2 if self.language == "fr" else n == 1
        return printed((one if single else many or one).format(n=n, **values), self.language)

    def quoted(self, purpose: str) -> str:
        """A use of data, as the switch calls it."""
        return self.say("quoted", what=self.gives(purpose))

    def gives(self, purpose: str) -> str:
        """What is given under this purpose, in the person's own words."""
        known = self.strategy.purposes.get(purpose)
        return self.word("purposes", purpose, "gives") or ", ".join(
            sorted(known.categories if known is not None else [purpose])
        )

    def action(self, action: str) -> str:
        """An action, as the stage calls it."""
        return self.word("actions", action) or action.replace("-", " ").capitalize()

    def at(self, instant: float) -> str:
        """A time of day where the brand is."""
        local = datetime.fromtimestamp(instant, ZoneInfo(self.strategy.brand.zone))
        return clock(local.hour + local.minute / 60, self.language)

    @property
    def crowded(self) -> bool:
        """Whether everybody is on the stage, and nobody in particular."""
        return self.story is None


def printed(text: str, language: str) -> str:
    """The text as a printer would set it, in the middle of a line: its first letter stays as it is.

    >>> printed("rien d'autre", "fr")
    'rien d’autre'
    """
    text, first = text.strip(), text.strip()[:1]
    large = typeset(text, language)
    return first + large[len(first.upper()) :] if first.islower() and large.startswith(first.upper()) else large


def of(name: str, language: str) -> str:
    """Whose.

    >>> of("Solène", "fr"), of("Inès", "fr"), of("Inès", "en")
    ('de Solène', 'd’Inès', 'Inès’s')
    """
    if language != "fr":
        return f"{name}’s"
    return f"d’{name}" if name[:1].lower() in VOWELS else f"de {name}"
