"""Fold what the home reports into its stock of one family."""

from functools import reduce
from operator import itemgetter
from typing import Final

from visavis.model.customer import CHANGES_LIMIT, HABITS_LIMIT, Stock
from visavis.model.moment import Consumed, RanOut, Stocked

_NO_STOCK: Final = Stock(0.0, "", 0.0)


def in_sequence(home: dict[str, Stock], moment: Stocked | Consumed | RanOut) -> bool:
    """Whether :func:`with_stock` finds the place of this among what occurred, also when it arrives late.

    It does not when its instant is that of another change, or before all of as many as are kept.
    """
    before = home.get(moment.family)
    if before is None or not before.changes:
        return True
    at, oldest = moment.occurred_at.timestamp(), before.changes[0]
    if at < oldest[0]:
        return oldest[1] is None or len(before.changes) < CHANGES_LIMIT
    return all(at != when for when, _ in before.changes)


def with_stock(home: dict[str, Stock], moment: Stocked | Consumed | RanOut) -> dict[str, Stock]:
    """The stock after this, in the order in which things occurred; what is older than all changes kept is ignored."""
    before = home.get(moment.family, _NO_STOCK)
    at = moment.occurred_at.timestamp()
    change = None if isinstance(moment, RanOut) else moment.quantity * (-1 if isinstance(moment, Consumed) else 1)
    changes, base = sorted((*before.changes, (at, change)), key=itemgetter(0)), before.base
    emptied = max([i for i, (_, units) in enumerate(changes) if units is None], default=0)
    changes = changes[emptied:]
    if len(changes) > CHANGES_LIMIT:
        if at < before.changes[0][0]:
            return home
        base = _units(base, changes.pop(0))
    product = moment.product if at >= before.at else before.product
    stock = Stock(reduce(_units, changes, base), product, max(at, before.at), tuple(changes), base)
    return by_time({**home, moment.family: stock})


def by_time(home: dict[str, Stock]) -> dict[str, Stock]:
    """These stocks, the last reported at the end; the first of too many are dropped."""
    return dict(sorted(home.items(), key=lambda one: (one[1].at, one[0]))[-HABITS_LIMIT:])


def _units(units: float, change: tuple[float, float | None]) -> float:
    return 0.0 if change[1] is None else max(0.0, units + change[1])
