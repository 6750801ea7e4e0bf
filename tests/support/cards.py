"""A card and a brief to show on every screen, from the grocery example, in both languages."""

import re
from typing import Any

from support.people import STRATEGY
from visavis.cards.brief import brief
from visavis.cards.compose import compose
from visavis.model.card import Brief, Card
from visavis.model.decision import Fact, Show
from visavis.strategy.read import Strategy

MILK, MILK_1L = "FLUID MILK WHITE ONLY", "2000000000015"
FACTS = (
    Fact("name", "Solène", "declared", 17_000),
    Fact("need", MILK, "inferred", 20_000, 0.62),
    Fact("reward", "thank-you", "observed", 20_001),
    Fact("away", "60", "observed", 19_943),
    Fact("avoid", "BUTTER", "observed"),
)
FIGURES = {"today": 1.25, "goal": 1.5, "left": 0.5}
KICKER = {"fr": "À la maison", "en": "At home"}
LANGUAGES = ("fr", "en")
_WORDS = "crème fraîche de la confiture pain œufs à déjà l’été Ça après-shampooing 12 ½ 10² $3.49 牛乳 — : <b> &amp;"
WORDS = [*re.findall(r"\S+", _WORDS), "n° 4", "3,49 €", "12 000", "1 L", "500 g", "oublié ?", "« bio »"]
"""Of all that a line of a card may hold, a number with its unit too."""
ACCENTED = Card(
    "d1",
    "a",
    "fr",
    "Crème fraîche à 1,95\u00a0€",
    "12\u00a0œufs «\u00a0bio\u00a0» — à 3,49\u00a0€ au lieu de 4,10\u00a0€\u202f?",
    "Parce que vous l’avez noté.",
    "Crème fraîche à 1,95\u00a0€.",
    "Je note",
    "Pas besoin",
)


def a_show(action: str, family: str = MILK, product: str = "", *, strategy: Strategy = STRATEGY, **more: Any) -> Show:
    """The decision to show this action of the strategy; ``more`` are other fields of it."""
    about = strategy.actions[action]
    fields: dict[str, Any] = {
        "device": "glasses",
        "units": 1.6,
        "p_response": 0.6,
        "p_shown": 0.5,
        "scored": (),
        "known": (),
        "refusals": (),
        "terms": (),
        "window": None,
        "figures": FIGURES,
    }
    return Show("d1", about.audience, about.purpose, action, family, product, **fields | more)


def the_card(language: str) -> Card:
    return compose(STRATEGY, a_show("refill", MILK, MILK_1L), language)


def the_brief(language: str) -> Brief:
    return brief(STRATEGY, a_show("adviser-suggestion", MILK, MILK_1L, facts=FACTS), language, today=20_003)
