"""Fit the parameters of ``insight.need`` from rows of views and labels: Newton's method with step halving, on standardised columns.

Reference: Nelder & Wedderburn, *Generalized linear models*, 1972 (iteratively reweighted least squares is Newton's method here).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.insight.need import Floats, Weights

Rows = NDArray[np.float32]
Labels = NDArray[np.bool_]

BLOCK: Final = 4_096


def bent(x: Rows, c: Rows, y: Labels, *, l2: float = 1.0, l2_bend: float = 50.0, steps: int = 10) -> Weights:
    """Fit p = σ(b + v·c + x·(w + M c)) to ``x`` (rows, features), ``c`` (rows, contexts) and ``y`` (rows,).

    ``l2`` pulls w and v, ``l2_bend`` pulls M to zero. Each Newton step is halved until the penalised loss falls, so it cannot diverge. The
    crossed columns exist one block at a time, so the memory needed is that of ``x`` and ``c``.
    """
    x_mean, x_scale = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64) + 1e-6
    c_mean, c_scale = c.mean(0, dtype=np.float64), c.std(0, dtype=np.float64) + 1e-6
    f, m = x.shape[1], c.shape[1]
    penalty = np.concatenate([[1e-6], np.full(f + m, l2), np.full(f * m, l2_bend)])

    def blocks() -> Iterator[tuple[Rows, Labels]]:
        for a in range(0, len(x), BLOCK):
            xs = ((x[a : a + BLOCK] - x_mean) / x_scale).astype(np.float32)
            cs = ((c[a : a + BLOCK] - c_mean) / c_scale).astype(np.float32)
            crossed = (xs[:, :, None] * cs[:, None, :]).reshape(len(xs), f * m)
            yield np.concatenate([np.ones((len(xs), 1), np.float32), xs, cs, crossed], axis=1), y[a : a + BLOCK]

    def loss(w: Floats) -> float:
        total, small = 0.5 * float(penalty @ (w * w)), w.astype(np.float32)
        for z, label in blocks():
            logit = z @ small
            total += float(np.logaddexp(0.0, logit).sum() - logit[label].sum())
        return total

    w = np.zeros(1 + f + m + f * m)
    lowest = loss(w)
    for _ in range(steps):
        gradient, hessian, small = -penalty * w, np.diag(penalty), w.astype(np.float32)
        for z, label in blocks():
            p = 1.0 / (1.0 + np.exp(-(z @ small)))
            gradient += (label - p) @ z
            hessian += (z * (p * (1.0 - p))[:, None]).T @ z
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while (lower := loss(w + size * step)) > lowest and size > 1e-3:
            size /= 2.0
        if lower > lowest:
            break
        gain, lowest, w = lowest - lower, lower, w + size * step
        if gain < 1e-6 * lowest:
            break
    return Weights(x_mean, x_scale, c_mean, c_scale, float(w[0]), w[1 : 1 + f], w[1 + f : 1 + f + m], w[1 + f + m :].reshape(f, m))


def recalibrate(p: Floats, y: Labels, *, prior: float = 20.0, steps: int = 20) -> tuple[float, float]:
    """The (shift, slope) of logit p' = shift + slope · logit p that fit ``y`` best, pulled towards (0, 1) as by ``prior`` pseudo-observations.

    Newton with step halving; one-sided or few labels give a small correction, never an infinite one.

    Reference: Platt, *Probabilistic outputs for support vector machines*, 1999; Cox, *Two further applications of a model for binary
    regression*, 1958.
    """
    p = np.clip(p, 1e-6, 1.0 - 1e-6)
    logit = np.log(p / (1.0 - p))
    z = np.column_stack([np.ones_like(logit), logit])
    ridge = prior * np.array([0.25, 0.25])
    start = np.array([0.0, 1.0])

    def loss(w: Floats) -> float:
        score = z @ w
        return float(np.logaddexp(0.0, score).sum() - score[y].sum() + 0.5 * ridge @ (w - start) ** 2)

    w, lowest = start, loss(start)
    for _ in range(steps):
        q = 1.0 / (1.0 + np.exp(-(z @ w)))
        gradient = (y - q) @ z - ridge * (w - start)
        hessian = (z * (q * (1.0 - q))[:, None]).T @ z + np.diag(ridge)
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while (lower := loss(w + size * step)) > lowest and size > 1e-3:
            size /= 2.0
        if lower > lowest or lowest - lower < 1e-9:
            break
        w, lowest = w + size * step, lower
    return float(w[0]), float(w[1])
