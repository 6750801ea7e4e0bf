"""A moment: one thing that happened between a person and the brand, at one instant, of one kind.

Each kind is one class: its fields, its category of data (consent is given for categories), who may send it, how long
it is kept, and whether it counts as contact. What a sender writes into ``at``, ``late``, ``back``, ``own_offset_s`` or
a line's ``family`` is never used: ``consent.gate.admit`` resolves them. JSON is read by ``model.decoding``.
"""

from datetime import date, datetime
from inspect import get_annotations
from typing import Annotated, Any, ClassVar, Final, Literal

from msgspec import Meta, Struct

Category = Literal["places", "sight", "purchases", "home", "numbers", "preferences", "orders", "service", "account"]
Role = Literal["brand", "till", "device", "adviser", "sensor"]

OURS: Final[frozenset[Category]] = frozenset({"service", "account"})
"""Categories that need no consent: what we showed, and the person's own choices."""
PROOF: Final = "proof"
"""The retention of notices, choices and what was done for them: longer than that of the data they are about."""
NOBODY: Final[frozenset[Role]] = frozenset()
"""The senders of a kind that only the server itself makes."""
BRAND: Final[frozenset[Role]] = frozenset({"brand"})
PERSON: Final[frozenset[Role]] = BRAND | {"device"}
TILL: Final[frozenset[Role]] = BRAND | {"till"}
SCREEN: Final[frozenset[Role]] = BRAND | {"adviser"}
SENSOR: Final[frozenset[Role]] = BRAND | {"sensor"}

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Name = Annotated[str, Meta(max_length=128)]
Share = Annotated[float, Meta(ge=0, le=1)]
Cents = Annotated[int, Meta(ge=-100_000_000, le=100_000_000)]
Quantity = Annotated[float, Meta(gt=0, le=10_000)]
LINES_LIMIT: Final = 500
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
"""Local days count from this one."""


class Spot(Struct, frozen=True, array_like=True, gc=False):
    """Place, local day (since 1970-01-01) and local hour (0 to 24), written by the gate.

    The local time is that of the place, else of the moment's own UTC offset, else of the person's, else of the brand.
    ``within`` are the places in which the place lies, the smallest first; ``night`` tells that only who lives or works
    there is there. Stored with the moment, so that refolding years later needs no table of places or time zones.
    """

    place: str
    place_kind: str
    local_day: int
    local_hour: float
    within: tuple[str, ...] = ()
    night: bool = False


class Line(Struct, frozen=True, array_like=True, gc=False):
    """One product of a basket; ``family`` is written by the gate; ``price_cents`` is what the whole line cost.

    A ``quantity`` below 0 came back; 0 is refused. In JSON a line is an array in this order, or an object.
    """

    product: Id
    quantity: Annotated[int, Meta(ge=-10_000, le=10_000)] | Annotated[float, Meta(ge=-10_000, le=10_000)] = 1
    price_cents: Cents = 0
    family: Name = ""


class MomentBase(Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True, gc=False):
    """What every moment has. ``id`` is the sender's: sending it again is a retry and gets the first answer.

    ``retention`` names the class of data whose retention period applies (the category, unless the kind is a proof);
    an ``active_contact`` is an act of the person, and starts that period again; a kind that ``has_local_time`` gets the
    local day and hour of its place or person. ``late``: received too long after it
    occurred to be news (``Brand.late_after``), or after something newer that ended it (``consent.overtaken``);
    ``back``: reported by a source that comes back from a silence; ``own_offset_s``: the UTC offset that the person's
    own device or home wrote ``occurred_at`` with. All three are written by the gate.
    """

    category: ClassVar[Category]
    senders: ClassVar[frozenset[Role]]
    retention: ClassVar[str]
    active_contact: ClassVar[bool] = True
    has_local_time: ClassVar[bool]

    id: Id
    customer: Id
    occurred_at: datetime
    at: Spot | None = None
    late: bool = False
    back: bool = False
    own_offset_s: int | None = None

    def __init_subclass__(cls) -> None:
        """A kind without a category or senders cannot be defined."""
        missing = [name for name in ("category", "senders") if name not in cls.__dict__]
        if missing:
            raise TypeError(f"{cls.__name__} has no {' and no '.join(missing)}: each kind of moment states its own.")
        if "retention" not in cls.__dict__:
            cls.retention = cls.category
        cls.has_local_time = cls.category not in OURS or "place" in get_annotations(cls)

    @property
    def kind(self) -> str:
        """The name of this kind: the tag of its class."""
        return str(self.__struct_config__.tag)


