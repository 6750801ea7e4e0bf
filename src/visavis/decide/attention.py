"""The price of a glance in cents: units of attention by device and words, times the person's reluctance."""

from visavis.model.catalogue import Device
from visavis.strategy.read import Brand


def units(device: Device, words: int) -> float:
    """Units of this many words on this device: base × max(½, words/8); form of Horvitz et al. 2005, own constants."""
    return device.glance_units * max(0.5, words / 8.0)


def price_cents(brand: Brand, spent_units: float, reluctance: float) -> float:
    """The price of these units for this person: the brand's price a unit, raised by each *no*."""
    return brand.attention_price_cents * spent_units * reluctance
