"""What the adviser's screen shows: who, one action, at most three facts with their origin, one thing to avoid."""

from datetime import timedelta
from typing import Final

from visavis.cards.compose import clipped_title, filled, placeholder_values
from visavis.cards.typography import clipped, typeset
from visavis.cards.words import EPOCH, family_name, product_name, since, span
from visavis.model.card import FACT_LIMIT, Brief, BriefFact
from visavis.model.decision import Fact, Show
from visavis.strategy.read import Strategy

_WHO: Final = {"fr": "Une personne qui s’est annoncée", "en": "A customer who checked in"}
_SINCE: Final = {"fr": "vient depuis {year}", "en": "with us since {year}"}
_ORIGIN: Final = {
    "declared": {"fr": "déclaré", "en": "declared"},
    "observed": {"fr": "observé", "en": "observed"},
    "inferred": {"fr": "déduit", "en": "inferred"},
}
_NEED: Final = {"fr": "{name} : {chances}", "en": "{name}: {chances}"}
_CHANCES: Final = {"fr": "{n} chances sur 10", "en": "{n} chances in 10"}
_ONE_CHANCE: Final = {"fr": "1 chance sur 10", "en": "1 chance in 10"}
_WITHOUT: Final = {"fr": "Sans {name} depuis {since}", "en": "No {name} since {since}"}
_RHYTHM: Final = {"fr": "{n} achats, un tous les {days} ; ", "en": "bought {n} times, every {days}; "}
_REWARD: Final = {"fr": "Service offert, pas encore utilisé", "en": "Free service, not used yet"}
_ORDER: Final = {"fr": "Commande en route : {name}", "en": "Order on its way: {name}"}
_HEAVY: Final = {"fr": "{n} visites depuis {since}", "en": "{n} visits since {since}"}
_AWAY: Final = {"fr": "Absence de {n} jours", "en": "Away for {n} days"}
_AVOID: Final = {"fr": "Ne pas proposer : {name}", "en": "Do not suggest: {name}"}


def brief(strategy: Strategy, decision: Show, language: str, *, today: int = 0) -> Brief:
    """The brief of this decision, from its facts only; dates are written relative to the local day ``today``."""
    template = strategy.actions[decision.action].card[language]
    names = placeholder_values(strategy, decision, language)
    advice = filled(template.title, names, language)
    who = next((fact for fact in decision.facts if fact.kind == "name"), Fact("name", "", "observed"))
    refused = next((fact.subject for fact in decision.facts if fact.kind == "avoid"), "")
    facts = [fact for fact in decision.facts if fact.kind not in ("name", "avoid")]
    return Brief(
        decision=decision.id,
        action=decision.action,
        language=language,
        who=clipped(who.subject or _WHO[language], FACT_LIMIT, FACT_LIMIT),
        since=_since(who.since_day, language),
        facts=tuple([_fact(strategy, fact, language, today) for fact in facts]),
        advice=advice if 0 < len(advice) <= FACT_LIMIT else clipped_title(template.title, names, language, FACT_LIMIT),
        avoid=_fits(_AVOID[language], [family_name(strategy, refused, language)], language) if refused else "",
        why=filled(template.why, names, language),
        detail=filled(template.body, names, language),
        yes=typeset(template.yes, language),
        no=typeset(template.no, language),
    )


def _fact(strategy: Strategy, fact: Fact, language: str, today: int) -> BriefFact:
    origin, detail, about = _ORIGIN[fact.origin][language], "", ""
    match fact.kind:
        case "need":
            # 9 at most: no prediction is certain.
            n = min(9, max(1, round(fact.p * 10)))
            chances = (_ONE_CHANCE[language] if n == 1 else _CHANCES[language]).format(n=n)
            family = family_name(strategy, fact.subject, language)
            if 0 < fact.since_day < today:
                words = _WITHOUT[language].replace("{since}", since(fact.since_day, today, language))
                what = _fits(words, [family], language)
            else:
                what = _fits(_NEED[language].replace("{chances}", chances), [family[:1].upper() + family[1:]], language)
            days = span(max(1, round(fact.every_days)), language)
            rhythm = _RHYTHM[language].format(n=fact.times, days=days) if fact.every_days else ""
            detail, about = f"{rhythm}{chances}", fact.subject
        case "order":
            names = [product_name(strategy, fact.subject, language), family_name(strategy, fact.subject, language)]
            what = _fits(_ORDER[language], names, language)
        case "reward":
            what = _REWARD[language]
        case "heavy":
            what = _HEAVY[language].format(n=fact.subject, since=since(fact.since_day, today, language))
        case "away":
            what = _AWAY[language].format(n=fact.subject)
        case _:
            words = strategy.brand.trait_name(fact.subject, language)
            what = clipped(words, FACT_LIMIT, FACT_LIMIT)
    return BriefFact(what=typeset(what, language), origin=origin, detail=typeset(detail, language), about=about)


def _since(first_day: int, language: str) -> str:
    year = (EPOCH + timedelta(days=first_day)).year
    return typeset(_SINCE[language].format(year=year), language) if first_day else ""


def _fits(template: str, names: list[str], language: str) -> str:
    """The template with the first of these names that fits a fact, else with the first words of the last."""
    for name in names:
        line = typeset(template.format(name=name), language)
        if len(line) <= FACT_LIMIT:
            return line
    room = FACT_LIMIT - len(typeset(template.format(name=""), language)) - 1
    return typeset(template.format(name=clipped(names[-1], room, FACT_LIMIT)), language)
