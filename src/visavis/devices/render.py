"""Draw a frame, with the same words at the same places: a page of exact pixels, a picture, sixteen greys, or one bit.

Pictures are drawn with Roboto, page text with the device's font: lines were measured with the widest usual faces, and a
picture's line that is still too wide (small letters are rounded to whole pixels) is drawn a size smaller.
Reference: Google, *Glass Design: Style*, 2014 (640 × 360, Roboto, black is clear); our colours exceed 4.5:1 on black.
"""

from functools import lru_cache
from html import escape
from importlib.resources import files
from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from visavis.cards.frame import BOLD, Frame, PlacedText, Role
from visavis.cards.transliterate import transliterated
from visavis.cards.widths import REGULAR

INK: Final[dict[Role, str]] = {
    "kicker": "#5eead4",
    "title": "#f4f7f6",
    "body": "#c9d3d0",
    "why": "#a3b1ad",
    "avoid": "#fbbf8f",
    "advice": "#f4f7f6",
    "yes": "#042f2a",
    "no": "#f4f7f6",
}
FILL: Final = "#5eead4"
EDGE: Final = "#64716d"
GREYS: Final = 16
COLOURS: Final = 32
_FONT: Final = str(files("fontpkg_roboto") / "files" / "Roboto[wdth,wght].ttf")
_NARROW: Final = str.maketrans({"\u202f": "\u2009", "\u2007": "\u00a0"})


def page(frame: Frame) -> str:
    """A page of exactly the frame's size, black where there is nothing; no script, no address, one style element."""
    rules = [
        f"#w{number}{{left:{one.x_px}px;top:{one.y_px}px;width:{one.width_px}px;height:{one.height_px}px;font-size:{one.font_px}px;"
        f"line-height:{one.height_px}px;color:{INK[one.role]}}}"
        for number, one in enumerate(frame.texts)
    ]
    words = "".join(
        [f'<p id="w{number}" class="{one.role}">{escape(one.text)}</p>' for number, one in enumerate(frame.texts)]
    )
    return (
        f'<!doctype html><html lang="{escape(frame.language)}"><meta charset="utf-8"><meta name="viewport"'
        f' content="width={frame.width_px}">'
        "<title>Vis-à-vis</title>"
        "<style>*{margin:0;box-sizing:border-box}html,body{background:#000}"
        f"body{{position:relative;width:{frame.width_px}px;height:{frame.height_px}px;overflow:hidden;font-family:Inter,Roboto,'DejaVu"
        " Sans',sans-serif}"
        "p{position:absolute;white-space:pre}.title,.advice,.yes{font-weight:600}"
        f".yes,.no{{text-align:center;border-radius:99px}}.yes{{background:{FILL}}}.no{{box-shadow:inset 0 0 0 1px"
        f" {EDGE}}}"
        f"{''.join(rules)}</style><main>{words}</main></html>"
    )


def png(frame: Frame) -> bytes:
    """The frame in colours: a PNG with a palette, for they are few and a watch's link is slow."""
    return _saved(_drawn(frame, "RGB").quantize(COLOURS, dither=Image.Dither.NONE), "PNG", optimize=True)


def grey16(frame: Frame) -> bytes:
    """The frame in sixteen greys: a PNG of four bits a pixel."""
    grey = _drawn(frame, "RGB").convert("L").point([round(level / 17) for level in range(256)])
    found = Image.frombytes("P", grey.size, grey.tobytes())
    found.putpalette([level * 17 for level in range(GREYS) for _ in range(3)])
    return _saved(found, "PNG", bits=4, optimize=True)


def bmp1(frame: Frame) -> bytes:
    """The frame as a bitmap of one bit a pixel: lit or not, its rows from the bottom up, each filled to four bytes."""
    return _saved(_drawn(frame, "1"), "BMP")


def _drawn(frame: Frame, mode: str) -> Image.Image:
    image = Image.new(mode, (frame.width_px, frame.height_px))
    draw = ImageDraw.Draw(image)
    for one in frame.texts:
        text, font = _fitted(one)
        box = (one.x_px, one.y_px, one.x_px + one.width_px - 1, one.y_px + one.height_px - 1)
        lit = mode == "1"
        if one.role == "yes":
            draw.rounded_rectangle(box, one.height_px // 2, fill=1 if lit else FILL)
        elif one.role == "no":
            draw.rounded_rectangle(box, one.height_px // 2, outline=1 if lit else EDGE)
        ink = (0 if one.role == "yes" else 1) if lit else INK[one.role]
        x = one.x_px + one.width_px / 2 if one.boxed else one.x_px
        draw.text((x, one.y_px + one.height_px / 2), text, fill=ink, font=font, anchor="mm" if one.boxed else "lm")
    return image


def _fitted(one: PlacedText) -> tuple[str, ImageFont.FreeTypeFont]:
    """The words in letters that the font has, at a size at which they are no wider than their place."""
    text = drawable(one.text)
    size, bold = one.font_px, one.role in BOLD
    room = one.width_px - (one.font_px if one.boxed else 0)
    while size > 1 and _font(size, bold).getlength(text) > room:
        size -= 1
    return text, _font(size, bold)


def drawable(text: str) -> str:
    """The text in the letters that our font has: all of Latin; others are transliterated."""
    return "".join(
        [glyph if glyph in REGULAR and glyph != "→" else transliterated(glyph, "latin1") for glyph in text]
    ).translate(_NARROW)


@lru_cache(maxsize=64)
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    # Without a shaping engine: what is drawn must not depend on what else is installed.
    font = ImageFont.truetype(_FONT, size, layout_engine=ImageFont.Layout.BASIC)
    font.set_variation_by_axes([600 if bold else 400, 100])
    return font


def _saved(image: Image.Image, form: str, **how: int) -> bytes:
    found = BytesIO()
    image.save(found, form, **how)
    return found.getvalue()
