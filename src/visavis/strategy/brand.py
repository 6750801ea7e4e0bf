"""The brand and its legal identity."""

from msgspec import Struct


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
    """A brand; ``traits`` are the words, by language, that people may declare; ``controller`` signs receipts."""

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
    controller: Controller | None = None
