"""What a letter and its pages say besides the card, in French and in English."""

from collections.abc import Sequence
from html import escape
from typing import Final

WORDS: Final[dict[str, dict[str, str]]] = {
    "fr": {
        "answer": "Répondre :", "stop": "Ne plus recevoir de courriels :", "stop_ask": "Ne plus recevoir de courriels ?", "stop_do": "Ne plus en recevoir",
        "stopped": "C'est fait : plus aucun courriel.", "ask": "Votre réponse ?",
        "over": "Cette carte n'est plus d'actualité.", "answered": "C'est noté. Merci.",
    },
    "en": {
        "answer": "Answer:", "stop": "Receive no more e-mail:", "stop_ask": "Receive no more e-mail?", "stop_do": "Receive no more",
        "stopped": "Done: no more e-mail.", "ask": "Your answer?", "over": "This card is over.", "answered": "Noted. Thank you.",
    },
}  # fmt: skip


def page(language: str, brand: str, said: str, forms: Sequence[tuple[str, str]] = ()) -> str:
    """A page of one sentence, with a button for each thing that one may do: (address, words)."""
    words = WORDS[language]
    buttons = "".join([
        f'<form method="post" action="{escape(address)}"><button>{escape(words.get(label, label))}</button></form>' for address, label in forms
    ])  # fmt: skip
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(brand)}</title><style>body{{font:18px/1.5 system-ui,sans-serif;max-width:30em;margin:12vh auto;padding:0 20px;color:#10201d}}"
        f"h1{{font-size:1.3rem}}button{{font:inherit;min-height:48px;padding:0 20px;margin:0 0 12px;border:1px solid #0f766e;border-radius:24px;"
        f"background:#fff;color:#0f5f59;cursor:pointer}}</style><main><p>{escape(brand)}</p><h1>{escape(words[said])}</h1>{buttons}</main></html>"
    )
