"""The language of conditions: one line in a closed subset of Python's expression grammar, parsed by ``ast`` and never run as Python.

Three-valued (Kleene): an absent attribute (missing, ``None`` or NaN) makes its predicate *unknown*, and only *true* opens a gate. Hostile text
is refused before and after parsing, with one message.
"""

import ast
import warnings
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from math import isfinite, isnan
from typing import Any, Final

from msgspec import Struct

from visavis.model.attributes import ATTRIBUTES, Attribute
from visavis.model.errors import Invalid

LENGTH_LIMIT: Final = 1000
NODES_LIMIT: Final = 300
DEPTH_LIMIT: Final = 24
NUMBER_LIMIT: Final = 2.0**53

Value = str | float | bool | frozenset[str] | None
Facts = Mapping[str, Value]


class ConditionError(Invalid):
    """A condition that cannot be read: where, what was expected, what to do."""


class Test(Struct, frozen=True):
    """One predicate: an attribute, an operator and constants. ``operator`` is one of ``< <= > >= == != in not in has lacks is isnt true``."""

    path: str
    operator: str
    value: Any


class Not(Struct, frozen=True):
    """The contrary; unknown stays unknown."""

    one: "Tree"


class All(Struct, frozen=True):
    """True when all are, false when one is."""

    parts: tuple["Tree", ...]


class Any_(Struct, frozen=True):
    """True when one is, false when all are."""

    parts: tuple["Tree", ...]


Tree = Test | Not | All | Any_


class Condition(Struct, frozen=True):
    """A condition that was read: its tree, and the attributes that it names."""

    tree: Tree
    paths: frozenset[str]

    @property
    def text(self) -> str:
        """The condition as text; reading it again gives the same tree."""
        return printed(self.tree)

    def sentence(self, language: str) -> str:
        """The condition in plain words, ``fr`` or ``en``."""
        return said(self.tree, language)


ALWAYS: Final = Condition(All(()), frozenset())


def parse(text: str, *, segments: Mapping[str, Condition] | None = None) -> Condition:
    """Read a condition; an empty text is always true. ``segment.name`` is another condition, inlined.

    >>> parse('place.kind == "shop" and not (device.battery < 0.15)').text
    "place.kind == 'shop' and not (device.battery < 0.15)"
    >>> parse("worth.spent > 3")
    Traceback (most recent call last):
    visavis.strategy.conditions.ConditionError: At column 1: `worth.spent` is not an attribute. Did you mean `worth.trips`?
    """
    text = text.strip()
    if not text:
        return ALWAYS
    if len(text) > LENGTH_LIMIT or "\n" in text or "\x00" in text:
        raise ConditionError(f"A condition is one line of at most {LENGTH_LIMIT} characters.", advice="Split it into named segments.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            expression = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError, Warning) as error:
        raise ConditionError(
            f"This is not an expression: {type(error).__name__}.", advice="Write comparisons joined by and, or, not."
        ) from None
    if sum(1 for _ in ast.walk(expression)) > NODES_LIMIT:
        raise ConditionError(f"A condition has at most {NODES_LIMIT} parts.", advice="Split it into named segments.")
    tree = _Reader(segments or {}).read(expression.body, 0)
    return Condition(tree, frozenset(_paths(tree)))


class _Reader:
    def __init__(self, segments: Mapping[str, Condition]) -> None:
        self._segments = segments

    def read(self, node: ast.expr, depth: int) -> Tree:
        if depth > DEPTH_LIMIT:
            raise _fault(node, f"nested deeper than {DEPTH_LIMIT}", "Split it into named segments.")
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return All(tuple([self.read(value, depth + 1) for value in values]))
            case ast.BoolOp(op=ast.Or(), values=values):
                return Any_(tuple([self.read(value, depth + 1) for value in values]))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.read(operand, depth + 1))
            case ast.Compare():
                return self._comparison(node)
            case ast.Attribute() | ast.Name():
                path = _path(node)
                if path.startswith("segment."):
                    segment = self._segments.get(path.removeprefix("segment."))
                    if segment is None:
                        raise _fault(node, f"`{path}` is not a segment", "Define it in segments.toml, above its use.")
                    return segment.tree
                if _attribute(node, path).type != "flag":
                    raise _fault(node, f"`{path}` alone is not a flag", "Compare it with a constant.")
                return Test(path, "true", True)
        raise _fault(node, "only comparisons, and, or, not are understood", "Calls, arithmetic and subscripts are not.")

    def _comparison(self, node: ast.Compare) -> Tree:
        operands = [node.left, *node.comparators]
        tests = [_test(a, operator, b) for a, operator, b in zip(operands, node.ops, operands[1:], strict=False)]
        return tests[0] if len(tests) == 1 else All(tuple(tests))


