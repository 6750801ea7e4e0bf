"""What runs out, and when.

For one person and one family: the probability that it is in the basket of this visit (``visit``), bought on another
trip within three days (``forgotten``), or within seven days (``week``). One set of features serves the three heads.

The estimate is a small network with a linear path beside it: logit p = b + z·s + tanh(z·H + h)·o, z the features of a
habit and the context of the visit (hour, days since the last trip, how large baskets are at this shop). Features are
closed forms of sums kept by ``customers.habits``: nothing is looked up, nothing looks back. Decaying them to the
present is one vectorised pass over 32 rows. Two of them ask how often a family was bought on visits like this one
(shop, hour, day of the week), from one bit a basket.

Reference: Bishop, *Neural networks for pattern recognition*, 1995, §4.2 (skip-layer network); what each part brought is
measured in ``docs/model-card.md``.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import cos, exp, log, pi, sin
from typing import Final, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from visavis.model.habit import (
    BASKETS,
    DAY_S,
    DEC,
    E95,
    FIRST,
    GAP,
    HABIT_COLUMNS,
    HELD,
    LAST,
    LAST_BASKET,
    LN_SIZE,
    S28,
    SHOP0,
    T_BASKETS,
    T_LAST,
    T_LN_SIZE,
    T_S28,
    T_SHOP0,
    T_SIZE0,
    TRIPS,
    VISIT,
    VISITS_KEPT,
    K,
)
from visavis.model.moment import Bought, Paying, Spot
from visavis.model.view import View
from visavis.model.world import Calibration, Learned

Head = Literal["visit", "forgotten", "week"]
Floats = NDArray[np.float64]

SHORTLIST: Final = 32
_DAY_DECAY: Final = -log(0.98)
_BASKET_DECAY: Final = -log(0.95)


class Shortlist(Struct, frozen=True):
    """The habits worth scoring now, best decayed count first.

    ``table`` (habits, columns of ``model.habit``) is as stored, not yet decayed.
    """

    families: list[str]
    products: list[str]
    table: Floats
    trips: tuple[float, ...]
    shop: int
    now_days: float
    spot: Spot
    held: NDArray[np.uint64]  # (habits,): the last 64 baskets as bits, as of each row's last basket
    visits: NDArray[np.uint8]  # (visits, 3), oldest first: local hour, day of the week, shop


def shortlist(view: View, *, without: frozenset[str] = frozenset()) -> Shortlist | None:
    """Up to :data:`SHORTLIST` habits of this view that are not in ``without``.

    ``None`` when it holds no habit or no waking moment.

    The best by decayed count hold the best by the learned score in 99.9 % of the visits, at a fraction of the price.
    """
    purchases, moment = view.purchases, view.moment
    if not purchases.usual or moment is None or moment.at is None:
        return None
    now = view.now / DAY_S
    table = np.frombuffer(purchases.table, dtype=np.float64).reshape(-1, HABIT_COLUMNS)
    weight = table[:, DEC] * np.exp((table[:, LAST] - now) * _DAY_DECAY)
    names = list(purchases.rows)
    if without:
        absent = [purchases.rows[family] for family in without if family in purchases.rows]
        weight[absent] = -1.0
        size = min(SHORTLIST, len(names) - len(absent))
    else:
        size = min(SHORTLIST, len(names))
    if size <= 0:
        return None
    order = np.argsort(-weight, kind="stable")[:size]
    picked = order.tolist()
    spot = moment.at
    return Shortlist(
        [names[i] for i in picked],
        [purchases.usual[i] for i in picked],
        table[order],
        TRIPS.unpack(purchases.trips),
        purchases.shops.index(spot.place) if spot.place in purchases.shops else -1,
        now,
        spot,
        np.frombuffer(purchases.table, dtype=np.uint64).reshape(-1, HABIT_COLUMNS)[order, HELD],
        np.frombuffer(purchases.visits, dtype=np.uint8).reshape(-1, VISIT.size),
    )


FEATURES: Final = (
    "share of baskets",
    "decayed count",
    "recent baskets",
    "last 28 days",
    "times",
    "days since",
    "rhythm",
    "share here",
    "share of recent trips",
    "last gap",
    "days since²",
    "overdue",
    "how far past",
    "long past",
    "usual basket size",
    "bought last time",
    "on visits like this one",
    "on recent visits like this one",
    "repeat rate of the family",
    "rate of the family",
    "basket size of the family",
    "usual gap of the family",
)
LOGS: Final = 10
"""The first ten are logarithms, taken at once."""
CONTEXTS: Final = (
    "hour, sine",
    "hour, cosine",
    "weekend",
    "days since the last trip",
    "trips in 28 days",
    "basket size here",
    "usual basket size",
    "basket so far",
    "share of the usual basket",
)
NO_FAMILY: Final = (-1.5, -3.5, 0.0, 3.0)


def features(short: Shortlist, families: dict[str, tuple[float, ...]]) -> Floats:
    """The inputs of each habit of the shortlist, (habits, :data:`FEATURES`)."""
    t, trips, now = short.table.T, short.trips, short.now_days
    baskets, number, n = t[BASKETS], trips[T_BASKETS], len(short.families)
    elapsed = np.maximum(now - t[LAST], 0.0)
    mean_gap = np.where(t[K] > 1.0, np.maximum((t[LAST] - t[FIRST]) / np.maximum(t[K] - 1.0, 1.0), 1.0), 30.0)
    ratio = elapsed / mean_gap
    here = baskets / number
    if short.shop >= 0:
        here = (t[SHOP0 + short.shop] + 2.0 * here) / (trips[T_SHOP0 + short.shop] + 2.0)

    faded = np.empty((4, n))
    faded[0] = elapsed * -_DAY_DECAY
    faded[1] = (t[LAST_BASKET] - number) * _BASKET_DECAY
    faded[2] = elapsed * (-1.0 / 28.0)
    np.negative(ratio, out=faded[3])
    np.exp(faded, out=faded)

    x = np.empty((len(FEATURES), n))
    x[0] = (baskets + 0.3) / (number + 1.0)
    x[1] = t[DEC] * faded[0] + 0.1
    x[2] = t[E95] * faded[1] + 0.05
    recent = t[S28] * faded[2]
    x[3] = recent + 0.2
    x[4] = t[K]
    x[5] = elapsed + 1.0
    x[6] = mean_gap + 1.0
    x[7] = here + 0.01
    x[8] = recent + 0.1
    x[9] = np.where(t[GAP] > 0.0, t[GAP], 30.0) + 1.0
    np.log(x[:LOGS], out=x[:LOGS])
    x[8] -= log(trips[T_S28] * exp(-max(0.0, now - trips[T_LAST]) / 28.0) + 0.5)
    x[10] = x[5] * x[5] / 5.0
    np.tanh(ratio - 1.0, out=x[11])
    x[12] = faded[3]
    x[13] = ratio > 2.0
    x[14] = t[LN_SIZE] - trips[T_LN_SIZE]
    x[15] = t[LAST_BASKET] >= number
    x[16:18] = _on_visits_like_this(short, baskets, number)
    x[18:] = np.array([families.get(family, NO_FAMILY) for family in short.families]).T
    return x.T


RECENCY: Final = (0.2, 1.59)
SAME_SHOP: Final = (0.63, 1.86)
HOUR: Final = ((1.62, 1.37), (1.93, -0.61))
WEEKDAY: Final = ((0.89, 0.59), (0.87, 0.88))
INERTIA: Final = np.array([[182.0], [1.37]])
"""Two kernels of likeness between this visit and each of the last 64, e to the sum of: recency (a twentieth a visit),
the same shop, the hour (one and two cycles a day), the same kind of day and its distance in the week. Fitted once on
the development half by maximum likelihood. ``INERTIA`` is what the plain share of baskets weighs against them."""


@lru_cache(maxsize=256)
def _likeness(hour: int, weekday: int) -> tuple[Floats, Floats]:
    """``(by hour, by weekday)``: the kernels' factors, (2, 24) and (2, 7)."""
    away = 2.0 * np.pi * (np.arange(24) - hour) / 24.0
    by_hour = np.exp([one * np.cos(away) + two * np.cos(2.0 * away) for one, two in HOUR])
    days = np.arange(7)
    same = (days >= 5) == (weekday >= 5)
    by_day = np.exp([kind * same + near * np.cos(2.0 * np.pi * (days - weekday) / 7.0) for kind, near in WEEKDAY])
    return by_hour, by_day


