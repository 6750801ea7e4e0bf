"""The timeline of the Mirror API: a person's items, our card among them, and their attachments.

Our card is read-only: opening it is ``displayed``, deleting it is a no. Other items belong to their clients.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from visavis.devices.mirror.cards import Cards
from visavis.devices.mirror.resources import Attachment, Missing, TimelineItem, instant, merged, read, stamp
from visavis.devices.mirror.responses import NOTHING, PATH, json_answer, list_answer
from visavis.devices.mirror.sanitiser import sanitised
from visavis.devices.mirror.timelines import Media, Timelines
from visavis.devices.mirror.uploads import Upload, body, fields
from visavis.http.access_keys import AccessKey
from visavis.model.errors import Invalid, Refused

PAGE: Final = 20
PAGE_LIMIT: Final = 100
ATTACHMENTS_LIMIT: Final = 10
SHOWN: Final = 200
SHOWN_FOR: Final = timedelta(days=7)
"""An item leaves the Glass after this, or when so many are newer; the interface still lists it until it is deleted."""
_items: Final = msgspec.json.Decoder(TimelineItem)


class Timeline:
    """The items of all persons. ``changed`` is called with whose timeline was changed."""

    def __init__(
        self, timelines: Timelines, cards: Cards, now: Callable[[], datetime], changed: Callable[[str], None]
    ) -> None:
        self._timelines = timelines
        self._cards = cards
        self.now = now
        self._changed = changed

    async def insert(self, request: Request, key: AccessKey) -> Response:
        """A new item."""
        return json_answer(request, linked(request, self.inserted(key, Upload(fields(await body(request))))), 201)

    async def listing(self, request: Request, key: AccessKey) -> Response:
        """The items, the latest first."""
        asked = request.query_params
        order = asked.get("orderBy", "displayTime")
        if order not in ("displayTime", "writeTime"):
            raise Invalid("This order is not known.", advice="Use displayTime or writeTime.")
        wanted = [
            item
            for item in self.items(key, deleted=asked.get("includeDeleted", "") == "true")
            if (not (bundle := asked.get("bundleId", "")) or item.bundle_id == bundle)
            and (not (source := asked.get("sourceItemId", "")) or item.source_item_id == source)
            and (asked.get("pinnedOnly", "") != "true" or item.is_pinned)
        ]
        placed = _latest_first(wanted, order)
        if token := asked.get("pageToken", ""):
            after = _opened(token)
            placed = [one for one in placed if one[:2] < after]
        count = _count(asked.get("maxResults", ""))
        page, more = placed[:count], len(placed) > count
        return list_answer(
            request, "timeline", [linked(request, item) for _, _, item in page], _token(page[-1][:2]) if more else ""
        )

    async def get(self, request: Request, key: AccessKey) -> Response:
        """One item; our card counts as displayed when it is requested by its id."""
        item = self.item(key, request.path_params["id"])
        if self._cards.known(key.subject, item.id) and not item.is_deleted:
            await self._cards.displayed(key, item.id)
        return json_answer(request, linked(request, item))

    async def update(self, request: Request, key: AccessKey) -> Response:
        """The item with other content."""
        upload = Upload(fields(await body(request)))
        return json_answer(request, linked(request, self.updated(key, request.path_params["id"], upload)))

    async def patch(self, request: Request, key: AccessKey) -> Response:
        """The item with some fields changed."""
        old = self.own(key, request.path_params["id"])
        given = merged(msgspec.to_builtins(old), fields(await body(request)))
        return json_answer(request, linked(request, self.updated(key, old.id, Upload(given))))

    async def delete(self, request: Request, key: AccessKey) -> Response:
        """The item becomes an id that is deleted; of our card it is a no."""
        name = request.path_params["id"]
        if self._cards.known(key.subject, name):
            await self._cards.answered(key, name, "no")
        else:
            self.deleted(key, name)
        return NOTHING

    async def attachments(self, request: Request, key: AccessKey) -> Response:
        """What is attached to an item."""
        item = linked(request, self.item(key, request.path_params["id"]))
        return list_answer(request, "attachmentsList", item.attachments)

    async def attachment(self, request: Request, key: AccessKey) -> Response:
        """One attachment: what it is, or with ``alt=media`` its bytes, which no browser will take for a page."""
        item, name = self.item(key, request.path_params["id"]), request.path_params["attachment"]
        if request.query_params.get("alt", "") != "media":
            found = next((one for one in linked(request, item).attachments if one.id == name), None)
            if found is None:
                raise Missing("There is no such attachment.")
            return json_answer(request, found)
        media = self._timelines.attached(key.subject, item.id, name)
        if media is None:
            raise Missing("There is no such attachment.")
        safe = {
            "x-content-type-options": "nosniff",
            "content-security-policy": "sandbox",
            "content-disposition": "attachment",
            "cache-control": "private, no-cache",
        }
        return Response(media.data, headers={"content-type": media.type} | safe)

    async def detach(self, request: Request, key: AccessKey) -> Response:
        """Take an attachment away."""
        item, name = self.own(key, request.path_params["id"]), request.path_params["attachment"]
        if all(one.id != name for one in item.attachments):
            raise Missing("There is no such attachment.")
        self._timelines.detach(key.subject, item.id, name)
        self._kept(key, replace(item, attachments=tuple([one for one in item.attachments if one.id != name])))
        return NOTHING

    def items(self, key: AccessKey, *, deleted: bool = False) -> list[TimelineItem]:
        """Everything in this person's timeline, in no order; with ``deleted``, what is left of what is gone too."""
        card = self._cards.now(key)
        found = [
            *([card] if card is not None else []),
            *[_items.decode(data) for data in self._timelines.of(key.subject, "timeline").values()],
        ]
        return [*found, *self._cards.gone(key)] if deleted else [item for item in found if not item.is_deleted]

    def shown(self, key: AccessKey) -> list[TimelineItem]:
        """What a Glass shows, the latest first: what is pinned, and the newest two hundred that are not old."""
        placed, oldest = enumerate(_latest_first(self.items(key), "displayTime")), stamp(self.now() - SHOWN_FOR)
        return [item for number, (at, _, item) in placed if item.is_pinned or (number < SHOWN and at >= oldest)]

    def item(self, key: AccessKey, name: str) -> TimelineItem:
        """The item of this id, or what is left of it; :class:`Missing` when this person never had it."""
        card = self._cards.now(key)
        if card is not None and card.id == name:
            return card
        if self._cards.known(key.subject, name):
            return TimelineItem(id=name, is_deleted=True)
        data = self._timelines.get(key.subject, "timeline", name)
        if data is None:
            raise Missing("There is no such item in this timeline.")
        return _items.decode(data)

    def own(self, key: AccessKey, name: str) -> TimelineItem:
        """The item of this id, when it is one that a client may change."""
        if self._cards.known(key.subject, name):
            raise Refused("This card cannot be changed.", advice="Answer it, or delete it, which is a no.")
        item = self.item(key, name)
        if item.is_deleted:
            raise Missing("This item is deleted.")
        return item

    def inserted(self, key: AccessKey, upload: Upload) -> TimelineItem:
        """Keep a new item, with what is attached to it."""
        now = stamp(self.now())
        return self._kept(key, replace(_checked(upload.fields), id=token_hex(16), created=now), upload)

    def updated(self, key: AccessKey, name: str, upload: Upload) -> TimelineItem:
        """Keep the item with this content; what only the server sets stays."""
        old = self.own(key, name)
        new = _checked(upload.fields)
        new = replace(new, id=old.id, created=old.created, attachments=old.attachments, is_pinned=old.is_pinned)
        return self._kept(key, new, upload)

    def deleted(self, key: AccessKey, name: str) -> None:
        """Leave nothing of the item but that it was there."""
        item = self.own(key, name)
        self._timelines.detach(key.subject, item.id)
        self._kept(key, TimelineItem(id=item.id, is_deleted=True))

    def pinned(self, key: AccessKey, name: str, *, on: bool) -> None:
        """Pin the item, or let it go."""
        self._kept(key, replace(self.own(key, name), is_pinned=on))

    def chosen(self, key: AccessKey, name: str, menu: str) -> None:
        """A custom menu item was chosen; one that is to be removed then, is."""
        item = self.own(key, name)
        found = next((one for one in item.menu_items if one.action == "CUSTOM" and one.id == menu), None)
        if found is None:
            raise Missing("There is no such menu item.")
        if found.remove_when_selected:
            self._kept(key, replace(item, menu_items=tuple([one for one in item.menu_items if one is not found])))

    def attached(self, key: AccessKey, name: str, upload: Upload) -> Attachment:
        """Keep these bytes with the item."""
        return self._kept(key, self.own(key, name), upload).attachments[-1]

    def _kept(self, key: AccessKey, item: TimelineItem, upload: Upload | None = None) -> TimelineItem:
        if not item.is_deleted:
            item = replace(item, updated=stamp(self.now()))
        if upload is not None and upload.type:
            if len(item.attachments) >= ATTACHMENTS_LIMIT:
                raise Refused(f"This item has {ATTACHMENTS_LIMIT} attachments already.", advice="Delete one.")
            media = Media(token_hex(8), upload.type, upload.data)
            self._timelines.attach(key.subject, item.id, media)
            item = replace(item, attachments=(*item.attachments, Attachment(id=media.id, content_type=media.type)))
        self._timelines.put(key.subject, "timeline", item.id, msgspec.json.encode(item))
        self._changed(key.subject)
        return item


