"""Messages of homes over MQTT, read as moments: products stocked, used or run out, a person's own measures.

A message names no person: its topic says whose home it is. A time or an id of its own makes a repeat recognisable.
What the brand does not sell is no moment.
"""

from collections.abc import Container
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from visavis.model.card import Card
from visavis.model.decoding import from_builtins
from visavis.model.errors import Invalid
from visavis.model.gs1 import product_of
from visavis.model.ids import own_id
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
"""The moment of each type of event. What is taken out counts as used."""
UNUSED: Final = frozenset({"low_stock", "expiring"})
"""Types of event that are accepted and make no moment: they count nothing."""
PIECES: Final = frozenset({"", "unit", "piece", "EA", "C62", "H87"})
"""Units that count packs, as habits do; half a litre of milk is no number of packs."""
SURE: Final = 0.5
"""The confidence from which on a recognised product is believed."""


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
    """The button pressed on a home's screen; ``answer`` is empty when the card was only displayed."""

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


def home_card(card: Card, until: float) -> HomeCard:
    """The card for a home's screen; ``until`` in epoch seconds."""
    at = datetime.fromtimestamp(until, UTC)
    return HomeCard(card.decision, card.language, card.title, at, card.body, card.why, card.speech, card.yes, card.no)


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


def event(
    fields: Any, person: str, home: str, products: Container[str], received_at: datetime, *, retained: bool = False
) -> Moment | None:
    """The moment that this event is, or none; :class:`Invalid` when it cannot be understood.

    When one that the broker ``retained`` occurred, only its own time tells.

    >>> link, now = "https://id.gs1.org/01/03017620422003", datetime(2026, 11, 24, 10, tzinfo=UTC)
    >>> fields = {"event_type": "out_of_stock", "digital_link": link, "time": "2026-11-24T09:00:00Z"}
    >>> event(fields, "camille", "h1", {"3017620422003"}, now).product
    '3017620422003'
    >>> event({**fields, "event_type": "expiring"}, "camille", "h1", {"3017620422003"}, now) is None
    True
    """
    sent = _read(fields, HomeMessage)
    if sent.event_type in UNUSED:
        return None
    kind = KINDS.get(sent.event_type)
    if kind is None:
        raise Invalid("There is no such type of event.", advice=f"Types: {', '.join([*KINDS, *sorted(UNUSED)])}.")
    if not sent.id and sent.time is None:
        raise Invalid(
            "An event has a `time` or an `id`.", advice="Without either, a message that comes twice would count twice."
        )
    if retained and sent.time is None:
        raise Invalid("A retained event has a `time`.", advice="Without it, it may be of any day: nobody knows which.")
    if sent.confidence < SURE:
        return None
    at = sent.time if sent.time is not None else received_at
    moment: dict[str, Any] = {"kind": kind, "customer": person, "occurred_at": at}
    if kind == "measured":
        about = f"{sent.measure}\x00{sent.value}\x00{sent.unit}"
        moment |= {"measure": sent.measure, "value": sent.value, "unit": sent.unit}
    else:
        product = product_of(products, sent.product or sent.gtin or sent.digital_link)
        if product not in products or sent.uom not in PIECES:
            return None
        about = f"{product}\x00{sent.quantity}"
        moment |= {"product": product} | ({"quantity": sent.quantity} if kind != "ran_out" else {})
    sent_at = sent.time.isoformat() if sent.time is not None else ""
    # An event is identified by its id, if it has one, else by its content.
    same = "\x00".join([home, sent.id] if sent.id else [home, "", kind, about, sent_at])
    moment["id"] = own_id("home", blake2b(same.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())
    return from_builtins(moment, received_at=received_at, our_own=True)


def answer(fields: Any) -> HomeAnswer:
    """The answer in this message."""
    return _read(fields, HomeAnswer)


def _read(fields: Any, form: type[T]) -> T:
    try:
        return msgspec.convert(fields, form, strict=True)
    except msgspec.ValidationError as error:
        raise Invalid(
            f"Not a message of a home: {str(error)[0].lower()}{str(error)[1:]}.", advice="See docs/devices/fridge.md."
        ) from None
