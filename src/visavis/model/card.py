"""What glasses show: a card to the customer, a brief to the adviser. Limits are those of a glance."""

from typing import Final

from msgspec import Struct

TITLE_LIMIT: Final = 32
BODY_LIMIT: Final = 60
WORDS_LIMIT: Final = 12
SPEECH_WORDS_LIMIT: Final = 25
FACT_LIMIT: Final = 40


class Card(Struct, frozen=True):
    """One thing said to one person: few words, one yes, one no, and why."""

    decision: str
    action: str
    language: str
    title: str
    body: str
    why: str
    speech: str
    yes: str = ""
    no: str = ""


class BriefFact(Struct, frozen=True):
    """One fact of a brief in words.

    What (at most 40 characters), how it is known, and the detail that a larger screen may open.
    """

    what: str
    origin: str
    detail: str = ""
    about: str = ""


class Brief(Struct, frozen=True):
    """What an adviser needs to decide on the spot.

    Who, at most three facts, one action, at most one thing not to do.
    """

    decision: str
    action: str
    language: str
    who: str
    facts: tuple[BriefFact, ...]
    advice: str
    avoid: str = ""
    why: str = ""
    yes: str = ""
    no: str = ""
    since: str = ""
    detail: str = ""


class HudCard(Struct, frozen=True, omit_defaults=True):
    """What the glasses' page needs to show one card."""

    decision: str
    kicker: str
    title: str
    body: str
    why: str
    yes: str
    no: str
    lasts_s: float
    ttl_s: float
    lines: list[str] = []
    speech: str = ""
