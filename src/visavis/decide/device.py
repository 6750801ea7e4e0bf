"""The best device of the person, chosen with the decision since the price of attention depends on it."""

from visavis.model.catalogue import Device
from visavis.model.shown import DeviceState
from visavis.strategy.read import Strategy


def best(strategy: Strategy, devices: dict[str, DeviceState]) -> Device | None:
    """The fit device of least attention, one that is known to be worn first, then glasses.

    The brand's default if none ever reported; ``None`` if all are unfit.
    """
    if not devices:
        return strategy.devices.get(strategy.brand.default_device)
    known = [(device, state) for state in devices.values() if (device := strategy.devices.get(state.profile))]
    fit = [
        (state.worn is None, device.kind != "glasses", device.glance_units, device.profile)
        for device, state in known
        if not unfit(device, state)
    ]
    return strategy.devices[min(fit)[-1]] if fit else None


def unfit(device: Device, state: DeviceState) -> str:
    """Why nothing may be shown there now: ``not_worn``, ``battery`` or ``busy`` (driving, say); empty when it may."""
    if state.worn is False:
        return "not_worn"
    if state.battery is not None and state.battery < device.battery_floor:
        return "battery"
    return "busy" if state.busy and device.interrupts else ""
