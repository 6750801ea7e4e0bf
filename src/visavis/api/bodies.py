"""What doors take and tell where no record of the model says it already."""

from typing import Literal

from msgspec import Struct

from visavis.model.card import Brief
from visavis.model.customer import Order, Reward


class Problem(Struct, frozen=True):
    """Why not: RFC 9457 problem details. ``index`` is the moment's when several were sent."""

    type: str
    title: str
    status: int
    detail: str
    advice: str = ""
    index: int = 0
    category: str = ""
    retry_after_s: float = 0.0


class PurposeSwitch(Struct, frozen=True):
    """A choice: the notice was on the screen, and this is the gesture."""

    on: bool
    trial: bool = False


class OwnChoice(Struct, frozen=True):
    """A choice on one's own page; a ``trial`` switches itself off."""

    purpose: str
    on: bool
    trial: bool = False


class OnOff(Struct, frozen=True):
    """On, or off again."""

    on: bool


class Erasing(Struct, frozen=True):
    """The second press."""

    erase: Literal[True]


class Closing(Struct, frozen=True):
    """A whole category of data, closed."""

    on: Literal[False]


class Token(Struct, frozen=True):
    """A key, left in the page's own cookie."""

    key: str


class Seen(Struct, frozen=True):
    """A card or a brief that really is on the screen; ``ago_s`` says how long ago it came there."""

    decision: str
    ago_s: float = 0.0


class OwnAnswer(Struct, frozen=True):
    """What the person answered."""

    decision: str
    answer: Literal["yes", "no", "later", "wrong"]
    ago_s: float = 0.0


class AdvisersAnswer(Struct, frozen=True):
    """What the adviser answered; ``about`` names the fact that is wrong."""

    decision: str
    answer: Literal["done", "later", "wrong"]
    about: str = ""


class Settled(Struct, frozen=True):
    """The answer that counts, which is the first; empty when none was kept."""

    answer: str


class Instant(Struct, frozen=True):
    """Epoch seconds."""

    at: float


class OwnOrder(Order, frozen=True, array_like=False):
    """An order of the person."""


class OwnReward(Reward, frozen=True, array_like=False):
    """A reward of the person."""


class OwnWallet(Struct, frozen=True):
    """What was ordered and what was granted."""

    orders: tuple[OwnOrder, ...]
    rewards: tuple[OwnReward, ...]


class ShownBrief(Brief, frozen=True, kw_only=True):
    """A brief of this place, and for how long."""

    lasts_s: float
