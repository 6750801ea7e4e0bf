"""A Halo in its vendor's emulator, behind our gateway: what its round display shows, and what its button says."""

from collections.abc import Iterator

import httpx
import pytest
from PIL import Image, ImageDraw

from support.devices.halo_process import PYTHON, Halo
from support.devices.hosting import Hosting, a_hosting, soon
from support.people import STRATEGY
from support.required import require_peer
from visavis.cards.compose import compose
from visavis.devices.text_screen import lines
from visavis.strategy.screens import DEVICES

require_peer(PYTHON.exists(), "Brilliant's emulator is not there: make peers")

RADIUS_PX = 120


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
def test_a_card_is_drawn_within_the_circle_and_the_button_answers(
    hosting: Hosting, worn: tuple[str, Halo], button: str, answer: str
) -> None:
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


def test_a_card_goes_when_its_purpose_is_closed_and_the_button_then_says_nothing(
    hosting: Hosting, worn: tuple[str, Halo]
) -> None:
    name, halo = worn
    shown = hosting.card(name)
    soon(halo.rows)

    hosting.site.withdraws(name, shown.purpose)

    assert soon(lambda: halo.rows() == [])
    halo.does("single")
    soon(lambda: halo.look()["sent"])
    assert hosting.answers(name) == []


def test_a_revoked_key_empties_the_glasses_and_ends_the_gateway(hosting: Hosting, worn: tuple[str, Halo]) -> None:
    name, halo = worn
    hosting.card(name)
    soon(halo.rows)
    brand = {"authorization": f"Bearer {hosting.site.key('brand')}"}
    [device] = httpx.get(f"{hosting.site.url}/v1/devices?person={name}", headers=brand, trust_env=False).json()

    httpx.delete(f"{hosting.site.url}/v1/devices/{device['id']}", headers=brand, trust_env=False)

    assert soon(lambda: halo.look()["over"])
    assert halo.rows() == []
