"""The uplift of each objective so far: the people who may see its cards against its holdout."""
# One number a person: the share of their closed windows in which the outcome most probable at opening happened, shown
# or not. Windows open on what is *known*, before caps and holdout, so the two groups differ by the cards alone.

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from visavis.decide.holdout import held_out
from visavis.measurement.uplift import Uplift, uplift
from visavis.model.action import Objective
from visavis.model.customer import Customer
from visavis.model.decision import Outcome, Show
from visavis.model.entry import Entry
from visavis.ports import Projection
from visavis.strategy.read import Strategy

PEOPLE: Final = 100_000
"""Beyond so many people, new ones are not counted: the interval is narrow enough."""


class ObjectiveResult(Struct, frozen=True):
    """One objective so far; ``effect`` is ``None`` when it has no holdout, or no window has closed yet."""

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


class ObjectiveTallies(Projection):
    """The tallies of every objective; ``key`` draws the holdout, by the ``randomization_unit`` of a name."""

    name = "objectives"

    def __init__(
        self, strategy: Strategy, key: bytes, *, randomization_unit: Callable[[str], str] = str, planned: int = 1000
    ) -> None:
        self._strategy = strategy
        self._key = key
        self._randomization_unit = randomization_unit
        self._planned = planned
        self._shown: dict[str, Counter[str]] = {name: Counter() for name in strategy.objectives}
        self._people: dict[str, dict[str, Tally]] = {name: {} for name in strategy.objectives}

    def apply(self, entry: Entry, _customer: Customer, _live: bool) -> None:
        """Count the cards that were shown and the windows that closed."""
        for decision in entry.decisions:
            if isinstance(decision, Show) and decision.audience == "customer":
                action = self._strategy.actions.get(decision.action)
                if action is not None:
                    self._shown[action.objective][entry.customer] += 1
        for outcome in entry.closed:
            people = self._people.get(outcome.objective)
            if people is not None and (entry.customer in people or len(people) < PEOPLE):
                tally = people.setdefault(entry.customer, Tally())
                tally.windows += 1
                tally.happened += self._happened(outcome)

    def export_personal_data(self, names: Collection[str]) -> list[dict[str, Any]]:
        """What is counted of this person, by objective."""
        return [
            {"of": name, "objective": key, "shown": self._shown[key][name], **asdict(people.get(name, Tally()))}
            for name in names
            for key, people in self._people.items()
            if name in people or name in self._shown[key]
        ]

    def erase_personal_data(self, names: Collection[str], _entries: Sequence[Entry]) -> int:
        """Count nothing of this person any more."""
        gone = self.export_personal_data(names)
        for record in gone:
            self._people[record["objective"]].pop(record["of"], None)
            self._shown[record["objective"]].pop(record["of"], None)
        return len(gone)

    def results(self) -> list[ObjectiveResult]:
        """Every objective, in the order of the strategy."""
        return [self._result(objective) for objective in self._strategy.objectives.values()]

    def _result(self, objective: Objective) -> ObjectiveResult:
        share, people = objective.holdout_share, dict[str, Tally]()
        for name, tally in self._people[objective.id].items():  # a merged person counts under the older one's name
            whole = people.setdefault(self._randomization_unit(name), Tally())
            whole.windows += tally.windows
            whole.happened += tally.happened
        held: list[float] = []
        free: list[float] = []
        for name, tally in people.items():
            out = share > 0.0 and held_out(name, objective.id, share=share, key=self._key)
            (held if out else free).append(tally.happened / tally.windows)
        closed = sum([tally.windows for tally in people.values()])
        effect = uplift(free, held, holdout_share=share, planned=self._planned) if people and share > 0.0 else None
        return ObjectiveResult(objective, self._shown[objective.id].total(), closed, len(people), len(held), effect)

    def _happened(self, outcome: Outcome) -> bool:
        of_family = self._strategy.objectives[outcome.objective].outcome == "bought_family"
        return bool(outcome.hits & 1) if of_family else outcome.got
