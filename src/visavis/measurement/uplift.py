"""The incremental effect of an objective: people who may see its cards against the holdout, one number a person.

Watching a plain interval every day finds effects that are not there in a third of the cases; this one is a confidence
sequence, valid at any time. Groups whose sizes contradict the planned share are reported before any figure, and nothing
is concluded from a few rare outcomes.

References: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, *Time-uniform central limit theory and asymptotic confidence
sequences*, arXiv 2103.06476, eq. 9; Lindon & Malek, *Anytime-valid inference for multinomial count data*, NeurIPS 2022;
Welch, *The generalization of "Student's" problem when several different population variances are involved*, 1947.
"""

from math import exp, inf, lgamma, log, nan, pi, sqrt, tan
from typing import Final, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from visavis.model.errors import Invalid

Verdict = Literal["more", "less", "not_enough_evidence", "sample_ratio_mismatch"]
ALARM: Final = 20.0
FEWEST: Final = 20
BLUR: Final = 0.2
"""How blurred a group's variance may be, as a relative standard error. Watched 25 times, 24 null worlds (buyers at 1, 5
and 50 %, skewed spending, counts, bell curves; 200 to 20,000 persons, 5 to 50 % held out) cry wolf in at most 3.5 % of
runs; without these two rules in up to 55 %, a small holdout with rare outcomes being the worst."""


class Uplift(Struct, frozen=True):
    """Mean per person with cards minus mean without, and the interval that holds the truth with the stated confidence
    at any time.

    No figure is claimed (NaN, an endless interval) when the groups contradict the plan or one has fewer than two
    persons. ``enough`` says that both groups are large enough for the interval to be trusted; until then the verdict is
    never ``more`` or ``less``.
    """

    uplift: float
    low: float
    high: float
    n_shown: int
    n_held: int
    enough: bool
    verdict: Verdict


class OneLook(Struct, frozen=True):
    """A plain interval.

    It holds the truth with the stated confidence for one look, planned beforehand, and is not to be watched.
    """

    uplift: float
    low: float
    high: float
    valid_for: Literal["one_look"] = "one_look"


def uplift(shown: ArrayLike, held: ArrayLike, *, holdout_share: float, planned: int, level: float = 0.95) -> Uplift:
    """Compare one number a person of those who may see cards with the holdout's.

    ``planned`` persons were foreseen when it began.

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
    if mismatch(n0, n1, share=holdout_share) >= ALARM:
        return Uplift(nan, -inf, inf, n1, n0, enough=False, verdict="sample_ratio_mismatch")
    if min(n1, n0) < 2:
        return Uplift(nan, -inf, inf, n1, n0, enough=False, verdict="not_enough_evidence")
    difference, variance = float(a.mean() - b.mean()), float(a.var(ddof=1) / n1 + b.var(ddof=1) / n0)
    n = n1 + n0
    half = half_width(n, sqrt(n * variance), n_opt=planned / 2.0, alpha=1.0 - level)
    enough = min(n1, n0) >= FEWEST and max(blur(a), blur(b)) <= BLUR
    verdict: Verdict = "not_enough_evidence"
    if enough and abs(difference) > half:
        verdict = "more" if difference > 0.0 else "less"
    return Uplift(difference, difference - half, difference + half, n1, n0, enough, verdict)


def half_width(n: int, sigma: float, *, n_opt: float, alpha: float) -> float:
    """Half the width of the asymptotic confidence sequence for a mean of ``n`` numbers.

    Narrowest around ``n_opt`` (eq. 9).
    """
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


def blur(persons: NDArray[np.float64]) -> float:
    """The relative standard error of the variance, √((kurtosis - 1) / n).

    Large for rare or skewed numbers, endless when all are the same.

    The sequence trusts the variance that it sees. Five buyers among a hundred persons have not shown it yet.

    >>> round(blur(np.array([1.0] * 5 + [0.0] * 95)), 2)
    0.41
    """
    if persons.min() == persons.max():
        return inf
    squared = np.square((persons - persons.mean()) / np.abs(persons).max())
    return sqrt(max(0.0, float(np.square(squared).mean()) / float(squared.mean()) ** 2 - 1.0) / len(persons))


def fixed(shown: ArrayLike, held: ArrayLike, *, level: float = 0.95) -> OneLook:
    """Welch's interval for one look at the end.

    Watched daily it errs in a third of the cases: use :func:`uplift` for that.

    >>> fixed([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).valid_for
    'one_look'
    """
    a, b = _persons(shown), _persons(held)
    if min(len(a), len(b)) < 2:
        return OneLook(nan, -inf, inf)
    v1, v0 = float(a.var(ddof=1) / len(a)), float(b.var(ddof=1) / len(b))
    difference = float(a.mean() - b.mean())
    if v1 + v0 == 0.0:
        return OneLook(difference, -inf, inf)
    freedom = 1.0 / ((v1 / (v1 + v0)) ** 2 / (len(a) - 1) + (v0 / (v1 + v0)) ** 2 / (len(b) - 1))
    half = students_t(level, freedom) * sqrt(v1 + v0)
    return OneLook(difference, difference - half, difference + half)


def students_t(level: float, freedom: float) -> float:
    """The t that |T| stays under with probability ``level``.

    P(|T| ≤ √ν tan θ) = 2 / B(½, ν/2) · ∫₀^θ cos^(ν-1), solved by halving.

    >>> [round(students_t(0.95, freedom), 3) for freedom in (1, 10, 1e6)]
    [12.706, 2.228, 1.96]
    """
    scale = 2.0 * exp(lgamma((freedom + 1.0) / 2.0) - lgamma(freedom / 2.0)) / sqrt(pi)
    low, high = (
        0.0,
        min(pi / 2.0, 40.0 / sqrt(freedom)),
    )  # with many degrees everything happens close to 0, and a wide grid would miss it
    for _ in range(60):
        theta = (low + high) / 2.0
        middles = (np.arange(500) + 0.5) * (theta / 500)
        under = scale * theta * float(np.exp((freedom - 1.0) * np.log(np.cos(middles))).mean())
        low, high = (theta, high) if under < level else (low, theta)
    return sqrt(freedom) * tan((low + high) / 2.0)


def _persons(numbers: ArrayLike) -> NDArray[np.float64]:
    persons = np.asarray(numbers, dtype=np.float64)
    if persons.ndim != 1 or not np.isfinite(persons).all():
        raise Invalid(
            "An uplift compares one finite number a person.", advice="A person without an outcome counts as 0."
        )
    return persons
