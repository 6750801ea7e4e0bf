"""All conditions of a kind of moment as one bitmap predicate index, run once: the cost grows with attributes, not with rules.

Every condition is expanded to alternatives (a disjunction of conjunctions), one bit each. For each attribute, precomputed integers say which bits
*fail* for the cell that its value falls in; an absent value makes the bits that test it *unknown*. What is left is true.

Reference: Sadoghi & Jacobsen, *BE-Tree*, 2011; Whang et al., *Indexing Boolean Expressions*, VLDB 2009.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from visavis.strategy.conditions import All, Any_, Condition, ConditionError, Facts, Not, Test, Tree, Value, absent, evaluate, printed

ALTERNATIVES_LIMIT: Final = 64
_CONTRARY: Final = {
    "<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "==", "in": "not in", "not in": "in", "has": "lacks", "lacks": "has",
    "is": "isnt", "isnt": "is",
}  # fmt: skip


def alternatives(tree: Tree, *, negated: bool = False) -> list[tuple[Test, ...]]:
    """The tree as alternatives, each a conjunction of tests; *not* is pushed to the leaves, where it flips the operator."""
    match tree:
        case Test(path=path, operator="true", value=value):
            return [(Test(path, "true", value is not negated),)]
        case Test(path=path, operator=operator, value=value):
            return [(Test(path, _CONTRARY[operator] if negated else operator, value),)]
        case Not(one=one):
            return alternatives(one, negated=not negated)
        case All(parts=parts) | Any_(parts=parts):
            every = isinstance(tree, All) is not negated
            found: list[tuple[Test, ...]] = [()] if every else []
            for part in parts:
                more = alternatives(part, negated=negated)
                found = [a + b for a in found for b in more] if every else found + more
                if len(found) > ALTERNATIVES_LIMIT:
                    raise ConditionError(f"This expands to more than {ALTERNATIVES_LIMIT} alternatives.", advice="Use fewer `or`.")
            return found


class _Numbers(Struct, frozen=True):
    """Bits that fail, by cell: thresholds t₀ < t₁ … cut the line into 2m + 1 cells."""

    thresholds: list[float]
    fails: list[int]

    def failing(self, x: Value) -> int:
        return self.fails[bisect_left(self.thresholds, x) + bisect_right(self.thresholds, x)]  # type: ignore[type-var, arg-type]


class _Texts(Struct, frozen=True):
    """Bits that fail, by value; ``others`` for a value that no condition names."""

    by_value: dict[Value, int]
    others: int

    def failing(self, x: Value) -> int:
        return self.by_value.get(x, self.others)


class _Tags(Struct, frozen=True):
    """Bits that fail when a needed tag is missing, or a forbidden one is there."""

    needed: dict[str, int]
    forbidden: dict[str, int]

    def failing(self, x: Value) -> int:
        tags = x if isinstance(x, frozenset) else frozenset[str]()
        fails = 0
        for tag, bits in self.needed.items():
            if tag not in tags:
                fails |= bits
        for tag in tags:
            fails |= self.forbidden.get(tag, 0)
        return fails


class Index:
    """Conditions 0 … n-1, compiled. :meth:`match` agrees with :func:`~visavis.strategy.conditions.evaluate` on every fact."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._conditions = list(conditions)
        self.paths = frozenset(path for condition in conditions for path in condition.paths)
        owners: list[int] = []
        tests: dict[str, list[tuple[int, Test]]] = {}
        for rule, condition in enumerate(conditions):
            for conjunction in alternatives(condition.tree):
                bit = 1 << len(owners)
                owners.append(1 << rule)
                for test in conjunction:
                    tests.setdefault(test.path, []).append((bit, test))
        self._all = (1 << len(owners)) - 1
        self._owners = owners
        self._plain = owners == [1 << rule for rule in range(len(conditions))]
        self._touching = {path: _union(bit for bit, _ in found if _.operator not in ("is", "isnt")) for path, found in tests.items()}
        self._present = {path: _union(bit for bit, test in found if test.operator == "isnt") for path, found in tests.items()}
        self._absent = {path: _union(bit for bit, test in found if test.operator == "is") for path, found in tests.items()}
        self._tables = {path: _table(found) for path, found in tests.items()}

    def match(self, facts: Facts) -> tuple[int, int]:
        """``(true, unknown)``: bit i of each says so of condition i; in neither, it is false."""
        fail = unknown = 0
        for path, table in self._tables.items():
            x = facts.get(path)
            if x is None or x != x:  # noqa: PLR0124  NaN is absent
                unknown |= self._touching[path]
                fail |= self._present[path]
            else:
                fail |= table.failing(x) | self._absent[path]
        alive = self._all & ~fail
        if self._plain:
            return alive & ~unknown, alive & unknown
        true = maybe = 0
        for bit, owner in enumerate(self._owners):
            if alive >> bit & 1:
                if unknown >> bit & 1:
                    maybe |= owner
                else:
                    true |= owner
        return true, maybe & ~true

    def why_not(self, rule: int, facts: Facts) -> tuple[str, str]:
        """The first predicate of condition ``rule`` that is not true here, and ``condition_false`` or ``condition_unknown``."""
        for conjunction in alternatives(self._conditions[rule].tree):
            for test in conjunction:
                held = evaluate(_flag(test), facts)
                if held is not True:
                    return printed(_flag(test)), "condition_unknown" if held is None else "condition_false"
        return "", "condition_false"


