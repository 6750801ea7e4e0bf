"""Are the probabilities true? What was predicted against what happened, on the whole, week by week, and bin by bin."""

import numpy as np
from numpy.typing import ArrayLike


def ratio(p: ArrayLike, y: ArrayLike) -> float:
    """Predicted over actual: 1 is true; NaN when nothing happened.

    >>> ratio([0.5, 0.5], [1, 0])
    1.0
    """
    actual = float(np.sum(np.asarray(y, dtype=np.float64)))
    return float(np.sum(np.asarray(p, dtype=np.float64))) / actual if actual else float("nan")


def worst(p: ArrayLike, y: ArrayLike, group: ArrayLike, *, least: int = 500) -> float:
    """The ratio farthest from 1 (in logarithm) among groups of at least ``least`` rows; 1 when there is none."""
    p, y, group = np.asarray(p), np.asarray(y), np.asarray(group)
    ratios = [ratio(p[group == g], y[group == g]) for g in np.unique(group) if np.sum(group == g) >= least]
    ratios = [r for r in ratios if r == r and r > 0.0]  # noqa: PLR0124  NaN is left out
    return max(ratios, key=lambda r: abs(np.log(r)), default=1.0)


def ece(p: ArrayLike, y: ArrayLike, *, bins: int = 20) -> float:
    """Expected calibration error over ``bins`` of equal count.

    Reference: Naeini, Cooper & Hauskrecht, *Obtaining well calibrated probabilities using Bayesian binning*, 2015.
    """
    p, y = np.asarray(p, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not len(p):
        return float("nan")
    parts = [part for part in np.array_split(np.argsort(p, kind="stable"), bins) if len(part)]
    return float(sum(len(part) * abs(p[part].mean() - y[part].mean()) for part in parts) / len(p))
