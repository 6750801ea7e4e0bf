"""Discontinued screens: our page at their published size in a real browser; no such device was ever used.

``VISAVIS_ACCEPT=1 pytest tests/web/test_rendered_devices.py`` takes the pictures again."""

import os
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Browser

from support.cards import KICKER, LANGUAGES, the_card
from support.required import require
from visavis.cards.frame import framed
from visavis.devices.render import page
from visavis.strategy.screens import DEVICES

GOLDEN = Path(__file__).parents[1] / "golden" / "devices"
INTER = Path("/usr/share/fonts/opentype/inter/Inter-Regular.otf")
FAINT = 1.5
OVERFLOWING = """() => [...document.querySelectorAll('p')]
    .filter(p => p.scrollWidth > p.clientWidth || p.scrollHeight > p.clientHeight + 1)
    .map(p => p.textContent).concat(document.documentElement.scrollWidth > innerWidth ? ['the page'] : [])"""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("profile", ["telepathy-one", "laster", "sony-smartwatch"])
def test_a_screen_of_the_past_shows_the_card_at_its_published_size(
    browser: Browser, profile: str, language: str
) -> None:
    require(INTER.exists(), "Inter is not installed: apt-get install fonts-inter")
    device = DEVICES[profile]
    tab = browser.new_page(viewport={"width": device.width_px, "height": device.height_px})
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.set_content(page(framed(the_card(language), device, kicker=KICKER[language])))
    assert tab.evaluate(OVERFLOWING) == []
    picture = tab.screenshot()
    tab.close()
    path = GOLDEN / f"browser-{profile}-{language}.png"
    if os.environ.get("VISAVIS_ACCEPT"):
        Image.open(BytesIO(picture)).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
    seen, found = Image.open(path).convert("RGB"), Image.open(BytesIO(picture)).convert("RGB")

    assert found.size == seen.size == (device.width_px, device.height_px)
    assert max(ImageStat.Stat(ImageChops.difference(found, seen)).mean) <= FAINT
    assert asked == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_page_fits_every_screen_there_is(browser: Browser, language: str) -> None:
    tab = browser.new_page()
    for device in DEVICES.values():
        if device.width_px:
            tab.set_viewport_size({"width": device.width_px, "height": device.height_px})
            tab.set_content(page(framed(the_card(language), device, kicker=KICKER[language])))
            assert tab.evaluate(OVERFLOWING) == [], device.profile
    tab.close()
