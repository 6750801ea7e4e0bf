"""Fold requests, corrections, contested decisions and reviews; list the recipients to be notified of them."""

from collections.abc import Mapping
from typing import TypeVar

from msgspec.structs import replace

from visavis.model.consent import Purpose
from visavis.model.customer import NAMES_LIMIT, Customer
from visavis.model.entry import Effect
from visavis.model.ids import decision_id
from visavis.model.moment import Contested, Corrected, Moment, Requested, Restricted, Reviewed
from visavis.model.request import NEXT, Request, Review

T = TypeVar("T", Request, Review)


def with_request(
    customer: Customer, moment: Requested | Corrected | Contested | Reviewed, received_s: float
) -> Customer:
    """The customer after this; a step that ``model.request.NEXT`` does not allow changes nothing."""
    match moment:
        case Requested():
            before = customer.requests.get(moment.request)
            if moment.status not in NEXT[before.status if before is not None else ""]:
                return customer
            expected = before.expected_at if before is not None else received_s
            if moment.expected_at is not None:
                expected = moment.expected_at.timestamp()
            if before is None:
                times = (received_s, received_s, expected)
                before = Request(moment.right, "acknowledged", *times, of=moment.of, instead=moment.instead)  # type: ignore[arg-type]
            before = replace(before, status=moment.status, changed_at=received_s)
            now = replace(before, expected_at=expected, reason=moment.reason)
            return replace(customer, requests=_with_one_more(customer.requests, moment.request, now))
        case Corrected():
            return _corrected(customer, moment, received_s)
        case Contested():
            if moment.decision in customer.reviews or moment.due_at is None:
                return customer  # a decision is contested once
            review = Review(moment.action, moment.tag, moment.view, received_s, moment.due_at.timestamp())  # type: ignore[arg-type]
            return replace(customer, reviews=_with_one_more(customer.reviews, moment.decision, review))
        case Reviewed():
            found = customer.reviews.get(moment.decision)
            if found is None or not found.open:
                return customer
            after = replace(found, outcome=moment.outcome, reasons=moment.reasons, reviewed_at=received_s)
            customer = replace(customer, reviews={**customer.reviews, moment.decision: after})
            return _recalled(customer, received_s, moment.decision) if moment.outcome == "changed" else customer


def notices_to_recipients(
    key: bytes, purposes: Mapping[str, Purpose], customer: Customer, moment: Moment
) -> tuple[Effect, ...]:
    """Effects that notify recipients of a correction or restriction, and the brand's systems of a changed decision."""
    if isinstance(moment, Reviewed):
        review = customer.reviews.get(moment.decision)
        if review is None or not review.open or moment.outcome != "changed":
            return ()
        return (Effect(decision_id(key, customer.id, moment.id, "changed"), "changed", "", moment.decision),)
    if not isinstance(moment, Corrected | Restricted):
        return ()
    kind = "corrected" if isinstance(moment, Corrected) else "restricted" if moment.on else "released"
    names = recipients(purposes, customer)
    return tuple([Effect(decision_id(key, customer.id, moment.id, name), kind, "", name) for name in names])


def recipients(purposes: Mapping[str, Purpose], customer: Customer) -> list[str]:
    """Who may hold data of this person: recipients named by their choices or by other purposes, and processors."""
    names = {name for choice in customer.consents.values() for name in choice.recipients}
    for key, purpose in purposes.items():
        if purpose.basis != "consent":
            names.update(purpose.recipients, purpose.processors)
        elif key in customer.consents:
            names.update(purpose.processors)
    return sorted(names)


def _corrected(customer: Customer, moment: Corrected, received_s: float) -> Customer:
    """Recall every card, for it may rest on what was wrong; a hidden family is not named again."""
    customer = _recalled(customer, received_s)
    if not moment.family or moment.family in customer.service.wrong:
        return customer
    wrong = (*customer.service.wrong, moment.family)[-NAMES_LIMIT:]
    return replace(customer, service=replace(customer.service, wrong=wrong))


def _recalled(customer: Customer, received_s: float, decision: str = "") -> Customer:
    shown = list(customer.service.shown)
    for i, card in enumerate(shown):
        if not card.answer and decision in ("", card.decision):
            shown[i] = replace(card, until=min(card.until, received_s))
    return replace(customer, service=replace(customer.service, shown=tuple(shown)))


def _with_one_more(asked: dict[str, T], name: str, now: T) -> dict[str, T]:
    """These with one more at the end; closed ones are dropped to make room, open ones never."""
    changed = {key: one for key, one in asked.items() if key != name}
    while len(changed) >= NAMES_LIMIT and (answered := next((key for key, one in changed.items() if not one.open), "")):
        del changed[answered]
    changed[name] = now
    return changed
