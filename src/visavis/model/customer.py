"""One person as the brand remembers them: a fold of entries, never edited by hand.

Each field is written from one category of data only, so that what a purpose may see is had by dropping fields
(``consent.gate.view``). Everything is bounded whatever comes: :data:`HABITS_LIMIT` habits, :data:`SHOPS_LIMIT` shops…
"""

from typing import Final, Literal, TypeVar

from msgspec import Struct

from visavis.model.consent import Consent, Served
from visavis.model.number import Number
from visavis.model.request import Request, Review
from visavis.model.shown import DeviceState, Open, Service

HABITS_LIMIT: Final = 128
HABITS_SLACK: Final = 144
SHOPS_LIMIT: Final = 4
NAMES_LIMIT: Final = 64

T = TypeVar("T")


class Purchases(Struct, frozen=True, array_like=True):
    """Written by ``bought`` only: every habit of this person, and the rhythm of their trips.

    A *habit* is what one person does with one family of products. ``rows`` gives the family's row in ``table``, a
    matrix of doubles kept as bytes (columns: ``customers.fold.HABIT``); ``usual`` the product usually taken in each
    row. ``trips`` are the scalars of ``customers.fold.TRIPS``, packed; ``shops`` the up to four places bought at, whose
    counts are in both; ``visits`` the last 64 visits, oldest first (``model.habit.VISIT``).
    """

    rows: dict[str, int] = {}
    usual: tuple[str, ...] = ()
    table: bytes = b""
    trips: bytes = b""
    shops: tuple[str, ...] = ()
    visits: bytes = b""


class Places(Struct, frozen=True, array_like=True):
    """Written by ``entered``, ``dwelled``, ``left`` and ``checked_in``.

    Where the person is now, and since when (epoch seconds).
    """

    here: str = ""
    here_kind: str = ""
    since: float = 0.0
    visits: int = 0
    checked_in: bool = False


class Stock(Struct, frozen=True, array_like=True, gc=False):
    """What the home reported of one family: units left as far as known, the last product, and when (epoch seconds)."""

    units: float
    product: str
    at: float


class Order(Struct, frozen=True, array_like=True, gc=False):
    """An order of the person and where it stands."""

    key: str
    product: str
    status: Literal["ordered", "fulfilled", "returned"]
    at: float


class Reward(Struct, frozen=True, array_like=True, gc=False):
    """Something promised to the person: granted by a yes, redeemed once at a till, worth ``cents``.

    Good until ``until`` (epoch seconds).
    """

    code: str
    action: str
    cents: int
    status: Literal["granted", "redeemed"]
    at: float
    until: float


class Customer(Struct, frozen=True):
    """Everything that the entries of one person add up to.

    ``born_at`` is when we first heard of them, ``last_contact_at`` when they last did something themselves (epoch
    seconds); ``held`` as what their entries are kept (the ``retention`` of their moments). Of a person who was merged,
    ``profiles`` keeps each customer that they are made of, as it would be without the others; ``names`` are all that
    they go by.

    ``consent_epoch`` counts their choices; ``closings`` tells in which epoch each purpose was last closed (`""`: all of
    them).
    """

    id: str
    randomization_unit: str
    born_at: float = 0.0
    entries: int = 0
    last_received_at: float = 0.0
    last_contact_at: float = 0.0
    held: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    language: str = ""
    consents: dict[str, Consent] = {}
    consent_epoch: int = 0
    closings: dict[str, int] = {}
    notices: dict[str, Served] = {}
    objections: dict[str, float] = {}
    restricted: bool = False
    of_age_at: float = 0.0
    purchases: Purchases = Purchases()
    places: Places = Places()
    home: dict[str, Stock] = {}
    numbers: dict[str, Number] = {}
    preferences: dict[str, str | float | bool] = {}
    orders: tuple[Order, ...] = ()
    rewards: tuple[Reward, ...] = ()
    devices: dict[str, DeviceState] = {}
    requests: dict[str, Request] = {}
    reviews: dict[str, Review] = {}
    service: Service = Service()
    profiles: tuple["Customer", ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that speaks for this person."""
        return tuple([side.id for side in self.profiles]) or (self.id,)

    @property
    def kept_from(self) -> float:
        """From when on it is counted how long their data are kept.

        Their last active contact, else when we first heard of them (epoch seconds).
        """
        return max(self.last_contact_at, self.born_at)

    @property
    def awaited(self) -> Open | None:
        """The open window that closes first."""
        return min(self.service.open, key=lambda window: window.closes_at, default=None)

    @property
    def next_due_at(self) -> float | None:
        """When that window closes (epoch seconds); ``None`` when nothing waits."""
        return min((window.closes_at for window in self.service.open), default=None)


def newborn(customer: str) -> Customer:
    """A person of whom nothing is known. ``randomization_unit`` never changes: holdout and dice use it."""
    return Customer(id=customer, randomization_unit=customer)


def bounded(names: dict[str, T], name: str, value: T, *, limit: int = NAMES_LIMIT) -> dict[str, T]:
    """These names with this value at the end; the oldest make room."""
    changed = {k: v for k, v in names.items() if k != name}
    while len(changed) >= limit:
        del changed[next(iter(changed))]
    changed[name] = value
    return changed
