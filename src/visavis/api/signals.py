"""Global Privacy Control: a browser's signal is taken as an objection to sharing data with others.

A signal is processed before the request that it came with, and kept as a moment of the person's own. It changes nothing
else: a consent that they gave to the brand itself stays, and their page says so.

Reference: W3C Privacy Working Group, *Global Privacy Control*, working draft (header ``Sec-GPC``, resource
``/.well-known/gpc.json``).
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from visavis.consent.notices import SHARING
from visavis.http.routes import ApiRoute, Operation, route
from visavis.model.moment import Objected
from visavis.runtime.loop import Loop

HEADER: Final = b"sec-gpc"
OBEYED_SINCE: Final = "2026-11-24"
"""Since when the signal is obeyed as it is now: ``lastUpdate`` of the resource."""


def opted_out(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether one of these header lines is the signal: the one character ``1``, and nothing else.

    >>> opted_out([(b"Sec-GPC", b"0"), (b"sec-gpc", b"1")])
    True
    >>> [opted_out([(b"sec-gpc", value)]) for value in (b"0", b"", b"true", b" 1x", b"1,1", b"01")]
    [False, False, False, False, False, False]
    """
    return any(name.lower() == HEADER and value == b"1" for name, value in headers)


def objection(loop: Loop, customer: str, cause: str) -> Objected | None:
    """The objection that this signal makes; ``None`` when the person has objected already.

    ``cause`` is the id of what it came with, so that a retry makes the same objection.
    """
    if SHARING in loop.customer(customer).objections:
        return None
    return Objected(
        id=f"gpc-{cause}"[:128], customer=customer, occurred_at=loop.clock.now(), about=SHARING, method="gpc"
    )


def objection_in(loop: Loop, customer: str, cause: str, headers: Iterable[tuple[bytes, bytes]]) -> Objected | None:
    """The objection that these headers make; ``None`` without the signal, or when the person has objected already."""
    return objection(loop, customer, cause) if opted_out(headers) else None


def routes() -> list[ApiRoute]:
    """``GET /.well-known/gpc.json``."""
    operation = Operation("GET", "/.well-known/gpc.json", "Global Privacy Control is obeyed.", response=dict[str, Any])

    async def gpc(_: Request) -> Response:
        return Response(msgspec.json.encode({"gpc": True, "lastUpdate": OBEYED_SINCE}), media_type="application/json")

    return [route(operation, gpc)]
