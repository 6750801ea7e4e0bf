"""A Halo in its vendor's emulator, behind our gateway: what its round display shows, and what its button says."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PIL", reason="pictures need Pillow: pip install -e .[server]")

from PIL import Image, ImageDraw

from devices.hosting import Hosting, a_hosting, soon
from people import ROOT, STRATEGY
from visavis.cards.compose import compose
from visavis.devices.walls import lines
from visavis.strategy.screens import DEVICES

PYTHON = Path(os.environ.get("VISAVIS_PEERS", ROOT / ".peers")) / "halo" / "bin" / "python"
if not PYTHON.exists():
    pytest.skip("Brilliant's emulator is not there: make peers", allow_module_level=True)

TOP_PX, PITCH_PX, RADIUS_PX = 48, 20, 120


class Halo:
    """The process with the emulator and the gateway in it."""

    def __init__(self, url: str, key: str) -> None:
        script = Path(__file__).parent / "peers" / "halo.py"
        env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "SDL_VIDEODRIVER": "dummy", "PYGAME_HIDE_SUPPORT_PROMPT": "1", "NO_PROXY": "*"}
        self._process = subprocess.Popen([str(PYTHON), str(script), url, key], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def does(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def look(self) -> dict[str, Any]:
        self.does("look")
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert found["error"] == "", "one letter that it lacks would stop its whole program"
        found["image"] = Image.frombytes("L", tuple(found.pop("size")), base64.b64decode(found.pop("pixels")))
        return found

    def rows(self) -> list[int]:
        """Which lines of text have something on them."""
        image = self.look()["image"]
        return [row for row in range(8) if image.crop((0, TOP_PX + row * PITCH_PX, 256, TOP_PX + (row + 1) * PITCH_PX)).getbbox()]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(10) == 0
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture(scope="module")
def hosting() -> Iterator[Hosting]:
    with a_hosting() as found:
        yield found


@pytest.fixture
def worn(hosting: Hosting) -> Iterator[tuple[str, Halo]]:
    name = hosting.somebody()
    halo = Halo(hosting.site.url, hosting.paired(name, "brilliant-halo"))
    yield name, halo
    halo.close()


@pytest.mark.parametrize(("button", "answer"), [("single", "yes"), ("double", "no")])
def test_a_card_is_drawn_within_the_circle_and_the_button_answers(hosting: Hosting, worn: tuple[str, Halo], button: str, answer: str) -> None:
    name, halo = worn
    shown = hosting.card(name)
    said = lines(compose(STRATEGY, shown, "fr", place="s1"), DEVICES["brilliant-halo"])

    soon(lambda: hosting.displayed(name) == [shown.id])
    assert halo.rows() == [row for row, line in enumerate(said) if line]
    image = halo.look()["image"]
    outside = Image.new("L", (256, 256), 255)
    ImageDraw.Draw(outside).ellipse((128 - RADIUS_PX, 128 - RADIUS_PX, 128 + RADIUS_PX, 128 + RADIUS_PX), fill=0)
    assert Image.composite(image, Image.new("L", (256, 256)), outside).getbbox() is None
    halo.does(button)

    soon(lambda: hosting.answers(name) == [answer])
    assert soon(lambda: halo.rows() == [])
    assert f'"SHOWN:{shown.id}' in str(halo.look()["sent"]).replace("'", '"')


def test_a_card_goes_when_its_purpose_is_closed_and_the_button_then_says_nothing(hosting: Hosting, worn: tuple[str, Halo]) -> None:
    name, halo = worn
    shown = hosting.card(name)
    soon(halo.rows)

    hosting.site.withdraws(name, shown.purpose)

    assert soon(lambda: halo.rows() == [])
    halo.does("single")
    soon(lambda: halo.look()["sent"])
    assert hosting.answers(name) == []


def test_a_revoked_key_empties_the_glasses_and_ends_the_gateway(hosting: Hosting, worn: tuple[str, Halo]) -> None:
    import httpx

    name, halo = worn
    hosting.card(name)
    soon(halo.rows)
    brand = {"authorization": f"Bearer {hosting.site.key('brand')}"}
    [device] = httpx.get(f"{hosting.site.url}/v1/devices?person={name}", headers=brand, trust_env=False).json()

    httpx.delete(f"{hosting.site.url}/v1/devices/{device['id']}", headers=brand, trust_env=False)

    assert soon(lambda: halo.look()["over"])
    assert halo.rows() == []
