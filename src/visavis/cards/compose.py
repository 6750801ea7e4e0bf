"""From a decision to a card, in the person's language: few words, and the true reason.

A glance holds a title of 32 characters, a body of 60, twelve words together. A name too long for the title costs the body first, then is cut at
a word.
"""

from visavis.cards.words import amount, capital, family_name, french, product_name
from visavis.model.card import BODY_LIMIT, FACT_LIMIT, SPEECH_WORDS_LIMIT, TITLE_LIMIT, WORDS_LIMIT, Brief, Card
from visavis.model.decision import Show
from visavis.strategy.read import Strategy


def compose(strategy: Strategy, decision: Show, language: str, *, place: str = "") -> Card:
    """The card of this decision. Depends on nothing but its arguments."""
    template = strategy.actions[decision.action].card[language]
    names = _names(strategy, decision, language, place)
    title = _said(template.title, names, language)
    if len(title) > TITLE_LIMIT:
        title = _said(template.title, names | {"family": _cut(names["family"], TITLE_LIMIT - len(template.title.format_map(dict.fromkeys(names, ""))))}, language)
    body = _said(template.body, names, language)
    if len(body) > BODY_LIMIT or len(f"{title} {body}".split()) > WORDS_LIMIT:
        body = ""
    speech = " ".join(f"{title} {body}".split()[:SPEECH_WORDS_LIMIT])
    return Card(
        decision=decision.id, action=decision.action, language=language, title=title, body=body, why=_said(template.why, names, language),
        speech=speech, yes=template.yes, no=template.no,
    )  # fmt: skip


def brief(strategy: Strategy, decision: Show, language: str, *, who: str = "", avoid: tuple[str, ...] = ()) -> Brief:
    """What the adviser's glasses show: who (only what was allowed), at most three facts, the next best action, and one thing not to do.

    Facts are the needs that we believe in most, best first; ``avoid`` are families that the person refused or called wrong.
    """
    template = strategy.actions[decision.action].card[language]
    names = _names(strategy, decision, language, "")
    said = {"fr": ("Une personne qui s'est annoncée", "à {p} % : {family}", "Ne pas proposer : {family}"),
            "en": ("A customer who checked in", "{p}% likely: {family}", "Do not suggest: {family}")}[language]  # fmt: skip
    facts = [
        _cut(_said(said[1], {"p": str(round(known.p * 100)), "family": family_name(strategy, known.family, language)}, language), FACT_LIMIT)
        for known in decision.known[:3]
    ]
    refused = next((family for family in avoid if family != decision.family), "")
    return Brief(
        decision=decision.id, action=decision.action, language=language, who=_cut(who or said[0], FACT_LIMIT), facts=tuple(facts),
        advice=_cut(_said(template.title, names, language), FACT_LIMIT),
        avoid=_cut(_said(said[2], {"family": family_name(strategy, refused, language)}, language), FACT_LIMIT) if refused else "",
        why=_said(template.why, names, language),
    )  # fmt: skip


def _names(strategy: Strategy, decision: Show, language: str, place: str) -> dict[str, str]:
    product = strategy.products.get(decision.product)
    where = strategy.places.get(place)
    return {
        "family": family_name(strategy, decision.family, language) if decision.family else "",
        "product": product_name(strategy, decision.product, language) if decision.product else "",
        "price": amount(product.price_cents, strategy.brand.currency, language) if product is not None and product.price_cents else "",
        "days": "",
        "place": where.name if where is not None else "",
    }


def _said(template: str, names: dict[str, str], language: str) -> str:
    text = capital(" ".join(template.format_map(names).split(" ")).strip())
    return french(text) if language == "fr" else text


def _cut(name: str, room: int) -> str:
    """The name, or as many of its first words as there is room for; a number is never cut, and one word always stays."""
    if len(name) <= room:
        return name
    words = name.split(" ")
    while len(words) > 1 and len(" ".join(words)) > room:
        words.pop()
    return " ".join(words)