_ORDER: Final[dict[type[ast.cmpop], str]] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_MIRROR: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def _test(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Test:
    if isinstance(operator, ast.Is | ast.IsNot):
        if not (isinstance(right, ast.Constant) and right.value is None):
            raise _fault(right, "`is` compares with None only", "Use == or !=.")
        path = _path(left)
        _attribute(left, path)
        return Test(path, "is" if isinstance(operator, ast.Is) else "isnt", None)
    if isinstance(operator, ast.In | ast.NotIn):
        within = isinstance(operator, ast.In)
        if isinstance(left, ast.Constant):
            path = _path(right)
            if _attribute(right, path).type != "tags" or not isinstance(left.value, str):
                raise _fault(right, f"`{path}` is not a set of texts", "Write \"text\" in customer.tags.")
            return Test(path, "has" if within else "lacks", left.value)
        path = _path(left)
        attribute = _attribute(left, path)
        if not isinstance(right, ast.Tuple | ast.List | ast.Set) or not right.elts:
            raise _fault(right, "`in` needs a list of constants", 'Write ("a", "b"); one element is ("a",).')
        return Test(path, "in" if within else "not in", tuple([_constant(item, attribute) for item in right.elts]))
    name = _ORDER[type(operator)]
    if _is_constant(left) and not _is_constant(right):
        left, right, name = right, left, _MIRROR[name]
    path = _path(left)
    attribute = _attribute(left, path)
    if attribute.type in ("flag", "tags") or (attribute.type == "text" and name not in ("==", "!=")):
        raise _fault(left, f"`{path}` is a {attribute.type}, it cannot be compared with {name}", "See model/attributes.")
    return Test(path, name, _constant(right, attribute))


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant | ast.UnaryOp)


def _constant(node: ast.expr, attribute: Attribute) -> str | float:
    sign = 1.0
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -1.0
    if not isinstance(node, ast.Constant):
        raise _fault(node, "one side of a comparison is an attribute, the other a constant", "Two attributes cannot be compared.")
    value = node.value
    if attribute.type == "number":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _fault(node, f"`{attribute.path}` is a number", "Compare it with a number.")
        if not abs(value) < NUMBER_LIMIT or not isfinite(value):
            raise _fault(node, "this number is too large", "Stay below 2**53.")
        return sign * float(value)
    if not isinstance(value, str) or sign < 0:
        raise _fault(node, f"`{attribute.path}` is a text", 'Compare it with a "text".')
    return value


def _path(node: ast.expr) -> str:
    parts: list[str] = []
    at: ast.expr = node
    while isinstance(at, ast.Attribute):
        parts.append(at.attr)
        at = at.value
    if not isinstance(at, ast.Name):
        raise _fault(node, "an attribute was expected here", "Write a path such as place.kind.")
    return ".".join([at.id, *reversed(parts)])


def _attribute(node: ast.expr, path: str) -> Attribute:
    found = ATTRIBUTES.get(path)
    if found is None:
        near = get_close_matches(path, ATTRIBUTES, n=1, cutoff=0.5)
        raise _fault(node, f"`{path[:60]}` is not an attribute", f"Did you mean `{near[0]}`?" if near else "See model/attributes.")
    return found


def _fault(node: ast.expr, what: str, advice: str) -> ConditionError:
    return ConditionError(f"At column {node.col_offset + 1}: {what}.", advice=advice)


def _paths(tree: Tree) -> set[str]:
    match tree:
        case Test(path=path):
            return {path}
        case Not(one=one):
            return _paths(one)
        case All(parts=parts) | Any_(parts=parts):
            return {path for part in parts for path in _paths(part)}


