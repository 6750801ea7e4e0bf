"""Typography: no-break spaces, French punctuation, apostrophes. Every function here is idempotent."""

import re
from functools import lru_cache
from typing import Final
from unicodedata import combining, normalize

import regex

NARROW_SPACE: Final = "\u202f"
WIDE_SPACE: Final = "\u00a0"
ELLIPSIS: Final = "…"
GRAPHEMES: Final = regex.compile(r"\X")
"""What a reader takes for one letter: with its marks, and emoji that are joined (Unicode, *UAX 29*)."""
_CONTROLS: Final = regex.compile(r"[\p{Cc}\p{Zl}\p{Zp}]")
_MARKS: Final = regex.compile(r"(?![\u200c\u200d])\p{Cf}")
"""Marks of direction and the like; the joiners that emoji and some alphabets need stay."""
_ELIDES: Final = re.compile(
    r"(?!on[zs]e|oui|ouistiti|yaourt)(?:[aeiou]|y[b-df-hj-np-tv-xz]|h(?:e(?!id)|i[lp]|on[no]|or[at]|u[bg]|ya|ui))"
)
"""Letters that *de* and *que* elide before; most other names in h are said with it (Hakim, Hans, Houda)."""
_LOOSE: Final = re.compile(r"[^\S\u00a0\u202f\u2007]+")
_UNITS: Final = r"h|min|s|L|l|cl|ml|g|kg|m|cm|mm|km|am|pm|kWh|oz|lb|lbs|USD|EUR|€|\$|£|%"
_HOLDS: Final = re.compile(
    rf"(?<=\d) (?=\d{{3}}(?!\d))|(?<=\d) (?=(?:{_UNITS})(?!\w))|(?<=[A-Z]{{3}}) (?=\d)|(?<=[°№$€£+−–-]) (?=\d)|"
    r" (?=[?!;:»%€])|(?<=«) "
)
DIGITS: Final = regex.compile(
    rf"[°№$€£+−–-]?[\u00a0\u202f]?\d[\d.,:\u00a0\u202f]*(?:(?:{_UNITS})(?!\w))?[\u00a0\u202f\p{{P}}]*|\X"
)
"""The parts of a word that may not be broken: a number with its sign and unit, else a grapheme."""
_DANGLING: Final = frozenset(
    # What French ends no text on, then English.
    """à au aux avec chez d' dans de des du en et l' la le les ou par pour sans sous sur un une
    a an and at by for from in of on or the to with & - – :""".split()  # noqa: SIM905
)


def held(text: str) -> str:
    r"""One-spaced text with no-break spaces inside numbers and prices and before French punctuation.

    >>> held("Lait : 12 000 g à 3,49 € ?")
    'Lait\xa0: 12\xa0000\xa0g à 3,49\xa0€\xa0?'
    """
    return _HOLDS.sub(WIDE_SPACE, _LOOSE.sub(" ", text).strip())


@lru_cache(maxsize=8192)
def typeset(text: str, language: str) -> str:
    r"""The text with the typography of its language, its first letter large; French spaces before ? ! ; % : and in « ».

    A name keeps its letters and signs; controls and marks of direction are left out.

    >>> typeset("lait : il n'y en a plus ?", "fr")
    'Lait\xa0: il n’y en a plus\u202f?'
    >>> typeset("eggs x12, again ?", "en")
    'Eggs x12, again?'
    >>> typeset("iPhone et P!nk", "fr"), typeset("learn .NET", "en")
    ('iPhone et P!nk', 'Learn .NET')
    """
    text = re.sub(r"(?<=\w)'(?=\w)", "’", _MARKS.sub("", _CONTROLS.sub(" ", text)).replace("...", ELLIPSIS))
    if language == "fr":
        text = re.sub(r"\s*([?!;]+)(?!\w)", NARROW_SPACE + r"\1", text)
        text = re.sub(r"(?<=\d)\s*%", NARROW_SPACE + "%", text)
        text = re.sub(r"\s+:", WIDE_SPACE + ":", text)
        text = re.sub(r"«\s*", "«" + WIDE_SPACE, re.sub(r"\s*»", WIDE_SPACE + "»", text))
    else:
        text = re.sub(r"\s+([?!;:,.]+)(?!\w)", r"\1", text)
    text = held(text)
    first = text.partition(" ")[0]
    return text if first[1:] != first[1:].lower() else text[:1].upper() + text[1:]


def elides(name: str) -> bool:
    """Whether French elides *de* and *que* before this name: at a vowel, a mute h, or a y before a consonant.

    >>> [elides(name) for name in ("Inès", "Élodie", "Hélène", "Yves", "Œuvre", "Yaël", "Hakim", "Solène", "Onze")]
    [True, True, True, True, True, False, False, False, False]
    """
    plain = normalize("NFD", name.lower().replace("œ", "oe").replace("æ", "ae"))
    return _ELIDES.match("".join([one for one in plain if not combining(one)])) is not None


def count_words(text: str) -> int:
    """How many words a reader counts in a typeset text; a sign joined to its word (« oublié ? ») is not counted.

    >>> count_words(typeset("lait : oublié ?", "fr")), count_words("")
    (2, 0)
    """
    return text.count(" ") + bool(text)


def dangles(word: str) -> bool:
    """Whether a text must not end on this word: « croquettes de » says less than « croquettes »."""
    return word.lower().replace("’", "'") in _DANGLING


def clipped(name: str, characters: int, words: int) -> str:
    """As many first words as fit, and an ellipsis, never after « de »; one long word is cut, one with a digit left out.

    >>> clipped("croquettes de pommes de terre", 15, 9), clipped("anticonstitutionnel", 8, 9), clipped("12345678", 5, 9)
    ('croquettes…', 'anticon…', '…')
    """
    if len(name) <= characters and count_words(name) <= words:
        return name
    parts = name.split(" ")[:-1]
    while len(parts) > 1 and (
        len(" ".join(parts)) >= characters or count_words(" ".join(parts)) > words or dangles(parts[-1])
    ):
        parts.pop()
    short = " ".join(parts) or name
    if len(short) < characters:
        return short + ELLIPSIS
    kept = ""
    for grapheme in () if re.search(r"\d", short) else GRAPHEMES.findall(short):
        if len(kept) + len(grapheme) >= characters:
            break
        kept += grapheme
    return kept + ELLIPSIS[: max(0, characters)]
