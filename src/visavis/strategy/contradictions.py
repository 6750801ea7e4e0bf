"""Conditions that can never hold: names that do not exist, numbers that cannot be, tests that exclude each other."""
# A condition is looked at alternative by alternative (its disjunctive normal form), for each kind of moment that asks.

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import floor, inf
from typing import Any, Final

from msgspec import Struct

from visavis.model.attributes import ATTRIBUTES
from visavis.model.catalogue import Device, Family, Place, Product
from visavis.model.moment import KINDS
from visavis.strategy.brand import Brand
from visavis.strategy.conditions import Condition
from visavis.strategy.faults import Reading
from visavis.strategy.sentences import as_text
from visavis.strategy.suggestion import suggestion
from visavis.strategy.tree import Test, Value, contrary, evaluate


class Names(Struct, frozen=True):
    """The names that exist, by the attributes that are compared with them; of the ``open`` ones there are others too.

    An attribute of text that is not here may be anything.
    """

    known: Mapping[str, frozenset[str]] = {}
    open: frozenset[str] = frozenset()


BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "moment.hour": (0, 24),
    "moment.weekday": (0, 6),
    "place.dwell_s": (0, 86_400),
    "basket.lines": (0, 500),
    "saw.units_at_home": (0, inf),
    "home.units": (0, inf),
    "measure.goal_share": (0, inf),
    "worth.spend_28d_cents": (0, inf),
    "worth.trips_28d": (0, inf),
    "worth.trips": (0, inf),
    "worth.days_since_trip": (0, inf),
    "device.battery": (0, 1),
    "product.price_cents": (0, inf),
    "product.margin_share": (0, 1),
    "need.p_visit": (0, 1),
    "need.p_forgotten": (0, 1),
    "need.p7": (0, 1),
    "need.times": (0, inf),
    "need.days_since": (0, inf),
}
"""The least and the greatest value of a number."""
WHOLE: Final = frozenset({"moment.weekday", "basket.lines", "need.times", "worth.trips"})
"""Numbers that are counts: they equal whole numbers only."""
_WHOLE: Final = ", a whole number"
_FAR: Final = 2.0**60
_CARRIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "place.dwell_s": ("dwelled",),
    "basket": ("paying", "bought"),
    "saw": ("saw",),
    "home": ("stocked", "consumed", "ran_out"),
    "asked": ("asked",),
    "measure": ("measured",),
}


def carriers(path: str) -> tuple[str, ...]:
    """The kinds of moment that say something about this attribute; all of them for one of the person."""
    scope = path.partition(".")[0]
    if path in _CARRIERS or scope in _CARRIERS:
        return _CARRIERS.get(path) or _CARRIERS[scope]
    if scope == "place":
        return tuple([kind for kind, of in KINDS.items() if "place" in of.__struct_fields__])
    if path in ("moment.hour", "moment.weekday"):
        return tuple([kind for kind, of in KINDS.items() if of.has_local_time])
    return tuple(KINDS)


def names(
    reading: Reading,
    brand: Brand | None,
    devices: Mapping[str, Device],
    families: Mapping[str, Family],
    products: Mapping[str, Product],
    places: Mapping[str, Place],
) -> Names:
    """The names that exist in this strategy, by the attributes that are compared with them."""
    every_family = frozenset(families) | {product.family for product in products.values()}
    found = {
        "moment.kind": frozenset(KINDS),
        "place.id": frozenset(places),
        "place.kind": frozenset([place.kind for place in places.values()]),
        "device.profile": frozenset(devices),
        **dict.fromkeys(("saw.family", "home.family", "product.family"), every_family),
        **dict.fromkeys(("saw.product", "home.product", "product.id"), frozenset(products)),
    }
    if brand is not None:
        found |= {"customer.language": frozenset(("fr", "en")), "customer.tags": frozenset(brand.traits)}
        found |= {"measure.name": frozenset(brand.measures)}
    read_from = {"place": "places.geojson", "saw": "products.csv", "home": "products.csv", "product": "products.csv"}
    # A table that is missing or faulty is told of itself, not by everything that names something in it.
    found = {
        path: those
        for path, those in found.items()
        if those and reading.is_clean(read_from.get(path.partition(".")[0], "")) and reading.is_clean("families.csv")
    }
    unlisted = {"place.id"} if brand is not None and brand.place_ids else set[str]()
    return Names(found, frozenset({"saw.product", "home.product", "product.id"} | unlisted))


def check(reading: Reading, path: str, key: str, condition: Condition, named: Names, kinds: Sequence[str] = ()) -> bool:
    """Whether each name and number exists and the condition can hold; a part that cannot is a warning."""
    each = dict.fromkeys(test for tests in condition.alternatives for test in tests)
    doubtful = {test: found for test in each if (found := _impossible(test, named)) is not None}
    dead = {test for test in doubtful if not _can_hold([test], named)}
    alive = [tests for tests in condition.alternatives if dead.isdisjoint(tests)]
    for what, advice in doubtful.values():
        (reading.warn if alive else reading.fault)(path, key, f"`{key}`: {what}", advice)
    reasons = [_contradiction(tests, named) for tests in alive]
    if alive and all(reasons):
        reading.fault(path, key, f"`{key}` can never hold: {reasons[0]}", "Correct one of them.")
    if all(reasons):
        return False
    for reason in filter(None, reasons):
        reading.warn(path, key, f"a part of `{key}` can never hold: {reason}", "Correct it, or drop that part.")
    possible = [tests for tests, reason in zip(alive, reasons, strict=True) if not reason]
    return _asked_by(reading, path, key, possible, [kind for kind in kinds if kind in KINDS])


