"""The Mirror service: the routes of the API, as its discovery document lists them, and of the Glass page."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.delivery.screens import Screens
from visavis.devices.mirror.callbacks import Callbacks
from visavis.devices.mirror.cards import Cards
from visavis.devices.mirror.directory import Directory
from visavis.devices.mirror.discovery import LISTED, document
from visavis.devices.mirror.glass import Glass
from visavis.devices.mirror.resources import Attachment, Missing, TimelineItem
from visavis.devices.mirror.responses import PATH, error_answer, for_device, json_answer
from visavis.devices.mirror.timeline import Timeline, linked
from visavis.devices.mirror.timelines import Timelines
from visavis.devices.mirror.uploads import Sessions, Upload, whole
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.routes import Operation, route
from visavis.model.entry import Entry
from visavis.model.errors import Invalid
from visavis.runtime.writer import Writer

PROTOCOL: Final = "Google Mirror API v1"
"""Its clients read errors as Google's own JSON, and a wrong value as 400."""
JSON: Final = "application/json"
ITEM: Final = "/timeline/{id}"
LISTING: Final = (*LISTED, "fields")
DISCOVERY: Final = Operation(
    "GET",
    "/discovery/v1/apis/mirror/v1/rest",
    "What the Mirror service can do.",
    response=JSON,
    errors=(400,),
    query=("fields",),
    protocol=PROTOCOL,
    error_type=JSON,
)


def _operation(method: str, path: str, summary: str, **more: Any) -> Operation:
    """An operation of the service; a device's key says whose timeline it is about, and there is no other."""
    errors = (400, 403, 503, *((413,) if "request" in more else ()))
    return Operation(method, path, summary, ("device",), errors=errors, protocol=PROTOCOL, error_type=JSON, **more)


def _gives(path: str, summary: str, *, query: tuple[str, ...] = ("fields",)) -> Operation:
    return _operation("GET", PATH + path, summary, response=JSON, query=query)


def _takes(method: str, path: str, summary: str, *, status: int = 200) -> Operation:
    return _operation(method, PATH + path, summary, request=JSON, response=JSON, status=status, query=("fields",))


def _deletes(path: str, summary: str) -> Operation:
    return _operation("DELETE", PATH + path, summary, status=204)


def _uploads(method: str, path: str, summary: str) -> Operation:
    status, query = 201 if method == "POST" else 200, ("uploadType", "upload_id")
    return _operation(method, path, summary, request="*/*", response=JSON, status=status, query=query)


