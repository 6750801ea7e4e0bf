"""The doors of devices: pairing, phones, letters, passes, a Glass, and what homes tell; rows of the same table.

Three protocols are of others, and answer in their own form; their documents say what they take.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

from msgspec import Struct

from visavis.api.bodies import Seen, Settled, Token
from visavis.api.operation import Operation
from visavis.model.card import HudCard
from visavis.model.catalogue import Device

MIRROR: Final = "Google Mirror API v1"
"""Its clients read a no as Google's own JSON, and a wrong value as 400."""
EPCIS: Final = "GS1 EPCIS 2.0"
"""The standard names its own types of problem, its statuses 400, 406 and 413, and answers a capture with 202 and where its job is."""
PASSES: Final = "Apple PassKit web service"
"""A phone sends the token of one pass (``ApplePass``) instead of a key, and reads statuses only."""
DEVICE_PAGES: Final = ("/pair", "/phone", "/phone/worker.js", "/phone/manifest.webmanifest", "/glass")
"""Pages of devices and what they load, the same for everyone without a key."""
GLASS: Final = "visavis-glass"
PHONE: Final = "visavis-phone"


class Pairing(Struct, frozen=True):
    """Whose a new device is: a person's, or a place's advisers' for a shift of so many hours."""

    person: str = ""
    place: str = ""
    hours: float = 8.0


class Offered(Struct, frozen=True):
    """A code, for ten minutes and one use; the link and its picture hold the same."""

    code: str
    link: str
    qr_svg: str
    expires_at: float
    valid_s: float


class Code(Struct, frozen=True):
    """The code that is on the other screen, and what this one is."""

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


class OwnDevice(Struct, frozen=True):
    """A device that somebody has, and how it last said that it was."""

    id: str
    profile: str
    name: str
    proved: str
    worn: bool | None
    battery: float | None
    busy: bool
    until: float


class PhonesAnswer(Struct, frozen=True):
    """What the person answered, maybe without a network, ``ago_s`` ago."""

    decision: str
    answer: Literal["yes", "no", "later"]
    ago_s: float = 0.0


class PushKeysBody(Struct, frozen=True):
    """What a browser made for a subscription."""

    p256dh: str
    auth: str


class Subscribed(Struct, frozen=True):
    """What a browser tells of a push subscription."""

    endpoint: str
    keys: PushKeysBody


class Address(Struct, frozen=True):
    """An e-mail address."""

    address: str


class Opened(Struct, frozen=True, rename="camel"):
    """The item that really is on the Glass."""

    item_id: str


class Did(Struct, frozen=True):
    """One thing that was done; of ``CUSTOM``, the payload is the menu item's id."""

    type: str
    payload: str = ""


class GlassActionBody(Struct, frozen=True, rename="camel"):
    """What the person did with an item of the timeline."""

    item_id: str
    user_actions: tuple[Did, ...] = ()
    text: str = ""


