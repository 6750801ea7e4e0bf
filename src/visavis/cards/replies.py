"""The answer to an accepted moment, by role of the sender."""
# A device gets its card and why; an adviser's screen the brief; a till or sensor what was granted; the brand all.

from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import asdict, replace

from visavis.cards.brief import brief
from visavis.cards.compose import compose
from visavis.cards.words import family_name
from visavis.decide.explain import CHANGES, OTHERWISE, SENTENCES, sentence
from visavis.model.card import Brief, Card
from visavis.model.decision import Decision, Refusal, Scored, Show
from visavis.model.entry import Entry
from visavis.model.moment import Sought
from visavis.strategy.read import Strategy

AUDIENCES: Final[dict[str, frozenset[str]]] = {
    "brand": frozenset({"customer", "adviser"}),
    "device": frozenset({"customer"}),
    "adviser": frozenset({"adviser"}),
}
"""Whose decisions each role may read; other roles read none."""
JUDGED: Final = frozenset({"condition_false", "condition_unknown"})
"""Refusals that judge the person; what they closed themselves, and caps that are the same for everyone, do not."""
AUTOMATED: Final = {
    "fr": "Décision automatisée : vous pouvez donner votre avis et demander qu’une personne la réexamine.",
    "en": "An automated decision: you may give your own view and ask a person to review it.",
}


class ScoredReply(Struct, frozen=True):
    """One arm of the draw: its net value in cents, and its probability. Silence has no action."""

    action: str
    about: str
    net_cents: float
    p_shown: float


class RefusalReply(Struct, frozen=True):
    """An action that was refused, and the reason in one sentence."""

    action: str
    reason: str
    why: str
    changes: str
    detail: str = ""


class DecisionReply(Struct, frozen=True, omit_defaults=True):
    """One decision in words; ``automated`` is the notice of a decision that a person may have reviewed."""

    decision: str
    audience: str
    result: Literal["show", "silence"]
    why: str
    purpose: str = ""
    action: str = ""
    product: str = ""
    device: str = ""
    reason: str = ""
    until: float = 0.0
    p_shown: float = 1.0
    card: Card | None = None
    brief: Brief | None = None
    review: str = ""
    automated: str = ""
    weighed: tuple[ScoredReply, ...] = ()
    refused: tuple[RefusalReply, ...] = ()


class Reply(Struct, frozen=True, omit_defaults=True):
    """The answer to one moment; only a position at a place that changed nothing was not ``kept``.

    ``waiting``: it waits on the person's own page until they confirm it. ``linked`` says whether an identifier is
    linked, or waits for two persons to agree.
    """

    id: str
    kept: bool
    retried: bool = False
    waiting: bool = False
    decisions: tuple[DecisionReply, ...] = ()
    granted: dict[str, Any] | None = None
    linked: Literal["", "linked", "waiting"] = ""
    effects: tuple[dict[str, Any], ...] = ()
    uses: tuple[dict[str, Any], ...] = ()
    step_us: float = 0.0


def kept_only(entry: Entry) -> Reply:
    """The answer to a retry that may not be told again what was decided: it was kept, and no more."""
    return Reply(entry.moment.id, kept=True, retried=True, waiting=isinstance(entry.moment, Sought))


def reply(
    strategy: Strategy, entry: Entry, language: str, role: str, *, retried: bool = False, us: float = 0.0
) -> Reply:
    """What this role may read of this entry."""
    audiences = AUDIENCES.get(role, frozenset())
    decisions = [one for one in entry.decisions if one.audience in audiences]
    return Reply(
        id=entry.moment.id,
        kept=True,
        retried=retried,
        waiting=isinstance(entry.moment, Sought),
        decisions=tuple([decision_reply(strategy, entry, one, language) for one in decisions]),
        granted=asdict(entry.granted) if entry.granted is not None else None,
        effects=tuple([asdict(effect) for effect in entry.effects]) if role in ("brand", "device") else (),
        uses=tuple([asdict(use) for use in entry.uses]) if role in ("brand", "device") else (),
        step_us=round(us, 1) if role == "brand" else 0.0,
    )


def decision_reply(strategy: Strategy, entry: Entry, decision: Decision, language: str) -> DecisionReply:
    """One decision in words: the card or the brief, why, what was weighed, and what was refused and would change it."""
    tag = review_tag(strategy, decision)
    found = DecisionReply(
        decision=decision.id,
        audience=decision.audience,
        result="silence",
        why=sentence(decision, language),
        purpose=decision.purpose,
        p_shown=decision.p_shown,
        weighed=tuple([_scored_reply(strategy, arm, language) for arm in decision.scored]),
        refused=tuple([refusal_reply(one, language) for one in decision.refusals]),
        review=tag,
        automated=AUTOMATED[language] if tag else "",
    )
    if not isinstance(decision, Show):
        return replace(found, reason=decision.reason)
    spot = entry.moment.at
    card = adviser_brief = None
    if decision.audience == "customer":
        card = compose(strategy, decision, language, place=spot.place if spot is not None else "")
    else:
        adviser_brief = brief(strategy, decision, language, today=spot.local_day if spot is not None else 0)
    found = replace(found, result="show", action=decision.action, product=decision.product, device=decision.device)
    return replace(found, until=decision.until, card=card, brief=adviser_brief)


def contestable_action(strategy: Strategy, decision: Decision) -> str:
    """The action tagged for review that this decision showed, else the first that it refused by judging the person."""
    if decision.audience != "customer":
        return ""
    named = [decision.action] if isinstance(decision, Show) else []
    named += [refusal.action for refusal in decision.refusals if refusal.reason in JUDGED]
    return next((name for name in named if (action := strategy.actions.get(name)) is not None and action.review), "")


def review_tag(strategy: Strategy, decision: Decision) -> str:
    """Why a person may have this decision reviewed (price, eligibility, credit, refusal); empty when they may not."""
    action = contestable_action(strategy, decision)
    return strategy.actions[action].review if action else ""


def refusal_reply(one: Refusal, language: str) -> RefusalReply:
    """One refusal in words."""
    changes = CHANGES.get(one.reason, OTHERWISE)[language]
    return RefusalReply(one.action, one.reason, SENTENCES[one.reason][language], changes, one.detail)


def _scored_reply(strategy: Strategy, arm: Scored, language: str) -> ScoredReply:
    about = family_name(strategy, arm.family, language) if arm.family else ""
    return ScoredReply(arm.action, about, arm.net_millicents / 1000, arm.p_shown)
