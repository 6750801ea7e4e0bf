"""A Halo in its vendor's emulator with our gateway, in a process and an environment of their own (``make peers``)."""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from PIL import Image

from support.people import PEERS, ROOT

PYTHON = PEERS / "halo" / "bin" / "python"
TOP_PX, PITCH_PX = 48, 20


class Halo:
    """The process with the emulator and the gateway in it."""

    def __init__(self, url: str, key: str) -> None:
        script = Path(__file__).parents[2] / "devices" / "peers" / "halo.py"
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "SDL_VIDEODRIVER": "dummy",
            "PYGAME_HIDE_SUPPORT_PROMPT": "1",
            "NO_PROXY": "*",
        }
        self._process = subprocess.Popen(
            [str(PYTHON), str(script), url, key], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )

    def does(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def look(self) -> dict[str, Any]:
        self.does("look")
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert found["error"] == "", "one letter that it lacks would stop its whole program"
        found["image"] = Image.frombytes("L", tuple(found.pop("size")), base64.b64decode(found.pop("pixels")))
        return found

    def rows(self) -> list[int]:
        """Which lines of text have something on them."""
        image = self.look()["image"]
        return [
            row
            for row in range(8)
            if image.crop((0, TOP_PX + row * PITCH_PX, 256, TOP_PX + (row + 1) * PITCH_PX)).getbbox()
        ]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(10) == 0
        assert self._process.stdout is not None
        self._process.stdout.close()
