"""Read a moment from JSON or from parsed fields: a valid moment, or one :class:`~visavis.model.errors.Invalid`."""
# Unknown fields are dropped; everything else is strict. An error never repeats what was sent: it may be personal.

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from visavis.model.errors import Invalid
from visavis.model.ids import check_identity, check_sent_id
from visavis.model.moment import Bought, Linked, Moment, Paying, Returned, Unlinked

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_SKEW: Final = timedelta(minutes=5)
_json = msgspec.json.Decoder(Moment)


def decode(payload: bytes, *, received_at: datetime) -> Moment:
    """One moment from JSON.

    >>> from datetime import UTC, datetime
    >>> now = datetime(2026, 11, 24, 10, tzinfo=UTC)
    >>> sent = b'{"kind":"entered","id":"m1","customer":"camille","occurred_at":"2026-11-24T09:59:00Z","place":"s1"}'
    >>> decode(sent, received_at=now).place
    's1'
    >>> decode(sent.replace(b"entered", b"teleported"), received_at=now)
    Traceback (most recent call last):
    visavis.model.errors.Invalid: Not a moment: there is no such kind - at `$.kind`...
    """
    try:
        moment = _json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        fields = _fields(payload)
        if not _has_object_lines(fields):
            raise _invalid(error) from None
        return from_builtins(fields, received_at=received_at)
    return checked(moment, received_at)


def from_builtins(fields: dict[str, Any], *, received_at: datetime, our_own: bool = False) -> Moment:
    """One moment from an object that is already parsed (a story's TOML, a CSV row); ``our_own``: the server made it."""
    try:
        moment = msgspec.convert(_with_array_lines(fields), Moment, strict=True)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    return checked(moment, received_at, our_own=our_own)


def _fields(payload: bytes) -> Any:
    """The JSON of a moment that could not be read at once; ``None`` when it is none."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _has_object_lines(fields: Any) -> bool:
    """Whether one of its lines is an object, not an array."""
    lines = fields.get("lines") if isinstance(fields, dict) else None
    return isinstance(lines, list | tuple) and any(isinstance(line, dict) for line in lines)


def _with_array_lines(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with each line that is an object written as an array."""
    if not _has_object_lines(fields):
        return fields
    defaults = {"product": None, "quantity": 1, "price_cents": 0}
    written = [
        [line.get(name, default) for name, default in defaults.items()] if isinstance(line, dict) else line
        for line in fields["lines"]
    ]
    return {**fields, "lines": written}


def checked(moment: Moment, received_at: datetime, *, our_own: bool = False) -> Moment:
    """The moment, if it is in time, a sender may give its id, and its customer and identifier are of one person."""
    if not our_own:
        check_sent_id(moment.id)
    check_identity(moment.customer, "customer")
    if isinstance(moment, Linked | Unlinked):
        check_identity(moment.identifier, "identifier")
    if isinstance(moment, Paying | Bought | Returned) and not all(line.quantity for line in moment.lines):
        advice = "Leave the line out; what came back has a quantity below 0."
        raise Invalid("Not a moment: a line has the quantity 0.", advice=advice)
    if isinstance(moment, Returned) and not (bool(moment.order) ^ bool(moment.place and moment.lines)):
        advice = "Send the `order` that came back, or the `place` and `lines` of products."
        raise Invalid("Not a moment: it says either which order or which products came back.", advice=advice)
    return _in_time(moment, received_at)


def _in_time(moment: Moment, received_at: datetime) -> Moment:
    """The moment, if it has a time zone, is not before the year 2000 and not in the future (5 minutes of skew pass)."""
    occurred_at = moment.occurred_at
    if occurred_at.tzinfo is None:
        advice = "Write it as 2026-11-24T09:59:00Z or with an offset."
        raise Invalid("Not a moment: `occurred_at` has no time zone.", advice=advice)
    if occurred_at < EARLIEST:
        raise Invalid(f"Not a moment: `occurred_at` is before {EARLIEST:%Y-%m-%d}.", advice="Check the device's clock.")
    if occurred_at > received_at + CLOCK_SKEW:
        advice = "Check the device's clock; it may be five minutes ahead."
        raise Invalid("Not a moment: `occurred_at` is in the future.", advice=advice)
    return moment


def _invalid(error: Exception) -> Invalid:
    detail = str(error) or type(error).__name__
    if isinstance(error, UnicodeDecodeError):
        detail = "the text is not UTF-8"
    elif detail.startswith("Invalid value "):
        detail = "there is no such kind - at `$.kind`"
    detail = detail if detail.startswith("JSON") else detail[0].lower() + detail[1:]
    advice = "The kinds are listed in visavis.model.moment.KINDS." if "`$.kind`" in detail else ""
    return Invalid(f"Not a moment: {detail}.", advice=advice)
