"""What a strategy must not say although it reads well.

Names that nothing defines, data that a purpose may not read, words too long for a glance.
"""

import re
from collections.abc import Mapping
from math import inf
from string import Formatter
from typing import Final

from msgspec import Struct

from visavis.model.action import SOURCES, Action, Objective, Template
from visavis.model.attributes import ATTRIBUTES
from visavis.model.card import BODY_LIMIT, SPEECH_WORDS_LIMIT, TITLE_LIMIT, WORDS_LIMIT
from visavis.model.catalogue import Device
from visavis.model.consent import CATEGORIES, SENSITIVE, Purpose
from visavis.model.dpv import PURPOSES
from visavis.model.moment import KINDS
from visavis.strategy.brand import Brand
from visavis.strategy.conditions import Condition, ConditionError, parse
from visavis.strategy.faults import Reading
from visavis.strategy.tables import a_zone

NEVER_A_PURPOSE: Final = (
    "selldata",
    "personnelperformance",
    "personnelbehaviour",
    "personnelmonitoring",
    "employeemonitoring",
    "emotion",
    "biometriccategor",
    "socialscor",
    "facerecognition",
    "facialrecognition",
    "facescraping",
    "remoteidentification",
)
"""Words that no purpose's name may contain.

Selling data, watching employees, emotions, sorting or recognising people by their bodies, social scoring.
"""
OURS: Final = frozenset({"service", "account", ""})
PLACEHOLDERS: Final = ("family", "product", "price", "days", "place", "today", "goal", "left")
READ_BY: Final = {
    "need": {"purchases"},
    "seen": {"sight", "purchases", "home"},
    "home": {"home", "purchases"},
    "none": set[str](),
}
"""Which data it reads by what it is about, when its purpose lets it."""

_RANGES: Final[dict[str, tuple[float, float]]] = {
    "quiet_from_h": (0, 24),
    "quiet_until_h": (0, 24),
    "attention_units_per_day": (0, 1000),
    "attention_price_cents": (0, 10_000),
    "exploration_floor": (0, 0.5),
    "exploration_gamma": (0, inf),
    "value_cents": (0, 100_000_000),
    "holdout_share": (0, 0.9),
    "hours": (0.01, 744),
    "days": (1, 366),
    "duration_days": (1, 3660),
    "retention_days": (1, 3660),
    "top": (1, 32),
    "lever": (0, 100),
    "ttl_s": (1, 10_000_000),
    "per_day": (0, 1000),
    "gap_s": (0, 1_000_000_000),
    "cool_down_days": (0, 3660),
    "width_px": (1, 100_000),
    "lines": (1, 1000),
    "height_px": (0, 100_000),
    "chars": (0, 1000),
    "padding_px": (0, 10_000),
    "font_px": (1, 10_000),
    "glance_units": (0, 1000),
    "battery_floor": (0, 1),
}


def ranges(reading: Reading, path: str, record: Struct, *keys: str) -> None:
    """Every number of this record is one that can be."""
    for name in record.__struct_fields__:
        value = getattr(record, name)
        low, high = _RANGES.get(name, (-inf, inf))
        if isinstance(value, int | float) and not low <= value <= high:
            reading.fault(
                path,
                reading.at(path, *keys, name),
                f"`{name}` must be between {low:,} and {high:,}",
                f"It is {value:,}.",
            )
        if isinstance(value, Struct):
            ranges(reading, path, value, *keys, name)


def brand(reading: Reading, found: Brand, devices: Mapping[str, Device]) -> None:
    """The languages, the zone, the currency and the device are ones that exist."""
    path = "brand.toml"
    ranges(reading, path, found)
    if (
        not found.languages
        or not set(found.languages) <= {"fr", "en"}
        or len(set(found.languages)) < len(found.languages)
    ):
        reading.fault(
            path, reading.at(path, "languages"), "`languages` must be fr, en or both", "Cards are written in these."
        )
    if found.default_device not in devices:
        line = reading.at(path, "default_device")
        reading.fault(path, line, f"`{found.default_device}` is not a device", f"Known: {', '.join(devices)}.")
    if not a_zone(found.zone):
        reading.fault(
            path, reading.at(path, "zone"), f"`{found.zone}` is not a time zone", "Write one such as Europe/Paris."
        )
    if not re.fullmatch("[A-Z]{3}", found.currency):
        reading.fault(
            path,
            reading.at(path, "currency"),
            f"`{found.currency}` is not a currency",
            "Write three capitals such as EUR.",
        )


