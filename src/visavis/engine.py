"""The spine: one moment of one person, decided and written down.

Pure: no clock, no dice of its own, no file, no socket.

The law: ``fold(customer, entry)`` is the same ``Customer`` that ``step`` returned with the entry.
"""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from visavis.consent.gate import NotAdmitted, Views, admit, holds
from visavis.customers.fold import apply_to_profile, decided, happen
from visavis.customers.rights import notices_to_recipients
from visavis.customers.wallet import code_of, granted, settled
from visavis.decide.take import take
from visavis.model.consent import CATEGORIES, OVERSIGHT, RIGHTS
from visavis.model.customer import Customer
from visavis.model.decision import Decision, Show
from visavis.model.entry import FORM, Effect, Entry, Granted, Use
from visavis.model.moment import Answered, Asked, CheckedIn, Consulted, Displayed, Moment, Requested
from visavis.model.world import World
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
) -> tuple[Entry, Customer]:
    """Live one admitted moment.

    Fold it, decide for the customer, then for the adviser, and return the entry with the customer after it.

    Same arguments, same bytes. The caller makes the entry durable before anything of it goes out.
    """
    effects = _effects(strategy, customer, moment, received_at, randomization_key) or notices_to_recipients(
        strategy.purposes, customer, moment
    )
    answer = granted(customer, moment, received_at)
    happened, closed = happen(customer, moment, received_at)
    happened = settled(happened, moment, effects, answer, received_at)

    sight = Views(happened, moment, received_at.timestamp())
    decisions, uses = decide(strategy, world, sight, moment, randomization_key)

    if isinstance(moment, Asked):
        shown = bool(decisions) and isinstance(decisions[0], Show)
        answer = Granted(yes=True, reason="answered") if shown else Granted(yes=False, reason="silent")
    elif isinstance(moment, Displayed):
        uses = _read(strategy, sight, customer, moment)
    elif isinstance(moment, Requested) and moment.right == "access" and moment.status == "fulfilled":
        uses = [COPIED if moment.by == "person" else replace(COPIED, by=f"{moment.by}@desk")]
    elif isinstance(moment, Consulted):
        uses = [Use(OVERSIGHT, moment.categories, "brand@console")]
    entry = Entry(
        FORM,
        moment.customer,
        received_at,
        moment,
        decisions,
        closed,
        effects,
        tuple(uses),
        answer,
        world.version if decisions else "",
    )
    return entry, apply_to_profile(decided(happened, decisions, received_at), entry)


def decide(
    strategy: Strategy, world: World, sight: Views, moment: Moment, randomization_key: bytes
) -> tuple[tuple[Decision, ...], list[Use]]:
    """What is decided at this moment, of whom this much may be seen: for the customer, then for the adviser.

    With the uses of data that it made.
    """
    first, uses = take(strategy, world, sight, moment, randomization_key, "customer", None)
    decisions = (first,) if first is not None else ()
    if isinstance(moment, CheckedIn):
        second, read = take(strategy, world, sight, moment, randomization_key, "adviser", first)
        if second is not None:
            return (*decisions, second), uses + read
    return decisions, uses


def _effects(
    strategy: Strategy, customer: Customer, moment: Moment, received_at: datetime, randomization_key: bytes
) -> tuple[Effect, ...]:
    """What a first *yes* sets in motion outside.

    Only to a card that is still good, and under a purpose that is still open.
    """
    if not isinstance(moment, Answered) or moment.answer != "yes":
        return ()
    card = next((card for card in reversed(customer.service.shown) if card.decision == moment.decision), None)
    action = strategy.actions.get(card.action) if card is not None else None
    if (
        card is None
        or card.answer
        or action is None
        or not action.effect
        or moment.occurred_at.timestamp() > card.until + GRACE_S
    ):
        return ()
    if not holds(customer, strategy.purposes[action.purpose], card.epoch, received_at.timestamp()):
        return ()
    if action.effect == "reward":
        until = received_at.timestamp() + action.reward_days * 86_400.0
        return (
            Effect(
                code_of(randomization_key, card.decision),
                "reward",
                action.id,
                card.product,
                action.reward_cents,
                until,
                customer.consent_epoch,
            ),
        )
    return (Effect(card.decision, action.effect, action.id, card.product, epoch=customer.consent_epoch),)


def _read(strategy: Strategy, sight: Views, customer: Customer, moment: Displayed) -> list[Use]:
    """A brief that an adviser's screen shows is read: every reading is a use."""
    card = next((card for card in reversed(customer.service.shown) if card.decision == moment.decision), None)
    action = strategy.actions.get(card.action) if card is not None else None
    if action is None or action.audience != "adviser":
        return []
    seen = sight.through(strategy.purposes[action.purpose])
    return (
        [Use(action.purpose, tuple(sorted(seen.categories)), f"adviser@{customer.places.here}")]
        if seen is not None
        else []
    )
