"""A Glass in a browser.

The person's timeline at 640 × 360, its menus, and what is chosen in them, by touch, keys or a swipe.

The page shows what the Mirror API lists and nothing more. What the person does becomes what Google's service made of
it: of our card a moment, of an item of others a notice to whoever subscribed.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from visavis.delivery.screens import Screens
from visavis.devices.mirror import faces
from visavis.devices.mirror.callbacks import Callbacks, UserAction
from visavis.devices.mirror.cards import MENU, Cards
from visavis.devices.mirror.resources import MenuItem, Missing, TimelineItem, instant
from visavis.devices.mirror.timeline import Timeline
from visavis.devices.mirror.timelines import Timelines
from visavis.devices.mirror.uploads import Upload
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.bodies import Opened, Settled, Token
from visavis.http.requests import HEARTBEAT_S, STREAM, json_body, key_of, with_cookie
from visavis.http.routes import Operation, page_route, route
from visavis.model.errors import Invalid

COOKIE: Final = "visavis-glass"
PATH: Final = "/glass"
PAGE: Final = (Path(__file__).parent / "glass.html").read_text(encoding="utf-8")
ON_PAGE: Final = 20
WORDS: Final = {
    "fr": {
        "offline": "hors ligne",
        "timeline": "Vos cartes",
        "menu": "Que faire ?",
        "READ_ALOUD": "Lire à voix haute",
        "DELETE": "Supprimer",
        "TOGGLE_PINNED": "Épingler",
    },
    "en": {
        "offline": "offline",
        "timeline": "Your cards",
        "menu": "What to do?",
        "READ_ALOUD": "Read aloud",
        "DELETE": "Delete",
        "TOGGLE_PINNED": "Pin",
    },
}
DOABLE: Final = ("CUSTOM", "READ_ALOUD", "DELETE", "TOGGLE_PINNED")
"""What this Glass can do of what a menu may hold; it has no phone, no map and no film."""


class MenuChoice(Struct, frozen=True):
    """One line of a menu."""

    action: str
    id: str
    label: str


class GlassView(Struct, frozen=True):
    """What the page needs of one item."""

    id: str
    face: str
    speak: str
    menu: tuple[MenuChoice, ...]
    alert: bool
    pinned: bool
    bundle: str
    cover: bool


class GlassAction(Struct, frozen=True, rename="camel"):
    """What the person did with an item, in the words of a Mirror notification.

    ``text`` is what they said in a reply.
    """

    item_id: str
    user_actions: tuple[UserAction, ...] = ()
    text: str = ""


_KEY: Final[dict[str, Any]] = {"roles": ("device",), "cookie": COOKIE}
ENTER: Final = Operation("POST", f"{PATH}/enter", "Sign in on this Glass.", request=Token, status=204, errors=(401,))
TIMELINE: Final = Operation(
    "GET", f"{PATH}/stream", "The timeline as a stream of events.", response="text/event-stream", **_KEY
)
FACE: Final = Operation(
    "GET", f"{PATH}/face", "How one item looks.", response="text/html", errors=(422,), query=("item",), **_KEY
)
DISPLAYED: Final = Operation(
    "POST",
    f"{PATH}/displayed",
    "Report that the item is on the Glass.",
    request=Opened,
    status=204,
    errors=(503,),
    **_KEY,
)
ACT: Final = Operation(
    "POST", f"{PATH}/act", "Do something with an item.", request=GlassAction, response=Settled, errors=(503,), **_KEY
)


class Glass:
    """The page of all persons, each with the key of a device of theirs."""

    def __init__(
        self,
        access: AccessKeys,
        screens: Screens,
        timelines: Timelines,
        timeline: Timeline,
        cards: Cards,
        callbacks: Callbacks,
    ) -> None:
        self._access = access
        self._screens = screens
        self._timelines = timelines
        self._timeline = timeline
        self._cards = cards
        self._callbacks = callbacks

    def routes(self) -> list[Route]:
        """The page, its stream, the faces of items, and what comes back."""
        return [
            page_route(PATH, self._page),
            route(ENTER, self._enter),
            route(TIMELINE, self._stream),
            route(FACE, self._face),
            route(DISPLAYED, self._displayed),
            route(ACT, self._act),
        ]

    def _key(self, request: Request) -> AccessKey:
        return key_of(request, self._access, "device", cookie=COOKIE)

    async def _page(self, request: Request) -> Response:
        try:
            person = self._key(request).subject
        except Exception:  # noqa: BLE001  without a key the page still opens, and asks for one
            person = ""
        language = self._cards.language(person, request.query_params.get("language", ""))
        html = PAGE.replace("{{lang}}", language)
        for name, word in WORDS[language].items():
            html = html.replace("{{" + name + "}}", word)
        return HTMLResponse(html, headers=_headers(html))

    async def _enter(self, request: Request) -> Response:
        token = str((await json_body(request)).get("key", ""))
        if self._access.check(token).role != "device":
            raise Invalid("This is not a device's key.", advice="Make one: visavis key device PERSON.")
        return with_cookie(request, Response(status_code=204), COOKIE, token, PATH)

    async def _stream(self, request: Request) -> Response:
        return StreamingResponse(self._events(self._key(request)), headers=STREAM)

    async def _face(self, request: Request) -> Response:
        key = self._key(request)
        item = self._timeline.item(key, request.query_params.get("item", ""))
        if item.is_deleted:
            raise Missing("This item is deleted.")
        html = faces.document(
            item, self._cards.language(key.subject), lambda name: self._timelines.attached(key.subject, item.id, name)
        )
        return HTMLResponse(html, headers=faces.HEADERS)

    async def _displayed(self, request: Request) -> Response:
        key, name = self._key(request), str((await json_body(request)).get("itemId", ""))
        if not self._timeline.item(key, name).is_deleted and name in self._cards.known(key.subject):
            await self._cards.displayed(key.subject, name)
        return Response(status_code=204)

    async def _act(self, request: Request) -> Response:
        key = self._key(request)
        try:
            deed = msgspec.convert(await json_body(request), GlassAction)
        except msgspec.ValidationError as error:
            raise Invalid(
                f"Not an action: {error}.",
                advice='Send {"itemId": …, "userActions": [{"type": "CUSTOM", "payload": …}]}.',
            ) from None
        answer = ""
        for action in deed.user_actions[:8]:
            if deed.item_id in self._cards.known(key.subject):
                answer = await self._answered(key, deed.item_id, action) or answer
            else:
                self._done(key, deed, action)
        return Response(msgspec.json.encode({"answer": answer}), media_type="application/json")

    async def _answered(self, key: AccessKey, decision: str, action: UserAction) -> str:
        """What a person does with our card; what means nothing is ignored, as the protocol asks."""
        match action.type:
            case "CUSTOM" if action.payload in MENU:
                return await self._cards.answered(key.subject, decision, action.payload)
            case "CUSTOM":
                raise Missing("There is no such menu item.")
            case "DELETE":
                return await self._cards.answered(key.subject, decision, "no")
            case "LAUNCH":
                await self._cards.displayed(key.subject, decision)
        return ""

    def _done(self, key: AccessKey, deed: GlassAction, action: UserAction) -> None:
        """What a person does with an item of others."""
        name, operation = deed.item_id, "UPDATE"
        match action.type:
            case "CUSTOM":
                self._timeline.chosen(key, name, action.payload)
            case "DELETE":
                self._timeline.deleted(key, name)
                operation = "DELETE"
            case "PIN" | "UNPIN":
                self._timeline.pinned(key, name, on=action.type == "PIN")
            case "REPLY":
                self._timeline.own(key, name)
                name = self._timeline.inserted(key, Upload({"inReplyTo": name, "text": deed.text})).id
                operation = "INSERT"
            case "LAUNCH":
                self._timeline.own(key, name)
            case _:
                return
        self._callbacks.tell(key.subject, "timeline", name, operation, (action,))

    async def _events(self, key: AccessKey) -> AsyncIterator[bytes]:
        sent = b""
        yield b"retry: 1000\n\n"
        with self._screens.watching(key.subject) as bell:
            while not self._screens.closed and self._access.holds(key):
                bell.clear()
                data = msgspec.json.encode(self._views(key))
                if data != sent:
                    sent = data
                    yield b"event: timeline\ndata: " + data + b"\n\n"
                found = self._screens.card(key.subject, key.profile)
                wait = min(HEARTBEAT_S, self._screens.lasts_s(found.show) + 0.05) if found is not None else HEARTBEAT_S
                try:
                    await asyncio.wait_for(bell.wait(), wait)
                except TimeoutError:
                    yield b": still here\n\n"

    def _views(self, key: AccessKey) -> list[GlassView]:
        words = WORDS[self._cards.language(key.subject)]
        now = self._timeline.now()
        return [
            GlassView(
                item.id,
                f"{PATH}/face?item={item.id}&v={item.updated}",
                item.speakable_text or item.text,
                tuple([choice for one in item.menu_items if (choice := _choice(one, words)) is not None]),
                item.notification is not None and _due(item, now),
                item.is_pinned,
                item.bundle_id,
                item.is_bundle_cover,
            )
            for item in self._timeline.shown(key)[:ON_PAGE]
        ]


def _choice(item: MenuItem, words: dict[str, str]) -> MenuChoice | None:
    if item.action not in DOABLE:
        return None
    own = next((value.display_name for value in item.values if value.state == "DEFAULT"), "")
    return MenuChoice(item.action, item.id, own or words.get(item.action, item.id))


def _due(item: TimelineItem, now: datetime) -> bool:
    at = item.notification.delivery_time if item.notification is not None else ""
    return not at or instant(at) <= now


def _headers(html: str) -> dict[str, str]:
    """The page is one file: its only script and its only style are named by their hashes.

    It frames faces of items, and our own stage may frame it.
    """
    script, style = [b64encode(sha256(_between(html, tag).encode()).digest()).decode() for tag in ("script", "style")]
    return {
        "content-security-policy": (
            f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; connect-src 'self';"
            " frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
        ),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }


def _between(html: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*)</{tag}>", html, re.DOTALL)
    return found[1] if found is not None else ""
