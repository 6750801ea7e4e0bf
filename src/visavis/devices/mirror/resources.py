"""The resources of the Mirror API v1, as its clients send and read them; what only the server may set is ignored.

Read from JSON (unknown fields are dropped, wrong ones refused) and written back without what is empty.
Reference: Google, *Mirror API v1*, discovery document, revision 20140813.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from visavis.model.errors import Invalid

Id = Annotated[str, Meta(max_length=128)]
Line = Annotated[str, Meta(max_length=1_000)]
Text = Annotated[str, Meta(max_length=20_000)]
Html = Annotated[str, Meta(max_length=100_000)]
Address = Annotated[str, Meta(max_length=2_000)]
Time = Annotated[str, Meta(max_length=40)]

Operation = Literal["UPDATE", "INSERT", "DELETE", "MENU_ACTION"]
MenuAction = Literal[
    "CUSTOM",
    "REPLY",
    "REPLY_ALL",
    "DELETE",
    "SHARE",
    "READ_ALOUD",
    "GET_MEDIA_INPUT",
    "VOICE_CALL",
    "NAVIGATE",
    "TOGGLE_PINNED",
    "OPEN_URI",
    "PLAY_VIDEO",
    "SEND_MESSAGE",
]


class Resource(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, tag_field="kind"):
    """What has a ``kind`` on the wire."""


class Part(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Part of a resource; a default that clients want to read is made by a factory, plain ones are left out."""


class MenuValue(Part, frozen=True):
    """How a menu item looks before, while and after it is chosen."""

    display_name: Line = ""
    icon_url: Address = ""
    state: Literal["DEFAULT", "PENDING", "CONFIRMED"] = msgspec.field(default_factory=lambda: "DEFAULT")


class MenuItem(Part, frozen=True):
    """One thing that the person may do with an item."""

    id: Id = ""
    action: MenuAction = msgspec.field(default_factory=lambda: "CUSTOM")
    payload: Text = ""
    remove_when_selected: bool = False
    values: Annotated[tuple[MenuValue, ...], Meta(max_length=8)] = ()
    contextual_command: Line = msgspec.field(default="", name="contextual_command")


class Notification(Part, frozen=True):
    """Whether an item makes itself heard."""

    level: Literal["DEFAULT"] = msgspec.field(default_factory=lambda: "DEFAULT")
    delivery_time: Time = ""


class Attachment(Part, frozen=True):
    """A picture, sound or film of an item; the bytes are had at ``content_url``."""

    id: Id = ""
    content_type: Line = ""
    content_url: Address = ""
    is_processing_content: bool = False


class Location(Resource, frozen=True, tag="mirror#location"):
    """A position on the map."""

    id: Id = ""
    timestamp: Time = ""
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    accuracy: Annotated[float, Meta(ge=0)] | None = None
    display_name: Line = ""
    address: Line = ""


class Command(Part, frozen=True):
    """What may be said to a contact."""

    type: Literal["TAKE_A_NOTE", "POST_AN_UPDATE"]


class Contact(Resource, frozen=True, tag="mirror#contact"):
    """Somebody, or something, that a person shares with."""

    id: Id = ""
    display_name: Line = ""
    image_urls: Annotated[tuple[Address, ...], Meta(max_length=8)] = ()
    type: Literal["", "INDIVIDUAL", "GROUP"] = ""
    accept_types: Annotated[tuple[Line, ...], Meta(max_length=32)] = ()
    accept_commands: Annotated[tuple[Command, ...], Meta(max_length=8)] = ()
    phone_number: Line = ""
    priority: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    sharing_features: Annotated[tuple[Literal["ADD_CAPTION"], ...], Meta(max_length=4)] = ()
    speakable_name: Line = ""
    source: Line = ""


