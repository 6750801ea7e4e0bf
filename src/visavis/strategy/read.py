"""Read a brand's folder, given as ``{path: bytes}``, into one validated strategy, or list *all* its faults by line."""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from visavis.model.action import Action, Objective
from visavis.model.attributes import ATTRIBUTES
from visavis.model.catalogue import Device, Family, Place, Product
from visavis.model.consent import CATEGORIES, Purpose
from visavis.model.customer import Customer
from visavis.model.errors import Invalid
from visavis.model.ids import version_of
from visavis.model.moment import KINDS
from visavis.strategy import lint, notices, tables
from visavis.strategy.brand import Brand
from visavis.strategy.conditions import ALWAYS, Condition, ConditionError, parse
from visavis.strategy.faults import Reading
from visavis.strategy.places import PlaceIndex
from visavis.strategy.rules import Index
from visavis.strategy.screens import DEVICES

__all__ = ["Brand", "Strategy", "read"]

FILES: Final = (
    "brand.toml",
    "objectives.toml",
    "purposes.toml",
    notices.LOCK,
    "segments.toml",
    "devices.toml",
    "webhooks.toml",
    "products.csv",
    "families.csv",
    "places.geojson",
)


WEBHOOKS: Final = "webhooks.toml"
OUTSIDE: Final = frozenset({"order"})
"""Effects that another system must carry out."""
COLLECTED: Final = {WEBHOOKS: b'effects = ["order"]'}
"""The file of a brand that collects its orders without a webhook."""


class Delivered(Struct, frozen=True):
    """``webhooks.toml``: the effects that reach another system. A server writes it from its settings when absent."""

    effects: frozenset[str] = OUTSIDE


class WokenActions(Struct, frozen=True):
    """The actions of one purpose woken by one kind of moment for one audience, by id; ``index`` their ``when``."""

    actions: tuple[Action, ...]
    index: Index
    reads: frozenset[str]


class Strategy(Struct, frozen=True):
    """A validated strategy: every name is defined, every condition reads only what its purpose covers.

    ``within`` gives, for a place that lies in others, these others, the smallest first.
    """

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
    woken: dict[tuple[str, str], dict[str, WokenActions]]
    product_conditions: dict[str, Condition]
    place_index: PlaceIndex
    within: dict[str, tuple[str, ...]]
    delivered: frozenset[str]

    @property
    def without_target(self) -> list[Action]:
        """The actions whose effect nothing would deliver: they are never shown (``no_target``)."""
        return [one for one in self.actions.values() if not self.delivers(one)]

    def delivers(self, action: Action) -> bool:
        """Whether what this action asks of another system reaches it."""
        return action.effect not in OUTSIDE or action.effect in self.delivered

    def woken_by(self, kind: str, audience: str) -> Mapping[str, WokenActions]:
        """The actions that this kind of moment wakes for this audience, by the purpose under which they read."""
        return self.woken.get((kind, audience), {})

    def language_for(self, customer: Customer | None = None, *asked: str) -> str:
        """The language to write in: the first ``asked`` for that the brand has, else the customer's, else its first."""
        wanted = (*asked, customer.language if customer is not None else "")
        return next((one for one in wanted if one in self.brand.languages), self.brand.languages[0])


def read(files: Mapping[str, bytes]) -> Strategy:
    """The strategy of these files; :class:`Invalid` with every fault, one a line. Same bytes, same version."""
    reading = Reading(files)
    brand = reading.record(Brand, "brand.toml", reading.toml("brand.toml"), ())
    objectives = reading.records(Objective, "objectives.toml", "id")
    purposes = reading.records(Purpose, "purposes.toml", "key")
    devices = DEVICES | reading.records(Device, "devices.toml", "profile", needed=False)
    segments = _segments(reading)
    actions = _actions(reading)
    families = tables.families(reading)
    products, barred = tables.products(reading)
    places = tables.places(reading)
    webhooks = reading.record(Delivered, WEBHOOKS, reading.toml(WEBHOOKS, needed=False), ())
    _unknown_files(reading)

    languages = brand.languages if brand is not None else ("fr", "en")
    if brand is not None:
        lint.brand(reading, brand, devices)
    lint.purposes(reading, purposes, languages)
    notices.check(reading, purposes)
    lint.objectives(reading, objectives, languages)
    for profile in devices.keys() - DEVICES.keys():
        lint.ranges(reading, "devices.toml", devices[profile], profile)
    conditions: dict[str, Condition] = {}
    product_conditions: dict[str, Condition] = {}
    for name, action in actions.items():
        purpose = purposes.get(action.purpose)
        lint.action(reading, action, purpose)
        lint.outcome(reading, action, purpose, objectives.get(action.objective))
        lint.words(reading, action, languages)
        conditions[name] = lint.condition(reading, action, "when", purpose, segments) or ALWAYS
        about_product = lint.condition(reading, action, "product_when", purpose, segments)
        if about_product is not None and about_product.paths:
            product_conditions[name] = about_product

    faults = reading.listed()
    if faults or brand is None:
        raise Invalid(f"This strategy has {len(faults)} fault{'s' if len(faults) > 1 else ''}:\n" + "\n".join(faults))
    index = PlaceIndex(places.values())
    return Strategy(
        version=version_of(*[part for path in sorted(files) for part in (path.encode(), files[path])]),
        brand=brand,
        objectives=objectives,
        purposes=purposes,
        actions=actions,
        segments=segments,
        places=places,
        products=products,
        families=families,
        devices=devices,
        never_push=barred | {key for key, family in families.items() if family.never_push},
        woken=_woken(actions, conditions, product_conditions),
        product_conditions=product_conditions,
        place_index=index,
        within={place.id: around for place in places.values() if (around := index.within(place))},
        delivered=webhooks.effects if webhooks is not None else OUTSIDE,
    )


