"""What a person's own page says of their choices: each use of data, who recorded a choice, and what waits for them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_date
from msgspec import Struct

from visavis.cards.typography import typeset
from visavis.consent.choices import Choice
from visavis.consent.confirmation import OWN
from visavis.explain.benefit import Benefit
from visavis.ledger.personal_view import WHO
from visavis.model.consent import OPENS
from visavis.model.customer import Customer
from visavis.model.entry import Entry
from visavis.model.request import Waiting
from visavis.strategy.read import Strategy
from visavis.web import pages

MONTH_DAYS: Final = 30.4
LOCALES: Final = {"fr": "fr_FR", "en": "en_GB"}


class PurposeRow(Struct, frozen=True):
    """One use of data: protection, what is given and received, what that brought, and the present choice in words."""

    purpose: str
    name: str
    protects: str
    gives: str
    gets: str
    brought: str
    on: bool
    trial: bool
    refused: bool
    standing: str
    closed: str
    noted: str


class WaitingRow(Struct, frozen=True):
    """What waits for the person: who asks for what, since when and until when, and what a yes gives."""

    of: str
    text: str
    times: str
    gives: str


def purpose_row(strategy: Strategy, choice: Choice, brought: Benefit, noted: str, language: str) -> PurposeRow:
    """One use of data and the present choice, with who recorded it (``noted``)."""
    words, purpose, status = pages.WORDS[language].portal, strategy.purposes[choice.purpose], choice.status
    short_name = getattr(pages.WORDS[language].data_given, choice.purpose, "")
    readers = ", ".join([strategy.brand.name, *choice.recipients])
    closed = choice.closed_by.partition(":")[0]
    return PurposeRow(
        choice.purpose,
        short_name or choice.benefit.rstrip("."),
        typeset(words.protects.format(months=round(purpose.duration_days / MONTH_DAYS), who=readers), language),
        typeset(choice.notice_text, language),
        typeset(choice.benefit, language),
        brought.text,
        status in OPENS and not choice.trial,
        status in OPENS and choice.trial,
        status in ("refused", "withdrawn"),
        _standing(choice, words, strategy.brand.zone, language),
        getattr(words.closed, closed) if closed else "",
        noted,
    )


def noted(person: Customer, choice: Choice, recorded: Mapping[str, Entry], language: str) -> str:
    """By whom else than the person the present choice was recorded, how, and under which earlier notice, in words."""
    consent, words = person.consents.get(choice.purpose), pages.WORDS[language].portal
    entry = recorded.get(consent.record) if consent is not None else None
    if consent is None or entry is None:
        return ""
    proof = getattr(entry.moment, "proof", None)
    how = f"{consent.method}, {proof.document}" if proof is not None else ""
    noted = "" if entry.origin.role in OWN else words.noted_how.format(how=how) if how else words.noted
    earlier = choice.status in OPENS and consent.notice != choice.notice
    return " ".join([one for one in (noted, words.earlier.format(version=consent.notice) if earlier else "") if one])


def waiting_row(strategy: Strategy, asked: Waiting, entry: Entry | None, language: str) -> WaitingRow:
    """What waits for the person, in words."""
    words, purpose = pages.WORDS[language].portal, strategy.purposes.get(asked.about)
    name = getattr(pages.WORDS[language].data_given, asked.about, "") or (
        purpose.benefit[language].rstrip(".") if purpose else asked.about
    )
    who = WHO.get(entry.origin.role if entry is not None else "brand", WHO["brand"])[language]
    day, last = (long_day(at, strategy.brand.zone, language) for at in (asked.at, asked.until))
    text = getattr(words.asks, asked.what).format(who=who[:1].upper() + who[1:], name=name)
    gives = purpose.notice.text[language] if purpose is not None and asked.what == "consent" else ""
    return WaitingRow(
        asked.of, typeset(text, language), words.asked_since.format(day=day, last=last), typeset(gives, language)
    )


def long_day(at: float, zone: str, language: str) -> str:
    """The day of this instant (epoch seconds) in this zone, in words."""
    return str(format_date(datetime.fromtimestamp(at, ZoneInfo(zone)), "long", locale=LOCALES[language]))


def _standing(choice: Choice, words: Any, zone: str, language: str) -> str:
    if choice.status in ("unknown", "requested"):
        return ""
    text, at = words.no_since, choice.since
    if choice.status == "expired":
        text, at = words.expired, choice.until
    elif choice.status in OPENS:
        text, at = (words.trial_until, choice.until) if choice.trial else (words.yes_since, choice.since)
    return str(text.format(day=long_day(at, zone, language)))
