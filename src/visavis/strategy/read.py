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
from visavis.strategy import contradictions, dead_actions, geojson, lint, notices, tables
from visavis.strategy.brand import Brand
from visavis.strategy.conditions import ALWAYS, Condition, ConditionError, parse
from visavis.strategy.contradictions import Names, names
from visavis.strategy.faults import Reading
from visavis.strategy.file_names import is_own, mistaken
from visavis.strategy.places import PlaceIndex
from visavis.strategy.rules import Index
from visavis.strategy.screens import DEVICES
from visavis.strategy.suggestion import suggestion

__all__ = ["Brand", "Strategy", "read"]


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
    conditions: dict[str, Condition]
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

    def condition(self, action: Action) -> Condition | None:
        """When this action holds; ``None`` when it always does."""
        found = self.conditions[action.id]
        return found if found.paths else None

    def language_for(self, customer: Customer | None = None, *asked: str) -> str:
        """The language to write in: the first ``asked`` for that the brand has, else the customer's, else its first."""
        wanted = (*asked, customer.language if customer is not None else "")
        return next((one for one in wanted if one in self.brand.languages), self.brand.languages[0])


def read(files: Mapping[str, bytes], *, live: bool = False) -> Strategy:
    """The strategy of these files; :class:`Invalid` with every fault, one a line. Same bytes, same version.

    ``live`` strategies, which are about to serve, also have no action or condition that could never be of use. Those of
    a log are read as they were.
    """
    reading = Reading(files)
    strategy = assemble(reading, live=live)
    if strategy is None:
        faults = reading.listed()
        raise Invalid(f"This strategy has {len(faults)} fault{'s' if len(faults) > 1 else ''}:\n" + "\n".join(faults))
    return strategy


def assemble(reading: Reading, *, live: bool) -> Strategy | None:
    """The strategy of what is being read, or ``None`` with each of its faults noted."""
    brand = reading.record(Brand, "brand.toml", reading.toml("brand.toml"), ())
    languages = lint.languages(reading)
    objectives = reading.records(Objective, "objectives.toml", "id")
    purposes = reading.records(Purpose, "purposes.toml", "key")
    devices = DEVICES | reading.records(Device, "devices.toml", "profile", needed=False)
    families = tables.families(reading)
    products, barred = tables.products(reading)
    places = geojson.places(reading)
    named = names(reading, brand, devices, families, products, places)
    segments = _segments(reading, named if live else None)
    actions = _actions(reading)
    webhooks = reading.record(Delivered, WEBHOOKS, reading.toml(WEBHOOKS, needed=False), ())
    for effect in sorted(webhooks.effects - OUTSIDE) if webhooks is not None else ():
        reading.fault(WEBHOOKS, "effects", f"`{effect}` is not an effect", suggestion(effect, OUTSIDE))
    _unknown_files(reading)

    if brand is not None:
        lint.brand(reading, brand, devices)
    lint.purposes(reading, purposes, languages)
    notices.check(reading, purposes)
    lint.objectives(reading, objectives, languages)
    for profile in devices.keys() - DEVICES.keys():
        lint.ranges(reading, "devices.toml", devices[profile], profile)
    for action in actions.values():
        lint.action(reading, action, purposes.get(action.purpose))
        lint.outcome(reading, action, purposes.get(action.purpose), objectives.get(action.objective))
        lint.words(reading, action, languages)
    conditions, product_conditions = _conditions(reading, actions, purposes, segments)
    for name, action in actions.items() if live else ():
        if reading.is_clean(path := f"actions/{name}.toml"):
            dead_actions.check(reading, action, objectives.get(action.objective))
            contradictions.check(reading, path, "when", conditions[name], named, action.woken_by)
            contradictions.check(reading, path, "product_when", product_conditions.get(name, ALWAYS), named)

    if brand is None or reading.listed():
        return None
    files = {path: content for path, content in reading.files.items() if is_own(path)}
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
        conditions=conditions,
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


def _segments(reading: Reading, named: Names | None) -> dict[str, Condition]:
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
            parsed = parse(text, segments={key: condition for key, condition in found.items() if key != name})
        except ConditionError as error:
            reading.fault(path, name, f"segment `{name}`: {error.args[0].removesuffix('.')}", error.advice)
            continue
        if named is None or contradictions.check(reading, path, name, parsed, named):
            found[name] = parsed
    return found


def _conditions(
    reading: Reading, actions: Mapping[str, Action], purposes: Mapping[str, Purpose], segments: Mapping[str, Condition]
) -> tuple[dict[str, Condition], dict[str, Condition]]:
    """When each action holds, and about which products, for those that say so."""
    when, product_when = dict[str, Condition](), dict[str, Condition]()
    for name, action in actions.items():
        purpose = purposes.get(action.purpose)
        when[name] = lint.condition(reading, action, "when", purpose, segments) or ALWAYS
        about_product = lint.condition(reading, action, "product_when", purpose, segments)
        if about_product is not None and about_product.paths:
            product_when[name] = about_product
    return when, product_when


def _actions(reading: Reading) -> dict[str, Action]:
    found: dict[str, Action] = {}
    for path in sorted(reading.files):
        if path.startswith("actions/") and is_own(path):
            name = path.removeprefix("actions/").removesuffix(".toml")
            action = reading.record(Action, path, reading.toml(path), (), id=name)
            if action is not None:
                found[name] = action
    return dict(sorted(found.items()))


def _unknown_files(reading: Reading) -> None:
    """A file that was meant for the strategy, and that nothing reads, is a fault."""
    for path in reading.files:
        if advice := mistaken(path):
            reading.fault(path, 1, "nothing reads this file", advice)


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
