"""The brand's icon where it has given none: its initial on a dark square, at any size."""

from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw, ImageFont

PAPER: Final = "#042f2a"
INK: Final = "#5eead4"
_FONT: Final = str(files("fontpkg_roboto") / "files" / "Roboto[wdth,wght].ttf")


@lru_cache(maxsize=32)
def icon(brand: str, width_px: int, height_px: int) -> bytes:
    """A PNG; the same arguments, the same bytes."""
    picture = Image.new("RGB", (width_px, height_px), PAPER)
    font = ImageFont.truetype(_FONT, round(0.62 * height_px))
    font.set_variation_by_axes([600, 100])
    initial = next((letter for letter in brand if letter.isalnum()), "V").upper()
    ImageDraw.Draw(picture).text((width_px / 2, height_px / 2), initial, fill=INK, font=font, anchor="mm")
    out = BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
