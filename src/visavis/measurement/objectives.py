"""The uplift of each objective so far: the people who may see its cards against its holdout.

One number a person: the share of their closed windows in which the outcome happened that was most probable when the
window opened, whether it was shown or not. A window opens on what is *known*, before caps and holdout, so people who
are held out have the same windows, and the two groups differ by the cards alone.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from visavis.decide.holdout import held_out
from visavis.measurement.uplift import Uplift, uplift
from visavis.model.action import Objective
from visavis.model.decision import Outcome, Show
from visavis.model.entry import Entry
from visavis.strategy.read import Strategy

PEOPLE: Final = 100_000
"""Beyond so many people, new ones are not counted: the interval is narrow enough."""


class ObjectiveResult(Struct, frozen=True):
    """One objective so far; ``effect`` is ``None`` when it has no holdout, or nobody's window has closed yet."""

    objective: Objective
    shown: int
    closed: int
    people: int
    held_out: int
    effect: Uplift | None


class Tally(Struct):
    """One person's closed windows for one objective: how many, and in how many it happened."""

    windows: int = 0
    happened: int = 0


class ObjectiveTallies:
    """Follow every objective of a strategy.

    ``key`` is the one that holds people out, by the name that ``randomization_unit`` gives for theirs.
    """

    def __init__(
        self, strategy: Strategy, key: bytes, *, randomization_unit: Callable[[str], str] = str, planned: int = 1000
    ) -> None:
        self._strategy = strategy
        self._key = key
        self._born_as = randomization_unit
        self._planned = planned
        self._shown: dict[str, Counter[str]] = {name: Counter() for name in strategy.objectives}
        self._people: dict[str, dict[str, Tally]] = {name: {} for name in strategy.objectives}

    def passing(self, entry: Entry) -> None:
        """Take in one entry, in order."""
        for decision in entry.decisions:
            if (
                isinstance(decision, Show)
                and decision.audience == "customer"
                and (action := self._strategy.actions.get(decision.action)) is not None
            ):
                self._shown[action.objective][entry.customer] += 1
        for outcome in entry.closed:
            people = self._people.get(outcome.objective)
            if people is not None and (entry.customer in people or len(people) < PEOPLE):
                tally = people.setdefault(entry.customer, Tally())
                tally.windows += 1
                tally.happened += self._happened(outcome)

    def forget(self, customer: str) -> None:
        """Count nothing of this person any more."""
        for objective, people in self._people.items():
            people.pop(customer, None)
            self._shown[objective].pop(customer, None)

    def results(self) -> list[ObjectiveResult]:
        """Every objective, in the order of the strategy."""
        return [self._result(objective) for objective in self._strategy.objectives.values()]

    def _result(self, objective: Objective) -> ObjectiveResult:
        share, people = objective.holdout_share, dict[str, Tally]()
        for name, tally in self._people[
            objective.id
        ].items():  # who was merged is one person, under the older one's name
            whole = people.setdefault(self._born_as(name), Tally())
            whole.windows += tally.windows
            whole.happened += tally.happened
        held: list[float] = []
        free: list[float] = []
        for name, tally in people.items():
            out = share > 0.0 and held_out(name, objective.id, share=share, key=self._key)
            (held if out else free).append(tally.happened / tally.windows)
        closed = sum([tally.windows for tally in people.values()])
        effect = (
            uplift(free, held, holdout_share=share, planned=self._planned)
            if held and free and 0.0 < share < 1.0
            else None
        )
        return ObjectiveResult(objective, self._shown[objective.id].total(), closed, len(people), len(held), effect)

    def _happened(self, outcome: Outcome) -> bool:
        return (
            bool(outcome.hits & 1)
            if self._strategy.objectives[outcome.objective].outcome == "bought_family"
            else outcome.got
        )
