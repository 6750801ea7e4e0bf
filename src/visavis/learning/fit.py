"""Fit the parameters of ``insight.need`` from rows of views and labels."""
# References: Kingma & Ba, *Adam: a method for stochastic optimization*, 2015, algorithm 1; Hansen & Salamon, *Neural
# network ensembles*, 1990.

from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.insight.need import Net

Rows = NDArray[np.float32]
Labels = NDArray[np.bool_]

UNITS: Final = 24
EPOCHS: Final = 12
BATCH: Final = 2048
RATE: Final = 3e-3
DECAY: Final = 1e-5


def fit(x: Rows, c: Rows, visit: NDArray[np.int64], y: Labels, *, members: int = 3, epochs: int = EPOCHS) -> Net:
    """Fit ``y`` (rows,) from ``x`` (rows, features) and ``c`` (visits, contexts), row i being of visit ``visit[i]``.

    The logits of ``members`` networks (seeds 0, 1, …) are averaged: one network with their hidden units side by side.
    Same rows on the same machine give the same parameters. ``x`` is standardised in place, to save memory.
    """
    x_mean, x_scale = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64) + 1e-6
    c_mean, c_scale = c.mean(0, dtype=np.float64), c.std(0, dtype=np.float64) + 1e-6
    zx = x
    zx -= x_mean.astype(np.float32)
    zx /= x_scale.astype(np.float32)
    zc = (c - c_mean.astype(np.float32)) / c_scale.astype(np.float32)
    fitted = [_member(zx, zc, visit, y.astype(np.float32), seed=seed, epochs=epochs) for seed in range(members)]

    f = x.shape[1]
    hidden = np.concatenate([one[0] for one in fitted], axis=1).astype(np.float64)
    offset = np.concatenate([one[1] for one in fitted]).astype(np.float64)
    out = np.concatenate([one[2] for one in fitted]).astype(np.float64) / members
    skip = np.stack([one[3] for one in fitted]).astype(np.float64).mean(axis=0)
    bias = float(np.mean([one[4] for one in fitted]))
    hidden_x, hidden_c = hidden[:f] / x_scale[:, None], hidden[f:] / c_scale[:, None]
    skip_x, skip_c = skip[:f] / x_scale, skip[f:] / c_scale
    offset = offset - x_mean @ hidden_x - c_mean @ hidden_c
    bias = bias - float(x_mean @ skip_x + c_mean @ skip_c)
    return Net(x_mean, hidden_x, hidden_c, offset, out, skip_x, skip_c, bias)


def _member(
    zx: Rows, zc: Rows, visit: NDArray[np.int64], y: Rows, *, seed: int, epochs: int
) -> tuple[Rows, Rows, Rows, Rows, float]:
    """One network by Adam on the log-loss: (hidden weights, offsets, output weights, linear path, bias)."""
    dice = np.random.default_rng(seed)
    d = zx.shape[1] + zc.shape[1]
    hidden, out = dice.normal(0.0, d**-0.5, (d, UNITS)), dice.normal(0.0, 0.1 * UNITS**-0.5, UNITS)
    w = [hidden, np.zeros(UNITS), out, np.zeros(d), np.zeros(1)]
    w = [part.astype(np.float32) for part in w]
    first, second = [np.zeros_like(part) for part in w], [np.zeros_like(part) for part in w]
    step = 0
    for epoch in range(epochs):
        order = dice.permutation(len(y))
        rate = RATE * (1.0 - epoch / epochs) + 1e-4
        for a in range(0, len(order), BATCH):
            rows = order[a : a + BATCH]
            z = np.concatenate([zx[rows], zc[visit[rows]]], axis=1)
            bent = np.tanh(z @ w[0] + w[1])
            error = (1.0 / (1.0 + np.exp(-(bent @ w[2] + z @ w[3] + w[4]))) - y[rows]) / len(rows)
            back = error[:, None] * w[2] * (1.0 - bent * bent)
            gradients = [z.T @ back + DECAY * w[0], back.sum(0), bent.T @ error, z.T @ error, error.sum(keepdims=True)]
            step += 1
            for i, gradient in enumerate(gradients):
                first[i] += 0.1 * (gradient - first[i])
                second[i] += 0.001 * (gradient * gradient - second[i])
                w[i] -= (
                    rate * (first[i] / (1.0 - 0.9**step)) / (np.sqrt(second[i] / (1.0 - 0.999**step)) + 1e-8)
                ).astype(np.float32)
    return w[0], w[1], w[2], w[3], float(w[4][0])
