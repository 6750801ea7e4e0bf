"""Fold entries into a customer: the only writer of a person's state, and a pure one.

Replay runs ``fold(customer, entry)``; ``engine.step`` runs its parts around the decision: :func:`apply_moment`,
``wallet.settled``, :func:`apply_decisions`. None reads a strategy or a table of places: the gate has resolved
everything. Baskets and stocks that come out of order are mended by ``customers.reordered``.
"""

from datetime import datetime
from operator import is_
from typing import Final

from msgspec.structs import replace

from visavis.customers.choices import with_choice
from visavis.customers.confirmation import with_confirmation
from visavis.customers.contact import contact
from visavis.customers.habits import bought, follows
from visavis.customers.identity import strictest
from visavis.customers.merging import with_link
from visavis.customers.returns import brings_back
from visavis.customers.rights import with_request
from visavis.customers.stays import placed_by
from visavis.customers.stock import in_sequence, with_stock
from visavis.customers.wallet import settled
from visavis.model.consent import OPENS
from visavis.model.customer import NAMES_LIMIT, SETTLING_S, Customer, bounded
from visavis.model.decision import Decision, Outcome, Show
from visavis.model.entry import Entry
from visavis.model.moment import (
    Answered,
    Born,
    Bought,
    CheckedIn,
    Confirmed,
    Consented,
    Consumed,
    Contested,
    Corrected,
    Declared,
    Displayed,
    Due,
    Dwelled,
    Entered,
    Lapsed,
    Left,
    Linked,
    Measured,
    Merging,
    Moment,
    Noticed,
    Objected,
    RanOut,
    Requested,
    Restricted,
    Reviewed,
    Sought,
    Stocked,
    Unlinked,
    Withdrew,
    Worn,
    bought_lines,
)
from visavis.model.number import Number
from visavis.model.shown import OPEN_LIMIT, SHOWN_LIMIT, DeviceState, Open, Shown

RELUCTANCE_STEP: Final = 1.3
RELUCTANCE_LIMIT: Final = 10.0


def fold(customer: Customer, entry: Entry) -> Customer:
    """The customer after this entry; equal, byte for byte, to what ``engine.step`` returned when it made the entry."""
    happened, _ = apply_moment(customer, entry.moment, entry.received_at)
    happened = settled(happened, entry.moment, entry.effects, entry.granted, entry.received_at)
    return apply_to_profile(apply_decisions(happened, entry.decisions, entry.received_at), entry)


def apply_to_profile(customer: Customer, entry: Entry) -> Customer:
    """Fold the entry into its profile too, if merged; windows close in all profiles: one outcome, even once split."""
    if not customer.profiles:
        return customer
    profiles = [fold(profile, entry) if profile.id == entry.customer else profile for profile in customer.profiles]
    customer = replace(customer, profiles=tuple([_without_windows(profile, entry.closed) for profile in profiles]))
    if len(customer.sides) == 1:
        return customer
    customer = replace(customer, numbers={}) if customer.numbers else customer  # health is never merged
    return strictest(customer, entry.moment)


def _without_windows(customer: Customer, closed: tuple[Outcome, ...]) -> Customer:
    """The customer without the windows of these outcomes."""
    names = {outcome.decision for outcome in closed}
    still = tuple([window for window in customer.service.open if window.decision not in names])
    if len(still) == len(customer.service.open):
        return customer
    return replace(customer, service=replace(customer.service, open=still))


def apply_moment(customer: Customer, moment: Moment, received_at: datetime) -> tuple[Customer, tuple[Outcome, ...]]:
    """The customer after this moment, and the outcomes of the windows that it closes."""
    received_s = received_at.timestamp()
    match moment:
        case Bought():
            overtaken = customer.out_of_order or brings_back(moment) or not follows(customer.purchases, moment)
            customer = replace(customer, purchases=bought(customer.purchases, moment), out_of_order=overtaken)
        case Entered() | CheckedIn() | Left() | Dwelled():
            customer = replace(customer, places=placed_by(customer.places, moment))
        case Displayed() | Answered():
            customer = _answer(customer, moment)
        case Stocked() | Consumed() | RanOut():
            customer = _home(customer, moment, received_s)
        case Measured():
            number = _number(customer.numbers.get(moment.measure), moment, received_s)
            customer = replace(customer, numbers=bounded(customer.numbers, moment.measure, number))
        case Declared():
            customer = _preference(customer, moment)
        case Noticed() | Consented() | Withdrew() | Objected() | Restricted() | Born():
            customer = _chosen(customer, moment, received_s)
        case Requested() | Corrected() | Contested() | Reviewed():
            customer = with_request(customer, moment, received_s)
        case Sought() | Confirmed():
            customer = with_confirmation(customer, moment, received_s)
        case Worn():
            customer = replace(customer, devices=_devices(customer.devices, moment))
        case Linked() | Unlinked() | Merging():
            customer = with_link(customer, moment, received_s)
        case _:
            pass
    customer = _offset(customer, moment)
    closed: tuple[Outcome, ...] = ()
    if customer.service.open:
        customer, closed = _close_windows(customer, moment, received_s)
    born_at = customer.born_at if customer.entries else received_s
    contact_at, held = _retention(customer, moment, received_s)
    return replace(
        customer,
        entries=customer.entries + 1,
        last_received_at=received_s,
        born_at=born_at,
        last_contact_at=contact_at,
        held=held,
    ), closed


