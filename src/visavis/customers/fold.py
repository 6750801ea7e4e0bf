"""Fold entries into a customer: the only writer of a person's state, and a pure one."""
# Replay runs ``fold(customer, entry)``; ``engine.step`` runs its parts around the decision: :func:`apply_moment`,
# ``wallet.settled``, :func:`apply_decisions`. None reads a strategy or a table of places: the gate has resolved
# everything.

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from visavis.customers.choices import with_choice
from visavis.customers.habits import bought
from visavis.customers.rights import with_request
from visavis.customers.wallet import settled
from visavis.model import moment as kinds
from visavis.model.consent import OPENS
from visavis.model.customer import HABITS_LIMIT, NAMES_LIMIT, Customer, Places, Stock, bounded
from visavis.model.decision import Decision, Outcome, Show
from visavis.model.entry import Entry
from visavis.model.moment import Moment
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
    return replace(customer, profiles=tuple([_without_windows(profile, entry.closed) for profile in profiles]))


def _without_windows(customer: Customer, closed: tuple[Outcome, ...]) -> Customer:
    names = {outcome.decision for outcome in closed}
    still = tuple([window for window in customer.service.open if window.decision not in names])
    if len(still) == len(customer.service.open):
        return customer
    return replace(customer, service=replace(customer.service, open=still))


def apply_moment(customer: Customer, moment: Moment, received_at: datetime) -> tuple[Customer, tuple[Outcome, ...]]:
    """The customer after this moment, and the outcomes of the windows that it closes."""
    received_s = received_at.timestamp()
    match moment:
        case kinds.Bought():
            customer = replace(customer, purchases=bought(customer.purchases, moment))
        case kinds.Entered() | kinds.CheckedIn() | kinds.Left() | kinds.Dwelled():
            customer = replace(customer, places=_place(customer.places, moment))
        case kinds.Displayed() | kinds.Answered():
            customer = _answer(customer, moment)
        case kinds.Stocked() | kinds.Consumed() | kinds.RanOut():
            customer = replace(customer, home=_stock(customer.home, moment))
        case kinds.Measured():
            number = _number(customer.numbers.get(moment.measure), moment)
            customer = replace(customer, numbers=bounded(customer.numbers, moment.measure, number))
        case kinds.Declared():
            customer = _preference(customer, moment)
        case kinds.Noticed() | kinds.Consented() | kinds.Withdrew() | kinds.Objected() | kinds.Restricted():
            customer = with_choice(customer, moment)
        case kinds.Requested() | kinds.Corrected() | kinds.Contested() | kinds.Reviewed():
            customer = with_request(customer, moment, received_s)
        case kinds.Born():
            of_age_at = moment.of_age_at.timestamp() if moment.of_age_at is not None else 0.0
            customer = replace(customer, of_age_at=of_age_at)
        case kinds.Worn():
            state = DeviceState(moment.profile, moment.worn, moment.battery, received_s, moment.busy)
            customer = replace(customer, devices=bounded(customer.devices, moment.device, state))
        case kinds.Linked() if moment.identifier not in customer.identifiers:
            customer = replace(customer, identifiers=(*customer.identifiers, moment.identifier)[-NAMES_LIMIT:])
        case kinds.Unlinked():
            customer = replace(customer, identifiers=tuple(i for i in customer.identifiers if i != moment.identifier))
        case _:
            pass
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
            when = (window.closes_at, window.from_day, window.until_day, window.visit)
            about = (decision.id, decision.purpose, window.objective, action)
            opened = Open(*about, *when, believed, family, window.outcome)
            waiting = (*waiting[-OPEN_LIMIT * many + 1 :], opened)
    if shown is service.shown and waiting is service.open:
        return customer
    return replace(customer, service=replace(service, shown=shown, open=waiting))


