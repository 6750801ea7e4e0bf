"""EPCIS 2.0 events, validated beyond the JSON Schema; those about a home's objects become moments."""

import re
from collections import defaultdict
from collections.abc import Container
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, field
from msgspec.structs import replace

from visavis.http.bodies import detail_of
from visavis.model.decoding import from_builtins
from visavis.model.errors import Invalid
from visavis.model.gs1 import product_of
from visavis.model.ids import own_id
from visavis.model.moment import Moment

_STEPS: Final = (
    "accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting"
    " decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting"
    " installing killing loading other packing picking receiving removing repackaging repairing replacing reserving"
    " retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting"
    " unloading unpacking void_shipping"
)
_DISPOSITIONS: Final = (
    "active available completeness_inferred completeness_verified conformant container_closed container_open damaged"
    " destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class mismatch_instance"
    " mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other partially_dispensed"
    " recalled reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable unknown"
)
STEPS: Final = frozenset(_STEPS.split())
DISPOSITIONS: Final = frozenset(_DISPOSITIONS.split())  # the words of the Core Business Vocabulary 2.0
KINDS: Final[dict[tuple[str, str], str]] = {
    ("stocking", "ADD"): "stocked",
    ("stocking", "OBSERVE"): "stocked",
    ("dispensing", "DELETE"): "consumed",
    ("destroying", "DELETE"): "consumed",
}
"""The kind of moment of each step and action: what was thrown away is no longer at home either."""
COUNTING: Final = ("cycle_counting", "OBSERVE")  # only a count of zero is a moment: the product ran out
OFFSET: Final = "^[+-](0[0-9]|1[0-3]):[0-5][0-9]$|^[+-]14:00$"
WORDS: Final = re.compile(
    r"(?:https?://(?:ref|ns)\.gs1\.org/(?:voc/|cbv/)|cbv:|urn:epcglobal:cbv:)(?:BizStep-|Disp-|bizstep:|disp:)(.+)"
)
Epc = Annotated[str, Meta(min_length=1, max_length=2_000)]
Epcs = Annotated[tuple[Epc, ...], Meta(max_length=10_000)]


class Quantity(Struct, frozen=True, rename="camel"):
    """So much of one class of items; without a unit it counts pieces."""

    epc_class: Epc
    quantity: Annotated[float, Meta(ge=0)] | None = None
    uom: str = ""


Quantities = Annotated[tuple[Quantity, ...], Meta(max_length=10_000)]


class Event(Struct, frozen=True, rename="camel"):
    """One event, as far as it is checked or used."""

    type: Literal["ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"]
    event_time: datetime
    event_time_zone_offset: Annotated[str, Meta(pattern=OFFSET)]
    action: Literal["", "ADD", "OBSERVE", "DELETE"] = ""
    biz_step: str = ""
    disposition: str = ""
    event_id: Annotated[str, Meta(max_length=2_000)] = field(default="", name="eventID")
    epc_list: Epcs = ()
    quantity_list: Quantities = ()
    sensor_element_list: tuple[dict[str, Any], ...] = ()
    parent_id: str = field(default="", name="parentID")
    child_epcs: Epcs = field(default=(), name="childEPCs")
    child_quantity_list: Quantities = ()
    input_epc_list: Epcs = field(default=(), name="inputEPCList")
    input_quantity_list: Quantities = ()
    output_epc_list: Epcs = field(default=(), name="outputEPCList")
    output_quantity_list: Quantities = ()
    biz_transaction_list: tuple[dict[str, Any], ...] = ()
    error_declaration: dict[str, Any] | None = None


