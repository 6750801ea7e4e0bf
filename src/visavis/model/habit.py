"""The columns of a habit and of a person's trips: packed doubles, since one basket updates dozens of rows."""
# Times are days since 1970-01-01 UTC with a fraction. Decayed sums are kept *as of* the row's ``last`` (or
# ``last_basket``) and decayed to the present when read, so a fold touches only what was bought.

from struct import Struct as Packing
from typing import Final

DAY_S: Final = 86_400.0

(
    K,
    FIRST,
    LAST,
    S28,
    DEC,
    E95,
    LAST_BASKET,
    BASKETS,
    LN_SIZE,
    LOCAL_DAY,
    SHOP0,
    SHOP1,
    SHOP2,
    SHOP3,
    GAP,
    VOTES,
    HELD,
) = range(17)
"""``k`` distinct local days · first, last purchase · sums decayed by e^(-age/28), .98^age (days), .95^age (baskets) ·
number of the person's basket at the last purchase · baskets with it · mean ln(basket size) · last local day · counts at
up to four shops · the last gap in days · votes for the usual product (majority vote, Boyer and Moore 1981) · the last
64 baskets as bits, 1 for those that held it, as of ``last_basket``, the latest lowest (64 bits of a whole number, not a
double)."""

HABIT: Final = Packing("<16dQ")
HABIT_COLUMNS: Final = 17
VISITS_KEPT: Final = 64
HELD_BITS: Final = (1 << VISITS_KEPT) - 1
VISIT: Final = Packing("<3B")
"""A visit: local hour, day of the week (0 is Monday), shop (:data:`customer.SHOPS_LIMIT` when it is not kept)."""

(
    T_BASKETS,
    T_DAYS,
    T_FIRST,
    T_LAST,
    T_LOCAL_DAY,
    T_S28,
    T_SPEND28,
    T_LN_SIZE,
    T_SHOP0,
    T_SHOP1,
    T_SHOP2,
    T_SHOP3,
    T_SIZE0,
    T_SIZE1,
    T_SIZE2,
    T_SIZE3,
    T_GAP,
    T_PREVIOUS,
) = range(18)
"""Baskets · distinct local days · first, last · last local day · trips and cents decayed by e^(-age/28) · mean
ln(basket size) · baskets at each shop · mean ln(basket size) at each shop · decayed mean gap between trip days · the
trip before the last."""

TRIPS: Final = Packing("<18d")
NO_TRIPS: Final = bytes(TRIPS.size)
