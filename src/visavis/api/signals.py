"""Signals that a browser sends for a person: Global Privacy Control, heard as an objection to sharing data with others.

A signal is heard before what it came with, is kept as a moment of the person's own, and opens or closes nothing else: a
consent that they gave to the brand itself stays, and their page says so.

Reference: W3C Privacy Working Group, *Global Privacy Control*, working draft (header ``Sec-GPC``, resource
``/.well-known/gpc.json``).
"""

from collections.abc import Iterable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.consent.notices import SHARING
from visavis.model.customer import Customer
from visavis.model.moment import Objected
from visavis.runtime.loop import Loop

HEADER: Final = b"sec-gpc"
HEARD_SINCE: Final = "2026-11-24"
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
    """What this signal says of this person, when it is news.

    ``cause`` names what it came with, so that a retry says it once.
    """
    known: Customer = loop.customer(customer)
    if SHARING in known.objections:
        return None
    return Objected(
        id=f"gpc-{cause}"[:128], customer=customer, occurred_at=loop.clock.now(), about=SHARING, method="gpc"
    )


def heard(loop: Loop, customer: str, cause: str, headers: Iterable[tuple[bytes, bytes]]) -> Objected | None:
    """What these headers say of this person, when they say something new."""
    return objection(loop, customer, cause) if opted_out(headers) else None


def routes() -> list[Route]:
    """``GET /.well-known/gpc.json``."""

    async def gpc(_: Request) -> Response:
        return Response(msgspec.json.encode({"gpc": True, "lastUpdate": HEARD_SINCE}), media_type="application/json")

    return [Route("/.well-known/gpc.json", gpc)]
