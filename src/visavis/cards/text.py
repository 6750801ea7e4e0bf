"""A card or a brief as text: lines for text-only glasses, speech, and a phone's notification."""

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
    content: Card | Brief, columns: int, rows: int, *, align: Align = "center", charset: Charset = "unicode"
) -> list[str]:
    """Exactly ``rows`` lines of ``columns`` columns, in ``charset``; never broken inside a word, number or price."""
    lines = text_screen_lines(content, columns, rows, lambda text: cells(transliterated(text, charset)))
    return [_padded(transliterated(line, charset), columns, align) for line in lines]


def text_screen_lines(content: Card | Brief, room: int, rows: int, measure: line_breaks.Measure) -> list[str]:
    """The same lines, each within ``room`` by ``measure`` (cells or pixels), neither transliterated nor padded."""
    head, further = (content.title, [content.body]) if isinstance(content, Card) else (content.who, _contents(content))
    title = list(line_breaks.shortened(head, room, rows, measure) or ())
    answers = _answers(content, room, rows - len(title), measure) if title else []
    free = rows - len(title) - len(answers)
    # Empty lines around the body, unless a sentence would be left out for them.
    whole, body = _body(further, room, free - (2 if answers else 1), measure)
    if not whole:
        body = _body(further, room, free, measure)[1]
    lines = [*title, *([""] if whole and body else []), *body] if title else []
    return [*lines, *[""] * (rows - len(lines) - len(answers)), *answers]


def _body(texts: list[str], columns: int, rows: int, measure: line_breaks.Measure) -> tuple[bool, list[str]]:
    """The lines of those texts that fit whole, and whether all of them do."""
    lines: list[str] = []
    whole = True
    for text in texts:
        found = line_breaks.wrapped(text, columns, rows - len(lines), measure)
        whole = whole and found is not None
        lines.extend(found or ())
    return whole, lines


def _contents(brief: Brief) -> list[str]:
    """What a brief says besides who it is about: the advice and what to avoid, then the facts."""
    return [brief.advice, brief.avoid, *[fact.what for fact in brief.facts]]


def notification(content: Card | Brief) -> tuple[str, str]:
    """A title of 40 characters and a body of 120 for a phone's notification: as many whole sentences as fit."""
    if isinstance(content, Card):
        title = clipped(content.title, NOTIFICATION_TITLE_LIMIT, NOTIFICATION_TITLE_LIMIT)
        return title, _joined(content.body, content.why)
    return clipped(content.who, NOTIFICATION_TITLE_LIMIT, NOTIFICATION_TITLE_LIMIT), _joined(*_contents(content))


def _joined(*sentences: str) -> str:
    body = ""
    for sentence in sentences:
        longer = sentence if not body else f"{body} {sentence}" if body[-1] in ".?!…" else f"{body}. {sentence}"
        if sentence and len(longer) <= NOTIFICATION_BODY_LIMIT:
            body = longer
    return body


def _answers(content: Card | Brief, columns: int, rows: int, measure: line_breaks.Measure) -> list[str]:
    """Both answers on one line, else on two; none when there is no room for both."""
    answers = [f"[{content.yes}]"] * bool(content.yes) + [f"({content.no})"] * bool(content.no)
    for lines in (["  ".join(answers)], answers):
        if answers and len(lines) <= rows and all(measure(line) <= columns for line in lines):
            return lines
    return []


def speech(content: Card | Brief) -> str:
    """What to read aloud, within 25 words: a card with its two answers as a question; of a brief who and what to do."""
    if isinstance(content, Brief):
        spoken = content.who
        for text in _contents(content):
            longer = f"{spoken}. {text}" if spoken[-1:] not in ".?!…" else f"{spoken} {text}"
            if text and len(longer.split()) <= SPEECH_WORDS_LIMIT:
                spoken = longer
        return spoken
    if not content.yes or not content.no:
        return content.speech
    spoken = content.speech if content.speech[-1:] in ".?!…" else f"{content.speech}."
    question = f"{content.yes}, {_OR[content.language]} {content.no[:1].lower()}{content.no[1:]}?"
    asked = f"{spoken} {typeset(question, content.language)}"
    return asked if len(asked.split()) <= SPEECH_WORDS_LIMIT else content.speech


def _padded(line: str, columns: int, align: Align) -> str:
    spare = columns - cells(line)
    left = spare // 2 if align == "center" else 0
    return " " * left + line + " " * (spare - left)
