"""What a user can get wrong at the command line is one line that says what to do, never a traceback."""

import builtins
import re
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from visavis import __version__
from visavis.cli import example, main

GROCERY = str(example("grocery"))
TAKEN = "the port that is taken"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["visavis", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("frob",), "No such command"),
        (("demo", "--foo"), "No such option"),
        (("lint",), "Missing argument"),
        (("lint", "nowhere"), "There is no folder nowhere"),
        (("lint", "file"), "file is a file, not the folder"),
        (("lint", "log"), "it holds no brand.toml"),
        (("lint", "empty"), "empty is empty"),
        (("lint", "."), "Did you mean bare?"),
        (("lint", GROCERY, "--log", "nowhere"), "There is no log"),
        (("lint", GROCERY, "--log", "server"), "no root key"),
        (("play", "bare"), "This strategy has no products"),
        (("play", "nowhere"), "There is no folder nowhere"),
        (("play", GROCERY, "--story", "nine"), "There are: 1-in-front"),
        (("play", GROCERY, "--household", "Nobody"), "Choose one of: Solène"),
        (("play", GROCERY, "--language", "de"), "'fr', 'en'"),
        (("demo", "--json"), "Add --headless"),
        (("demo", "--headless", "--port", TAKEN), "Give another one: --port"),
        (("demo", "--headless", "--data", "file"), "permissions"),
        (("serve", "nowhere"), "There is no folder nowhere"),
        (("serve", GROCERY, "--port", "70000"), "65535"),
        (("serve", GROCERY, "--port", TAKEN, "--data", "data"), "Give another one: --port"),
        (("serve", GROCERY, "--data", "file"), "permissions"),
        (("serve", GROCERY, "--settings", "nowhere.toml"), "cannot be read"),
        (("serve", GROCERY, "--settings", "file"), "not TOML"),
        (("key", "boss"), "Roles: brand"),
        (("key", "device", "bo", "--data", "file"), "permissions"),
        (("replay", "nowhere"), "There is no log"),
        (("replay", "log"), "not a log"),
        (("why", "x"), "Missing option"),
        (("why", "x", "--log", "nowhere"), "There is no log"),
        (("why", "x", "--log", "server"), "no root key"),
        (("replay", "server"), "no root key"),
        (("extract", "nowhere", "to"), "There is no log"),
        (("year", "--months", "9"), "less than or equal to 6"),
        (("year", "--decisions", "nowhere/visits.parquet"), "Make it"),
        (("ledger", "verify", "nowhere", "--checkpoint", "file", "--key", "k"), "NAME+ID+KEY"),
        (("rights", "verify", "nowhere", "--key", "file"), "cannot be read"),
        (("rights", "erase", "nowhere", "bo"), "There is no folder nowhere"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_advice(
    arguments: tuple[str, ...],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("x")
    Path("log").mkdir()
    Path("log/log.sqlite").write_text("no database")
    Path("log/key").write_bytes(b"k" * 32)
    Path("empty").mkdir()
    Path("server").mkdir()
    Path("server/log.sqlite").write_text("no database")
    shutil.copytree(GROCERY, "bare", ignore=shutil.ignore_patterns("products.csv"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code = run(monkeypatch, *[port if argument == TAKEN else argument for argument in arguments])

    output = capsys.readouterr()
    assert code == 2
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert says in output.err


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [("uvicorn", ("serve", GROCERY), "server"), ("polars", ("year", "--months", "1"), "learn")],
)
def test_a_command_without_its_extra_names_it_in_one_line(
    missing: str,
    arguments: tuple[str, ...],
    extra: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imported = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return imported(name, *rest)

    for name in [name for name in sys.modules if name.startswith(("visavis.lab.year", "visavis.listen"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)

    assert run(monkeypatch, *arguments) == 2
    error = capsys.readouterr().err
    assert error == f"This command needs `{missing}`, which is not installed. Run: pip install 'visavis[{extra}]'.\n"


def test_help_lists_every_command_with_what_it_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert run(monkeypatch, "--help") == 0

    text = capsys.readouterr().out
    for command in ("demo", "year", "extract", "lint", "play", "serve", "key", "rights", "replay", "why", "ledger"):
        assert re.search(rf"(?m)^\W*{command}\s{{2,}}[A-Z]\w+ ", text), command


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--version") == 0

    assert capsys.readouterr().out == f"visavis {__version__}\n"
