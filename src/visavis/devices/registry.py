"""Which devices are whose: paired by a short code that serves once, listed with their states.

A code is random and in memory only, names neither a person nor a place, and is valid for ten minutes and one use. It
has 39 bits, and wrong codes are counted, by address and together: 120 a minute against a thousand waiting codes find
one in ten years.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from datetime import datetime
from secrets import choice, token_hex
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.model.catalogue import Device
from visavis.model.errors import Invalid, Refused
from visavis.model.moment import Worn
from visavis.model.shown import DeviceState

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No letter or figure that one takes for another: no 0 and O, no 1, I and L, no U and V."""
CODE_LENGTH: Final = 8
VALID_S: Final = 600.0
OFFERS_LIMIT: Final = 10_000
WRONG_LIMIT: Final = 10
WRONG_OF_ALL_LIMIT: Final = 120
WRONG_WITHIN_S: Final = 60.0
ADDRESSES_LIMIT: Final = 10_000
SHIFT_S: Final = 8 * 3600.0
SHIFT_LIMIT_S: Final = 16 * 3600.0


class TooMany(Refused):
    """Too many wrong codes; the next may be tried after ``retry_after_s``."""

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


class Paired(Struct, frozen=True):
    """A paired device and its last reported state; ``until`` is the end of a shift (epoch seconds; 0: none)."""

    id: str
    profile: str
    name: str
    proved: str
    worn: bool | None = None
    battery: float | None = None
    busy: bool = False
    until: float = 0.0


def worn_moment(key: AccessKey, at: datetime, *, worn: bool) -> Worn:
    """That this key's device is worn from now on, or no longer: decisions choose among the devices that are."""
    return Worn(
        id=f"worn-{token_hex(6)}", customer=key.subject, occurred_at=at, device=key.id, profile=key.profile, worn=worn
    )


class Registry:
    """Offers codes, exchanges them for keys, lists devices. ``now`` gives epoch seconds."""

    def __init__(self, access: AccessKeys, devices: Mapping[str, Device], now: Callable[[], float]) -> None:
        self._access = access
        self._devices = devices
        self._now = now
        self._offers: OrderedDict[str, Offer] = OrderedDict()
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()
        self._all_wrong: deque[float] = deque()

    def offer(self, role: Literal["device", "adviser"], subject: str, *, until: float = 0.0) -> Offer:
        """A new code, valid for ten minutes and one use."""
        code = "".join([choice(ALPHABET) for _ in range(CODE_LENGTH)])
        self._offers[code] = Offer(f"{code[:4]}-{code[4:]}", role, subject, self._now() + VALID_S, until)
        while len(self._offers) > OFFERS_LIMIT:
            self._offers.popitem(last=False)
        return self._offers[code]

    def pair(self, code: str, profile: str, address: str) -> tuple[str, AccessKey]:
        """The token and the key that this code stands for, once.

        :class:`Refused` for a code that is none (any more), :class:`TooMany` after many of them.
        """
        self._patient(address)
        if profile not in self._devices:
            raise Invalid("There is no such profile.", advice="GET /v1/devices/profiles lists them.")
        offer = self._offers.pop("".join([glyph for glyph in code.upper() if glyph.isalnum()]), None)
        if offer is None or offer.expires_at <= self._now():
            self._count(address)
            raise Refused("This code is not valid.", advice="Ask for a new one: each counts once, for ten minutes.")
        token = self._access.issue(offer.role, offer.subject, profile=profile, until=offer.until)
        return token, self._access.check(token)

    def listed(
        self, role: Literal["device", "adviser"], subject: str, states: Mapping[str, DeviceState]
    ) -> list[Paired]:
        """The devices that this person, or the advisers of this place, have now."""
        found = []
        for key in self._access.listed():
            if key.role != role or key.subject != subject or not self._access.holds(key):
                continue
            device, state = self._devices.get(key.profile), states.get(key.id)
            name, proved = (device.name or device.profile, device.proved) if device is not None else (key.profile, "no")
            paired = Paired(key.id, key.profile, name, proved, until=key.until)
            if state is not None:
                paired = replace(paired, worn=state.worn, battery=state.battery, busy=state.busy)
            found.append(paired)
        return found

    def shift(self, hours: object, asking: AccessKey) -> float:
        """When a shift that begins now ends; no later than the key that asks for it."""
        if not isinstance(hours, int | float) or isinstance(hours, bool) or not 0 < hours * 3600 <= SHIFT_LIMIT_S:
            raise Invalid(
                f"`hours` is how long the shift lasts, at most {SHIFT_LIMIT_S / 3600:.0f}.", advice='Send {"hours": 8}.'
            )
        return min(self._now() + hours * 3600, asking.until or float("inf"))

    def _patient(self, address: str) -> None:
        now = self._now()
        for wrong, limit in (
            (self._wrong.get(address, deque[float]()), WRONG_LIMIT),
            (self._all_wrong, WRONG_OF_ALL_LIMIT),
        ):
            while wrong and wrong[0] <= now - WRONG_WITHIN_S:
                wrong.popleft()
            if len(wrong) >= limit:
                raise TooMany(max(1, round(wrong[0] + WRONG_WITHIN_S - now)))

    def _count(self, address: str) -> None:
        self._wrong.setdefault(address, deque()).append(self._now())
        self._wrong.move_to_end(address)
        self._all_wrong.append(self._now())
        while len(self._wrong) > ADDRESSES_LIMIT:
            self._wrong.popitem(last=False)