class Mirror:
    """The service; the timelines are in the file ``path``, sealed; subscriptions may name only ``callbacks``."""

    name = "mirror"

    def __init__(
        self,
        writer: Writer,
        access: AccessKeys,
        screens: Screens,
        path: Path | str,
        secret: bytes,
        callbacks: Iterable[str],
    ) -> None:
        def now() -> float:
            return writer.processor.clock.now().timestamp()

        self._access = access
        self.timelines = Timelines(path, secret, now, erased=writer.processor.log.erased)
        self._callbacks = Callbacks(self.timelines, callbacks)
        self._sessions = Sessions(now)
        cards = Cards(writer, screens)
        self._timeline = Timeline(self.timelines, cards, writer.processor.clock.now, screens.ring)
        self._directory = Directory(writer, self.timelines, cards, self._callbacks)
        self._glass = Glass(access, screens, self.timelines, self._timeline, cards, self._callbacks)

    def routes(self) -> list[Route]:
        """All routes."""
        timeline, directory = self._timeline, self._directory
        item, attachments, attachment = ITEM, f"{ITEM}/attachments", f"{ITEM}/attachments/{{attachment}}"
        table: list[tuple[Operation, Callable[[Request, AccessKey], Awaitable[Response]]]] = [
            (_takes("POST", "/timeline", "Insert an item.", status=201), timeline.insert),
            (_gives("/timeline", "The items.", query=LISTING), timeline.listing),
            (_gives(item, "One item."), timeline.get),
            (_takes("PUT", item, "Replace its content."), timeline.update),
            (_takes("PATCH", item, "Change some of its fields."), timeline.patch),
            (_deletes(item, "Delete it; deleting a card answers it with no."), timeline.delete),
            (_gives(attachments, "What is attached to it."), timeline.attachments),
            (_gives(attachment, "One attachment, or its bytes.", query=("alt", "fields")), timeline.attachment),
            (_deletes(attachment, "Delete it."), timeline.detach),
            (_takes("POST", "/contacts", "Add to the contacts.", status=201), directory.insert_contact),
            (_gives("/contacts", "The contacts."), directory.contacts),
            (_gives("/contacts/{id}", "One of the contacts."), directory.contact),
            (_takes("PUT", "/contacts/{id}", "One of the contacts."), directory.update_contact),
            (_takes("PATCH", "/contacts/{id}", "One of the contacts."), directory.patch_contact),
            (_deletes("/contacts/{id}", "Delete one of the contacts."), directory.delete_contact),
            (_takes("POST", "/subscriptions", "Add to the subscriptions.", status=201), directory.subscribe),
            (_gives("/subscriptions", "The subscriptions."), directory.subscriptions),
            (_takes("PUT", "/subscriptions/{id}", "One of the subscriptions."), directory.update_subscription),
            (_deletes("/subscriptions/{id}", "Delete one of the subscriptions."), directory.unsubscribe),
            (_takes("POST", "/locations", "Add to the locations.", status=201), directory.locate),
            (_gives("/locations", "The locations."), directory.locations),
            (_gives("/locations/{id}", "One of the locations."), directory.location),
            (_gives("/settings/{id}", "One of the settings."), directory.setting),
        ]
        # A piece of an upload comes with PUT from some clients and with POST from others.
        table += [
            (_uploads(method, start + PATH + path, summary), self._upload)
            for start in ("/upload", "/resumable/upload")
            for path, summary in (
                ("/timeline", "An item with bytes."),
                (item, "The same item with bytes."),
                (attachments, "Bytes for an item."),
            )
            for method in ("POST", "PUT")
        ]
        return [
            route(DISCOVERY, _described),
            *[route(operation, for_device(self._access, endpoint)) for operation, endpoint in table],
            *self._glass.routes(),
        ]

    def erase_personal_data(self, names: Collection[str], _entries: Sequence[Entry] = ()) -> int:
        """Leave nothing of this person, nor of what they are uploading; how many things their timeline had."""
        for name in names:
            self._sessions.forget(name)
        return sum([self.timelines.erase(name) for name in names])

    def export_personal_data(self, names: Collection[str]) -> list[dict[str, Any]]:
        """Their timeline, contacts, subscriptions and attachments."""
        return [{"of": name, **record} for name in names for record in self.timelines.export(name)]

    def people(self) -> set[str]:
        """Everyone who has a timeline."""
        return self.timelines.people()

    async def stop(self) -> None:
        """Deliver no more, and give the file back."""
        await self._callbacks.stop()
        self.timelines.close()

    async def _upload(self, request: Request, key: AccessKey) -> Response:
        asked = request.query_params
        if name := asked.get("upload_id", ""):
            return await self._piece(request, key, name)
        if request.method == "PUT" and "id" not in request.path_params:
            raise Missing("There is no such upload.", advice="Begin with POST.")
        if asked.get("uploadType", "") == "resumable":
            name = await self._sessions.start(request, key.subject)
            location = str(request.url.include_query_params(upload_id=name))
            return Response(headers={"location": location, "x-guploader-uploadid": name})
        kept = self._kept(request, key, await whole(request))
        return json_answer(request, kept, 200 if request.method == "PUT" else 201)

    async def _piece(self, request: Request, key: AccessKey, name: str) -> Response:
        session, complete = await self._sessions.go_on(request, key.subject, name)
        if not complete:
            so_far = {"range": f"bytes=0-{len(session.so_far) - 1}"} if session.so_far else {}
            # Some clients would follow a 308 as a redirect, and send this header.
            if request.headers.get("x-guploader-no-308", "") == "yes":
                return Response(headers=so_far | {"x-http-status-code-override": "308"})
            return Response(status_code=308, headers=so_far)
        if not session.answer:
            upload = Upload(session.upload.fields, session.upload.type, bytes(session.so_far))
            self._sessions.finish(session, msgspec.json.encode(self._kept(request, key, upload)))
        return Response(session.answer, headers={"content-type": "application/json; charset=UTF-8"})

    def _kept(self, request: Request, key: AccessKey, upload: Upload) -> TimelineItem | Attachment:
        name = request.path_params.get("id", "")
        if request.url.path.endswith("/attachments"):
            attachment = self._timeline.attached(key, name, upload)
            attachments = linked(request, self._timeline.own(key, name)).attachments
            return next(one for one in attachments if one.id == attachment.id)
        item = self._timeline.updated(key, name, upload) if name else self._timeline.inserted(key, upload)
        return linked(request, item)


async def _described(request: Request) -> Response:
    try:
        return json_answer(request, document(str(request.base_url)))
    except Invalid as error:
        return error_answer(error)