def _chosen(
    customer: Customer, moment: Noticed | Consented | Withdrew | Objected | Restricted | Born, received_s: float
) -> Customer:
    """The customer after this choice; who closes something enters anew, should they let places be known again."""
    if isinstance(moment, Withdrew | Objected | Restricted):
        customer = replace(customer, places=replace(customer.places, entered=()))
    return with_choice(customer, moment, received_s)


def _home(customer: Customer, moment: Stocked | Consumed | RanOut, received_s: float) -> Customer:
    overtaken = customer.out_of_order or not in_sequence(customer.home, moment)
    returns = moment.back and received_s - customer.home_back_at >= SETTLING_S
    back_at = received_s if returns else customer.home_back_at
    home = with_stock(customer.home, moment)
    return replace(customer, home=home, home_back_at=back_at, out_of_order=overtaken)


def _offset(customer: Customer, moment: Moment) -> Customer:
    """The customer with the UTC offset that their newest own moment had."""
    at = moment.occurred_at.timestamp()
    if moment.own_offset_s is None or at < customer.offset_at:
        return customer
    return replace(customer, offset_s=moment.own_offset_s, offset_at=at)


def apply_decisions(customer: Customer, decisions: tuple[Decision, ...], received_at: datetime) -> Customer:
    """The customer after these decisions: cards count as shown, and windows open."""
    service, many = customer.service, max(1, len(customer.profiles))
    shown, waiting = service.shown, service.open
    for decision in decisions:
        action = family = ""
        if isinstance(decision, Show):
            action, family = decision.action, decision.family
            at, epoch = received_at.timestamp(), customer.consent_epoch
            card = Shown(decision.id, at, action, family, decision.units, decision.product, decision.until, epoch=epoch)
            shown = (*shown[-SHOWN_LIMIT * many + 1 :], card)
        if (window := decision.window) is not None:
            believed = tuple([known.family for known in decision.known])
            when = (window.opens_at, window.until, window.closes_at, window.visit)
            about = (decision.id, decision.purpose, window.objective, action)
            opened = Open(*about, *when, believed, family, window.outcome, window.place)
            waiting = (*waiting[-OPEN_LIMIT * many + 1 :], opened)
    if shown is service.shown and waiting is service.open:
        return customer
    return replace(customer, service=replace(service, shown=shown, open=waiting))


def _close_windows(customer: Customer, moment: Moment, received_s: float) -> tuple[Customer, tuple[Outcome, ...]]:
    """The customer with what this moment adds to the open windows, and the outcomes of those that it closes.

    Time closes windows by a ``due`` moment only, which says for which of them no till was working.
    """
    waiting: list[Open] = []
    closed: list[Outcome] = []
    for window in customer.service.open:
        choice = customer.consents.get(window.purpose)  # None: the purpose rests on another basis than consent
        if choice is not None and (choice.status not in OPENS or choice.until <= received_s):
            continue  # what may not be read any more has no outcome
        over, after = window.closes_at <= received_s, window
        if not over and isinstance(moment, Bought) and (choice is None or "purchases" in choice.categories):
            after = _with_basket(window, moment)
        elif not over and isinstance(moment, Answered):
            after = _with_answer(window, moment)
        # An answer that was given before the basket may still come; so may an earlier basket, if this one is late.
        visited = after is not window and isinstance(moment, Bought) and window.visit and not moment.late
        if over and isinstance(moment, Due):
            shopped = window.visit and bool(window.hits or window.got or window.value_cents)
            closed.append(_outcome(after, observed=shopped or window.decision not in moment.unobserved))
        elif visited and window.outcome != "answered_yes":
            closed.append(_outcome(after, observed=True))
        else:
            waiting.append(after)
    if not closed and len(waiting) == len(customer.service.open) and all(map(is_, waiting, customer.service.open)):
        return customer, ()
    return replace(customer, service=replace(customer.service, open=tuple(waiting))), tuple(closed)


