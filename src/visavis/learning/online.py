"""What outcomes teach: gather closed windows from entries, and say when the world should change.

The teacher reads only entries, so replaying a log rebuilds it exactly. An outcome is digested once, when its window
closes.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from visavis.decide.policy import PRIOR, learn, logit
from visavis.measurement.calibration import recalibrate
from visavis.model.decision import Show, Silence
from visavis.model.entry import Entry, WorldEntry
from visavis.model.world import (
    Belief,
    Calibration,
    OutcomesLearned,
    ParametersLearned,
    Recalibrated,
    World,
    WorldChange,
)

OUTCOMES_A_LESSON: Final = 100
WEEK_S: Final = 7 * 86_400.0
MEMORY_S: Final = 4 * WEEK_S
"""Each week's correction looks at the last four.

One alone is noisier than what it mends (±3 % at 2,000 visits), and holidays are no trend.
"""
LABELS_NEEDED: Final = 200
INERTIA: Final = 500.0
"""How many labels the correction before is worth."""


class OpenDecision(Struct, frozen=True, array_like=True, gc=False):
    """A decision whose outcome is still open.

    Whose it was and for what, the raw logit of the family believed in most, and the arm.
    """

    customer: str
    purpose: str
    head: str
    raw: float | None
    action: str
    p: float


class Label(Struct, frozen=True, array_like=True, gc=False):
    """Whether what a decision believed in most happened."""

    of: OpenDecision
    at: float
    hit: bool


Open = Callable[[str, str], bool]
"""Whether this purpose is open for this person now."""


class OnlineLearner:
    """Accumulate outcomes; :meth:`lessons` gives the changes that are due.

    What is not taught yet is kept by its decision, and goes with it.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, OpenDecision] = {}
        self._labels: dict[str, Label] = {}
        self._outcomes: dict[str, tuple[OpenDecision, bool]] = {}
        self._taught_at: float | None = None

    def digest(self, entry: Entry, world: World) -> None:
        """Take one entry in; ``world`` is the one that its decisions saw."""
        if entry.decisions:
            for decision in entry.decisions:
                if decision.window is not None:
                    self._waiting[decision.id] = _waiting(entry.customer, decision, world)
        if entry.closed:
            at = entry.received_at.timestamp()
            for outcome in entry.closed:
                waiting = self._waiting.pop(outcome.decision, None)
                if waiting is None:
                    continue
                if waiting.raw is not None:
                    self._labels[outcome.decision] = Label(waiting, at, bool(outcome.hits & 1))
                if waiting.action:
                    self._outcomes[outcome.decision] = waiting, outcome.got

    def lessons(self, world: World, now: datetime, is_open: Open) -> list[WorldChange]:
        """The changes of the world that are due at this instant; empty most of the time.

        What may not be read any more teaches nothing.
        """
        changes: list[WorldChange] = []
        if len(self._outcomes) >= OUTCOMES_A_LESSON:
            changes.append(OutcomesLearned(self._believe(world.beliefs, is_open)))
            self._outcomes = {}
        at = now.timestamp()
        if self._taught_at is None:
            self._taught_at = at
        elif at - self._taught_at >= WEEK_S:
            self._taught_at = at
            changes.append(Recalibrated(self._recalibrated(world.calibrations, at, is_open)))
        return changes

    def noted(self, entry: WorldEntry) -> None:
        """Take in a change of the world that replay met: its lesson was taught then."""
        if isinstance(entry.change, OutcomesLearned):
            self._outcomes = {}
        elif isinstance(entry.change, Recalibrated | ParametersLearned):
            self._taught_at = entry.received_at.timestamp()
            self._forget(self._taught_at)

    def amended(self, was: Entry, now: Entry | None) -> None:
        """Unlearn what this entry told that is not told any more, as far as it was not taught yet (``None``.

        It is gone): as if it had never been told.
        """
        decisions = {decision.id: decision for decision in now.decisions} if now is not None else {}
        told = {outcome.decision for outcome in now.closed} if now is not None else set()
        for name in [
            *[decision.id for decision in was.decisions],
            *[outcome.decision for outcome in was.closed if outcome.decision not in told],
        ]:
            decision = decisions.get(name)
            if decision is None or decision.window is None:
                self._waiting.pop(name, None)
                self._outcomes.pop(name, None)
                self._labels.pop(name, None)
            elif not decision.known:
                self._labels.pop(name, None)
                if name in self._waiting:
                    self._waiting[name] = replace(self._waiting[name], raw=None)

    def _believe(self, beliefs: dict[str, Belief], is_open: Open) -> dict[str, Belief]:
        learned: dict[str, Belief] = {}
        for waiting, happened in self._outcomes.values():
            if is_open(waiting.customer, waiting.purpose):
                action = waiting.action
                learned[action] = learn(
                    learned.get(action) or beliefs.get(action, PRIOR), waiting.p, shown=True, happened=happened
                )
        return learned

    def _recalibrated(self, before: dict[str, Calibration], at: float, is_open: Open) -> dict[str, Calibration]:
        found: dict[str, Calibration] = {}
        recent: dict[str, list[Label]] = {}
        for label in self._labels.values():
            if label.of.head and label.at > at - MEMORY_S and is_open(label.of.customer, label.of.purpose):
                recent.setdefault(label.of.head, []).append(label)
        for head, labels in recent.items():
            if len(labels) >= LABELS_NEEDED:
                raw = np.array([label.of.raw for label in labels])
                hit = np.array([label.hit for label in labels])
                last = before.get(head, Calibration())
                shift, slope = recalibrate(
                    1.0 / (1.0 + np.exp(-raw)), hit, before=(last.shift, last.slope), prior=INERTIA
                )
                found[head] = Calibration(round(shift, 6), round(slope, 6))
        self._forget(at)
        return before | found

    def _forget(self, at: float) -> None:
        self._labels = {decision: label for decision, label in self._labels.items() if label.at > at - MEMORY_S}


def _waiting(customer: str, decision: Show | Silence, world: World) -> OpenDecision:
    calibration = world.calibrations.get(decision.head, Calibration())
    raw = (logit(decision.known[0].p) - calibration.shift) / calibration.slope if decision.known else None
    if isinstance(decision, Show):
        return OpenDecision(customer, decision.purpose, decision.head, raw, decision.action, decision.p_response)
    return OpenDecision(customer, decision.purpose, decision.head, raw, "", 0.0)
