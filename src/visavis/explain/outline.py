"""A strategy in sentences: why (its objectives), how (purpose, to whom, when), and what (the card)."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, get_args

from babel.dates import format_date

from visavis.cards.typography import typeset
from visavis.model.action import Action, Weekday
from visavis.strategy.read import Strategy
from visavis.strategy.sentences import DAYS

WORDS: Final = {
    "en": {
        "customer": "For the customer, when the person {kinds}",
        "adviser": "For the adviser, when the person {kinds}",
        "or": " or ",
        "if": ", if {condition}",
        "product": ", about a product with {condition}",
        "from": ", from {day}",
        "until": ", until {day}",
        "days": ", on {days}",
        "quoted": "“{}”",
        "yes": "A yes sends the order.",
        "reward": "A yes grants the reward.",
    },
    "fr": {
        "customer": "Pour le client, quand la personne {kinds}",
        "adviser": "Pour le conseiller, quand la personne {kinds}",
        "or": " ou ",
        "if": ", si {condition}",
        "product": ", pour un produit avec {condition}",
        "from": ", à partir du {day}",
        "until": ", jusqu'au {day}",
        "days": ", le {days}",
        "quoted": "«\u00a0{}\u00a0»",
        "yes": "Un oui passe la commande.",
        "reward": "Un oui accorde la récompense.",
    },
}


def outline(strategy: Strategy, language: str, kinds: Mapping[str, str]) -> Iterator[str]:
    """The sentences, a line each; ``kinds`` says in this language what happens at each kind of moment."""
    written = strategy.language_for(None, language)
    for objective in strategy.objectives.values():
        actions = [action for action in strategy.actions.values() if action.objective == objective.id]
        if actions:
            yield typeset(objective.why[written], written)
        for action in actions:
            purpose, words = strategy.purposes[action.purpose], WORDS[language]
            yield f"  {action.id} · {purpose.key}: {typeset(purpose.benefit[written], written)}"
            yield f"    {typeset(_when(strategy, action, language, kinds), language)}"
            card = action.card[written]
            said = words["quoted"].format(" · ".join(part for part in (card.title, card.body) if part))
            effect = {"order": words["yes"], "reward": words["reward"]}.get(action.effect, "")
            yield f"    {typeset(f'{said} {effect}'.strip(), written)}"


def _when(strategy: Strategy, action: Action, language: str, kinds: Mapping[str, str]) -> str:
    words = WORDS[language]
    text = words[action.audience].format(kinds=words["or"].join([kinds[kind] for kind in action.woken_by]))
    if condition := strategy.condition(action):
        text += words["if"].format(condition=condition.sentence(language))
    if (about := strategy.product_conditions.get(action.id)) is not None:
        text += words["product"].format(condition=about.sentence(language))
    for key, day in (("from", action.first_day), ("until", action.last_day)):
        if day is not None:
            text += words[key].format(day=_day(day, language))
    if action.days:
        text += words["days"].format(days=words["or"].join([DAYS[language][_WEEKDAYS[day]] for day in action.days]))
    return text + "."


_WEEKDAYS: Final = {day: at for at, day in enumerate(get_args(Weekday))}


def _day(day: date, language: str) -> str:
    return format_date(day, "long", locale=language)