def _asked_by(
    reading: Reading, path: str, key: str, possible: Sequence[tuple[Test, ...]], kinds: Sequence[str]
) -> bool:
    """Whether some kind of moment that wakes the action says what the condition asks for."""
    silent = {kind: found for kind in kinds if (found := _never_at(possible, kind)) is not None}
    dead = bool(silent) and len(silent) == len(kinds)
    for kind, (reason, advice) in silent.items():
        what = f"`{key}` can never hold when `{kind}` wakes it: {reason}"
        (reading.fault if dead else reading.warn)(path, key, what, advice)
    return not dead


def _never_at(possible: Iterable[tuple[Test, ...]], kind: str) -> tuple[str, str] | None:
    """Why no alternative can hold at this kind of moment, and advice; ``None`` when one can."""
    found: tuple[str, str] | None = None
    for tests in possible:
        said = {"moment.kind": kind}
        unknown = [test for test in tests if test.operator != "is" and kind not in carriers(test.path)]
        other = [test for test in tests if test.path in said and evaluate(test, said) is not True]
        if not unknown and not other:
            return None
        if unknown:
            known = f"It is known of: {', '.join(carriers(unknown[0].path))}."
            found = found or (f"`{unknown[0].path}` is not known then", known)
        else:
            found = found or (f"it asks for `{as_text(other[0])}`", "Name the same kind in `woken_by`.")
    return found


def _impossible(test: Test, named: Names) -> tuple[str, str] | None:
    """What is wrong with the constants of one test, and advice."""
    if (known := named.known.get(test.path)) is not None:
        unknown = [one for one in _constants(test) if isinstance(one, str) and one not in known]
        if not unknown:
            return None
        what = f"`{test.path}` is never `{unknown[0]}`"
        if test.path in named.open:
            what = f"no file lists `{unknown[0]}`, with which `{test.path}` is compared"
        return what, suggestion(unknown[0], sorted(known))
    if test.path not in BOUNDS or test.operator in ("is", "isnt"):
        return None
    low, high = BOUNDS[test.path]
    limits = f"{low:g} to {high:g}" if high < inf else f"{low:g} or more"
    advice = f"It is {limits}{', so that 50 % is 0.5' if high == 1 else ''}{_WHOLE if test.path in WHOLE else ''}."
    if not _can_hold([test], named):
        return f"`{as_text(test)}` can never hold", advice
    beyond = any(isinstance(one, float) and not low <= one <= high for one in _constants(test))
    return (f"`{as_text(test)}` always holds", advice) if beyond and not _can_hold([contrary(test)], named) else None


def _contradiction(tests: Iterable[Test], named: Names) -> str:
    """The tests of one alternative that exclude each other, as text; empty when all can hold together."""
    by_path: dict[str, list[Test]] = {}
    for test in tests:
        by_path.setdefault(test.path, []).append(test)
    for together in by_path.values():
        if not _can_hold(together, named):
            return " and ".join(f"`{as_text(test)}`" for test in together) + " exclude each other"
    return ""


def _can_hold(tests: Sequence[Test], named: Names) -> bool:
    """Whether some value of their attribute satisfies all these tests."""
    path = tests[0].path
    return any(all(evaluate(test, {path: value}) is True for test in tests) for value in _values(tests, named))


def _values(tests: Sequence[Test], named: Names) -> list[Value]:
    """Values enough to try: each constant, what lies between and beyond them, and no value at all."""
    path, constants = tests[0].path, [one for test in tests for one in _constants(test)]
    match ATTRIBUTES[path].type:
        case "flag":
            return [None, True, False]
        case "tags":
            wanted = frozenset([str(test.value) for test in tests if test.operator == "has"])
            return [None, frozenset(), wanted & named.known.get(path, wanted)]
        case "text":
            return [None, *(named.known[path] if path in named.known.keys() - named.open else ("", *constants))]
        case _:
            low, high = BOUNDS.get(path, (-inf, inf))
            edges = [max(low, -_FAR), *sorted(float(one) for one in constants if one is not None), min(high, _FAR)]
            tried = [value for a, b in pairwise(edges) for value in (a, (a + b) / 2, b)]
            if path in WHOLE:
                tried = [float(whole) for value in tried for whole in (floor(value), floor(value) + 1)]
            return [None, *[value for value in tried if low <= value <= high]]


def _constants(test: Test) -> tuple[Any, ...]:
    return test.value if isinstance(test.value, tuple) else (test.value,)
