"""The syntax tree of a condition and its evaluation in Kleene's three values; absent (``None``, NaN) is *unknown*."""

from collections.abc import Callable, Iterator, Mapping
from math import isnan
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final

from msgspec import Struct

from visavis.model.errors import Invalid

ALTERNATIVES_LIMIT: Final = 64

Value = str | float | bool | frozenset[str] | None
Facts = Mapping[str, Value]


class ConditionError(Invalid):
    """A condition that cannot be parsed: where, what was expected, what to do."""


class Test(Struct, frozen=True):
    """One predicate: an attribute, an operator and constants.

    ``operator`` is one of ``< <= > >= == !=``, ``in`` and ``not in`` (a tuple of constants), ``has`` and ``lacks`` (a
    tag), ``is`` and ``isnt`` (absent, present: the only two-valued ones), ``true`` (a flag, compared with ``True``, or
    with ``False`` once negated).
    """

    path: str
    operator: str
    value: Any


class Not(Struct, frozen=True):
    """The negation; unknown stays unknown."""

    one: "Tree"


class AllOf(Struct, frozen=True):
    """True when all are, false when one is."""

    parts: tuple["Tree", ...]


class AnyOf(Struct, frozen=True):
    """True when one is, false when all are."""

    parts: tuple["Tree", ...]


Tree = Test | Not | AllOf | AnyOf

_PAIRS: Final = (("<", ">="), (">", "<="), ("==", "!="), ("in", "not in"), ("has", "lacks"), ("is", "isnt"))
_CONTRARY: Final = dict(_PAIRS) | {b: a for a, b in _PAIRS}
_HOLDS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "==": eq,
    "!=": ne,
    "in": lambda x, c: x in c,
    "not in": lambda x, c: x not in c,
    "has": lambda x, c: c in x,
    "lacks": lambda x, c: c not in x,
    "true": lambda x, c: x is c,
}


def contrary(test: Test) -> Test:
    """The test that is true where this one is false, and unknown where it is unknown."""
    if test.operator == "true":
        return Test(test.path, "true", not test.value)
    return Test(test.path, _CONTRARY[test.operator], test.value)


def is_absent(value: Value) -> bool:
    """Whether there is no value: missing, ``None`` or NaN."""
    return value is None or (isinstance(value, float) and isnan(value))


def evaluate(tree: Tree, facts: Facts) -> bool | None:
    """True, false, or ``None`` for unknown."""
    match tree:
        case Test():
            x = facts.get(tree.path)
            if tree.operator in ("is", "isnt"):
                return is_absent(x) is (tree.operator == "is")
            return None if is_absent(x) else _HOLDS[tree.operator](x, tree.value)
        case Not(one=one):
            held = evaluate(one, facts)
            return None if held is None else not held
        case AllOf(parts=parts):
            values = [evaluate(part, facts) for part in parts]
            return False if False in values else None if None in values else True
        case AnyOf(parts=parts):
            values = [evaluate(part, facts) for part in parts]
            return True if True in values else None if None in values else False


def alternatives(tree: Tree, *, negated: bool = False) -> list[tuple[Test, ...]]:
    """The disjunctive normal form, at most :data:`ALTERNATIVES_LIMIT` conjunctions; valid in Kleene's logic."""
    match tree:
        case Test():
            return [(contrary(tree) if negated else tree,)]
        case Not(one=one):
            return alternatives(one, negated=not negated)
        case AllOf(parts=parts) | AnyOf(parts=parts):
            every = isinstance(tree, AllOf) is not negated
            found: list[tuple[Test, ...]] = [()] if every else []
            for part in parts:
                more = alternatives(part, negated=negated)
                found = [a + b for a in found for b in more] if every else found + more
                if len(found) > ALTERNATIVES_LIMIT:
                    raise ConditionError(
                        f"This expands to more than {ALTERNATIVES_LIMIT} alternatives.", advice="Use fewer `or`."
                    )
            return found


def paths(tree: Tree) -> Iterator[str]:
    """The attributes that it names, in the order of the text."""
    match tree:
        case Test(path=path):
            yield path
        case Not(one=one):
            yield from paths(one)
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from paths(part)