class Located(MomentBase, frozen=True, tag="located"):
    """A position. Never stored: what it changes becomes ``entered`` or ``left`` of a place (``consent.presence``).

    ``accuracy_m`` is the radius that holds the true position in 68 of 100 cases; 0 when the device does not say.
    """

    category = "places"
    senders = PERSON
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    accuracy_m: Annotated[float, Meta(ge=0)] = 0.0


class Entered(MomentBase, frozen=True, tag="entered"):
    """The person came into a place (the shop, an aisle, the street in front).

    ``no_entrance`` says why it wakes nothing: they were there already, the place is closed, or they live or work there.
    Written by the gate.
    """

    category = "places"
    senders = PERSON
    place: Id
    no_entrance: Literal["", "same_stay", "closed", "resident"] = ""


class Dwelled(MomentBase, frozen=True, tag="dwelled"):
    """The person stayed at a place for a while."""

    category = "places"
    senders = PERSON
    place: Id
    dwell_s: Annotated[float, Meta(ge=0, le=86_400)]


class Left(MomentBase, frozen=True, tag="left"):
    """The person left a place."""

    category = "places"
    senders = PERSON
    place: Id


class Saw(MomentBase, frozen=True, tag="saw"):
    """The person looked at a product, recognised on the device or by its code; no image is kept."""

    category = "sight"
    senders = PERSON
    product: Id
    family: Name = ""


class Paying(MomentBase, frozen=True, tag="paying"):
    """The person is at the till with these lines so far."""

    category = "purchases"
    senders = TILL
    place: Id
    lines: Annotated[tuple[Line, ...], Meta(max_length=LINES_LIMIT)] = ()


class Bought(MomentBase, frozen=True, tag="bought"):
    """The basket was paid for."""

    category = "purchases"
    senders = TILL
    place: Id
    lines: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=LINES_LIMIT)]


def bought_lines(basket: Paying | Bought) -> list[Line]:
    """The lines of this basket that are bought; those with a negative quantity come back."""
    return [line for line in basket.lines if line.quantity > 0]


class Stocked(MomentBase, frozen=True, tag="stocked"):
    """Something was put into the fridge or the cupboard."""

    category = "home"
    senders = PERSON | SENSOR
    product: Id
    quantity: Quantity = 1
    family: Name = ""


class Consumed(MomentBase, frozen=True, tag="consumed"):
    """Something was used at home."""

    category = "home"
    senders = PERSON | SENSOR
    product: Id
    quantity: Quantity = 1
    family: Name = ""


class RanOut(MomentBase, frozen=True, tag="ran_out"):
    """Nothing of it is left at home."""

    category = "home"
    senders = PERSON | SENSOR
    product: Id
    family: Name = ""


class Measured(MomentBase, frozen=True, tag="measured"):
    """One of the person's own numbers (litres of water, steps), added to the day's; ``goal`` is the aim of a day."""

    category = "numbers"
    senders = PERSON | SENSOR
    measure: Id
    value: Annotated[float, Meta(ge=-1e9, le=1e9)] = 0.0
    unit: Name = ""
    goal: Annotated[float, Meta(gt=0, le=1e9)] | None = None


class Declared(MomentBase, frozen=True, tag="declared"):
    """The person stated a trait or a preference; ``None`` takes it back."""

    category = "preferences"
    senders = PERSON
    trait: Id
    value: Annotated[str, Meta(max_length=280)] | float | bool | None