class TimelineItem(Resource, frozen=True, tag="mirror#timelineItem"):
    """One card of the timeline."""

    id: Id = ""
    created: Time = ""
    updated: Time = ""
    display_time: Time = ""
    self_link: Address = ""
    bundle_id: Id = ""
    is_bundle_cover: bool = False
    is_deleted: bool = False
    is_pinned: bool = False
    pin_score: Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)] = 0
    in_reply_to: Id = ""
    source_item_id: Line = ""
    canonical_url: Address = ""
    title: Line = ""
    text: Text = ""
    html: Html = ""
    speakable_type: Line = ""
    speakable_text: Text = ""
    creator: Contact | None = None
    recipients: Annotated[tuple[Contact, ...], Meta(max_length=50)] = ()
    location: Location | None = None
    notification: Notification | None = None
    menu_items: Annotated[tuple[MenuItem, ...], Meta(max_length=20)] = ()
    attachments: tuple[Attachment, ...] = ()


class MirrorSubscription(Resource, frozen=True, kw_only=True, tag="mirror#subscription"):
    """Whom to tell of what a person does with their timeline. An empty ``operation`` means all of them."""

    id: Id = ""
    updated: Time = ""
    collection: Literal["timeline", "locations", "settings"]
    callback_url: Address
    operation: Annotated[tuple[Operation, ...], Meta(max_length=8)] = ()
    user_token: Line = ""
    verify_token: Line = ""


class Setting(Resource, frozen=True, tag="mirror#setting"):
    """One choice of the person: ``locale`` or ``timezone``."""

    id: str
    value: str


OURS: Final[dict[type[Struct], frozenset[str]]] = {
    TimelineItem: frozenset(
        {"kind", "id", "etag", "created", "updated", "selfLink", "isDeleted", "isPinned", "attachments"}
    ),
    Contact: frozenset({"kind", "source"}),
    MirrorSubscription: frozenset({"kind", "id", "updated", "notification"}),
    Location: frozenset({"kind"}),
}
"""What the server sets: dropped when a client sends it."""
R = TypeVar("R", bound=Struct)


class Missing(Invalid):
    """There is no such thing in this person's timeline."""


def read(kind: type[R], fields: Mapping[str, Any]) -> R:
    """The resource that a client sends; :class:`Invalid` names the field that is wrong, never what was in it.

    >>> msgspec.json.encode(read(TimelineItem, {"id": "mine", "text": "Hello", "isDeleted": True, "unknown": 1}))
    b'{"kind":"mirror#timelineItem","text":"Hello"}'
    """
    try:
        given = {name: value for name, value in fields.items() if name not in OURS[kind]}
        return msgspec.convert(_without_kinds(given), kind)
    except msgspec.ValidationError as error:
        detail = str(error)
        raise Invalid(
            f"Not a {kind.__name__}:"
            f" {'a value is not one of those known' + detail[detail.rfind(' - ') :] if 'enum' in detail else detail}."
        ) from None


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The old fields with the new ones over them: objects are merged, anything else replaced, ``null`` takes away.

    >>> merged({"text": "a", "location": {"latitude": 1, "longitude": 2}}, {"text": None, "location": {"latitude": 3}})
    {'location': {'latitude': 3, 'longitude': 2}}

    Reference: RFC 7396, *JSON Merge Patch*, 2014.
    """
    found = dict(old)
    for name, value in new.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, Mapping):
            before = found.get(name)
            found[name] = merged(before if isinstance(before, Mapping) else {}, value)
        else:
            found[name] = value
    return found


def stamp(at: datetime) -> str:
    """An instant as the Mirror API writes it.

    >>> stamp(datetime(2026, 11, 24, 9, 59, 1, 250_000, tzinfo=UTC))
    '2026-11-24T09:59:01.250Z'
    """
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def instant(text: str) -> datetime:
    """The instant that a client wrote; :class:`Invalid` when it is none, or has no zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("This is not a time.", advice="Write it as 2026-11-24T09:59:00.000Z.") from None
    if found.tzinfo is None:
        raise Invalid("This time has no zone.", advice="Write it as 2026-11-24T09:59:00.000Z.")
    return found.astimezone(UTC)


def _without_kinds(value: Any) -> Any:
    """What lies within loses its ``kind``: some clients send it, none must."""
    if isinstance(value, dict):
        return {name: _without_kinds(one) for name, one in value.items() if name != "kind"}
    return [_without_kinds(one) for one in value] if isinstance(value, list) else value
