"""The habits worth scoring at one moment."""

from math import log
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from visavis.model.habit import DAY_S, DEC, HABIT_COLUMNS, HELD, LAST, TRIPS, VISIT
from visavis.model.moment import Spot
from visavis.model.view import View

SHORTLIST: Final = 32
Floats = NDArray[np.float64]
DAY_DECAY: Final = -log(0.98)
"""The decay of a habit's weight in one day."""


class Shortlist(Struct, frozen=True):
    """The habits worth scoring now, best decayed count first; ``table`` (columns of ``model.habit``) as stored."""

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
    """Up to :data:`SHORTLIST` habits not ``without``, by decayed count (99.9 % hold the best); ``None`` if none."""
    purchases, moment = view.purchases, view.moment
    if not purchases.usual or moment is None or moment.at is None:
        return None
    now = view.now / DAY_S
    table = np.frombuffer(purchases.table, dtype=np.float64).reshape(-1, HABIT_COLUMNS)
    weight = table[:, DEC] * np.exp((table[:, LAST] - now) * DAY_DECAY)
    names = list(purchases.rows)
    absent = [purchases.rows[family] for family in without if family in purchases.rows]
    weight[absent] = -1.0
    size = min(SHORTLIST, len(names) - len(absent))
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
