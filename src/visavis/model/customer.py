"""One person as a fold of entries, bounded in size (:data:`HABITS_LIMIT` habits, :data:`SHOPS_LIMIT` shops, …)."""
# Each field is written from one category of data only: a view for a purpose drops fields (``consent.gate.view``).

from typing import Final, Literal, TypeVar

from msgspec import Struct

from visavis.model.consent import Consent, Served
from visavis.model.number import Number
from visavis.model.request import Request, Review, Waiting
from visavis.model.shown import DeviceState, Open, Service

HABITS_LIMIT: Final = 128
CHANGES_LIMIT: Final = 8
HABITS_SLACK: Final = 144
SHOPS_LIMIT: Final = 4
PLACES_LIMIT: Final = 8
NAMES_LIMIT: Final = 64
SETTLING_S: Final = 600.0
"""How long after it came back from a silence a source may take to report all that it holds."""

T = TypeVar("T")


class Purchases(Struct, frozen=True, array_like=True, gc=False):
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


class Places(Struct, frozen=True, array_like=True, gc=False):
    """Where the person is, from ``entered``, ``dwelled``, ``left``, ``checked_in``; no position, no distance.

    ``at`` is when they were last known to be somewhere (epoch seconds): in each place of ``chain``, of which each lies
    in the next, the first since ``since``. ``left`` are the places that they left since then, and when; ``entered``
    those of the chain whose entrance was reported; ``checked_in`` the one where they asked for service. ``resident``
    says when they last stayed in a place at night, as only who lives or works there.
    """

    chain: tuple[str, ...] = ()
    since: float = 0.0
    checked_in: str = ""
    at: float = 0.0
    left: dict[str, float] = {}
    entered: tuple[str, ...] = ()
    resident: dict[str, float] = {}

    @property
    def inside(self) -> tuple[str, ...]:
        """The places in which they are, the smallest first: leaving one leaves all that lie in it."""
        gone = max([i + 1 for i, place in enumerate(self.chain) if place in self.left], default=0)
        return self.chain[gone:]

    @property
    def here(self) -> str:
        """The smallest of these places; empty when they are in none."""
        inside = self.inside
        return inside[0] if inside else ""


class Stock(Struct, frozen=True, array_like=True, gc=False):
    """What the home reported of one family: units left, the last product, and when (epoch seconds).

    ``changes`` are the last reports in the order in which they occurred: when, and the units added (below zero: taken;
    ``None``: it ran out); ``base`` are the units before them. So one that arrives late takes its place among them.
    """

    units: float
    product: str
    at: float
    changes: tuple[tuple[float, float | None], ...] = ()
    base: float = 0.0


class Order(Struct, frozen=True, array_like=True, gc=False):
    """An order of the person and its status."""

    key: str
    product: str
    status: Literal["ordered", "fulfilled", "returned"]
    at: float


class Reward(Struct, frozen=True, array_like=True, gc=False):
    """A reward of ``cents``: granted by a yes, redeemed once at a till, until ``until`` (epoch seconds)."""

    code: str
    action: str
    cents: int
    status: Literal["granted", "redeemed"]
    at: float
    until: float


class Merge(Struct, frozen=True, array_like=True, gc=False):
    """A merge with another person that waits for both until ``until`` (epoch seconds); ``by`` is how this one agreed.

    ``asker``: the brand asked it under this person's name; ``refused`` by this one.
    """

    identifier: str
    at: float
    until: float
    asker: bool = False
    by: str = ""
    refused: bool = False


class Customer(Struct, frozen=True, gc=False):
    """The state of one person.

    ``born_at`` is when their first entry was received, ``last_contact_at`` when their last active contact occurred
    (epoch seconds; 0 before); ``held`` are the retention classes of their entries. ``consent_epoch`` counts their
    choices; ``closings`` gives the epoch in which each purpose was last closed (``""``: all of them); ``closed_times``
    the times of objections and restrictions (``""``) that were lifted. Of a merged person, ``profiles`` keeps each
    customer that they are made of, as it would be without the others. ``declared_at`` says when each preference was
    last declared or taken back. ``out_of_order``: a basket or a change of a stock came after a later one, so
    ``purchases`` and ``home`` are approximate until ``customers.reordered`` mends them. ``home_back_at`` is when the
    home last reported again after it had been silent for too long (epoch seconds). ``language`` is that of the last
    notice, shown at ``language_at``; ``offset_s`` the UTC offset that their own device or home last wrote, at
    ``offset_at``. ``merges`` are merges that wait, or waited, by number; ``code`` is the hash of the one-time code that
    confirms one, and until when. Of a profile that was a bare card, ``extends`` is the customer whose card it is.
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
    language_at: float = 0.0
    offset_s: int | None = None
    offset_at: float = 0.0
    consents: dict[str, Consent] = {}
    consent_epoch: int = 0
    closings: dict[str, int] = {}
    notices: dict[str, Served] = {}
    objections: dict[str, float] = {}
    restricted: bool = False
    restricted_at: float = 0.0
    closed_times: dict[str, tuple[tuple[float, float], ...]] = {}
    of_age_at: float = 0.0
    purchases: Purchases = Purchases()
    places: Places = Places()
    home: dict[str, Stock] = {}
    home_back_at: float = 0.0
    numbers: dict[str, Number] = {}
    preferences: dict[str, str | float | bool] = {}
    declared_at: dict[str, float] = {}
    out_of_order: bool = False
    orders: tuple[Order, ...] = ()
    rewards: tuple[Reward, ...] = ()
    devices: dict[str, DeviceState] = {}
    requests: dict[str, Request] = {}
    reviews: dict[str, Review] = {}
    waiting: tuple[Waiting, ...] = ()
    service: Service = Service()
    merges: dict[str, Merge] = {}
    code: tuple[str, float] = ("", 0.0)
    extends: str = ""
    profiles: tuple["Customer", ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every customer id of this person: one, unless they were merged."""
        return tuple([profile.id for profile in self.profiles]) or (self.id,)

    def profile(self, name: str) -> "Customer":
        """What came under this name; the person, unless they were merged."""
        return next((profile for profile in self.profiles if profile.id == name), self)

    @property
    def sides(self) -> tuple[tuple[str, ...], ...]:
        """The names of each human being behind this customer: a customer id, and the bare cards that extend it."""
        names = self.names
        owners = {one.id: one.extends if one.extends in names else one.id for one in self.profiles}
        each = dict.fromkeys(owners.values())
        return tuple([tuple([name for name in owners if owners[name] == owner]) for owner in each]) or ((self.id,),)

    @property
    def kept_from(self) -> float:
        """The start of the retention period: the last active contact, else the first entry (epoch seconds)."""
        return self.last_contact_at or self.born_at

    @property
    def awaited(self) -> Open | None:
        """The open window that closes first."""
        return min(self.service.open, key=lambda window: window.closes_at, default=None)

    @property
    def next_due_at(self) -> float | None:
        """When that window closes (epoch seconds); ``None`` when nothing waits."""
        return min((window.closes_at for window in self.service.open), default=None)


def newborn(customer: str) -> Customer:
    """A person without entries. ``randomization_unit`` never changes: holdout and draws use it."""
    return Customer(id=customer, randomization_unit=customer)


def bounded(names: dict[str, T], name: str, value: T, *, limit: int = NAMES_LIMIT) -> dict[str, T]:
    """These names with this value at the end; the oldest are dropped to make room."""
    changed = {k: v for k, v in names.items() if k != name}
    while len(changed) >= limit:
        del changed[next(iter(changed))]
    changed[name] = value
    return changed
