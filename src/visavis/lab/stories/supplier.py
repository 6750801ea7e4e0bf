"""A supplier for the demo: receives signed orders by webhook, and reports over the API that they were placed."""

import asyncio
from collections.abc import Callable
from time import time
from typing import Any

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from visavis.delivery.webhook_targets import verify
from visavis.lab.stories.actors import instant
from visavis.model.errors import VisavisError


class Supplier:
    """Verifies the signature of an order, answers, then reports it as placed."""

    def __init__(self, secret: str, client: httpx.AsyncClient, key: str, now: Callable[[], float]) -> None:
        self._secret = secret
        self._client = client
        self._headers = {"authorization": f"Bearer {key}"}
        self._now = now
        self._placing: set[asyncio.Task[None]] = set()

    async def receive(self, request: Request) -> Response:
        """Receive one order; the same one twice is one order, since its moment has the order's id."""
        body = await request.body()
        try:
            verify(self._secret, request.headers, body, now=time())
        except VisavisError:
            return Response(status_code=401)
        task = asyncio.get_running_loop().create_task(self._report(msgspec.json.decode(body)["data"]))
        self._placing.add(task)
        task.add_done_callback(self._placing.discard)
        return Response(status_code=202)

    async def _report(self, order: dict[str, Any]) -> None:
        moment = {
            "kind": "ordered",
            "id": f"ordered-{order['key']}",
            "customer": order["customer"],
            "occurred_at": instant(self._now()),
            "order": order["key"],
            "product": order["product"],
        }
        await self._client.post("/v1/moments", headers=self._headers, json=moment)