def absent(value: Value) -> bool:
    """Missing, ``None`` and NaN are one notion."""
    return value is None or (isinstance(value, float) and isnan(value))


_HOLDS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": lambda x, c: x < c, "<=": lambda x, c: x <= c, ">": lambda x, c: x > c, ">=": lambda x, c: x >= c,
    "==": lambda x, c: x == c, "!=": lambda x, c: x != c, "in": lambda x, c: x in c, "not in": lambda x, c: x not in c,
    "has": lambda x, c: c in x, "lacks": lambda x, c: c not in x, "true": lambda x, c: x is c,
}  # fmt: skip


def evaluate(tree: Tree, facts: Facts) -> bool | None:
    """True, false, or ``None`` for unknown: the plain reading that the index is checked against, and that answers *why not*."""
    match tree:
        case Test(path=path, operator="is"):
            return absent(facts.get(path))
        case Test(path=path, operator="isnt"):
            return not absent(facts.get(path))
        case Test(path=path, operator=operator, value=value):
            x = facts.get(path)
            return None if absent(x) else _HOLDS[operator](x, value)
        case Not(one=one):
            held = evaluate(one, facts)
            return None if held is None else not held
        case All(parts=parts):
            values = [evaluate(part, facts) for part in parts]
            return False if False in values else None if None in values else True
        case Any_(parts=parts):
            values = [evaluate(part, facts) for part in parts]
            return True if True in values else None if None in values else False


def _number(value: str | float) -> str:
    return repr(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)


def printed(tree: Tree, *, inside: bool = False) -> str:
    """The tree as text."""
    match tree:
        case Test(path=path, operator="true"):
            return path
        case Test(path=path, operator="is"):
            return f"{path} is None"
        case Test(path=path, operator="isnt"):
            return f"{path} is not None"
        case Test(path=path, operator=("has" | "lacks") as operator, value=value):
            return f"{value!r} {'in' if operator == 'has' else 'not in'} {path}"
        case Test(path=path, operator=("in" | "not in") as operator, value=value):
            return f"{path} {operator} ({', '.join(_number(item) for item in value)}{',' if len(value) == 1 else ''})"
        case Test(path=path, operator=operator, value=value):
            return f"{path} {operator} {_number(value)}"
        case Not(one=one):
            return f"not ({printed(one)})"
        case All(parts=parts) | Any_(parts=parts):
            joined = (" and " if isinstance(tree, All) else " or ").join(printed(part, inside=True) for part in parts)
            return f"({joined})" if inside else joined


_WORDS: Final[dict[str, dict[str, str]]] = {
    "fr": {"<": "est inférieur à", "<=": "est au plus", ">": "dépasse", ">=": "est au moins", "==": "est", "!=": "n'est pas", "in": "est parmi",
           "not in": "n'est pas parmi", "has": "contient", "lacks": "ne contient pas", "is": "est inconnu", "isnt": "est connu", "true": "est vrai",
           "and": " et ", "or": " ou ", "not": "il est faux que "},
    "en": {"<": "is below", "<=": "is at most", ">": "is above", ">=": "is at least", "==": "is", "!=": "is not", "in": "is one of",
           "not in": "is none of", "has": "contains", "lacks": "does not contain", "is": "is unknown", "isnt": "is known", "true": "is true",
           "and": " and ", "or": " or ", "not": "it is false that "},
}  # fmt: skip


def said(tree: Tree, language: str, *, inside: bool = False) -> str:
    """The tree in plain words."""
    words = _WORDS[language]
    match tree:
        case Test(path=path, operator=operator, value=value):
            attribute = ATTRIBUTES[path]
            name = attribute.fr if language == "fr" else attribute.en
            if operator in ("is", "isnt", "true"):
                return f"{name} {words[operator]}"
            shown = ", ".join(str(item) for item in value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)
            return f"{name} {words[operator]} {shown}"
        case Not(one=one):
            return f"{words['not']}{said(one, language, inside=True)}"
        case All(parts=parts) | Any_(parts=parts):
            joined = words["and" if isinstance(tree, All) else "or"].join(said(part, language, inside=True) for part in parts)
            return f"({joined})" if inside and len(parts) > 1 else joined
