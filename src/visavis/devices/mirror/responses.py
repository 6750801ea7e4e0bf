"""Responses of the Mirror API: JSON with the requested fields, 304 when unchanged, errors in Google's form."""

from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from visavis.devices.mirror.resources import Missing
from visavis.devices.mirror.selection import mask, selected
from visavis.devices.mirror.uploads import TooLarge
from visavis.http.access_keys import AccessKey, AccessKeys, InvalidKey
from visavis.http.header_fields import has_already
from visavis.http.requests import key_of
from visavis.model.errors import Refused, Unavailable, VisavisError

PATH: Final = "/mirror/v1"
NOTHING: Final = Response(status_code=204)
Endpoint = Callable[[Request, AccessKey], Awaitable[Response]]
_HEADERS: Final = {
    "content-type": "application/json; charset=UTF-8",
    "cache-control": "private, no-cache",
    "x-content-type-options": "nosniff",
}


def json_answer(request: Request, value: Any, status: int = 200) -> Response:
    """The value as JSON. A client that has it already (``If-None-Match``) gets 304, which costs its battery little."""
    if kept := request.query_params.get("fields", ""):
        value = selected(msgspec.to_builtins(value), mask(kept))
    data = msgspec.json.encode(value)
    headers = dict(_HEADERS)
    if request.method == "GET":
        headers["etag"] = f'"{blake2b(data, digest_size=9).hexdigest()}"'
        if has_already(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
    return Response(data, status, headers=headers)


def list_answer(request: Request, kind: str, items: Sequence[Struct], following: str = "") -> Response:
    """A list of resources, as the API wraps it."""
    more = {"nextPageToken": following} if following else {}
    return json_answer(request, {"kind": f"mirror#{kind}", "items": items} | more)


def for_device(access: AccessKeys, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint for the person whose device's key is in the Authorization header."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request, key_of(request, access, "device"))
        except VisavisError as error:
            return error_answer(error)

    return answer


def error_answer(error: VisavisError) -> Response:
    """The error as Google's clients expect to read it."""
    match error:
        case InvalidKey():
            status, reason = 401, "authError"
        case Missing():
            status, reason = 404, "notFound"
        case TooLarge():
            status, reason = 413, "uploadTooLarge"
        case Refused():
            status, reason = 403, "forbidden"
        case Unavailable():
            status, reason = 503, "backendError"
        case _:
            status, reason = 400, "invalid"
    message = str(error)
    errors = [{"domain": "global", "reason": reason, "message": message}]
    body = {"error": {"code": status, "message": message, "errors": errors}}
    more = {"www-authenticate": "Bearer"} if status == 401 else {"retry-after": "1"} if status == 503 else {}
    return Response(msgspec.json.encode(body), status, headers=_HEADERS | {"cache-control": "no-store"} | more)
