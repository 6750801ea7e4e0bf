"""A person's rights, folded: what they asked and where it stands, what was corrected, which decisions they contest.

And who is to be notices_to_recipients.
"""

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
    """The customer after this. What is no step of the table changes nothing; only a person's answer closes a review."""
    match moment:
        case Requested():
            before = customer.requests.get(moment.request)
            if moment.status not in NEXT[before.status if before is not None else ""]:
                return customer
            expected = (
                moment.expected_at.timestamp()
                if moment.expected_at is not None
                else before.expected_at
                if before is not None
                else received_s
            )
            if before is None:
                before = Request(
                    moment.right,  # type: ignore[arg-type]
                    "acknowledged",
                    received_s,
                    received_s,
                    expected,
                    of=moment.of,
                    instead=moment.instead,
                )
            now = replace(
                before, status=moment.status, changed_at=received_s, expected_at=expected, reason=moment.reason
            )
            return replace(customer, requests=_kept(customer.requests, moment.request, now))
        case Corrected():
            return _corrected(customer, moment, received_s)
        case Contested():
            if moment.decision in customer.reviews or moment.due_at is None:
                return customer  # contested once is contested
            review = Review(moment.action, moment.tag, moment.view, received_s, moment.due_at.timestamp())  # type: ignore[arg-type]
            return replace(customer, reviews=_kept(customer.reviews, moment.decision, review))
        case Reviewed():
            found = customer.reviews.get(moment.decision)
            if found is None or not found.open:
                return customer
            after = replace(found, outcome=moment.outcome, reasons=moment.reasons, reviewed_at=received_s)
            customer = replace(customer, reviews={**customer.reviews, moment.decision: after})
            return _recalled(customer, received_s, moment.decision) if moment.outcome == "changed" else customer


def notices_to_recipients(purposes: Mapping[str, Purpose], customer: Customer, moment: Moment) -> tuple[Effect, ...]:
    """What recipients of the person's data must hear: that it was corrected, or that it is to be left alone.

    And the brand's systems, of a changed decision.
    """
    if isinstance(moment, Reviewed):
        review = customer.reviews.get(moment.decision)
        if review is None or not review.open or moment.outcome != "changed":
            return ()
        return (Effect(decision_id(customer.id, moment.id, "changed"), "changed", "", moment.decision),)
    if not isinstance(moment, Corrected | Restricted):
        return ()
    kind = "corrected" if isinstance(moment, Corrected) else "restricted" if moment.on else "released"
    return tuple(
        [Effect(decision_id(customer.id, moment.id, name), kind, "", name) for name in recipients(purposes, customer)]
    )


def recipients(purposes: Mapping[str, Purpose], customer: Customer) -> list[str]:
    """Who may hold data of this person, by name.

    Whom their choices named, whom purposes on another basis name, and who works for the brand.
    """
    names = {name for choice in customer.consents.values() for name in choice.recipients}
    for key, purpose in purposes.items():
        if purpose.basis != "consent":
            names.update(purpose.recipients, purpose.processors)
        elif key in customer.consents:
            names.update(purpose.processors)
    return sorted(names)


def _corrected(customer: Customer, moment: Corrected, received_s: float) -> Customer:
    """Every card goes off the screens: it may rest on what was wrong. A hidden family is not named again."""
    customer = _recalled(customer, received_s)
    if not moment.family or moment.family in customer.service.wrong:
        return customer
    return replace(
        customer, service=replace(customer.service, wrong=(*customer.service.wrong, moment.family)[-NAMES_LIMIT:])
    )


def _recalled(customer: Customer, received_s: float, decision: str = "") -> Customer:
    shown = tuple(
        [
            replace(card, until=min(card.until, received_s))
            if not card.answer and decision in ("", card.decision)
            else card
            for card in customer.service.shown
        ]
    )
    return replace(customer, service=replace(customer.service, shown=shown))


def _kept(asked: dict[str, T], name: str, now: T) -> dict[str, T]:
    """With this at the end; what was answered makes room first, and what is open never does."""
    changed = {key: one for key, one in asked.items() if key != name}
    while len(changed) >= NAMES_LIMIT and (answered := next((key for key, one in changed.items() if not one.open), "")):
        del changed[answered]
    changed[name] = now
    return changed