def _mirror() -> Iterator[Operation]:
    """Every address of the Mirror service; a device's key says whose timeline it is, and there is no other."""

    def door(
        method: str,
        path: str,
        does: str,
        *,
        takes: str | None = None,
        tells: str = "application/json",
        status: int = 200,
        **more: Any,
    ) -> Operation:
        noes = (400, 403, 503, *((413,) if takes else ()))
        return Operation(
            method,
            path,
            does,
            ("device",),
            takes=takes,
            tells=tells if status != 204 else None,
            status=status,
            noes=noes,
            protocol=MIRROR,
            form="application/json",
            **more,
        )

    json, at = "application/json", "/mirror/v1"
    item = f"{at}/timeline/{{id}}"
    listing = (
        "bundleId",
        "includeDeleted",
        "maxResults",
        "orderBy",
        "pageToken",
        "pinnedOnly",
        "sourceItemId",
        "fields",
    )
    yield door("POST", f"{at}/timeline", "Put an item there.", takes=json, status=201, asks=("fields",))
    yield door("GET", f"{at}/timeline", "The items.", asks=listing)
    yield door("GET", item, "One item.", asks=("fields",))
    yield door("PUT", item, "Give it other content.", takes=json, asks=("fields",))
    yield door("PATCH", item, "Change some of its fields.", takes=json, asks=("fields",))
    yield door("DELETE", item, "Take it away; of a card, say no.", status=204)
    yield door("GET", f"{item}/attachments", "What is attached to it.", asks=("fields",))
    yield door("GET", f"{item}/attachments/{{attachment}}", "One attachment, or its bytes.", asks=("alt", "fields"))
    yield door("DELETE", f"{item}/attachments/{{attachment}}", "Take it away.", status=204)
    for kind in ("contacts", "subscriptions", "locations"):
        yield door("GET", f"{at}/{kind}", f"The {kind}.", asks=("fields",))
        yield door("POST", f"{at}/{kind}", f"Add to the {kind}.", takes=json, status=201, asks=("fields",))
    for kind, verbs in (
        ("contacts", ("GET", "PUT", "PATCH")),
        ("subscriptions", ("PUT",)),
        ("locations", ("GET",)),
        ("settings", ("GET",)),
    ):
        for verb in verbs:
            yield door(
                verb,
                f"{at}/{kind}/{{id}}",
                f"One of the {kind}.",
                takes=json if verb != "GET" else None,
                asks=("fields",),
            )
    for kind in ("contacts", "subscriptions"):
        yield door("DELETE", f"{at}/{kind}/{{id}}", f"One of the {kind} less.", status=204)
    for start in ("/upload", "/resumable/upload"):
        for path, does in (
            (f"{at}/timeline", "An item with bytes."),
            (item, "The same item with bytes."),
            (f"{item}/attachments", "Bytes for an item."),
        ):
            for method in ("POST", "PUT"):
                yield door(
                    method,
                    start + path,
                    does,
                    takes="*/*",
                    status=201 if method == "POST" else 200,
                    asks=("uploadType", "upload_id"),
                )


