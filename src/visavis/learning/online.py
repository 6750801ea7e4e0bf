"""What outcomes teach: gather closed windows from entries, and propose changes of the world."""
# Only entries are read, so replay rebuilds it exactly. An outcome is learned once, when its window closes.

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict, replace

from visavis.consent.gate import open_categories
from visavis.decide.policy import PRIOR, learn, logit
from visavis.measurement.calibration import recalibrate
from visavis.model.consent import Purpose
from visavis.model.customer import Customer
from visavis.model.decision import Decision, Show
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
from visavis.ports import Projection

OUTCOMES_A_CHANGE: Final = 100
"""How many outcomes are learned together."""
WEEK_S: Final = 7 * 86_400.0
MEMORY_S: Final = 4 * WEEK_S
"""The weekly correction uses four weeks: one alone is noisier than what it corrects (±3 % at 2,000 visits)."""
LABELS_NEEDED: Final = 200
INERTIA: Final = 500.0
"""How many labels the correction before is worth."""


class OpenDecision(Struct, frozen=True, array_like=True, gc=False):
    """A decision whose outcome is open: whose and for what, the raw logit of its likeliest family, and the arm.

    With ``by_answer`` the outcome of the arm is an answer, which no till reports.
    """

    customer: str
    purpose: str
    head: str
    raw: float | None
    action: str
    p: float
    by_answer: bool = False


class Label(Struct, frozen=True, array_like=True, gc=False):
    """Whether what a decision believed in most happened."""

    of: OpenDecision
    at: float
    hit: bool


