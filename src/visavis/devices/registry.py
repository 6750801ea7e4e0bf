"""Which devices are whose: paired with a short code that counts once, listed with their state, revoked at once.

A code names no person or place, is in no file, and is valid for ten minutes and one use. It has 39 random bits; wrong
codes are limited: 120 a minute against a thousand valid codes find one in ten years.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from math import ceil
from secrets import token_hex
from time import time
from typing import Final, Literal

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from msgspec import Struct

from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.model.catalogue import Device
from visavis.model.errors import Invalid, Refused
from visavis.model.ids import own_id
from visavis.model.moment import Worn
from visavis.model.shown import DeviceState
from visavis.rights.one_time_codes import new_code, shown, typed

VALID_S: Final = 600.0
OFFERS_LIMIT: Final = 10_000
WRONG_LIMIT: Final = 10
WRONG_OF_ALL_LIMIT: Final = 120
WRONG_WITHIN_S: Final = 60
BY_ADDRESS: Final = RateLimitItemPerSecond(WRONG_LIMIT, WRONG_WITHIN_S, namespace="address")
IN_ALL: Final = RateLimitItemPerSecond(WRONG_OF_ALL_LIMIT, WRONG_WITHIN_S, namespace="all")
"""Counted by the machine's own clock: turning the clock of a rehearsal forgives no attempt."""
SHIFT_S: Final = 8 * 3600.0
SHIFT_LIMIT_S: Final = 16 * 3600.0


class TooMany(Refused):
    """Too many wrong codes; ``retry_after_s`` says when the next may be tried."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("Too many wrong codes.", advice="Wait, then type the code that is on the other screen.")
        self.retry_after_s = retry_after_s


class Offer(Struct, frozen=True):
    """A code that waits to be used; ``until`` is the end of an adviser's shift (epoch seconds)."""

    code: str
    role: Literal["device", "adviser"]
    subject: str
    expires_at: float
    until: float = 0.0


class OwnDevice(Struct, frozen=True):
    """A device and its last reported state (``None``: not known); ``until`` ends a shift (epoch s, 0: none)."""

    id: str
    profile: str
    name: str
    proved: str
    worn: bool | None
    battery: float | None
    busy: bool
    until: float


def worn_moment(key: AccessKey, at: datetime, *, worn: bool) -> Worn:
    """That this key's device is worn from now on, or no longer: decisions choose among the devices that are."""
    name = own_id("worn", token_hex(6))
    return Worn(id=name, customer=key.subject, occurred_at=at, device=key.id, profile=key.profile, worn=worn)


class Registry:
    """Offers codes, exchanges them for keys, lists devices. ``now`` gives epoch seconds."""

    def __init__(self, access: AccessKeys, devices: Mapping[str, Device], now: Callable[[], float]) -> None:
        self._access = access
        self._devices = devices
        self._now = now
        self._offers: OrderedDict[str, Offer] = OrderedDict()
        self._attempts = FixedWindowRateLimiter(MemoryStorage())

    def offer(self, role: Literal["device", "adviser"], subject: str, *, until: float = 0.0) -> Offer:
        """A new code, valid for ten minutes and one use."""
        code = new_code()
        self._offers[code] = Offer(shown(code), role, subject, self._now() + VALID_S, until)
        while len(self._offers) > OFFERS_LIMIT:
            self._offers.popitem(last=False)
        return self._offers[code]

    def pair(self, code: str, profile: str, address: str) -> tuple[str, AccessKey]:
        """Token and key of this code, once; :class:`Refused` for no valid code, :class:`TooMany` after many."""
        self._check_attempts(address)
        if profile not in self._devices:
            raise Invalid("There is no such profile.", advice="GET /v1/devices/profiles lists them.")
        offer = self._offers.pop(typed(code), None)
        if offer is None or offer.expires_at <= self._now():
            self._count_wrong(address)
            raise Refused("This code is not valid.", advice="Ask for a new one: each counts once, for ten minutes.")
        token = self._access.issue(offer.role, offer.subject, profile=profile, until=offer.until)
        return token, self._access.check(token)

    def listed(
        self, role: Literal["device", "adviser"], subject: str, states: Mapping[str, DeviceState]
    ) -> list[OwnDevice]:
        """The devices that this person, or the advisers of this place, have now."""
        found = []
        for key in self._access.listed():
            if key.role != role or key.subject != subject or not self._access.holds(key):
                continue
            device, state = self._devices.get(key.profile), states.get(key.id)
            name, proved = (device.name or device.profile, device.proved) if device is not None else (key.profile, "no")
            worn, battery, busy = (state.worn, state.battery, state.busy) if state is not None else (None, None, False)
            found.append(OwnDevice(key.id, key.profile, name, proved, worn, battery, busy, key.until))
        return found

    def shift(self, hours: float, asking: AccessKey) -> float:
        """When a shift that begins now ends; no later than the key that asks for it."""
        if not 0 < hours * 3600 <= SHIFT_LIMIT_S:
            raise Invalid(
                f"`hours` is how long the shift lasts, at most {SHIFT_LIMIT_S / 3600:.0f}.", advice='Send {"hours": 8}.'
            )
        return min(self._now() + hours * 3600, asking.until or float("inf"))

    def _check_attempts(self, address: str) -> None:
        """:class:`TooMany` when this address, or all together, have sent too many wrong codes."""
        for limit, sender in ((BY_ADDRESS, address), (IN_ALL, "")):
            if not self._attempts.test(limit, sender):
                raise TooMany(max(1, ceil(self._attempts.get_window_stats(limit, sender).reset_time - time())))

    def _count_wrong(self, address: str) -> None:
        self._attempts.hit(BY_ADDRESS, address)
        self._attempts.hit(IN_ALL, "")
