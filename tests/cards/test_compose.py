"""Every family, language and action makes a card that fits a glance, has no invented number, and a true reason."""

import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from support.cards import a_show
from support.full import sample
from visavis.cards.brief import brief
from visavis.cards.compose import compose
from visavis.cards.layout import headed, room_px
from visavis.cards.readable_names import readable_name
from visavis.cards.typography import count_words, typeset
from visavis.cards.words import EPOCH, amount, day, family_name, product_name
from visavis.model.action import Template
from visavis.model.card import BODY_LIMIT, FACT_LIMIT, SPEECH_WORDS_LIMIT, TITLE_LIMIT, WORDS_LIMIT, Card
from visavis.model.catalogue import Family, Product
from visavis.model.decision import Fact, Show
from visavis.strategy.read import Strategy

MILK, MILK_1L, BEER = "FLUID MILK WHITE ONLY", "2000000000015", "BEERALEMALT LIQUORS"
CODES = [
    "SFT DRNK SNGL SRV BTL CARB (EX",
    "ALL OTHER VEGETABLES & MISC/ORGANIC PRODUCE ITEMS",
    "CAKES: POUND",
    "ADULT INCONTINENCE UNDERGARMEN",
]
ACTION = "reminder-till"


def show(strategy: Strategy, action: str = ACTION, family: str = MILK, product: str = "", **more: Any) -> Show:
    return a_show(action, family, product, strategy=strategy, **more)


def saying(strategy: Strategy, template: Template, **names: dict[str, Family] | dict[str, Product]) -> Strategy:
    """The strategy with one action that says this."""
    action = replace(strategy.actions[ACTION], card={"fr": template, "en": template})
    return replace(strategy, actions=strategy.actions | {ACTION: action}, **names)


def assert_a_glance(card: Card) -> None:
    assert 0 < len(card.title) <= TITLE_LIMIT, card.title
    assert len(card.body) <= BODY_LIMIT, card.body
    assert count_words(card.title) + count_words(card.body) <= WORDS_LIMIT, card
    assert 0 < len(card.speech.split()) <= SPEECH_WORDS_LIMIT, card.speech
    assert card.why
    assert "{" not in f"{card.title}{card.body}{card.why}{card.speech}{card.yes}{card.no}"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_family_fits_a_glance_and_every_screen(strategy: Strategy, language: str) -> None:
    step = sample(10, 1)
    for start, action in enumerate(strategy.actions):
        for family in [*[*strategy.families][start % step :: step], *CODES]:
            card = compose(strategy, show(strategy, action, family), language)

            assert_a_glance(card)
            assert not re.search(r"[A-Z]{4,}", card.title), card.title
            unfit = [
                device.profile
                for device in strategy.devices.values()
                if device.lines
                and not headed(card.title, width=room_px(device), font_px=device.font_px, lines=device.lines)
            ]
            assert not unfit, card.title


@given(
    st.text(max_size=70),
    st.sampled_from(
        ["{family} : oublié ?", "{product} à {price} ?", "Chez {place} : {family}", "Encore 3 jours : {product}"]
    ),
)
def test_any_name_fits_and_brings_no_number_of_its_own(strategy: Strategy, name: str, title: str) -> None:
    template = Template(title, "C'est à {price}, ou 2 pour 5 €.", "Parce que.", "Oui", "Non")
    told = saying(
        strategy,
        template,
        families={MILK: Family(MILK, name, name)},
        products={MILK_1L: Product(MILK_1L, MILK, name, name, 129)},
    )
    number = re.compile(r"\d+(?:[.,]\d+)*")

    card = compose(told, show(told, product=MILK_1L), "fr")

    assert len(card.title) <= TITLE_LIMIT
    assert len(card.body) <= BODY_LIMIT
    assert set(number.findall(f"{card.title} {card.body}")) <= set(
        number.findall(f"{name} {typeset(name, 'fr')} {title} 1,29 2 5 {readable_name(MILK)} {MILK_1L}")
    )


def test_what_the_title_has_no_room_for_moves_into_the_body(strategy: Strategy) -> None:
    family = next(family for family in strategy.families.values() if family.name_fr == "croquettes de pommes de terre")

    card = compose(strategy, show(strategy, family=family.key), "fr")

    assert (card.title, card.body) == ("Croquettes de pommes de terre", "Oublié\u202f? Cela éviterait de revenir.")


