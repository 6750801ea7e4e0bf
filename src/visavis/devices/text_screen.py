r"""What a screen of text shows, line by line: exactly as many lines as it has, each within its width.

Most such screens count characters. The Even G2 has a proportional font and would break a line that is too wide, so its
letters were measured in the vendor's simulator 0.9.5; a test measures them again.
"""

from functools import lru_cache
from typing import Final

from visavis.cards.text import text_screen, text_screen_lines
from visavis.cards.transliterate import transliterated
from visavis.model.card import Card
from visavis.model.catalogue import Device

EVEN_G2: Final = "even-g2"
_ADVANCES_PX: Final = {
    4: "!':`l|",
    5: ",.;Iij¡¦·ÌÍìíĮįİıĺļ‘’‚",
    6: ' "()/\\t¹ľłţťŧ',
    7: "1[]fr°ÎÏîïĨĩĪīŀŕŗř",
    8: "*J{}ª²³ºĳ“”‹›",
    9: "L_kzķĹĻĽĿŁźżž„•",
    10: "+-<=>EFT^ceos±ÈÉÊË×çèéêëòóôõö÷ćċčĒēĖėĘęĚěōőśşšŢŤŦ…−",
    11: "2CSabdghnpquvxy¤§ÇßàáâãäåñøùúûüýþÿāăąĆĊČđğġģĲńņňŋŚŞŠũūůűųŷ",
    12: "$03456789?BDGHKNOPQRUZ¢¥«¬»¿ÐÑÒÓÔÕÖÙÚÛÜÞðĎďĐĞĠĢħĶŃŅŇŊŌŐŔŖŘŨŪŮŰŲŹŻŽ",
    13: "AVXY£®ÀÁÂÃÄÅØÝĀĂĄŶŸ",
    14: "#%Ħ™↑↓",
    15: "&w¶¼½æœŵ–—€",
    16: "MWm~¾Ŵ",
    17: "@Œ→←",
    18: "©Æ",
    20: "♥★",
}
WIDTHS_PX: Final = {glyph: px for px, glyphs in _ADVANCES_PX.items() for glyph in glyphs} | {"\u00a0": 6}
"""How far each letter of the G2 moves the next, rounded up; a letter that is not here is not in its font."""


def lines(card: Card, device: Device) -> list[str]:
    """The card's lines on this screen, in its letters, right-stripped; none for a screen without own text."""
    if device.profile == EVEN_G2:
        found = [_in_g2(line) for line in text_screen_lines(card, device.width_px, device.lines, even_g2_px)]
    elif device.chars:
        found = text_screen(card, device.chars, device.lines, align="left", charset=device.charset)
    else:
        found = []
    return [line.rstrip(" ") for line in found]


def even_g2_px(text: str) -> int:
    """How wide this text is on a G2, never less than there.

    >>> even_g2_px("Œufs"), even_g2_px("Œufs ?")
    (45, 63)
    """
    return sum([WIDTHS_PX[glyph] for glyph in _in_g2(text)])


@lru_cache(maxsize=4096)
def _in_g2(text: str) -> str:
    """The text in letters that the font has: it lacks the narrow space of French and other alphabets."""
    return "".join(
        [
            glyph
            if glyph in WIDTHS_PX
            else transliterated(glyph, "latin1" if transliterated(glyph, "latin1") in WIDTHS_PX else "ascii")
            for glyph in text
        ]
    )
