"""Pool the purchases of two merged customers, as if one had shopped after the other."""
# Values kept by time are exact; those by basket (numbers, the last 64) only when one stopped before the other began.

from math import exp

from visavis.customers.habits import DECAY_A_BASKET, DECAY_A_DAY, MONTH_DAYS, WIDTH, pruned
from visavis.model.customer import HABITS_SLACK, SHOPS_LIMIT, Purchases
from visavis.model.habit import (
    BASKETS,
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
    S28,
    SHOP0,
    T_BASKETS,
    T_FIRST,
    T_GAP,
    T_LAST,
    T_LN_SIZE,
    T_LOCAL_DAY,
    T_S28,
    T_SHOP0,
    T_SIZE0,
    T_SPEND28,
    TRIPS,
    VISIT,
    VISITS_KEPT,
    VOTES,
    K,
)
from visavis.model.habit import T_DAYS as DAYS


def pooled(one: Purchases, other: Purchases) -> Purchases:
    """The purchases of both; commutative unless both shopped last at the same instant."""
    if not one.trips or not other.trips:
        return one if one.trips else other
    early, late = sorted((one, other), key=lambda purchases: (TRIPS.unpack(purchases.trips)[T_LAST], purchases.trips))
    shops = (*early.shops, *[shop for shop in late.shops if shop not in early.shops])[:SHOPS_LIMIT]
    moved = [shops.index(shop) if shop in shops else SHOPS_LIMIT for shop in late.shops]
    number = TRIPS.unpack(early.trips)[T_BASKETS]

    rows, usual = dict(early.rows), list(early.usual)
    habits = [list(HABIT.unpack_from(early.table, row * WIDTH)) for row in range(len(usual))]
    for family, row in late.rows.items():
        habit, product = _later(HABIT.unpack_from(late.table, row * WIDTH), number, moved), late.usual[row]
        at = rows.get(family)
        if at is None:
            rows[family] = len(usual)
            usual.append(product)
            habits.append(habit)
        else:
            habits[at], usual[at] = _habit(habits[at], habit, usual[at], product)
    visits = [
        VISIT.pack(hour, day, moved[shop] if shop < len(moved) else SHOPS_LIMIT)
        for hour, day, shop in VISIT.iter_unpack(late.visits)
    ]
    kept = (early.visits + b"".join(visits))[-VISITS_KEPT * VISIT.size :]
    table = b"".join([HABIT.pack(*habit) for habit in habits])
    found = Purchases(rows, tuple(usual), table, _trips(early.trips, late.trips, moved), shops, kept)
    return pruned(found, TRIPS.unpack(found.trips)[T_LAST]) if len(usual) > HABITS_SLACK else found


def _later(habit: tuple[float, ...], number: float, moved: list[int]) -> list[float]:
    """A habit of the one who shopped later, its basket numbers and shops shifted to those of both."""
    found = list(habit)
    found[LAST_BASKET] += number
    found[SHOP0 : SHOP0 + SHOPS_LIMIT] = _placed(habit[SHOP0 : SHOP0 + SHOPS_LIMIT], moved)
    return found


def _placed(counts: tuple[float, ...], moved: list[int]) -> list[float]:
    """Counts at the shops of one, moved to the columns of both; the last column holds all further shops."""
    found = [0.0] * SHOPS_LIMIT
    for shop, count in enumerate(counts):
        found[min(moved[shop] if shop < len(moved) else shop, SHOPS_LIMIT - 1)] += count
    return found


def _habit(early: list[float], late: list[float], usual: str, product: str) -> tuple[list[float], str]:
    """One habit of both; its usual product is the one with more votes."""
    last = max(early[LAST], late[LAST])
    apart = int(late[LAST_BASKET] - early[LAST_BASKET])
    found = list(late)
    found[FIRST], found[LAST] = min(early[FIRST], late[FIRST]), last
    found[LOCAL_DAY] = max(early[LOCAL_DAY], late[LOCAL_DAY])
    for column, rate in ((S28, 1.0 / MONTH_DAYS), (DEC, DECAY_A_DAY)):
        found[column] = sum([habit[column] * exp(-rate * (last - habit[LAST])) for habit in (early, late)])
    found[E95] = early[E95] * DECAY_A_BASKET**apart + late[E95]
    found[HELD] = (int(early[HELD]) << min(apart, VISITS_KEPT)) & HELD_BITS | int(late[HELD])
    sizes = early[LN_SIZE] * early[BASKETS] + late[LN_SIZE] * late[BASKETS]
    found[LN_SIZE] = sizes / (early[BASKETS] + late[BASKETS])
    for column in (K, BASKETS, *range(SHOP0, SHOP0 + SHOPS_LIMIT)):
        found[column] = early[column] + late[column]
    found[GAP] = late[GAP] or early[GAP]
    if usual == product:
        found[VOTES] = early[VOTES] + late[VOTES]
        return found, usual
    found[VOTES] = max(1.0, abs(early[VOTES] - late[VOTES]))
    return found, usual if early[VOTES] > late[VOTES] else product


def _trips(early: bytes, late: bytes, moved: list[int]) -> bytes:
    before, since = TRIPS.unpack(early), TRIPS.unpack(late)
    found = list(since)
    total, age = before[T_BASKETS] + since[T_BASKETS], since[T_LAST] - before[T_LAST]
    found[T_BASKETS], found[DAYS] = total, before[DAYS] + since[DAYS]
    found[T_FIRST] = min(before[T_FIRST], since[T_FIRST])
    found[T_LOCAL_DAY] = max(before[T_LOCAL_DAY], since[T_LOCAL_DAY])
    for column in (T_S28, T_SPEND28):
        found[column] = before[column] * exp(-age / MONTH_DAYS) + since[column]
    found[T_LN_SIZE] = (before[T_LN_SIZE] * before[T_BASKETS] + since[T_LN_SIZE] * since[T_BASKETS]) / total
    found[T_GAP] = since[T_GAP] or before[T_GAP]
    counts = _placed(since[T_SHOP0 : T_SHOP0 + SHOPS_LIMIT], moved)
    sizes = _placed(tuple([since[T_SHOP0 + i] * since[T_SIZE0 + i] for i in range(SHOPS_LIMIT)]), moved)
    for i in range(SHOPS_LIMIT):
        count = found[T_SHOP0 + i] = before[T_SHOP0 + i] + counts[i]
        found[T_SIZE0 + i] = (before[T_SHOP0 + i] * before[T_SIZE0 + i] + sizes[i]) / count if count else 0.0
    return TRIPS.pack(*found)
