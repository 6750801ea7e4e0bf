"""Every command that the README gives, run as its reader would."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from support.people import ROOT
from support.ports import free_port
from visavis.lab.year import data
from visavis.model.errors import Unavailable

README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]


def visavis(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "visavis", *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def july(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    try:
        data.folder()
    except Unavailable as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("july")
    told = visavis(
        "year",
        "--headless",
        "--json",
        "--months",
        "1",
        "--every",
        "5",
        "--log",
        str(folder),
        "--decisions",
        str(folder / "visits.parquet"),
    )
    return folder, json.loads(told)


def test_the_readme_gives_commands_that_exist() -> None:
    assert COMMANDS
    for command in COMMANDS:
        words = shlex.split(command)
        assert words[0] in ("make", "visavis", "git", "cd", ".venv/bin/visavis"), command
        if words[0] == "make":
            subprocess.run(["make", "-n", words[1]], cwd=ROOT, check=True, capture_output=True)
        elif words[0].endswith("visavis"):
            assert "Usage" in visavis(words[1], "--help")


def test_make_alone_lists_the_commands() -> None:
    told = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout

    assert all(f"make {name}" in told for name in ("year", "demo", "test", "check", "bench"))


def test_the_demo_plays_nine_scenes_without_a_browser() -> None:
    told = json.loads(visavis("demo", "--headless", "--json"))

    assert [scene["scene"][0] for scene in told["scenes"]] == list("123456789")
    assert told["as_expected"]


@contextmanager
def started(*arguments: str, says: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command that serves, and the address in the line of its output that says so; it must end well when asked to."""
    running = subprocess.Popen(
        [sys.executable, "-m", "visavis", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        assert running.stdout is not None
        address = next(found[0] for line in running.stdout if (found := re.search(says, line)))
        yield running, address
    finally:
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0
        if running.stdout is not None:
            running.stdout.close()


def test_the_stage_opens_once_with_its_address() -> None:
    with started("demo", "--no-browser", "--household", "Inès", "--language", "en", says=r"http://\S+") as (_, address):
        with httpx.Client(follow_redirects=True) as browser:
            page = browser.get(address)
        stranger = httpx.get(address, follow_redirects=True)

    assert page.status_code == 200
    assert "In front of the shop" in page.text
    assert stranger.status_code == 401, "the address opens once"


def test_a_server_of_ones_own_answers_those_who_have_a_key(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    port = str(free_port())
    with started("serve", "examples/grocery", "--data", data, "--port", port, says=r"http://\S+") as (_, address):
        brand, device = (
            visavis("key", "brand", "--data", data).strip(),
            visavis("key", "device", "camille", "--data", data).strip(),
        )
        for _ in range(100):
            try:
                well = httpx.get(f"{address}/healthz")
                break
            except httpx.ConnectError:
                time.sleep(0.1)
        mine = httpx.get(f"{address}/v1/people/camille/purposes", headers={"authorization": f"Bearer {device}"})
        other = httpx.get(f"{address}/v1/people/basile/purposes", headers={"authorization": f"Bearer {device}"})
        figures = httpx.get(f"{address}/metrics", headers={"authorization": f"Bearer {brand}"})

    assert (well.status_code, mine.status_code, other.status_code, figures.status_code) == (200, 200, 403, 200)


def test_the_example_is_linted() -> None:
    assert "10 actions" in visavis("lint", "examples/grocery")


def test_the_year_prints_one_object_with_every_figure(july: tuple[Path, dict[str, Any]]) -> None:
    _, told = july

    for name in (
        "hit_rate",
        "hit_rate_all",
        "hit_product_rate",
        "baseline_hit_rate",
        "baseline_hit_rate_all",
        "decayed_hit_rate_all",
        "beyond_decayed_hit_rate",
        "random_hit_rate",
        "beyond_hit_rate",
        "beyond_baseline_hit_rate",
        "beyond_surest_rate",
        "beyond_baseline_surest_rate",
        "calibration_all",
        "calibration_cards",
        "calibration_worst_week",
        "ece",
        "forgotten_rate",
        "forgotten_surest_rate",
        "forgotten_baseline_rate",
        "forgotten_baseline_surest_rate",
        "forgotten_decayed_surest_rate",
        "uplift",
        "uplift_low",
        "uplift_high",
        "uplift_true",
        "nonconsenting_unchanged",
        "moments",
        "visits",
        "cards",
        "silences",
        "held_out",
        "seconds",
        "peak_rss_mib",
        "p50_us",
        "p99_us",
        "repeat_share",
        "version",
    ):
        assert name in told, name
    assert told["nonconsenting_unchanged"] is True
    assert told["hit_rate_all"] > told["baseline_hit_rate_all"] > told["random_hit_rate"]
    assert told["beyond_hit_rate"] > told["beyond_baseline_hit_rate"]
    assert told["forgotten_rate"] > told["forgotten_random_rate"]
    assert told["cards"] >= 0.5 * told["eligible_visits"]
    assert set(told["development"]) == set(told["other"])


def test_the_log_replays_twice_the_same_and_verifies(july: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = july
    first, second = visavis("replay", str(folder)), visavis("replay", str(folder))

    assert first.splitlines()[1] == second.splitlines()[1]
    assert visavis("replay", str(folder), "--verify").endswith(" 0 differences\n")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_decision_is_explained(july: tuple[Path, dict[str, Any]], language: str) -> None:
    folder, _ = july
    shown = pl.read_parquet(folder / "visits.parquet").filter(pl.col("action") == "reminder-door")["decision"][0]

    told = visavis("why", shown, "--log", str(folder), "--language", language)

    assert "show · reminder-door" in told
    assert ("Parce que" in told) is (language == "fr")
    assert "read for reminders: places, purchases" in told
