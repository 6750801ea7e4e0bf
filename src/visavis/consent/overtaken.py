"""Whether something newer was known already when a moment was received: then it is history, not news."""

from visavis.model.customer import Customer, Places
from visavis.model.habit import DAY_S, T_LAST, TRIPS
from visavis.model.moment import (
    CheckedIn,
    Consumed,
    Declared,
    Dwelled,
    Entered,
    Fulfilled,
    Left,
    Measured,
    Moment,
    Ordered,
    Paying,
    RanOut,
    Returned,
    Stocked,
    Worn,
)


def overtaken(customer: Customer, moment: Moment) -> bool:
    """Whether what this tells was over before it was received, by something that occurred after it.

    They are elsewhere by now, have paid since, or something was stocked again since it ran out. ``customer`` is as
    before the moment, which the gate has resolved.
    """
    at = moment.occurred_at.timestamp()
    match moment:
        case Entered() | CheckedIn() | Dwelled() | Left():
            return _moved_on(customer.places, moment, at)
        case Paying():
            trips = customer.purchases.trips
            return bool(trips) and at / DAY_S < float(TRIPS.unpack(trips)[T_LAST])
        case Stocked() | Consumed() | RanOut():
            stock, ran_out = customer.home.get(moment.family), isinstance(moment, RanOut)
            return stock is not None and any(when > at and (ran_out or units is None) for when, units in stock.changes)
        case Measured():
            number = customer.profile(moment.customer).numbers.get(moment.measure)
            return number is not None and moment.at is not None and number.local_day > moment.at.local_day
        case Declared():
            return at < customer.declared_at.get(moment.trait, at)
        case Worn():
            state = customer.devices.get(moment.device)
            return state is not None and at < state.at
        case Ordered() | Fulfilled() | Returned():
            return any(order.key == moment.order and at < order.at for order in customer.orders)
        case _:
            return False


def _moved_on(places: Places, moment: Entered | CheckedIn | Dwelled | Left, at: float) -> bool:
    """Whether they have left the place since, or come back into the one that they left."""
    inside = moment.place in places.inside
    if isinstance(moment, Left):
        return at < places.at and inside
    around = (moment.place, *(moment.at.within if moment.at is not None else ()))
    return (at < places.at and not inside) or any(at < places.left.get(place, at) for place in around)