_PHONE: Final = "/wallet/v1/devices/{device}/registrations/{type}"
_MAIL: Final = "/v1/people/{person}/mail"
MAIL: Final = (_MAIL, "/mail/")
PASS: Final = ("/wallet/",)
"""How the addresses begin that a server has only when letters, or passes, are set up."""
DEVICE_DOORS: Final[tuple[Operation, ...]] = (
    Operation(
        "POST",
        "/v1/devices/pairing",
        "A code, for a new device of this person or place.",
        ("brand", "device", "adviser"),
        takes=Pairing,
        tells=Offered,
        status=201,
    ),
    Operation(
        "POST", "/v1/devices/pair", "Link this device.", takes=Code, tells=PairedKey, status=201, noes=(403, 429, 503)
    ),
    Operation("GET", "/v1/devices/profiles", "The kinds of device that are known.", tells=list[Device]),
    Operation(
        "GET",
        "/v1/devices",
        "The devices of a person or place.",
        ("brand", "device", "adviser"),
        tells=list[OwnDevice],
        noes=(422,),
        asks=("person", "place"),
    ),
    Operation(
        "DELETE",
        "/v1/devices/{device}",
        "This device opens nothing from now on.",
        ("brand", "device", "adviser"),
        status=204,
        noes=(503,),
    ),
    Operation(
        "GET",
        "/glasses/{host}.zip",
        "The page, packed for the tools of glasses that carry their own.",
        tells="application/zip",
        noes=(422,),
        asks=("package", "language", "profile", "voice"),
    ),
    Operation("GET", "/phone/icon-{size}.png", "The page's icon.", tells="image/png", noes=(422,)),
    Operation("POST", "/phone/enter", "Open the page on this phone.", takes=Token, status=204, noes=(401,)),
    Operation(
        "GET", "/phone/card", "The card of the moment; 204 when there is none.", ("device",), PHONE, tells=HudCard
    ),
    Operation(
        "POST",
        "/phone/displayed",
        "The card really is on the screen.",
        ("device",),
        PHONE,
        takes=Seen,
        status=204,
        noes=(503,),
    ),
    Operation(
        "POST", "/phone/answer", "Answer the card.", ("device",), PHONE, takes=PhonesAnswer, tells=Settled, noes=(503,)
    ),
    Operation(
        "POST",
        "/phone/subscription",
        "Receive cards here.",
        ("device",),
        PHONE,
        takes=Subscribed,
        status=201,
        noes=(503,),
    ),
    Operation(
        "DELETE", "/phone/subscription", "Receive none here any more.", ("device",), PHONE, status=204, noes=(503,)
    ),
    Operation(
        "GET",
        "/phone/pass.pkpass",
        "This device's pass for Apple Wallet.",
        ("device",),
        PHONE,
        tells="application/vnd.apple.pkpass",
        noes=(503,),
        asks=("language",),
    ),
    Operation(
        "GET",
        "/phone/google-pass",
        "Go and save a pass in Google Wallet.",
        ("device",),
        PHONE,
        status=303,
        noes=(503,),
        asks=("language",),
    ),
    Operation("PUT", _MAIL, "Where letters go, until the person stops them.", ("brand",), takes=Address, status=204),
    Operation("DELETE", _MAIL, "No letters any more.", ("brand",), status=204),
    # What a letter links to: its ticket is the key, and says whose it is to us only.
    Operation("GET", "/mail/off/{ticket}", "Whether to stop letters.", tells="text/html", noes=(403,)),
    Operation("POST", "/mail/off/{ticket}", "Stop letters.", tells="text/html", noes=(403, 503)),
    Operation("GET", "/mail/card/{ticket}", "The card of a letter.", tells="text/html", noes=(403,)),
    Operation("POST", "/mail/card/{ticket}/{answer}", "Answer it.", tells="text/html", noes=(403, 422, 503)),
    Operation(
        "POST",
        f"{_PHONE}/{{serial}}",
        "Tell this phone when the pass changes.",
        takes="application/json",
        status=201,
        noes=(401, 403, 422),
        protocol=PASSES,
    ),
    Operation("DELETE", f"{_PHONE}/{{serial}}", "Tell it no more.", noes=(401, 422), protocol=PASSES),
    Operation(
        "GET",
        _PHONE,
        "Which passes of this phone changed; 204 when none did.",
        tells="application/json",
        noes=(422,),
        asks=("passesUpdatedSince",),
        protocol=PASSES,
    ),
    Operation(
        "GET",
        "/wallet/v1/passes/{type}/{serial}",
        "The pass as it is now.",
        tells="application/vnd.apple.pkpass",
        noes=(401,),
        protocol=PASSES,
    ),
    Operation(
        "POST", "/wallet/v1/log", "What a phone complains of.", takes="application/json", noes=(422,), protocol=PASSES
    ),
    Operation("POST", "/glass/enter", "Put this Glass on.", takes=Token, status=204, noes=(401,)),
    Operation("GET", "/glass/stream", "The timeline, as it changes.", ("device",), GLASS, tells="text/event-stream"),
    Operation(
        "GET", "/glass/face", "How one item looks.", ("device",), GLASS, tells="text/html", noes=(422,), asks=("item",)
    ),
    Operation(
        "POST",
        "/glass/displayed",
        "The item really is on the Glass.",
        ("device",),
        GLASS,
        takes=Opened,
        status=204,
        noes=(503,),
    ),
    Operation(
        "POST",
        "/glass/act",
        "Do something with an item.",
        ("device",),
        GLASS,
        takes=GlassActionBody,
        tells=Settled,
        noes=(503,),
    ),
    Operation(
        "GET",
        "/discovery/v1/apis/mirror/v1/rest",
        "What the Mirror service can do.",
        tells="application/json",
        noes=(400,),
        asks=("fields",),
        protocol=MIRROR,
        form="application/json",
    ),
    *_mirror(),
    Operation(
        "POST",
        "/epcis/capture",
        "What happened at home, as events.",
        ("sensor", "device"),
        takes="application/ld+json",
        status=202,
        noes=(400, 406, 413, 415, 422, 503),
        protocol=EPCIS,
    ),
    Operation(
        "GET",
        "/epcis/capture/{id}",
        "What became of a capture.",
        ("sensor", "device"),
        tells="application/json",
        noes=(503,),
        protocol=EPCIS,
    ),
)
