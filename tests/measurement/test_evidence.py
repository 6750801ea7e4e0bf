import numpy as np

from support.full import sample
from support.people import grocery
from visavis.lab.year.simulated_uplift import simulate
from visavis.measurement.calibration import calibration, ece, worst_week
from visavis.measurement.uplift import half_width, mismatch, uplift


def test_a_single_look_covers_the_truth_far_more_often_than_promised() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        shown, held = rng.poisson(2.3, 900), rng.poisson(2.0, 300)
        found = uplift(shown, held, holdout_share=0.25, planned=1200)
        covered += found.low <= 0.3 <= found.high
    assert covered >= 380


def test_watching_a_null_effect_every_day_rarely_cries_wolf() -> None:
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(100):
        shown, held = rng.poisson(2.0, 3000), rng.poisson(2.0, 1000)
        looks = [uplift(shown[: 3 * n], held[:n], holdout_share=0.25, planned=4000) for n in range(100, 1001, 100)]
        alarms += any(look.verdict in ("more", "less") for look in looks)
    assert alarms <= 5


def test_groups_that_contradict_the_plan_are_reported_before_any_figure() -> None:
    assert (
        uplift([5.0, 4.0] * 500, [1.0, 2.0] * 20, holdout_share=0.25, planned=1000).verdict == "sample_ratio_mismatch"
    )
    assert mismatch(250, 750, share=0.25) < 1.0


def test_too_few_people_are_not_enough_evidence() -> None:
    assert uplift([1.0], [], holdout_share=0.1, planned=10).verdict == "not_enough_evidence"


def test_the_interval_shrinks_with_people() -> None:
    assert half_width(10_000, 1.0, n_opt=5000, alpha=0.05) < half_width(1000, 1.0, n_opt=5000, alpha=0.05)


def test_calibration_of_what_is_true_is_one() -> None:
    rng = np.random.default_rng(2)
    p = rng.beta(2, 5, 50_000)
    y = rng.random(50_000) < p

    assert abs(calibration(p, y) - 1.0) < 0.02
    assert ece(p, y) < 0.01
    assert abs(worst_week(p, y, np.repeat(np.arange(10), 5000)) - 1.0) < 0.06
    assert ece(p, 1.0 - p) > 0.2
    assert np.isnan(calibration([0.5], [0]))


def test_the_interval_of_simulated_people_covers_the_truth_nine_times_in_ten() -> None:
    runs = [simulate(grocery(), seed=seed, persons=200, effect=0.4) for seed in range(sample(6, 40))]

    assert sum(run.found.low <= run.truth <= run.found.high for run in runs) >= 0.9 * len(runs)
    assert all(run.truth > 0.5 for run in runs)


def test_a_null_effect_is_not_enough_evidence() -> None:
    runs = [simulate(grocery(), seed=seed, persons=200, effect=0.0) for seed in range(100, 100 + sample(4, 8))]

    assert [run.found.verdict for run in runs].count("not_enough_evidence") >= len(runs) - 1
