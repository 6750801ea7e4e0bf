"""The proof that consent is obeyed.

Permute the purchases of those who did not consent, and no decision of theirs may change by a byte.
"""

from datetime import UTC, datetime

import numpy as np
from msgspec.structs import replace

from visavis.consent.gate import NotAdmitted, admit
from visavis.engine import step
from visavis.lab.year.data import JULY, Year, consents
from visavis.lab.year.moments import bought, entered, introduced, paying
from visavis.model.customer import Customer, newborn
from visavis.model.entry import encode
from visavis.model.moment import Moment
from visavis.runtime.loop import Loop


def unchanged(year: Year, loop: Loop, *, until: float, households: int = 60) -> bool:
    """Whether the decisions for (up to ``households``) people who did not consent stay byte-identical when their purchases are permuted."""
    private = [name for name in sorted(set(year.household.tolist())) if not consents(name)][:households]
    chosen = np.flatnonzero(np.isin(year.household, private) & (year.paid_at < until))
    shuffled = np.random.default_rng(0).permutation(chosen)
    swapped = dict(zip(chosen.tolist(), shuffled.tolist(), strict=True))
    return _decided(year, loop, chosen.tolist(), {}) == _decided(year, loop, chosen.tolist(), swapped)


def _decided(year: Year, loop: Loop, baskets: list[int], swapped: dict[int, int]) -> list[bytes]:
    """The bytes of every decision of these baskets' people, living basket ``swapped[i]`` in place of basket i."""
    customers: dict[str, Customer] = {}
    found: list[bytes] = []
    for i in baskets:
        name = str(year.household[i])
        lines = year.lines(swapped.get(i, i))
        moments: list[Moment] = []
        if name not in customers:
            customers[name] = newborn(name)
            moments += introduced(
                loop.strategy, int(year.household[i]), datetime.fromtimestamp(float(year.paid_at[i]) - 3600.0, UTC)
            )
        if year.paid_at[i] >= JULY.timestamp():
            moments += [entered(year, i), replace(paying(year, i), lines=lines)]
        for moment in [*moments, replace(bought(year, i), lines=lines)]:
            admitted = admit(loop.strategy, customers[name], moment, moment.occurred_at)
            if isinstance(admitted, NotAdmitted):
                found.append(admitted.category.encode())
                continue
            entry, customers[name] = step(
                loop.strategy, loop.world, customers[name], admitted, moment.occurred_at, loop.randomization_key
            )
            found.extend(
                encode(replace(entry, moment=moments[0] if moments else moment, decisions=(one,)))
                for one in entry.decisions
            )
    return found
