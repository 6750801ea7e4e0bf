"""Codes of products and places that the strategy does not list: counted, and the latest kept for the console."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from visavis.consent.vocabulary import unknown_products
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
    """The codes seen since the server started; ``count`` is called with ``product`` or ``place`` for each."""

    def __init__(self, strategy: Strategy, *, count: Callable[[str], None] = lambda _: None) -> None:
        self._strategy = strategy
        self._count = count
        self._seen: OrderedDict[tuple[str, str], int] = OrderedDict()

    def note(self, entry: Entry) -> None:
        """Take in what this entry's moment names: the gate let in nothing else than codes."""
        moment = entry.moment
        place: str = getattr(moment, "place", "")
        if place and place not in self._strategy.places:
            self._note("place", (place,))
        self._note("product", unknown_products(self._strategy, moment))

    def latest(self) -> list[UnknownCode]:
        """The codes that are kept, the last seen first."""
        return [UnknownCode(*key, times) for key, times in reversed(self._seen.items())]

    def _note(self, what: str, codes: Iterable[str]) -> None:
        for code in codes:
            self._seen[what, code] = self._seen.pop((what, code), 0) + 1
            self._count(what)
            if len(self._seen) > KEPT:
                self._seen.popitem(last=False)
