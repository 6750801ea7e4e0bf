"""Read a brand's folder, given as ``{path: bytes}``, into one validated strategy; or list *all* its faults, file and line each.

A strategy is reviewed like code, so the reader is strict: an unknown key, a condition that names what its purpose may not read, a card too long
for a glance are faults, not surprises at run time.
"""

import csv
import io
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from visavis.model.action import Action, Objective
from visavis.model.attributes import ATTRIBUTES
from visavis.model.card import BODY_LIMIT, SPEECH_WORDS_LIMIT, TITLE_LIMIT, WORDS_LIMIT
from visavis.model.catalogue import Device, Family, Place, Product
from visavis.model.consent import CATEGORIES, Purpose
from visavis.model.errors import Invalid
from visavis.model.ids import version_of
from visavis.model.moment import CATEGORY
from visavis.strategy.conditions import Condition, ConditionError, parse
from visavis.strategy.rules import Index

NEVER_A_PURPOSE: Final = ("dpv:SellDataToThirdParties", "dpv:PersonnelPerformanceMonitoring", "dpv:PersonnelBehaviourMonitoring")
OURS: Final = frozenset({"service", "account", ""})
DEVICES: Final = {
    device.profile: device
    for device in (
        Device("glasses", "glasses", 640, 4, 40, 1.6), Device("watch", "watch", 396, 5, 36, 0.7), Device("phone", "phone", 390, 6, 18, 1.0),
        Device("tablet", "tablet", 1024, 12, 22, 0.3, interrupts=False), Device("fridge", "home", 480, 6, 24, 0.3, interrupts=False),
    )
}  # fmt: skip
S = TypeVar("S", bound=Struct)


class Brand(Struct, frozen=True):
    """Who speaks, in which languages, and how much it may ask of a person's attention in a day."""

    name: str
    languages: tuple[str, ...]
    zone: str
    currency: str
    quiet_from_h: float = 22.0
    quiet_until_h: float = 7.0
    attention_units_per_day: float = 12.0
    attention_price_cents: float = 1.0
    exploration_floor: float = 0.02
    exploration_gamma: float = 1000.0
    default_device: str = "glasses"


class Strategy(Struct, frozen=True):
    """A brand's strategy, validated: every name in it is defined, every condition reads only what its purpose covers."""

    version: str
    brand: Brand
    objectives: dict[str, Objective]
    purposes: dict[str, Purpose]
    actions: dict[str, Action]
    segments: dict[str, Condition]
    places: dict[str, Place]
    products: dict[str, Product]
    families: dict[str, Family]
    devices: dict[str, Device]
    never_push: frozenset[str]
    waking: dict[str, tuple[Action, ...]]
    indexes: dict[tuple[str, str], tuple[tuple[Action, ...], Index]]
    product_conditions: dict[str, Condition]