def test_a_long_product_is_called_by_its_family(strategy: Strategy) -> None:
    named = {MILK_1L: Product(MILK_1L, MILK, "Lait demi-écrémé de montagne bio 1 L", "", 129)}
    told = saying(strategy, Template("{product} : oublié ?", "", "Parce que."), products=named)

    assert compose(told, show(told, product=MILK_1L), "fr").title == "Lait\u00a0: oublié\u202f?"


def test_a_sentence_that_lacks_a_name_is_not_said(strategy: Strategy) -> None:
    told = saying(
        strategy, Template("{family} ?", "Plus que {days}, à {price}.", "Parce que {product} manque.", "Oui", "Non")
    )

    card = compose(told, show(told), "fr")
    whole = compose(told, show(told, product=MILK_1L), "fr", days=3)

    assert (card.title, card.body, card.why) == ("Lait\u202f?", "", "Éviter de revenir pour un oubli.")
    assert whole.body == "Plus que 3\u00a0jours, à 1,29\u00a0$US."


def test_a_card_depends_on_nothing_but_its_arguments(strategy: Strategy) -> None:
    assert compose(strategy, show(strategy), "fr") == compose(strategy, show(strategy), "fr")


def test_names_are_peoples_names(strategy: Strategy) -> None:
    assert family_name(strategy, MILK, "fr") == "lait"
    assert family_name(strategy, MILK_1L, "en") == "Semi-skimmed milk 1 L"
    assert product_name(strategy, MILK_1L, "fr") == "Lait demi-écrémé 1 L"
    assert product_name(strategy, "YEAST: DRY", "fr") == "dry yeast"


@given(st.text(max_size=40))
def test_jargon_never_shouts_and_never_vanishes(code: str) -> None:
    said = readable_name(code)

    assert bool(said) == bool(code.strip())
    assert not re.search(r"[A-Z]{2}", said)


def test_amounts_and_days_are_written_as_people_write_them() -> None:
    today = (date(2026, 11, 24) - EPOCH).days  # a Tuesday

    assert (amount(129, "USD", "en"), amount(123_456, "EUR", "fr")) == ("$1.29", "1\u202f234,56\u00a0€")
    assert [day(today + ahead, today, "fr") for ahead in (-1, 0, 1, 2, 7)] == [
        "hier",
        "aujourd’hui",
        "demain",
        "jeudi",
        "1er\u00a0décembre",
    ]
    assert [day(today + ahead, today, "en") for ahead in (-7, 0, 6, 17)] == [
        "November\u00a017",
        "today",
        "Monday",
        "December\u00a011",
    ]
    assert day(today + 17, today, "fr") == "11\u00a0décembre"


def test_a_brief_is_three_short_facts_with_where_each_comes_from(strategy: Strategy) -> None:
    facts = (
        Fact("name", "Solène", "declared", 17_000),
        Fact("need", MILK, "inferred", 20_000, 0.9, 12, 8.8),
        Fact("trait", "in_a_hurry", "declared"),
        Fact("heavy", "8", "observed", 20_000),
        Fact("avoid", "BUTTER", "observed"),
    )
    decision = replace(show(strategy, "adviser-suggestion", MILK, MILK_1L), facts=facts)

    for language in ("fr", "en"):
        told = brief(strategy, decision, language, today=20_003)

        assert told.who == "Solène"
        assert len(told.facts) == 3
        assert all(
            0 < len(line) <= FACT_LIMIT
            for line in (told.who, told.advice, told.avoid, *[fact.what for fact in told.facts])
        )
    french = brief(strategy, decision, "fr", today=20_003)
    assert [(fact.what, fact.origin) for fact in french.facts] == [
        ("Sans lait depuis vendredi", "déduit"),
        ("Préfère aller vite", "déclaré"),
        ("8 visites depuis vendredi", "observé"),
    ]
    assert french.facts[0].detail == "12 achats, un tous les 9\u00a0jours\u202f; 9 chances sur 10"
    assert french.avoid == "Ne pas proposer\u00a0: beurre"
    assert french.since == "Vient depuis 2016"
    assert brief(strategy, decision, "en", today=20_003).advice == "Suggest: milk"


def test_a_brief_of_nobody_in_particular_names_nobody(strategy: Strategy) -> None:
    told = brief(strategy, replace(show(strategy, "adviser-suggestion", MILK), facts=()), "fr")

    assert (told.who, told.facts, told.avoid, told.since) == ("Une personne qui s’est annoncée", (), "", "")
