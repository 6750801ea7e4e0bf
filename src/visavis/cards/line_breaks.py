"""Break text into lines by any measure (pixels, columns): at spaces, never inside a number, a price or a grapheme."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Final

import regex

from visavis.cards.typography import DIGITS, ELLIPSIS, GRAPHEMES, dangles, held

Measure = Callable[[str], float]
NARROWER: Final = 0.001
SHORTEST: Final = 3
"""A word is not cut to fewer graphemes than this."""
_END: Final = regex.compile(r"[\p{P}\s]*$")


def wrapped(
    text: str, room: float, lines: int, measure: Measure, *, within_words: bool = False
) -> tuple[str, ...] | None:
    r"""The whole text on as few, as even lines as possible, numbers and prices unbroken; ``None`` when it does not fit.

    A word that is wider than a line is broken at a hyphen that it has, and ``within_words`` at any grapheme.

    >>> wrapped("Lait : il n'y en a plus", 18, 2, len)
    ("Lait\xa0: il n'y", 'en a plus')
    >>> wrapped("anticonstitutionnel", 12, 2, len, within_words=True)
    ('anticonst-', 'itutionnel')
    """
    words = held(text).split(" ")
    found = _filled(words, room, room, measure, within_words=within_words)
    if found is None or len(found) > lines:
        return None
    while len(found) > 1:
        # The same number of lines, the widest of them narrower: no word is left alone on the last one.
        narrower = max(map(measure, found)) - NARROWER
        tighter = _filled(words, narrower, room, measure, within_words=within_words)
        if tighter is None or len(tighter) > len(found):
            break
        found = tighter
    return tuple(found)


def _filled(words: list[str], room: float, whole: float, measure: Measure, *, within_words: bool) -> list[str] | None:
    """The words on lines of this room; one that fits into a ``whole`` line is not broken."""
    found: list[str] = []
    line = ""
    for word in words:
        longer = f"{line} {word}" if line else word
        if measure(longer) <= room:
            line = longer
            continue
        if line:
            head = _head(longer, room, measure, within_words=False) if measure(word) > whole else ""
            found.append(max(line, head, key=len))
            word = longer[len(found[-1]) :].lstrip(" ")  # noqa: PLW2901
        line = word
        while measure(line) > room:
            head = _head(line, room, measure, within_words=within_words) if measure(line) > whole else ""
            if not head:
                return None
            found.append(head)
            line = line[len(head) - (head[-1] == "-" and not line.startswith(head)) :]
    return [*found, line] if line else found


def _head(word: str, room: float, measure: Measure, *, within_words: bool) -> str:
    """The longest part of a word that fits: up to a hyphen, else up to a grapheme, hyphenated between Latin letters."""
    at_hyphen = [found.end() for found in regex.finditer(r"(?<=[^\W\d]{2})-(?=[^\W\d]{2})", word)]
    fitting = [word[:end] for end in at_hyphen if measure(word[:end]) <= room]
    if fitting or not within_words:
        return fitting[-1] if fitting else ""
    best = ""
    graphemes, head = DIGITS.findall(word), ""
    for here, after in pairwise(graphemes):
        head += here
        joined = regex.match(r"\p{Latin}", here) and regex.match(r"\p{Latin}", after)
        part = head + ("-" if joined else "")
        if measure(part) > room:
            break
        if not regex.match(r"\p{P}|\s", after):
            best = part
    return best


def shortened(text: str, room: float, lines: int, measure: Measure) -> tuple[str, ...] | None:
    r"""The text, else with an ellipsis for its last words, never cutting a number or ending on « de »; else ``None``.

    Words wider than a line are broken when nothing else fits; at last the longest one is cut.

    >>> shortened("Schokoladenhaselnussaufstrich ?", 9, 2, len)
    ('Schokola-', 'denhas…\xa0?')
    """
    for way in (wrapped, _without_last_words, partial(wrapped, within_words=True), _with_cut_word):
        if (found := way(text, room, lines, measure)) is not None:
            return found
    return None


def _without_last_words(text: str, room: float, lines: int, measure: Measure) -> tuple[str, ...] | None:
    words = held(text).split(" ")
    spare = [i for i, word in enumerate(words) if i > 0 and not regex.search(r"\d", word)]
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


def _with_cut_word(text: str, room: float, lines: int, measure: Measure) -> tuple[str, ...] | None:
    """The text with the longest of its words without a digit cut by an ellipsis, as little as needed."""
    words = held(text).split(" ")
    spare = [i for i, word in enumerate(words) if not regex.search(r"\d", word)]
    if not spare:
        return None
    longest = max(spare, key=lambda i: measure(words[i]))
    end = _END.search(words[longest])
    sign = end[0] if end is not None else ""
    graphemes = GRAPHEMES.findall(words[longest].removesuffix(sign))
    for length in range(len(graphemes) - 1, SHORTEST - 1, -1):
        cut = [*words[:longest], "".join(graphemes[:length]) + ELLIPSIS + sign, *words[longest + 1 :]]
        if (found := wrapped(" ".join(cut), room, lines, measure, within_words=True)) is not None:
            return found
    return None