class _Reading:
    """The files, and the faults found so far."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.faults: list[str] = []
        self._texts: dict[str, str] = {}

    def text(self, path: str) -> str:
        if path not in self._texts:
            try:
                self._texts[path] = self.files.get(path, b"").decode()
            except UnicodeDecodeError:
                self.fault(path, 1, "this file is not UTF-8", "Save it as UTF-8.")
                self._texts[path] = ""
        return self._texts[path]

    def fault(self, path: str, line: int, what: str, advice: str) -> None:
        self.faults.append(f"{path}:{line}: {what}. {advice}")

    def at(self, path: str, *keys: str) -> int:
        """The line on which the last of these nested keys stands, or that of the deepest one found."""
        lines = self.text(path).splitlines()
        found = 0
        for key in keys:
            pattern = re.compile(rf"""^\s*(\[+[^\]]*\b{re.escape(key)}\b[^\]]*\]+|["']?{re.escape(key)}["']?\s*=)""")
            found = next((i for i in range(found, len(lines)) if pattern.match(lines[i])), found)
        return found + 1

    def toml(self, path: str, *, needed: bool = True) -> dict[str, Any]:
        if path not in self.files:
            if needed:
                self.fault(path, 1, "this file is missing", "`visavis new` writes one.")
            return {}
        try:
            return tomllib.loads(self.text(path))
        except tomllib.TOMLDecodeError as error:
            where = re.search(r"at line (\d+)", str(error))
            self.fault(path, int(where[1]) if where else len(self.text(path).splitlines()), f"this is not TOML: {error}", "Correct the line.")
            return {}

    def record(self, kind: type[S], path: str, table: Any, keys: tuple[str, ...], **given: Any) -> S | None:
        """One record of this kind, or ``None`` with each of its faults listed."""
        before = len(self.faults)
        if not isinstance(table, dict):
            self.fault(path, self.at(path, *keys), f"`{'.'.join(keys)}` must be a table", "Write it as [name] followed by its keys.")
            return None
        values: dict[str, Any] = dict(given)
        known = {field.name: field for field in fields(kind)}
        for key, value in table.items():
            if key not in known or key in given:
                self.fault(path, self.at(path, *keys, key), f"`{key}` is not known here", f"Known: {', '.join(k for k in known if k not in given)}.")
                continue
            try:
                values[key] = msgspec.convert(value, known[key].type)
            except msgspec.ValidationError as error:
                self.fault(path, self.at(path, *keys, key), f"`{key}`: {str(error)[0].lower()}{str(error)[1:]}", "Correct its type.")
        for name, field in known.items():
            if name not in values and name not in table and field.default is NODEFAULT and field.default_factory is NODEFAULT:
                self.fault(path, self.at(path, *keys), f"`{name}` is missing", "Add it.")
        return kind(**values) if len(self.faults) == before else None

    def records(self, kind: type[S], path: str, name: str, *, needed: bool = True) -> dict[str, S]:
        found: dict[str, S] = {}
        for key, table in self.toml(path, needed=needed).items():
            record = self.record(kind, path, table, (key,), **{name: key})
            if record is not None:
                found[key] = record
        return found


def read(files: Mapping[str, bytes]) -> Strategy:
    """The strategy of these files; :class:`Invalid` with every fault, one a line, when there is any. Same bytes, same version."""
    reading = _Reading(files)
    brand = reading.record(Brand, "brand.toml", reading.toml("brand.toml"), ())
    objectives = reading.records(Objective, "objectives.toml", "id")
    purposes = reading.records(Purpose, "purposes.toml", "key")
    segments = _segments(reading)
    actions = _actions(reading)
    places = _places(reading)
    families = _families(reading)
    products, pushed_never = _products(reading)
    devices = DEVICES | reading.records(Device, "devices.toml", "profile", needed=False)
    if brand is not None:
        _check_brand(reading, brand, devices)
        _check_words(reading, brand, purposes, actions)
    _check_purposes(reading, purposes)
    _check_objectives(reading, objectives)
    conditions, product_conditions = _check_actions(reading, actions, objectives, purposes, segments)
    if reading.faults or brand is None:
        faults = sorted(set(reading.faults))
        raise Invalid(f"This strategy has {len(faults)} fault{'s' if len(faults) > 1 else ''}:\n" + "\n".join(faults))

    waking: dict[str, tuple[Action, ...]] = {}
    for action in sorted(actions.values(), key=lambda one: one.id):
        for kind in action.woken_by:
            waking[kind] = (*waking.get(kind, ()), action)
    indexes = {}
    for kind, woken in waking.items():
        for purpose in sorted({action.purpose for action in woken}):
            group = tuple([action for action in woken if action.purpose == purpose])
            indexes[kind, purpose] = (group, Index([conditions[action.id] for action in group]))
    version = version_of(*[part for path in sorted(files) for part in (path.encode(), files[path])])
    never = frozenset(key for key, family in families.items() if family.never_push) | pushed_never
    return Strategy(
        version, brand, objectives, purposes, actions, segments, places, products, families, devices, never, waking, indexes, product_conditions,
    )  # fmt: skip


def _segments(reading: _Reading) -> dict[str, Condition]:
    """Segments in the order of the file: each may use those above it, so a cycle cannot be written."""
    found: dict[str, Condition] = {}
    for name, text in reading.toml("segments.toml", needed=False).items():
        try:
            found[name] = parse(str(text), segments=found)
        except ConditionError as error:
            reading.fault("segments.toml", reading.at("segments.toml", name), f"segment `{name}`: {error}", "")
    return found


def _actions(reading: _Reading) -> dict[str, Action]:
    found: dict[str, Action] = {}
    for path in sorted(reading.files):
        if path.startswith("actions/") and path.endswith(".toml"):
            name = path.removeprefix("actions/").removesuffix(".toml")
            action = reading.record(Action, path, reading.toml(path), (), id=name)
            if action is not None:
                found[name] = action
    return found


def _places(reading: _Reading) -> dict[str, Place]:
    path, found = "places.geojson", dict[str, Place]()
    try:
        features = msgspec.json.decode(reading.files.get(path, b'{"features":[]}'))["features"]
        for feature in features:
            geometry, about = feature["geometry"], feature["properties"]
            if geometry["type"] == "Point":
                longitude, latitude = geometry["coordinates"]
                spot = {"longitude": longitude, "latitude": latitude, "radius_m": about["radius_m"]}
            else:
                spot = {"ring": geometry["coordinates"][0]}
            found[about["id"]] = msgspec.convert({k: about[k] for k in ("id", "kind", "name", "zone")} | spot, Place)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, IndexError) as error:
        reading.fault(path, 1, f"this is not a GeoJSON collection of places ({error})", "Give each id, kind, name, zone, and a Point with radius_m or a Polygon.")
    return found


