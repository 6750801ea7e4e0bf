"""What only the person may do: a request of somebody else for it waits on their own page, is never pushed, and expires.

From a brand that asks to lift an objection to the person's answer::

    consent/gate               ``sought`` takes the place of the moment that was sent; the sender hears ``waiting``
    customers/confirmation     folds it: ``customer.waiting``
    web/portal                 shows it with a yes and a no; a yes makes the person's own choice, then ``confirmed``
"""

from datetime import datetime, timedelta
from typing import Final

from visavis.model.consent import OPENS
from visavis.model.customer import Customer
from visavis.model.entry import Origin
from visavis.model.moment import Consented, Moment, Objected, Restricted, Sought
from visavis.model.request import Waiting

WAITS_DAYS: Final = 30
OWN: Final = frozenset({"person", "device", ""})
"""The roles that act for the person: their link, their devices, and the server for them."""


def sought(customer: Customer, moment: Moment, received_at: datetime, origin: Origin) -> Sought | None:
    """What waits for the person in the place of this moment; ``None`` when its sender may do it.

    Nobody else reopens what they refused or withdrew, or lifts their objection or restriction. Closing is free.
    """
    if origin.role in OWN:
        return None
    asked = _reserved(customer, moment)
    return sought_of(moment, received_at, *asked) if asked is not None else None


def sought_of(moment: Moment, received_at: datetime, what: str, about: str) -> Sought:
    """The moment that notes what is sought, in the place of the one that was sent."""
    until = received_at + timedelta(days=WAITS_DAYS)
    at = min(moment.occurred_at, received_at)
    return Sought(id=moment.id, customer=moment.customer, occurred_at=at, what=what, about=about, until=until)


def waiting(customer: Customer, now: float) -> list[Waiting]:
    """What waits for this person's answer now."""
    return [one for one in customer.waiting if now < one.until]


def asks_for(moment: Moment) -> tuple[str, str] | None:
    """What a moment does that only the person may do, and about which; ``None`` for any other."""
    match moment:
        case Sought():
            return moment.what, moment.about
        case Consented():
            return "consent", moment.purpose
        case Objected(on=False):
            return "objection", moment.about
        case Restricted(on=False):
            return "restriction", ""
        case _:
            return None


def _reserved(customer: Customer, moment: Moment) -> tuple[str, str] | None:
    match moment:
        case Consented():
            choice = customer.consents.get(moment.purpose)
            refused = choice is not None and choice.status not in OPENS and choice.status != "unknown"
        case Objected(on=False):
            refused = moment.about in customer.objections
        case Restricted(on=False):
            refused = customer.restricted
        case _:
            refused = False
    return asks_for(moment) if refused else None
