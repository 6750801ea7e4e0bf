"""Fit the parameters of ``insight.need`` from rows of views and labels: Newton's method with step halving, on standardised columns.

Reference: Nelder & Wedderburn, *Generalized linear models*, 1972 (iteratively reweighted least squares is Newton's method here).
"""

import numpy as np
from numpy.typing import NDArray

from visavis.insight.need import Floats, Weights

Labels = NDArray[np.bool_]


def logistic(z: NDArray[np.float32], y: Labels, *, l2: Floats, steps: int = 12, tolerance: float = 1e-4) -> Floats:
    """The weights of a logistic regression of ``y`` on the columns of ``z``; ``l2`` (columns,) pulls each weight to zero.

    Each step is halved until the penalised loss falls, so it cannot diverge; rows are taken in blocks, so the memory is that of ``z``.
    """
    w = np.zeros(z.shape[1])
    loss = _loss(z, y, w, l2)
    for _ in range(steps):
        gradient, hessian = -l2 * w, np.diag(l2 + 1e-9)
        for a in range(0, len(z), 65_536):
            block, label = z[a : a + 65_536], y[a : a + 65_536]
            p = 1.0 / (1.0 + np.exp(-(block @ w.astype(np.float32))))
            gradient += (label - p) @ block
            hessian += (block * (p * (1.0 - p))[:, None]).T @ block
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while (lower := _loss(z, y, w + size * step, l2)) > loss and size > 1e-3:
            size /= 2.0
        if lower > loss:
            break
        w, gain, loss = w + size * step, loss - lower, lower
        if gain < tolerance * abs(loss) * 1e-2:
            break
    return w


def _loss(z: NDArray[np.float32], y: Labels, w: Floats, l2: Floats) -> float:
    total = 0.5 * float(l2 @ (w * w))
    small = w.astype(np.float32)
    for a in range(0, len(z), 65_536):
        logit = z[a : a + 65_536] @ small
        total += float(np.sum(np.logaddexp(0.0, logit)) - np.sum(logit[y[a : a + 65_536]]))
    return total


def bent(x: NDArray[np.float32], c: NDArray[np.float32], y: Labels, *, l2: float = 1.0, l2_bend: float = 50.0) -> Weights:
    """Fit p = σ(b + v·c + x·(w + M c)). ``x`` (rows, features), ``c`` (rows, contexts), ``y`` (rows,)."""
    x_mean, x_scale = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64) + 1e-6
    c_mean, c_scale = c.mean(0, dtype=np.float64), c.std(0, dtype=np.float64) + 1e-6
    xs = ((x - x_mean) / x_scale).astype(np.float32)
    cs = ((c - c_mean) / c_scale).astype(np.float32)
    f, m = xs.shape[1], cs.shape[1]
    crossed = (xs[:, :, None] * cs[:, None, :]).reshape(len(xs), f * m)
    z = np.concatenate([np.ones((len(xs), 1), np.float32), xs, cs, crossed], axis=1)
    penalty = np.concatenate([[0.0], np.full(f + m, l2), np.full(f * m, l2_bend)])
    w = logistic(z, y, l2=penalty)
    return Weights(x_mean, x_scale, c_mean, c_scale, float(w[0]), w[1 : 1 + f], w[1 + f : 1 + f + m], w[1 + f + m :].reshape(f, m))
