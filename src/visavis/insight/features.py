"""The inputs of the models of need: closed forms of a habit's sums, and what this visit is like."""
# :mod:`visavis.customers.habits` keeps the sums; decaying them to the present is one pass over the shortlist.

from functools import lru_cache
from math import cos, exp, log, pi, sin
from typing import Final

import numpy as np

from visavis.insight.shortlist import DAY_DECAY, Floats, Shortlist
from visavis.model.habit import (
    BASKETS,
    DEC,
    E95,
    FIRST,
    GAP,
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
    VISITS_KEPT,
    K,
)

_BASKET_DECAY: Final = -log(0.95)

_FEATURES: Final = (
    "share of baskets | decayed count | recent baskets | last 28 days | times | days since | rhythm | share here | "
    "share of recent trips | last gap | days since² | overdue | how far past | long past | usual basket size | bought "
    "last time | on visits like this one | on recent visits like this one | repeat rate of the family | rate of the "
    "family | basket size of the family | usual gap of the family"
)
FEATURES: Final = tuple(_FEATURES.split(" | "))
LOGS: Final = 10
"""The first ten are logarithms, taken at once."""
_CONTEXTS: Final = (
    "hour, sine | hour, cosine | weekend | days since the last trip | trips in 28 days | basket size here | usual "
    "basket size | basket so far | share of the usual basket"
)
CONTEXTS: Final = tuple(_CONTEXTS.split(" | "))
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
    faded[0] = elapsed * -DAY_DECAY
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
