"""Break text into lines by any measure (pixels, columns): at spaces, never inside a number or a price."""

import re
from collections.abc import Callable
from typing import Final

from visavis.cards.typography import ELLIPSIS, dangles, held

Measure = Callable[[str], float]
NARROWER: Final = 0.001
_HYPHEN: Final = re.compile(r"(?<=[^\W\d]{2}-)(?=[^\W\d]{2})")


def wrapped(text: str, room: float, lines: int, measure: Measure) -> tuple[str, ...] | None:
    r"""The whole text on as few, as even lines as possible, numbers and prices unbroken; ``None`` when it does not fit.

    >>> wrapped("Lait : il n'y en a plus", 18, 2, len)
    ("Lait\xa0: il n'y", 'en a plus')
    """
    words = _words(text, room, measure)
    found = _filled(words, room, measure)
    if found is None or len(found) > lines:
        return None
    while len(found) > 1:
        # The same number of lines, the widest of them narrower: no word is left alone on the last one.
        tighter = _filled(words, max(map(measure, found)) - NARROWER, measure)
        if tighter is None or len(tighter) > len(found):
            break
        found = tighter
    return tuple(found)


def _filled(words: list[str], room: float, measure: Measure) -> list[str] | None:
    found: list[str] = []
    line = ""
    for word in words:
        longer = f"{line} {word}" if line else word
        if measure(longer) <= room:
            line = longer
            continue
        if not line or measure(word) > room:
            return None
        found.append(line)
        line = word
    return [*found, line] if line else found


def _words(text: str, room: float, measure: Measure) -> list[str]:
    words = held(text).split(" ")
    if all(measure(word) <= room for word in words):
        return words
    return [part for word in words for part in (_HYPHEN.split(word) if measure(word) > room else [word])]


def shortened(text: str, room: float, lines: int, measure: Measure) -> tuple[str, ...] | None:
    """The text, else with an ellipsis for its last words, never cutting a number or ending on « de »; else ``None``."""
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
            before = before if before[-1:] in (*"?!.", ELLIPSIS) else before + ELLIPSIS
            cut = wrapped(" ".join([before, *words[end + 1 :]]), room, lines, measure)
            if cut is not None:
                return cut
        start -= 1
    return None
