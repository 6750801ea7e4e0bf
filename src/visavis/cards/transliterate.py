"""Write a text with the characters that a screen can show."""

import re
from functools import lru_cache
from typing import Final
from unicodedata import combining, normalize

from visavis.model.catalogue import Charset

_LAST: Final[dict[Charset, int]] = {"ascii": 0x7E, "latin1": 0xFF, "unicode": 0x10FFFF}
_TABLE: Final = """
œ=oe Œ=OE æ=ae Æ=AE ß=ss ø=o Ø=O ł=l Ł=L đ=d Đ=D ı=i ð=d þ=th €=EUR £=GBP ¥=JPY ’=' ‘=' “=" ”=" „=" «=" »=" –=- —=-
−=- ‑=- …=... •=* ·=- °=o ×=x ÷=/ →=-> ←=<- №=No ′=' ″=" ⁄=/
"""
_REPLACEMENTS: Final = dict(pair.split("=") for pair in _TABLE.split())
_SPACES: Final = "\u00a0\u202f\u2009\u2007"
_FRACTION: Final = re.compile("(?<=[0-9])(?=[¼-¾⅐-⅞])")
_POWER: Final = re.compile("(?<=[0-9])(?=[²³¹⁰⁴-⁹])")
_SOFT: Final = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
UNKNOWN: Final = "?"


@lru_cache(maxsize=8192)
def transliterated(text: str, charset: Charset) -> str:
    r"""The text in this set of characters: accents are dropped, signs written out, what is unknown becomes « ? ».

    >>> transliterated("Crème fraîche épaisse à 1,95\u00a0€ — œufs «\u00a0bio\u00a0»", "ascii")
    'Creme fraiche epaisse a 1,95 EUR - oeufs "bio"'
    >>> transliterated("Crème à 1,95\u00a0€…", "latin1"), transliterated("Crème à 1,95\u00a0€…", "unicode")
    ('Crème à 1,95\xa0EUR...', 'Crème à 1,95\xa0€…')
    >>> transliterated("1½ L, 10² m", "ascii")
    '1 1/2 L, 10^2 m'
    """
    text = normalize("NFC", text)
    if charset == "unicode":
        return text
    if charset == "ascii":
        # A straight quote stands at its word: the space inside « » goes with them.
        text = re.sub(r"«\s?", '"', re.sub(r"\s?»", '"', text))
    # 1½ is not 11/2, and 10² is not 102.
    text = _FRACTION.sub(" ", _POWER.sub("^", text))
    last = _LAST[charset]
    return "".join([one if ord(one) <= last and one.isprintable() else _replacement(one, charset) for one in text])


def _replacement(glyph: str, charset: Charset) -> str:
    if glyph in _SPACES or glyph.isspace():
        return "\u00a0" if charset == "latin1" and glyph in _SPACES else " "
    if glyph in _REPLACEMENTS:
        return _REPLACEMENTS[glyph]
    if glyph in _SOFT or combining(glyph):
        return ""
    parts = [_REPLACEMENTS.get(part, part) for part in normalize("NFKD", glyph) if not combining(part)]
    plain = "".join([part for part in parts if part.isascii() and part.isprintable()])
    return plain or UNKNOWN
