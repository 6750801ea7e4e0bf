"""The models of need: for one person and one family, three probabilities (heads) from one set of features."""
# In the basket of this visit (``visit``), on another trip within three days (``forgotten``), or within seven days
# (``week``). A small network with a linear path: logit p = b + z·s + tanh(z·H + h)·o, z the features of a habit and the
# context.
# Reference: Bishop, *Neural networks for pattern recognition*, 1995, §4.2; each part is measured in
# ``docs/model-card.md``.

from functools import lru_cache
from typing import Literal

import numpy as np
from msgspec import Struct

from visavis.insight.features import CONTEXTS, FEATURES, context, features
from visavis.insight.shortlist import Floats, Shortlist
from visavis.model.moment import Paying, bought_lines
from visavis.model.view import View
from visavis.model.world import Calibration, Learned

Head = Literal["visit", "forgotten", "week"]


class Net(Struct, frozen=True):
    """One head's parameters, standardisation folded in: logit = bias + z·skip + tanh(z·hidden + offset)·out."""

    typical: Floats  # (features,): the population's mean of each feature
    hidden_x: Floats  # (features, units)
    hidden_c: Floats  # (contexts, units)
    offset: Floats  # (units,)
    out: Floats  # (units,)
    skip_x: Floats  # (features,)
    skip_c: Floats  # (contexts,)
    bias: float


def pack(net: Net) -> bytes:
    """The parameters as bytes, 32-bit; :func:`unpack` gives them back."""
    hidden = (net.offset, net.out, net.hidden_x.ravel(), net.hidden_c.ravel())
    parts = (net.typical, net.skip_x, net.skip_c, [net.bias], *hidden)
    return np.concatenate(parts).astype("<f4").tobytes()


@lru_cache(maxsize=16)
def unpack(data: bytes) -> Net:
    """The parameters of these bytes."""
    flat = np.frombuffer(data, dtype="<f4").astype(np.float64)
    f, m = len(FEATURES), len(CONTEXTS)
    units = (len(flat) - 2 * f - m - 1) // (f + m + 2)
    ends = np.cumsum([f, f, m, 1, units, units, f * units])
    typical, skip_x, skip_c, bias, offset, out, hidden_x, hidden_c = np.split(flat, ends)
    hidden = (hidden_x.reshape(f, units), hidden_c.reshape(m, units))
    return Net(typical, *hidden, offset, out, skip_x, skip_c, float(bias[0]))


class Estimate(Struct, frozen=True):
    """Probabilities of a shortlist for one head, with what is needed to explain them."""

    p: Floats
    x: Floats
    bent: Floats  # (habits, units): the hidden units' values
    net: Net

    def terms(self, row: int, count: int = 3) -> list[tuple[str, float]]:
        """The features that move this row's logit most away from the average, with the push of each, to first order."""
        slope = self.net.skip_x + self.net.hidden_x @ ((1.0 - self.bent[row] ** 2) * self.net.out)
        pushes = (self.x[row] - self.net.typical) * slope
        strongest = np.argsort(-np.abs(pushes), kind="stable")[:count]
        return [(FEATURES[i], float(pushes[i])) for i in strongest.tolist()]


def estimate(
    learned: Learned,
    calibration: Calibration,
    short: Shortlist,
    head: Head,
    *,
    x: Floats | None = None,
    basket: frozenset[str] | None = None,
) -> Estimate:
    """The probability of each habit of the shortlist under this head; ``x`` reuses features of another head."""
    net = unpack(learned.heads[head])
    if x is None:
        x = features(short, learned.families)
    logit, bent = logits(net, x, context(short, basket))
    return Estimate(1.0 / (1.0 + np.exp(-(calibration.shift + calibration.slope * logit))), x, bent, net)


def logits(net: Net, x: Floats, c: Floats) -> tuple[Floats, Floats]:
    """``(logit, hidden)`` of each row of ``x`` (rows, features) in the context ``c`` (contexts,)."""
    bent = np.tanh(x @ net.hidden_x + (c @ net.hidden_c + net.offset))
    return bent @ net.out + x @ net.skip_x + (c @ net.skip_c + net.bias), bent


def basket_of(view: View) -> frozenset[str] | None:
    """The families in the basket, when the person is paying for it; what was bought already is an outcome."""
    moment = view.moment
    return frozenset([line.family for line in bought_lines(moment)]) if isinstance(moment, Paying) else None


def best(p: Floats, count: int) -> list[int]:
    """The rows with the highest probability, best first; equal ones in the shortlist's order."""
    rows: list[int] = np.argsort(-p, kind="stable")[:count].tolist()
    return rows


def prior() -> Learned:
    """Parameters for a brand without history: the log of a habit's share of recent baskets, nothing learned."""
    f, m = len(FEATURES), len(CONTEXTS)
    skip = np.zeros(f)
    skip[FEATURES.index("share of baskets")], skip[FEATURES.index("recent baskets")] = 0.7, 0.3
    empty = np.zeros(0)
    heads = {
        head: pack(Net(np.zeros(f), np.zeros((f, 0)), np.zeros((m, 0)), empty, empty, skip, np.zeros(m), bias))
        for head, bias in (("visit", 0.0), ("forgotten", -1.0), ("week", 0.5))
    }
    return Learned("prior", heads, {}, {"method": "no history: the share of recent baskets"})
