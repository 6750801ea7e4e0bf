"""Brilliant's emulator of the Halo with our gateway, in a process and environment of their own (``make peers``).

Input, one command a line: ``single``, ``double``, ``look``; output, one JSON each."""

import asyncio
import base64
import contextlib
import json
import sys
import tempfile

from halo_emulator import EmulatorBrilliantMsg, HaloEmulator

from visavis.devices.brilliant import Gateway


async def main(url: str, key: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        emulator = HaloEmulator(folder, print_handler=lambda *_: None)
        gateway = asyncio.create_task(Gateway(EmulatorBrilliantMsg(emulator), url, key).run())
        while line := await asyncio.to_thread(sys.stdin.readline):
            command = line.strip()
            if command == "look":
                image = emulator.get_framebuffer().convert("L")
                found = {
                    "pixels": base64.b64encode(image.tobytes()).decode(),
                    "size": image.size,
                    "error": str(emulator.get_error() or ""),
                    "sent": [data.decode("latin-1") for data in emulator.get_bluetooth_sent()],
                    "over": gateway.done(),
                }
                sys.stdout.write(json.dumps(found) + "\n")
                sys.stdout.flush()
            elif command == "single":
                emulator.inject_button_single()
            elif command == "double":
                emulator.inject_button_double()
        gateway.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gateway
        emulator.stop()


asyncio.run(main(*sys.argv[1:]))
