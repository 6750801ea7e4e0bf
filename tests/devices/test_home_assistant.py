"""Home Assistant makes our card and buttons, shows what the fridge reports; its owner's press is one order."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.devices.broker import Mosquitto, a_broker, houses
from support.devices.home_assistant import PROGRAM, an_assistant, version
from support.devices.hosting import soon
from support.people import NOON, STRATEGY
from support.required import require_peer
from visavis.model.moment import Answered, RanOut

until = partial(soon, seconds=30)  # it is never in a hurry
MILK = next(iter(STRATEGY.products))

require_peer(PROGRAM.is_file(), "Home Assistant is not there: make peers")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with a_broker(tmp_path) as found:
        yield found


@pytest.mark.parametrize("style", ["entity", "device"])
def test_its_core_makes_the_card_and_its_buttons_and_a_press_is_one_order(
    broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory, style: str
) -> None:
    reads_devices = style != "device" or version() >= (2024, 12)
    require_peer(reads_devices, f"Home Assistant {version()} reads no devices: make peers PYTHON=python3.12")
    with (
        an_assistant(tmp_path_factory.mktemp("assistant")) as assistant,
        houses(broker, discovery="homeassistant", style=style) as street,
    ):
        home, brand = street.home(), STRATEGY.brand.name

        def card() -> dict[str, Any]:
            return assistant.entities("sensor").get(brand, {})

        assistant.connects(broker, home.id, home.topic("status"))
        until(lambda: street.worn(home) and card())
        street.broker.say(
            home.id,
            f"homeassistant/event/{home.id}/door/config",
            {
                "name": "Frigo",
                "unique_id": "f1",
                "event_types": ["low_stock", "out_of_stock"],
                "state_topic": home.topic("event"),
            },
            "-r",
        )

        def hears() -> bool:
            """It asks the broker for what it learned of only a little later: until then say what nothing is made of."""
            home.says("event", {"event_type": "low_stock", "gtin": MILK, "time": NOON.isoformat()})
            return bool(assistant.entities("event").get("Frigo", {"attributes": {}})["attributes"].get("event_type"))

        until(hears)
        before = assistant.entities("button")

        home.says("event", {"event_type": "out_of_stock", "gtin": MILK, "time": NOON.isoformat()})
        until(lambda: "decision" in card()["attributes"])
        until(
            lambda: [one["state"] for one in assistant.entities("button").values()] == ["unknown"] * 2
        )  # there, and never pressed
        shown = card()
        assistant.presses(f"{brand} Commander")
        until(lambda: not assistant.entities("button") and "decision" not in card()["attributes"])
        effects = until(lambda: [effect for entry in street.site.entries(home.person) for effect in entry.effects])

        assert before == {}
        assert len(street.moments(home, RanOut)) == 1
        assert "n’y en a plus" in shown["state"]
        assert shown["attributes"]["yes"] == "Commander"
        assert "n’y en a plus" not in card()["state"]
        assert assistant.entities("event")["Frigo"]["attributes"]["event_type"] == "out_of_stock"
        assert [one.answer for one in street.moments(home, Answered)] == ["yes"]
        assert [effect.kind for effect in effects] == ["order"]
