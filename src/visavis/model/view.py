"""A customer and the waking moment as one purpose may see them: a field without consent is its empty value."""

from msgspec import Struct

from visavis.model.customer import Order, Places, Purchases, Reward, Stock
from visavis.model.moment import Moment
from visavis.model.number import Number
from visavis.model.shown import DeviceState


class View(Struct, frozen=True, gc=False):
    """All that decisions may read of a person: data of ``categories``; ``moment`` only of a category in them."""

    categories: frozenset[str]
    moment: Moment | None
    now: float
    known: bool
    language: str
    devices: dict[str, DeviceState]
    purchases: Purchases = Purchases()
    places: Places = Places()
    home: dict[str, Stock] = {}
    numbers: dict[str, Number] = {}
    preferences: dict[str, str | float | bool] = {}
    orders: tuple[Order, ...] = ()
    rewards: tuple[Reward, ...] = ()
