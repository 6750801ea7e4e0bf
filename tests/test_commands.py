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

import httpx

from support.command import printed, visavis
from support.people import ROOT
from support.ports import free_port

README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]


def test_the_readme_gives_commands_that_exist() -> None:
    assert COMMANDS
    for command in COMMANDS:
        words = shlex.split(command)
        assert words[0] in ("make", "visavis", "git", "cd", ".venv/bin/visavis"), command
        if words[0] == "make":
            subprocess.run(["make", "-n", words[1]], cwd=ROOT, check=True, capture_output=True)
        elif words[0].endswith("visavis"):
            assert "Usage" in printed(words[1], "--help")


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
    assert "10 actions" in printed("lint", str(ROOT / "examples" / "grocery"))


def test_a_command_without_its_extra_says_in_one_line_what_to_install() -> None:
    """As after `pip install visavis`; `make wheel` tries the real thing."""
    for missing, extra, arguments in (
        ("httpx", "server", ["serve", "examples/grocery"]),
        ("starlette", "server", ["demo", "--headless"]),
        ("polars", "learn", ["year", "--headless"]),
    ):
        program = f"import sys; sys.modules[{missing!r}] = None; from visavis.cli import main; main()"
        ran = subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, cwd=ROOT, check=False
        )

        assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
        assert f"visavis[{extra}]" in ran.stderr
