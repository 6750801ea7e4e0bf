"""Whether something that was decided may still be shown to a person, or done for them."""

from visavis.consent.gate import holds, open_categories
from visavis.decide.device import unfit
from visavis.model.customer import Customer
from visavis.model.decision import Show
from visavis.model.entry import Effect
from visavis.strategy.freshness import fresh
from visavis.strategy.read import Strategy


def purpose_open(strategy: Strategy, customer: Customer, purpose: str, now: float) -> bool:
    """Whether this purpose is open for this person now."""
    known = strategy.purposes.get(purpose)
    return known is not None and bool(open_categories(customer, known, now))


def still_agreed(strategy: Strategy, customer: Customer, purpose: str, epoch: int, now: float) -> bool:
    """Whether this purpose is open, and was not closed since this consent epoch."""
    known = strategy.purposes.get(purpose)
    return known is not None and holds(customer, known, epoch, now)


def may_show(strategy: Strategy, customer: Customer, show: Show, now: float) -> bool:
    """Whether this card or brief may be on a screen: not answered, not over, and its purpose not closed since."""
    card = customer.service.card(show.id)
    if card is None or card.answer or now >= min(show.until, card.until):
        return False
    return still_agreed(strategy, customer, show.purpose, card.epoch, now)


def may_do(strategy: Strategy, customer: Customer, effect: Effect, now: float) -> bool:
    """Whether this effect may go out; one of no action (a correction) is owed to its recipients in any case."""
    action = strategy.actions.get(effect.action)
    agreed = action is not None and still_agreed(strategy, customer, action.purpose, effect.epoch, now)
    return agreed or not effect.action


def undeliverable(strategy: Strategy, customer: Customer, show: Show, now: float) -> str:
    """Why this card is not to be handed over (displayed already, no device fit for it); empty when it may be."""
    card = customer.service.card(show.id)
    if card is not None and card.displayed:
        return "displayed already"
    device = strategy.devices.get(show.device)
    known = fresh(strategy.brand, customer, now).devices.values()
    states = [state for state in known if state.profile == show.device]
    reasons = [unfit(device, state) for state in states] if device is not None else []
    return "" if "" in reasons or not reasons else reasons[0]
