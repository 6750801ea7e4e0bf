"""The event loop that a server runs in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from support.people import ROOT
from visavis import listen
from visavis.cli import app


async def _loop() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_a_coroutine_is_run_in_uvloop_when_it_is_installed() -> None:
    assert listen.run(_loop()) == "uvloop"


def test_serve_listens_in_uvloop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []

    @asynccontextmanager
    async def listening(*_: object, **__: object) -> AsyncIterator[None]:
        found.append(await _loop())
        yield

    async def until_stopped() -> None:
        return

    monkeypatch.setattr(listen, "listening", listening)
    monkeypatch.setattr(listen, "until_stopped", until_stopped)
    data = str(tmp_path / "data")
    told = CliRunner().invoke(app, ["serve", str(ROOT / "examples" / "grocery"), "--data", data, "--port", "0"])
    assert told.exit_code == 0, told.exception
    assert found == ["uvloop"]
