"""The pages about devices agree with the table (``VISAVIS_ACCEPT=1`` writes the overview's table again)."""

import os
import re

import pytest

from support.people import ROOT
from visavis.model.catalogue import Device
from visavis.strategy.screens import DEVICES

DOCS = ROOT / "docs" / "devices"
PAGES = (
    {
        "glasses": "browser",
        "watch": "browser",
        "tablet": "browser",
        "google-glass-xe": "google-glass",
        "telepathy-one": "telepathy",
        "laster": "laster",
        "phone": "phone",
        "fridge": "fridge",
        "wear-os": "wear-os",
        "android-xr": "android-xr",
        "meta-rb-display": "meta",
        "mentra-live": "mentra",
    }
    | {
        profile: profile.split("-")[0]
        for profile in DEVICES
        if profile.startswith(("vuzix-", "sony-", "even-", "brilliant-"))
    }
    | {profile: "apple-watch" for profile in DEVICES if profile.startswith("apple-")}
)
COLOURS = {
    "rgb": "colour",
    "see_through": "colour, black is clear",
    "grey16": "16 greys",
    "one_bit": "1 bit",
    "none": "none, it speaks",
}
DRAWN = ("web/test_rendered_devices.py", "test_the_same_page_fits_every_screen_there_is")
WATCH = ("openssl", "devices/test_wallet.py", "test_openssl_accepts_the_signature_and_the_manifest_names_every_file")
VUZIX = ("Chromium", "devices/test_hosts.py", "test_a_card_is_whole_on_every_glasses_with_a_browser")
PROOFS = {
    "glasses": ("Chromium", "web/test_glasses.py", "test_one_key_answers"),
    "phone": (
        "Chromium",
        "devices/test_phone.py",
        "test_the_button_subscribes_and_what_the_server_sends_becomes_one_silent_notification_with_two_answers",
    ),
    "tablet": ("Chromium", "web/test_adviser.py", "test_a_brief_fits_every_screen_and_axe_finds_nothing"),
    "fridge": (
        "mosquitto",
        "devices/test_home.py",
        "test_what_runs_out_comes_back_as_a_card_and_a_yes_on_the_fridge_is_one_order",
    ),
    "google-glass-xe": (
        "Google's client",
        "devices/test_mirror_python.py",
        "test_a_choice_on_the_glass_is_an_answer_and_the_client_sees_the_card_gone",
    ),
    "vuzix-m400": VUZIX,
    "vuzix-m4000": VUZIX,
    "apple-watch-38": WATCH,
    "apple-watch-42": WATCH,
    "apple-watch-46": WATCH,
    "apple-watch-ultra": WATCH,
    "even-g2": (
        "Even's simulator",
        "devices/test_hosts_even.py",
        "test_a_card_is_on_the_glasses_line_by_line_and_a_hand_answers",
    ),
    "brilliant-halo": (
        "Brilliant's emulator",
        "devices/test_hosts_halo.py",
        "test_a_card_is_drawn_within_the_circle_and_the_button_answers",
    ),
    "meta-rb-display": ("Chromium", "devices/test_hosts.py", "test_a_meta_display_gets_what_its_rules_ask_for"),
}
"""What each way in was tried against that we did not write, and the test that would fail without it."""
BEGIN, END = "<!-- table: written by tests/devices/test_device_docs.py -->\n", "<!-- end -->\n"


def proved(device: Device) -> str:
    if device.proved == "no":
        return "no"
    said, (file, _) = (
        ("rendering only", DRAWN)
        if device.proved == "rendered"
        else (f"against {PROOFS[device.profile][0]}", PROOFS[device.profile][1:])
    )
    return f"[{said}](../../tests/{file})"


def row(device: Device) -> str:
    size = f"{device.width_px} × {device.height_px}" if device.width_px else "–"
    text = f"{device.chars} × {device.lines}, {device.charset}" if device.chars else "–"
    doubts = ", ".join(name.removesuffix("_px") for name in device.unverified) or "–"
    ways = ", ".join(device.transports) or "none"
    cells = (
        f"[{device.name}]({PAGES[device.profile]}.md)",
        f"`{device.profile}`",
        size,
        COLOURS[device.colour],
        text,
        ways,
        proved(device),
        doubts,
    )
    return f"| {' | '.join(cells)} |"


def test_the_overview_tells_the_table() -> None:
    path = DOCS / "README.md"
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    head = (
        "| device | profile | pixels | screen | its own text | ways in | proved | not known for sure"
        " |\n|---|---|---|---|---|---|---|---|\n"
    )
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


def test_what_is_said_to_be_proved_names_a_test_that_there_is() -> None:
    claimed = {profile for profile, device in DEVICES.items() if device.proved == "foreign"}
    absent = [
        test
        for file, test in [DRAWN, *[proof[1:] for proof in PROOFS.values()]]
        if f"\ndef {test}(" not in (ROOT / "tests" / file).read_text()
    ]

    assert claimed == PROOFS.keys()
    assert absent == []
    assert {DEVICES[profile].proved for profile in ("telepathy-one", "laster", "sony-smartwatch")} == {"rendered"}
