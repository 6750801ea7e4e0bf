"""The rules of a strategy beyond its types: names defined, purposes within their data, cards short enough."""

import re
from collections.abc import Mapping
from functools import cache
from math import inf
from string import Formatter
from typing import Final

from babel.core import get_global
from msgspec import Struct

from visavis.model.action import SOURCES, Action, Objective, Template
from visavis.model.attributes import ATTRIBUTES
from visavis.model.card import BODY_LIMIT, SPEECH_WORDS_LIMIT, TITLE_LIMIT, WORDS_LIMIT
from visavis.model.catalogue import Device
from visavis.model.consent import CATEGORIES, SENSITIVE, Purpose
from visavis.model.dpv import PURPOSES
from visavis.model.moment import KINDS, OURS
from visavis.strategy.brand import STALE_AFTER_S, Brand, Controller
from visavis.strategy.conditions import Condition, ConditionError, parse
from visavis.strategy.faults import Reading
from visavis.strategy.suggestion import suggestion
from visavis.strategy.tables import is_zone

NEVER_A_PURPOSE: Final = re.compile(
    "selldata|personnelperformance|personnelbehaviour|personnelmonitoring|employeemonitoring|emotion|biometriccategor"
    "|socialscor|facerecognition|facialrecognition|facescraping|remoteidentification"
)
"""Words in no purpose's name: selling data, watching employees, emotions, sorting people by their bodies, scoring."""
FREE: Final = OURS | {""}
"""Categories that need no purpose; the empty one is no personal data."""
LANGUAGES: Final = ("fr", "en")
PLACEHOLDERS: Final = ("family", "product", "price", "days", "place", "today", "goal", "left")
READ_BY: Final = {
    "need": {"purchases"},
    "seen": {"sight", "purchases", "home"},
    "home": {"home", "purchases"},
    "none": set[str](),
}
"""The categories of data that an action reads by what it is about, of those that its purpose covers."""

