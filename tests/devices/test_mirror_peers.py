"""Google's Node and Go clients drive the timeline too; skipped without what ``make peers`` installs."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.devices.mirror_site import Mirrored, a_mirror
from support.people import PEERS
from support.required import require_peer

HERE = Path(__file__).parent / "peers"


@pytest.fixture(scope="module")
def mirror() -> Iterator[Mirrored]:
    with a_mirror() as found:
        yield found


def run(*command: str) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def shown(mirror: Mirrored, saw: dict[str, Any], decision: str) -> None:
    """What every client must have seen."""
    [card] = saw["cards"]
    assert card["id"] == decision
    assert [one.get("id") for one in card["menuItems"]] == ["yes", "no", None]
    assert saw["item"]["attachments"][0]["id"]
    assert saw["attached"]["contentType"] == "audio/ogg"
    assert saw["same"] is True
    assert (saw["contacts"], saw["locale"], saw["refused"]) == (1, "fr", 400)
    assert mirror.listener.heard == []


def test_googles_node_client_drives_it(mirror: Mirrored) -> None:
    there = shutil.which("node") is not None and (PEERS / "node_modules" / "googleapis").is_dir()
    require_peer(there, "Google's Node client is not there: make peers")
    name, token = mirror.somebody()
    card = mirror.site.enters(name)
    assert card is not None

    saw = run("node", str(HERE / "mirror.js"), str(PEERS), mirror.site.url + "/", token)

    shown(mirror, saw, card.id)
    assert saw["status"] == 201
    assert (saw["patched"]["text"], saw["updated"]["html"]) == ("Autre", "<p>é</p>")
    assert len(saw["updated"]["attachments"]) == 2
    assert saw["left"]["isDeleted"] is True
    assert [one["id"] for one in saw["locations"]] == ["latest"]
    assert saw["missing"] == "notFound"


def test_googles_go_client_drives_it(mirror: Mirrored) -> None:
    require_peer((PEERS / "mirror-go").is_file(), "Google's Go client is not there: make peers")
    name, token = mirror.somebody()
    card = mirror.site.enters(name)
    assert card is not None

    saw = run(str(PEERS / "mirror-go"), mirror.site.url + "/", token)

    shown(mirror, saw, card.id)
    assert (saw["patched"], saw["deleted"], saw["missing"]) == ("Autre", True, 404)
