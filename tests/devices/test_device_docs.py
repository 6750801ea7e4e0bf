"""The pages about devices say what the table says: ``VISAVIS_ACCEPT=1 pytest tests/devices/test_device_docs.py`` writes the overview's table anew."""

import os
import re

import pytest

from people import ROOT
from visavis.model.catalogue import Device
from visavis.strategy.screens import DEVICES

DOCS = ROOT / "docs" / "devices"
PAGES = {
    "glasses": "browser", "watch": "browser", "tablet": "browser", "google-glass-xe": "google-glass", "telepathy-one": "telepathy", "laster": "laster",
    "phone": "phone", "fridge": "fridge", "wear-os": "wear-os", "android-xr": "android-xr", "meta-rb-display": "meta", "mentra-live": "mentra",
} | {profile: profile.split("-")[0] for profile in DEVICES if profile.startswith(("vuzix-", "sony-", "even-", "brilliant-"))} | {
    profile: "apple-watch" for profile in DEVICES if profile.startswith("apple-")
}  # fmt: skip
COLOURS = {"rgb": "colour", "see_through": "colour, black is clear", "grey16": "16 greys", "one_bit": "1 bit", "none": "none, it speaks"}
PROVED = {"foreign": "against something foreign", "rendered": "rendering only", "no": "no"}
BEGIN, END = "<!-- table: written by tests/devices/test_device_docs.py -->\n", "<!-- end -->\n"


def row(device: Device) -> str:
    size = f"{device.width_px} × {device.height_px}" if device.width_px else "–"
    text = f"{device.chars} × {device.lines}, {device.charset}" if device.chars else "–"
    doubts = ", ".join(name.removesuffix("_px") for name in device.unverified) or "–"
    ways = ", ".join(device.transports) or "none"
    cells = (f"[{device.name}]({PAGES[device.profile]}.md)", f"`{device.profile}`", size, COLOURS[device.colour], text, ways, PROVED[device.proved], doubts)
    return f"| {' | '.join(cells)} |"


def test_the_overview_tells_the_table() -> None:
    path = DOCS / "README.md"
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    head = "| device | profile | pixels | screen | its own text | ways in | proved | not known for sure |\n|---|---|---|---|---|---|---|---|\n"
    table = head + "\n".join([row(device) for device in DEVICES.values()]) + "\n"
    if os.environ.get("VISAVIS_ACCEPT"):
        path.write_text(before + BEGIN + table + END + after, encoding="utf-8")

    assert path.read_text(encoding="utf-8") == before + BEGIN + table + END + after


@pytest.mark.parametrize("name", sorted({*PAGES.values()}))
def test_a_page_shows_connects_and_says_what_was_not_tested(name: str) -> None:
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")

    steps = text.partition("## Connect it in five steps")[2].partition("##")[0]
    assert re.findall(r"^(\d)\. ", steps, re.MULTILINE) == ["1", "2", "3", "4", "5"]
    assert "**Not tested**" in text.partition("## What was tested, and what was not")[2]
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert link.startswith("https://") or (DOCS / link).resolve().is_file(), link
    assert "![" in text or "no screen" in text


def test_every_profile_has_a_page() -> None:
    assert PAGES.keys() == DEVICES.keys()