def with_targets(files: Mapping[str, bytes], effects: Iterable[str]) -> dict[str, bytes]:
    """The files as a server loads them: with the effects that its settings deliver, unless the strategy says which."""
    found = ", ".join([f'"{one}"' for one in sorted(OUTSIDE.intersection(effects))])
    return {WEBHOOKS: f"effects = [{found}]\n".encode(), **files}


def _reads(action: Action, when: Condition, product_when: Condition | None) -> frozenset[str]:
    """The categories that deciding on this action reads besides the waking moment's; for a brief all that it may."""
    if action.audience == "adviser":
        return frozenset(CATEGORIES)
    paths = when.paths | (product_when.paths if product_when is not None else frozenset())
    return frozenset({ATTRIBUTES[path].category for path in paths} | lint.READ_BY[action.about]) - {""}


def _segments(reading: Reading) -> dict[str, Condition]:
    """Segments in the order of the file: each may use those above it, so a cycle cannot be written."""
    path, found = "segments.toml", dict[str, Condition]()
    for name, text in (reading.toml(path, needed=False) or {}).items():
        found[name] = ALWAYS  # one fault is enough: those that use a faulty segment are not faulty for it
        if not name.isidentifier():
            reading.fault(path, name, f"`{name}` cannot be named in a condition", "Use letters, digits and _.")
        if not isinstance(text, str):
            reading.fault(path, name, f"segment `{name}` must be a text", "Write a condition between quotes.")
            continue
        try:
            found[name] = parse(text, segments={key: condition for key, condition in found.items() if key != name})
        except ConditionError as error:
            reading.fault(path, name, f"segment `{name}`: {error.args[0].removesuffix('.')}", error.advice)
    return found


def _actions(reading: Reading) -> dict[str, Action]:
    found: dict[str, Action] = {}
    for path in sorted(reading.files):
        if path.startswith("actions/") and path.endswith(".toml"):
            name = path.removeprefix("actions/").removesuffix(".toml")
            action = reading.record(Action, path, reading.toml(path), (), id=name)
            if action is not None:
                found[name] = action
    return dict(sorted(found.items()))


def _unknown_files(reading: Reading) -> None:
    """A file whose name is misspelt is a fault: it would not be read."""
    for path in reading.files:
        if path.endswith((".toml", ".csv", ".geojson")) and "/" not in path and path not in FILES:
            known = f"{', '.join(FILES)}, actions/*.toml, stories/*.toml"
            reading.fault(path, 1, "nothing reads this file", f"Known: {known}.")


def _woken(
    actions: Mapping[str, Action], when: Mapping[str, Condition], product_when: Mapping[str, Condition]
) -> dict[tuple[str, str], dict[str, WokenActions]]:
    groups: dict[tuple[str, str], dict[str, list[Action]]] = {}
    for action in actions.values():
        for kind in action.woken_by:
            groups.setdefault((kind, action.audience), {}).setdefault(action.purpose, []).append(action)
    return {
        (kind, audience): {
            purpose: WokenActions(
                tuple(group),
                Index([when[action.id] for action in group]),
                # A card about what is looked at may say how much of it is left at home.
                frozenset({KINDS[kind].category, "home" if kind == "saw" else ""}).union(
                    *[_reads(action, when[action.id], product_when.get(action.id)) for action in group]
                ),
            )
            for purpose, group in by_purpose.items()
        }
        for (kind, audience), by_purpose in groups.items()
    }
