"""Uplift: the mean outcome of people who may see an objective's cards minus its holdout's, one number a person."""
# The interval is a confidence sequence, valid at any time: a plain one looked at every day is wrong in a third of the
# cases. A sample ratio mismatch is reported before any figure, and nothing is concluded from a few rare outcomes.
# References: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, *Time-uniform central limit theory and asymptotic
# confidence sequences*, arXiv 2103.06476, eq. 9; Lindon & Malek, *Anytime-valid inference for multinomial count data*,
# NeurIPS 2022.

from math import exp, inf, lgamma, log, nan, sqrt
from typing import Final, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from visavis.model.errors import Invalid

Verdict = Literal["more", "less", "not_enough_evidence", "sample_ratio_mismatch"]
MISMATCH_EVIDENCE: Final = 20.0
MIN_PERSONS: Final = 20
MAX_VARIANCE_ERROR: Final = 0.2
"""How uncertain a group's variance may be, as a relative standard error. Looked at 25 times, 24 simulations without
any effect (buyers at 1, 5 and 50 %, skewed spending, counts, bell curves; 200 to 20,000 persons, 5 to 50 % held out)
conclude wrongly in at most 3.5 % of runs; without these two rules in up to 55 %, the worst being a small holdout with
rare outcomes."""


class Uplift(Struct, frozen=True):
    """The difference of the means, and the interval that holds the truth with the stated confidence at any time.

    No figure (NaN, an infinite interval) when the groups contradict the plan or one has fewer than two persons. Until
    ``enough`` (both groups large enough) the verdict is never ``more`` or ``less``.
    """

    uplift: float
    low: float
    high: float
    n_shown: int
    n_held: int
    enough: bool
    verdict: Verdict


def uplift(shown: ArrayLike, held: ArrayLike, *, holdout_share: float, planned: int, level: float = 0.95) -> Uplift:
    """Compare those who may see cards with the holdout, one number a person; ``planned`` persons were expected.

    >>> uplift([1.0, 0.0] * 500, [1.0, 0.0] * 500, holdout_share=0.5, planned=2000).verdict
    'not_enough_evidence'
    >>> uplift([2.0, 1.0] * 500, [1.0, 0.0] * 500, holdout_share=0.5, planned=2000).verdict
    'more'
    >>> uplift([2.0] * 900, [1.0] * 100, holdout_share=0.5, planned=2000).verdict
    'sample_ratio_mismatch'
    """
    if not (0.0 < holdout_share < 1.0 and 0.0 < level < 1.0 and planned >= 2):
        raise Invalid("An uplift needs 0 < holdout_share < 1, 0 < level < 1 and at least two planned persons.")
    a, b = _persons(shown), _persons(held)
    n1, n0 = len(a), len(b)
    if mismatch(n0, n1, share=holdout_share) >= MISMATCH_EVIDENCE:
        return Uplift(nan, -inf, inf, n1, n0, enough=False, verdict="sample_ratio_mismatch")
    if min(n1, n0) < 2:
        return Uplift(nan, -inf, inf, n1, n0, enough=False, verdict="not_enough_evidence")
    difference, variance = float(a.mean() - b.mean()), float(a.var(ddof=1) / n1 + b.var(ddof=1) / n0)
    n = n1 + n0
    half = half_width(n, sqrt(n * variance), n_opt=planned / 2.0, alpha=1.0 - level)
    enough = min(n1, n0) >= MIN_PERSONS and max(variance_error(a), variance_error(b)) <= MAX_VARIANCE_ERROR
    verdict: Verdict = "not_enough_evidence"
    if enough and abs(difference) > half:
        verdict = "more" if difference > 0.0 else "less"
    return Uplift(difference, difference - half, difference + half, n1, n0, enough, verdict)


def half_width(n: int, sigma: float, *, n_opt: float, alpha: float) -> float:
    """Half the width of the asymptotic confidence sequence for a mean of ``n``, narrowest at ``n_opt`` (eq. 9)."""
    rho2 = (-2.0 * log(alpha) + log(1.0 - 2.0 * log(alpha))) / n_opt
    return sigma * sqrt(2.0 * (n * rho2 + 1.0) / (n * n * rho2) * log(sqrt(n * rho2 + 1.0) / alpha))


def mismatch(held: int, shown: int, *, share: float) -> float:
    """Evidence that the groups' sizes do not come from the planned share; 20 and more is an alarm, valid at any time.

    >>> round(mismatch(100, 900, share=0.1), 2) < 1 < mismatch(10, 990, share=0.1)
    True
    """

    def ln_beta(x: float, y: float) -> float:
        return lgamma(x) + lgamma(y) - lgamma(x + y)

    a, b = 100.0 * share, 100.0 * (1.0 - share)
    evidence = ln_beta(a + held, b + shown) - ln_beta(a, b) - held * log(share) - shown * log(1.0 - share)
    return exp(min(evidence, 700.0))


def variance_error(persons: NDArray[np.float64]) -> float:
    """The relative standard error of the variance, √((kurtosis - 1) / n): large if skewed, infinite if constant.

    >>> round(variance_error(np.array([1.0] * 5 + [0.0] * 95)), 2)
    0.41
    """
    if persons.min() == persons.max():
        return inf
    squared = np.square((persons - persons.mean()) / np.abs(persons).max())
    return sqrt(max(0.0, float(np.square(squared).mean()) / float(squared.mean()) ** 2 - 1.0) / len(persons))


def _persons(numbers: ArrayLike) -> NDArray[np.float64]:
    persons = np.asarray(numbers, dtype=np.float64)
    if persons.ndim != 1 or not np.isfinite(persons).all():
        advice = "A person without an outcome counts as 0."
        raise Invalid("An uplift compares one finite number a person.", advice=advice)
    return persons
