"""A bitmap index over many conditions: one match evaluates all of them, at a cost that grows with attributes."""
# Every condition is expanded to alternatives (a disjunction of conjunctions), one bit each. For each attribute,
# precomputed integers say which bits *fail* in its value's cell; an absent value makes bits *unknown*; others are true.
# Reference: Sadoghi & Jacobsen, *BE-Tree*, 2011; Whang et al., *Indexing Boolean Expressions*, VLDB 2009.

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from visavis.strategy.conditions import Condition
from visavis.strategy.sentences import as_text
from visavis.strategy.tree import Facts, Test, Value, evaluate

Failing = Callable[[Value], int]
Column = Sequence[Any] | NDArray[np.float64]


class Index:
    """Conditions 0 … n-1, compiled. :meth:`match` agrees with :func:`~visavis.strategy.tree.evaluate` on every fact."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        both = [[(tests, [as_text(test) for test in tests]) for tests in one.alternatives] for one in conditions]
        self._alternatives = both
        self.paths = frozenset(path for condition in conditions for path in condition.paths)
        # The first alternative of condition i is bit i; the others follow, each with the bit of its condition.
        size = self._size = len(conditions)
        self._plane = (1 << size) - 1
        self._condition_bits: list[int] = []
        tests: dict[str, list[tuple[int, Test]]] = {}
        for rule, condition in enumerate(conditions):
            for number, conjunction in enumerate(condition.alternatives):
                bit = 1 << (size + len(self._condition_bits) if number else rule)
                if number:
                    self._condition_bits.append(1 << rule)
                for test in conjunction:
                    tests.setdefault(test.path, []).append((bit, test))
        self._all = (1 << (size + len(self._condition_bits))) - 1
        self._attributes = [
            (
                path,
                _union(bit for bit, test in found if test.operator not in ("is", "isnt")),
                _union(bit for bit, test in found if test.operator == "isnt"),
                _union(bit for bit, test in found if test.operator == "is"),
                _failing([(bit, test) for bit, test in found if test.operator not in ("is", "isnt")]),
            )
            for path, found in sorted(tests.items())
        ]

    def match(self, facts: Facts) -> tuple[int, int]:
        """``(true, unknown)``: bit i of each stands for condition i; set in neither, it is false."""
        fail = unknown = 0
        for path, touching, if_present, if_absent, failing in self._attributes:
            x = facts.get(path)
            if x is None or x != x:  # noqa: PLR0124  NaN is absent
                unknown |= touching
                fail |= if_present
            else:
                fail |= failing(x) | if_absent
        alive = self._all & ~fail
        true, maybe = alive & ~unknown, alive & unknown
        if self._condition_bits:
            true, maybe = self._by_condition(true), self._by_condition(maybe)
        return true, maybe & ~true

    def _by_condition(self, bits: int) -> int:
        """The bits of the conditions of these alternatives; few are set, so they are taken one by one."""
        found, more = bits & self._plane, bits >> self._size
        while more:
            lowest = more & -more
            found |= self._condition_bits[lowest.bit_length() - 1]
            more ^= lowest
        return found

    def why_not(self, rule: int, facts: Facts) -> tuple[str, Literal["condition_false", "condition_unknown"]]:
        """The first test that keeps condition ``rule`` from being true here; *unknown* when the whole condition is."""
        first_false = ""
        for conjunction, texts in self._alternatives[rule]:
            held = [evaluate(test, facts) for test in conjunction]
            if False not in held and None in held:
                return texts[held.index(None)], "condition_unknown"
            if not first_false and False in held:
                first_false = texts[held.index(False)]
        return first_false, "condition_false"


def _union(bits: Iterable[int]) -> int:
    total = 0
    for bit in bits:
        total |= bit
    return total


def _failing(tests: list[tuple[int, Test]]) -> Failing:
    if any(test.operator in ("has", "lacks") for _, test in tests):
        return _by_tags(tests)
    if any(isinstance(constant, float) for _, test in tests for constant in _constants(test)):
        return _by_cell(tests)
    return _by_value(tests)


def _constants(test: Test) -> tuple[str | float | bool, ...]:
    return test.value if isinstance(test.value, tuple) else (test.value,)


def _by_cell(tests: list[tuple[int, Test]]) -> Failing:
    """Numbers: thresholds t₀ < t₁ … divide the line into 2m + 1 cells, tᵢ itself being cell 2i + 1."""
    # A test fails from one cell on, up to one, or in some single cells; the first two are accumulated in one pass each.
    thresholds = sorted({float(constant) for _, test in tests for constant in _constants(test)})
    size = 2 * len(thresholds) + 1
    onwards, up_to, just = [0] * (size + 1), [0] * (size + 1), [0] * size
    for bit, test in tests:
        cells = sorted(2 * bisect_left(thresholds, constant) + 1 for constant in _constants(test))
        first, last = cells[0], cells[-1]
        match test.operator:
            case "<" | "<=":
                onwards[first + (test.operator == "<=")] |= bit
            case ">" | ">=":
                up_to[first - (test.operator == ">=")] |= bit
            case "==" | "in":
                up_to[first - 1] |= bit
                onwards[last + 1] |= bit
                for cell in set(range(first, last)).difference(cells):
                    just[cell] |= bit
            case "!=" | "not in":
                for cell in cells:
                    just[cell] |= bit
    for cell in range(1, size):
        onwards[cell] |= onwards[cell - 1]
        up_to[size - 1 - cell] |= up_to[size - cell]
    fails = [onwards[cell] | up_to[cell] | just[cell] for cell in range(size)]

    def failing(x: Value) -> int:
        return fails[bisect_left(thresholds, x) + bisect_right(thresholds, x)]  # type: ignore[type-var]

    return failing


def _by_value(tests: list[tuple[int, Test]]) -> Failing:
    """Texts and flags: a value that no test names fails all tests that require a value."""
    wanting = [(bit, _constants(test)) for bit, test in tests if test.operator in ("==", "in", "true")]
    refusing = [(bit, _constants(test)) for bit, test in tests if test.operator in ("!=", "not in")]
    others = _union(bit for bit, _ in wanting)
    named: dict[Value, int] = {
        value: _union(bit for bit, wanted in wanting if value not in wanted)
        | _union(bit for bit, refused in refusing if value in refused)
        for value in {constant for _, test in tests for constant in _constants(test)}
    }

    def failing(x: Value) -> int:
        return named.get(x, others)

    return failing


def _by_tags(tests: list[tuple[int, Test]]) -> Failing:
    """Tags: bits fail for each needed tag that is missing, and for each forbidden one that is present."""
    needed: dict[str, int] = {}
    forbidden: dict[str, int] = {}
    for bit, test in tests:
        side = needed if test.operator == "has" else forbidden
        side[test.value] = side.get(test.value, 0) | bit

    def failing(x: Value) -> int:
        tags = x if isinstance(x, frozenset) else frozenset[str]()
        missing = [bits for tag, bits in needed.items() if tag not in tags]
        return _union([*missing, *[forbidden.get(tag, 0) for tag in tags]])

    return failing


_COMPARED: Final = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal}


def masks(condition: Condition, columns: Mapping[str, Column], *, size: int) -> NDArray[np.bool_]:
    """Which of ``size`` rows satisfy a product condition; unknown is not true, and an absent column is unknown."""
    found = np.zeros(size, dtype=np.bool_)
    for conjunction in condition.alternatives:
        held = np.ones(size, dtype=np.bool_)
        for test in conjunction:
            held &= _rows(test, columns.get(test.path), size)
        found |= held
    return found


def _rows(test: Test, column: Column | None, size: int) -> NDArray[np.bool_]:
    if isinstance(column, np.ndarray) and test.operator in _COMPARED:
        return np.asarray(_COMPARED[test.operator](column, test.value), dtype=np.bool_)  # NaN compares false
    values = column.tolist() if isinstance(column, np.ndarray) else [None] * size if column is None else column
    return np.array([evaluate(test, {test.path: value}) is True for value in values], dtype=np.bool_)
