"""An error advises only commands that exist."""

import ast
import re
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from visavis import cli

SOURCE = Path(cli.__file__).parent
COMMAND = re.compile(r"(?<![\w.-])visavis ([a-z]+)(?: ([a-z]+))?")
GROUP = typer.main.get_command(cli.app)
assert isinstance(GROUP, TyperGroup)
COMMANDS = set(GROUP.commands)


def advised(text: str) -> list[str]:
    """The commands that this text names."""
    return [found[1] for found in COMMAND.finditer(text)]


def texts() -> list[tuple[str, str]]:
    """Every string of the package that is shown to somebody, with its place: no docstring, and no pattern."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        statements = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
        found += [
            (f"{path.relative_to(SOURCE)}:{one.lineno}", one.value)
            for one in ast.walk(tree)
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in statements
        ]
    for ending in ("toml", "html", "js"):
        found += [(str(path.relative_to(SOURCE)), path.read_text("utf-8")) for path in SOURCE.rglob(f"*.{ending}")]
    return found


def test_every_command_that_is_advised_exists() -> None:
    told = [(place, name) for place, text in texts() for name in advised(text)]

    assert len(told) >= 8
    assert [(place, name) for place, name in told if name not in COMMANDS] == []


@pytest.mark.parametrize(
    ("text", "names"), [("`visavis keys` lists them.", ["keys"]), ("pip install visavis[mqtt]", [])]
)
def test_an_advised_command_is_recognised(text: str, names: list[str]) -> None:
    assert advised(text) == names
