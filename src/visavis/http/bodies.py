"""Bodies of requests and responses that more than one endpoint shares, or that no record of the model describes."""

from typing import Final, Literal, TypeVar

import msgspec
from msgspec import Struct, inspect
from starlette.requests import Request
from starlette.responses import Response

from visavis.http.requests import json_body
from visavis.model.card import Brief
from visavis.model.errors import Invalid

Body = TypeVar("Body", bound=Struct)
NO_STORE: Final = {"cache-control": "no-store"}


async def read_body(request: Request, kind: type[Body]) -> Body:
    """The request's JSON body as this type; :class:`Invalid`, with an example of a right one, when it is not."""
    try:
        return msgspec.convert(await json_body(request), kind)
    except msgspec.ValidationError as error:
        raise Invalid(f"The body cannot be used: {detail_of(error)}.", advice=f"Send {example(kind)}.") from None


def detail_of(error: msgspec.ValidationError) -> str:
    """What is wrong and where, without the value that was sent."""
    detail = str(error)
    if detail.startswith("Invalid enum value"):
        return f"the value is none of those allowed{detail[detail.rfind(' - at') :]}"
    return detail[0].lower() + detail[1:]


def example(kind: type[Struct]) -> str:
    """A JSON object of this type, with the fields that it needs.

    >>> example(PhonesAnswer)
    '{"decision":"…","answer":"later"}'
    """
    fields = msgspec.inspect.type_info(kind)
    assert isinstance(fields, inspect.StructType)
    needed = {field.encode_name: _value(field.type) for field in fields.fields if field.required}
    return msgspec.json.encode(needed or {one.encode_name: _value(one.type) for one in fields.fields}).decode()


def _value(kind: inspect.Type) -> object:
    match kind:
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.BoolType():
            return True
        case inspect.IntType() | inspect.FloatType():
            return 1
        case inspect.UnionType():
            return _value(kind.types[0])
        case inspect.StrType():
            return "…"
        case _:
            return {}


def json_response(found: object, status: int = 200) -> Response:
    """The response with this as JSON, which no cache may keep."""
    return Response(msgspec.json.encode(found), status, media_type="application/json", headers=NO_STORE)


class Token(Struct, frozen=True):
    """A key, which is left in the page's own cookie."""

    key: str


class OnOff(Struct, frozen=True):
    """On, or off again."""

    on: bool


class Seen(Struct, frozen=True):
    """A card that is on the screen now; ``ago_s`` says for how long."""

    decision: str
    ago_s: float = 0.0


class OwnAnswer(Struct, frozen=True):
    """What the person answered."""

    decision: str
    answer: Literal["yes", "no", "later", "wrong"]
    ago_s: float = 0.0


class PhonesAnswer(Struct, frozen=True):
    """What the person answered, maybe without a network, ``ago_s`` ago."""

    decision: str
    answer: Literal["yes", "no", "later"]
    ago_s: float = 0.0


class AdvisersAnswer(Struct, frozen=True):
    """What the adviser answered; ``about`` names the fact that is wrong."""

    decision: str
    answer: Literal["done", "later", "wrong"]
    about: str = ""


class Settled(Struct, frozen=True):
    """The answer that counts, which is the first one received; empty when none was kept."""

    answer: str


class ShownBrief(Brief, frozen=True, kw_only=True):
    """A brief of this place, and for how long it is shown."""

    lasts_s: float


class Pairing(Struct, frozen=True):
    """Whose a new device is: a person's, or a place's advisers' for a shift of so many hours."""

    person: str = ""
    place: str = ""
    hours: float = 8.0


class Offered(Struct, frozen=True):
    """A pairing code, for ten minutes and one use; the link and the QR code hold the same."""

    code: str
    link: str
    qr_svg: str
    expires_at: float
    valid_s: float


class MergeAnswer(Struct, frozen=True):
    """The answer of one person to a merge that waits."""

    merge: str
    yes: bool


class OneTimeCode(Struct, frozen=True):
    """The one-time code of the person in the path."""

    code: str


class Code(Struct, frozen=True):
    """The pairing code, and the profile of the device that enters it."""

    code: str
    profile: str


class PairedKey(Struct, frozen=True):
    """The key of the new device; it is shown this once."""

    key: str
    id: str
    role: str
    subject: str
    profile: str
    until: float


class PushKeysBody(Struct, frozen=True):
    """The keys that a browser made for a push subscription."""

    p256dh: str
    auth: str


class Subscribed(Struct, frozen=True):
    """A push subscription, as a browser gives it."""

    endpoint: str
    keys: PushKeysBody


class Address(Struct, frozen=True):
    """An e-mail address."""

    address: str


class Opened(Struct, frozen=True, rename="camel"):
    """The timeline item that is on the Glass now."""

    item_id: str