def purposes(reading: Reading, found: Mapping[str, Purpose], languages: tuple[str, ...]) -> None:
    """A purpose says what it reads, in every language; some purposes may never exist."""
    path = "purposes.toml"
    for key, purpose in found.items():
        ranges(reading, path, purpose, key)
        never = [
            (name, keys)
            for name, keys in ((key, (key,)), *[(iri, (key, "iri")) for iri in purpose.iris])
            if _never(name)
        ]
        for name, keys in never:
            what = "Selling data, watching employees, reading emotions and sorting people by their bodies are refused."
            reading.fault(path, reading.at(path, *keys), f"`{name}` may never be a purpose", what)
        if not never:
            _grounded(reading, key, purpose)
        if unknown := purpose.categories - set(CATEGORIES):
            line = reading.at(path, key, "categories")
            reading.fault(
                path, line, f"{', '.join(sorted(unknown))}: no such category", f"Known: {', '.join(CATEGORIES)}."
            )
        for language in languages:
            if not purpose.benefit.get(language) or not purpose.notice.text.get(language):
                reading.fault(
                    path, reading.at(path, key), f"`{key}` has no {language} benefit or notice", "Write both."
                )


def _never(name: str) -> bool:
    bare = re.sub("[^a-z]", "", re.split("[:#/]", name)[-1].lower())
    return any(word in bare for word in NEVER_A_PURPOSE)


def _grounded(reading: Reading, key: str, purpose: Purpose) -> None:
    """A purpose is one of the vocabulary's, on a basis that can carry it, and assessed before anybody is asked."""
    path = "purposes.toml"
    unknown = [iri for iri in purpose.iris if iri not in PURPOSES]
    if unknown or not purpose.iris:
        line = reading.at(path, key, "iri")
        reading.fault(
            path,
            line,
            f"`{', '.join(unknown)}` is not a purpose of DPV that we know",
            f"Known: {', '.join(sorted(PURPOSES))}.",
        )
    if purpose.basis == "consent" and purpose.enabled and not purpose.dpia_id:
        reading.fault(
            path,
            reading.at(path, key),
            f"`{key}` has no impact assessment",
            "Name it in dpia_id, or set enabled = false.",
        )
    if purpose.basis != "consent" and (purpose.marketing or purpose.sharing or purpose.categories & SENSITIVE):
        line = reading.at(path, key, "basis")
        reading.fault(path, line, f"`{key}` needs a consent", "Marketing, sharing and health rest on nothing else.")
    if purpose.categories & SENSITIVE and purpose.categories - SENSITIVE:
        line = reading.at(path, key, "categories")
        reading.fault(
            path, line, f"`{key}` mixes health with other data", "A purpose that reads numbers reads nothing else."
        )


def objectives(reading: Reading, found: Mapping[str, Objective], languages: tuple[str, ...]) -> None:
    """An objective says why in every language, and an uplift is measured against a holdout."""
    path = "objectives.toml"
    for key, objective in found.items():
        ranges(reading, path, objective, key)
        if objective.credit == "uplift" and objective.holdout_share == 0.0:
            line = reading.at(path, key, "credit")
            reading.fault(
                path, line, "uplift cannot be measured without a holdout", 'Set holdout_share, or credit = "response".'
            )
        for language in languages:
            if not objective.why.get(language):
                reading.fault(
                    path, reading.at(path, key, "why"), f"`{key}` has no {language} why", "Write one sentence."
                )


def action(reading: Reading, found: Action, purpose: Purpose | None) -> None:
    """What wakes it exists and is covered by its purpose, and so is what it reads by what it is about."""
    path = f"actions/{found.id}.toml"
    ranges(reading, path, found)
    if not reading.defines("objectives.toml", found.objective):
        reading.fault(
            path,
            reading.at(path, "objective"),
            f"`{found.objective}` is not an objective",
            "Define it in objectives.toml.",
        )
    if not reading.defines("purposes.toml", found.purpose):
        reading.fault(
            path, reading.at(path, "purpose"), f"`{found.purpose}` is not a purpose", "Define it in purposes.toml."
        )
    line = reading.at(path, "woken_by")
    if not found.woken_by or len(set(found.woken_by)) < len(found.woken_by):
        reading.fault(path, line, "`woken_by` must name at least one kind of moment, each once", 'Write ["entered"].')
    for kind in found.woken_by:
        if kind not in KINDS:
            reading.fault(path, line, f"`{kind}` is no kind of moment", f"Known: {', '.join(KINDS)}.")
        elif purpose is not None and KINDS[kind].category not in purpose.categories | OURS:
            reading.fault(
                path,
                line,
                f"`{kind}` carries {KINDS[kind].category}, which {purpose.key} may not read",
                "Widen the purpose.",
            )
    if purpose is not None and purpose.offer_kinds and found.offer not in purpose.offer_kinds:
        line = reading.at(path, "offer")
        reading.fault(
            path, line, f"{purpose.key} serves no {found.offer} offer", f"It serves: {', '.join(purpose.offer_kinds)}."
        )
    if purpose is not None and purpose.categories & SENSITIVE and found.audience != "customer":
        reading.fault(
            path,
            reading.at(path, "audience"),
            f"{purpose.key} is for the person's own eyes",
            'Write audience = "customer".',
        )
    if found.review and found.audience != "customer":
        reading.fault(
            path,
            reading.at(path, "review"),
            "an adviser's brief is decided by a person already",
            "Tag what is shown to the customer.",
        )
    if purpose is not None and SOURCES.get(found.about, "") not in purpose.categories | OURS:
        what = f"what is about {found.about} reads {SOURCES[found.about]}, which {purpose.key} may not"
        reading.fault(path, reading.at(path, "about"), what, "Widen the purpose.")


