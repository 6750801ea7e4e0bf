"""One moment explained.

Each decision with why, what was weighed beside silence, what was refused and what would change it, and what was read.
"""

from msgspec import Struct

from visavis.cards.answer import RefusalReply, said
from visavis.cards.typography import typeset
from visavis.cards.words import amount, family_name, product_name
from visavis.model.card import Brief, Card
from visavis.model.decision import Decision, Scored, Show
from visavis.model.entry import Entry
from visavis.strategy.read import Strategy
from visavis.web import charts


class ArmRow(Struct, frozen=True):
    """One thing that could be said, or silence (no ``action``); ``bar`` is its drawing."""

    action: str
    about: str
    margin: str
    p_shown: float
    chosen: bool
    bar: str


class Explained(Struct, frozen=True):
    """One decision."""

    audience: str
    shown: bool
    action: str
    about: str
    device: str
    reason: str
    why: str
    p_shown: float
    card: Card | None
    brief: Brief | None
    arms: tuple[ArmRow, ...]
    refused: tuple[RefusalReply, ...]


def explained(strategy: Strategy, entry: Entry, language: str) -> list[Explained]:
    """Every decision of this entry."""
    found = []
    for decision in entry.decisions:
        told = said(strategy, entry, decision, language)
        shown = isinstance(decision, Show)
        found.append(
            Explained(
                decision.audience,
                shown,
                decision.action if isinstance(decision, Show) else "",
                _about(strategy, decision, language),
                decision.device if isinstance(decision, Show) else "",
                "" if isinstance(decision, Show) else decision.reason,
                typeset(told.why, language),
                decision.p_shown,
                told.card,
                told.brief,
                tuple(_arms(strategy, decision, language)),
                told.refused,
            )
        )
    return found


def _about(strategy: Strategy, decision: Decision, language: str) -> str:
    if not isinstance(decision, Show):
        return ""
    if decision.product:
        return product_name(strategy, decision.product, language)
    return family_name(strategy, decision.family, language) if decision.family else ""


def _arms(strategy: Strategy, decision: Decision, language: str) -> list[ArmRow]:
    """The best first; silence stands where its margin, which is nothing, puts it."""
    scale = max([abs(arm.net_millicents) for arm in decision.scored], default=0)
    return [
        _arm(strategy, decision, arm, scale, language)
        for arm in sorted(decision.scored, key=lambda arm: -arm.net_millicents)
    ]


def _arm(strategy: Strategy, decision: Decision, arm: Scored, scale: int, language: str) -> ArmRow:
    chosen = (arm.action, arm.family) == (
        (decision.action, decision.family) if isinstance(decision, Show) else ("", "")
    )
    if not arm.action:
        return ArmRow("", "", "", arm.p_shown, chosen, charts.silence(chosen=chosen))
    net = arm.net_millicents
    sign = "+" if net > 0 else "\u2212" if net < 0 else ""
    written = sign + amount(round(abs(net) / 1000), strategy.brand.currency, language)
    about = family_name(strategy, arm.family, language) if arm.family else ""
    return ArmRow(arm.action, about, written, arm.p_shown, chosen, charts.margin(net, scale, chosen=chosen))
