"""A separate process that asks for one person's screen, receives webhooks, and reports what it saw and when."""

import asyncio
import json
import os
import sys
from time import monotonic

import httpx


async def ask(port: int, hook: int, token: str) -> None:
    """Ask for the screen and receive until the input ends, by the clock that all processes share."""
    cards: dict[str, list[float]] = {}
    effects: list[str] = []

    async def receives(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n"):
                names = dict(line.split(": ", 1) for line in head if ": " in line)
                await reader.readexactly(int(names["content-length"]))
                effects.append(names["idempotency-key"])
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def polls() -> None:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {token}"}
        ) as client:
            while True:
                asked = monotonic()
                answer = await client.get("/glasses/screen")
                if answer.status_code == 200:
                    cards.setdefault(answer.json()["decision"], []).append(asked)
                await asyncio.sleep(0.002)

    await asyncio.start_server(receives, "127.0.0.1", hook)
    polling = asyncio.create_task(polls())
    print("ready", flush=True)  # noqa: T201
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        assert not polling.done(), polling.exception()
        told = {
            "cards": [(asked, card) for card, all_of_them in cards.items() for asked in all_of_them],
            "effects": effects,
        }
        print(json.dumps(told), flush=True)  # noqa: T201
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(ask(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
