"""The baselines of every figure: plain counting and counting with decay, from raw baskets, apart from the engine."""

from collections.abc import Iterable
from heapq import nsmallest
from typing import Final

from msgspec import Struct

TOP: Final = 3
BASKET_DECAY: Final = 0.95
DAY_DECAY: Final = 0.98
HABIT_DAYS: Final = 5
FIRST_DAY: Final = 17_167  # 2017-01-01


class Prediction(Struct, frozen=True, gc=False):
    """The family that a method predicts, and how confident the method is."""

    family: str
    confidence: float


class PurchaseCounts:
    """What one household bought so far, family by family."""

    def __init__(self) -> None:
        self.trips = 0
        # (-count, -last, family): the smallest is the most counted
        self._counted: dict[str, tuple[float, float, str]] = {}
        # Decayed by basket and by day. Weights grow instead of decaying, so that nothing needs updating.
        self._by_basket: dict[str, float] = {}
        self._by_day: dict[str, float] = {}
        self._days: dict[str, tuple[int, int]] = {}  # (distinct days, the last of them)
        self._habits: set[str] = set()

    def __len__(self) -> int:
        """How many families."""
        return len(self._counted)

    def add(self, families: Iterable[str], at: float, day: int) -> None:
        """Count one basket."""
        self.trips += 1
        basket, today = BASKET_DECAY**-self.trips, DAY_DECAY ** -(day - FIRST_DAY)
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

    def most_counted(self) -> list[Prediction]:
        """The four most counted families; ties by recency, then by name."""
        counted = nsmallest(TOP + 1, self._counted.values())
        return [Prediction(family, -count / self.trips) for count, _, family in counted]

    def most_decayed(self, top: frozenset[str]) -> tuple[str, str]:
        """The best by the count decayed by basket, and the best that is not in ``top`` (at most three families)."""
        weights = nsmallest(TOP + 1, [(-weight, family) for family, weight in self._by_basket.items()])
        best = [family for _, family in weights]
        return best[0], next((family for family in best if family not in top), "")

    def missing(self, basket: frozenset[str]) -> frozenset[str]:
        """The families bought on at least five earlier days that are not in this basket."""
        return frozenset(self._habits - basket)

    def most_counted_of(self, missing: frozenset[str]) -> Prediction:
        """The most counted of the missing families; its confidence is the count, a rate a day on one calendar."""
        count, _, family = min([self._counted[name] for name in missing])
        return Prediction(family, -count)

    def most_decayed_of(self, missing: frozenset[str], day: int) -> Prediction:
        """The best of the missing families by the count decayed by day."""
        weight, family = min([(-self._by_day[name], name) for name in missing])
        return Prediction(family, -weight * DAY_DECAY ** (day - FIRST_DAY))

    def chance(self, families: frozenset[str]) -> float:
        """How often a random family of the household is one of these."""
        return len(families & self._counted.keys()) / len(self._counted)
