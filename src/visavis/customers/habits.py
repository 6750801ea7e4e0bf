"""Fold one basket into a person's habits: a few microseconds a line, bounded whatever comes."""

from math import exp, log
from typing import Any, Final

from msgspec.structs import replace

from visavis.model.customer import HABITS_LIMIT, HABITS_SLACK, SHOPS_LIMIT, Purchases
from visavis.model.habit import (
    BASKETS,
    DAY_S,
    DEC,
    E95,
    FIRST,
    GAP,
    HABIT,
    HELD,
    HELD_BITS,
    LAST,
    LAST_BASKET,
    LN_SIZE,
    LOCAL_DAY,
    NO_TRIPS,
    S28,
    SHOP0,
    T_LAST,
    TRIPS,
    VISIT,
    VISITS_KEPT,
    VOTES,
    K,
)
from visavis.model.moment import Bought, bought_lines

DECAY_A_DAY: Final = -log(0.98)
DECAY_A_BASKET: Final = 0.95
MONTH_DAYS: Final = 28.0
WIDTH: Final = HABIT.size


def bought(purchases: Purchases, moment: Bought) -> Purchases:
    """The habits after this basket, which is taken as the latest (see :func:`follows`)."""
    spot, lines = moment.at, bought_lines(moment)
    if spot is None or not lines:
        return purchases
    now, day = moment.occurred_at.timestamp() / DAY_S, float(spot.local_day)
    products: dict[str, str] = {}
    for line in lines:
        products.setdefault(line.family, line.product)
    spend_cents, ln_size = sum([line.price_cents for line in lines]), log(len(products))

    shops = purchases.shops
    if spot.place not in shops and len(shops) < SHOPS_LIMIT:
        shops = (*shops, spot.place)
    kept = shops.index(spot.place) if spot.place in shops else SHOPS_LIMIT
    shop = min(kept, SHOPS_LIMIT - 1)
    visit = VISIT.pack(int(spot.local_hour) % 24, (spot.local_day + 3) % 7, kept)
    visits = purchases.visits[-(VISITS_KEPT - 1) * VISIT.size :] + visit
    trips, number = _trip(purchases.trips or NO_TRIPS, now, day, spend_cents, ln_size, shop)

    rows, usual, table = dict(purchases.rows), list(purchases.usual), bytearray(purchases.table)
    for family, product in products.items():
        row = rows.setdefault(family, len(usual))
        if row == len(usual):
            usual.append(product)
            table.extend(bytes(WIDTH))
        habit = list(HABIT.unpack_from(table, row * WIDTH))
        if habit[BASKETS]:
            _repeat(habit, now, day, number, ln_size)
            usual[row] = _vote(habit, usual[row], product)
        else:
            habit[K] = habit[S28] = habit[DEC] = habit[E95] = habit[BASKETS] = habit[VOTES] = 1.0
            habit[FIRST] = habit[LAST] = now
            habit[LN_SIZE], habit[LOCAL_DAY], habit[HELD] = ln_size, day, 1
        habit[LAST_BASKET] = number
        habit[SHOP0 + shop] += 1.0
        HABIT.pack_into(table, row * WIDTH, *habit)

    changed = Purchases(rows, tuple(usual), bytes(table), trips, shops, visits)
    return pruned(changed, now) if len(usual) > HABITS_SLACK else changed


def follows(purchases: Purchases, moment: Bought) -> bool:
    """Whether this basket is later than all before it."""
    if moment.at is None or not purchases.trips:
        return True
    return moment.occurred_at.timestamp() / DAY_S > float(TRIPS.unpack(purchases.trips)[T_LAST])


def _repeat(habit: list[Any], now: float, day: float, number: float, ln_size: float) -> None:
    age, apart = max(0.0, now - habit[LAST]), number - habit[LAST_BASKET]
    habit[FIRST], habit[LAST] = min(habit[FIRST], now), max(habit[LAST], now)
    if day > habit[LOCAL_DAY]:
        habit[K] += 1.0
        habit[GAP], habit[LOCAL_DAY] = day - habit[LOCAL_DAY], day
    habit[S28] = habit[S28] * exp(-age / MONTH_DAYS) + 1.0
    habit[DEC] = habit[DEC] * exp(-DECAY_A_DAY * age) + 1.0
    habit[E95] = habit[E95] * DECAY_A_BASKET**apart + 1.0
    habit[HELD] = (habit[HELD] << int(apart)) & HELD_BITS | 1 if apart < VISITS_KEPT else 1
    habit[BASKETS] += 1.0
    habit[LN_SIZE] += (ln_size - habit[LN_SIZE]) / habit[BASKETS]


def _vote(habit: list[Any], usual: str, product: str) -> str:
    """The usual product after a vote for this one (majority vote, Boyer and Moore 1981)."""
    if usual == product:
        habit[VOTES] += 1.0
    elif habit[VOTES] <= 1.0:
        habit[VOTES] = 1.0
        return product
    else:
        habit[VOTES] -= 1.0
    return usual


def _trip(packed: bytes, now: float, day: float, spend_cents: int, ln_size: float, shop: int) -> tuple[bytes, float]:
    """The rhythm of trips after this basket, and the basket's number (1, 2, …)."""
    trips = list(TRIPS.unpack(packed))
    number, days, first, last, local_day, s28, spend28, size = trips[:8]
    if number:
        age = max(0.0, now - last)
        fade = exp(-age / MONTH_DAYS)
        if day > local_day:
            weight = max(0.1, 1.0 / days)
            trips[16] += (day - local_day - trips[16]) * weight
            trips[17] = local_day
            days += 1.0
            local_day = day
        size += (ln_size - size) * max(0.05, 1.0 / (number + 1.0))
        sums = (s28 * fade + 1.0, spend28 * fade + spend_cents)
        trips[:8] = (number + 1.0, days, min(first, now), max(last, now), local_day, *sums, size)
    else:
        trips[:8] = (1.0, 1.0, now, now, day, 1.0, float(spend_cents), ln_size)
        trips[17] = day
    trips[8 + shop] += 1.0
    trips[12 + shop] += (ln_size - trips[12 + shop]) / trips[8 + shop]
    return TRIPS.pack(*trips), number + 1.0


def pruned(purchases: Purchases, now: float) -> Purchases:
    """The purchases with the habits of the largest decayed counts, in their order; stale ones are dropped first."""
    rows, weight = purchases.rows, {}
    for family, row in rows.items():
        habit = HABIT.unpack_from(purchases.table, row * WIDTH)
        weight[family] = habit[DEC] * exp(-DECAY_A_DAY * (now - habit[LAST]))
    kept = set(sorted(rows, key=lambda family: (-weight[family], family))[:HABITS_LIMIT])
    return _only(purchases, [family for family in rows if family in kept])


def without(purchases: Purchases, family: str) -> Purchases:
    """The purchases without this habit; the trips stay."""
    return _only(purchases, [name for name in purchases.rows if name != family])


def _only(purchases: Purchases, families: list[str]) -> Purchases:
    """The purchases with the habits of these families, in this order."""
    places = [purchases.rows[family] for family in families]
    table = b"".join([purchases.table[row * WIDTH : (row + 1) * WIDTH] for row in places])
    usual = tuple([purchases.usual[row] for row in places])
    return replace(purchases, rows={family: row for row, family in enumerate(families)}, usual=usual, table=table)
