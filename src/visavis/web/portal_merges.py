"""What a person's own page says of merges that wait."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from msgspec import Struct

from visavis.runtime.linking import WaitingMerge
from visavis.strategy.read import Strategy
from visavis.web import pages


class MergeRow(Struct, frozen=True):
    """A merge that waits: for this person's answer, or once they ``confirmed``, for the other's."""

    merge: str
    text: str
    confirmed: bool


def merge_row(strategy: Strategy, waiting: WaitingMerge, language: str) -> MergeRow:
    """Say in words what waits."""
    zone, words = ZoneInfo(strategy.brand.zone), pages.WORDS[language].portal
    locale = {"fr": "fr_FR", "en": "en_GB"}[language]
    asked, until = (
        format_date(datetime.fromtimestamp(at, zone), "long", locale=locale) for at in (waiting.asked_at, waiting.until)
    )
    text = words.merge_other if waiting.confirmed else words.merge_asked
    return MergeRow(waiting.merge, str(text.format(day=asked, until=until)), waiting.confirmed)
