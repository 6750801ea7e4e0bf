"""What a person's own page says of merges that wait."""

from msgspec import Struct

from visavis.runtime.linking import WaitingMerge
from visavis.strategy.read import Strategy
from visavis.web import pages
from visavis.web.portal_choices import long_day


class MergeRow(Struct, frozen=True):
    """A merge that waits: for this person's answer, or once they ``confirmed``, for the other's."""

    merge: str
    text: str
    confirmed: bool


def merge_row(strategy: Strategy, waiting: WaitingMerge, language: str) -> MergeRow:
    """Say in words what waits."""
    words, zone = pages.WORDS[language].portal, strategy.brand.zone
    asked, until = (long_day(at, zone, language) for at in (waiting.asked_at, waiting.until))
    text = words.merge_other if waiting.confirmed else words.merge_asked
    return MergeRow(waiting.merge, str(text.format(day=asked, until=until)), waiting.confirmed)
