"""One run of the year: the loop with its clock, the peers' counts, and the visits so far."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import numpy as np
from msgspec import Struct

from visavis.lab.year.data import Year, by_household
from visavis.lab.year.derived_moments import introduced
from visavis.lab.year.visit_record import Visit
from visavis.measurement.peers import PurchaseCounts
from visavis.model.moment import Moment
from visavis.runtime.clock import TurnedClock
from visavis.runtime.loop import Processor

BEFORE_FIRST_ENTRANCE: Final = timedelta(hours=1)
"""How long before its first basket a household chose: its entrance, some minutes before paying, needs its yes."""
GROUP: Final = 64
"""How many baskets are committed together."""

Progress = Callable[[str, int, int, Visit | None], None]
"""Called with the stage (``history``, ``learning``, ``evaluation``), how many of how many, and the last visit."""


def no_progress(stage: str, done: int, of: int, visit: Visit | None) -> None:
    """Show nothing."""


class FuturePurchases:
    """What a household bought later: labels for training and for the figures, never seen by a decision."""

    def __init__(self, year: Year) -> None:
        self._year = year
        self._position = np.empty(len(year), dtype=np.int64)
        self._baskets: dict[int, list[int]] = {}
        for household, indices in by_household(year):
            self._baskets[household] = indices.tolist()
            self._position[indices] = np.arange(len(indices))

    def bought_within(self, i: int, first_day: int, last_day: int) -> frozenset[str]:
        """Families bought from ``first_day`` to ``last_day`` local days after basket i, by the same household."""
        year, found = self._year, set[str]()
        today = int(year.local_day[i])
        for j in self._baskets[int(year.household[i])][int(self._position[i]) + 1 :]:
            ahead = int(year.local_day[j]) - today
            if ahead > last_day:
                break
            if ahead >= first_day:
                found |= year.families_of(j)
        return frozenset(found)


class YearRun(Struct):
    """What the steps of the backtest share; ``counts`` are the peers' counts by household.

    ``moments`` is how many were processed, ``decision_us`` how long each waking decision took.
    """

    year: Year
    loop: Processor
    clock: TurnedClock
    future: FuturePurchases
    included: Callable[[int], bool]
    progress: Progress
    counts: dict[int, PurchaseCounts] = {}
    visits: list[Visit] = []
    decision_us: list[float] = []
    moments: int = 0

    def introduce(self, household: int) -> list[Moment]:
        """The moments by which a household becomes known; none when it already is."""
        if household in self.counts:
            return []
        self.counts[household] = PurchaseCounts()
        return introduced(self.loop.strategy, household, self.clock.now() - BEFORE_FIRST_ENTRANCE)

    def count(self, i: int) -> None:
        """Let the peers count basket i."""
        year = self.year
        self.counts[int(year.household[i])].add(year.families_of(i), float(year.paid_at[i]), int(year.local_day[i]))
