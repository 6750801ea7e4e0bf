"""A server with somebody who has a Glass, and a program elsewhere that is told of what is done with it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import monotonic, sleep
from typing import Any

from support.site import Site, a_site

CHOSEN = ("place-moment", "reminders")
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d76338f1ff3f0005fe02fe0def46b80000000049454e44ae426082"
)


class Listener:
    """An HTTP server that keeps what is posted to it and answers ``status``, with a location when it is a redirect."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status = 200
        self.elsewhere = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers.get("content-length", "0")))
                outer.paths.append(self.path)
                outer.heard.append(json.loads(data))
                self.send_response(outer.status)
                if outer.elsewhere:
                    self.send_header("location", outer.elsewhere)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def wait(self, count: int = 1, *, seconds: float = 5.0) -> list[dict[str, Any]]:
        until = monotonic() + seconds
        while len(self.heard) < count and monotonic() < until:
            sleep(0.01)
        return self.heard

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class Mirrored:
    """The server, and the listener that its settings allow."""

    def __init__(self, site: Site, listener: Listener) -> None:
        self.site = site
        self.listener = listener
        self._number = 0

    def somebody(self) -> tuple[str, str]:
        """A new person with a history who lets places be known, and the key of their Glass."""
        self._number += 1
        name = self.site.person(f"p{self._number}", *CHOSEN)
        return name, self.site.key("device", name)


@contextmanager
def a_mirror() -> Iterator[Mirrored]:
    listener = Listener()
    try:
        with a_site(callbacks=(listener.url,)) as site:
            yield Mirrored(site, listener)
    finally:
        listener.close()
