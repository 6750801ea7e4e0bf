"""Let a server listen on one port until it is stopped: streams end first, what waits is finished, files are closed."""

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from signal import SIGINT, SIGTERM
from typing import Any, Final, TypeVar

import uvicorn

from visavis.model.errors import Unavailable
from visavis.wiring import Server

HEALTH_TIMEOUT_S: Final = 5  # how long requests under way may take when the server stops
T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run this to its end in an event loop of its own: uvloop's, which is faster, when it is installed."""
    try:
        import uvloop  # noqa: PLC0415  not on every platform
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


class Listening(uvicorn.Server):
    """One of several servers of a process: a signal is not for it alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs them all."""
        yield


@asynccontextmanager
async def listening(
    server: Server, port: int, *, host: str = "127.0.0.1", bound: socket.socket | None = None
) -> AsyncIterator[None]:
    """Listen until left, on a ``bound`` socket or this port; :class:`Unavailable` when the port is taken."""
    quiet: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False}
    config = uvicorn.Config(server.app, host=host, port=port, timeout_graceful_shutdown=HEALTH_TIMEOUT_S, **quiet)
    listener = Listening(config)
    with bound if bound is not None else bound_at(host, port) as ours:
        task = asyncio.get_running_loop().create_task(listener.serve(sockets=[ours]))
        try:
            yield
        finally:
            server.screens.close()
            listener.should_exit = True
            await task


async def until_stopped() -> None:
    """Wait for Ctrl-C, or for SIGTERM."""
    stopped = asyncio.Event()
    for signal in (SIGINT, SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal, stopped.set)
    await stopped.wait()


def bound_at(host: str, port: int) -> socket.socket:
    """A socket that listens at this port (0: a free one); :class:`Unavailable` when it is taken."""
    # Named as TCP, the accepted sockets send small answers at once; else each waits 40 ms for an acknowledgement.
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen()
    except OSError as error:
        bound.close()
        text = f"Port {port} of {host} cannot be used: {error.strerror}."
        raise Unavailable(text, advice="Give another one: --port.") from None
    return bound
