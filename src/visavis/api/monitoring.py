"""Monitoring of a server: ``/healthz``, ``/metrics``, and ``/v1/clock`` where the clock can be set."""

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from visavis.http.access_keys import AccessKeys
from visavis.http.bodies import NO_STORE, read_body
from visavis.http.requests import key_of
from visavis.http.routes import ApiRoute, Operation, route
from visavis.runtime.clock import TurnedClock
from visavis.runtime.metrics import Metrics
from visavis.runtime.writer import Writer

HEALTH_TIMEOUT_S: Final = 5.0  # a server whose writer answers later is not well


class Instant(Struct, frozen=True):
    """Epoch seconds."""

    at: float


def routes(writer: Writer, access: AccessKeys, metrics: Metrics, turned: Callable[[], None]) -> list[ApiRoute]:
    """Health and metrics, and the clock where it can be set; ``turned`` is called when it was."""

    async def healthz(_: Request) -> Response:
        try:
            await asyncio.wait_for(writer.ask(lambda: len(writer.processor.log)), HEALTH_TIMEOUT_S)
        except Exception:  # noqa: BLE001  whatever it is, this server is not well
            return PlainTextResponse("not well\n", 503, headers=NO_STORE)
        # And nothing else: a number of entries would show when somebody is here.
        return PlainTextResponse("well\n", headers=NO_STORE)

    async def text(request: Request) -> Response:
        key_of(request, access, "brand")
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def turn(request: Request) -> Response:
        key_of(request, access, "brand")
        asked = await read_body(request, Instant)
        assert isinstance(writer.processor.clock, TurnedClock)
        writer.processor.clock.turn(asked.at)
        writer.nudge()
        # What the new hour makes due is processed before this is answered.
        await writer.ask(lambda: None)
        while writer.behind:
            await writer.ask(lambda: None)
        turned()
        return Response(status_code=204)

    plain = "text/plain"
    unwell = {503: plain}
    healthy = Operation("GET", "/healthz", "Whether the server is healthy.", response=plain, other_responses=unwell)
    measured = Operation("GET", "/metrics", "Metrics, for Prometheus.", ("brand",), response=plain)
    clock = Operation(
        "PUT", "/v1/clock", "Set the clock of a rehearsal.", ("brand",), request=Instant, status=204, errors=(503,)
    )
    found = [route(healthy, healthz), route(measured, text)]
    return [*found, route(clock, turn)] if isinstance(writer.processor.clock, TurnedClock) else found
