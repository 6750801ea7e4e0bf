"""Calibration of probabilities: predicted against actual, in all, by week and by bin; and their recalibration."""
# References: Naeini, Cooper & Hauskrecht, *Obtaining well calibrated probabilities using Bayesian binning*, 2015, eq.
# 1; Cox, *Two further applications of a model for binary regression*, 1958.

from math import inf, log, nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visavis.model.errors import Invalid

Floats = NDArray[np.float64]


def calibration(p: ArrayLike, y: ArrayLike) -> float:
    """Predicted over actual: 1 is calibrated; NaN when nothing happened.

    >>> calibration([0.5, 0.5], [1, 0])
    1.0
    """
    predicted, actual = _pair(p, y)
    return float(predicted.sum() / actual.sum()) if actual.any() else nan


def worst_week(p: ArrayLike, y: ArrayLike, week: ArrayLike, *, least: int = 500) -> float:
    """The ratio farthest from 1 (in logarithm) among weeks of ``least`` rows, infinite without events; 1 when none.

    >>> worst_week([0.5] * 4, [1, 0, 1, 1], [1, 1, 2, 2], least=2)
    0.5
    """
    predicted, actual = _pair(p, y)
    _, which, rows = np.unique(np.asarray(week), return_inverse=True, return_counts=True)
    if len(which) != len(predicted):
        raise Invalid("A calibration by week needs one week a probability.")
    sums = zip(np.bincount(which, predicted).tolist(), np.bincount(which, actual).tolist(), rows.tolist(), strict=True)
    ratios = [expected / was if was else inf for expected, was, n in sums if n >= least and (expected or was)]
    return max(ratios, key=lambda ratio: abs(log(ratio)) if 0.0 < ratio < inf else inf, default=1.0)


def ece(p: ArrayLike, y: ArrayLike, *, bins: int = 20) -> float:
    """Expected calibration error over ``bins`` of equal count (ties in the order given); NaN without rows.

    >>> ece([0.25, 0.75], [0, 1], bins=2), ece([0.25, 0.75], [0, 1], bins=1)
    (0.25, 0.0)
    """
    predicted, actual = _pair(p, y)
    if not len(predicted):
        return nan
    parts = [part for part in np.array_split(np.argsort(predicted, kind="stable"), bins) if len(part)]
    return float(sum(abs(predicted[part].sum() - actual[part].sum()) for part in parts) / len(predicted))


def recalibrate(
    p: ArrayLike, y: ArrayLike, *, before: tuple[float, float] = (0.0, 1.0), prior: float = 20.0, steps: int = 20
) -> tuple[float, float]:
    """The (shift, slope) of logit p' = shift + slope · logit p that fit ``y`` best, regularised towards ``before``.

    The regularisation weighs as much as ``prior`` labels, so few or one-sided labels give a small, finite correction.
    Newton's method with step halving. ``y`` must only hold outcomes that closed before the correction is used.
    Reference: Platt, *Probabilistic outputs for support vector machines*, 1999; Cox, as above.

    >>> recalibrate([], [])
    (0.0, 1.0)
    """
    predicted, actual = _pair(p, y)
    happened = actual > 0.5
    clipped = np.clip(predicted, 1e-6, 1.0 - 1e-6)
    logit = np.log(clipped / (1.0 - clipped))
    z = np.column_stack([np.ones_like(logit), logit])
    ridge = prior * np.array([0.25, 0.25])
    start = np.array(before)

    def loss(w: Floats) -> float:
        score = z @ w
        return float(np.logaddexp(0.0, score).sum() - score[happened].sum() + 0.5 * ridge @ (w - start) ** 2)

    w, lowest = start, loss(start)
    for _ in range(steps):
        q = 1.0 / (1.0 + np.exp(-(z @ w)))
        gradient = (happened - q) @ z - ridge * (w - start)
        hessian = (z * (q * (1.0 - q))[:, None]).T @ z + np.diag(ridge)
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while (lower := loss(w + size * step)) > lowest and size > 1e-3:
            size /= 2.0
        if lower > lowest or lowest - lower < 1e-9:
            break
        w, lowest = w + size * step, lower
    return float(w[0]), float(w[1])


def _pair(p: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    predicted, actual = np.asarray(p, dtype=np.float64), np.asarray(y, dtype=np.float64)
    shares = (
        predicted.ndim == 1
        and predicted.shape == actual.shape
        and all(((x >= 0.0) & (x <= 1.0)).all() for x in (predicted, actual))
    )
    if not shares:
        raise Invalid("A calibration needs as many outcomes as probabilities, each from 0 to 1.")
    return predicted, actual
