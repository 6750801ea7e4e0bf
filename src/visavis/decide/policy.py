"""What outcomes teach about an action, beyond the estimate of the need."""
# One belief an action: two one-dimensional Bayesian logistic corrections to the logit of the base estimate, with the
# card (``shown``) and without it (``base``, from silences and the holdout). The update is one extended Kalman step;
# MacKay's moderation turns a logit's variance into a probability.
# Reference: MacKay, *The evidence framework applied to classification networks*, 1992, eq. 30; Murphy, *Machine
# Learning*, 2012, §8.5.

from math import exp, log, sqrt
from typing import Final

from msgspec.structs import replace

from visavis.model.world import Belief

MODERATION: Final = 0.39269908  # π/8
PRIOR: Final = Belief()


def logit(p: float) -> float:
    """The log-odds of p, which is kept inside (1e-6, 1 - 1e-6)."""
    p = min(max(p, 1e-6), 1.0 - 1e-6)
    return log(p / (1.0 - p))


def moderated(mean: float, variance: float) -> float:
    """The probability of a logit that is only known as a normal (mean, variance)."""
    return 1.0 / (1.0 + exp(-mean / sqrt(1.0 + MODERATION * variance)))


def estimate(belief: Belief, p_need: float) -> tuple[float, float]:
    """``(p_response, p_base)``: the outcome's probability with and without the card; ``p_need`` before any outcome."""
    if belief.outcomes == 0:
        return p_need, p_need
    x = logit(p_need)
    p_base = moderated(x + belief.base_mean, belief.base_variance)
    return moderated(x + belief.shown_mean, belief.shown_variance), p_base


def learn(belief: Belief, p_need: float, *, shown: bool, happened: bool) -> Belief:
    """The belief after one closed outcome."""
    mean, variance = (belief.shown_mean, belief.shown_variance) if shown else (belief.base_mean, belief.base_variance)
    p = moderated(logit(p_need) + mean, variance)
    curvature = max(p * (1.0 - p), 1e-3)
    gain = variance / (1.0 + curvature * variance)
    mean += gain * (happened - p)
    variance -= gain * curvature * variance
    if shown:
        return replace(belief, shown_mean=mean, shown_variance=variance, outcomes=belief.outcomes + 1)
    return replace(belief, base_mean=mean, base_variance=variance, outcomes=belief.outcomes + 1)
