"""What a condition is made of, and its plain reading: predicates joined by *all*, *some* and *not*, in three values.

Kleene's logic: an absent attribute (missing, ``None`` or NaN: one notion) makes its predicate *unknown*, and only
*true* opens a gate.
"""

from collections.abc import Callable, Iterator, Mapping
from math import isnan
from typing import Any, Final

from msgspec import Struct

from visavis.model.errors import Invalid

ALTERNATIVES_LIMIT: Final = 64

Value = str | float | bool | frozenset[str] | None
Facts = Mapping[str, Value]


class ConditionError(Invalid):
    """A condition that cannot be read: where, what was expected, what to do."""


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
    """The contrary; unknown stays unknown."""

    one: "Tree"


class All(Struct, frozen=True):
    """True when all are, false when one is."""

    parts: tuple["Tree", ...]


class Some(Struct, frozen=True):
    """True when one is, false when all are."""

    parts: tuple["Tree", ...]


Tree = Test | Not | All | Some

_CONTRARY: Final = {
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
    "==": "!=",
    "!=": "==",
    "in": "not in",
    "not in": "in",
    "has": "lacks",
    "lacks": "has",
    "is": "isnt",
    "isnt": "is",
}
_HOLDS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": lambda x, c: x < c,
    "<=": lambda x, c: x <= c,
    ">": lambda x, c: x > c,
    ">=": lambda x, c: x >= c,
    "==": lambda x, c: x == c,
    "!=": lambda x, c: x != c,
    "in": lambda x, c: x in c,
    "not in": lambda x, c: x not in c,
    "has": lambda x, c: c in x,
    "lacks": lambda x, c: c not in x,
    "true": lambda x, c: x is c,
}


def contrary(test: Test) -> Test:
    """The predicate that is true where this one is false, and unknown where it is unknown."""
    return (
        Test(test.path, "true", not test.value)
        if test.operator == "true"
        else Test(test.path, _CONTRARY[test.operator], test.value)
    )


def absent(value: Value) -> bool:
    """Missing, ``None`` and NaN are one notion."""
    return value is None or (isinstance(value, float) and isnan(value))


def evaluate(tree: Tree, facts: Facts) -> bool | None:
    """True, false, or ``None`` for unknown.

    The plain reading that the index is checked against, and that answers *why not*.
    """
    match tree:
        case Test():
            x = facts.get(tree.path)
            if tree.operator in ("is", "isnt"):
                return absent(x) is (tree.operator == "is")
            return None if absent(x) else _HOLDS[tree.operator](x, tree.value)
        case Not(one=one):
            held = evaluate(one, facts)
            return None if held is None else not held
        case All(parts=parts):
            values = [evaluate(part, facts) for part in parts]
            return False if False in values else None if None in values else True
        case Some(parts=parts):
            values = [evaluate(part, facts) for part in parts]
            return True if True in values else None if None in values else False


def alternatives(tree: Tree, *, negated: bool = False) -> list[tuple[Test, ...]]:
    """The tree as alternatives, each a conjunction of tests.

    A :class:`ConditionError` beyond :data:`ALTERNATIVES_LIMIT`.

    *Not* is pushed to the leaves, where it flips the operator. Both steps keep all three values: De Morgan and
    distribution hold in Kleene's logic.
    """
    match tree:
        case Test():
            return [(contrary(tree) if negated else tree,)]
        case Not(one=one):
            return alternatives(one, negated=not negated)
        case All(parts=parts) | Some(parts=parts):
            every = isinstance(tree, All) is not negated
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
        case All(parts=parts) | Some(parts=parts):
            for part in parts:
                yield from paths(part)
