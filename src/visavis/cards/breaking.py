"""Break text into lines, whatever measures them (pixels, columns): at loose spaces only, and never through a number or a price."""

import re
from collections.abc import Callable

from visavis.cards.typography import ELLIPSIS, dangles, held

Measure = Callable[[str], float]


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
        if not line or measure(word) > room:
            return None
        found.append(line)
        line = word
    found += [line] if line else []
    return tuple(found) if len(found) <= lines else None


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
