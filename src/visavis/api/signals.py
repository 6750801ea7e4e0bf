"""Global Privacy Control: a browser's signal objects to sharing, before the request that it came with.

Reference: W3C, *Global Privacy Control*, working draft (header ``Sec-GPC``, resource ``/.well-known/gpc.json``).
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from visavis.consent.notices import SHARING
from visavis.http.routes import ApiRoute, Operation, route
from visavis.model.ids import own_id
from visavis.model.moment import Objected
from visavis.runtime.loop import Processor

HEADER: Final = b"sec-gpc"
OBEYED_SINCE: Final = "2026-11-24"  # since when the signal is obeyed as it is now: ``lastUpdate`` of the resource


def opted_out(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether one of these header lines is the signal: the one character ``1``, and nothing else.

    >>> opted_out([(b"Sec-GPC", b"0"), (b"sec-gpc", b"1")])
    True
    >>> [opted_out([(b"sec-gpc", value)]) for value in (b"0", b"", b"true", b" 1x", b"1,1", b"01")]
    [False, False, False, False, False, False]
    """
    return any(name.lower() == HEADER and value == b"1" for name, value in headers)


def objection(loop: Processor, customer: str, cause: str) -> Objected | None:
    """The objection of the signal that came with ``cause`` (an id; a retry repeats it); ``None``: objected already."""
    if SHARING in loop.customer(customer).objections:
        return None
    name, now = own_id("gpc", cause), loop.clock.now()
    return Objected(id=name, customer=customer, occurred_at=now, about=SHARING, method="gpc")


def objection_in(loop: Processor, customer: str, cause: str, headers: Iterable[tuple[bytes, bytes]]) -> Objected | None:
    """The objection that these headers make; ``None`` without the signal, or when the person has objected already."""
    return objection(loop, customer, cause) if opted_out(headers) else None


def routes() -> list[ApiRoute]:
    """``GET /.well-known/gpc.json``."""
    operation = Operation("GET", "/.well-known/gpc.json", "Global Privacy Control is obeyed.", response=dict[str, Any])

    async def gpc(_: Request) -> Response:
        return Response(msgspec.json.encode({"gpc": True, "lastUpdate": OBEYED_SINCE}), media_type="application/json")

    return [route(operation, gpc)]
