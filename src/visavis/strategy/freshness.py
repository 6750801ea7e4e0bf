"""What of a person is not known any more, because what reported it has been silent for too long."""

from msgspec import Struct
from msgspec.structs import replace

from visavis.model.customer import SETTLING_S, Customer
from visavis.model.moment import Consumed, Measured, Moment, RanOut, Stocked, Worn
from visavis.model.shown import DeviceState
from visavis.strategy.brand import Brand


class StaleSource(Struct, frozen=True):
    """A source that is silent: ``home``, ``device`` or ``numbers``, which one of these, and since when (epoch s)."""

    source: str
    name: str
    since: float


def stale_sources(brand: Brand, customer: Customer, now: float) -> tuple[StaleSource, ...]:
    """The sources of this person that have been silent for too long; a device that was taken off is silent rightly."""
    last = [("home", "", _home_at(customer))] if customer.home else []
    last += [("device", name, state.at) for name, state in customer.devices.items() if state.worn]
    last += [("numbers", name, number.at) for name, number in customer.numbers.items()]
    return tuple([StaleSource(source, name, at) for source, name, at in last if now - at > brand.stale_after(source)])


def fresh(brand: Brand, customer: Customer, now: float) -> Customer:
    """The customer without what is stale: it is unknown, not as it was.

    A device that was taken off stays off: that is why it is silent. What the home had not reported for too long when
    it came back from a silence is unknown too, until it is reported again.
    """
    if not (customer.home or customer.devices or customer.numbers):
        return customer
    home, devices, numbers = customer.home, customer.devices, customer.numbers
    if home and now - _home_at(customer) > brand.stale_after("home"):
        home = {}
    elif customer.home_back_at:
        known_from = customer.home_back_at - brand.stale_after("home")
        home = {name: stock for name, stock in home.items() if stock.at >= known_from}
    after_s = brand.stale_after("device")
    devices = {name: _unknown(state) if now - state.at > after_s else state for name, state in devices.items()}
    after_s = brand.stale_after("numbers")
    numbers = {name: number for name, number in numbers.items() if now - number.at <= after_s}
    return replace(customer, home=home, devices=devices, numbers=numbers)


def comes_back(brand: Brand, customer: Customer, moment: Moment, received_s: float) -> bool:
    """Whether this is reported by a source that comes back from a silence: that is no news, and wakes nothing.

    It may report all that it holds when it comes back, so this lasts some minutes; a device reports its state at once.
    """
    match moment:
        case Stocked() | Consumed() | RanOut() if customer.home:
            silent = received_s - _home_at(customer) > brand.stale_after("home")
            return silent or received_s - customer.home_back_at < SETTLING_S
        case Measured() if (number := customer.profile(moment.customer).numbers.get(moment.measure)) is not None:
            silent = received_s - number.at > brand.stale_after("numbers")
            return silent or received_s - number.back_at < SETTLING_S
        case Worn() if (state := customer.devices.get(moment.device)) is not None:
            return received_s - state.at > brand.stale_after("device")
        case _:
            return False


def _home_at(customer: Customer) -> float:
    return max([stock.at for stock in customer.home.values()])


def _unknown(state: DeviceState) -> DeviceState:
    return replace(state, worn=None, battery=None, busy=False) if state.worn else state
