"""The spine: one moment of one person, decided and written down. Pure: no clock, no dice of its own, no file, no socket.

The law: ``fold(customer, entry)`` is the same ``Customer`` that ``step`` returned with the entry.
"""

from datetime import datetime

from visavis.consent.gate import NotAdmitted, Sight, admit
from visavis.customers.fold import decided, happen
from visavis.decide.take import take
from visavis.model.customer import Customer
from visavis.model.decision import Decision
from visavis.model.entry import FORM, Effect, Entry, Use
from visavis.model.moment import Answered, CheckedIn, Moment
from visavis.model.world import World
from visavis.strategy.read import Strategy

__all__ = ["NotAdmitted", "admit", "step"]


def step(strategy: Strategy, world: World, customer: Customer, moment: Moment, received_at: datetime, dice_key: bytes) -> tuple[Entry, Customer]:
    """Live one admitted moment: fold it, decide for the customer, then for the adviser, and return the entry with the customer after it.

    Same arguments, same bytes. The caller makes the entry durable before anything of it goes out.
    """
    effects = _effects(strategy, customer, moment)
    happened, closed = happen(customer, moment, received_at)

    decisions: tuple[Decision, ...] = ()
    uses: list[Use] = []
    sight = Sight(happened, moment, received_at.timestamp())
    first, uses = take(strategy, world, sight, moment, dice_key, "customer", None)
    if first is not None:
        decisions = (first,)
    if isinstance(moment, CheckedIn):
        second, read = take(strategy, world, sight, moment, dice_key, "adviser", first)
        if second is not None:
            decisions, uses = (*decisions, second), uses + read

    entry = Entry(
        FORM, customer.id, received_at, moment, decisions, closed, effects, tuple(uses), None, world.version if decisions else "",
    )  # fmt: skip
    return entry, decided(happened, decisions, received_at) if decisions else happened


def _effects(strategy: Strategy, customer: Customer, moment: Moment) -> tuple[Effect, ...]:
    """What a first *yes* sets in motion outside."""
    if not isinstance(moment, Answered) or moment.answer != "yes":
        return ()
    for card in reversed(customer.service.shown):
        if card.decision == moment.decision:
            action = strategy.actions.get(card.action)
            if card.answer or action is None or not action.effect:
                return ()
            row = customer.purchases.rows.get(card.family)
            product = customer.purchases.usual[row] if row is not None else ""
            return (Effect(card.decision, action.effect, action.id, product),)
    return ()
