"""Every known screen in both languages, as reviewed (``VISAVIS_ACCEPT=1`` draws them again; look before a commit)."""

import os
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from support.cards import KICKER, LANGUAGES, the_brief, the_card
from visavis.cards.frame import framed
from visavis.cards.text import notification, speech, text_screen
from visavis.devices import render
from visavis.model.card import Brief, Card
from visavis.model.catalogue import Device
from visavis.strategy.screens import DEVICES

GOLDEN = Path(__file__).parents[1] / "golden" / "devices"
SCREENS = [device for device in DEVICES.values() if device.width_px]
FAINT = 1.5
"""How far two pictures may differ on average, in levels of 255 (font engines differ at the edges of letters)."""


def drawn(told: Card | Brief, device: Device, kicker: str) -> bytes:
    frame = framed(told, device, kicker=kicker)
    if device.colour == "one_bit":
        picture = BytesIO()
        Image.open(BytesIO(render.bmp1(frame))).save(picture, "PNG", optimize=True)
        return picture.getvalue()
    return render.grey16(frame) if device.colour == "grey16" else render.png(frame)


def compare(name: str, picture: bytes) -> None:
    path = GOLDEN / f"{name}.png"
    if os.environ.get("VISAVIS_ACCEPT"):
        path.write_bytes(picture)
    seen, found = Image.open(path).convert("RGB"), Image.open(BytesIO(picture)).convert("RGB")

    assert found.size == seen.size
    assert max(ImageStat.Stat(ImageChops.difference(found, seen)).mean) <= FAINT


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("device", SCREENS, ids=lambda device: device.profile)
def test_a_card_looks_as_it_was_looked_at(device: Device, language: str) -> None:
    compare(f"{device.profile}-{language}", drawn(the_card(language), device, KICKER[language]))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "profile", ["google-glass-xe", "even-g2", "vuzix-m4000", "tablet", "phone", "sony-smartwatch-2"]
)
def test_a_brief_looks_as_it_was_looked_at(profile: str, language: str) -> None:
    compare(f"brief-{profile}-{language}", drawn(the_brief(language), DEVICES[profile], "Place d’Italie"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_without_pixels_are_those_that_were_looked_at(language: str) -> None:
    parts = []
    for told in (the_card(language), the_brief(language)):
        title, body = notification(told)
        parts.append(f"speech        {speech(told)}\nnotification  {title} | {body}")
        for device in DEVICES.values():
            if device.chars:
                lines = text_screen(told, device.chars, device.lines, align="left", charset=device.charset)
                parts.append(
                    "\n".join(
                        [
                            f"{device.profile}, {device.chars} × {device.lines}, {device.charset}",
                            *[f"|{line}|" for line in lines],
                        ]
                    )
                )
    text = "\n\n".join(parts).replace("\u202f", "·").replace("\u00a0", "~") + "\n"
    path = GOLDEN / f"walls-{language}.txt"
    if os.environ.get("VISAVIS_ACCEPT"):
        path.write_text(text, encoding="utf-8")

    assert path.read_text(encoding="utf-8") == text
