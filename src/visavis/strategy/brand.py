"""The brand and its legal identity."""

from typing import Final

from msgspec import Struct, field

from visavis.model.moment import Moment

FIRST_NAME: Final = "first_name"
"""The one trait that every brand has, in the person's own words."""
LATE_AFTER_S: Final = 180.0
LATE_AFTER_AT_HOME_S: Final = 21_600.0
"""For what does not happen at a place of the brand; by its category (:data:`AT_HOME`)."""
STALE_AFTER_S: Final = {"till": 4 * 86_400.0, "home": 7 * 86_400.0, "device": 86_400.0, "numbers": 7 * 86_400.0}
"""How long what a source reported last is known, by source: its tills, a home, a device, a person's own numbers."""
AT_HOME: Final = frozenset({"home", "numbers", "preferences", "orders"})


class Controller(Struct, frozen=True, forbid_unknown_fields=True):
    """The data controller; ``id`` is a base URL for identifiers, ``access`` where rights are exercised."""

    id: str
    name: str
    address: str
    contact: str
    email: str
    phone: str
    policy: str
    access: str
    country: str = "FR"
    jurisdiction: str = "loc:FR"


class Trait(Struct, frozen=True):
    """What people may declare of themselves, in words by language; ``values`` are the texts that it may have."""

    fr: str = ""
    en: str = ""
    values: tuple[str, ...] = ()


def _usual_measures() -> dict[str, tuple[str, ...]]:
    return {"water": ("L", "cL", "mL"), "steps": ()}


class Brand(Struct, frozen=True):
    """A brand: its languages, zone and currency, quiet hours, and how much attention of a person it may take a day.

    Only ``traits`` are declared, and only ``measures``, in the units of each, are measured. ``product_ids`` and
    ``place_ids`` are the forms (``model.ids.has_form``) of codes that no file of the brand lists. ``controller`` signs
    receipts of consent. ``late_after_s`` gives, by kind of moment, how long after it occurred it is still news;
    ``stale_after_s``, by source, how long after its last report what it reported is still known. A stay at a place has
    ended when nothing was heard of it for ``stay_ends_after_s``: who is seen there again enters again.
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
    traits: dict[str, Trait] = {}
    measures: dict[str, tuple[str, ...]] = field(default_factory=_usual_measures)
    product_ids: tuple[str, ...] = ()
    place_ids: tuple[str, ...] = ()
    late_after_s: dict[str, float] = {}
    stay_ends_after_s: float = 3_600.0
    stale_after_s: dict[str, float] = {}
    controller: Controller | None = None

    def trait_name(self, trait: str, language: str) -> str:
        """The trait in the words of this language; its own name when it has none."""
        words = self.traits.get(trait)
        return (words is not None and getattr(words, language)) or trait

    def late_after(self, moment: Moment) -> float:
        """After how many seconds a moment of this kind wakes nothing any more: it only updates what is known."""
        default = LATE_AFTER_AT_HOME_S if moment.category in AT_HOME else LATE_AFTER_S
        return self.late_after_s.get(moment.kind, default)

    def stale_after(self, source: str) -> float:
        """After how many seconds without a report of this source what it reported is unknown."""
        return self.stale_after_s.get(source, STALE_AFTER_S[source])
