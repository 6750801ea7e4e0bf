"""For those who run a server.

Is it well (``/healthz``), how does it do (``/metrics``), and what time is it there (``/v1/clock``).
"""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from visavis.http.access_keys import AccessKeys
from visavis.http.requests import guarded, json_body, key_of
from visavis.model.errors import Invalid
from visavis.runtime.clock import TurnedClock
from visavis.runtime.metrics import Metrics
from visavis.runtime.writer import Writer

HEALTH_TIMEOUT_S: Final = 5.0
"""A server whose writer says nothing for so long is not well."""


def routes(writer: Writer, access: AccessKeys, metrics: Metrics, turned: Callable[[], None]) -> list[Route]:
    """``GET /healthz`` (open), ``GET /metrics`` (the brand's key), and where the clock is one that is turned, ``PUT
    /v1/clock``.

    ``turned`` is told when it was: time may be over for what is on the screens.
    """

    async def healthz(_: Request) -> Response:
        try:
            await asyncio.wait_for(writer.ask(lambda: len(writer.loop.log)), HEALTH_TIMEOUT_S)
        except Exception:  # noqa: BLE001  whatever it is, this server is not well
            return PlainTextResponse("not well\n", 503, headers={"cache-control": "no-store"})
        # And nothing else: how many entries there are tells when somebody is here.
        return PlainTextResponse("well\n", headers={"cache-control": "no-store"})

    async def told_metrics(request: Request) -> Response:
        key_of(request, access, "brand")
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def turn(request: Request) -> Response:
        key_of(request, access, "brand")
        at = (await json_body(request)).get("at")
        if not isinstance(at, int | float) or isinstance(at, bool):
            raise Invalid("`at` is an instant in epoch seconds.", advice='Send {"at": 1767225600}.')
        assert isinstance(writer.loop.clock, TurnedClock)
        writer.loop.clock.turn(float(at))
        writer.nudge()
        # Whatever the new hour makes due has happened before this is answered.
        await writer.ask(lambda: None)
        while writer.behind:
            await writer.ask(lambda: None)
        turned()
        return Response(status_code=204)

    found = [Route("/healthz", healthz), Route("/metrics", guarded(told_metrics))]
    if isinstance(writer.loop.clock, TurnedClock):
        found.append(Route("/v1/clock", guarded(turn), methods=["PUT"]))
    return found
