"""Who speaks: the brand."""

from msgspec import Struct


class Brand(Struct, frozen=True):
    """Who speaks, in which languages, and how much it may ask of a person's attention in a day.

    ``traits`` are the words, by language, of what people may declare of themselves.
    """

    name: str
    languages: tuple[str, ...]
    zone: str
    currency: str
    quiet_from_h: float = 22.0
    quiet_until_h: float = 7.0
    attention_units_per_day: float = 12.0
    attention_price_cents: float = 1.0
    exploration_floor: float = 0.02
    exploration_gamma: float = 1000.0
    default_device: str = "glasses"
    traits: dict[str, dict[str, str]] = {}