def _rows(reading: _Reading, path: str, needed: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    if path not in reading.files:
        return []
    rows = csv.DictReader(io.StringIO(reading.text(path)))
    missing = [name for name in needed if name not in (rows.fieldnames or ())]
    if missing:
        reading.fault(path, 1, f"the column {', '.join(missing)} is missing", f"The first line names the columns: {', '.join(needed)}, …")
        return []
    return [(line, row) for line, row in enumerate(rows, start=2)]


def _families(reading: _Reading) -> dict[str, Family]:
    found = {}
    for line, row in _rows(reading, "families.csv", ("family", "name_fr", "name_en")):
        if row["family"] in found:
            reading.fault("families.csv", line, f"`{row['family']}` is there twice", "Keep one.")
        found[row["family"]] = Family(row["family"], row["name_fr"], row["name_en"], row.get("never_push") or "")
    return found


def _products(reading: _Reading) -> tuple[dict[str, Product], frozenset[str]]:
    found: dict[str, Product] = {}
    never: set[str] = set()
    for line, row in _rows(reading, "products.csv", ("gtin", "family")):
        gtin, family = row["gtin"], row["family"]
        if not gtin or gtin in found:
            reading.fault("products.csv", line, f"the product `{gtin}` is {'there twice' if gtin else 'not named'}", "Each line names one product by its gtin.")
        try:
            price, margin = int(row.get("price_cents") or 0), float(row.get("margin_share") or 0.0)
        except ValueError:
            reading.fault("products.csv", line, f"the price or margin of `{gtin}` is not a number", "price_cents is whole cents, margin_share 0 to 1.")
            continue
        if row.get("never_push"):
            never.add(family or gtin)
        found[gtin] = Product(
            gtin, family or gtin, row.get("name_fr") or "", row.get("name_en") or "", price, margin, row.get("aisle") or "", row.get("image") or "",
        )  # fmt: skip
    return found, frozenset(never)


def _check_brand(reading: _Reading, brand: Brand, devices: dict[str, Device]) -> None:
    path = "brand.toml"
    if not brand.languages or not set(brand.languages) <= {"fr", "en"}:
        reading.fault(path, reading.at(path, "languages"), "`languages` must be fr, en or both", "Cards are written in these.")
    if brand.default_device not in devices:
        reading.fault(path, reading.at(path, "default_device"), f"`{brand.default_device}` is not a device", f"Known: {', '.join(devices)}.")
    if not 0.0 <= brand.exploration_floor <= 0.5:
        reading.fault(path, reading.at(path, "exploration_floor"), "`exploration_floor` must be between 0 and 0.5", "0.02 is usual.")
    for key in ("quiet_from_h", "quiet_until_h"):
        if not 0.0 <= getattr(brand, key) <= 24.0:
            reading.fault(path, reading.at(path, key), f"`{key}` must be an hour from 0 to 24", "22 and 7 are usual.")


def _check_purposes(reading: _Reading, purposes: dict[str, Purpose]) -> None:
    path = "purposes.toml"
    for key, purpose in purposes.items():
        if purpose.iri in NEVER_A_PURPOSE:
            reading.fault(path, reading.at(path, key, "iri"), f"`{purpose.iri}` may never be a purpose", "Selling data and watching employees are refused.")
        unknown = purpose.categories - set(CATEGORIES)
        if unknown:
            reading.fault(path, reading.at(path, key, "categories"), f"{', '.join(sorted(unknown))}: no such category", f"Known: {', '.join(CATEGORIES)}.")


def _check_objectives(reading: _Reading, objectives: dict[str, Objective]) -> None:
    path = "objectives.toml"
    for key, objective in objectives.items():
        if not 0.0 <= objective.holdout_share <= 0.9:
            reading.fault(path, reading.at(path, key, "holdout_share"), "`holdout_share` must be between 0 and 0.9", "0.1 is usual.")
        if objective.credit == "uplift" and objective.holdout_share == 0.0:
            reading.fault(path, reading.at(path, key, "credit"), "uplift cannot be measured without a holdout", "Set holdout_share, or credit = \"response\".")


def _check_words(reading: _Reading, brand: Brand, purposes: dict[str, Purpose], actions: dict[str, Action]) -> None:
    for key, purpose in purposes.items():
        for language in brand.languages:
            if not purpose.benefit.get(language) or not purpose.notice.text.get(language):
                reading.fault("purposes.toml", reading.at("purposes.toml", key), f"`{key}` has no {language} benefit or notice", "Write both.")
    for name, action in actions.items():
        path = f"actions/{name}.toml"
        for language in brand.languages:
            words = action.card.get(language)
            if words is None:
                reading.fault(path, reading.at(path, "card"), f"there is no {language} card", f"Add [card.{language}].")
                continue
            for key, limit in (("title", TITLE_LIMIT), ("body", BODY_LIMIT)):
                if len(_bare(getattr(words, key))) > limit:
                    reading.fault(path, reading.at(path, language, key), f"`{key}` is longer than {limit} characters", "A glance is short.")
            if len(f"{_bare(words.title)} {_bare(words.body)}".split()) > WORDS_LIMIT:
                reading.fault(path, reading.at(path, language, "body"), f"title and body have more than {WORDS_LIMIT} words", "A glance is short.")
            if len(words.why.split()) > SPEECH_WORDS_LIMIT or not words.why:
                reading.fault(path, reading.at(path, language, "why"), f"`why` must be one sentence of at most {SPEECH_WORDS_LIMIT} words", "Say which data.")
            unknown = set(re.findall(r"\{(\w*)\}", f"{words.title}{words.body}{words.why}{words.yes}{words.no}")) - set(_PLACEHOLDERS)
            if unknown:
                reading.fault(path, reading.at(path, language), f"{{{', '.join(sorted(unknown))}}} is not a placeholder", f"Known: {', '.join(_PLACEHOLDERS)}.")


_PLACEHOLDERS: Final = ("family", "product", "price", "days", "place")


def _bare(text: str) -> str:
    return re.sub(r"\{\w*\}", "", text)


def _check_actions(
    reading: _Reading, actions: dict[str, Action], objectives: dict[str, Objective], purposes: dict[str, Purpose], segments: dict[str, Condition],
) -> tuple[dict[str, Condition], dict[str, Condition]]:  # fmt: skip
    conditions: dict[str, Condition] = {}
    product_conditions: dict[str, Condition] = {}
    for name, action in actions.items():
        path = f"actions/{name}.toml"
        purpose = purposes.get(action.purpose)
        if action.objective not in objectives:
            reading.fault(path, reading.at(path, "objective"), f"`{action.objective}` is not an objective", "Define it in objectives.toml.")
        if purpose is None:
            reading.fault(path, reading.at(path, "purpose"), f"`{action.purpose}` is not a purpose", "Define it in purposes.toml.")
        for kind in action.woken_by:
            if kind not in CATEGORY:
                reading.fault(path, reading.at(path, "woken_by"), f"`{kind}` is no kind of moment", f"Known: {', '.join(CATEGORY)}.")
            elif purpose is not None and CATEGORY[kind] not in purpose.categories | OURS:
                reading.fault(path, reading.at(path, "woken_by"), f"`{kind}` carries {CATEGORY[kind]}, which {purpose.key} may not read", "Widen the purpose.")
        for key, scopes, into in (("when", ("moment", "person"), conditions), ("product_when", ("product",), product_conditions)):
            try:
                condition = parse(getattr(action, key), segments=segments)
            except ConditionError as error:
                reading.fault(path, reading.at(path, key), f"`{key}`: {error}", "")
                continue
            for attribute in sorted(condition.paths):
                about = ATTRIBUTES[attribute]
                if about.scope not in scopes:
                    reading.fault(path, reading.at(path, key), f"`{attribute}` is of the {about.scope}, not for `{key}`", "Use the other key.")
                if purpose is not None and about.category not in purpose.categories | OURS:
                    reading.fault(path, reading.at(path, key), f"`{attribute}` reads {about.category}, which {purpose.key} may not", "Widen the purpose, or drop it.")
            if key == "when" or condition.paths:
                into[name] = condition
    return conditions, product_conditions


