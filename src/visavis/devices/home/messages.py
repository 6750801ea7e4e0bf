"""What a home says over MQTT, read as moments (what was put in, used, ran out, a person's own measures), and what it is
shown.

A message names no person: whose home it is, is known by its topic. It tells when it happened or has an id of its own;
without either, a repeat could not be told from news. What the brand does not sell is no moment: a fridge's other
contents are none of its business.
"""

from collections.abc import Container
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from visavis.model.decoding import from_builtins
from visavis.model.errors import Invalid
from visavis.model.gs1 import product_of
from visavis.model.moment import Moment

PAYLOAD_LIMIT: Final = 1 << 14
PARTS_LIMIT: Final = 256
"""How many objects and lists a message may hold: what is nested deeper than that is never unfolded."""
KINDS: Final[dict[str, str]] = {
    "item_added": "stocked",
    "item_removed": "consumed",
    "item_consumed": "consumed",
    "out_of_stock": "ran_out",
    "ran_out": "ran_out",
    "measured": "measured",
}
"""The moment of each type of event. Who takes something out uses it, as far as the home's stock goes."""
UNUSED: Final = frozenset({"low_stock", "expiring"})
"""Types of event that are understood, and of which nothing is made: they count nothing, and a guess is not a fact."""
PIECES: Final = frozenset({"", "unit", "piece", "EA", "C62", "H87"})
"""Units that count packs, as habits do; half a litre of milk is no number of packs."""
SURE: Final = 0.5
"""From which confidence on a recognised product is believed: rather right than wrong."""


class HomeMessage(Struct, frozen=True):
    """One event of a home: ``product`` as the brand knows it, a GTIN, or a GS1 Digital Link."""

    event_type: str
    id: Annotated[str, Meta(max_length=128)] = ""
    time: datetime | None = None
    product: str = ""
    gtin: str = ""
    digital_link: str = ""
    quantity: float = 1
    uom: str = ""
    confidence: float = 1.0
    measure: str = ""
    value: float = 0.0
    unit: str = ""


class HomeAnswer(Struct, frozen=True):
    """What was pressed on a home's screen; ``answer`` is empty when the card was only shown."""

    decision: Annotated[str, Meta(min_length=1, max_length=100)]
    answer: Annotated[str, Meta(pattern="^(|yes|no|later|wrong)$")] = ""


class HomeCard(Struct, frozen=True, omit_defaults=True):
    """A card on a home's screen, as it is sent: ``until`` is when it must be gone."""

    decision: str
    language: str
    title: str
    until: datetime
    body: str = ""
    why: str = ""
    speech: str = ""
    yes: str = ""
    no: str = ""


T = TypeVar("T")
_plain: Final = msgspec.json.Decoder()


def opened(payload: bytes) -> Any:
    """The JSON of a message; :class:`Invalid` when it is too large, too deep, or none."""
    if len(payload) > PAYLOAD_LIMIT or payload.count(b"[") + payload.count(b"{") > PARTS_LIMIT:
        raise Invalid("The message is too large.", advice=f"Send at most {PAYLOAD_LIMIT:,} bytes, and one event.")
    try:
        return _plain.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid("The message is not JSON.", advice="Send one object a message.") from None


def event(told: Any, person: str, home: str, products: Container[str], received_at: datetime) -> Moment | None:
    """The moment that this event is, or none; :class:`Invalid` when it cannot be understood.

    >>> from datetime import UTC, datetime
    >>> told = {"event_type": "out_of_stock", "digital_link": "https://id.gs1.org/01/03017620422003", "time": "2026-11-24T09:00:00Z"}
    >>> event(told, "camille", "h1", {"3017620422003"}, datetime(2026, 11, 24, 10, tzinfo=UTC)).product
    '3017620422003'
    >>> event({**told, "event_type": "expiring"}, "camille", "h1", {"3017620422003"}, datetime(2026, 11, 24, 10, tzinfo=UTC)) is None
    True
    """
    said = _read(told, HomeMessage)
    if said.event_type in UNUSED:
        return None
    kind = KINDS.get(said.event_type)
    if kind is None:
        raise Invalid("There is no such type of event.", advice=f"Types: {', '.join([*KINDS, *sorted(UNUSED)])}.")
    if not said.id and said.time is None:
        raise Invalid(
            "An event has a `time` or an `id`.", advice="Without either, a message that comes twice would count twice."
        )
    if said.confidence < SURE:
        return None
    fields: dict[str, Any] = {
        "kind": kind,
        "customer": person,
        "occurred_at": said.time if said.time is not None else received_at,
    }
    if kind == "measured":
        about = f"{said.measure}\x00{said.value}\x00{said.unit}"
        fields |= {"measure": said.measure, "value": said.value, "unit": said.unit}
    else:
        product = product_of(products, said.product or said.gtin or said.digital_link)
        if product not in products or said.uom not in PIECES:
            return None
        about = f"{product}\x00{said.quantity}"
        fields |= {"product": product} | ({"quantity": said.quantity} if kind != "ran_out" else {})
    told_at = said.time.isoformat() if said.time is not None else ""
    # An event that has an id is the one of that id, whatever else it says; else it is the one of its contents.
    same = "\x00".join([home, said.id] if said.id else [home, "", kind, about, told_at])
    fields["id"] = f"home-{blake2b(same.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"
    return from_builtins(fields, received_at=received_at)


def answer(told: Any) -> HomeAnswer:
    """What was pressed, of this message."""
    return _read(told, HomeAnswer)


def _read(told: Any, form: type[T]) -> T:
    try:
        return msgspec.convert(told, form, strict=True)
    except msgspec.ValidationError as error:
        raise Invalid(
            f"Not what a home says: {str(error)[0].lower()}{str(error)[1:]}.", advice="See docs/devices/fridge.md."
        ) from None
