"""Service data of a person: cards that were shown, outcomes that are awaited, devices. They are outside every view."""

from typing import Final

from msgspec import Struct

SHOWN_LIMIT: Final = 64
OPEN_LIMIT: Final = 64


class Shown(Struct, frozen=True, array_like=True, gc=False):
    """A card that took attention: decided in consent ``epoch``, confirmed when displayed, answered until ``until``."""

    decision: str
    at: float
    action: str
    family: str
    units: float
    product: str = ""
    until: float = 0.0
    displayed: bool = False
    answer: str = ""
    epoch: int = 0


class Open(Struct, frozen=True, array_like=True, gc=False):
    """A decision whose outcome is not known yet. Learning happens once, when it closes (``closes_at``, epoch seconds).

    ``families`` are those we believed in most, ``hits`` has a bit for each that was bought; ``family`` is the one on
    the card (empty when none was shown) and ``got`` says whether it was bought. Only what occurred from ``opens_at`` to
    before ``until`` counts, when it is received before ``closes_at``; with ``visit`` the first basket ends the window,
    and ``place`` is where that visit began.
    """

    decision: str
    purpose: str
    objective: str
    action: str
    opens_at: float
    until: float
    closes_at: float
    visit: bool
    families: tuple[str, ...]
    family: str
    outcome: str = "bought_family"
    place: str = ""
    hits: int = 0
    got: bool = False
    value_cents: int = 0

    @property
    def needs_till(self) -> bool:
        """Whether purchases are counted in it, which a till reports; else only an answer is."""
        return bool(self.families) or self.outcome != "answered_yes"


class Service(Struct, frozen=True, array_like=True, gc=False):
    """Cards shown, windows still open, the person's reluctance, and the families that they called wrong."""

    shown: tuple[Shown, ...] = ()
    open: tuple[Open, ...] = ()
    reluctance: float = 1.0
    wrong: tuple[str, ...] = ()

    def card(self, decision: str) -> Shown | None:
        """The card or brief of this decision, as long as it is remembered."""
        return next((card for card in reversed(self.shown) if card.decision == decision), None)


class DeviceState(Struct, frozen=True, array_like=True, gc=False):
    """A device of the person, as it last reported itself; ``worn`` is ``None`` when that is not known any more."""

    profile: str
    worn: bool | None
    battery: float | None
    at: float
    busy: bool = False
