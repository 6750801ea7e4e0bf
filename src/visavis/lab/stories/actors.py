"""Who plays a story.

One real household, its year moved by whole weeks into the present, so that weekdays and hours stay true.

The past is told at once, as it was paid for. The last visits are held back: they are the present, and a story enters
them one by one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from visavis.lab.stories.households import WEEK_S, Basket, Extract, Household
from visavis.model.errors import Invalid

VISITS: Final = 6
"""How many visits are held back."""
LINES: Final = 8
"""A visit of fewer lines is an errand: it is told, but no scene is played in it."""
DAYLIGHT_H: Final = range(8, 21)
EARLY_S: Final = 1_800.0
"""How long before paying a person comes in."""
STROLL_S: Final = 300.0
"""Between two scenes of one visit."""
OWN: Final = ("own", "own too")
MILK: Final = "FLUID MILK WHITE ONLY"
"""The family of the fridge's scene; the others choose another one."""
MORNING_H: Final = 8.5


class Actors:
    """One household on the stage.

    ``now`` is the server's time (epoch seconds), ``unspoken`` the families that a story does not choose.
    """

    def __init__(
        self, extract: Extract, household: str, zone: str, now: float, unspoken: frozenset[str] = frozenset()
    ) -> None:
        if household not in extract.households:
            raise Invalid("There is no such household.", advice=f"Choose one of: {', '.join(extract.households)}.")
        self._extract = extract
        self._household: Household = extract.households[household]
        self._zone = ZoneInfo(zone)
        self._unspoken = unspoken | {MILK}
        baskets = self._household.baskets
        worthy = [i for i, basket in enumerate(baskets) if self._worthy(basket)][-VISITS:]
        self._shift_s = max(0, -int((baskets[worthy[0]].at - EARLY_S - 86_400.0 - now) // WEEK_S)) * WEEK_S
        self._told = next(i for i, basket in enumerate(baskets) if basket.at + self._shift_s > now)
        self._visit: Basket | None = None

    @property
    def name(self) -> str:
        """The first name; invented."""
        return self._household.name

    @property
    def place(self) -> str:
        """The shop of this visit, or of the coming one."""
        coming = self._visit or self._household.baskets[self._told]
        return coming.place

    def past(self, person: str) -> Iterator[dict[str, Any]]:
        """Everything bought before the visits that are held back, oldest first."""
        for basket in self._household.baskets[: self._told]:
            yield self._bought(basket, person)

    def to_visit(self, now: float, person: str) -> tuple[float, list[dict[str, Any]]]:
        """Go to the next visit, or stay in the present one: when they come in, and what was bought in between.

        After the last, its week comes again.
        """
        if self._visit is not None and now < self._at(self._visit) + EARLY_S:
            return max(now + STROLL_S, self._at(self._visit) - EARLY_S), []
        between: list[dict[str, Any]] = []
        baskets = self._household.baskets
        while self._told < len(baskets):
            basket = baskets[self._told]
            if self._worthy(basket) and basket is not self._visit and self._at(basket) - EARLY_S > now:
                self._visit = basket
                return self._at(basket) - EARLY_S, between
            between.append(self._bought(basket, person))
            self._told += 1
        last = next(basket for basket in reversed(baskets) if self._worthy(basket))
        weeks = -int((self._at(last) - EARLY_S - now) // WEEK_S)
        self._shift_s += max(1, weeks) * WEEK_S
        self._visit = last
        return self._at(last) - EARLY_S, between

    def to_morning(self, now: float) -> float:
        """The next morning, at home."""
        local = datetime.fromtimestamp(now, self._zone)
        hour = local.hour + local.minute / 60 + local.second / 3600
        return now + ((MORNING_H - hour) % 24.0 or 24.0) * 3600.0

    def named(self, what: str) -> Any:
        """What ``@usual``, ``@other`` and ``@basket`` mean for this household."""
        verb, _, rest = what.partition(" ")
        if rest in OWN:
            own = [
                one
                for one in self._household.faithful()
                if one not in self._unspoken and self._extract.other(self._household, one)
            ]
            rest = own[OWN.index(rest)] if len(own) > OWN.index(rest) else ""
        if verb == "@usual":
            return self._household.usual(rest)
        if verb == "@other":
            return self._extract.other(self._household, rest)
        if verb == "@basket" and self._visit is not None:
            without = rest.removeprefix("without ")
            lines = [line for line in self._visit.lines if self._extract.goods[line.product].family != without]
            return [[line.product, line.quantity, line.price_cents] for line in lines]
        raise Invalid(f"`{what}` means nothing here.", advice="See docs/stories.md.")

    def _worthy(self, basket: Basket) -> bool:
        return len(basket.lines) >= LINES and datetime.fromtimestamp(basket.at, self._zone).hour in DAYLIGHT_H

    def _at(self, basket: Basket) -> float:
        return float(basket.at + self._shift_s)

    def _bought(self, basket: Basket, person: str) -> dict[str, Any]:
        return {
            "kind": "bought",
            "id": f"paid-{basket.at}-{self._shift_s // WEEK_S}",
            "customer": person,
            "occurred_at": instant(self._at(basket)),
            "place": basket.place,
            "lines": [[line.product, line.quantity, line.price_cents] for line in basket.lines],
        }


def instant(at: float) -> str:
    """An instant as a moment writes it.

    >>> instant(1795550400.5)
    '2026-11-24T20:00:00.500000+00:00'
    """
    return datetime.fromtimestamp(at, UTC).isoformat()
