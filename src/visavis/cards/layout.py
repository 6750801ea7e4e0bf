"""Fit words to a screen by tables of glyph widths: a small screen drops the body, nothing ever cuts a number or a price."""

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec import Struct

from visavis.cards.typography import ELLIPSIS, dangles, held
from visavis.cards.widths import BOLD, REGULAR, UNKNOWN
from visavis.model.card import Card
from visavis.model.catalogue import Device

MARGIN: Final = 0.92
"""Share of the screen's width that text may fill: waveguides blur at the edge."""
BODY_SCALE: Final = 0.8
"""How large the body's letters are beside the title's."""
Measure = Callable[[str], float]


class Layout(Struct, frozen=True):
    """The lines of a card on one screen; ``body`` is empty when there is no room for it, both when not even the title fits."""

    title: tuple[str, ...]
    body: tuple[str, ...]


def width_px(text: str, font_px: int, *, bold: bool = False) -> float:
    """How wide this text is at this font size; never less than on the screen."""
    widths = BOLD if bold else REGULAR
    return sum([widths.get(glyph, UNKNOWN) for glyph in text]) * font_px / 1000.0


def fit(text: str, width: float, font_px: int, lines: int, *, bold: bool = False) -> tuple[str, ...] | None:
    """The text on at most ``lines`` lines of ``width`` pixels; see :func:`shortened`."""
    return shortened(text, width, lines, partial(width_px, font_px=font_px, bold=bold))


def wrapped(text: str, room: float, lines: int, measure: Measure) -> tuple[str, ...] | None:
    """The whole text on as few lines as it needs, broken at loose spaces only; ``None`` when it does not fit.

    Spaces inside a number or a price and before French punctuation hold, however they were typed.
    """
    found: list[str] = []
    line = ""
    for word in held(text).split(" "):
        longer = f"{line} {word}" if line else word
        if measure(longer) <= room:
            line = longer
            continue
        if not line or measure(word) > room or len(found) + 1 >= lines:
            return None
        found.append(line)
        line = word
    return (*found, line) if line else ()


def shortened(text: str, room: float, lines: int, measure: Measure) -> tuple[str, ...] | None:
    """The text, else the text with an ellipsis in place of its last words; ``None`` when that is not enough.

    Every number of the text is kept whole: where it ends with one, the words before it go. Never ends on a « de ».
    """
    whole = wrapped(text, room, lines, measure)
    if whole is not None:
        return whole
    words = held(text).split(" ")
    spare = [i for i, word in enumerate(words) if i > 0 and not re.search(r"\d", word)]
    if not spare:
        return None
    end = start = spare[-1]
    while start in spare:
        if not dangles(words[start - 1]):
            before = " ".join(words[:start]).rstrip(",;:-–\u00a0\u202f")
            cut = wrapped(
                " ".join([before if before[-1:] in (*"?!.", ELLIPSIS) else before + ELLIPSIS, *words[end + 1 :]]), room, lines, measure
            )
            if cut is not None:
                return cut
        start -= 1
    return None


def lay_out(card: Card, device: Device) -> Layout:
    """The card on this screen. The title is shortened when it must be; the body is shown whole or not at all."""
    room = device.width_px * MARGIN
    title = fit(card.title, room, device.font_px, device.lines, bold=True)
    if title is None:
        return Layout((), ())
    small = partial(width_px, font_px=round(device.font_px * BODY_SCALE))
    return Layout(title, wrapped(card.body, room, device.lines - len(title), small) or () if len(title) < device.lines else ())
