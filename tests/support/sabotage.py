"""Versions of the product that are broken on purpose: a property that catches none of them proves nothing."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.people import ROOT

Sabotage = Callable[[pytest.MonkeyPatch], None]


def replacing(*what: Any, raising: bool = True) -> Sabotage:
    """Put something else in the place of a name: ``(owner, "name", value)`` or ``("path.name", value)``."""

    def replace(patch: Any) -> None:
        patch.setattr(*what, raising=raising)

    return replace


def wrapping(owner: object, name: str, by: Callable[..., Any]) -> Sabotage:
    """Call ``by`` instead, with the honest one before its arguments."""
    honest = getattr(owner, name)
    return lambda patch: patch.setattr(owner, name, lambda *given, **more: by(honest, *given, **more))


def mutate(monkeypatch: pytest.MonkeyPatch, module: ModuleType, old: str, new: str) -> None:
    """Replace this text in a module's source and run what it then says, everywhere, until the end of the test."""
    source = Path(str(module.__file__)).read_text()
    begin = re.escape(old[: len(old) - len(old.lstrip(" "))])
    words = r"\s+".join(re.escape(word) for word in old.lstrip(" ").split(" "))  # wherever lines break
    found = [*re.finditer(begin + words, source)]
    assert len(found) == 1, f"the text to replace is there {len(found)} times"
    source = source[: found[0].start()] + new + source[found[0].end() :]
    before = dict(vars(module))
    made = ModuleType(module.__name__)
    made.__file__ = module.__file__
    exec(compile(source, str(module.__file__), "exec"), vars(made))
    for name, was in before.items():
        now = vars(made).get(name)
        if name.startswith("__") or now is None or getattr(was, "__module__", None) != module.__name__:
            continue
        for user in [
            one for one in list(sys.modules.values()) if (getattr(one, "__file__", None) or "").startswith(f"{ROOT}/")
        ]:
            if vars(user).get(name) is was:
                monkeypatch.setattr(user, name, now)


def rewriting(module: ModuleType, old: str, new: str) -> Sabotage:
    """:func:`mutate` for a table of sabotages."""
    return lambda patch: mutate(patch, module, old, new)
