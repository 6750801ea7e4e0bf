"""What the adviser's glasses show: who, at most three facts, one action, at most one thing not to do; each at most 40 characters."""

from collections.abc import Iterable
from typing import Final

from visavis.cards.compose import clipped_title, named, said
from visavis.cards.typography import clipped, typeset
from visavis.cards.words import family_name, product_name
from visavis.model.card import FACT_LIMIT, Brief
from visavis.model.decision import Known, Show
from visavis.strategy.read import Strategy

FACTS: Final = 3
_WHO: Final = {"fr": "Une personne qui s'est annoncée", "en": "A customer who checked in"}
_WHO_SHARES: Final = {"fr": "Une personne qui partage ses achats", "en": "A customer who shares their purchases"}
_LIKELY: Final = {"fr": "{name}, probable à %d %%", "en": "{name}, %d%% likely"}
_SHORT: Final = {"fr": "{name} : %d %%", "en": "{name}: %d%%"}
_AVOID: Final = {"fr": "Ne pas proposer : {name}", "en": "Do not suggest: {name}"}


def brief(strategy: Strategy, decision: Show, language: str, *, who: str = "", avoid: Iterable[str] = ()) -> Brief:
    """The brief of this decision. ``who`` is a name only when the person allowed it; without one, nobody is named.

    Facts are the needs that we believe in most, best first, without those that nobody should speak of unasked (``never_push``);
    ``avoid`` are families that the person refused or called wrong.
    """
    template = strategy.actions[decision.action].card[language]
    names = named(strategy, decision, language)
    purpose = strategy.purposes.get(decision.purpose)
    shares = purpose is not None and "purchases" in purpose.categories
    refused = next((family for family in avoid if family != decision.family), "")
    unsaid = strategy.never_push | {refused}
    advice = said(template.title, names, language)
    return Brief(
        decision=decision.id, action=decision.action, language=language,
        who=clipped(typeset(who or (_WHO_SHARES if shares else _WHO)[language], language), FACT_LIMIT, FACT_LIMIT),
        facts=tuple([_fact(strategy, known, language) for known in decision.known if known.family not in unsaid][:FACTS]),
        advice=advice if 0 < len(advice) <= FACT_LIMIT else clipped_title(template.title, names, language, FACT_LIMIT),
        avoid=_first_that_fits([(_AVOID[language], family_name(strategy, refused, language))], language) if refused else "",
        why=said(template.why, names, language),
    )  # fmt: skip


def _fact(strategy: Strategy, known: Known, language: str) -> str:
    # 99 at most: nothing that a person will do is certain.
    percent = min(99, round(known.p * 100))
    family = family_name(strategy, known.family, language)
    product = product_name(strategy, known.product, language) if known.product in strategy.products else family
    likely, short = _LIKELY[language] % percent, _SHORT[language] % percent
    return _first_that_fits([(likely, product), (short, product), (likely, family), (short, family)], language)


def _first_that_fits(wordings: list[tuple[str, str]], language: str) -> str:
    """The first of these (template, name) that is a fact's length, else the last with the first words of its name."""
    for template, name in wordings:
        line = typeset(template.format(name=name), language)
        if len(line) <= FACT_LIMIT:
            return line
    template, name = wordings[-1]
    room = FACT_LIMIT - len(template.format(name="")) - 1
    return typeset(template.format(name=clipped(name, room, FACT_LIMIT)), language)
