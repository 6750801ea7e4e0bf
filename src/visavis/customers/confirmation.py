"""Fold what others sought of a person, and their answers."""

from msgspec.structs import replace

from visavis.model.customer import NAMES_LIMIT, Customer
from visavis.model.moment import Confirmed, Sought
from visavis.model.request import Waiting


def with_confirmation(customer: Customer, moment: Sought | Confirmed, received_s: float) -> Customer:
    """The customer after this; what is sought again waits no longer for it."""
    if isinstance(moment, Confirmed):
        return replace(customer, waiting=tuple([one for one in customer.waiting if one.of != moment.of]))
    still = [one for one in customer.waiting if received_s < one.until]
    known = any((one.what, one.about) == (moment.what, moment.about) for one in still)
    if known or moment.until is None:
        return customer
    asked = Waiting(moment.what, moment.about, moment.id, received_s, moment.until.timestamp())
    return replace(customer, waiting=(*still, asked)[-NAMES_LIMIT:])


def answered(customer: Customer, what: str, about: str) -> Customer:
    """The customer without what waits about this: they chose, or it was closed."""
    if not customer.waiting:
        return customer
    still = [one for one in customer.waiting if (one.what, one.about) != (what, about)]
    return replace(customer, waiting=tuple(still))
