"""Codes of products and places that the strategy does not list: counted, and the latest kept for the console."""

from collections import OrderedDict
from typing import Final

from msgspec import Struct

from visavis.consent.vocabulary import unknown_place, unknown_products
from visavis.model.entry import Entry
from visavis.strategy.read import Strategy

KEPT: Final = 200
"""How many different codes are kept: the latest seen."""


class UnknownCode(Struct, frozen=True):
    """A code of a ``product`` or ``place``, and how often it came since the server started."""

    what: str
    code: str
    times: int


class UnknownCodes:
    """The codes seen since the server started."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._seen: OrderedDict[tuple[str, str], int] = OrderedDict()

    def note(self, entry: Entry) -> list[str]:
        """Take in what this entry's moment names, ``product`` or ``place`` for each: the gate let in only codes."""
        place = unknown_place(self._strategy, entry.moment)
        found = [("place", place)] if place else []
        found += [("product", code) for code in unknown_products(self._strategy, entry.moment)]
        for key in found:
            self._seen[key] = self._seen.pop(key, 0) + 1
            if len(self._seen) > KEPT:
                self._seen.popitem(last=False)
        return [what for what, _ in found]

    def latest(self) -> list[UnknownCode]:
        """The codes that are kept, the last seen first."""
        return [UnknownCode(*key, times) for key, times in reversed(self._seen.items())]