def _flag(test: Test) -> Tree:
    return Not(Test(test.path, "true", True)) if test.operator == "true" and test.value is False else test


def _union(bits: Any) -> int:
    total = 0
    for bit in bits:
        total |= bit
    return total


def _table(found: list[tuple[int, Test]]) -> _Numbers | _Texts | _Tags:
    """The failing bits of one attribute, from its tests."""
    valued = [(bit, test) for bit, test in found if test.operator not in ("is", "isnt")]
    if any(test.operator in ("has", "lacks") for _, test in valued):
        needed: dict[str, int] = {}
        forbidden: dict[str, int] = {}
        for bit, test in valued:
            side = needed if test.operator == "has" else forbidden
            side[test.value] = side.get(test.value, 0) | bit
        return _Tags(needed, forbidden)
    constants = sorted({c for _, test in valued for c in (test.value if isinstance(test.value, tuple) else (test.value,))})
    if constants and all(isinstance(c, float) for c in constants):
        cells: list[float] = []
        for a, b in zip([constants[0] - 1.0, *constants], [*constants, constants[-1] + 1.0], strict=True):
            cells += [(a + b) / 2.0, b]
        return _Numbers(constants, [_union(bit for bit, test in valued if evaluate(test, {test.path: x}) is False) for x in cells[:-1]])
    values = {c: _union(bit for bit, test in valued if evaluate(test, {test.path: c}) is False) for c in [*constants, True, False]}
    others = _union(bit for bit, test in valued if test.operator in ("==", "in", "true"))
    return _Texts(values, others)


def masks(condition: Condition, columns: Mapping[str, Sequence[Value] | NDArray[np.float64]]) -> NDArray[np.bool_]:
    """A product condition over the shortlist: one truth a row; unknown is not true.

    Columns of numbers are compared at once; anything else row by row.
    """
    fast = _column(condition.tree, columns)
    if fast is not None:
        return fast
    size = len(next(iter(columns.values())))
    rows = [{path: columns[path][i] for path in condition.paths if path in columns} for i in range(size)]
    return np.array([evaluate(condition.tree, row) is True for row in rows], dtype=np.bool_)


def _column(tree: Tree, columns: Mapping[str, Sequence[Value] | NDArray[np.float64]]) -> NDArray[np.bool_] | None:
    match tree:
        case Test(path=path, operator=("<" | "<=" | ">" | ">=") as operator, value=value):
            x = columns.get(path)
            if isinstance(x, np.ndarray):
                return {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}[operator](x, value)  # NaN compares false
        case All(parts=parts) if parts:
            found = [_column(part, columns) for part in parts]
            if all(one is not None for one in found):
                return np.logical_and.reduce([one for one in found if one is not None])
    return None


__all__ = ["Index", "absent", "alternatives", "masks"]
