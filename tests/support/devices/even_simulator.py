"""Even's own simulator of the G2, headless (``make peers``; Debian: libwebkit2gtk-4.1-0 xvfb dbus-x11)."""

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from PIL import Image

from support.devices.hosting import soon
from support.people import PEERS
from support.ports import free_port

SIMULATOR = PEERS / "node_modules" / "@evenrealities" / "sim-linux-x64" / "bin" / "evenhub-simulator"
PITCH_PX = 27


def missing() -> str:
    """Why it cannot be run here; empty when it can."""
    if not SIMULATOR.is_file():
        return "Even's simulator is not there: make peers"
    absent = [name for name in ("Xvfb", "dbus-run-session") if shutil.which(name) is None]
    return f"Even's simulator needs {' and '.join(absent)}: apt-get install xvfb dbus" if absent else ""


class Glasses:
    """The glasses in the simulator: what is lit, and what their owner does."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=5)

    def lit(self) -> Image.Image:
        """576 × 288 levels of light: everything is green, so what is lit is what is not clear."""
        return Image.open(io.BytesIO(self._http.get("/api/screenshot/glasses").content)).getchannel("A")

    def rows(self) -> list[int]:
        """Which lines of text have something on them."""
        image = self.lit()
        return [
            row
            for row in range(11)
            if image.crop((0, row * PITCH_PX, image.width, min(288, (row + 1) * PITCH_PX))).getbbox()
        ]

    def does(self, action: str) -> None:
        assert self._http.post("/api/input", json={"action": action}).json() == {"ok": True}

    def log(self) -> list[str]:
        return [str(entry["message"]) for entry in self._http.get("/api/console").json()["entries"]]

    def errors(self) -> list[str]:
        return [line for line in self.log() if line.startswith(("[uncaught]", "[unhandledrejection]", "[fetch]"))]

    def there(self) -> bool:
        try:
            return self._http.get("/api/ping").text == "pong"
        except httpx.TransportError:
            return False

    def close(self) -> None:
        self._http.close()


@contextmanager
def a_simulator(page: str) -> Iterator[Glasses]:
    """The simulator with this page open, on a display and a port of its own."""
    port = free_port()
    read, write = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as told, tempfile.TemporaryDirectory() as home:
        display = told.readline().strip()
        env: dict[str, Any] = {
            **os.environ,
            "DISPLAY": f":{display}",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "HOME": home,
            "XDG_DATA_HOME": home,
            "XDG_CACHE_HOME": home,
        }
        running = subprocess.Popen(
            ["dbus-run-session", "--", str(SIMULATOR), page, "--automation-port", str(port), "--no-glow"],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        glasses = Glasses(f"http://127.0.0.1:{port}")
        try:
            soon(glasses.there, seconds=20)
            yield glasses
        finally:
            glasses.close()
            os.killpg(running.pid, 15)
            running.wait(10)
            screen.terminate()
            screen.wait(10)
