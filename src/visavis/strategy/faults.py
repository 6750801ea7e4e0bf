"""The files of a strategy, and everything found in them so far, each finding with its file and line."""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from inspect import isclass
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields, replace

from visavis.strategy.lines import key_lines
from visavis.strategy.suggestion import suggestion

S = TypeVar("S", bound=Struct)
_BAD: Final = object()
Where = int | str | tuple[str, ...]
"""A line, or the key whose line is meant."""
ALIKE_LIMIT: Final = 5
"""So many findings of one kind in one file are listed, then how many more there are."""
_DIFFERING: Final = re.compile(r"`[^`]*`|[0-9][0-9.,]*")
_HOW: Final = {
    "str": "Write a text between quotes.",
    "int": "Write a whole number without quotes.",
    "float": "Write a number without quotes.",
    "bool": "Write true or false without quotes.",
    "array": 'Write a list, such as ["a", "b"].',
    "object": 'Write a table, such as { fr = "…", en = "…" }.',
    "date": "Write a date without quotes, such as 2026-12-31.",
}
"""How a value of each type is written."""
_TOML: Final = {
    "Invalid value": "Write texts between quotes, and numbers, dates, true and false without.",
    "Cannot overwrite": "This name is there twice: keep one.",
    "Cannot declare": "This table is there twice: keep one.",
    "Expected '='": "A line is NAME = VALUE, a table [NAME].",
    "Unclosed array": "A list ends with ].",
    "Unterminated string": "A text ends with the quote that it begins with.",
    "Illegal character": "A text ends on its line, with the quote that it begins with.",
}
"""What to do about a message of ``tomllib``, by how it begins."""


class Finding(Struct, frozen=True, order=True):
    """One thing to mend, where it stands; a ``warning`` does not keep the strategy from being used."""

    file: str
    line: int
    severity: Literal["error", "warning"]
    key: str
    message: str
    advice: str

    @property
    def text(self) -> str:
        """What is wrong and what to do, after the file and the line."""
        return f"{self.file}:{self.line}: {self.message}. {self.advice}"


def printable(text: str) -> str:
    """The text on one line, with nothing that a terminal would obey or refuse."""
    return "".join([char if char.isprintable() else "\ufffd" for char in " ".join(text.split())])


