r"""Server-sent events (WHATWG, *HTML Living Standard*): what is on a screen now, and each change of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from msgspec import Struct
from starlette.responses import StreamingResponse

from visavis.delivery.screens import Screens
from visavis.model.errors import VisavisError

HEADERS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
}
HEARTBEAT_S: Final = 15.0  # a longer silence is taken for a lost connection by proxies
RETRY_S: Final = 1.0  # how long a stream waits when what it shows cannot be read now


class ServerEvent(Struct, frozen=True):
    """One event; ``id`` is what a client that reconnects sends as ``Last-Event-ID`` (``None``: as it was)."""

    name: str
    data: str = "."
    id: str | None = None

    def encoded(self) -> bytes:
        r"""The event on the wire; each line of its data needs a ``data:`` of its own.

        >>> ServerEvent("card", "a\nb", "7").encoded()
        b'event: card\nid: 7\ndata: a\ndata: b\n\n'
        """
        number = f"id: {self.id}\n" if self.id is not None else ""
        lines = "".join([f"data: {line}\n" for line in self.data.splitlines() or [""]])
        return f"event: {self.name}\n{number}{lines}\n".encode()


Look = Callable[[str], Awaitable[tuple[Sequence[ServerEvent], float]]]
"""Given the id of the last event that the client has: what to send now, and within how many seconds to look again."""


async def watch(
    screens: Screens,
    name: str,
    look: Look,
    *,
    holds: Callable[[], bool] = lambda: True,
    last_id: str = "",
    settle_s: float = 0.0,
    bells: set[asyncio.Event] | None = None,
) -> AsyncIterator[bytes]:
    """Send what ``look`` gives, now and whenever something of ``name`` changes (a person, a place, everybody).

    It ends with an event ``shut`` when ``holds`` no longer does (a revoked key), without one when the server stops.
    ``settle_s`` joins changes into one event. Its bell is in ``bells`` meanwhile.
    """
    yield b"retry: 1000\n\n"
    with screens.watching(name) as bell:
        if bells is not None:
            bells.add(bell)
        try:
            while not screens.closed and holds():
                bell.clear()
                try:
                    events, wait_s = await look(last_id)
                except VisavisError:
                    await asyncio.sleep(RETRY_S)
                    continue
                for event in events:
                    last_id = last_id if event.id is None else event.id
                    yield event.encoded()
                if not await rings(bell, min(wait_s, HEARTBEAT_S)):
                    yield ServerEvent("beat").encoded()
                elif settle_s:
                    await asyncio.sleep(settle_s)
        finally:
            if bells is not None:
                bells.discard(bell)
    if not screens.closed:
        yield ServerEvent("shut").encoded()


async def rings(bell: asyncio.Event, wait_s: float) -> bool:
    """Wait for the bell, so long at most; whether it rang."""
    try:
        async with asyncio.timeout(wait_s):
            await bell.wait()
    except TimeoutError:
        return False
    return True


def streamed(events: AsyncIterator[bytes]) -> StreamingResponse:
    """The response that sends these events."""
    return StreamingResponse(events, headers=HEADERS)
