"""The house: what may not be named, what may not be reached."""

import ast
import re
from pathlib import Path

from support.people import ROOT
from visavis.model.errors import VisavisError

SOURCE = ROOT / "src" / "visavis"
FILES = sorted(SOURCE.rglob("*.py"))


def test_no_file_is_named_after_nothing() -> None:
    vague = re.compile(r"utils?|helpers?|common|manager|services?|base|misc")

    assert not [str(path) for path in FILES if vague.fullmatch(path.stem) or vague.fullmatch(path.parent.name)]


def test_a_decision_never_reaches_behind_a_view() -> None:
    for room in ("decide", "insight", "cards"):
        for path in (SOURCE / room).glob("*.py"):
            reached = [
                node.attr
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Attribute) and node.attr.startswith("_")
            ]
            assert not [name for name in reached if name in ("_customer", "_moment", "_views")], path


def test_every_module_says_what_it_is() -> None:
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text())), path


def test_errors_carry_advice() -> None:
    assert str(VisavisError("No.", advice="Ask.")) == "No. Ask."


def test_the_benchmarks_and_docs_are_there() -> None:
    for path in (
        "docs/mission.md",
        "docs/dependencies.md",
        "docs/model-card.md",
        "benchmarks/step.py",
        "benchmarks/log.py",
        "LICENSE",
        "CHANGELOG.md",
    ):
        assert Path(ROOT / path).is_file(), path


def test_nothing_names_a_path_of_a_machine() -> None:
    told = [
        path
        for path in ROOT.rglob("*.md")
        if not {".venv", ".peers"} & {*path.parts} and re.search(r"/(home|work|root|Users)/", path.read_text())
    ]

    assert not told
