"""The brand and its legal identity."""

from typing import Final

from msgspec import Struct

from visavis.model.moment import Moment

LATE_AFTER_S: Final = 180.0
LATE_AFTER_AT_HOME_S: Final = 21_600.0
"""For what does not happen at a place of the brand; by its category (:data:`AT_HOME`)."""
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


class Brand(Struct, frozen=True):
    """A brand: its languages, zone and currency, quiet hours, and how much attention of a person it may take a day.

    ``traits`` are the words, by language, of what people may declare of themselves; ``controller`` signs receipts of
    consent. ``late_after_s`` gives, by kind of moment, how long after it occurred it is still news. A stay at a
    place has ended when nothing was heard of it for ``stay_ends_after_s``: who is seen there again enters again.
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
    late_after_s: dict[str, float] = {}
    stay_ends_after_s: float = 3_600.0
    controller: Controller | None = None

    def late_after(self, moment: Moment) -> float:
        """After how many seconds a moment of this kind wakes nothing any more: it only updates what is known."""
        default = LATE_AFTER_AT_HOME_S if moment.category in AT_HOME else LATE_AFTER_S
        return self.late_after_s.get(moment.kind, default)
