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
from visavis.model.moment import Bought
from visavis.ports import Projection
from visavis.strategy.read import Strategy

MISSED: Final = 8
"""How many of a person's windows that time closed are remembered, to count what comes too late for them."""
PEOPLE: Final = 100_000
"""Beyond so many people, new ones are not counted: the interval is narrow enough."""


class ObjectiveResult(Struct, frozen=True):
    """One objective so far; ``effect`` is ``None`` when it has no holdout, or no window has closed yet.

    ``unobserved`` windows, which no working till saw, are in no other figure; ``too_late`` are purchases that were
    received after time had closed the window in which they occurred.
    """

    objective: Objective
    shown: int
    closed: int
    people: int
    held_out: int
    effect: Uplift | None
    unobserved: int = 0
    too_late: int = 0


class Tally(Struct):
    """One person's closed windows for one objective: how many, and in how many it happened; those not observed.

    ``missed`` are the last windows that time closed without a purchase, from when to when (epoch seconds).
    """

    windows: int = 0
    happened: int = 0
    unobserved: int = 0
    too_late: int = 0
    missed: tuple[tuple[float, float], ...] = ()


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
                self._count(people.setdefault(entry.customer, Tally()), outcome)
        if isinstance(entry.moment, Bought):
            self._count_too_late(entry.customer, entry.moment.occurred_at.timestamp())

    def _count(self, tally: Tally, outcome: Outcome) -> None:
        by_answer = self._strategy.objectives[outcome.objective].outcome == "answered_yes"
        if outcome.observed or by_answer:
            tally.windows += 1
            tally.happened += self._happened(outcome)
        else:
            tally.unobserved += 1
        if not (outcome.hits or outcome.got or by_answer):
            tally.missed = (*tally.missed, (outcome.opens_at, outcome.until))[-MISSED:]

    def _count_too_late(self, customer: str, at: float) -> None:
        for people in self._people.values():
            if (tally := people.get(customer)) is not None and tally.missed:
                still = tuple([one for one in tally.missed if not one[0] <= at < one[1]])
                tally.too_late += len(tally.missed) - len(still)
                tally.missed = still

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
        people = {name: tally for name, tally in people.items() if tally.windows}
        held: list[float] = []
        free: list[float] = []
        for name, tally in people.items():
            out = share > 0.0 and held_out(name, objective.id, share=share, key=self._key)
            (held if out else free).append(tally.happened / tally.windows)
        closed = sum([tally.windows for tally in people.values()])
        effect = uplift(free, held, holdout_share=share, planned=self._planned) if people and share > 0.0 else None
        counts = (self._shown[objective.id].total(), closed, len(people), len(held))
        return ObjectiveResult(objective, *counts, effect, self.unobserved(objective.id), self.too_late(objective.id))

    def unobserved(self, *objectives: str) -> int:
        """How many windows of these objectives (all when none is named) no working till saw."""
        return sum([tally.unobserved for tally in self._tallies(objectives)])

    def too_late(self, *objectives: str) -> int:
        """How many purchases came after their window of these objectives (all when none is named) was closed."""
        return sum([tally.too_late for tally in self._tallies(objectives)])

    def _tallies(self, objectives: Collection[str]) -> list[Tally]:
        return [tally for key in objectives or self._people for tally in self._people[key].values()]

    def _happened(self, outcome: Outcome) -> bool:
        of_family = self._strategy.objectives[outcome.objective].outcome == "bought_family"
        return bool(outcome.hits & 1) if of_family else outcome.got
