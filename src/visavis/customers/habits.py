"""Fold one basket into a person's habits: a few microseconds a line, bounded whatever comes."""

from math import exp, log
from typing import Final

from msgspec.structs import replace

from visavis.model.customer import HABITS_LIMIT, HABITS_SLACK, SHOPS_LIMIT, Purchases
from visavis.model.habit import DAY_S, DEC, HABIT, HELD_BITS, LAST, NO_TRIPS, TRIPS, VISIT, VISITS_KEPT
from visavis.model.moment import Bought

DECAY_A_DAY: Final = -log(0.98)
DECAY_A_BASKET: Final = 0.95
MONTH_DAYS: Final = 28.0
WIDTH: Final = HABIT.size


def bought(purchases: Purchases, moment: Bought) -> Purchases:
    """The habits after this basket. A late or replayed older basket counts; it never moves ``last`` backwards."""
    spot = moment.at
    if spot is None:
        return purchases
    now = moment.occurred_at.timestamp() / DAY_S
    day = float(spot.local_day)

    products: dict[str, str] = {}
    spend_cents = 0
    for product, _, price_cents, family in [
        (line.product, line.quantity, line.price_cents, line.family) for line in moment.lines
    ]:
        spend_cents += price_cents
        if family not in products:
            products[family] = product
    ln_size = log(len(products))

    shops = purchases.shops
    if spot.place not in shops and len(shops) < SHOPS_LIMIT:
        shops = (*shops, spot.place)
    shop = shops.index(spot.place) if spot.place in shops else SHOPS_LIMIT - 1

    kept = shops.index(spot.place) if spot.place in shops else SHOPS_LIMIT
    visits = purchases.visits[-(VISITS_KEPT - 1) * VISIT.size :] + VISIT.pack(
        int(spot.local_hour) % 24, (spot.local_day + 3) % 7, kept
    )
    trips, number = _trip(purchases.trips or NO_TRIPS, now, day, spend_cents, ln_size, shop)

    rows, usual = purchases.rows, list(purchases.usual)
    fresh = [family for family in products if family not in rows]
    table = bytearray(purchases.table)
    if fresh:
        rows = dict(rows)
        for family in fresh:
            rows[family] = len(usual)
            usual.append(products[family])
        table.extend(bytes(WIDTH * len(fresh)))

    unpack, pack = HABIT.unpack_from, HABIT.pack_into
    for family, product in products.items():
        row = rows[family]
        at = row * WIDTH
        k, first, last, s28, dec, e95, last_basket, baskets, size, local_day, n0, n1, n2, n3, gap, votes, held = unpack(
            table, at
        )
        if baskets:
            age = now - last
            if age < 0.0:
                first, age, now_last = min(first, now), 0.0, last
            else:
                now_last = now
            if day > local_day:
                k += 1.0
                gap = day - local_day
                local_day = day
            s28 = s28 * exp(-age / MONTH_DAYS) + 1.0
            dec = dec * exp(-DECAY_A_DAY * age) + 1.0
            e95 = e95 * DECAY_A_BASKET ** (number - last_basket) + 1.0
            held = (held << int(number - last_basket)) & HELD_BITS | 1 if number - last_basket < VISITS_KEPT else 1
            baskets += 1.0
            size += (ln_size - size) / baskets
            if usual[row] == product:
                votes += 1.0
            elif votes <= 1.0:
                usual[row], votes = product, 1.0
            else:
                votes -= 1.0
        else:
            k = s28 = dec = e95 = baskets = votes = 1.0
            held = 1
            first = now_last = now
            size, local_day = ln_size, day
        if shop == 0:
            n0 += 1.0
        elif shop == 1:
            n1 += 1.0
        elif shop == 2:
            n2 += 1.0
        else:
            n3 += 1.0
        pack(
            table,
            at,
            k,
            first,
            now_last,
            s28,
            dec,
            e95,
            number,
            baskets,
            size,
            local_day,
            n0,
            n1,
            n2,
            n3,
            gap,
            votes,
            held,
        )

    if len(usual) > HABITS_SLACK:
        return pruned(Purchases(rows, tuple(usual), bytes(table), trips, shops, visits), now)
    return Purchases(rows, tuple(usual), bytes(table), trips, shops, visits)


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
        trips[:8] = (
            number + 1.0,
            days,
            min(first, now),
            max(last, now),
            local_day,
            s28 * fade + 1.0,
            spend28 * fade + spend_cents,
            size + (ln_size - size) * max(0.05, 1.0 / (number + 1.0)),
        )
    else:
        trips[:8] = (1.0, 1.0, now, now, day, 1.0, float(spend_cents), ln_size)
        trips[17] = day
    trips[8 + shop] += 1.0
    trips[12 + shop] += (ln_size - trips[12 + shop]) / trips[8 + shop]
    return TRIPS.pack(*trips), number + 1.0


def pruned(purchases: Purchases, now: float) -> Purchases:
    """Keep the habits with the largest decayed counts, in the order they had; the stale go first."""
    rows, usual, table = purchases.rows, purchases.usual, purchases.table
    weight = {}
    for family, row in rows.items():
        habit = HABIT.unpack_from(table, row * WIDTH)
        weight[family] = habit[DEC] * exp(-DECAY_A_DAY * (now - habit[LAST]))
    kept = set(sorted(rows, key=lambda family: (-weight[family], family))[:HABITS_LIMIT])
    order = [family for family in rows if family in kept]
    return replace(
        purchases,
        rows={family: row for row, family in enumerate(order)},
        usual=tuple([usual[rows[family]] for family in order]),
        table=b"".join([table[rows[family] * WIDTH : (rows[family] + 1) * WIDTH] for family in order]),
    )


def without(purchases: Purchases, family: str) -> Purchases:
    """The purchases as they would be without this habit.

    The trips stay, and nothing tells that this family was among them.
    """
    rows, usual, table = purchases.rows, purchases.usual, purchases.table
    kept = [name for name in rows if name != family]
    return replace(
        purchases,
        rows={name: row for row, name in enumerate(kept)},
        usual=tuple([usual[rows[name]] for name in kept]),
        table=b"".join([table[rows[name] * WIDTH : (rows[name] + 1) * WIDTH] for name in kept]),
    )
