"""Who plays a story: one real household, its year moved by whole weeks (so weekdays stay true) into the present.

Earlier purchases are sent at once; the last visits are held back, and a story enters them one by one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from visavis.lab.stories.households import WEEK_S, Basket, HouseholdExtract
from visavis.model.errors import Invalid

VISITS: Final = 6
"""How many visits are held back."""
LINES: Final = 8
"""Scenes are played in baskets of at least so many lines."""
DAYLIGHT_H: Final = range(8, 21)
LEAD_S: Final = 1_800.0
"""How long before paying a person comes in."""
BETWEEN_SCENES_S: Final = 300.0
OWN: Final = ("own", "own too")
MILK: Final = "FLUID MILK WHITE ONLY"
"""The family of the fridge's scene; the others choose another one."""
MORNING_H: Final = 8.5


class Actor:
    """A household that plays stories; ``now`` is the server's time (epoch s), no story picks excluded families."""

    def __init__(
        self,
        extract: HouseholdExtract,
        household: str,
        zone: str,
        now: float,
        excluded_families: frozenset[str] = frozenset(),
    ) -> None:
        self._extract = extract
        self._household = extract.household(household)
        self._zone = ZoneInfo(zone)
        self._excluded = excluded_families | {MILK}
        baskets = self._household.baskets
        first = [basket for basket in baskets if self._playable(basket)][-VISITS:][0]
        self._shift_s = max(0, -int((first.at - LEAD_S - 86_400.0 - now) // WEEK_S)) * WEEK_S
        self._next = next(i for i, basket in enumerate(baskets) if self.at(basket) > now)
        self._visit: Basket | None = None

    @property
    def name(self) -> str:
        """The first name; invented."""
        return self._household.name

    @property
    def place(self) -> str:
        """The shop of this visit, or of the next one."""
        return (self._visit or self._household.baskets[self._next]).place

    def past_purchases(self, person: str) -> Iterator[dict[str, Any]]:
        """Everything bought before the visits that are held back, oldest first, as moments."""
        for basket in self._household.baskets[: self._next]:
            yield self._bought(basket, person)

    def next_visit(self, now: float, person: str) -> tuple[float, list[dict[str, Any]]]:
        """Go to the next visit or stay in this one: its time, and purchases before it; the last is repeated weekly."""
        if self._visit is not None and now < self.at(self._visit) + LEAD_S:
            return max(now + BETWEEN_SCENES_S, self.at(self._visit) - LEAD_S), []
        between: list[dict[str, Any]] = []
        baskets = self._household.baskets
        while self._next < len(baskets):
            basket = baskets[self._next]
            if self._playable(basket) and basket is not self._visit and self.at(basket) - LEAD_S > now:
                self._visit = basket
                return self.at(basket) - LEAD_S, between
            between.append(self._bought(basket, person))
            self._next += 1
        last = next(basket for basket in reversed(baskets) if self._playable(basket))
        weeks = -int((self.at(last) - LEAD_S - now) // WEEK_S)
        self._shift_s += max(1, weeks) * WEEK_S
        self._visit = last
        return self.at(last) - LEAD_S, between

    def next_morning(self, now: float) -> float:
        """The next morning, at home."""
        local = datetime.fromtimestamp(now, self._zone)
        hour = local.hour + local.minute / 60 + local.second / 3600
        return now + ((MORNING_H - hour) % 24.0 or 24.0) * 3600.0

    def resolve(self, name: str) -> Any:
        """What ``@usual``, ``@other`` and ``@basket`` mean for this household; empty when it has no such thing."""
        verb, _, rest = name.partition(" ")
        if rest in OWN:
            own = [
                family
                for family in self._household.loyal_families()
                if family not in self._excluded and self._extract.alternative(self._household, family)
            ]
            rest = own[OWN.index(rest)] if len(own) > OWN.index(rest) else ""
        if verb == "@usual":
            return self._household.usual(rest)
        if verb == "@other":
            return self._extract.alternative(self._household, rest)
        if verb == "@basket" and self._visit is not None:
            without = rest.removeprefix("without ")
            lines = [line for line in self._visit.lines if self._extract.products[line.product].family != without]
            return [[line.product, line.quantity, line.price_cents] for line in lines]
        raise Invalid(f"A story cannot name `{name}`.", advice="docs/stories.md lists the names.")

    def _playable(self, basket: Basket) -> bool:
        return len(basket.lines) >= LINES and datetime.fromtimestamp(basket.at, self._zone).hour in DAYLIGHT_H

    def at(self, basket: Basket) -> float:
        """When this basket is paid for in the story, in epoch seconds."""
        return float(basket.at + self._shift_s)

    def _bought(self, basket: Basket, person: str) -> dict[str, Any]:
        return {
            "kind": "bought",
            "id": f"paid-{basket.at}-{self._shift_s // WEEK_S}",
            "customer": person,
            "occurred_at": instant(self.at(basket)),
            "place": basket.place,
            "lines": [[line.product, line.quantity, line.price_cents] for line in basket.lines],
        }


def instant(at: float) -> str:
    """An instant as a moment writes it.

    >>> instant(1795550400.5)
    '2026-11-24T20:00:00.500000+00:00'
    """
    return datetime.fromtimestamp(at, UTC).isoformat()
