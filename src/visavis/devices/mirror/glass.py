"""A Glass in a browser: the person's timeline at 640 × 360, its menus, by touch, keys or a swipe.

It shows what the Mirror API lists. An action on our card is a moment; one on another item notifies its subscribers.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from visavis.delivery.screens import Screens
from visavis.devices.mirror import item_page
from visavis.devices.mirror.callbacks import Callbacks, UserAction
from visavis.devices.mirror.cards import MENU, Cards
from visavis.devices.mirror.resources import MenuItem, Missing, TimelineItem, instant
from visavis.devices.mirror.timeline import Timeline
from visavis.devices.mirror.timelines import Media, Timelines
from visavis.devices.mirror.uploads import Upload
from visavis.devices.words import by_language
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.bodies import Opened, Settled, Token, json_response, read_body
from visavis.http.event_stream import HEARTBEAT_S, ServerEvent, streamed, watch
from visavis.http.inline_page import SELF, InlinePage
from visavis.http.requests import key_of
from visavis.http.routes import Operation, page_route, route
from visavis.http.sign_in import sign_in
from visavis.model.errors import Refused
from visavis.model.ids import version_of

COOKIE: Final = "visavis-glass"
PATH: Final = "/glass"
PAGE: Final = InlinePage(Path(__file__).with_name("glass.html"))
POLICY: Final = dict.fromkeys(("connect-src", "frame-src", "frame-ancestors"), SELF)
"""It frames items, and our own stage may frame it."""
ON_PAGE: Final = 20
WORDS: Final = by_language(
    {
        "offline": ("hors ligne", "offline"),
        "timeline": ("Vos cartes", "Your cards"),
        "menu": ("Que faire ?", "What to do?"),
        "READ_ALOUD": ("Lire à voix haute", "Read aloud"),
        "DELETE": ("Supprimer", "Delete"),
        "TOGGLE_PINNED": ("Épingler", "Pin"),
    }
)
DOABLE: Final = ("CUSTOM", "READ_ALOUD", "DELETE", "TOGGLE_PINNED")
"""The menu actions that this Glass supports; it has no phone, no map and no film."""


class MenuChoice(Struct, frozen=True):
    """One line of a menu."""

    action: str
    id: str
    label: str


class GlassView(Struct, frozen=True):
    """One item, as the page shows it."""

    id: str
    face: str
    speak: str
    menu: tuple[MenuChoice, ...]
    alert: bool
    pinned: bool
    bundle: str
    cover: bool


class GlassAction(Struct, frozen=True, rename="camel"):
    """What the person did with an item, as in a Mirror notification; ``text`` is what they dictated in a reply."""

    item_id: str
    user_actions: tuple[UserAction, ...] = ()
    text: str = ""


_KEY: Final[dict[str, Any]] = {"roles": ("device",), "cookie": COOKIE}
_ENTERS: Final = _KEY | {"errors": (503,)}
ENTER: Final = Operation("POST", f"{PATH}/enter", "Sign in on this Glass.", request=Token, status=204, errors=(401,))
TIMELINE: Final = Operation(
    "GET", f"{PATH}/stream", "The timeline as a stream of events.", response="text/event-stream", **_KEY
)
FACE: Final = Operation(
    "GET", f"{PATH}/face", "How one item looks.", response="text/html", errors=(422,), query=("item",), **_KEY
)
DISPLAYED: Final = Operation(
    "POST", f"{PATH}/displayed", "Report that the item is on the Glass.", request=Opened, status=204, **_ENTERS
)
ACT: Final = Operation(
    "POST", f"{PATH}/act", "Do something with an item.", request=GlassAction, response=Settled, **_ENTERS
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
        """The page, its stream, the pages of items, and what it sends back."""
        return [
            page_route(PATH, self._page),
            route(ENTER, self._enter),
            route(TIMELINE, self._stream),
            route(FACE, self._item_page),
            route(DISPLAYED, self._displayed),
            route(ACT, self._act),
        ]

    def _key(self, request: Request) -> AccessKey:
        return key_of(request, self._access, "device", cookie=COOKIE)

    async def _page(self, request: Request) -> Response:
        try:
            person = self._key(request).subject
        except Refused:
            person = ""
        language = self._cards.language(person, request.query_params.get("language", ""))
        return PAGE.response(POLICY, language=language, words=WORDS[language])

    async def _enter(self, request: Request) -> Response:
        return await sign_in(request, self._access, "device", COOKIE, PATH)

    async def _stream(self, request: Request) -> Response:
        key = self._key(request)

        async def look(last: str) -> tuple[Sequence[ServerEvent], float]:
            data = msgspec.json.encode(self._views(key))
            version = version_of(data)
            found = self._screens.card(key.subject, key.profile)
            wait_s = self._screens.ends_in_s(found.show) if found is not None else HEARTBEAT_S
            return [ServerEvent("timeline", data.decode(), version)] if version != last else [], wait_s

        return streamed(watch(self._screens, key.subject, look, holds=lambda: self._access.holds(key)))

    async def _item_page(self, request: Request) -> Response:
        key = self._key(request)
        item = self._timeline.item(key, request.query_params.get("item", ""))
        if item.is_deleted:
            raise Missing("This item is deleted.")

        def picture(name: str) -> Media | None:
            return self._timelines.attached(key.subject, item.id, name)

        html = item_page.document(item, self._cards.language(key.subject), picture)
        return HTMLResponse(html, headers=item_page.HEADERS)

    async def _displayed(self, request: Request) -> Response:
        key, name = self._key(request), (await read_body(request, Opened)).item_id
        if not self._timeline.item(key, name).is_deleted and self._cards.known(key.subject, name):
            await self._cards.displayed(key, name)
        return Response(status_code=204)

    async def _act(self, request: Request) -> Response:
        key, done = self._key(request), await read_body(request, GlassAction)
        answer = ""
        for action in done.user_actions[:8]:
            if self._cards.known(key.subject, done.item_id):
                answer = await self._act_on_card(key, done.item_id, action) or answer
            else:
                self._act_on_item(key, done, action)
        return json_response(Settled(answer))

    async def _act_on_card(self, key: AccessKey, decision: str, action: UserAction) -> str:
        """An action on our card; unknown ones are ignored, as the protocol asks."""
        match action.type:
            case "CUSTOM" if action.payload in MENU:
                return await self._cards.answered(key, decision, action.payload)
            case "CUSTOM":
                raise Missing("There is no such menu item.")
            case "DELETE":
                return await self._cards.answered(key, decision, "no")
            case "LAUNCH":
                await self._cards.displayed(key, decision)
        return ""

    def _act_on_item(self, key: AccessKey, done: GlassAction, action: UserAction) -> None:
        name, operation = done.item_id, "UPDATE"
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
                name = self._timeline.inserted(key, Upload({"inReplyTo": name, "text": done.text})).id
                operation = "INSERT"
            case "LAUNCH":
                self._timeline.own(key, name)
            case _:
                return
        self._callbacks.notify(key.subject, "timeline", name, operation, (action,))

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
