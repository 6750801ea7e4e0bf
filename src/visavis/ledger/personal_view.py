"""A person's own lines of the ledger: found by audit key, verified against their entries, shown in plain words."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date, format_datetime
from msgspec import Struct
from msgspec.structs import replace

from visavis.cards.typography import typeset
from visavis.ledger.record import ELSEWHERE, PERSON, SERVICE, Details, LedgerRecord, actors, details, nonces, read
from visavis.ledger.verify import Fault
from visavis.model.consent import OVERSIGHT, RIGHTS
from visavis.model.entry import Entry
from visavis.model.errors import Invalid
from visavis.ports import Log
from visavis.strategy.read import Strategy

ALL: Final = ""
AUDIT_KEY_BYTES: Final = 32
Words = dict[str, dict[str, str]]

WHO: Final[Words] = {
    SERVICE: {"fr": "le service, sans intervention humaine", "en": "the service, with nobody looking"},
    PERSON: {"fr": "vous", "en": "you"},
    "adviser": {"fr": "un conseiller", "en": "an adviser"},
    "till": {"fr": "la caisse", "en": "the till"},
    "brand": {"fr": "l’équipe de la marque", "en": "the brand’s team"},
}
WHAT: Final[Words] = {
    "places": {"fr": "les lieux où vous étiez", "en": "the places where you were"},
    "sight": {"fr": "les produits que vous avez regardés", "en": "the products that you looked at"},
    "purchases": {"fr": "vos achats", "en": "your purchases"},
    "home": {"fr": "ce que signale votre maison", "en": "what your home reports"},
    "numbers": {"fr": "vos propres nombres", "en": "your own numbers"},
    "preferences": {"fr": "vos préférences", "en": "your preferences"},
    "orders": {"fr": "vos commandes et récompenses", "en": "your orders and rewards"},
    "service": {"fr": "ce que nous vous avons montré", "en": "what we showed you"},
    "account": {"fr": "vos choix", "en": "your choices"},
}
USE_OUTCOMES: Final = frozenset({"shown", "silent", "read", "copied"})
"""The outcomes of lines about a use of data, by somebody or by the service."""
OUTCOMES: Final[Words] = {
    "shown": {"fr": "une carte en a été faite", "en": "a card was made of it"},
    "silent": {"fr": "rien n’a été dit", "en": "nothing was said"},
    "read": {"fr": "une personne l’a lu", "en": "somebody read it"},
    "copied": {"fr": "une copie vous a été remise", "en": "a copy was given to you"},
    "served": {"fr": "la notice vous a été montrée", "en": "the notice was shown to you"},
    "agreed": {"fr": "vous avez dit oui", "en": "you said yes"},
    "withdrawn": {"fr": "vous avez dit non", "en": "you said no"},
    "objected": {"fr": "votre opposition a été notée", "en": "your objection was noted"},
    "allowed": {"fr": "vous avez levé votre opposition", "en": "you lifted your objection"},
    "restricted": {"fr": "vous avez mis vos données en pause", "en": "you paused the use of your data"},
    "released": {"fr": "vous avez mis fin à la pause", "en": "you ended the pause"},
}
RECORDED: Final[Words] = {
    "agreed": {"fr": "a noté que vous avez dit oui", "en": "recorded that you said yes"},
    "withdrawn": {"fr": "a noté que vous avez dit non", "en": "recorded that you said no"},
    "objected": {"fr": "a noté votre opposition", "en": "recorded your objection"},
    "allowed": {"fr": "a levé votre opposition", "en": "lifted your objection"},
    "restricted": {"fr": "a mis vos données en pause", "en": "paused the use of your data"},
    "released": {"fr": "a mis fin à la pause", "en": "ended the pause"},
}
"""The outcomes of choices that somebody else recorded for the person."""
_RIGHTS: Final = {"fr": "Vos droits sur vos données.", "en": "Your rights over your data."}
WHY: Final[Words] = {
    ALL: _RIGHTS,
    RIGHTS: _RIGHTS,
    OVERSIGHT: {
        "fr": "La marque vérifie ce que le service a décidé.",
        "en": "The brand checks what the service decided.",
    },
    ELSEWHERE: {
        "fr": "Un usage fait ailleurs, avant que vous n’arriviez avec vos données.",
        "en": "A use made elsewhere, before you came in with your data.",
    },
}
_AT: Final = {"fr": "à", "en": "at"}
_details = msgspec.json.Decoder(Details).decode


class OwnLine(Struct, frozen=True):
    """One line of this person; ``details`` are what it commits to, ``None`` when no entry of theirs matches it."""

    index: int
    record: LedgerRecord
    details: Details | None = None


class UseText(Struct, frozen=True):
    """One line in the person's language: when, who used what, why, and what came of it."""

    index: int
    when: str
    who: str
    what: tuple[str, ...]
    why: str
    outcome: str
    decisions: tuple[str, ...] = ()


