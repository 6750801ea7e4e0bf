"""The incremental effect of an objective: people who may see its cards against the holdout, one number a person.

Watching a plain interval every day finds effects that are not there in a third of the cases; this one is a confidence sequence, valid at any
time. Groups whose sizes contradict the planned share are reported before any figure.

References: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, *Time-uniform central limit theory and asymptotic confidence sequences*,
arXiv 2103.06476, eq. 9; Lindon & Malek, *Anytime-valid inference for multinomial count data*, NeurIPS 2022.
"""

from math import exp, lgamma, log, sqrt
from typing import Final, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike

Verdict = Literal["more", "less", "not_enough_evidence", "sample_ratio_mismatch"]
ALARM: Final = 20.0


class Uplift(Struct, frozen=True):
    """Mean per person with cards minus mean without, and the interval that holds the truth with the stated confidence at any time."""

    uplift: float
    low: float
    high: float
    shown: int
    held: int
    verdict: Verdict


def uplift(shown: ArrayLike, held: ArrayLike, *, holdout_share: float, planned: int, alpha: float = 0.05) -> Uplift:
    """Compare one number a person of those who may see cards with the holdout's; ``planned`` persons were foreseen when it began.

    >>> uplift([1.0, 0.0] * 500, [1.0, 0.0] * 500, holdout_share=0.5, planned=2000).verdict
    'not_enough_evidence'
    """
    a, b = np.asarray(shown, dtype=np.float64), np.asarray(held, dtype=np.float64)
    n1, n0 = len(a), len(b)
    if n1 < 2 or n0 < 2:
        return Uplift(0.0, -float("inf"), float("inf"), n1, n0, "not_enough_evidence")
    difference = float(a.mean() - b.mean())
    variance = float(a.var(ddof=1) / n1 + b.var(ddof=1) / n0)
    n = n1 + n0
    half = half_width(n, sqrt(n * variance), n_opt=max(2.0, planned / 2.0), alpha=alpha)
    verdict: Verdict = "more" if difference > half else "less" if difference < -half else "not_enough_evidence"
    if mismatch(n0, n1, share=holdout_share) >= ALARM:
        verdict = "sample_ratio_mismatch"
    return Uplift(difference, difference - half, difference + half, n1, n0, verdict)


def half_width(n: int, sigma: float, *, n_opt: float, alpha: float) -> float:
    """Half the width of the asymptotic confidence sequence for a mean of ``n`` numbers; narrowest around ``n_opt`` (eq. 9)."""
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
