"""The holdout's arithmetic against slow or tabled twins, and its honesty on simulated people."""

from collections.abc import Callable
from math import inf, isnan, log, sqrt
from statistics import fmean, variance

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import Generator
from numpy.typing import NDArray

from visavis.measurement.uplift import mismatch, uplift
from visavis.model.errors import Invalid

SEEDS = 400
PERSONS = st.lists(st.floats(-100.0, 100.0), min_size=2, max_size=60)
Draw = Callable[[Generator, int], NDArray[np.float64]]


def counts(dice: Generator, n: int) -> NDArray[np.float64]:
    return dice.poisson(2.0, n).astype(np.float64)


def buyers(dice: Generator, n: int) -> NDArray[np.float64]:
    return (dice.random(n) < 0.05).astype(np.float64)


def spending(dice: Generator, n: int) -> NDArray[np.float64]:
    return np.where(dice.random(n) < 0.1, dice.lognormal(3.0, 1.2, n), 0.0)


def spread(shown: list[float], held: list[float]) -> float:
    return variance(shown) / len(shown) + variance(held) / len(held)


@given(PERSONS, PERSONS, st.integers(2, 10_000))
def test_the_interval_is_the_formula_of_the_paper(shown: list[float], held: list[float], planned: int) -> None:
    n = len(shown) + len(held)
    share, alpha = len(held) / n, 0.05
    found = uplift(shown, held, holdout_share=share, planned=planned)

    rho2 = (-2.0 * log(alpha) + log(-2.0 * log(alpha) + 1.0)) / (planned / 2.0)
    sigma2 = n * spread(shown, held)
    half = sqrt(sigma2) * sqrt(2.0 * (n * rho2 + 1.0) / (n * n * rho2) * log(sqrt(n * rho2 + 1.0) / alpha))

    assert found.uplift == pytest.approx(fmean(shown) - fmean(held), abs=1e-9)
    assert (found.high - found.low) / 2.0 == pytest.approx(half, abs=1e-9)
    assert (found.n_shown, found.n_held) == (len(shown), len(held))


@given(PERSONS, PERSONS)
def test_exchanging_the_groups_turns_the_sign_and_confidence_widens(shown: list[float], held: list[float]) -> None:
    share = len(held) / (len(shown) + len(held))
    found, turned = (
        uplift(shown, held, holdout_share=share, planned=100),
        uplift(held, shown, holdout_share=1.0 - share, planned=100),
    )
    surer = uplift(shown, held, holdout_share=share, planned=100, level=0.99)

    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    assert turned.verdict == {"more": "less", "less": "more"}.get(found.verdict, found.verdict)
    assert surer.low <= found.low
    assert found.high <= surer.high


@pytest.mark.parametrize("draw", [counts, spending])
def test_one_look_holds_the_truth(draw: Draw) -> None:
    covered = 0
    for seed in range(SEEDS):
        dice = np.random.default_rng(seed)
        shown, held = draw(dice, 2400) + 0.3, draw(dice, 1600)
        found = uplift(shown, held, holdout_share=0.4, planned=4000)
        covered += found.low <= 0.3 <= found.high

    assert covered >= 0.95 * SEEDS


@pytest.mark.parametrize("draw", [counts, buyers, spending])
@pytest.mark.parametrize("share", [0.05, 0.5])
def test_no_effect_is_not_enough_evidence_however_often_one_looks(draw: Draw, share: float) -> None:
    alarms = 0
    for seed in range(SEEDS // 2):
        dice = np.random.default_rng(seed)
        shown, held = draw(dice, round(2000 * (1.0 - share))), draw(dice, round(2000 * share))
        looks = [(round(len(shown) * part), round(len(held) * part)) for part in np.linspace(0.05, 1.0, 12)]
        found = [uplift(shown[:a], held[:b], holdout_share=share, planned=2000) for a, b in looks]
        alarms += any(look.verdict != "not_enough_evidence" for look in found)

    assert alarms <= 0.05 * SEEDS / 2


def test_a_real_effect_is_found_and_its_sign_told() -> None:
    dice = np.random.default_rng(0)
    shown, held = counts(dice, 3000), counts(dice, 3000)

    assert uplift(shown + 0.3, held, holdout_share=0.5, planned=6000).verdict == "more"
    assert uplift(shown - 0.3, held, holdout_share=0.5, planned=6000).verdict == "less"


def test_a_lost_part_of_the_holdout_is_told_and_no_figure_claimed() -> None:
    dice, found, false = np.random.default_rng(0), 0, 0
    for _ in range(200):
        held = int(dice.binomial(20_000, 0.1))
        false += mismatch(held, 20_000 - held, share=0.1) >= 20.0
        found += (
            uplift(np.zeros(20_000 - held), np.zeros(int(held * 0.8)), holdout_share=0.1, planned=20_000).verdict
            == "sample_ratio_mismatch"
        )
    lost = uplift([9.0, 8.0] * 500, [1.0], holdout_share=0.1, planned=1000)

    assert false <= 2
    assert found >= 190
    assert lost.verdict == "sample_ratio_mismatch"
    assert isnan(lost.uplift)
    assert (lost.low, lost.high, lost.enough) == (-inf, inf, False)


@given(st.integers(0, 300), st.integers(0, 300), st.sampled_from([0.05, 0.1, 0.5]))
def test_the_sample_ratio_evidence_is_the_dirichlet_mixture(held: int, shown: int, share: float) -> None:
    a, b, ratio = 100.0 * share, 100.0 * (1.0 - share), 1.0
    for i in range(held):
        ratio *= (a + i) / (100.0 + i) / share
    for i in range(shown):
        ratio *= (b + i) / (100.0 + held + i) / (1.0 - share)

    assert mismatch(held, shown, share=share) == pytest.approx(ratio, rel=1e-6)


@pytest.mark.parametrize(("shown", "held"), [([], []), ([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1.0], [])])
def test_fewer_than_two_persons_claim_nothing(shown: list[float], held: list[float]) -> None:
    found = uplift(shown, held, holdout_share=0.5, planned=100)

    assert isnan(found.uplift)
    assert (found.low, found.high, found.enough, found.verdict) == (-inf, inf, False, "not_enough_evidence")


@pytest.mark.parametrize(
    ("shown", "held"), [([1.0] * 2, [0.0] * 2), ([0.1] * 500, [0.2] * 500), ([1.0, 0.0] * 200, [0.0] * 400)]
)
def test_numbers_that_never_vary_prove_nothing(shown: list[float], held: list[float]) -> None:
    found = uplift(shown, held, holdout_share=0.5, planned=1000)

    assert not found.enough
    assert found.verdict == "not_enough_evidence"


@pytest.mark.parametrize(
    ("numbers", "share", "planned", "level"),
    [
        ([1.0, float("nan")], 0.5, 10, 0.95),
        ([[1.0]], 0.5, 10, 0.95),
        ([1.0], 0.0, 10, 0.95),
        ([1.0], 1.0, 10, 0.95),
        ([1.0], 0.5, 1, 0.95),
        ([1.0], 0.5, 10, 1.0),
    ],
)
def test_what_cannot_be_compared_is_refused(numbers: list[float], share: float, planned: int, level: float) -> None:
    with pytest.raises(Invalid):
        uplift(numbers, [1.0, 2.0], holdout_share=share, planned=planned, level=level)
