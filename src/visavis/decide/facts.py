"""The values of the attributes that conditions name, read from a view and from nothing else."""

from collections.abc import Callable, Iterable
from math import exp
from types import UnionType
from typing import Final

from visavis.model.catalogue import Product
from visavis.model.habit import DAY_S, T_BASKETS, T_LAST, T_S28, T_SPEND28, TRIPS
from visavis.model.moment import (
    Asked,
    Bought,
    Consumed,
    Dwelled,
    Measured,
    Moment,
    Paying,
    RanOut,
    Saw,
    Spot,
    Stocked,
    bought_lines,
)
from visavis.model.number import Number
from visavis.model.view import View
from visavis.strategy.tree import Value

HOME: Final = Stocked | Consumed | RanOut


def facts(view: View, paths: Iterable[str]) -> dict[str, Value]:
    """The values of these attributes (paths of ``model.attributes``) in this view; an absent one is left out."""
    found: dict[str, Value] = {}
    for path in paths:
        value = READERS[path](view)
        if value is not None:
            found[path] = value
    return found


def _spot(view: View) -> Spot | None:
    return view.moment.at if view.moment is not None else None


def _field(kind: type[Moment] | UnionType, name: str) -> Callable[[View], Value]:
    def read(view: View) -> Value:
        return getattr(view.moment, name) if isinstance(view.moment, kind) else None

    return read


def _trip(index: int) -> Callable[[View], Value]:
    def read(view: View) -> Value:
        return float(TRIPS.unpack(view.purchases.trips)[index]) if view.purchases.trips else None

    return read


def _decayed(index: int) -> Callable[[View], Value]:
    def read(view: View) -> Value:
        if not view.purchases.trips:
            return None
        trips = TRIPS.unpack(view.purchases.trips)
        return float(trips[index] * exp(-max(0.0, view.now / DAY_S - trips[T_LAST]) / 28.0))

    return read


def _since_trip(view: View) -> Value:
    trips = view.purchases.trips
    return max(0.0, view.now / DAY_S - float(TRIPS.unpack(trips)[T_LAST])) if trips else None


def _basket(view: View) -> Paying | Bought | None:
    return view.moment if isinstance(view.moment, Paying | Bought) else None


def _units_at_home(view: View) -> Value:
    return _units(view, view.moment.family) if isinstance(view.moment, Stocked | Consumed | RanOut) else None


def _device(name: str) -> Callable[[View], Value]:
    """A field of the worn device that reported last."""

    def read(view: View) -> Value:
        worn = [state for state in view.devices.values() if state.worn]
        return getattr(max(worn, key=lambda state: state.at), name) if worn else None

    return read


def usual_product(view: View, family: str) -> str:
    """The product of this family that the person usually takes; empty when not known here."""
    row = view.purchases.rows.get(family)
    return view.purchases.usual[row] if row is not None else ""


def _saw_usual(view: View) -> Value:
    if not isinstance(view.moment, Saw):
        return None
    usual = usual_product(view, view.moment.family)
    return usual == view.moment.product if usual else None


def _saw_at_home(view: View) -> float | None:
    return _units(view, view.moment.family) if isinstance(view.moment, Saw) else None


def _units(view: View, family: str) -> float | None:
    stock = view.home.get(family)
    return stock.units if stock is not None else None


def _number(view: View) -> Number | None:
    return view.numbers.get(view.moment.measure) if isinstance(view.moment, Measured) else None


def _goal_share(view: View) -> Value:
    number = _number(view)
    return number.today / number.goal if number is not None and number.goal else None


def figures(view: View) -> dict[str, float]:
    """The numbers that a card may show at this moment, of those that this view contains."""
    found: dict[str, float] = {}
    number = _number(view)
    if number is not None:
        found["today"] = round(number.today, 3)
        if number.goal:
            found["goal"] = number.goal
    left = _saw_at_home(view)
    if left is not None:
        found["left"] = left
    return found


READERS: Final[dict[str, Callable[[View], Value]]] = {
    "moment.kind": lambda view: view.moment.kind if view.moment is not None else None,
    "moment.hour": lambda view: spot.local_hour if (spot := _spot(view)) else None,
    "moment.weekday": lambda view: float((spot.local_day + 3) % 7) if (spot := _spot(view)) else None,
    "place.id": lambda view: (spot.place or None) if "places" in view.categories and (spot := _spot(view)) else None,
    "place.kind": lambda view: (
        (spot.place_kind or None) if "places" in view.categories and (spot := _spot(view)) else None
    ),
    "place.dwell_s": _field(Dwelled, "dwell_s"),
    "basket.lines": lambda view: float(len(bought_lines(basket))) if (basket := _basket(view)) else None,
    "basket.value_cents": lambda view: (
        float(sum(line.price_cents for line in basket.lines)) if (basket := _basket(view)) else None
    ),
    "saw.product": _field(Saw, "product"),
    "saw.family": _field(Saw, "family"),
    "saw.is_usual": _saw_usual,
    "saw.units_at_home": _saw_at_home,
    "home.family": _field(HOME, "family"),
    "home.product": _field(HOME, "product"),
    "home.units": _units_at_home,
    "asked.about": _field(Asked, "about"),
    "measure.name": _field(Measured, "measure"),
    "measure.value": _field(Measured, "value"),
    "measure.today": lambda view: number.today if (number := _number(view)) is not None else None,
    "measure.goal_share": _goal_share,
    "customer.known": lambda view: view.known,
    "customer.language": lambda view: view.language or None,
    "customer.tags": lambda view: frozenset(name for name, value in view.preferences.items() if value is True),
    "customer.checked_in": lambda view: bool(view.places.checked_in),
    "worth.spend_28d_cents": _decayed(T_SPEND28),
    "worth.trips_28d": _decayed(T_S28),
    "worth.trips": _trip(T_BASKETS),
    "worth.days_since_trip": _since_trip,
    "device.battery": _device("battery"),
    "device.profile": _device("profile"),
    "device.worn": _device("worn"),
}
"""Every attribute of the moment and of the person; those of the product are columns (:mod:`visavis.decide.needs`)."""

PRODUCT_READERS: Final[dict[str, Callable[[Product], float | None]]] = {
    "product.price_cents": lambda product: float(product.price_cents) if product.price_cents else None,
    "product.margin_share": lambda product: product.margin_share or None,
}