class CheckedIn(MomentBase, frozen=True, tag="checked_in"):
    """The person asked for service here: this is what opens an adviser's brief."""

    category = "places"
    senders = PERSON | TILL
    place: Id


class Asked(MomentBase, frozen=True, tag="asked"):
    """The person asked for something; the entry says whether it was granted."""

    category = "service"
    senders = PERSON
    about: Id


class Shared(MomentBase, frozen=True, tag="shared"):
    """The person passed a card or a product on."""

    category = "preferences"
    senders = PERSON
    decision: Name = ""
    product: Name = ""


class Displayed(MomentBase, frozen=True, tag="displayed"):
    """A device reports that a card was on its screen."""

    category = "service"
    senders = PERSON | SCREEN
    active_contact = False
    decision: Id


class Answered(MomentBase, frozen=True, tag="answered"):
    """An answer to a card or a brief; ``about`` names the family that is ``wrong``."""

    category = "service"
    senders = PERSON | SCREEN
    decision: Id
    answer: Annotated[str, Meta(pattern="^(yes|no|later|done|wrong)$")]
    about: Name = ""


class Ordered(MomentBase, frozen=True, tag="ordered"):
    """An order was placed."""

    category = "orders"
    senders = BRAND
    order: Id
    product: Name = ""


class Fulfilled(MomentBase, frozen=True, tag="fulfilled"):
    """An order arrived."""

    category = "orders"
    senders = BRAND
    active_contact = False
    order: Id


class Returned(MomentBase, frozen=True, tag="returned"):
    """An order came back; or products of earlier baskets (the gate makes this a ``bought`` with quantities below 0)."""

    category = "orders"
    senders = TILL
    order: Name = ""
    place: Name = ""
    lines: Annotated[tuple[Line, ...], Meta(max_length=LINES_LIMIT)] = ()


class Redeeming(MomentBase, frozen=True, tag="redeeming"):
    """A till asks to redeem a reward; the entry says whether it was granted."""

    category = "orders"
    senders = TILL
    code: Id


class Reversed(MomentBase, frozen=True, tag="reversed"):
    """A till takes a redemption back."""

    category = "orders"
    senders = TILL
    code: Id


class Noticed(MomentBase, frozen=True, tag="noticed"):
    """A notice was shown; ``asked`` when the brand showed it unasked. The gate writes its text, scope and hash."""

    category = "account"
    senders = PERSON
    retention = PROOF
    active_contact = False
    purpose: Id
    notice: Id
    language: Annotated[str, Meta(pattern="^(fr|en)$")] = "fr"
    surface: Name = ""
    asked: bool = False
    text: str = ""
    hash: Name = ""
    categories: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    iri: tuple[str, ...] = ()


class ChoiceProof(Struct, frozen=True, gc=False):
    """What proves a choice that a person made elsewhere: how they made it, the document that says so, and when."""

    method: Annotated[str, Meta(min_length=1, max_length=128)]
    document: Annotated[str, Meta(min_length=1, max_length=128)]
    at: Annotated[datetime, Meta(tz=True)]


class Consented(MomentBase, frozen=True, tag="consented"):
    """A yes to one purpose; a ``trial`` ends after 30 days. The gate writes the scope served, ``since`` and ``until``.

    ``proof`` is the brand's, of a yes that was said elsewhere: it counts from that time.
    """

    category = "account"
    senders = PERSON
    retention = PROOF
    purpose: Id
    notice: Id
    by: Annotated[str, Meta(pattern="^(person|guardian)$")] = "person"
    method: Name = ""
    proof: ChoiceProof | None = None
    trial: bool = False
    categories: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    iri: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


class Withdrew(MomentBase, frozen=True, tag="withdrew"):
    """A no to one purpose: taken back, refused, left for later, revoked by someone else, or found invalid."""

    category = "account"
    senders = PERSON
    retention = PROOF
    purpose: Id
    how: Annotated[str, Meta(pattern="^(withdrawn|deferred|revoked|invalidated)$")] = "withdrawn"
    method: Name = ""


