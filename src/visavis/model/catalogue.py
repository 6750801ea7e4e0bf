"""The brand's products, places and devices."""

from typing import Literal

from msgspec import Struct


class Product(Struct, frozen=True, gc=False):
    """One article; ``family`` groups what substitutes for it."""

    gtin: str
    family: str
    name_fr: str = ""
    name_en: str = ""
    price_cents: int = 0
    margin_share: float = 0.0
    aisle: str = ""
    image: str = ""


class Family(Struct, frozen=True, gc=False):
    """Products that serve the same need; ``never_push`` (alcohol, tobacco, medicine) keeps them off unasked cards."""

    key: str
    name_fr: str
    name_en: str
    never_push: str = ""


class Place(Struct, frozen=True, gc=False):
    """A shop, an aisle or a zone: a circle around a centre, or a polygon of (longitude, latitude) pairs.

    ``opening_hours`` as on OpenStreetMap (``Mo-Sa 08:00-20:00``); empty: not known, and it may be entered at any time.
    """

    id: str
    kind: str
    name: str
    zone: str
    longitude: float = 0.0
    latitude: float = 0.0
    radius_m: float = 0.0
    ring: tuple[tuple[float, float], ...] = ()
    opening_hours: str = ""


Kind = Literal["glasses", "watch", "phone", "tablet", "home"]
Colour = Literal["rgb", "see_through", "grey16", "one_bit", "none"]
Charset = Literal["unicode", "latin1", "ascii"]
Proved = Literal["foreign", "rendered", "no"]


class Device(Struct, frozen=True, gc=False):
    """A screen: its size, its font, and the price of a glance in units of attention.

    ``lines``: what fits of title and body; ``chars``: characters a line of its text mode (0: none); ``see_through``:
    black is clear; ``padding_px``: kept free around (0: a share of the width); ``round``: corners masked.
    ``unverified`` names fields assumed or only reported by the press; ``proved`` the test: foreign software, our
    rendering in a browser, or none.
    """

    profile: str
    kind: Kind
    width_px: int
    lines: int
    font_px: int
    glance_units: float
    interrupts: bool = True
    battery_floor: float = 0.1
    name: str = ""
    height_px: int = 0
    chars: int = 0
    padding_px: int = 0
    round: bool = False
    colour: Colour = "rgb"
    charset: Charset = "unicode"
    inputs: tuple[str, ...] = ()
    transports: tuple[str, ...] = ()
    proved: Proved = "no"
    unverified: tuple[str, ...] = ()
    source: str = ""
