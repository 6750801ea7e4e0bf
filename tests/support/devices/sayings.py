"""A card and a brief to show on every screen, from the grocery example, in both languages."""

from support.people import STRATEGY
from visavis.cards.brief import brief
from visavis.cards.compose import compose
from visavis.model.card import Brief, Card
from visavis.model.decision import Fact, Show

MILK, MILK_1L = "FLUID MILK WHITE ONLY", "2000000000015"
FACTS = (
    Fact("name", "Solène", "declared", 17_000),
    Fact("need", MILK, "inferred", 20_000, 0.62),
    Fact("reward", "thank-you", "observed", 20_001),
    Fact("away", "60", "observed", 19_943),
    Fact("avoid", "BUTTER", "observed"),
)
KICKER = {"fr": "À la maison", "en": "At home"}
LANGUAGES = ("fr", "en")
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


def a_show(action: str) -> Show:
    about = STRATEGY.actions[action]
    return Show(
        "d1",
        about.audience,
        about.purpose,
        action,
        MILK,
        MILK_1L,
        "glasses",
        1.6,
        0.6,
        0.5,
        (),
        (),
        (),
        (),
        None,
        facts=FACTS,
        figures={"today": 1.25, "goal": 1.5, "left": 0.5},
    )


def the_card(language: str) -> Card:
    return compose(STRATEGY, a_show("refill"), language)


def the_brief(language: str) -> Brief:
    return brief(STRATEGY, a_show("adviser-suggestion"), language, today=20_003)
