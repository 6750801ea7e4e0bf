"""Where people near the brand's places probably are, between two positions; in memory only, and never a position."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any, Final

from visavis.consent.presence import Transition, Whereabouts, follow
from visavis.model.customer import Customer
from visavis.model.entry import Entry
from visavis.model.moment import Located
from visavis.strategy.read import Strategy

PEOPLE_LIMIT: Final = 100_000


class Positions:
    """A :class:`Whereabouts` a person, of those heard of last; a restart or more people forget it, which is harmless.

    Who is forgotten is not known to be outside or inside: what the log holds (``Customer.places``) still counts.
    """

    name = "positions"

    def __init__(self) -> None:
        self._known: OrderedDict[str, Whereabouts] = OrderedDict()

    def follow(self, strategy: Strategy, customer: Customer, position: Located) -> Transition | None:
        """What this position changes, if anything."""
        after, transition = follow(strategy, customer.places, self._known.get(customer.id), position)
        if after is None:
            self.forget([customer.id])
        else:
            self._known[customer.id] = after
            self._known.move_to_end(customer.id)
            if len(self._known) > PEOPLE_LIMIT:
                self._known.popitem(last=False)
        return transition

    def forget(self, names: Collection[str]) -> None:
        """Know nothing of these people any more."""
        for name in names:
            self._known.pop(name, None)

    def people(self) -> set[str]:
        """The names of which something is kept."""
        return set(self._known)

    def export_personal_data(self, names: Collection[str]) -> list[dict[str, Any]]:
        """How sure we are that this person is inside each place, one record a place."""
        return [
            {"of": name, "place": place, "inside_log_odds": round(sure, 3), "at": known.at}
            for name in names
            if (known := self._known.get(name)) is not None
            for place, sure in known.odds.items()
        ]

    def erase_personal_data(self, names: Collection[str], _entries: Sequence[Entry]) -> int:
        """Forget these people; how many were known."""
        known = len(self.people().intersection(names))
        self.forget(names)
        return known
