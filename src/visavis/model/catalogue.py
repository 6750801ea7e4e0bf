"""What the brand knows about its world: products, places and devices."""

from typing import Literal

from msgspec import Struct


class Product(Struct, frozen=True, gc=False):
    """One article. ``family`` groups what substitutes for it; ``never_push`` (alcohol, tobacco, medicine) keeps it off every unasked card."""

    gtin: str
    family: str
    name_fr: str = ""
    name_en: str = ""
    price_cents: int = 0
    margin_share: float = 0.0
    aisle: str = ""
    image: str = ""


class Family(Struct, frozen=True, gc=False):
    """A set of products that serve the same need, under the name people use for it."""

    key: str
    name_fr: str
    name_en: str
    never_push: str = ""


class Place(Struct, frozen=True):
    """A shop, an aisle or a zone: a circle (``radius_m`` around the centre) or a polygon of (longitude, latitude) pairs."""

    id: str
    kind: str
    name: str
    zone: str
    longitude: float = 0.0
    latitude: float = 0.0
    radius_m: float = 0.0
    ring: tuple[tuple[float, float], ...] = ()


class Device(Struct, frozen=True, gc=False):
    """A screen: how many lines of how many pixels, in which font size, and what a glance at it costs (units of attention)."""

    profile: str
    kind: Literal["glasses", "watch", "phone", "tablet", "home"]
    width_px: int
    lines: int
    font_px: int
    glance_units: float
    interrupts: bool = True
    battery_floor: float = 0.1
