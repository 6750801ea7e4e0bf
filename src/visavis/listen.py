"""Let a server listen: on one port, until it is told to stop; then streams end first, what waits is finished, and the files are given back."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from signal import SIGINT, SIGTERM
from typing import Final

import uvicorn

from visavis.model.errors import Unavailable
from visavis.wiring import Server

PATIENCE_S: Final = 5
"""How long requests under way may take when the server stops."""


class Listening(uvicorn.Server):
    """One of several servers of a process: a signal is not for it alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs them all."""
        yield


@asynccontextmanager
async def listening(server: Server, port: int, *, host: str = "127.0.0.1") -> AsyncIterator[None]:
    """Let this server listen until left; who asks before it is ready is served when it is. :class:`Unavailable` when the port is taken."""
    config = uvicorn.Config(
        server.app, host=host, port=port, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=PATIENCE_S,
    )  # fmt: skip
    ears = Listening(config)
    with _bound(host, port) as bound:
        task = asyncio.get_running_loop().create_task(ears.serve(sockets=[bound]))
        try:
            yield
        finally:
            server.screens.close()
            ears.should_exit = True
            await task


async def until_told() -> None:
    """Wait for Ctrl-C, or for whoever started us to end it."""
    told = asyncio.Event()
    for signal in (SIGINT, SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal, told.set)
    await told.wait()


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen()
    except OSError as error:
        bound.close()
        raise Unavailable(f"Port {port} of {host} cannot be used: {error.strerror}.", advice="Give another one: --port.") from None
    return bound
