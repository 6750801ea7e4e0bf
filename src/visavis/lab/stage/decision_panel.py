"""The engine's panel of the stage, and one sentence of why under each screen, from the decisions and their outcomes."""

from typing import Final

from msgspec import Struct

from visavis.cards.compose import compose
from visavis.cards.typography import clipped
from visavis.cards.words import amount, family_name
from visavis.delivery.screens import Screens
from visavis.lab.stage.stage_person import PanelLine, StagePerson
from visavis.model.decision import Decision, Refusal, Scored, Show, Silence
from visavis.model.shown import Shown
from visavis.strategy.story import PlayedStep

WIDTH_PX: Final = 96
ZERO_PX: Final = 30
LENGTH: Final = 26


class Bar(Struct, frozen=True):
    """One arm beside silence, a ``dot`` on the zero line: its margin is drawn from ``x`` over ``width``."""

    what: str
    detail: str
    margin: str
    note: str
    x: float = ZERO_PX
    width: float = 0.0
    ahead: bool = False
    dot: bool = False


class DecisionPanel(Struct, frozen=True):
    """What was weighed, and what never was, with the reason."""

    us: str
    bars: tuple[Bar, ...]
    refused: tuple[PanelLine, ...]


def decision_panel(person: StagePerson, refused_step: PlayedStep | None) -> DecisionPanel:
    """What the engine weighed at the last moment of this scene, or why the moment of ``refused_step`` was refused."""
    if refused_step is not None:
        bar = Bar(person.say("at_the_door"), person.say("nothing_kept"), "", "")
        return DecisionPanel("", (bar,), _asked(person, refused_step))
    bars: list[Bar] = []
    refused: dict[str, PanelLine] = {}
    scale = max([abs(arm.net_millicents) for one in person.decisions for arm in one.scored], default=0) or 1
    for decision in person.decisions:
        bars += _bars(person, decision, scale)
        just = person.last_switched()
        for one in sorted(decision.refusals, key=lambda one: one.detail not in just):
            refused.setdefault(one.action, PanelLine(person.action(one.action), _refusal(person, one)))
    if not person.decisions:
        bars = [Bar(person.say("not_woken"), person.say("not_woken_detail"), "", "")]
    last = person.last_decided
    us = person.say("us", n=round(last.us)) if last is not None and last.us else ""
    return DecisionPanel(us, tuple(bars), tuple(refused.values()))


def _bars(person: StagePerson, decision: Decision, scale: int) -> list[Bar]:
    arms = sorted([arm for arm in decision.scored if arm.action], key=lambda arm: -arm.net_millicents)
    drawn = [_bar(person, decision, arm, scale) for arm in arms]
    if isinstance(decision, Show):
        return drawn
    lead = -arms[0].net_millicents if arms else 0
    margin = amount(round(lead / 1000), person.strategy.brand.currency, person.language) if lead > 0 else ""
    who = "silent_customer" if decision.audience == "customer" else "silent_adviser"
    silence = Bar(person.say("silence"), person.say(who), margin, person.say("ahead") if margin else "", dot=True)
    return [silence, *drawn]


def _bar(person: StagePerson, decision: Decision, arm: Scored, scale: int) -> Bar:
    name = family_name(person.strategy, arm.family, person.language) if arm.family else person.action(arm.action)
    chosen = isinstance(decision, Show) and (arm.action, arm.family) == (decision.action, decision.family)
    net = arm.net_millicents
    fate = "silence_better" if net <= 0 else "not_drawn"
    if chosen:
        fate = "shown" if decision.audience == "customer" else "given_adviser"
    width = abs(net) / scale * (WIDTH_PX - ZERO_PX if net > 0 else ZERO_PX)
    sign = "+" if net > 0 else "\u2212" if net < 0 else ""
    return Bar(
        clipped(name[:1].upper() + name[1:], LENGTH, 9),
        person.say(fate),
        sign + amount(round(abs(net) / 1000), person.strategy.brand.currency, person.language),
        person.say("gain" if net > 0 else "loss"),
        round(ZERO_PX if net > 0 else ZERO_PX - width, 1),
        round(width, 1),
        ahead=chosen,
    )


