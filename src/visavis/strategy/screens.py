"""The built-in table of devices, ``devices/devices.toml``, which every strategy knows."""

from importlib.resources import files
from typing import Final

from visavis.model.catalogue import Device
from visavis.model.errors import Invalid
from visavis.strategy.faults import Reading


def table(text: bytes) -> dict[str, Device]:
    """The devices of these bytes, by profile; :class:`Invalid` with every fault and its line."""
    reading = Reading({"devices.toml": text})
    found = reading.records(Device, "devices.toml", "profile")
    if faults := reading.listed():
        raise Invalid("The table of devices cannot be read:\n" + "\n".join(faults))
    return found


# Read at import like a module: the core opens no file afterwards.
DEVICES: Final = table((files("visavis") / "devices" / "devices.toml").read_bytes())
