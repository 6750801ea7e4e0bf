"""Typography: no-break spaces, French punctuation, apostrophes. Every function here is idempotent."""

import re
from functools import lru_cache
from typing import Final

NARROW_SPACE: Final = "\u202f"
WIDE_SPACE: Final = "\u00a0"
ELLIPSIS: Final = "…"
_LOOSE: Final = re.compile(r"[^\S\u00a0\u202f\u2007]+")
_UNITS: Final = r"h|min|s|L|l|cl|ml|g|kg|m|cm|mm|km|am|pm|kWh|oz|lb|lbs|USD|EUR|€|\$|£|%"
_HOLDS: Final = re.compile(
    rf"(?<=\d) (?=\d{{3}}(?!\d))|(?<=\d) (?=(?:{_UNITS})(?!\w))|(?<=[A-Z]{{3}}) (?=\d)|(?<=[°№$€£+−–-]) (?=\d)|"
    r" (?=[?!;:»%€])|(?<=«) "
)
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

    >>> typeset("lait : il n'y en a plus ?", "fr")
    'Lait\xa0: il n’y en a plus\u202f?'
    >>> typeset("eggs x12, again ?", "en")
    'Eggs x12, again?'
    """
    text = re.sub(r"(?<=\w)'(?=\w)", "’", text.replace("...", ELLIPSIS))
    if language == "fr":
        text = re.sub(r"\s*([?!;]+)", NARROW_SPACE + r"\1", text)
        text = re.sub(r"(?<=\d)\s*%", NARROW_SPACE + "%", text)
        text = re.sub(r"\s+:", WIDE_SPACE + ":", text)
        text = re.sub(r"«\s*", "«" + WIDE_SPACE, re.sub(r"\s*»", WIDE_SPACE + "»", text))
    else:
        text = re.sub(r"\s+([?!;:,.])", r"\1", text)
    text = held(text)
    return text[:1].upper() + text[1:]


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
    kept = "" if re.search(r"\d", short) else short[: max(0, characters - 1)]
    return kept + ELLIPSIS[: max(0, characters)]
