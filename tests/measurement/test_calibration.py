"""Calibration against loops that anyone can read, and corrections that recover what was bent."""

from math import exp, isinf, isnan, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.measurement.calibration import calibration, ece, recalibrate, worst_week
from visavis.model.errors import Invalid

ROWS = st.lists(st.tuples(st.floats(0.001, 0.999), st.booleans(), st.integers(0, 4)), min_size=1, max_size=80)
Rows = list[tuple[float, bool, int]]


def bent(p: float, shift: float, slope: float) -> float:
    return 1.0 / (1.0 + exp(-(shift + slope * log(p / (1.0 - p)))))


@given(ROWS, st.integers(1, 30))
def test_each_figure_equals_a_plain_loop(rows: Rows, bins: int) -> None:
    p, y, week = ([row[i] for row in rows] for i in range(3))
    ratio = calibration(p, y)
    assert isnan(ratio) if not any(y) else ratio == pytest.approx(sum(p) / sum(y))

    order = sorted(range(len(rows)), key=lambda i: p[i])
    size, more, start, error = len(rows) // bins, len(rows) % bins, 0, 0.0
    for bin_ in range(bins):
        part = order[start : start + size + (bin_ < more)]
        start += len(part)
        error += abs(sum(p[i] - y[i] for i in part))
    assert ece(p, y, bins=bins) == pytest.approx(error / len(rows), abs=1e-12)

    farthest = 0.0
    for one in set(week):
        mine = [i for i in range(len(rows)) if week[i] == one]
        if len(mine) >= 10:
            was = sum(y[i] for i in mine)
            farthest = max(farthest, abs(log(sum(p[i] for i in mine) / was)) if was else float("inf"))
    worst = worst_week(p, y, week, least=10)
    assert (isinf(worst) and isinf(farthest)) or abs(log(worst)) == pytest.approx(farthest, abs=1e-9)


def test_what_is_true_is_calibrated() -> None:
    dice = np.random.default_rng(0)
    p = dice.beta(1.0, 4.0, 100_000)
    y = dice.random(100_000) < p

    assert calibration(p, y) == pytest.approx(1.0, abs=0.02)
    assert calibration(np.full(8, 0.25), [1, 1, 0, 0, 0, 0, 0, 0]) == 1.0
    assert ece(p, y) < 0.005
    assert abs(log(worst_week(p, y, np.arange(100_000) // 10_000))) < 0.06
    assert recalibrate(p, y) == pytest.approx((0.0, 1.0), abs=0.05)


@pytest.mark.parametrize(("shift", "slope"), [(-0.8, 1.0), (0.5, 0.7), (1.2, 1.4), (0.0, 1.0)])
def test_a_known_bend_is_recovered(shift: float, slope: float) -> None:
    dice = np.random.default_rng(1)
    p = dice.beta(2.0, 5.0, 60_000)
    y = dice.random(60_000) < [bent(one, shift, slope) for one in p.tolist()]

    found = recalibrate(p, y)

    assert found == pytest.approx((shift, slope), abs=0.06)
    mended = [bent(one, *found) for one in p.tolist()]
    assert calibration(mended, y) == pytest.approx(1.0, abs=0.002)
    assert ece(mended, y) < 0.01


@given(ROWS)
def test_no_other_correction_near_it_fits_better(rows: Rows) -> None:
    p, y, _ = ([row[i] for row in rows] for i in range(3))
    clipped = np.clip(p, 1e-6, 1.0 - 1e-6)
    logit, happened = np.log(clipped / (1.0 - clipped)), np.array(y) > 0.5

    def loss(shift: float, slope: float) -> float:
        score = shift + slope * logit
        return float(np.logaddexp(0.0, score).sum() - score[happened].sum() + 0.5 * (shift**2 + (slope - 1.0) ** 2))

    shift, slope = recalibrate(p, y, prior=4.0)

    assert all(
        loss(shift + x, slope + z) >= loss(shift, slope) - 1e-6 for x in (-0.01, 0.0, 0.01) for z in (-0.01, 0.0, 0.01)
    )


def test_more_happening_moves_the_level_up() -> None:
    p = np.tile([0.1, 0.3, 0.5], 100)
    shifts = [recalibrate(p, np.arange(300) < n)[0] for n in range(30, 300, 60)]
    assert shifts == sorted(shifts)


@pytest.mark.parametrize("label", [0, 1])
def test_few_or_one_sided_labels_correct_little(label: int) -> None:
    few = recalibrate([0.3] * 3, [label] * 3)
    many = recalibrate([0.3] * 5000, [label] * 5000)

    assert recalibrate([], []) == (0.0, 1.0)
    assert abs(few[0]) < 0.4
    assert abs(few[1] - 1.0) < 0.4
    assert np.isfinite(many).all()
    assert (many[0] > 0.0) is bool(label)
    assert np.isfinite(recalibrate([0.0, 1.0], [1, 0])).all()


def test_nothing_is_said_of_nothing() -> None:
    assert isnan(calibration([], []))
    assert isnan(ece([], []))
    assert worst_week([], [], []) == 1.0
    assert worst_week([0.5] * 499, [0] * 499, [1] * 499) == 1.0
    assert isinf(worst_week([0.5] * 500, [0] * 500, [1] * 500))
    assert worst_week([0.0] * 500, [1] * 500, [1] * 500) == 0.0


@pytest.mark.parametrize(
    ("p", "y"), [([0.5], [1, 0]), ([1.5], [1]), ([float("nan")], [1]), ([0.5], [2]), ([[0.5]], [[1]])]
)
def test_what_is_no_probability_is_refused(p: list[float], y: list[int]) -> None:
    with pytest.raises(Invalid):
        calibration(p, y)
    with pytest.raises(Invalid):
        worst_week([0.5], [1], [1, 2])
