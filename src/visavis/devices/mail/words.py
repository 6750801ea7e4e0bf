"""What a letter and its pages say besides the card, in French and in English."""

from collections.abc import Sequence
from functools import cache
from html import escape
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
    return {name: typeset(said[at], LANGUAGES[at]) for name, said in _WORDS.items()}


def page(language: str, brand: str, said: str, forms: Sequence[tuple[str, str]] = ()) -> str:
    """A page of one sentence, with a button for each thing that one may do: (address, words)."""
    buttons = "".join(
        [
            f'<form method="post" action="{escape(address)}"><button>{escape(label)}</button></form>'
            for address, label in forms
        ]
    )
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><meta name="viewport"'
        ' content="width=device-width,initial-scale=1">'
        f"<title>{escape(brand)}</title><style>body{{font:18px/1.5 system-ui,sans-serif;max-width:30em;margin:12vh"
        " auto;padding:0 20px;color:#10201d}"
        "h1{font-size:1.3rem}button{font:inherit;min-height:48px;padding:0 20px;margin:0 0 12px;border:1px solid"
        " #0f766e;border-radius:24px;"
        f"background:#fff;color:#0f5f59;cursor:pointer}}</style><main><p>{escape(brand)}</p><h1>{escape(said)}</h1>{buttons}</main></html>"
    )