class Objected(MomentBase, frozen=True, tag="objected"):
    """An objection to ``marketing``, ``sharing`` or one purpose by its key. The gate writes the purposes it closes."""

    category = "account"
    senders = PERSON
    retention = PROOF
    about: Id
    on: bool = True
    method: Name = ""
    purposes: tuple[str, ...] = ()


class Restricted(MomentBase, frozen=True, tag="restricted"):
    """The person asked that their data be kept and not read, or (``on = false``) lifted that."""

    category = "account"
    senders = PERSON
    retention = PROOF
    on: bool = True


class Born(MomentBase, frozen=True, tag="born"):
    """When the person was born; the gate keeps only when they come of age to consent alone."""

    category = "account"
    senders = BRAND
    retention = PROOF
    active_contact = False
    birth_date: date | None = None
    of_age_at: datetime | None = None


class Requested(MomentBase, frozen=True, tag="requested"):
    """A right that the person exercises, or a step of that request; to be answered by ``expected_at``.

    A correction that waits for the brand says ``of`` which moment, and its fields ``instead`` (``None``: delete it).
    """

    category = "account"
    senders = NOBODY
    request: Id
    right: Annotated[str, Meta(pattern="^(access|rectification|erasure|restriction|objection|review)$")]
    status: Annotated[str, Meta(pattern="^(acknowledged|requires_action|delayed|rejected|fulfilled)$")] = "acknowledged"
    expected_at: datetime | None = None
    reason: Annotated[str, Meta(max_length=280)] = ""
    by: Annotated[str, Meta(pattern="^(person|brand)$")] = "person"
    of: Name = ""
    instead: dict[str, Any] | None = None


class Corrected(MomentBase, frozen=True, tag="corrected"):
    """A correction: the entry of the moment ``of`` was amended, or an inferred ``family`` was hidden."""

    category = "account"
    senders = NOBODY
    of: Name = ""
    family: Name = ""


class Lapsed(MomentBase, frozen=True, tag="lapsed"):
    """These data were deleted when their retention ended; ``contact_at`` is the last active contact."""

    category = "account"
    senders = NOBODY
    retention = PROOF
    active_contact = False
    categories: tuple[str, ...] = ()
    contact_at: datetime | None = None


class Contested(MomentBase, frozen=True, tag="contested"):
    """The person contests an automated decision. The gate writes its action, its tag, and by when it is reviewed."""

    category = "account"
    senders = NOBODY
    decision: Id
    view: Annotated[str, Meta(min_length=1, max_length=2000)]
    action: Name = ""
    tag: Annotated[str, Meta(pattern="^(price|eligibility|credit|refusal)$")] = "refusal"
    due_at: datetime | None = None


class Reviewed(MomentBase, frozen=True, tag="reviewed"):
    """A person at the brand reviewed a contested decision: confirmed or changed it, and why."""

    category = "account"
    senders = NOBODY
    active_contact = False
    decision: Id
    outcome: Annotated[str, Meta(pattern="^(confirmed|changed)$")]
    reasons: Annotated[str, Meta(min_length=1, max_length=2000)]


class Sought(MomentBase, frozen=True, tag="sought"):
    """Somebody else sought what only the person may do (``what``, ``about`` which): it waits on their own page.

    The gate writes it in the place of the moment that was sent, and until when it waits.
    """

    category = "account"
    senders = NOBODY
    retention = PROOF
    active_contact = False
    what: Annotated[str, Meta(pattern="^(consent|objection|restriction|link)$")]
    about: Name = ""
    until: datetime | None = None


class Confirmed(MomentBase, frozen=True, tag="confirmed"):
    """The person answered what waited for them: that of the moment ``of``."""

    category = "account"
    senders = NOBODY
    retention = PROOF
    of: Id
    yes: bool


class Proposed(MomentBase, frozen=True, tag="proposed"):
    """The person proposed an offer or a product."""

    category = "preferences"
    senders = PERSON
    proposal: Id
    text: Annotated[str, Meta(max_length=280)]


