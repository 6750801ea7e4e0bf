"""A card without a screen of its own: a wall of characters for a terminal or text-only glasses, and the words to read aloud."""

from typing import Final, Literal
from unicodedata import combining, east_asian_width

from visavis.cards import breaking
from visavis.cards.typography import typeset
from visavis.model.card import SPEECH_WORDS_LIMIT, Card

_OR: Final = {"fr": "ou", "en": "or"}


def cells(text: str) -> int:
    r"""How many columns of a terminal the text takes: two for a full-width character, none for a combining mark.

    >>> cells("Lait"), cells("牛乳"), cells("e\u0301")
    (4, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum([0 if combining(glyph) else 2 if east_asian_width(glyph) in "WF" else 1 for glyph in text])


def wall(card: Card, columns: int, rows: int, *, align: Literal["center", "left"] = "center") -> list[str]:
    """Exactly ``rows`` lines of ``columns`` columns: the title, the body when there is room, and the two answers at the bottom.

    Broken and shortened like any layout: never inside a word, a number or a price; what does not fit is left out.
    """
    title = list(breaking.shortened(card.title, columns, rows, cells) or ())
    answers = _answers(card, columns, rows - len(title))
    room = rows - len(title) - 1 - (len(answers) + 1 if answers else 0)
    body = breaking.wrapped(card.body, columns, room, cells) if title and card.body else None
    said = [*title, "", *body] if body else title
    return [_padded(line, columns, align) for line in [*said, *[""] * (rows - len(said) - len(answers)), *answers]]


def _answers(card: Card, columns: int, rows: int) -> list[str]:
    """Both answers on one line, else on two; none when there is no room for both."""
    answers = [answer for answer in (f"[{card.yes}]" if card.yes else "", f"({card.no})" if card.no else "") if answer]
    for lines in (["  ".join(answers)], answers):
        if answers and len(lines) <= rows and all(cells(line) <= columns for line in lines):
            return lines
    return []


def speech(card: Card) -> str:
    """What to read aloud: the card, then its two answers as a question, within 25 words."""
    if not card.yes or not card.no:
        return card.speech
    spoken = card.speech if card.speech[-1:] in ".?!…" else f"{card.speech}."
    asked = f"{spoken} {typeset(f'{card.yes}, {_OR[card.language]} {card.no[:1].lower()}{card.no[1:]}?', card.language)}"
    return asked if len(asked.split()) <= SPEECH_WORDS_LIMIT else card.speech


def _padded(line: str, columns: int, align: Literal["center", "left"]) -> str:
    spare = columns - cells(line)
    left = spare // 2 if align == "center" else 0
    return " " * left + line + " " * (spare - left)