def _close_windows(customer: Customer, moment: Moment, received_s: float) -> tuple[Customer, tuple[Outcome, ...]]:
    basket: frozenset[str] | None = None
    day, value_cents, occurred_s = 0, 0, 0.0
    if isinstance(moment, kinds.Bought) and moment.at is not None:
        basket = frozenset([line.family for line in moment.lines])
        day, occurred_s = moment.at.local_day, moment.occurred_at.timestamp()
        value_cents = sum([line.price_cents for line in moment.lines])
    agreed = moment.decision if isinstance(moment, kinds.Answered) and moment.answer in ("yes", "done") else None
    waiting: list[Open] = []
    closed: list[Outcome] = []
    for window in customer.service.open:
        choice = customer.consents.get(window.purpose)  # None: the purpose rests on another basis than consent
        if choice is not None and (choice.status not in OPENS or choice.until <= received_s):
            continue  # what may not be read any more has no outcome
        ends = window.closes_at <= received_s
        if agreed == window.decision and window.outcome == "answered_yes" and not ends:
            window = replace(window, got=True)  # noqa: PLW2901
        may_read = choice is None or "purchases" in choice.categories
        in_time = window.from_day <= day <= window.until_day and occurred_s <= window.closes_at
        if basket is not None and may_read and in_time:
            hits = window.hits
            for bit, family in enumerate(window.families):
                hits |= (family in basket) << bit
            got = window.got
            if window.outcome != "answered_yes":
                got = got or (window.family in basket if window.family else bool(window.action))
            window = replace(window, hits=hits, got=got, value_cents=window.value_cents + value_cents)  # noqa: PLW2901
            ends = ends or window.visit
        if ends:
            what = (window.decision, window.objective, window.action)
            closed.append(Outcome(*what, window.hits, window.got, window.value_cents))
        else:
            waiting.append(window)
    if not closed and basket is None and agreed is None and len(waiting) == len(customer.service.open):
        return customer, ()
    return replace(customer, service=replace(customer.service, open=tuple(waiting))), tuple(closed)


def _retention(customer: Customer, moment: Moment, received_s: float) -> tuple[float, tuple[str, ...]]:
    """The last active contact, and the retention classes of the customer's entries."""
    held = customer.held
    contact_at = received_s if moment.active_contact else customer.last_contact_at
    if isinstance(moment, kinds.Lapsed) and moment.contact_at is not None:
        contact_at = max(contact_at, moment.contact_at.timestamp())
    return contact_at, held if moment.retention in held else tuple(sorted((*held, moment.retention)))


def _place(places: Places, moment: kinds.Entered | kinds.CheckedIn | kinds.Left | kinds.Dwelled) -> Places:
    since = moment.occurred_at.timestamp()
    kind = moment.at.place_kind if moment.at is not None else ""
    match moment:
        case kinds.Entered():
            return Places(moment.place, kind, since, places.visits + 1, checked_in=False)
        case kinds.CheckedIn():
            return Places(moment.place, kind, since, places.visits, checked_in=True)
        case kinds.Left():
            return Places(visits=places.visits) if moment.place == places.here else places
        case kinds.Dwelled():
            return places if moment.place == places.here else Places(moment.place, kind, since, places.visits)


def _answer(customer: Customer, moment: kinds.Displayed | kinds.Answered) -> Customer:
    service = customer.service
    shown = list(service.shown)
    reluctance, wrong = service.reluctance, service.wrong
    for i in range(len(shown) - 1, -1, -1):
        card = shown[i]
        if card.decision != moment.decision:
            continue
        if isinstance(moment, kinds.Displayed):
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


def _stock(home: dict[str, Stock], moment: kinds.Stocked | kinds.Consumed | kinds.RanOut) -> dict[str, Stock]:
    before = home.get(moment.family)
    units = before.units if before is not None else 0.0
    match moment:
        case kinds.Stocked():
            units += moment.quantity
        case kinds.Consumed():
            units = max(0.0, units - moment.quantity)
        case kinds.RanOut():
            units = 0.0
    stock = Stock(units, moment.product, moment.occurred_at.timestamp())
    return bounded(home, moment.family, stock, limit=HABITS_LIMIT)


def _number(before: Number | None, moment: kinds.Measured) -> Number:
    """The day's sum after this measure; a late one of an earlier day changes nothing of today."""
    day = moment.at.local_day if moment.at is not None else 0
    goal = moment.goal if moment.goal is not None else before.goal if before is not None else 0.0
    unit = moment.unit or (before.unit if before is not None else "")
    if before is None or day > before.local_day:
        return Number(moment.value, day, goal, unit, moment.occurred_at.timestamp())
    if day < before.local_day:
        return replace(before, goal=goal, unit=unit)
    return Number(before.today + moment.value, day, goal, unit, max(before.at, moment.occurred_at.timestamp()))


def _preference(customer: Customer, moment: kinds.Declared) -> Customer:
    if moment.value is not None:
        return replace(customer, preferences=bounded(customer.preferences, moment.trait, moment.value))
    return replace(customer, preferences={k: v for k, v in customer.preferences.items() if k != moment.trait})
