"""A check that consent is obeyed: permuting purchases that nobody consented to be used changes no decision."""

from datetime import UTC, datetime

import numpy as np
from msgspec.structs import replace

from visavis.consent.gate import NotAdmitted, admit
from visavis.engine import step
from visavis.lab.year.data import JULY, Year, consents
from visavis.lab.year.derived_moments import bought, entered, introduced, paying
from visavis.model.customer import Customer, newborn
from visavis.model.entry import encode
from visavis.model.moment import Moment
from visavis.runtime.loop import Loop


def unchanged(year: Year, loop: Loop, *, until: float, households: int = 60) -> bool:
    """Whether decisions for (up to so many) households without consent are the same bytes on permuted purchases."""
    private = [name for name in sorted(set(year.household.tolist())) if not consents(name)][:households]
    baskets = np.flatnonzero(np.isin(year.household, private) & (year.paid_at < until))
    permuted = np.random.default_rng(0).permutation(baskets)
    swapped = dict(zip(baskets.tolist(), permuted.tolist(), strict=True))
    return _decided(year, loop, baskets.tolist(), {}) == _decided(year, loop, baskets.tolist(), swapped)


def _decided(year: Year, loop: Loop, baskets: list[int], swapped: dict[int, int]) -> list[bytes]:
    """The bytes of every decision of these baskets' people, with the lines of basket ``swapped[i]`` in basket i."""
    customers: dict[str, Customer] = {}
    found: list[bytes] = []
    for i in baskets:
        name, at = str(year.household[i]), float(year.paid_at[i])
        lines = year.lines(swapped.get(i, i))
        moments: list[Moment] = []
        if name not in customers:
            customers[name] = newborn(name)
            moments += introduced(loop.strategy, int(name), datetime.fromtimestamp(at - 3600.0, UTC))
        if at >= JULY.timestamp():
            moments += [entered(year, i), replace(paying(year, i), lines=lines)]
        first = moments[0] if moments else None
        for moment in [*moments, replace(bought(year, i), lines=lines)]:
            admitted = admit(loop.strategy, customers[name], moment, moment.occurred_at)
            if isinstance(admitted, NotAdmitted):
                found.append(admitted.category.encode())
                continue
            entry, customers[name] = step(
                loop.strategy, loop.world, customers[name], admitted, moment.occurred_at, loop.randomization_key
            )
            # The moment itself may differ: the first one stands in for it.
            found += [encode(replace(entry, moment=first or moment, decisions=(one,))) for one in entry.decisions]
    return found
