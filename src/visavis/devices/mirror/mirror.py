"""The Mirror service: the routes of the API and of the Glass page.

The addresses are those of Google's service (``/mirror/v1/…``, ``/upload/mirror/v1/…``), listed in the discovery
document.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.delivery.screens import Screens
from visavis.devices.mirror.callbacks import Callbacks
from visavis.devices.mirror.cards import Cards
from visavis.devices.mirror.directory import Directory
from visavis.devices.mirror.discovery import document
from visavis.devices.mirror.glass import Glass
from visavis.devices.mirror.resources import Attachment, Missing, TimelineItem
from visavis.devices.mirror.responses import PATH, error_answer, for_device, json_answer
from visavis.devices.mirror.timeline import Timeline, linked
from visavis.devices.mirror.timelines import Timelines
from visavis.devices.mirror.uploads import Sessions, Upload, whole
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.model.entry import Entry
from visavis.model.errors import Invalid
from visavis.runtime.writer import Writer


class Mirror:
    """The service.

    ``path`` is the file of the timelines, sealed under ``secret``; ``callbacks`` are the origins that subscriptions may
    name.
    """

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
            return writer.loop.clock.now().timestamp()

        self._access = access
        self.timelines = Timelines(path, secret, now, erased=writer.loop.log.erased)
        self._callbacks = Callbacks(self.timelines, callbacks)
        self._sessions = Sessions(now)
        cards = Cards(writer, screens)
        self._timeline = Timeline(self.timelines, cards, writer.loop.clock.now, screens.ring)
        self._directory = Directory(writer, self.timelines, cards, self._callbacks)
        self._glass = Glass(access, screens, self.timelines, self._timeline, cards, self._callbacks)

    def routes(self) -> list[Route]:
        """All routes."""
        timeline, directory = self._timeline, self._directory
        item, attachments = "/timeline/{id}", "/timeline/{id}/attachments"
        table: list[tuple[str, str, Callable[[Request, AccessKey], Awaitable[Response]]]] = [
            ("POST", "/timeline", timeline.insert),
            ("GET", "/timeline", timeline.listing),
            ("GET", item, timeline.get),
            ("PUT", item, timeline.update),
            ("PATCH", item, timeline.patch),
            ("DELETE", item, timeline.delete),
            ("GET", attachments, timeline.attachments),
            ("GET", attachments + "/{attachment}", timeline.attachment),
            ("DELETE", attachments + "/{attachment}", timeline.detach),
            ("POST", "/contacts", directory.insert_contact),
            ("GET", "/contacts", directory.contacts),
            ("GET", "/contacts/{id}", directory.contact),
            ("PUT", "/contacts/{id}", directory.update_contact),
            ("PATCH", "/contacts/{id}", directory.patch_contact),
            ("DELETE", "/contacts/{id}", directory.delete_contact),
            ("POST", "/subscriptions", directory.subscribe),
            ("GET", "/subscriptions", directory.subscriptions),
            ("PUT", "/subscriptions/{id}", directory.update_subscription),
            ("DELETE", "/subscriptions/{id}", directory.unsubscribe),
            ("POST", "/locations", directory.locate),
            ("GET", "/locations", directory.locations),
            ("GET", "/locations/{id}", directory.location),
            ("GET", "/settings/{id}", directory.setting),
        ]
        uploads = [
            (start + PATH + path, verb)
            for start in ("/upload", "/resumable/upload")
            for path, verb in (("/timeline", "POST"), (item, "PUT"), (attachments, "POST"))
        ]
        return [
            Route("/discovery/v1/apis/mirror/v1/rest", _described),
            *[Route(PATH + path, for_device(self._access, endpoint), methods=[verb]) for verb, path, endpoint in table],
            # A piece of an upload comes with PUT from some clients and with POST from others.
            *[
                Route(path, for_device(self._access, self._upload), methods=["POST", "PUT"], name=f"upload {verb}")
                for path, verb in uploads
            ],
            *self._glass.routes(),
        ]

    def forget(self, person: str, entries: Sequence[Entry]) -> int:
        """Leave nothing of this erased person, nor of what they were uploading; how many things their timeline had."""
        self._sessions.forget(person)
        return self.timelines.forget(person, entries)

    def told(self, person: str) -> list[dict[str, Any]]:
        """Their timeline, contacts, subscriptions and attachments."""
        return self.timelines.told(person)

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
            return Response(
                headers={
                    "location": str(request.url.include_query_params(upload_id=name)),
                    "x-guploader-uploadid": name,
                }
            )
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
            return next(
                one for one in linked(request, self._timeline.own(key, name)).attachments if one.id == attachment.id
            )
        return linked(
            request, self._timeline.updated(key, name, upload) if name else self._timeline.inserted(key, upload)
        )


async def _described(request: Request) -> Response:
    try:
        return json_answer(request, document(str(request.base_url)))
    except Invalid as error:
        return error_answer(error)
