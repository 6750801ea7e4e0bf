"""Fit text to a screen by tables of glyph widths; numbers and prices are never cut."""

from functools import partial
from typing import Final

from visavis.cards import line_breaks
from visavis.cards.widths import BOLD, REGULAR, UNKNOWN
from visavis.model.catalogue import Device

MARGIN: Final = 0.92
"""Share of the screen's width that text may fill: waveguides blur at the edge."""
BODY_SCALE: Final = 0.8
"""How large the body's letters are beside the title's."""
SCALES: Final = (1.0, 0.85, 0.7)
"""The sizes that a title may take: smaller letters come before fewer words."""


def width_px(text: str, font_px: int, *, bold: bool = False) -> float:
    """How wide this text is at this font size; never less than on the screen."""
    widths = BOLD if bold else REGULAR
    return sum([widths.get(glyph, UNKNOWN) for glyph in text]) * font_px / 1000.0


def room_px(device: Device) -> float:
    """How wide a line of text may be on this screen."""
    return device.width_px - 2 * device.padding_px if device.padding_px else device.width_px * MARGIN


def fit(text: str, *, width: float, font_px: int, lines: int, bold: bool = False) -> tuple[str, ...] | None:
    """The whole text on at most ``lines`` lines of ``width`` pixels; ``None`` when it does not fit."""
    return line_breaks.wrapped(text, width, lines, partial(width_px, font_px=font_px, bold=bold))


def shortened(text: str, *, width: float, font_px: int, lines: int, bold: bool = False) -> tuple[str, ...] | None:
    """The text, shortened with an ellipsis if needed, its numbers whole; ``None`` when that is not enough."""
    return line_breaks.shortened(text, width, lines, partial(width_px, font_px=font_px, bold=bold))


def headed(text: str, *, width: float, font_px: int, lines: int) -> tuple[tuple[str, ...], int] | None:
    """The title's lines and font size: whole in the largest size that fits, else shortened; ``None`` when none fits."""
    sizes = [round(font_px * scale) for scale in SCALES]
    for fitted in (fit, shortened):
        for size in sizes:
            found = fitted(text, width=width, font_px=size, lines=lines, bold=True)
            if found is not None:
                return found, size
    return None
