"""A whole Home Assistant core (``make peers``), set up from outside over its own HTTP interface."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from support.devices.broker import Mosquitto
from support.devices.hosting import soon
from support.people import PEERS
from support.ports import free_port

PROGRAM = PEERS / "home-assistant" / "bin" / "hass"
BOOT_S = 60.0


def version() -> tuple[int, ...]:
    """Its year and month."""
    (about,) = PEERS.glob("home-assistant/lib/python3*/site-packages/homeassistant-*.dist-info")
    return tuple([int(part) for part in about.name.split("-")[1].split(".")[:2]])


class Assistant:
    """What its owner sees of it, and does with it."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=10)

    def there(self) -> bool:
        try:
            return self._http.get("/api/onboarding").status_code == 200
        except httpx.TransportError:
            return False

    def own(self) -> None:
        """Make its first account, and come in with it."""
        us = f"{self._http.base_url}/"
        made = self._does(
            "/api/onboarding/users",
            {"client_id": us, "name": "Camille", "username": "camille", "password": "secret", "language": "fr"},
        )
        told = {"grant_type": "authorization_code", "code": made["auth_code"], "client_id": us}
        token = self._http.post("/auth/token", data=told).raise_for_status().json()["access_token"]
        self._http.headers["authorization"] = f"Bearer {token}"

    def connects(self, broker: Mosquitto, account: str, status: str) -> None:
        """Add the MQTT integration with its own forms: the broker, then what it says at its birth and as its will."""
        where = {"broker": "127.0.0.1", "port": broker.port, "username": account, "password": "secret"}
        begun = self._does("/api/config/config_entries/flow", {"handler": "mqtt"})
        entry = self._does(f"/api/config/config_entries/flow/{begun['flow_id']}", where)["result"]["entry_id"]
        begun = self._does("/api/config/config_entries/options/flow", {"handler": entry})
        self._does(f"/api/config/config_entries/options/flow/{begun['flow_id']}", where)
        told: dict[str, Any] = {"discovery": True, "discovery_prefix": "homeassistant"}
        for when, word in (("birth", "online"), ("will", "offline")):
            told |= {
                f"{when}_enable": True,
                f"{when}_topic": status,
                f"{when}_payload": word,
                f"{when}_qos": 1,
                f"{when}_retain": True,
            }
        assert self._does(f"/api/config/config_entries/options/flow/{begun['flow_id']}", told)["type"] == "create_entry"

    def entities(self, kind: str) -> dict[str, dict[str, Any]]:
        """Its entities of this kind, by name."""
        states = self._http.get("/api/states").raise_for_status().json()
        return {
            str(one["attributes"].get("friendly_name")): one
            for one in states
            if one["entity_id"].startswith(f"{kind}.")
        }

    def presses(self, button: str) -> None:
        self._does("/api/services/button/press", {"entity_id": self.entities("button")[button]["entity_id"]})

    def close(self) -> None:
        self._http.close()

    def _does(self, path: str, told: dict[str, Any]) -> Any:
        return self._http.post(path, json=told).raise_for_status().json()


@contextmanager
def an_assistant(folder: Path) -> Iterator[Assistant]:
    """Home Assistant with nothing in it but what it always has, on a port of its own."""
    port = free_port()
    (folder / "configuration.yaml").write_text(f"http:\n  server_host: 127.0.0.1\n  server_port: {port}\n")
    running = subprocess.Popen(
        [str(PROGRAM), "-c", str(folder), "--skip-pip"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    found = Assistant(f"http://127.0.0.1:{port}")
    try:
        soon(found.there, seconds=BOOT_S)
        found.own()
        yield found
    finally:
        found.close()
        running.terminate()
        running.wait(30)
