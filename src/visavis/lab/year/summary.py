"""What the lived year says, by the names that anyone can recompute from the decisions file."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.lab.year.backtest import Backtest
from visavis.lab.year.visit import EntranceVisit, TillVisit, Visit
from visavis.measurement.calibration import calibration, ece, worst_week

Figures = dict[str, float]
WEEK_S: Final = 7 * 86_400.0
SIMULATED: Final = (
    "Derived: the door (3 to 40 minutes before paying, by hash) and till (20 seconds before) moments, and that every"
    " card was displayed. Simulated: consents (four households in five, by hash). Recorded purchases cannot tell"
    " whether a card helped: nobody saw one."
)


def figures(visits: Sequence[Visit]) -> Figures:
    """Every figure of these visits. Shares are of the visits that the name says; a ratio is left to the reader."""
    eligible = [visit for visit in visits if visit.eligible and visit.door is not None]
    doors = [visit.door for visit in eligible if visit.door is not None]
    tills = [visit.till for visit in eligible if visit.till is not None]
    shown = [visit for visit in eligible if visit.entered.action]
    named = [visit for visit in shown if visit.entered.family]
    cards = [visit.door for visit in named if visit.door is not None]
    week = np.array([visit.at // WEEK_S for visit in eligible])
    truth = _on(doors, lambda door: door.hit)
    sure = _on(doors, lambda door: door.named.confidence)
    till_truth, till_sure = _on(tills, lambda till: till.hit), _on(tills, lambda till: till.named.confidence)
    hits = np.array([visit.hit for visit in named], dtype=np.float64)
    return {
        "visits": len(visits),
        "eligible_visits": len(eligible),
        "cards": len(shown),
        "cards_share": len(shown) / len(eligible) if eligible else float("nan"),
        "till_cards": sum(1 for visit in eligible if visit.paying is not None and visit.paying.action),
        "held_out": sum(1 for visit in eligible if visit.entered.held_out),
        "silences": len(visits) - len(shown),
        "repeat_share": _repeats(visits),
        "hit_rate": _mean(hits),
        "hit_product_rate": _mean(np.array([visit.product_hit for visit in named], dtype=np.float64)),
        "baseline_hit_rate": _mean(_on(cards, lambda door: door.counted_hit)),
        "hit_rate_all": _mean(truth),
        "baseline_hit_rate_all": _mean(_on(doors, lambda door: door.counted_hit)),
        "decayed_hit_rate_all": _mean(_on(doors, lambda door: door.decayed_hit)),
        "random_hit_rate": _mean(_on(doors, lambda door: door.chance)),
        "beyond_hit_rate": _mean(_on(doors, lambda door: door.beyond_hit)),
        "beyond_baseline_hit_rate": _mean(_on(doors, lambda door: door.beyond_counted_hit)),
        "beyond_decayed_hit_rate": _mean(_on(doors, lambda door: door.beyond_decayed_hit)),
        "beyond_surest_rate": surest(
            _on(doors, lambda door: door.beyond.confidence), _on(doors, lambda door: door.beyond_hit), 0.5
        ),
        "beyond_baseline_surest_rate": surest(
            _on(doors, lambda door: door.beyond_counted.confidence),
            _on(doors, lambda door: door.beyond_counted_hit),
            0.5,
        ),
        "calibration_all": calibration(sure, truth),
        "calibration_cards": calibration([visit.entered.p_response for visit in named], hits),
        "calibration_worst_week": worst_week(sure, truth, week),
        "ece": ece(sure, truth),
        "till_visits": len(tills),
        "forgotten_rate": _mean(till_truth),
        "forgotten_baseline_rate": _mean(_on(tills, lambda till: till.counted_hit)),
        "forgotten_random_rate": _mean(_on(tills, lambda till: till.chance)),
        "forgotten_surest_rate": surest(till_sure, till_truth, 0.1),
        "forgotten_baseline_surest_rate": surest(
            _on(tills, lambda till: till.counted.confidence), _on(tills, lambda till: till.counted_hit), 0.1
        ),
        "forgotten_decayed_surest_rate": surest(
            _on(tills, lambda till: till.decayed.confidence), _on(tills, lambda till: till.decayed_hit), 0.1
        ),
        "forgotten_calibration": calibration(till_sure, till_truth),
        "forgotten_ece": ece(till_sure, till_truth),
    }


def summary(lived: Backtest) -> dict[str, Figures]:
    """The figures of the development half, of the other, and of all."""
    halves = {
        "development": [visit for visit in lived.visits if visit.development],
        "other": [visit for visit in lived.visits if not visit.development],
        "all": lived.visits,
    }
    return {name: figures(visits) for name, visits in halves.items()}


def surest(confidence: NDArray[np.float64], truth: NDArray[np.float64], share: float) -> float:
    """The mean of ``truth`` on the visits where the method is surest.

    Ties keep the order in which visits were lived.
    """
    kept = np.argsort(-confidence, kind="stable")[: max(1, round(len(confidence) * share))]
    return _mean(truth[kept])


def _repeats(visits: Sequence[Visit]) -> float:
    """Of the cards at the door and the till, the share that names the same family as the household's card before."""
    before: dict[int, str] = {}
    cards = same = 0
    for visit in visits:
        for said in (visit.entered, visit.paying):
            if said is not None and said.action:
                what = said.family or said.action
                cards += 1
                same += before.get(visit.household) == what
                before[visit.household] = what
    return same / cards if cards else float("nan")


def _on(rows: Sequence[EntranceVisit] | Sequence[TillVisit], read: Callable[..., float]) -> NDArray[np.float64]:
    return np.array([float(read(row)) for row in rows], dtype=np.float64)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")
