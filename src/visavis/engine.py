"""The engine: one admitted moment of one customer becomes an entry of the log.

From a paying moment to its card and its line in the ledger::

    api/moments            authenticates the sender and decodes the moment
    runtime/loop           loads the customer
    consent/gate.admit     refuses or reduces the moment
    engine.step            1. folds the moment into the customer        customers/fold.apply_moment
                           2. decides, for the customer, then adviser   decide/deliberation
                           3. lists the uses of data and the effects
                           4. folds the decisions into the customer     customers/fold.apply_decisions
    runtime/loop           commits the entry, its ledger lines with it  store/, ledger/record
    delivery/              sends the card, once the entry is durable

Pure: no clock, no randomness but keyed hashes, no file, no socket. The law: ``fold(customer, entry)`` is the same
``Customer`` that :func:`step` returned with the entry.
"""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from visavis.consent.gate import NotAdmitted, Views, admit, holds
from visavis.customers.fold import apply_decisions, apply_moment, apply_to_profile
from visavis.customers.rights import notices_to_recipients
from visavis.customers.wallet import code_of, granted, settled
from visavis.decide.deliberation import deliberate
from visavis.model.action import Action
from visavis.model.consent import CATEGORIES, OVERSIGHT, RIGHTS
from visavis.model.customer import Customer
from visavis.model.decision import Decision, Show
from visavis.model.entry import FORM, SERVER, Effect, Entry, Granted, Origin, Use
from visavis.model.moment import Answered, Asked, CheckedIn, Consulted, Displayed, Moment, Requested, UsedTogether
from visavis.model.shown import Shown
from visavis.model.world import World
from visavis.strategy.freshness import fresh
from visavis.strategy.read import Strategy

__all__ = ["NotAdmitted", "admit", "decide", "step"]

COPIED: Final = Use(RIGHTS, tuple(sorted((*CATEGORIES, "service", "account"))), "person")
"""The use that a person makes by taking a copy of everything; when the brand takes it, it is the brand's."""
GRACE_S: Final = 60.0
"""How long after a card has gone an answer to it still counts: the time that a slow network may take."""


def step(
    strategy: Strategy,
    world: World,
    customer: Customer,
    moment: Moment,
    received_at: datetime,
    randomization_key: bytes,
    origin: Origin = SERVER,
) -> tuple[Entry, Customer]:
    """The entry of one admitted moment, and the customer after it; deterministic. Store the entry before any effect."""
    effects = _effects(strategy, customer, moment, received_at, randomization_key)
    effects = effects or notices_to_recipients(randomization_key, strategy.purposes, customer, moment)
    answer = granted(customer, moment, received_at)
    happened, closed = apply_moment(customer, moment, received_at)
    happened = settled(happened, moment, effects, answer, received_at)

    received_s = received_at.timestamp()
    views = Views(fresh(strategy.brand, happened, received_s), moment, received_s)
    decisions, uses = decide(strategy, world, views, moment, randomization_key)

    if isinstance(moment, Asked):
        shown = bool(decisions) and isinstance(decisions[0], Show)
        answer = Granted(yes=True, reason="answered") if shown else Granted(yes=False, reason="silent")
    entry = Entry(
        form=FORM,
        customer=moment.customer,
        received_at=received_at,
        moment=moment,
        decisions=decisions,
        closed=closed,
        effects=effects,
        uses=(*uses, *_uses(strategy, views, customer, moment)),
        granted=answer,
        world=world.version if decisions else "",
        origin=origin,
    )
    return entry, apply_to_profile(apply_decisions(happened, decisions, received_at), entry)


def decide(
    strategy: Strategy, world: World, views: Views, moment: Moment, randomization_key: bytes
) -> tuple[tuple[Decision, ...], list[Use]]:
    """The decision for the customer, then the one for the adviser, with the uses of data that they made."""
    first, uses = deliberate(strategy, world, views, moment, randomization_key, "customer")
    decisions = (first,) if first is not None else ()
    if isinstance(moment, CheckedIn):
        second, more = deliberate(strategy, world, views, moment, randomization_key, "adviser", first)
        if second is not None:
            return (*decisions, second), uses + more
    return decisions, uses


def _uses(strategy: Strategy, views: Views, customer: Customer, moment: Moment) -> tuple[Use, ...]:
    """The uses of data that the moment itself reports: a brief was read, a copy was taken, staff looked."""
    match moment:
        case Displayed():
            _, action = shown_card(strategy, customer, moment.decision)
            if action is None or action.audience != "adviser":
                return ()
            view = views.for_purpose(strategy.purposes[action.purpose])
            by = f"adviser@{customer.places.here}"
            return (Use(action.purpose, tuple(sorted(view.categories)), by),) if view is not None else ()
        case Requested(right="access", status="fulfilled"):
            return (COPIED if moment.by == "person" else replace(COPIED, by=f"{moment.by}@desk"),)
        case UsedTogether():
            return (Use(moment.purpose, moment.categories, moment.by),)
        case Consulted():
            return (Use(OVERSIGHT, moment.categories, "brand@console"),)
        case _:
            return ()


def _effects(
    strategy: Strategy, customer: Customer, moment: Moment, received_at: datetime, randomization_key: bytes
) -> tuple[Effect, ...]:
    """The effects of a first *yes* to a card that is still good, under a purpose that is still open."""
    if not isinstance(moment, Answered) or moment.answer != "yes":
        return ()
    card, action = shown_card(strategy, customer, moment.decision)
    if card is None or card.answer or action is None or not action.effect:
        return ()
    received_s = received_at.timestamp()
    if moment.occurred_at.timestamp() > card.until + GRACE_S:
        return ()
    if not holds(customer, strategy.purposes[action.purpose], card.epoch, received_s):
        return ()
    if action.effect == "order":
        return (Effect(card.decision, "order", action.id, card.product, epoch=customer.consent_epoch),)
    key, until = code_of(randomization_key, card.decision), received_s + action.reward_days * 86_400.0
    epoch = customer.consent_epoch
    return (Effect(key, "reward", action.id, card.product, action.reward_cents, until, epoch),)


def shown_card(strategy: Strategy, customer: Customer, decision: str) -> tuple[Shown | None, Action | None]:
    """The card of this decision among those that the person was shown, and its action."""
    card = customer.service.card(decision)
    return card, strategy.actions.get(card.action) if card is not None else None
