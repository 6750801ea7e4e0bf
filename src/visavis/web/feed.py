"""The console's live feed: one row a moment, which names nobody: a person is a mark while the server runs."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from secrets import token_bytes
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from msgspec import Struct

from visavis.delivery.screens import Recent
from visavis.model.decision import Decision, Show
from visavis.model.entry import Entry
from visavis.model.moment import Consulted
from visavis.strategy.read import Strategy

RESULTS: Final = ("shown", "silent")
_KEY: Final = token_bytes(16)


class Pill(Struct, frozen=True):
    """The result of one decision in a few words; ``tone`` is a class of the style sheet."""

    words: str
    tone: str


class FeedRow(Struct, frozen=True):
    """One moment in the feed."""

    number: int
    mark: str
    kind: str
    at: str
    place: str
    us: int
    pills: tuple[Pill, ...]


class Filter(Struct, frozen=True):
    """Which moments are wanted; empty means all but reads by staff, which the console itself causes."""

    kind: str = ""
    result: str = ""
    mark: str = ""

    def lets(self, entry: Entry) -> bool:
        """Whether this entry is wanted."""
        shown = any(isinstance(decision, Show) for decision in entry.decisions)
        kind = entry.moment.kind == self.kind if self.kind else not isinstance(entry.moment, Consulted)
        result = self.result not in RESULTS or (bool(entry.decisions) and shown is (self.result == "shown"))
        return kind and result and (not self.mark or self.mark == mark(entry.customer))


def mark(customer: str) -> str:
    """The mark of this person until the server stops."""
    return f"#{blake2b(customer.encode('utf-8', 'surrogatepass'), key=_KEY, digest_size=3).hexdigest()}"


def rows(strategy: Strategy, recent: Iterable[Recent], wanted: Filter, words: Any, language: str) -> Iterator[FeedRow]:
    """The rows of these moments, the latest first; ``words`` are the console's."""
    for one in recent:
        if wanted.lets(one.entry):
            moment, spot = one.entry.moment, one.entry.moment.at
            place = strategy.places.get(spot.place) if spot is not None else None
            yield FeedRow(
                one.number,
                mark(one.entry.customer),
                getattr(words.kinds, moment.kind),
                _clock(strategy, one.entry, language),
                place.name if place is not None else "",
                round(one.us),
                tuple([_pill(decision, words) for decision in one.entry.decisions]),
            )


def _pill(decision: Decision, words: Any) -> Pill:
    if isinstance(decision, Show):
        return Pill(words.shown if decision.audience == "customer" else words.briefed, "shown")
    if decision.reason == "holdout":
        return Pill(words.reasons.holdout, "held")
    return Pill(getattr(words.reasons, decision.reason), "silent")


def _clock(strategy: Strategy, entry: Entry, language: str) -> str:
    """When it occurred by the brand's clock; with its day when it was received on another."""
    zone = ZoneInfo(strategy.brand.zone)
    at = entry.moment.occurred_at.astimezone(zone)
    same = at.date() == entry.received_at.astimezone(zone).date()
    day = "" if same else f"{format_skeleton('MMMd', at.date(), locale=language)}, "
    return f"{day}{at:%H:%M:%S}"
