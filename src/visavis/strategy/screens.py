"""The screens that every strategy knows without naming them.

One table, ``devices/devices.toml``, read once with the code that needs it.
"""

from importlib.resources import files
from typing import Final

from visavis.model.catalogue import Device
from visavis.model.errors import Invalid
from visavis.strategy.faults import Reading


def table(text: bytes) -> dict[str, Device]:
    """The devices of these bytes, by profile.

    :class:`Invalid` with every fault, its line included, when there is any.
    """
    reading = Reading({"devices.toml": text})
    found = reading.records(Device, "devices.toml", "profile")
    if faults := reading.listed():
        raise Invalid("The table of devices cannot be read:\n" + "\n".join(faults))
    return found


# As much a part of the code as a module is, and read when modules are: nothing opens it afterwards.
DEVICES: Final = table((files("visavis") / "devices" / "devices.toml").read_bytes())