class OnlineLearner(Projection):
    """A :class:`~visavis.ports.Learner`: beliefs about actions, weekly corrections, from data still permitted."""

    name = "online_learning"

    def __init__(self, customer: Callable[[str], Customer], purposes: Mapping[str, Purpose]) -> None:
        self._customer = customer
        self._purposes = purposes
        self._calibrations: dict[str, Calibration] = {}
        self._open: dict[str, OpenDecision] = {}
        self._labels: dict[str, Label] = {}
        self._outcomes: dict[str, tuple[OpenDecision, bool]] = {}
        self._corrected_at: float | None = None

    def apply(self, entry: Entry, _customer: Customer, _live: bool) -> None:
        """Note the decisions whose windows open, and the outcomes of those that close."""
        for decision in entry.decisions:
            if decision.window is not None:
                self._open[decision.id] = self._opened(entry.customer, decision)
        at = entry.received_at.timestamp()
        for outcome in entry.closed:
            one = self._open.pop(outcome.decision, None)
            if one is not None and one.raw is not None and outcome.observed:
                self._labels[outcome.decision] = Label(one, at, bool(outcome.hits & 1))
            if one is not None and one.action and (outcome.observed or one.by_answer):
                self._outcomes[outcome.decision] = one, outcome.got

    def changes(self, world: World, now: datetime) -> list[WorldChange]:
        """Beliefs after every hundred outcomes, corrections every week."""
        changes: list[WorldChange] = []
        if len(self._outcomes) >= OUTCOMES_A_CHANGE:
            changes.append(OutcomesLearned(self._believed(world.beliefs, now.timestamp())))
        at = now.timestamp()
        if self._corrected_at is None:
            self._corrected_at = at  # the first week begins
        elif at - self._corrected_at >= WEEK_S:
            changes.append(Recalibrated(self._recalibrated(world.calibrations, at)))
        return changes

    def apply_change(self, entry: WorldEntry) -> None:
        """What was learned with this change is not learned again."""
        match entry.change:
            case OutcomesLearned():
                self._outcomes = {}
            case Recalibrated() | ParametersLearned():
                at = self._corrected_at = entry.received_at.timestamp()
                self._labels = {name: label for name, label in self._labels.items() if label.at > at - MEMORY_S}
                if isinstance(entry.change, Recalibrated):
                    self._calibrations |= entry.change.calibrations

    def amend(self, _customer: Customer, replaced: Sequence[Entry], entries: Sequence[Entry]) -> None:
        """Take back what the replaced entries contributed and these do not; what was learned already stays."""
        now = {entry.moment.id: entry for entry in entries}
        for was in replaced:
            after = now.get(was.moment.id)
            decisions = {one.id: one for one in after.decisions} if after is not None else {}
            closed = {one.decision for one in after.closed} if after is not None else set()
            for name in {one.id for one in was.decisions} | ({one.decision for one in was.closed} - closed):
                self._take_back(name, decisions.get(name))

    def export_personal_data(self, names: Collection[str]) -> list[dict[str, Any]]:
        """Decisions whose outcome is open, and outcomes that are not learned yet."""
        kept: list[tuple[str, OpenDecision, dict[str, Any]]] = [
            *[(name, one, {"waits": "outcome"}) for name, one in self._open.items()],
            *[(name, one.of, {"waits": "recalibration", "happened": one.hit}) for name, one in self._labels.items()],
            *[(name, one, {"waits": "beliefs", "happened": got}) for name, (one, got) in self._outcomes.items()],
        ]
        kept = [row for row in kept if row[1].customer in names]
        return [{"of": one.customer, "decision": name, **asdict(one), **more} for name, one, more in kept]

    def erase_personal_data(self, names: Collection[str], _entries: Sequence[Entry]) -> int:
        """Drop what is not learned yet; what was learned is an aggregate, and stays."""
        before = len(self._open) + len(self._labels) + len(self._outcomes)
        self._open = {name: one for name, one in self._open.items() if one.customer not in names}
        self._labels = {name: one for name, one in self._labels.items() if one.of.customer not in names}
        self._outcomes = {name: one for name, one in self._outcomes.items() if one[0].customer not in names}
        return before - len(self._open) - len(self._labels) - len(self._outcomes)

    def _opened(self, customer: str, decision: Decision) -> OpenDecision:
        calibration = self._calibrations.get(decision.head, Calibration())
        raw = (logit(decision.known[0].p) - calibration.shift) / calibration.slope if decision.known else None
        action, p = (decision.action, decision.p_response) if isinstance(decision, Show) else ("", 0.0)
        by_answer = decision.window is not None and decision.window.outcome == "answered_yes"
        return OpenDecision(customer, decision.purpose, decision.head, raw, action, p, by_answer)

    def _take_back(self, name: str, decision: Decision | None) -> None:
        if decision is None or decision.window is None:
            self._open.pop(name, None)
            self._outcomes.pop(name, None)
            self._labels.pop(name, None)
        elif not decision.known:
            self._labels.pop(name, None)
            if name in self._open:
                self._open[name] = replace(self._open[name], raw=None)

    def _may_teach(self, one: OpenDecision, at: float) -> bool:
        purpose = self._purposes.get(one.purpose)
        return purpose is not None and bool(open_categories(self._customer(one.customer), purpose, at))

    def _believed(self, beliefs: Mapping[str, Belief], at: float) -> dict[str, Belief]:
        learned: dict[str, Belief] = {}
        for one, happened in self._outcomes.values():
            if self._may_teach(one, at):
                before = learned.get(one.action) or beliefs.get(one.action, PRIOR)
                learned[one.action] = learn(before, one.p, shown=True, happened=happened)
        return learned

    def _recalibrated(self, before: Mapping[str, Calibration], at: float) -> dict[str, Calibration]:
        recent: dict[str, list[Label]] = {}
        for label in self._labels.values():
            if label.of.head and label.at > at - MEMORY_S and self._may_teach(label.of, at):
                recent.setdefault(label.of.head, []).append(label)
        found: dict[str, Calibration] = {}
        for head, labels in recent.items():
            if len(labels) >= LABELS_NEEDED:
                raw = np.array([label.of.raw for label in labels])
                hit = np.array([label.hit for label in labels])
                last = before.get(head, Calibration())
                p = 1.0 / (1.0 + np.exp(-raw))
                shift, slope = recalibrate(p, hit, before=(last.shift, last.slope), prior=INERTIA)
                found[head] = Calibration(round(shift, 6), round(slope, 6))
        return {**before, **found}