def _refusal(person: StagePerson, one: Refusal) -> str:
    if one.reason == "consent":
        return person.say("refused_consent", what=person.data_given(one.detail))
    return person.say("reasons", one.reason, "short")


def _asked(person: StagePerson, refused_step: PlayedStep) -> tuple[PanelLine, ...]:
    """What would have let it in."""
    kind = str(refused_step.sent.get("kind", ""))
    woken = {action.purpose for action in person.strategy.actions.values() if kind in action.woken_by}
    purposes = [purpose for purpose in person.strategy.purposes if purpose in woken]
    return tuple([PanelLine(person.data_given(purpose), person.say("would_open")) for purpose in purposes])


def why_customer(person: StagePerson, screens: Screens, refused_step: PlayedStep | None) -> str:
    """Why the person's glasses show this, or nothing, and what would change it."""
    on_screen = screens.card(person.customer.id)
    if on_screen is not None:
        return _shown(person, on_screen.show)
    if refused_step is not None:
        return person.say("why_door")
    decision = person.decision("customer")
    if decision is None:
        return person.say("why_nothing")
    if isinstance(decision, Show):
        card = _card(person, decision.id)
        if card is not None and card.answer:
            return _answered(person, decision, card)
        if not screens.open_to(person.customer.id, decision.purpose):
            return person.say("why_recalled", purpose=person.quoted(decision.purpose))
        return person.say("why_over")
    if cut := person.switched_off(decision.refusals):
        return person.say("why_cut", purpose=person.quoted(cut))
    return _silent(person, decision)


def why_adviser(person: StagePerson, screens: Screens, place: str) -> str:
    """Why the adviser's glasses show this, or nothing; the adviser never learns that the person refused."""
    customer, before = person.customer, screens.brief_of(person.customer.id)
    decision = person.decision("adviser") or (before.show if before is not None else None)
    if any(brief.entry.customer == customer.id for brief in screens.briefs(place)):
        return person.say("adviser_shown")
    if customer.places.checked_in != place:
        return person.say("adviser_left" if person.decision("adviser") is not None else "adviser_away")
    if isinstance(decision, Show):
        card = _card(person, decision.id)
        if card is not None and card.answer:
            return person.say("adviser_answered", answer=person.word("answers", card.answer))
        return person.say("why_over" if screens.open_to(customer.id, decision.purpose) else "adviser_closed")
    if decision is None or any(one.reason == "consent" for one in decision.refusals):
        return person.say("adviser_closed")
    return _silent(person, decision)


def _shown(person: StagePerson, decision: Show) -> str:
    """The reason in the third person where the stage has one, else as the card says it."""
    because = person.say("because", decision.action)
    because = because or compose(person.strategy, decision, person.language).why.rstrip(".")
    return person.say("why_shown", because=because, purpose=person.quoted(decision.purpose))


def _silent(person: StagePerson, decision: Silence) -> str:
    """The reason of a silence, and what would change it."""
    purpose = next((one.detail for one in decision.refusals if one.reason == "consent"), "")
    return person.say("reasons", decision.reason, "why", purpose=person.quoted(purpose))


def _answered(person: StagePerson, decision: Show, card: Shown) -> str:
    template = person.strategy.actions[decision.action].card[person.language]
    if card.answer != "yes":
        return person.say("why_no", answer=template.no) if card.answer == "no" else person.say("why_wrong")
    effect = person.strategy.actions[decision.action].effect
    return person.say(f"why_yes_{effect}" if effect else "why_yes", answer=template.yes)


def _card(person: StagePerson, decision: str) -> Shown | None:
    return person.customer.service.card(decision)
