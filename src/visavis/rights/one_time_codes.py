"""Codes that somebody reads on one screen or sheet and types into another."""

from secrets import choice
from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No letter or figure that one takes for another: no 0 and O, no 1, I and L, no U and V."""
CODE_LENGTH: Final = 8


def new_code() -> str:
    """A random code, of 39 bits."""
    return "".join([choice(ALPHABET) for _ in range(CODE_LENGTH)])


def shown(code: str) -> str:
    """The code as it is written for people.

    >>> shown("2345ABCD")
    '2345-ABCD'
    """
    return f"{code[:4]}-{code[4:]}"


def typed(text: str) -> str:
    """The code that somebody typed, in whatever case, with dashes and spaces or without.

    >>> typed(" 2345-abcd")
    '2345ABCD'
    """
    return "".join([glyph for glyph in text.upper() if glyph.isalnum()])