def measured(reading: Reading, found: Action, purpose: Purpose | None, objective: Objective | None) -> None:
    """Its outcome is read from data that its purpose covers: what was bought is a purchase."""
    if (
        purpose is not None
        and objective is not None
        and objective.outcome != "answered_yes"
        and "purchases" not in purpose.categories
    ):
        path = f"actions/{found.id}.toml"
        what = f"the outcome of {objective.id} reads purchases, which {purpose.key} may not"
        reading.fault(path, reading.at(path, "objective"), what, "Widen the purpose, or count answers.")


def condition(
    reading: Reading, found: Action, key: str, purpose: Purpose | None, segments: Mapping[str, Condition]
) -> Condition | None:
    """``when`` (the moment and the person) or ``product_when`` (the product), read.

    It names only what its purpose covers.
    """
    path = f"actions/{found.id}.toml"
    line = reading.at(path, key)
    try:
        read = parse(getattr(found, key), segments=segments)
    except ConditionError as error:
        reading.fault(path, line, f"`{key}`: {error.args[0].removesuffix('.')}", error.advice)
        return None
    for attribute in sorted(read.paths):
        about = ATTRIBUTES[attribute]
        if (about.scope == "product") is not (key == "product_when"):
            reading.fault(path, line, f"`{attribute}` is of the {about.scope}, not for `{key}`", "Use the other key.")
        if purpose is not None and about.category not in purpose.categories | OURS:
            what = f"`{attribute}` reads {about.category}, which {purpose.key} may not"
            reading.fault(path, line, what, "Widen the purpose, or drop it.")
        elif (
            purpose is not None
            and found.offer == "general"
            and purpose.basis == "consent"
            and about.category not in OURS | {"places"}
        ):
            reading.fault(
                path, line, f"`{attribute}` filters a general offer by what was consented", 'Write offer = "tailored".'
            )
    return read


def words(reading: Reading, found: Action, languages: tuple[str, ...]) -> None:
    """The card is written in the brand's languages, no more, no less, and is a glance in each."""
    path = f"actions/{found.id}.toml"
    for language in languages:
        if language not in found.card:
            reading.fault(path, reading.at(path, "card"), f"there is no {language} card", f"Add [card.{language}].")
    for language, card in found.card.items():
        if language not in languages:
            reading.fault(
                path,
                reading.at(path, "card", language),
                f"the brand does not speak {language}",
                "Drop it, or add it to brand.toml.",
            )
        _card(reading, path, language, card)


def _card(reading: Reading, path: str, language: str, card: Template) -> None:
    def fault(key: str, what: str, advice: str) -> None:
        reading.fault(path, reading.at(path, "card", language, key), what, advice)

    bare: dict[str, str] = {}
    for key in card.__struct_fields__:
        try:
            bare[key], named = _bare(getattr(card, key))
        except ValueError:
            fault(key, f"`{key}` has a brace too many or too few", f"Write placeholders as {{{PLACEHOLDERS[0]}}}.")
            continue
        if unknown := named - set(() if key in ("yes", "no") else PLACEHOLDERS):
            known = "An answer has none" if key in ("yes", "no") else f"Known: {', '.join(PLACEHOLDERS)}"
            fault(key, f"{{{', '.join(sorted(unknown))}}} is not a placeholder", f"{known}.")
    title, body, why = bare.get("title", "-"), bare.get("body", ""), bare.get("why", "-")
    if not card.title.strip():
        fault("title", "`title` is empty", "Say what matters in a few words.")
    for key, limit in (("title", TITLE_LIMIT), ("body", BODY_LIMIT)):
        if len(bare.get(key, "")) > limit:
            fault(key, f"`{key}` is longer than {limit} characters", "A glance is short.")
    if len(f"{title} {body}".split()) > WORDS_LIMIT:
        fault("body", f"title and body have more than {WORDS_LIMIT} words", "A glance is short.")
    if not 0 < len(why.split()) <= SPEECH_WORDS_LIMIT:
        fault("why", f"`why` must be one sentence of at most {SPEECH_WORDS_LIMIT} words", "Say which data.")


def _bare(text: str) -> tuple[str, set[str]]:
    """The text without its placeholders, and their names as written.

    ``{family.x}``, ``{0}`` and ``{family!r}`` are names that nobody knows.
    """
    literals, named = "", set[str]()
    for literal, name, layout, conversion in Formatter().parse(text):
        literals += literal
        if name is not None:
            named.add(name + (f"!{conversion}" if conversion else "") + (f":{layout}" if layout else ""))
    return literals, named
