"""From a decision to a card in the person's language: a title of 32 characters, a body of 60, twelve words together."""
# When a name makes it too long, the body is left out, then part of the title moves into the body; last, words are cut.

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from visavis.cards.typography import clipped, count_words, typeset
from visavis.cards.words import amount, family_name, figure, left, product_name, span
from visavis.model.action import Template
from visavis.model.card import BODY_LIMIT, SPEECH_WORDS_LIMIT, TITLE_LIMIT, WORDS_LIMIT, Card
from visavis.model.decision import Show
from visavis.strategy.read import Strategy

_NAMES: Final = ("family", "product", "place")


def compose(strategy: Strategy, decision: Show, language: str, *, place: str = "", days: int | None = None) -> Card:
    """The card of this decision, within the limits; sentences with a placeholder of unknown value are left out."""
    action = strategy.actions[decision.action]
    template = action.card[language]
    names = placeholder_values(strategy, decision, language, place=place, days=days)
    title = body = ""
    for title, body in _wordings(template, names, language):
        if _fits(title, body):
            break
    return Card(
        decision=decision.id,
        action=decision.action,
        language=language,
        title=title,
        body=body,
        why=filled(template.why, names, language)
        or typeset(strategy.objectives[action.objective].why[language], language),
        speech=_spoken(filled(template.title, names, language), filled(template.body, names, language))
        or _spoken(title, body),
        yes=typeset(template.yes, language),
        no=typeset(template.no, language),
    )


def placeholder_values(
    strategy: Strategy, decision: Show, language: str, *, place: str = "", days: int | None = None
) -> dict[str, str]:
    """The values of a template's placeholders; empty when not known."""
    product = strategy.products.get(decision.product)
    where = strategy.places.get(place)
    cents = product.price_cents if product is not None else 0
    return {
        "family": family_name(strategy, decision.family, language) if decision.family else "",
        "product": product_name(strategy, decision.product, language) if decision.product else "",
        "price": amount(cents, strategy.brand.currency, language) if cents else "",
        "days": "" if days is None else span(days, language),
        "today": figure(decision.figures.get("today"), language),
        "goal": figure(decision.figures.get("goal"), language),
        "left": left(decision.figures.get("left"), language),
        "place": strategy.brand.name if where is None else where.name,
    }


def filled(template: str, names: dict[str, str], language: str) -> str:
    """The template with its values, typeset; empty when a value is not known."""
    if "{" not in template:
        return typeset(template, language)
    if "" in [names[key] for key in _placeholders(template)]:
        return ""
    return typeset(template.format_map(names), language)


def clipped_title(template: str, names: dict[str, str], language: str, characters: int) -> str:
    """The title with as many words of its names as fit; numbers stay whole."""
    bare = typeset(template.format_map(names | dict.fromkeys(_NAMES, "")), language)
    share = max(1, len(set(_placeholders(template)) & set(_NAMES)))
    # One character less: a name may bring a space that French wants.
    room, words = (characters - len(bare) - 1) // share, (WORDS_LIMIT - count_words(bare)) // share
    title = typeset(template.format_map(names | {key: clipped(names[key], room, words) for key in _NAMES}), language)
    return clipped(title, characters, WORDS_LIMIT)


def _wordings(template: Template, names: dict[str, str], language: str) -> Iterator[tuple[str, str]]:
    """Titles and bodies, the longest first; the last one fits whatever the names."""
    body = filled(template.body, names, language)
    shorter = names | {"product": names["family"]} if names["family"] else names
    for known in (names, shorter):
        title = filled(template.title, known, language)
        if title:
            yield title, body
            yield title, ""
    about = re.match(r"\{(family|product)\}\s*[,:–]\s*(?=\w)(.+)", template.title)
    if about is not None and shorter[about[1]]:
        title, rest = typeset(shorter[about[1]], language), filled(about[2], shorter, language)
        rest = rest if rest[-1:] in ".?!…" else f"{rest}."
        yield title, f"{rest} {body}"
        yield title, rest
    yield clipped_title(template.title, shorter, language, TITLE_LIMIT), ""


def _spoken(title: str, body: str) -> str:
    """Title and body as read aloud; empty when longer than the limit."""
    title = title if not body or title[-1:] in ".?!…" else f"{title}."
    text = f"{title} {body}".strip()
    return text if title and len(text.split()) <= SPEECH_WORDS_LIMIT else ""


def _fits(title: str, body: str) -> bool:
    words = count_words(title) + count_words(body)
    return len(title) <= TITLE_LIMIT and len(body) <= BODY_LIMIT and words <= WORDS_LIMIT


@lru_cache(maxsize=1024)
def _placeholders(template: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\{(\w+)\}", template))
