"""A card or a brief without pixels.

Lines of characters for text-only glasses, the words to read aloud, and a phone's notification.
"""

from typing import Final, Literal
from unicodedata import combining, east_asian_width

from visavis.cards import line_breaks
from visavis.cards.transliterate import transliterated
from visavis.cards.typography import clipped, typeset
from visavis.model.card import SPEECH_WORDS_LIMIT, Brief, Card
from visavis.model.catalogue import Charset

NOTIFICATION_TITLE_LIMIT: Final = 40
NOTIFICATION_BODY_LIMIT: Final = 120
Align = Literal["center", "left"]
_OR: Final = {"fr": "ou", "en": "or"}


def cells(text: str) -> int:
    r"""How many columns of a terminal the text takes: two for a full-width character, none for a combining mark.

    >>> cells("Lait"), cells("牛乳"), cells("e\u0301")
    (4, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum([0 if combining(glyph) else 2 if east_asian_width(glyph) in "WF" else 1 for glyph in text])


def text_screen(
    told: Card | Brief, columns: int, rows: int, *, align: Align = "center", charset: Charset = "unicode"
) -> list[str]:
    """Exactly ``rows`` lines of ``columns`` columns, in the letters of ``charset``.

    The title, the body when there is room, and both answers at the bottom.

    Of a brief: who, the advice, what not to do, then the facts, as many as there is room for. Broken and shortened like
    any layout: never inside a word, a number or a price; what does not fit is left out.
    """
    lines = text_screen_lines(told, columns, rows, lambda text: cells(transliterated(text, charset)))
    return [_padded(transliterated(line, charset), columns, align) for line in lines]


def text_screen_lines(told: Card | Brief, room: int, rows: int, measure: line_breaks.Measure) -> list[str]:
    """The same lines, each within ``room`` by ``measure`` (cells, or the pixels of a font that is known), neither transliterated nor padded."""
    head, further = (told.title, [told.body]) if isinstance(told, Card) else (told.who, _matters(told))
    title = list(line_breaks.shortened(head, room, rows, measure) or ())
    answers = _answers(told, room, rows - len(title), measure)
    free = rows - len(title) - len(answers)
    # Air around the body, unless a sentence would be lost for it.
    whole, airy = _body(further, room, free - (2 if answers else 1), measure)
    body = airy if whole else _body(further, room, free, measure)[1]
    said = [*title, *([""] if whole and body else []), *body] if title else []
    return [*said, *[""] * (rows - len(said) - len(answers)), *answers]


def _body(texts: list[str], columns: int, rows: int, measure: line_breaks.Measure) -> tuple[bool, list[str]]:
    """The lines of those texts that fit whole, and whether all of them do."""
    lines: list[str] = []
    whole = True
    for text in texts:
        found = line_breaks.wrapped(text, columns, rows - len(lines), measure)
        whole = whole and found is not None
        lines.extend(found or ())
    return whole, lines


def _matters(brief: Brief) -> list[str]:
    """What a brief says beyond who it is about.

    The advice and what not to do before the facts, for they are what is done.
    """
    return [brief.advice, brief.avoid, *[fact.what for fact in brief.facts]]


def notification(told: Card | Brief) -> tuple[str, str]:
    """A title of 40 characters and a body of 120 for a phone's notification, which watches and glasses mirror.

    Whole sentences, as many as fit.
    """
    if isinstance(told, Card):
        return clipped(told.title, NOTIFICATION_TITLE_LIMIT, NOTIFICATION_TITLE_LIMIT), _joined(told.body, told.why)
    return clipped(told.who, NOTIFICATION_TITLE_LIMIT, NOTIFICATION_TITLE_LIMIT), _joined(*_matters(told))


def _joined(*sentences: str) -> str:
    body = ""
    for sentence in sentences:
        longer = sentence if not body else f"{body} {sentence}" if body[-1] in ".?!…" else f"{body}. {sentence}"
        if sentence and len(longer) <= NOTIFICATION_BODY_LIMIT:
            body = longer
    return body


def _answers(told: Card | Brief, columns: int, rows: int, measure: line_breaks.Measure) -> list[str]:
    """Both answers on one line, else on two; none when there is no room for both."""
    answers = [answer for answer in (f"[{told.yes}]" if told.yes else "", f"({told.no})" if told.no else "") if answer]
    for lines in (["  ".join(answers)], answers):
        if answers and len(lines) <= rows and all(measure(line) <= columns for line in lines):
            return lines
    return []


def speech(told: Card | Brief) -> str:
    """What to read aloud, within 25 words: a card, then its two answers as a question.

    Of a brief, who, and what to do or not to do.
    """
    if isinstance(told, Brief):
        spoken = told.who
        for text in _matters(told):
            longer = f"{spoken}. {text}" if spoken[-1:] not in ".?!…" else f"{spoken} {text}"
            if text and len(longer.split()) <= SPEECH_WORDS_LIMIT:
                spoken = longer
        return spoken
    if not told.yes or not told.no:
        return told.speech
    spoken = told.speech if told.speech[-1:] in ".?!…" else f"{told.speech}."
    asked = (
        f"{spoken} {typeset(f'{told.yes}, {_OR[told.language]} {told.no[:1].lower()}{told.no[1:]}?', told.language)}"
    )
    return asked if len(asked.split()) <= SPEECH_WORDS_LIMIT else told.speech


def _padded(line: str, columns: int, align: Align) -> str:
    spare = columns - cells(line)
    left = spare // 2 if align == "center" else 0
    return " " * left + line + " " * (spare - left)