def _with_basket(window: Open, moment: Bought) -> Open:
    """The window after this basket, if it occurred in it; the first to occur of a visit ends it, and alone counts."""
    occurred_s = moment.occurred_at.timestamp()
    if not window.opens_at <= occurred_s < window.until:
        return window
    basket = {line.family for line in bought_lines(moment)}
    if not basket:
        return window
    if window.visit:  # what was counted before is of a later basket, which came first
        window = replace(window, hits=0, got=window.got and window.outcome == "answered_yes", value_cents=0)
    hits, got = window.hits, window.got
    for bit, family in enumerate(window.families):
        if family in basket:
            hits |= 1 << bit
    if window.outcome != "answered_yes":
        got = got or (window.family in basket if window.family else bool(window.action))
    value_cents = window.value_cents + sum([line.price_cents for line in moment.lines])
    until = occurred_s if window.visit else window.until
    return replace(window, until=until, hits=hits, got=got, value_cents=value_cents)


def _with_answer(window: Open, moment: Answered) -> Open:
    """The window after this answer, if it is a yes to its card before it ended."""
    agreed = moment.decision == window.decision and moment.answer in ("yes", "done")
    if not agreed or window.outcome != "answered_yes" or moment.occurred_at.timestamp() >= window.until:
        return window
    return replace(window, got=True)


def _outcome(window: Open, *, observed: bool) -> Outcome:
    about = (window.decision, window.objective, window.action, window.hits, window.got, window.value_cents)
    return Outcome(*about, observed, window.opens_at, window.until)


def _retention(customer: Customer, moment: Moment, received_s: float) -> tuple[float, tuple[str, ...]]:
    """The last active contact, and the retention classes of the customer's entries."""
    held = customer.held
    contact_at = customer.last_contact_at
    if (acted_at := contact(moment)) is not None:
        contact_at = max(contact_at, min(acted_at, received_s))
    if isinstance(moment, Lapsed) and moment.contact_at is not None:
        contact_at = max(contact_at, moment.contact_at.timestamp())
    return contact_at, held if moment.retention in held else tuple(sorted((*held, moment.retention)))


def _answer(customer: Customer, moment: Displayed | Answered) -> Customer:
    service = customer.service
    shown = list(service.shown)
    reluctance, wrong = service.reluctance, service.wrong
    for i in range(len(shown) - 1, -1, -1):
        card = shown[i]
        if card.decision != moment.decision:
            continue
        if isinstance(moment, Displayed):
            shown[i] = replace(card, displayed=True)
        elif not card.answer:  # the first answer wins; later ones are kept in the log, without consequence
            shown[i] = replace(card, displayed=True, answer=moment.answer)
            if moment.answer == "no":
                reluctance = min(RELUCTANCE_LIMIT, reluctance * RELUCTANCE_STEP)
            elif moment.answer in ("yes", "done"):
                reluctance = max(1.0, reluctance / RELUCTANCE_STEP)
            elif moment.answer == "wrong" and (about := moment.about or card.family) and about not in wrong:
                wrong = (*wrong, about)[-NAMES_LIMIT:]
        break
    else:
        return customer
    return replace(customer, service=replace(service, shown=tuple(shown), reluctance=reluctance, wrong=wrong))


def _number(before: Number | None, moment: Measured, received_s: float) -> Number:
    """The sum of the last day after this measure; what occurred on a day before it is no part of it."""
    day, at = moment.at.local_day if moment.at is not None else 0, moment.occurred_at.timestamp()
    if before is None:
        return Number(moment.value, day, moment.goal or 0.0, moment.unit, at, at if moment.goal is not None else 0.0)
    if moment.back and received_s - before.back_at >= SETTLING_S:
        before = replace(before, back_at=received_s)
    if moment.goal is not None and at >= before.goal_at:
        before = replace(before, goal=moment.goal, goal_at=at)
    if moment.unit and (at >= before.at or not before.unit):
        before = replace(before, unit=moment.unit)
    today = moment.value if day > before.local_day else before.today + moment.value * (day == before.local_day)
    return replace(before, today=today, local_day=max(day, before.local_day), at=max(at, before.at))


def _preference(customer: Customer, moment: Declared) -> Customer:
    at = moment.occurred_at.timestamp()
    if at < customer.declared_at.get(moment.trait, at):
        return customer
    if moment.value is not None:
        preferences = bounded(customer.preferences, moment.trait, moment.value)
    else:
        preferences = {trait: value for trait, value in customer.preferences.items() if trait != moment.trait}
    return replace(customer, preferences=preferences, declared_at=bounded(customer.declared_at, moment.trait, at))


def _devices(devices: dict[str, DeviceState], moment: Worn) -> dict[str, DeviceState]:
    at, before = moment.occurred_at.timestamp(), devices.get(moment.device)
    if before is not None and at < before.at:
        return devices
    state = DeviceState(moment.profile, moment.worn, moment.battery, at, moment.busy)
    return bounded(devices, moment.device, state)