NAME: Final = re.compile("[a-z][a-z0-9_]{0,39}")
FORM: Final = re.compile("[A-Za-z0-9._:/#@-]{1,40}")
LETTERS_LIMIT: Final = 3
"""More letters in the form of an id would let names in."""
VALUE_LIMIT: Final = 40
LATE_AFTER_LIMIT_S: Final = 31 * 86_400
STALE_AFTER_RANGE_S: Final = (3_600, 366 * 86_400)
_RANGES: Final[dict[str, tuple[float, float]]] = {
    "quiet_from_h": (0, 24),
    "stay_ends_after_s": (1, 86_400),
    "quiet_until_h": (0, 24),
    "attention_units_per_day": (0, 1000),
    "attention_price_cents": (0, 10_000),
    "exploration_floor": (0, 0.5),
    "exploration_gamma": (0, inf),
    "value_cents": (0, 100_000_000),
    "holdout_share": (0, 0.9),
    "hours": (0.01, 744),
    "days": (1, 366),
    "grace_hours": (0, 744),
    "duration_days": (1, 3660),
    "retention_days": (1, 3660),
    "reward_cents": (0, 10_000_000),
    "reward_days": (1, 3660),
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
            where = (*keys, name)
            reading.fault(path, where, f"`{name}` must be between {low:,} and {high:,}", f"It is {value:,}.")
        if isinstance(value, Struct):
            ranges(reading, path, value, *keys, name)


def languages(reading: Reading) -> tuple[str, ...]:
    """The languages of the brand, also when its file has another fault; none when they are not all ones we know."""
    told = (reading.toml("brand.toml") or {}).get("languages")
    return tuple(told) if isinstance(told, list) and all(one in LANGUAGES for one in told) else ()


def brand(reading: Reading, found: Brand, devices: Mapping[str, Device]) -> None:
    """The languages, the zone, the currency and the device are ones that exist."""
    path, spoken = "brand.toml", found.languages
    ranges(reading, path, found)
    if not found.name.strip():
        reading.fault(path, "name", "`name` is empty", "Write the name that people know.")
    if unknown := [one for one in spoken if one not in LANGUAGES]:
        what = f"`languages` must be fr, en or both: `{unknown[0]}` is neither"
        reading.fault(path, "languages", what, suggestion(unknown[0], LANGUAGES))
    elif not spoken or len(set(spoken)) < len(spoken):
        reading.fault(path, "languages", "`languages` must be fr, en or both, each once", "Cards are written in these.")
    if found.default_device not in devices:
        what = f"`{found.default_device}` is not a device"
        reading.fault(path, "default_device", what, suggestion(found.default_device, devices))
    if not is_zone(found.zone):
        reading.fault(path, "zone", f"`{found.zone}` is not a time zone", "Write one such as Europe/Paris.")
    if found.currency not in _currencies():
        what = f"`{found.currency}` is not a currency that is in use"
        reading.fault(path, "currency", what, "Write its ISO 4217 code in capitals, such as EUR.")
    if found.controller is not None:
        _controller(reading, found.controller)
    _declared(reading, found)
    for kind, seconds in found.late_after_s.items():
        where = ("late_after_s", kind)
        if kind not in KINDS:
            reading.fault(path, where, f"`{kind}` is not a kind of moment", suggestion(kind, KINDS))
        if not 0 <= seconds <= LATE_AFTER_LIMIT_S:
            what = f"`{kind}` must be between 0 and {LATE_AFTER_LIMIT_S:,} seconds"
            reading.fault(path, where, what, f"It is {seconds:,}.")
    for source, seconds in found.stale_after_s.items():
        where = ("stale_after_s", source)
        if source not in STALE_AFTER_S:
            reading.fault(path, where, f"`{source}` is not a source", suggestion(source, STALE_AFTER_S))
        low, high = STALE_AFTER_RANGE_S
        if not low <= seconds <= high:
            what = f"`{source}` must be between {low:,} and {high:,} seconds"
            reading.fault(path, where, what, f"It is {seconds:,}.")


def _declared(reading: Reading, found: Brand) -> None:
    """Traits have words in the brand's languages, values are short, and forms of ids leave no room for text."""
    path = "brand.toml"
    for name, trait in found.traits.items():
        for language in [one for one in found.languages if one in LANGUAGES and not getattr(trait, one)]:
            what = f"`{name}` has no {language} words"
            reading.fault(
                path, ("traits", name, language), what, "Advisers read them: write each language of the brand."
            )
    texts = [("traits", name, trait.values) for name, trait in found.traits.items()]
    texts += [("measures", name, units) for name, units in found.measures.items()]
    for table, name, values in texts:
        if not NAME.fullmatch(name):
            what = f"`{name[:40]}` cannot name one of the {table}"
            reading.fault(path, (table, name), what, "Use 1 to 40 small letters, digits and _.")
        if any(not 0 < len(text) <= VALUE_LIMIT for text in values):
            what = f"a value or unit of `{name}` has not 1 to {VALUE_LIMIT} characters"
            where = (table, name, "values") if table == "traits" else (table, name)
            reading.fault(path, where, what, "Write a word, no text.")
    for key, forms in (("product_ids", found.product_ids), ("place_ids", found.place_ids)):
        for form in forms:
            if not FORM.fullmatch(form) or "#" not in form or form.count("@") > LETTERS_LIMIT:
                what = f"`{form[:40]}` is no form of ids, such as SKU-#####"
                advice = f"# is a digit (at least one), @ a capital letter (at most {LETTERS_LIMIT})."
                reading.fault(path, key, what, advice)


def _controller(reading: Reading, found: Controller) -> None:
    """Receipts name it: its addresses are ones that can be opened and written to."""
    for key in ("id", "policy", "access"):
        if not re.fullmatch(r"https?://[^\s/]+\S*", getattr(found, key)):
            what = f"`{getattr(found, key)}` is not an address of the web"
            reading.fault(
                "brand.toml", ("controller", key), what, "Write it whole, such as https://example.org/access."
            )
    if not re.fullmatch(r"[^\s@]+@[^\s@]+", found.email):
        reading.fault("brand.toml", ("controller", "email"), f"`{found.email}` is not an e-mail", "Write NAME@HOST.")


@cache
def _currencies() -> frozenset[str]:
    """The currencies that are legal tender somewhere today (CLDR)."""
    lands = get_global("territory_currencies").values()
    return frozenset([code for land in lands for code, _, until, tender in land if tender and until is None])


def purposes(reading: Reading, found: Mapping[str, Purpose], languages: tuple[str, ...]) -> None:
    """Each purpose may exist, reads known data, and has a benefit and a notice in every language."""
    path = "purposes.toml"
    for key, purpose in found.items():
        ranges(reading, path, purpose, key)
        names = [(key, (key,)), *[(iri, (key, "iri")) for iri in purpose.iris]]
        never = [(name, where) for name, where in names if _never(name)]
        for name, where in never:
            refused = "Selling data, watching employees, reading emotions and sorting people by their bodies"
            reading.fault(path, where, f"`{name}` may never be a purpose", f"{refused} are refused.")
        if not never:
            _legal_basis(reading, key, purpose)
        if unknown := purpose.categories - set(CATEGORIES):
            what = f"{', '.join(sorted(unknown))}: no such category"
            reading.fault(path, (key, "categories"), what, suggestion(min(unknown), CATEGORIES))
        for language in languages:
            if not purpose.benefit.get(language) or not purpose.notice.text.get(language):
                reading.fault(path, key, f"`{key}` has no {language} benefit or notice", "Write both.")


def _never(name: str) -> bool:
    bare = re.sub("[^a-z]", "", re.split("[:#/]", name)[-1].lower())
    return NEVER_A_PURPOSE.search(bare) is not None


def _legal_basis(reading: Reading, key: str, purpose: Purpose) -> None:
    """It is a purpose of the vocabulary, on a basis that can carry it, and assessed before anybody is asked."""
    path = "purposes.toml"
    unknown = [iri for iri in purpose.iris if iri not in PURPOSES]
    if unknown or not purpose.iris:
        what = f"`{', '.join(unknown)}` is not a purpose of DPV that we know"
        reading.fault(path, (key, "iri"), what, suggestion(", ".join(unknown), sorted(PURPOSES)))
    if purpose.basis == "consent" and purpose.enabled and not purpose.dpia_id:
        advice = "Name it in dpia_id, or set enabled = false."
        reading.fault(path, key, f"`{key}` has no impact assessment", advice)
    if purpose.basis != "consent" and (purpose.marketing or purpose.sharing or purpose.categories & SENSITIVE):
        advice = "Marketing, sharing and health rest on nothing else."
        reading.fault(path, (key, "basis"), f"`{key}` needs a consent", advice)
    if purpose.categories & SENSITIVE and purpose.categories - SENSITIVE:
        advice = "A purpose that reads numbers reads nothing else."
        reading.fault(path, (key, "categories"), f"`{key}` mixes health with other data", advice)


def objectives(reading: Reading, found: Mapping[str, Objective], languages: tuple[str, ...]) -> None:
    """An objective says why in every language, and an uplift is measured against a holdout."""
    path = "objectives.toml"
    for key, objective in found.items():
        ranges(reading, path, objective, key)
        if objective.credit == "uplift" and objective.holdout_share == 0.0:
            advice = 'Set holdout_share, or credit = "response".'
            reading.fault(path, (key, "credit"), "uplift cannot be measured without a holdout", advice)
        for language in languages:
            if not objective.why.get(language):
                reading.fault(path, (key, "why"), f"`{key}` has no {language} why", "Write one sentence.")


def action(reading: Reading, found: Action, purpose: Purpose | None) -> None:
    """What wakes it exists, its objective and purpose are defined, and its purpose covers what it reads."""
    path = f"actions/{found.id}.toml"
    ranges(reading, path, found)
    for key, value in (("objective", found.objective), ("purpose", found.purpose)):
        if not reading.defines(f"{key}s.toml", value):
            what = f"`{value}` is not {'an' if key[0] == 'o' else 'a'} {key}"
            reading.fault(path, key, what, suggestion(value, reading.defined(f"{key}s.toml")))
    if not found.woken_by or len(set(found.woken_by)) < len(found.woken_by):
        what = "`woken_by` must name at least one kind of moment, each once"
        reading.fault(path, "woken_by", what, 'Write ["entered"].')
    for kind in found.woken_by:
        if kind not in KINDS:
            reading.fault(path, "woken_by", f"`{kind}` is no kind of moment", suggestion(kind, KINDS))
        if kind == "sought":
            reading.fault(path, "woken_by", "what is sought waits for the person", "It is never pushed or shown.")
    if found.review and found.audience != "customer":
        what = "an adviser's brief is decided by a person already"
        reading.fault(path, "review", what, "Tag what is shown to the customer.")
    if purpose is not None:
        _covered(reading, path, found, purpose)


def _covered(reading: Reading, path: str, found: Action, purpose: Purpose) -> None:
    """The purpose covers the moments that wake the action, its offer, its audience, and what it is about."""
    key, readable = purpose.key, _readable(purpose)
    for kind in found.woken_by:
        if kind in KINDS and KINDS[kind].category not in readable:
            what = f"`{kind}` carries {KINDS[kind].category}, which {key} may not read"
            reading.fault(path, "woken_by", what, "Widen the purpose.")
    if purpose.offer_kinds and found.offer not in purpose.offer_kinds:
        served = ", ".join(purpose.offer_kinds)
        reading.fault(path, "offer", f"{key} serves no {found.offer} offer", f"It serves: {served}.")
    if purpose.categories & SENSITIVE and found.audience != "customer":
        reading.fault(path, "audience", f"{key} is for the person's own eyes", 'Write audience = "customer".')
    if SOURCES.get(found.about, "") not in readable:
        what = f"what is about {found.about} reads {SOURCES[found.about]}, which {key} may not"
        reading.fault(path, "about", what, "Widen the purpose.")


def _readable(purpose: Purpose) -> frozenset[str]:
    """What it may read; everything when it names what does not exist: that is one fault, not one in each action."""
    return (purpose.categories if purpose.categories <= set(CATEGORIES) else frozenset(CATEGORIES)) | FREE


def outcome(reading: Reading, found: Action, purpose: Purpose | None, objective: Objective | None) -> None:
    """Its outcome is read from data that its purpose covers: what was bought is a purchase."""
    if purpose is None or objective is None or objective.outcome == "answered_yes" or "purchases" in _readable(purpose):
        return
    what = f"the outcome of {objective.id} reads purchases, which {purpose.key} may not"
    reading.fault(f"actions/{found.id}.toml", "objective", what, "Widen the purpose, or count answers.")


def condition(
    reading: Reading, found: Action, key: str, purpose: Purpose | None, segments: Mapping[str, Condition]
) -> Condition | None:
    """The parsed ``when`` (moment and person) or ``product_when`` (product), naming only what its purpose covers."""
    path = f"actions/{found.id}.toml"
    try:
        parsed = parse(getattr(found, key), segments=segments)
    except ConditionError as error:
        if "is not a segment" in error.args[0] and not reading.is_clean("segments.toml"):
            return None
        reading.fault(path, key, f"`{key}`: {error.args[0].removesuffix('.')}", error.advice)
        return None
    for name in sorted(parsed.paths):
        scope, category = ATTRIBUTES[name].scope, ATTRIBUTES[name].category
        if (scope == "product") is not (key == "product_when"):
            other = "when" if key == "product_when" else "product_when"
            reading.fault(path, key, f"`{name}` is of the {scope}, not for `{key}`", f"Write it in `{other}`.")
        if purpose is None:
            continue
        if category not in _readable(purpose):
            what = f"`{name}` reads {category}, which {purpose.key} may not"
            reading.fault(path, key, what, "Widen the purpose, or drop it.")
        elif found.offer == "general" and purpose.basis == "consent" and category not in FREE | {"places"}:
            what = f"`{name}` filters a general offer by what was consented"
            reading.fault(path, key, what, 'Write offer = "tailored".')
    return parsed


def words(reading: Reading, found: Action, languages: tuple[str, ...]) -> None:
    """The card is written in the brand's languages, no more, no less, and is a glance in each."""
    path = f"actions/{found.id}.toml"
    for language in languages:
        if language not in found.card and set(found.card) <= set(languages):
            reading.fault(path, "card", f"there is no {language} card", f"Add [card.{language}].")
    for language, card in found.card.items():
        if languages and language not in languages:
            what = f"the brand does not speak {language}"
            advice = "Drop it, or add it to brand.toml." if language in LANGUAGES else suggestion(language, languages)
            reading.fault(path, ("card", language), what, advice)
        else:
            _card(reading, path, language, card)


def _card(reading: Reading, path: str, language: str, card: Template) -> None:
    def fault(key: str, what: str, advice: str) -> None:
        reading.fault(path, ("card", language, key), what, advice)

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
    """The text without its placeholders, and their names as written, conversions and formats included."""
    literals, named = "", set[str]()
    for literal, name, layout, conversion in Formatter().parse(text):
        literals += literal
        if name is not None:
            named.add(name + (f"!{conversion}" if conversion else "") + (f":{layout}" if layout else ""))
    return literals, named
