"""The files of a strategy, and every fault found in them so far, each with its file and line."""

import re
import tomllib
from collections.abc import Mapping
from inspect import isclass
from math import isfinite
from typing import Any, Final, TypeVar, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from visavis.strategy.lines import key_lines

S = TypeVar("S", bound=Struct)
_BAD: Final = object()


class Reading:
    """Reads records and collects their faults (:meth:`listed`) instead of raising; a faulty record is left out."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self._faults: set[tuple[str, int, str]] = set()
        self._texts: dict[str, str | None] = {}
        self._lines: dict[str, dict[tuple[str, ...], int]] = {}
        self._defined: dict[str, frozenset[str] | None] = {}

    def listed(self) -> list[str]:
        """Every fault, in the order of files and lines."""
        return [f"{path}:{line}: {what}" for path, line, what in sorted(self._faults)]

    def fault(self, path: str, where: int | str | tuple[str, ...], what: str, advice: str) -> None:
        """Note a fault on a line, or where a key stands: what was given or expected, and what to do."""
        if not isinstance(where, int):
            where = self._line_of(path, (where,) if isinstance(where, str) else where)
        self._faults.add((path, where, " ".join(f"{what}. {advice}".split())))

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
            self.fault(path, line, f"this is not TOML: {str(error)[: at.start() if at else None]}", "Correct the line.")
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

    def record(self, kind: type[S], path: str, table: Any, keys: tuple[str, ...], **given: Any) -> S | None:
        """One record of this kind, or ``None`` with each of its faults noted."""
        if table is None:
            return None
        if not isinstance(table, dict):
            advice = "Write it as [name] followed by its keys."
            self.fault(path, keys, f"`{'.'.join(keys)}` must be a table", advice)
            return None
        values: dict[str, Any] = dict(given)
        known = {field.name: field for field in fields(kind)}
        for key, value in table.items():
            if key in known and key not in given:
                values[key] = self._value(known[key].type, path, value, (*keys, key))
            else:
                names = ", ".join(name for name in known if name not in given)
                self.fault(path, (*keys, key), f"`{key}` is not known here", f"Known: {names}.")
        for name, field in known.items():
            if name not in values and field.default is NODEFAULT and field.default_factory is NODEFAULT:
                self.fault(path, keys, f"`{name}` is missing", "Add it.")
                values[name] = _BAD
        whole = not any(value is _BAD for value in values.values()) and values.keys() <= known.keys()
        return kind(**values) if whole else None

    def _value(self, kind: Any, path: str, value: Any, keys: tuple[str, ...]) -> Any:
        """One value of this type, or ``_BAD``; nested tables one by one, so that each fault has its own line."""
        if isclass(kind) and issubclass(kind, Struct):
            record = self.record(kind, path, value, keys)
            return _BAD if record is None else record
        if get_origin(kind) is dict and isinstance(value, dict):
            items = {key: self._value(get_args(kind)[1], path, item, (*keys, key)) for key, item in value.items()}
            return _BAD if any(item is _BAD for item in items.values()) else items
        try:
            found = msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            self.fault(path, keys, f"`{keys[-1]}`: {str(error)[0].lower()}{str(error)[1:]}", "Correct it.")
            return _BAD
        if isinstance(found, float) and not isfinite(found):
            self.fault(path, keys, f"`{keys[-1]}` is not a finite number", "Correct it.")
            return _BAD
        return found
