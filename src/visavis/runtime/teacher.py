"""What outcomes teach: gather closed windows from entries, and say when the world should change.

The teacher reads only entries, so replaying a log rebuilds it exactly. An outcome is digested once, when its window closes.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import numpy as np
from msgspec import Struct

from visavis.decide.policy import PRIOR, learn, logit
from visavis.insight.fit import recalibrate
from visavis.model.decision import Show, Silence
from visavis.model.entry import Entry, WorldEntry
from visavis.model.world import Belief, Calibration, OutcomesLearned, ParametersLearned, Recalibrated, World, WorldChange

OUTCOMES_A_LESSON: Final = 100
WEEK_S: Final = 7 * 86_400.0
MEMORY_S: Final = 4 * WEEK_S
"""Each week's correction looks at the last four: one alone is noisier than what it mends (±3 % at 2,000 visits), and holidays are no trend."""
LABELS_NEEDED: Final = 200
INERTIA: Final = 500.0
"""How many labels the correction before is worth."""


class Waiting(Struct, frozen=True, array_like=True, gc=False):
    """A decision whose outcome is still open: the raw logit of the family believed in most, and the arm."""

    head: str
    raw: float | None
    action: str
    p: float


class Teacher:
    """Accumulate outcomes; :meth:`lessons` gives the changes that are due."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}
        self._labels: dict[str, list[tuple[float, float, bool]]] = {}
        self._outcomes: list[tuple[str, float, bool, bool]] = []
        self._taught_at: float | None = None

    def digest(self, entry: Entry, world: World) -> None:
        """Take one entry in; ``world`` is the one that its decisions saw."""
        if entry.decisions:
            for decision in entry.decisions:
                if decision.window is not None:
                    self._waiting[decision.id] = _waiting(decision, world)
        if entry.closed:
            at = entry.received_at.timestamp()
            for outcome in entry.closed:
                waiting = self._waiting.pop(outcome.decision, None)
                if waiting is None:
                    continue
                if waiting.raw is not None:
                    self._labels.setdefault(waiting.head, []).append((at, waiting.raw, bool(outcome.hits & 1)))
                if waiting.action:
                    self._outcomes.append((waiting.action, waiting.p, True, outcome.got))

    def lessons(self, world: World, now: datetime) -> list[WorldChange]:
        """The changes of the world that are due at this instant; empty most of the time."""
        changes: list[WorldChange] = []
        if len(self._outcomes) >= OUTCOMES_A_LESSON:
            changes.append(OutcomesLearned(self._believe(world.beliefs)))
            self._outcomes = []
        at = now.timestamp()
        if self._taught_at is None:
            self._taught_at = at
        elif at - self._taught_at >= WEEK_S:
            self._taught_at = at
            changes.append(Recalibrated(self._recalibrated(world.calibrations, at)))
        return changes

    def noted(self, entry: WorldEntry) -> None:
        """Take in a change of the world that replay met: its lesson was taught then."""
        if isinstance(entry.change, OutcomesLearned):
            self._outcomes = []
        elif isinstance(entry.change, Recalibrated | ParametersLearned):
            self._taught_at = entry.received_at.timestamp()
            self._forget(self._taught_at)

    def forget(self, decisions: Iterable[str]) -> None:
        """Expect no outcome of these decisions any more: whom they were for was erased."""
        for decision in decisions:
            self._waiting.pop(decision, None)

    def _believe(self, beliefs: dict[str, Belief]) -> dict[str, Belief]:
        learned: dict[str, Belief] = {}
        for action, p, shown, happened in self._outcomes:
            learned[action] = learn(learned.get(action) or beliefs.get(action, PRIOR), p, shown=shown, happened=happened)
        return learned

    def _recalibrated(self, before: dict[str, Calibration], at: float) -> dict[str, Calibration]:
        found: dict[str, Calibration] = {}
        for head, labels in self._labels.items():
            recent = [(raw, hit) for when, raw, hit in labels if when > at - MEMORY_S]
            if head and len(recent) >= LABELS_NEEDED:
                raw = np.array([r for r, _ in recent])
                hit = np.array([h for _, h in recent])
                last = before.get(head, Calibration())
                shift, slope = recalibrate(1.0 / (1.0 + np.exp(-raw)), hit, before=(last.shift, last.slope), prior=INERTIA)
                found[head] = Calibration(round(shift, 6), round(slope, 6))
        self._forget(at)
        return before | found

    def _forget(self, at: float) -> None:
        for head, labels in self._labels.items():
            self._labels[head] = [label for label in labels if label[0] > at - MEMORY_S]


def _waiting(decision: Show | Silence, world: World) -> Waiting:
    calibration = world.calibrations.get(decision.head, Calibration())
    raw = (logit(decision.known[0].p) - calibration.shift) / calibration.slope if decision.known else None
    if isinstance(decision, Show):
        return Waiting(decision.head, raw, decision.action, decision.p_response)
    return Waiting(decision.head, raw, "", 0.0)
