"""Every no over HTTP, as RFC 9457 problem details: what was given, what was expected, what to do.

Never what the sender wrote.
"""

from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from visavis.engine import NotAdmitted
from visavis.http.access_keys import InvalidKey
from visavis.model.errors import Invalid, Refused, Unavailable, VisavisError
from visavis.runtime.writer import Busy

TYPE: Final = b"application/problem+json"
TITLES: Final[dict[int, str]] = {
    400: "This cannot be understood",
    401: "No valid key",
    403: "Not allowed",
    404: "Not there",
    405: "Wrong method",
    406: "Not spoken here",
    409: "Already there",
    413: "Too large",
    415: "Wrong content type",
    422: "Not what was expected",
    429: "Too many at once",
    500: "Our fault",
    503: "Not possible now",
}


def problem(status: int, detail: str, *, advice: str = "", **more: Any) -> dict[str, Any]:
    """The members of a problem; ``type`` names the kind of problem by its status, which is all that a program needs."""
    said = {
        "type": f"urn:visavis:problem:{status}",
        "title": TITLES.get(status, "Not possible"),
        "status": status,
        "detail": detail,
        **more,
    }
    return {**said, "advice": advice} if advice else said


def of_error(error: VisavisError) -> dict[str, Any]:
    """The problem of an error that we raised on purpose."""
    message = Exception.__str__(error)
    match error:
        case Busy():
            return problem(503, message, advice=error.advice, retry_after_s=error.retry_after_s)
        case Unavailable():
            return problem(503, message, advice=error.advice, retry_after_s=1)
        case InvalidKey():
            return problem(401, message, advice="Send `Authorization: Bearer KEY`.")
        case Refused():
            return problem(403, message, advice=error.advice)
        case Invalid():
            return problem(422, message, advice=error.advice)
        case _:
            return problem(400, message, advice=error.advice)


def of_refusal(refused: NotAdmitted) -> dict[str, Any]:
    """The door's no: nothing of the moment was kept."""
    return problem(403, f"This `{refused.kind}` was not kept.", advice=refused.advice, category=refused.category)


def body(told: dict[str, Any]) -> bytes:
    """The problem's bytes."""
    return msgspec.json.encode(told)


def headers(told: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """What goes with it: when to come back, and how to say who one is."""
    said = [(b"retry-after", b"%d" % told["retry_after_s"])] if "retry_after_s" in told else []
    return [*said, (b"www-authenticate", b"Bearer")] if told["status"] == 401 else said


def response(told: dict[str, Any]) -> Response:
    """The problem as the pages' framework answers it."""
    said = {name.decode(): value.decode() for name, value in headers(told)}
    return Response(
        body(told), told["status"], headers={"content-type": TYPE.decode(), "cache-control": "no-store", **said}
    )


def refusal(error: VisavisError) -> Response:
    """The answer to a request that failed for a reason of ours."""
    return response(of_error(error))


async def unrouted(request: Request, error: Exception) -> Response:
    """What the router itself refuses (no such address, another method), told as a problem too.

    ``Allow`` names every method of the address.
    """
    assert isinstance(error, HTTPException)
    told = response(
        problem(
            error.status_code,
            "There is nothing at this address." if error.status_code == 404 else "This address does not do that.",
        )
    )
    told.headers.update(error.headers or {})
    if error.status_code == 405:
        routes = [route for route in request.app.routes if isinstance(route, Route)]
        here = next(route.path for route in routes if route.matches(request.scope)[0] is not Match.NONE)
        told.headers["allow"] = ", ".join(
            sorted({method for route in routes if route.path == here for method in route.methods or ()})
        )
    return told
