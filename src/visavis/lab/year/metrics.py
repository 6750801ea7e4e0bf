"""The figures of the year, by names that anyone can recompute from the decisions file."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from visavis.lab.year.visit_record import Visit
from visavis.measurement.calibration import calibration, ece, worst_week

Figures = dict[str, float]
Floats = NDArray[np.float64]
WEEK_S: Final = 7 * 86_400.0
SIMULATED: Final = (
    "Derived: the door (3 to 40 minutes before paying, by hash) and till (20 seconds before) moments, and that every"
    " card was displayed. Simulated: consents (four households in five, by hash). Recorded purchases cannot tell"
    " whether a card helped: nobody saw one."
)


def figures(visits: Sequence[Visit]) -> Figures:
    """Every figure of these visits. Shares are of the visits that the name says; a ratio is left to the reader."""
    eligible = [visit for visit in visits if visit.eligible and visit.entrance is not None]
    shown = [visit for visit in eligible if visit.at_entrance.action]
    return {
        "visits": len(visits),
        "eligible_visits": len(eligible),
        "cards": len(shown),
        "cards_share": len(shown) / len(eligible) if eligible else float("nan"),
        "till_cards": sum(1 for visit in eligible if visit.at_till is not None and visit.at_till.action),
        "held_out": sum(1 for visit in eligible if visit.at_entrance.held_out),
        "silences": len(visits) - len(shown),
        "repeat_share": _repeats(visits),
        **_entrance_figures(eligible, [visit for visit in shown if visit.at_entrance.family]),
        **_till_figures(eligible),
    }


def _entrance_figures(eligible: Sequence[Visit], cards: Sequence[Visit]) -> Figures:
    """The predictions at the entrance, on all eligible visits and on those with a card that names a family."""
    predictions = [visit.entrance for visit in eligible if visit.entrance is not None]
    week = np.array([visit.at // WEEK_S for visit in eligible])

    def of(read: Callable[[Any], float]) -> Floats:
        return _values(predictions, read)

    hit, confidence = of(lambda one: one.model_hit), of(lambda one: one.model.confidence)
    beyond_hit, beyond_counted_hit = of(lambda one: one.beyond_hit), of(lambda one: one.beyond_counted_hit)
    card_hit = _values(cards, lambda visit: visit.hit)
    return {
        "hit_rate": _mean(card_hit),
        "hit_product_rate": _mean(_values(cards, lambda visit: visit.product_hit)),
        "baseline_hit_rate": _mean(_values(cards, lambda visit: visit.entrance.counted_hit)),
        "hit_rate_all": _mean(hit),
        "baseline_hit_rate_all": _mean(of(lambda one: one.counted_hit)),
        "decayed_hit_rate_all": _mean(of(lambda one: one.decayed_hit)),
        "random_hit_rate": _mean(of(lambda one: one.chance)),
        "beyond_hit_rate": _mean(beyond_hit),
        "beyond_baseline_hit_rate": _mean(beyond_counted_hit),
        "beyond_decayed_hit_rate": _mean(of(lambda one: one.beyond_decayed_hit)),
        "beyond_surest_rate": surest(of(lambda one: one.beyond.confidence), beyond_hit, 0.5),
        "beyond_baseline_surest_rate": surest(of(lambda one: one.beyond_counted.confidence), beyond_counted_hit, 0.5),
        "calibration_all": calibration(confidence, hit),
        "calibration_cards": calibration([visit.at_entrance.p_response for visit in cards], card_hit),
        "calibration_worst_week": worst_week(confidence, hit, week),
        "ece": ece(confidence, hit),
    }


def _till_figures(eligible: Sequence[Visit]) -> Figures:
    predictions = [visit.till for visit in eligible if visit.till is not None]

    def of(read: Callable[[Any], float]) -> Floats:
        return _values(predictions, read)

    hit, confidence = of(lambda one: one.model_hit), of(lambda one: one.model.confidence)
    counted_hit, decayed_hit = of(lambda one: one.counted_hit), of(lambda one: one.decayed_hit)
    return {
        "till_visits": len(predictions),
        "forgotten_rate": _mean(hit),
        "forgotten_baseline_rate": _mean(counted_hit),
        "forgotten_random_rate": _mean(of(lambda one: one.chance)),
        "forgotten_surest_rate": surest(confidence, hit, 0.1),
        "forgotten_baseline_surest_rate": surest(of(lambda one: one.counted.confidence), counted_hit, 0.1),
        "forgotten_decayed_surest_rate": surest(of(lambda one: one.decayed.confidence), decayed_hit, 0.1),
        "forgotten_calibration": calibration(confidence, hit),
        "forgotten_ece": ece(confidence, hit),
    }


def figures_by_group(visits: Sequence[Visit]) -> dict[str, Figures]:
    """The figures of the development half, of the other half, and of all."""
    groups = {
        "development": [visit for visit in visits if visit.development],
        "other": [visit for visit in visits if not visit.development],
        "all": visits,
    }
    return {name: figures(group) for name, group in groups.items()}


def surest(confidence: Floats, hit: Floats, share: float) -> float:
    """The hit rate on the share of visits where the method is most confident; ties keep the order of visits."""
    kept = np.argsort(-confidence, kind="stable")[: max(1, round(len(confidence) * share))]
    return _mean(hit[kept])


def _repeats(visits: Sequence[Visit]) -> float:
    """Of the cards at the entrance and the till, the share that names the same family as the household's last card."""
    last: dict[int, str] = {}
    cards = same = 0
    for visit in visits:
        for decision in (visit.at_entrance, visit.at_till):
            if decision is not None and decision.action:
                what = decision.family or decision.action
                cards += 1
                same += last.get(visit.household) == what
                last[visit.household] = what
    return same / cards if cards else float("nan")


def _values(rows: Iterable[Any], read: Callable[[Any], float]) -> Floats:
    return np.array([float(read(row)) for row in rows], dtype=np.float64)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
