"""A card for the customer, a brief for the adviser, and their limits of length."""

from typing import Final

from msgspec import Struct

TITLE_LIMIT: Final = 32
BODY_LIMIT: Final = 60
WORDS_LIMIT: Final = 12
SPEECH_WORDS_LIMIT: Final = 25
FACT_LIMIT: Final = 40


class Card(Struct, frozen=True, gc=False):
    """One message to one customer: title, body, why, speech, and two answers."""

    decision: str
    action: str
    language: str
    title: str
    body: str
    why: str
    speech: str
    yes: str = ""
    no: str = ""


class BriefFact(Struct, frozen=True, gc=False):
    """One fact of a brief (at most 40 characters), its origin, and a detail that a larger screen may open."""

    what: str
    origin: str
    detail: str = ""
    about: str = ""


class Brief(Struct, frozen=True, gc=False):
    """What an adviser reads: who, at most three facts, one action, at most one thing to avoid."""

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


class HudCard(Struct, frozen=True, omit_defaults=True, gc=False):
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
