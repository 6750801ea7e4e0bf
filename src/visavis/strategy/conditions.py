"""The language of conditions: one line in a closed subset of Python's expressions, parsed by ``ast`` and never run."""
# Hostile text is refused before and after parsing, with one message that says where and what to do. The text of a
# parsed condition can be parsed again: segments are written out, and the limits hold for the whole.

import ast
import warnings
from collections.abc import Mapping
from itertools import pairwise
from math import isfinite
from typing import Final

from msgspec import Struct

from visavis.model.attributes import ATTRIBUTES, Attribute
from visavis.strategy.sentences import as_sentence, as_text
from visavis.strategy.suggestion import suggestion
from visavis.strategy.tree import (
    AllOf,
    AnyOf,
    ConditionError,
    Facts,
    Not,
    Test,
    Tree,
    Value,
    alternatives,
    evaluate,
    paths,
)

LENGTH_LIMIT: Final = 1000
NODES_LIMIT: Final = 300
DEPTH_LIMIT: Final = 24
NUMBER_LIMIT: Final = 2.0**53

__all__ = ["Condition", "ConditionError", "Facts", "Value", "evaluate", "parse"]


class Condition(Struct, frozen=True):
    """A parsed condition: its tree, the attributes that it names, and its disjunctive normal form."""

    tree: Tree
    paths: frozenset[str]
    alternatives: tuple[tuple[Test, ...], ...]

    @property
    def text(self) -> str:
        """The condition as text, segments written out; parsing it again gives the same tree."""
        return as_text(self.tree)

    def sentence(self, language: str) -> str:
        """The condition in plain words, ``fr`` or ``en``.

        >>> parse("not (need.p7 < 0.35 or customer.known)").sentence("en")
        'the chance of needing it within 7 days: at least 35% and the person is not known to the brand'
        """
        return as_sentence(self.tree, language)


ALWAYS: Final = Condition(AllOf(()), frozenset(), ((),))


def parse(text: str, *, segments: Mapping[str, Condition] | None = None) -> Condition:
    """Parse a condition; an empty text is always true. ``segment.name`` is another condition, inlined.

    >>> parse('place.kind == "shop" and not (device.battery < 0.15)').text
    "place.kind == 'shop' and not (device.battery < 0.15)"
    >>> parse("worth.spent > 3")
    Traceback (most recent call last):
    visavis.strategy.tree.ConditionError: At column 1: `worth.spent` is not an attribute...
    """
    text = text.strip()
    if not text:
        return ALWAYS
    tree = _parsed(text, segments or {})
    written_out = as_text(tree)
    if written_out != text and _parsed(written_out, {}) != tree:
        raise AssertionError(f"printing changed {text!r}")
    return Condition(tree, frozenset(paths(tree)), tuple(alternatives(tree)))


