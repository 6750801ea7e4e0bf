"""Apple's push service as a pass needs it: HTTP/2 over TLS by hypercorn, with a client's certificate."""

import asyncio
import ssl
import threading
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from support.devices.far_ends import until


class Apns:
    """What was pushed, and what is answered next."""

    def __init__(self, certificate: Path, key: Path, authority: Path) -> None:
        self.heard: list[tuple[str, str, bytes, str]] = []
        self.status: list[tuple[int, bytes]] = []
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        config = Config()
        config.bind = ["127.0.0.1:0"]
        config.certfile, config.keyfile, config.ca_certs, config.verify_mode = (
            str(certificate),
            str(key),
            str(authority),
            ssl.VerifyMode.CERT_REQUIRED,
        )
        config.alpn_protocols = ["h2"]
        config.errorlog = config.accesslog = None
        config.graceful_timeout = 0.2
        sockets = config.create_sockets()
        self.url = f"https://127.0.0.1:{sockets.secure_sockets[0].getsockname()[1]}"
        config.create_sockets = lambda: sockets  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._run, args=(config,), daemon=True)
        self._thread.start()

    def waits(self, count: int) -> list[tuple[str, str, bytes, str]]:
        until(lambda: len(self.heard) >= count)
        assert len(self.heard) == count
        return self.heard

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _run(self, config: Config) -> None:
        self._loop.run_until_complete(serve(self._app, config, shutdown_trigger=self._stop.wait))
        self._loop.close()

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.heard.append((scope["path"], headers.get("apns-topic", ""), body, scope["http_version"]))
        status, told = self.status.pop(0) if self.status else (200, b"")
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": told})