def parse_audit_key(text: bytes) -> bytes:
    """The audit key written in hexadecimal, as an export holds it; :class:`Invalid` when it is none."""
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except (UnicodeDecodeError, ValueError):
        key = b""
    if len(key) != AUDIT_KEY_BYTES:
        advice = f"It is {AUDIT_KEY_BYTES} bytes in hexadecimal, from their own export."
        raise Invalid("This is not a person's audit key.", advice=advice)
    return key


def own_lines(lines: Iterable[bytes], key: bytes) -> Iterator[OwnLine]:
    """Those of these lines that are of the person with this key. What is no line of a ledger is skipped."""
    for index, line in enumerate(lines):
        try:
            record = read(line)
        except Invalid:
            continue
        if record.is_of(key):
            yield OwnLine(index, record)


def with_details(lines: Iterable[OwnLine], entries: Iterable[Entry], key: bytes) -> list[OwnLine]:
    """The same lines, each with the details that one of the person's entries proves."""
    known = {nonce: details(entry, by) for entry in entries for nonce, by in _expected(entry, key)}
    found = []
    for line in lines:
        data = known.get(line.record.nonce)
        proven = data is not None and line.record.commits_to(key, data)
        found.append(replace(line, details=_details(data) if data is not None and proven else None))
    return found


def lines_of_person(log: Log, names: Iterable[str]) -> list[OwnLine]:
    """Every line of the person with these names, with its details, in the order of the ledger."""
    found: list[OwnLine] = []
    for name in names:
        lines = [OwnLine(index, read(line)) for index, line in log.lines_of(name)]
        found += with_details(lines, log.of(name), log.audit_key(name))
    return sorted(found, key=lambda line: line.index)


def missing(lines: Iterable[OwnLine], entries: Iterable[Entry], key: bytes) -> list[str]:
    """The moments of these entries with a use that has no line; choices about unknown purposes have none."""
    there = {line.record.nonce for line in lines}
    used = [entry for entry in entries if entry.uses]
    return [one.moment.id for one in used if any(nonce not in there for nonce, _ in _expected(one, key))]


def _expected(entry: Entry, key: bytes) -> Iterator[tuple[bytes, str]]:
    by = actors(entry)
    return zip(nonces(key, entry.moment.id, len(by)), by, strict=True)


def out_of_order(lines: Iterable[OwnLine]) -> list[Fault]:
    """Where lines contradict choices: a yes before its notice, a use without a yes, after a no, or beyond it."""
    faults: list[Fault] = []
    closed: set[str] = set()
    served: dict[tuple[str, str], frozenset[str]] = {}
    named: dict[str, frozenset[str]] = {}
    for line in lines:
        record, what = line.record, ""
        categories = frozenset(record.categories)
        match record.outcome:
            case "served":
                served[record.purpose, record.notice] = categories
            case "agreed" if categories:
                named[record.purpose] = categories
                if (record.purpose, record.notice) not in served:
                    what = f"a yes to `{record.purpose}` before its notice was served"
                elif not categories <= served[record.purpose, record.notice]:
                    what = f"a yes to `{record.purpose}` covers more than its notice named"
            case "agreed" | "withdrawn":
                named.pop(record.purpose, None)
            case "objected" | "restricted":
                closed.add(record.purpose)
            case "allowed" | "released":
                closed.discard(record.purpose)
            case "shown" | "silent" | "read" if record.purpose in closed or ALL in closed:
                what = f"a use for `{record.purpose}` that the person had closed"
            case "shown" | "silent" | "read" if record.basis == "consent":
                if record.purpose not in named:
                    what = f"a use for `{record.purpose}` without a yes that stands"
                elif not categories <= named[record.purpose]:
                    what = f"a use for `{record.purpose}` of more than the yes named"
            case _:
                pass
        if what:
            faults.append(Fault(line.index, line.index + 1, what))
    return faults


def reason(strategy: Strategy, purpose: str, language: str) -> str:
    """What data were used for, in plain words."""
    known = strategy.purposes.get(purpose)
    return known.benefit[language] if known is not None else WHY.get(purpose, WHY[ELSEWHERE])[language]


def use_text(line: OwnLine, strategy: Strategy, language: str) -> UseText:
    """The line in plain words; the exact time and place only when an entry proves them."""
    record, known = line.record, line.details
    locale = "fr_FR" if language == "fr" else "en_GB"
    place = None
    if known is not None:
        zone = ZoneInfo(strategy.brand.zone)
        when = format_datetime(known.received_at, "d MMMM y, HH:mm", tzinfo=zone, locale=locale)
        place = strategy.places.get(known.by.partition("@")[2])
    else:
        when = format_date(date.fromisoformat(record.day), "long", locale=locale)
    who = WHO.get(record.by, WHO["brand"])[language]
    return UseText(
        line.index,
        when,
        f"{who}, {_AT[language]} {place.name}" if place is not None else who,
        tuple([WHAT[category][language] if category in WHAT else category for category in record.categories]),
        typeset(reason(strategy, record.purpose, language), language),
        (OUTCOMES if record.by in (PERSON, SERVICE) else OUTCOMES | RECORDED).get(record.outcome, OUTCOMES["silent"])[
            language
        ],
        known.decisions if known is not None else (),
    )