def _parsed(text: str, segments: Mapping[str, Condition]) -> Tree:
    if len(text) > LENGTH_LIMIT or len(text.splitlines()) > 1 or "\x00" in text:
        what = f"A condition is one line of at most {LENGTH_LIMIT} characters, its segments written out."
        raise ConditionError(what, advice="Make it simpler.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            expression = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError, Warning) as error:
        what, column = "this is not an expression", 1
        if isinstance(error, SyntaxError):
            what, column = f"{what} ({error.msg[:80]})", error.offset or len(text) + 1  # an end has no offset
        advice = "Write comparisons joined by and, or, not; equality is ==."
        raise ConditionError(f"At column {column}: {what}.", advice=advice) from None
    if sum(1 for _ in ast.walk(expression)) > NODES_LIMIT:
        what = f"A condition has at most {NODES_LIMIT} parts, its segments written out."
        raise ConditionError(what, advice="Make it simpler.")
    return _Parser(text, segments).tree(expression.body, 0)


_OPERATORS: Final[tuple[type[ast.cmpop], ...]] = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_ORDER: Final = dict(zip(_OPERATORS, ("<", "<=", ">", ">=", "==", "!="), strict=True))
_MIRROR: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


class _Parser:
    def __init__(self, text: str, segments: Mapping[str, Condition]) -> None:
        self._text = text
        self._segments = segments

    def tree(self, node: ast.expr, depth: int) -> Tree:
        if depth > DEPTH_LIMIT:
            raise self._fault(node, f"nested deeper than {DEPTH_LIMIT}", "Make it simpler.")
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return AllOf(tuple([self.tree(value, depth + 1) for value in values]))
            case ast.BoolOp(op=ast.Or(), values=values):
                return AnyOf(tuple([self.tree(value, depth + 1) for value in values]))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.tree(operand, depth + 1))
            case ast.Compare():
                pairs = zip(pairwise([node.left, *node.comparators]), node.ops, strict=True)
                tests = [self._test(a, operator, b) for (a, b), operator in pairs]
                return tests[0] if len(tests) == 1 else AllOf(tuple(tests))
            case ast.Attribute() | ast.Name():
                return self._flag_or_segment(node)
        advice = "Calls, arithmetic and subscripts are not."
        raise self._fault(node, "only comparisons, and, or, not are understood", advice)

    def _flag_or_segment(self, node: ast.expr) -> Tree:
        path = self._path(node)
        if path.startswith("segment."):
            segment = self._segments.get(path.removeprefix("segment."))
            if segment is None:
                near = suggestion(path.removeprefix("segment."), self._segments)
                advice = f"{near} Segments are defined in segments.toml, above their use."
                raise self._fault(node, f"`{path[:60]}` is not a segment", advice)
            return segment.tree
        if self._attribute(node).type != "flag":
            raise self._fault(node, f"`{path}` alone is not a flag", "Compare it with a constant.")
        return Test(path, "true", True)

    def _test(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Test:
        if isinstance(operator, ast.Is | ast.IsNot):
            if not (isinstance(right, ast.Constant) and right.value is None):
                raise self._fault(right, "`is` compares with None only", "Use == or !=.")
            return Test(self._attribute(left).path, "is" if isinstance(operator, ast.Is) else "isnt", None)
        if isinstance(operator, ast.In | ast.NotIn):
            return self._membership(left, right, within=isinstance(operator, ast.In))
        name = _ORDER[type(operator)]
        if isinstance(left, ast.Constant | ast.UnaryOp) and not isinstance(right, ast.Constant | ast.UnaryOp):
            left, right, name = right, left, _MIRROR[name]
        attribute = self._attribute(left)
        if attribute.type in ("flag", "tags") or (attribute.type == "text" and name not in ("==", "!=")):
            what = f"`{attribute.path}` is a {attribute.type}, it cannot be compared with {name}"
            raise self._fault(left, what, _USE[attribute.type])
        return Test(attribute.path, name, self._constant(right, attribute))

    def _membership(self, left: ast.expr, right: ast.expr, *, within: bool) -> Test:
        if isinstance(left, ast.Constant):
            attribute = self._attribute(right)
            if attribute.type != "tags" or not isinstance(left.value, str):
                raise self._fault(right, f"`{attribute.path}` is not a set of texts", _USE[attribute.type])
            return Test(attribute.path, "has" if within else "lacks", left.value)
        attribute = self._attribute(left)
        if attribute.type not in ("number", "text"):
            raise self._fault(left, f"`{attribute.path}` is a {attribute.type}, it is in no list", _USE[attribute.type])
        if not isinstance(right, ast.Tuple | ast.List | ast.Set) or not right.elts:
            raise self._fault(right, "`in` needs a list of constants", 'Write ("a", "b"); one element is ("a",).')
        constants = tuple([self._constant(item, attribute) for item in right.elts])
        return Test(attribute.path, "in" if within else "not in", constants)

    def _constant(self, node: ast.expr, attribute: Attribute) -> str | float:
        sign = 1.0
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            node, sign = node.operand, -1.0
        if isinstance(node, ast.Name):
            raise self._fault(
                node, f"`{node.id[:60]}` is not a constant", f'Write a text between quotes: "{node.id[:60]}".'
            )
        if not isinstance(node, ast.Constant):
            what = "one side of a comparison is an attribute, the other a constant"
            raise self._fault(node, what, "Two attributes cannot be compared.")
        value = node.value
        if attribute.type == "number":
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise self._fault(node, f"`{attribute.path}` is a number", "Compare it with a number.")
            if not abs(value) < NUMBER_LIMIT or not isfinite(value):
                raise self._fault(node, "this number is too large", "Stay below 2**53.")
            return sign * float(value)
        if not isinstance(value, str) or sign < 0:
            raise self._fault(node, f"`{attribute.path}` is a text", 'Compare it with a "text".')
        return value

    def _path(self, node: ast.expr) -> str:
        parts: list[str] = []
        at: ast.expr = node
        while isinstance(at, ast.Attribute):
            parts.append(at.attr)
            at = at.value
        if not isinstance(at, ast.Name):
            raise self._fault(node, "an attribute was expected here", "Write a path such as place.kind.")
        return ".".join([at.id, *reversed(parts)])

    def _attribute(self, node: ast.expr) -> Attribute:
        path = self._path(node)
        found = ATTRIBUTES.get(path)
        if found is None:
            raise self._fault(node, f"`{path[:60]}` is not an attribute", suggestion(path, ATTRIBUTES, cutoff=0.5))
        return found

    def _fault(self, node: ast.expr, what: str, advice: str) -> ConditionError:
        # ast counts bytes, people count characters.
        column = len(self._text.encode()[: node.col_offset].decode(errors="replace")) + 1
        return ConditionError(f"At column {column}: {what}.", advice=advice)


_USE: Final = {
    "number": "Compare it with a number.",
    "text": 'Compare it with == "text".',
    "flag": "Write it alone, or after not.",
    "tags": 'Write "text" in customer.tags.',
}