class Voted(MomentBase, frozen=True, tag="voted"):
    """The person voted on a proposal."""

    category = "preferences"
    senders = PERSON
    proposal: Id
    vote: Annotated[int, Meta(ge=-1, le=1)]


class Worn(MomentBase, frozen=True, tag="worn"):
    """A device was put on or taken off, or reports its state; ``busy``: it judges that this is no time to interrupt."""

    category = "service"
    senders = PERSON
    device: Id
    profile: Name = "glasses"
    worn: bool = True
    battery: Share | None = None
    busy: bool = False


class Linked(MomentBase, frozen=True, tag="linked"):
    """An identifier (a hash) was attached. The gate writes ``how``, and ``merge`` or the ``owner`` of a bare ``card``.

    ``extended``: it is of a bare card (or a bare card asks), which then is its owner's; ``waiting``: it is another
    person's, and both are asked under the number ``merge``; ``merged``: both confirmed.
    """

    category = "account"
    senders = BRAND
    active_contact = False
    identifier: Id
    how: Annotated[str, Meta(pattern="^(linked|extended|waiting|merged)$")] = "linked"
    merge: Name = ""
    card: Name = ""
    owner: Name = ""
    until: datetime | None = None


class Merging(MomentBase, frozen=True, tag="merging"):
    """A step towards being merged with another person: asked, confirmed, refused; or a one-time code was made.

    Of a code, only its hash is kept, until ``until``. ``method``: on the person's own page, or by their code.
    """

    category = "account"
    senders = NOBODY
    retention = PROOF
    step: Annotated[str, Meta(pattern="^(asked|coded|confirmed|refused)$")]
    merge: Name = ""
    identifier: Name = ""
    code: Name = ""
    method: Annotated[str, Meta(pattern="^(|page|code)$")] = ""
    until: datetime | None = None


class UsedTogether(MomentBase, frozen=True, tag="used_together"):
    """A decision about a person merged with this one read data of this one: for a purpose, these categories.

    ``by`` is who read them, as in a use; ``shown`` says whether a card was made of them.
    """

    category = "service"
    senders = NOBODY
    active_contact = False
    purpose: Id
    categories: tuple[str, ...]
    by: Name = ""
    shown: bool = False


class Consulted(MomentBase, frozen=True, tag="consulted"):
    """The brand's staff looked at one of the person's moments (``about``), or at their ``wallet``, with these data."""

    category = "service"
    senders = NOBODY
    active_contact = False
    about: Id
    categories: tuple[str, ...] = ()


class Unlinked(MomentBase, frozen=True, tag="unlinked"):
    """An identifier was detached."""

    category = "account"
    senders = PERSON
    identifier: Id


class Due(MomentBase, frozen=True, tag="due"):
    """Time has come: the server wakes the person at ``next_due_at``, and every window that has ended closes.

    ``unobserved`` are the decisions among them during whose window no till was working.
    """

    category = "service"
    senders = NOBODY
    active_contact = False
    unobserved: tuple[str, ...] = ()


AtPlace = Located | Entered | Dwelled | Left
OfProduct = Saw | Paying | Bought | Stocked | Consumed | RanOut
OfPerson = Measured | Declared | CheckedIn | Asked | Shared | Displayed | Answered
OfOrder = Ordered | Fulfilled | Returned | Redeeming | Reversed
OfChoice = Noticed | Consented | Withdrew | Objected | Restricted | Born
OfRight = Consulted | Requested | Corrected | Lapsed | Contested | Reviewed | Sought | Confirmed
OfAccount = Proposed | Voted | Worn | Linked | Unlinked | Merging | UsedTogether | Due
Moment = AtPlace | OfProduct | OfPerson | OfOrder | OfChoice | OfRight | OfAccount

KINDS: Final[dict[str, type[MomentBase]]] = {str(kind.__struct_config__.tag): kind for kind in Moment.__args__}
"""Every kind of moment by its name."""
