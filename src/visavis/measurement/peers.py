"""The peers that every figure is measured against: plain counting, and counting with a fade.

Kept apart from the engine, from the raw baskets.
"""

from collections.abc import Iterable
from heapq import nsmallest
from typing import Final

from msgspec import Struct

OBVIOUS: Final = 3
FADE_A_BASKET: Final = 0.95
FADE_A_DAY: Final = 0.98
HABIT_DAYS: Final = 5
FIRST_DAY: Final = 17_167  # 2017-01-01


class Named(Struct, frozen=True, gc=False):
    """A family that a method would name, and how sure the method is."""

    family: str
    confidence: float


class Counts:
    """What one household bought so far, family by family."""

    def __init__(self) -> None:
        self.trips = 0
        self._counted: dict[
            str, tuple[float, float, str]
        ] = {}  # (-count, -last, family): the smallest is the most counted
        self._by_basket: dict[str, float] = {}  # .95^-n a basket: never needs fading again, only comparing
        self._by_day: dict[str, float] = {}
        self._days: dict[str, tuple[int, int]] = {}  # (distinct days, the last of them)
        self._habits: set[str] = set()

    def __len__(self) -> int:
        """How many families."""
        return len(self._counted)

    def buy(self, families: Iterable[str], at: float, day: int) -> None:
        """Count one basket."""
        self.trips += 1
        basket, today = FADE_A_BASKET**-self.trips, FADE_A_DAY ** -(day - FIRST_DAY)
        for family in families:
            before = self._counted.get(family)
            self._counted[family] = ((before[0] if before else 0.0) - 1.0, -at, family)
            self._by_basket[family] = self._by_basket.get(family, 0.0) + basket
            self._by_day[family] = self._by_day.get(family, 0.0) + today
            days, last = self._days.get(family, (0, -1))
            if day > last:
                self._days[family] = (days + 1, day)
                if days + 1 == HABIT_DAYS:
                    self._habits.add(family)

    def most_counted(self) -> list[Named]:
        """The four most counted families; ties by recency, then by name."""
        return [
            Named(family, -count / self.trips) for count, _, family in nsmallest(OBVIOUS + 1, self._counted.values())
        ]

    def decayed(self, obvious: frozenset[str]) -> tuple[str, str]:
        """The best by the basket-decayed count, and the best other than ``obvious`` (at most three families)."""
        best = [
            name for _, name in nsmallest(OBVIOUS + 1, [(-weight, name) for name, weight in self._by_basket.items()])
        ]
        return best[0], next((name for name in best if name not in obvious), "")

    def missing(self, basket: frozenset[str]) -> frozenset[str]:
        """What a reminder at the till may be about.

        Families bought on at least five earlier days, and not in this basket.
        """
        return frozenset(self._habits - basket)

    def most_counted_of(self, missing: frozenset[str]) -> Named:
        """The most counted of the missing families.

        Sure by the count itself, which on one calendar is a rate a day (a rate a trip would do worse).
        """
        count, _, family = min([self._counted[name] for name in missing])
        return Named(family, -count)

    def decayed_of(self, missing: frozenset[str], day: int) -> Named:
        """The best of the missing families by the count decayed .98 a day."""
        weight, family = min([(-self._by_day[name], name) for name in missing])
        return Named(family, -weight * FADE_A_DAY ** (day - FIRST_DAY))

    def chance(self, truth: frozenset[str]) -> float:
        """How often a random family of the household is in ``truth``."""
        return len(truth & self._counted.keys()) / len(self._counted)