class Reading:
    """Reads records and collects what is wrong (:meth:`findings`) instead of raising; a faulty record is left out."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self._found: set[Finding] = set()
        self._texts: dict[str, str | None] = {}
        self._lines: dict[str, dict[tuple[str, ...], int]] = {}
        self._defined: dict[str, frozenset[str] | None] = {}

    def findings(self) -> list[Finding]:
        """Everything found, in the order of files and lines; of many alike in one file the first, and how many."""
        alike = Counter([_kind(found) for found in self._found])
        listed: list[Finding] = []
        passed: Counter[tuple[str, str, str]] = Counter()
        for found in sorted(self._found):
            kind = _kind(found)
            passed[kind] += 1
            if passed[kind] == ALIKE_LIMIT and alike[kind] > ALIKE_LIMIT:
                message = f"{found.message} (and {alike[kind] - ALIKE_LIMIT} more like this)"
                listed.append(replace(found, message=message))
            elif passed[kind] <= ALIKE_LIMIT:
                listed.append(found)
        return listed

    def listed(self) -> list[str]:
        """Every error, in the order of files and lines."""
        return [found.text for found in self.findings() if found.severity == "error"]

    def is_clean(self, path: str) -> bool:
        """Whether no error was found in this file yet: what follows from one is not a second one."""
        return not any(found.file == path and found.severity == "error" for found in self._found)

    def fault(self, path: str, where: Where, what: str, advice: str) -> None:
        """Note an error on a line, or where a key stands: what was given or expected, and what to do."""
        self._note("error", path, where, what, advice)

    def warn(self, path: str, where: Where, what: str, advice: str) -> None:
        """Note what can be used and is probably not meant."""
        self._note("warning", path, where, what, advice)

    def _note(self, severity: Literal["error", "warning"], path: str, where: Where, what: str, advice: str) -> None:
        keys = () if isinstance(where, int) else (where,) if isinstance(where, str) else where
        line = where if isinstance(where, int) else self._line_of(path, keys)
        key = printable(".".join(keys))
        self._found.add(Finding(printable(path), line, severity, key, printable(what), printable(advice)))

    def text(self, path: str) -> str | None:
        """The file as text, without the byte-order mark that some editors write; ``None`` when it is not UTF-8."""
        if path not in self._texts:
            try:
                self._texts[path] = self.files.get(path, b"").decode("utf-8-sig").replace("\r\n", "\n")
            except UnicodeDecodeError as error:
                line = self.files[path].count(b"\n", 0, error.start) + 1
                self.fault(path, line, "this file is not UTF-8", "Save it as UTF-8.")
                self._texts[path] = None
        return self._texts[path]

    def _line_of(self, path: str, keys: tuple[str, ...]) -> int:
        """The line on which these nested keys stand, or the nearest table above them."""
        if path not in self._lines:
            self._lines[path] = key_lines(self.text(path) or "")
        known = self._lines[path]
        return next((known[keys[:length]] for length in range(len(keys), 0, -1) if keys[:length] in known), 1)

    def toml(self, path: str, *, needed: bool = True) -> dict[str, Any] | None:
        """The file's tables; ``None`` when it cannot be read, empty when it is missing and not needed."""
        if path not in self.files:
            if needed:
                self.fault(path, 1, "this file is missing", "Copy it from examples/grocery and change it.")
                return None
            return {}
        text = self.text(path)
        if text is None:
            return None
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
            line = int(at[1]) if at and at[1] else len(text.splitlines())
            what = str(error)[: at.start() if at else None]
            advice = next((advice for start, advice in _TOML.items() if what.startswith(start)), "Correct the line.")
            self.fault(path, line, f"this is not TOML: {what}", advice)
        except RecursionError:
            self.fault(path, 1, "this is nested too deeply", "A strategy has tables in tables, no deeper.")
        return None

    def records(self, kind: type[S], path: str, name: str, *, needed: bool = True) -> dict[str, S]:
        """One record a table of the file; its key becomes the field ``name``."""
        tables = self.toml(path, needed=needed)
        self._defined[path] = None if tables is None else frozenset(tables)
        found = {key: self.record(kind, path, table, (key,), **{name: key}) for key, table in (tables or {}).items()}
        return {key: record for key, record in found.items() if record is not None}

    def defines(self, path: str, key: str) -> bool:
        """Whether this file defines this key, well or badly; a file that cannot be read might: one fault is enough."""
        defined = self._defined.get(path)
        return defined is None or key in defined

    def defined(self, path: str) -> list[str]:
        """The keys that this file defines."""
        return sorted(self._defined.get(path) or ())

    def record(self, kind: type[S], path: str, table: Any, keys: tuple[str, ...], **given: Any) -> S | None:
        """One record of this kind, or ``None`` with each of its faults noted."""
        if table is None:
            return None
        if not isinstance(table, dict):
            advice = "Write it as [name] followed by its keys."
            self.fault(path, keys, f"`{'.'.join(keys)}` must be a table", advice)
            return None
        values: dict[str, Any] = dict(given)
        known = {field.encode_name: field for field in fields(kind) if field.name not in given}
        for key, value in table.items():
            if key in known:
                values[known[key].name] = self._value(known[key].type, path, value, (*keys, key))
            else:
                self.fault(path, (*keys, key), f"`{key}` is not known here", suggestion(key, known))
                values[""] = _BAD
        for key, field in known.items():
            if field.name not in values and field.default is NODEFAULT and field.default_factory is NODEFAULT:
                near = next(iter(get_close_matches(key, table.keys() - known.keys(), n=1)), "")
                if not near:  # a misspelt key is one fault
                    self.fault(path, keys, f"`{key}` is missing", "Add it.")
                values[field.name] = _BAD
        return kind(**values) if _BAD not in values.values() else None

    def _value(self, kind: Any, path: str, value: Any, keys: tuple[str, ...]) -> Any:
        """One value of this type, or ``_BAD``; nested tables one by one, so that each fault has its own line."""
        kind = _without_none(kind)
        if isclass(kind) and issubclass(kind, Struct):
            record = self.record(kind, path, value, keys)
            return _BAD if record is None else record
        if get_origin(kind) is dict and isinstance(value, dict):
            items = {key: self._value(get_args(kind)[1], path, item, (*keys, key)) for key, item in value.items()}
            return _BAD if _BAD in items.values() else items
        if (item := _record_type(kind)) is not None and isinstance(value, list):
            each = [self._value(item, path, one, (*keys, str(at))) for at, one in enumerate(value)]
            return _BAD if _BAD in each else tuple(each)
        try:
            found = msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            self._mistyped(kind, path, value, keys, str(error))
            return _BAD
        if isinstance(found, float) and not isfinite(found):
            self.fault(path, keys, f"`{keys[-1]}` is not a finite number", "Correct it.")
            return _BAD
        return found

    def _mistyped(self, kind: Any, path: str, value: Any, keys: tuple[str, ...], error: str) -> None:
        """A value of another type; of an enumeration, the values that there are."""
        values = _choices(kind)
        wrong = [one for one in (value if isinstance(value, list) else [value]) if one not in values]
        if values and wrong and isinstance(wrong[0], str):
            known = [one for one in values if one]
            self.fault(path, keys, f"`{keys[-1]}` cannot be `{wrong[0][:60]}`", suggestion(wrong[0], known))
            return
        expected = re.search(r"xpected `(\w+)", error)
        advice = _HOW.get(expected[1], "") if expected else _HOW["date"] if "date" in error else ""
        what = error.partition(" - at `$")[0]
        if _record_type(kind) is not None:
            advice = f"Write each as [[{keys[-1]}]]."
        self.fault(path, keys, f"`{keys[-1]}`: {what[0].lower()}{what[1:]}", advice or "Correct it.")


def _kind(found: Finding) -> tuple[str, str, str]:
    return found.file, found.severity, _DIFFERING.sub("", found.message)


def _record_type(kind: Any) -> type[Struct] | None:
    """The type of the records in a list of them."""
    item = get_args(kind)[0] if get_origin(kind) is tuple else None
    return item if isclass(item) and issubclass(item, Struct) else None


def _without_none(kind: Any) -> Any:
    """The type of an optional value when it is there."""
    if get_origin(kind) in (Union, UnionType):
        others = [one for one in get_args(kind) if one is not NoneType]
        return others[0] if len(others) == 1 else kind
    return kind


def _choices(kind: Any) -> tuple[Any, ...]:
    """The values of an enumeration, or of the items of a list of them; none of another type."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return inner
    if origin is tuple or origin in (Union, UnionType):
        return tuple([one for part in inner for one in _choices(part)])
    return ()
