"""Fit words to a screen by tables of glyph widths: a small screen drops the body, nothing ever cuts a number or a price."""

import re
from typing import Final

from msgspec import Struct

from visavis.cards.widths import UNKNOWN, WIDTHS
from visavis.model.card import Card
from visavis.model.catalogue import Device

ELLIPSIS: Final = "…"
MARGIN: Final = 0.92
"""Share of the screen's width that text may fill: waveguides blur at the edge."""


class Layout(Struct, frozen=True):
    """The lines of a card on one screen; ``body`` is empty when the screen has no room for it."""

    title: tuple[str, ...]
    body: tuple[str, ...]


def width_px(text: str, font_px: int) -> float:
    """How wide this text is at this font size."""
    return sum([WIDTHS.get(glyph, UNKNOWN) for glyph in text]) * font_px / 1000.0


def fit(text: str, *, width: float, font_px: int, lines: int) -> tuple[str, ...] | None:
    """The text on at most ``lines`` lines of ``width`` pixels, broken at spaces only; ``None`` when it does not fit.

    No-break spaces hold: « 3,49 € » and « oublié ? » stay together.
    """
    found: list[str] = []
    line = ""
    for word in [word for word in re.split(r"[ \n\t]+", text) if word]:
        longer = f"{line} {word}" if line else word
        if width_px(longer, font_px) <= width:
            line = longer
            continue
        if not line or width_px(word, font_px) > width:
            return None
        found.append(line)
        line = word
    found += [line] if line else []
    return tuple(found) if len(found) <= lines else None


def shortened(text: str, *, width: float, font_px: int, lines: int) -> tuple[str, ...] | None:
    """The text, or its beginning up to a word with an ellipsis; ``None`` when not one word fits, or when a number would be lost."""
    whole = fit(text, width=width, font_px=font_px, lines=lines)
    if whole is not None:
        return whole
    words = text.split(" ")
    for kept in range(len(words) - 1, 0, -1):
        if any(character.isdigit() for word in words[kept:] for character in word):
            return None
        cut = fit(" ".join(words[:kept]).rstrip(",;:-–\u00a0\u202f") + ELLIPSIS, width=width, font_px=font_px, lines=lines)
        if cut is not None:
            return cut
    return None


def lay_out(card: Card, device: Device) -> Layout:
    """The card on this screen. The title is kept at any price (else shortened at a word); the body only whole."""
    room = device.width_px * MARGIN
    for lines in range(1, device.lines + 1):
        title = fit(card.title, width=room, font_px=device.font_px, lines=lines)
        if title is not None:
            break
    else:
        return Layout(shortened(card.title, width=room, font_px=device.font_px, lines=device.lines) or (), ())
    small = round(device.font_px * 0.8)
    left = device.lines - len(title)
    body = fit(card.body, width=room, font_px=small, lines=left) if left > 0 and card.body else None
    return Layout(title, body or ())
