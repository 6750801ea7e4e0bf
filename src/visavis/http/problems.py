"""Problem documents (RFC 9457) for every error over HTTP; they never repeat what the sender wrote."""

from http import HTTPStatus
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from visavis.engine import NotAdmitted
from visavis.http.access_keys import InvalidKey
from visavis.model.errors import Invalid, Refused, Unavailable, VisavisError
from visavis.rights.people import UnknownPerson
from visavis.runtime.writer import Busy

TYPE: Final = b"application/problem+json"


class Problem(Struct, frozen=True, omit_defaults=True):
    """An error as RFC 9457 problem details. ``index`` is that of the moment when several were sent."""

    type: str
    title: str
    status: int
    detail: str
    advice: str = ""
    index: int | UnsetType = UNSET
    category: str = ""
    retry_after_s: float = 0.0


def problem(status: int, detail: str, *, advice: str = "", category: str = "", retry_after_s: float = 0.0) -> Problem:
    """The problem of this status; ``type`` names the kind of problem by its status, which is all a program needs."""
    kind, title = f"urn:visavis:problem:{status}", HTTPStatus(status).phrase
    return Problem(kind, title, status, detail, advice, category=category, retry_after_s=retry_after_s)


def of_error(error: VisavisError) -> Problem:
    """The problem of an error that we raised on purpose."""
    message = Exception.__str__(error)
    if isinstance(error, InvalidKey):
        return problem(401, message, advice="Send `Authorization: Bearer KEY`.")
    if isinstance(error, Unavailable):
        retry_after_s = error.retry_after_s if isinstance(error, Busy) else 1
        return problem(503, message, advice=error.advice, retry_after_s=retry_after_s)
    kinds = ((UnknownPerson, 404), (Refused, 403), (Invalid, 422))
    status = next((status for kind, status in kinds if isinstance(error, kind)), 400)
    return problem(status, message, advice=error.advice)


def of_refusal(refused: NotAdmitted) -> Problem:
    """The problem of a moment that was not admitted: nothing of it was kept."""
    status, detail = 422 if refused.invalid else 403, f"This `{refused.kind}` was not kept."
    return problem(status, detail, advice=refused.advice, category=refused.category)


def body(found: Problem) -> bytes:
    """The problem as JSON."""
    return msgspec.json.encode(found)


def headers(found: Problem) -> list[tuple[bytes, bytes]]:
    """The headers that go with it: when to retry, and how to authenticate."""
    more = [(b"retry-after", b"%d" % found.retry_after_s)] if found.retry_after_s else []
    return [*more, (b"www-authenticate", b"Bearer")] if found.status == 401 else more


def response(found: Problem) -> Response:
    """The problem as a response."""
    more = {name.decode(): value.decode() for name, value in headers(found)}
    more = {"content-type": TYPE.decode(), "cache-control": "no-store", **more}
    return Response(body(found), found.status, headers=more)


def refusal(error: VisavisError) -> Response:
    """The response to a request that failed with an error that we raised on purpose."""
    return response(of_error(error))


async def unrouted(request: Request, error: Exception) -> Response:
    """The response when no route matches the path or the method; ``Allow`` lists every method of the path."""
    assert isinstance(error, HTTPException)
    detail = "There is nothing at this address." if error.status_code == 404 else "This address does not do that."
    found = response(problem(error.status_code, detail))
    found.headers.update(error.headers or {})
    if error.status_code == 405:
        routes = [route for route in request.app.routes if isinstance(route, Route)]
        path = next(route.path for route in routes if route.matches(request.scope)[0] is not Match.NONE)
        methods = {method for route in routes if route.path == path for method in route.methods or ()}
        found.headers["allow"] = ", ".join(sorted(methods))
    return found