def read(sent: Any) -> Event:
    """The event of this JSON, by EPCIS's names or JSON-LD's (``@type``); else :class:`Invalid`.

    >>> sent = {"type": "ObjectEvent", "eventTime": "2026-11-24T09:00:00Z", "eventTimeZoneOffset": "+01:00"}
    >>> read({**sent, "action": "DELETE", "bizStep": "eaten", "epcList": ["https://id.gs1.org/01/03017620422003/21/S1"]})
    Traceback (most recent call last):
    visavis.model.errors.Invalid: Not an EPCIS event: there is no such bizStep...
    """
    if not isinstance(sent, dict):
        raise Invalid("Not an EPCIS event: it is no JSON object.", advice="Send objects in eventList.")
    sent = {"type" if name in ("@type", "isA") else name: value for name, value in sent.items()}
    try:
        event = msgspec.convert(sent, Event, strict=True)
    except msgspec.ValidationError as error:
        raise Invalid(f"Not an EPCIS event: {detail_of(error)}.", advice="See EPCIS 2.0, section 7.") from None
    if event.event_time.tzinfo is None:
        advice = "Write it as 2026-11-24T09:59:00Z or with an offset."
        raise Invalid("Not an EPCIS event: `eventTime` has no time zone.", advice=advice)
    if not event.action and event.type != "TransformationEvent":
        raise Invalid("Not an EPCIS event: it has no `action`.", advice="Use ADD, OBSERVE or DELETE.")
    _word(event.biz_step, STEPS, "bizStep")
    _word(event.disposition, DISPOSITIONS, "disposition")
    about = {
        "ObjectEvent": event.epc_list or event.quantity_list or event.sensor_element_list,
        "AggregationEvent": event.parent_id or event.child_epcs or event.child_quantity_list,
        "AssociationEvent": (
            event.parent_id
            and (event.action != "ADD" or event.child_epcs or event.child_quantity_list or event.sensor_element_list)
        ),
        "TransactionEvent": event.biz_transaction_list,
        "TransformationEvent": (
            event.input_epc_list or event.input_quantity_list or event.output_epc_list or event.output_quantity_list
        ),
    }[event.type]
    if not about:
        advice = "Give the items, the quantities or the sensor's data that it is about."
        raise Invalid("Not an EPCIS event: it is about nothing.", advice=advice)
    return event


def moments(sent: Any, person: str, products: Container[str], received_at: datetime) -> list[Moment]:
    """The moments of this event at this person's home, one a product; the same event always gives the same ids.

    >>> from datetime import UTC, datetime
    >>> none_left = {"epcClass": "https://id.gs1.org/01/03017620422003", "quantity": 0}
    >>> sent = {"type": "ObjectEvent", "eventTime": "2026-11-24T09:00:00Z", "eventTimeZoneOffset": "+01:00"}
    >>> sent |= {"action": "OBSERVE", "bizStep": "cycle_counting", "quantityList": [none_left]}
    >>> received_at = datetime(2026, 11, 24, 10, tzinfo=UTC)
    >>> [type(one).__name__ for one in moments(sent, "camille", {"3017620422003"}, received_at)]
    ['RanOut']
    """
    event = read(sent)
    if event.type != "ObjectEvent" or event.error_declaration is not None:
        return []
    done = (_word(event.biz_step, STEPS, "bizStep"), event.action)
    kind = KINDS.get(done, "")
    counted: defaultdict[str, float] = defaultdict(float)
    for epc in dict.fromkeys(event.epc_list):
        counted[product_of(products, epc)] += 1
    empty: list[str] = []
    for one in event.quantity_list:
        product = product_of(products, one.epc_class)
        if one.quantity == 0:
            empty.append(product)
        elif not one.uom:  # what is weighed or poured is no number of packs
            counted[product] += 1 if one.quantity is None else one.quantity
    same = event.event_id or _contents(sent)
    found: list[dict[str, Any]] = []
    if kind:
        found = [{"kind": kind, "product": product, "quantity": quantity} for product, quantity in counted.items()]
    elif done == COUNTING:
        found = [{"kind": "ran_out", "product": product} for product in dict.fromkeys(empty) if product not in counted]
    identity = {"customer": person, "occurred_at": event.event_time}
    valid = [
        from_builtins(one | identity | {"id": _id(same, one["product"])}, received_at=received_at, our_own=True)
        for one in found
        if one["product"] in products
    ]
    zone = datetime.strptime(event.event_time_zone_offset, "%z").tzinfo
    return [replace(moment, occurred_at=moment.occurred_at.astimezone(zone)) for moment in valid]


def _word(text: str, known: frozenset[str], name: str) -> str:
    """The word of the vocabulary, written bare or as an address; empty for a word of another vocabulary."""
    found = WORDS.fullmatch(text)
    word = found[1] if found is not None else text
    if found is None and ":" in text:
        return ""
    if word and word not in known:
        advice = "Use a word of the Core Business Vocabulary, or an address of your own."
        raise Invalid(f"Not an EPCIS event: there is no such {name}.", advice=advice)
    return word


def _contents(sent: Any) -> str:
    kept = {name: value for name, value in sent.items() if name != "recordTime"}
    return msgspec.json.encode(kept, order="sorted").hex()


def _id(same: str, product: str) -> str:
    return own_id("epcis", blake2b(f"{same} {product}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())
