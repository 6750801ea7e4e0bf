"""The words of a letter and its pages besides the card, in French and in English."""

from functools import cache
from typing import Final

from visavis.cards.typography import typeset

LANGUAGES: Final = ("fr", "en")
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "answer": ("Répondre", "Answer"),
    "stop": ("Ne plus recevoir de courriels", "Receive no more e-mail"),
    "stop_ask": ("Ne plus recevoir de courriels ?", "Receive no more e-mail?"),
    "stop_do": ("Ne plus en recevoir", "Receive no more"),
    "stopped": ("C'est fait : plus aucun courriel.", "Done: no more e-mail."),
    "over": ("Cette carte n'est plus d'actualité.", "This card is over."),
    "answered": ("C'est noté. Merci.", "Noted. Thank you."),
}


@cache
def words(language: str) -> dict[str, str]:
    """The words in this language; in English when it is neither of the two."""
    at = LANGUAGES.index(language) if language in LANGUAGES else 1
    return {name: typeset(both[at], LANGUAGES[at]) for name, both in _WORDS.items()}
