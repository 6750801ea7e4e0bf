"""The decisions of one moment for the console: why, the arms that were scored, and what was refused."""

from msgspec import Struct

from visavis.cards.replies import RefusalReply, decision_reply
from visavis.cards.typography import typeset
from visavis.cards.words import amount, family_name, product_name
from visavis.model.card import Brief, Card
from visavis.model.decision import Decision, Scored, Show
from visavis.model.entry import Entry
from visavis.strategy.read import Strategy
from visavis.web import charts


class ArmRow(Struct, frozen=True):
    """One arm, or silence (no ``action``); ``bar`` is the drawing of its margin."""

    action: str
    about: str
    margin: str
    p_shown: float
    chosen: bool
    bar: str


class DecisionDetails(Struct, frozen=True):
    """One decision, ready for the template."""

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


def details(strategy: Strategy, entry: Entry, language: str) -> list[DecisionDetails]:
    """Every decision of this entry."""
    found = []
    for decision in entry.decisions:
        reply = decision_reply(strategy, entry, decision, language)
        action, device, reason = (
            (decision.action, decision.device, "") if isinstance(decision, Show) else ("", "", decision.reason)
        )
        found.append(
            DecisionDetails(
                decision.audience,
                isinstance(decision, Show),
                action,
                _about(strategy, decision, language),
                device,
                reason,
                typeset(reply.why, language),
                decision.p_shown,
                reply.card,
                reply.brief,
                tuple(_arms(strategy, decision, language)),
                reply.refused,
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
    scale = max([abs(arm.net_millicents) for arm in decision.scored], default=0)
    arms = sorted(decision.scored, key=lambda arm: -arm.net_millicents)
    return [_arm(strategy, decision, arm, scale, language) for arm in arms]


def _arm(strategy: Strategy, decision: Decision, arm: Scored, scale: int, language: str) -> ArmRow:
    taken = (decision.action, decision.family) if isinstance(decision, Show) else ("", "")
    chosen = (arm.action, arm.family) == taken
    if not arm.action:
        return ArmRow("", "", "", arm.p_shown, chosen, charts.silence(chosen=chosen))
    net = arm.net_millicents
    sign = "+" if net > 0 else "\u2212" if net < 0 else ""
    written = sign + amount(round(abs(net) / 1000), strategy.brand.currency, language)
    about = family_name(strategy, arm.family, language) if arm.family else ""
    return ArmRow(arm.action, about, written, arm.p_shown, chosen, charts.margin(net, scale, chosen=chosen))
