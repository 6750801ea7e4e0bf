"""The gateway to Brilliant's glasses, a process near them: cards from a server to a Halo, its button presses back.

``python -m visavis.devices.brilliant https://your-server FILE-OF-THE-KEY`` needs ``visavis[brilliant]`` and Bluetooth.
The server sends ASCII, all that the glasses know. The radio has the interface of the vendor's ``BrilliantMsg``.
"""

import asyncio
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

import httpx

LUA: Final = Path(__file__).with_name("halo.lua")
CARD: Final = 0x20
CLEAR: Final = 0x21
EVENT: Final = 0x22
WAIT_S: Final = 25
RETRY_S: Final = 3.0
ANSWERS: Final = {"ACCEPT": "yes", "REFUSE": "no"}


class Radio(Protocol):
    """What the gateway needs of ``brilliant_msg.BrilliantMsg``."""

    async def upload_stdlua_libs(self, lib_names: list[str]) -> None:
        """Put the vendor's own Lua libraries onto the glasses."""

    async def upload_frame_app(self, local_filename: str, frame_filename: str) -> None:
        """Put this Lua file onto the glasses."""

    async def start_frame_app(self, frame_app_name: str) -> None:
        """Run it; returns at its first output."""

    async def send_message(self, msg_code: int, payload: bytes) -> None:
        """Hand these bytes over, in as many pieces as the link needs."""

    def register_data_response_handler(
        self, subscriber: object, msg_codes: list[int], handler: Callable[[bytes], None]
    ) -> None:
        """Call ``handler``, perhaps from another thread, with what the glasses send that begins with these bytes."""


class Gateway:
    """Between one server and one pair of glasses, with one device's key."""

    def __init__(self, radio: Radio, url: str, key: str) -> None:
        self._radio = radio
        self._http = httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=WAIT_S + 10)
        self._events: asyncio.Queue[bytes] = asyncio.Queue()
        self._shown = ""

    async def run(self) -> None:
        """Until the key is revoked: show what is on the person's screen, report what was shown and answered."""
        loop = asyncio.get_running_loop()

        def received(data: bytes) -> None:
            loop.call_soon_threadsafe(self._events.put_nowait, data)

        await self._radio.upload_stdlua_libs(["data"])
        await self._radio.upload_frame_app(str(LUA), "frame_app.lua")
        self._radio.register_data_response_handler(self, [EVENT], received)
        await self._radio.start_frame_app("frame_app")
        reporting = asyncio.create_task(self._report())
        try:
            await self._follow()
        finally:
            reporting.cancel()
            await self._draw(None)
            await self._http.aclose()

    async def _follow(self) -> None:
        tag = ""
        while True:
            try:
                headers = {"if-none-match": tag} if tag else {}
                answer = await self._http.get(f"/glasses/screen?host=brilliant&wait_s={WAIT_S}", headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(RETRY_S)
                continue
            if answer.status_code in (401, 403):
                return
            if answer.status_code in (200, 204):
                tag = answer.headers.get("etag", "")
                await self._draw(answer.json() if answer.status_code == 200 else None)
            elif answer.status_code != 304:
                await asyncio.sleep(RETRY_S)

    async def _draw(self, card: dict[str, Any] | None) -> None:
        if card is not None:
            self._shown = card["decision"]
            await self._radio.send_message(CARD, "\n".join([card["decision"], *card.get("lines", [])]).encode("ascii"))
        elif self._shown:
            self._shown = ""
            await self._radio.send_message(CLEAR, b"-")

    async def _report(self) -> None:
        """Forward the events of the glasses in order; each is repeated until the server has it."""
        while True:
            event, _, decision = (await self._events.get())[1:].decode("ascii", "replace").partition(":")
            path = "displayed" if event == "SHOWN" else "answer"
            body = {"decision": decision} | ({} if event == "SHOWN" else {"answer": ANSWERS.get(event, "")})
            since = asyncio.get_running_loop().time()
            while True:
                ago = {"ago_s": asyncio.get_running_loop().time() - since}
                try:
                    if (await self._http.post(f"/glasses/{path}", json=body | ago)).status_code < 500:
                        break
                except httpx.TransportError:
                    pass
                await asyncio.sleep(RETRY_S)


async def _over_bluetooth(url: str, key: str) -> None:
    radio = import_module("brilliant_msg").BrilliantMsg()
    await radio.connect()
    try:
        await Gateway(radio, url, key).run()
    finally:
        await radio.disconnect()


if __name__ == "__main__":
    asyncio.run(_over_bluetooth(sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8").strip()))
