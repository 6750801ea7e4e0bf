"""The one best device of the person, chosen with the decision since the price of attention depends on it; delivery may only veto."""

from visavis.model.catalogue import Device
from visavis.model.shown import DeviceState
from visavis.strategy.read import Strategy


def best(strategy: Strategy, devices: dict[str, DeviceState]) -> Device | None:
    """The worn device with battery enough that a glance costs least; with none reported, the brand's default; ``None`` when all are unfit."""
    if not devices:
        return strategy.devices.get(strategy.brand.default_device)
    fit = []
    for state in devices.values():
        device = strategy.devices.get(state.profile)
        if device is not None and state.worn and (state.battery is None or state.battery >= device.battery_floor):
            fit.append(device)
    return min(fit, key=lambda device: (device.kind != "glasses", device.glance_units, device.profile)) if fit else None