def linked(request: Request, item: TimelineItem) -> TimelineItem:
    """The item with the addresses where it and its attachments are had, and the time at which it stands."""
    if item.is_deleted:
        return item
    link = f"{str(request.base_url).rstrip('/')}{PATH}/timeline/{item.id}"
    attachments = tuple(
        [replace(one, content_url=f"{link}/attachments/{one.id}?alt=media") for one in item.attachments]
    )
    return replace(item, self_link=link, attachments=attachments, display_time=item.display_time or item.updated)


def _checked(given: dict[str, Any]) -> TimelineItem:
    item = read(TimelineItem, given)
    for one in item.menu_items:
        named = any(value.state == "DEFAULT" and value.display_name for value in one.values)
        if one.action == "CUSTOM" and not (one.id and named):
            raise Invalid(
                "A custom menu item needs an id and the name of its DEFAULT state.",
                advice="Give both, or use a built-in action.",
            )
    for time in (item.display_time, item.notification.delivery_time if item.notification is not None else ""):
        if time:
            instant(time)
    return replace(
        item, html=sanitised(item.html), display_time=stamp(instant(item.display_time)) if item.display_time else ""
    )


def _latest_first(items: Iterable[TimelineItem], order: str) -> list[tuple[str, str, TimelineItem]]:
    """Each item after its time in this order and its id, by both."""
    placed = [((item.display_time if order == "displayTime" else "") or item.updated, item.id, item) for item in items]
    return sorted(placed, key=lambda one: one[:2], reverse=True)


def _count(asked: str) -> int:
    if asked and not (asked.isascii() and asked.isdigit() and 0 < len(asked) < 11 and int(asked)):
        raise Invalid("`maxResults` is not a number.", advice=f"Use 1 to {PAGE_LIMIT}.")
    return min(int(asked), PAGE_LIMIT) if asked else PAGE


def _token(place: tuple[str, str]) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode()


def _opened(token: str) -> tuple[str, str]:
    try:
        return msgspec.json.decode(urlsafe_b64decode(token.encode()), type=tuple[str, str])
    except (ValueError, msgspec.MsgspecError):
        raise Invalid(
            "This page token is none of ours.", advice="Give back the nextPageToken of the page before."
        ) from None