_BY_RECENCY: Final = np.exp(-np.outer(RECENCY, np.arange(VISITS_KEPT)) / 20.0)[:, ::-1]
_BY_SHOP: Final = np.exp([[0.0, shop] for shop in SAME_SHOP])


def _on_visits_like_this(short: Shortlist, baskets: Floats, number: float) -> Floats:
    """Ln of how often each habit was in the basket on visits like this one, by both kernels, (2, habits)."""
    visits = short.visits
    m = len(visits)
    by_hour, by_day = _likeness(int(short.spot.local_hour) % 24, (short.spot.local_day + 3) % 7)
    like = _BY_RECENCY[:, VISITS_KEPT - m :] * by_hour[:, visits[:, 0]]
    like *= by_day[:, visits[:, 1]]
    like *= _BY_SHOP[:, (visits[:, 2] == short.shop).view(np.uint8)]
    since = np.minimum(number - short.table[:, LAST_BASKET], 63.0).astype(np.uint64)
    bits = np.unpackbits((short.held << since).view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")[:, :m]
    held = like @ bits[:, ::-1].T.astype(np.float64)
    share: Floats = (held + INERTIA * ((baskets + 0.3) / (number + 1.0))) / (like.sum(axis=1)[:, None] + INERTIA)
    return np.log(share + 0.003)


@lru_cache(maxsize=1024)
def _hour(tenth: int) -> tuple[float, float]:
    angle = 2.0 * pi * tenth / 240.0
    return sin(angle), cos(angle)


def context(short: Shortlist, basket: frozenset[str] | None) -> Floats:
    """What this visit is like, (:data:`CONTEXTS`,); ``basket`` is what is in the trolley so far, when known."""
    trips, spot = short.trips, short.spot
    sine, cosine = _hour(int(spot.local_hour * 10.0))
    size_here = trips[T_SIZE0 + short.shop] if short.shop >= 0 and trips[T_SHOP0 + short.shop] else trips[T_LN_SIZE]
    so_far = log(1.0 + len(basket)) if basket is not None else 0.0
    since = max(0.0, short.now_days - trips[T_LAST])
    return np.array(
        [
            sine,
            cosine,
            float((spot.local_day + 3) % 7 >= 5),
            log(1.0 + since),
            log(trips[T_S28] * exp(-since / 28.0) + 0.5),
            size_here,
            trips[T_LN_SIZE],
            so_far,
            so_far - trips[T_LN_SIZE] if basket is not None else 0.0,
        ]
    )


class Net(Struct, frozen=True):
    """One head's parameters, the inputs' standardisation folded in.

    Logit = bias + z·skip + tanh(z·hidden + offset)·out, z = (features, contexts).
    """

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
    parts = (
        net.typical,
        net.skip_x,
        net.skip_c,
        [net.bias],
        net.offset,
        net.out,
        net.hidden_x.ravel(),
        net.hidden_c.ravel(),
    )
    return np.concatenate(parts).astype("<f4").tobytes()


@lru_cache(maxsize=16)
def unpack(data: bytes) -> Net:
    """The parameters of these bytes."""
    flat = np.frombuffer(data, dtype="<f4").astype(np.float64)
    f, m = len(FEATURES), len(CONTEXTS)
    units = (len(flat) - 2 * f - m - 1) // (f + m + 2)
    typical, skip_x, skip_c, bias, offset, out, hidden_x, hidden_c = np.split(
        flat, np.cumsum([f, f, m, 1, units, units, f * units])
    )
    return Net(
        typical, hidden_x.reshape(f, units), hidden_c.reshape(m, units), offset, out, skip_x, skip_c, float(bias[0])
    )


class Estimate(Struct, frozen=True):
    """Probabilities of a shortlist for one head, with what is needed to explain them."""

    p: Floats
    x: Floats
    bent: Floats  # (habits, units): the hidden units' values
    net: Net

    def terms(self, row: int, count: int = 3) -> list[tuple[str, float]]:
        """The features that move this row's logit most away from the average person's, with the push of each (to first order)."""
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
    """The probability of each habit of the shortlist under this head.

    ``x`` reuses the features of another head of the same moment.
    """
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
    """The families in the trolley, when the waking moment shows them."""
    moment = view.moment
    return frozenset([line.family for line in moment.lines]) if isinstance(moment, Paying | Bought) else None


def best(p: Floats, count: int) -> Sequence[int]:
    """The rows with the highest probability, best first; equal ones in the shortlist's order."""
    rows: list[int] = np.argsort(-p, kind="stable")[:count].tolist()
    return rows


def prior() -> Learned:
    """Parameters for a brand that has no history yet: the log of a habit's share of recent baskets, nothing learned.

    Honest rather than sharp; ``visavis year`` shows what learning adds.
    """
    f, m = len(FEATURES), len(CONTEXTS)
    skip = np.zeros(f)
    skip[FEATURES.index("share of baskets")], skip[FEATURES.index("recent baskets")] = 0.7, 0.3
    empty = np.zeros(0)
    heads = {
        head: pack(Net(np.zeros(f), np.zeros((f, 0)), np.zeros((m, 0)), empty, empty, skip, np.zeros(m), bias))
        for head, bias in (("visit", 0.0), ("forgotten", -1.0), ("week", 0.5))
    }
    return Learned("prior", heads, {}, {"method": "no history: the share of recent baskets"})
