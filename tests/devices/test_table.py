"""The table of devices: every row can be used, and says what is not known of it."""

import pytest
from msgspec.structs import fields

from support.people import STRATEGY, grocery
from visavis.cards.frame import height_px
from visavis.cards.layout import room_px
from visavis.model.catalogue import Device
from visavis.model.errors import Invalid
from visavis.strategy.brand import Brand
from visavis.strategy.faults import Reading
from visavis.strategy.lint import brand, ranges
from visavis.strategy.screens import DEVICES, table

KINDS_OF_THE_MISSION = (
    "google-glass-xe",
    "vuzix-m100",
    "vuzix-m400",
    "vuzix-m4000",
    "vuzix-z100",
    "telepathy-one",
    "laster",
    "sony-smartwatch",
    "sony-smartwatch-2",
    "apple-watch-42",
    "phone",
    "tablet",
    "fridge",
    "even-g1",
    "even-g2",
    "meta-rb-display",
    "mentra-live",
    "brilliant-frame",
    "brilliant-halo",
    "wear-os",
)


def test_every_device_that_the_mission_names_has_a_row() -> None:
    assert set(KINDS_OF_THE_MISSION) <= DEVICES.keys()


def test_every_strategy_knows_every_screen() -> None:
    assert STRATEGY.devices.keys() >= DEVICES.keys()
    assert DEVICES["glasses"].glance_units == 1.6
    assert not DEVICES["fridge"].interrupts


@pytest.mark.parametrize("device", DEVICES.values(), ids=lambda device: device.profile)
def test_a_row_is_whole(device: Device) -> None:
    reading = Reading({})
    if device.width_px:
        ranges(reading, "devices.toml", device, device.profile)
        assert 0 < room_px(device) <= device.width_px
        assert height_px(device) - 2 * device.padding_px >= 2 * device.font_px

    assert reading.listed() == []
    assert device.name
    assert device.source
    assert device.inputs
    assert (device.width_px == 0) is (device.colour == "none")
    assert set(device.unverified) <= {field.name for field in fields(Device)}
    assert device.chars == 0 or device.lines > 0


def test_nothing_is_said_to_be_proved_without_a_way_in() -> None:
    assert [device.profile for device in DEVICES.values() if device.proved == "foreign" and not device.transports] == []


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (
            '[x]\nkind = "glasses"\nwidth_px = 640\nlines = 4\nfont_px = 40\nglance_units = 1.6\nwidth = 3',
            "devices.toml:7: `width` is not known here",
        ),
        (
            '[x]\nkind = "toaster"\nwidth_px = 640\nlines = 4\nfont_px = 40\nglance_units = 1.6',
            "devices.toml:2: `kind`",
        ),
        ("[x]\n[x]", "this is not TOML"),
    ],
)
def test_a_faulty_row_is_told_with_its_line(row: str, fault: str) -> None:
    with pytest.raises(Invalid, match=fault):
        table(row.encode())


def test_a_brand_adds_screens_of_its_own() -> None:
    own = (
        b'[till-screen]\nkind = "home"\nwidth_px = 800\nheight_px = 480\nlines = 8\nfont_px = 30\nglance_units ='
        b" 0.2\ninterrupts = false\n"
    )
    reading = Reading(grocery() | {"devices.toml": own})
    devices = DEVICES | reading.records(Device, "devices.toml", "profile")
    brand(reading, Brand("Lina", ("fr",), "Europe/Paris", "EUR", default_device="till-screen"), devices)

    assert devices["till-screen"].height_px == 480
    assert reading.listed() == []
