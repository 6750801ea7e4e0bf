"""A moment: one thing that happened between a person and the brand, at one instant, of one kind.

A moment comes from outside (a device, a till, the fridge, a page) as a JSON object whose ``kind`` names one of the
records below. Unknown fields are dropped, everything else is strict: :func:`decode` either returns a valid moment or
raises one :class:`~visavis.model.errors.Invalid`. What the sender writes into ``at`` or into a line's ``family`` is
never believed: the door (``consent.gate.admit``) resolves both.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from visavis.model.errors import Invalid

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Name = Annotated[str, Meta(max_length=128)]
Share = Annotated[float, Meta(ge=0, le=1)]
Cents = Annotated[int, Meta(ge=-100_000_000, le=100_000_000)]

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_SKEW: Final = timedelta(minutes=5)
LINES_LIMIT: Final = 500


class Spot(Struct, frozen=True, array_like=True, gc=False):
    """Where and when in the person's own terms.

    Written by the door, so that refolding years later needs no table of places or zones.

    ``local_day`` counts days since 1970-01-01 in the zone of the place (else the person's); ``local_hour`` is in [0,
    24).
    """

    place: str
    place_kind: str
    local_day: int
    local_hour: float


class Line(Struct, frozen=True, array_like=True, gc=False):
    """One product of a basket; ``family`` is written by the door; ``price_cents`` is what the whole line cost."""

    product: Id
    quantity: Annotated[int, Meta(gt=0, le=10_000)] | Annotated[float, Meta(gt=0, le=10_000)] = 1
    price_cents: Cents = 0
    family: Name = ""


class MomentBase(Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """What every moment says. ``id`` is the sender's: sending it again is a retry and gets the first answer."""

    id: Id
    customer: Id
    occurred_at: datetime
    at: Spot | None = None


class Located(MomentBase, frozen=True, tag="located"):
    """A position. Never stored: the door turns it into ``entered`` of the place that contains it, or refuses it."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    accuracy_m: Annotated[float, Meta(ge=0)] = 0.0


class Entered(MomentBase, frozen=True, tag="entered"):
    """The person came into a place (the shop, an aisle, the street in front)."""

    place: Id


class Dwelled(MomentBase, frozen=True, tag="dwelled"):
    """The person stayed at a place for a while."""

    place: Id
    dwell_s: Annotated[float, Meta(ge=0, le=86_400)]


class Left(MomentBase, frozen=True, tag="left"):
    """The person left a place."""

    place: Id


class Saw(MomentBase, frozen=True, tag="saw"):
    """The person looked at a product; recognised on the device or by its code, no image is kept."""

    product: Id
    family: Name = ""


class Paying(MomentBase, frozen=True, tag="paying"):
    """The person is at the till with these lines so far."""

    place: Id
    lines: Annotated[tuple[Line, ...], Meta(max_length=LINES_LIMIT)] = ()


class Bought(MomentBase, frozen=True, tag="bought"):
    """The basket was paid for."""

    place: Id
    lines: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=LINES_LIMIT)]


class Stocked(MomentBase, frozen=True, tag="stocked"):
    """Something was put into the fridge or the cupboard."""

    product: Id
    quantity: Annotated[float, Meta(gt=0, le=10_000)] = 1
    family: Name = ""


class Consumed(MomentBase, frozen=True, tag="consumed"):
    """Something was used at home."""

    product: Id
    quantity: Annotated[float, Meta(gt=0, le=10_000)] = 1
    family: Name = ""


class RanOut(MomentBase, frozen=True, tag="ran_out"):
    """Nothing of it is left at home."""

    product: Id
    family: Name = ""


class Measured(MomentBase, frozen=True, tag="measured"):
    """One of the person's own numbers (litres of water, steps), added to the day's.

    ``goal`` sets what they aim at in a day.

    Read by nothing but their own pages and cards.
    """

    measure: Id
    value: Annotated[float, Meta(ge=-1e9, le=1e9)] = 0.0
    unit: Name = ""
    goal: Annotated[float, Meta(gt=0, le=1e9)] | None = None


class Declared(MomentBase, frozen=True, tag="declared"):
    """The person said something about themselves: a trait or a preference; ``None`` takes it back."""

    trait: Id
    value: Annotated[str, Meta(max_length=280)] | float | bool | None


class CheckedIn(MomentBase, frozen=True, tag="checked_in"):
    """The person asked to be looked after here: this is what opens an adviser's brief."""

    place: Id


class Asked(MomentBase, frozen=True, tag="asked"):
    """The person asked for something; the entry says whether it was granted."""

    about: Id


class Shared(MomentBase, frozen=True, tag="shared"):
    """The person passed a card or a product on."""

    decision: Name = ""
    product: Name = ""


class Displayed(MomentBase, frozen=True, tag="displayed"):
    """A device says that a card really was on the screen."""

    decision: Id


class Answered(MomentBase, frozen=True, tag="answered"):
    """An answer to a card or a brief.

    ``yes``, ``no``, ``later``, ``done`` or ``wrong`` (``about`` then names the family that is wrong).
    """

    decision: Id
    answer: Annotated[str, Meta(pattern="^(yes|no|later|done|wrong)$")]
    about: Name = ""


class Ordered(MomentBase, frozen=True, tag="ordered"):
    """An order was placed."""

    order: Id
    product: Name = ""


class Fulfilled(MomentBase, frozen=True, tag="fulfilled"):
    """An order arrived."""

    order: Id


class Returned(MomentBase, frozen=True, tag="returned"):
    """An order came back."""

    order: Id


class Redeeming(MomentBase, frozen=True, tag="redeeming"):
    """A till asks to redeem a reward; the entry says whether it was granted."""

    code: Id


class Reversed(MomentBase, frozen=True, tag="reversed"):
    """A till takes a redemption back."""

    code: Id


class Noticed(MomentBase, frozen=True, tag="noticed"):
    """A notice was shown: which purpose, which version, in which language, on what.

    ``asked`` when the brand showed it unasked.

    The door writes what was shown, exactly: the hash of its words, and its scope.
    """

    purpose: Id
    notice: Id
    language: Annotated[str, Meta(pattern="^(fr|en)$")] = "fr"
    surface: Name = ""
    asked: bool = False
    hash: Name = ""
    categories: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    iri: tuple[str, ...] = ()


class Consented(MomentBase, frozen=True, tag="consented"):
    """A yes to one purpose, by the person or by who answers for them.

    A ``trial`` switches itself off after thirty days.

    The door writes the scope of the notice that was served to them, and until when the yes holds.
    """

    purpose: Id
    notice: Id
    by: Annotated[str, Meta(pattern="^(person|guardian)$")] = "person"
    method: Name = ""
    trial: bool = False
    categories: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    iri: tuple[str, ...] = ()
    until: datetime | None = None


class Withdrew(MomentBase, frozen=True, tag="withdrew"):
    """A no to one purpose: the person took it back, refused it or left it for later.

    Or it was revoked by someone else, or found invalid.
    """

    purpose: Id
    how: Annotated[str, Meta(pattern="^(withdrawn|deferred|revoked|invalidated)$")] = "withdrawn"
    method: Name = ""


class Objected(MomentBase, frozen=True, tag="objected"):
    """The person objects: to all ``marketing``, to ``sharing`` with others, or to one purpose by its key.

    ``on = false`` takes it back.

    The door writes the purposes that this closes.
    """

    about: Id
    on: bool = True
    method: Name = ""
    purposes: tuple[str, ...] = ()


class Restricted(MomentBase, frozen=True, tag="restricted"):
    """The person asked that their data be kept and not read, or (``on = false``) lifted that."""

    on: bool = True


class Born(MomentBase, frozen=True, tag="born"):
    """When the person was born; the door keeps only when they come of age to consent alone, and drops the rest."""

    birth_date: date | None = None
    of_age_at: datetime | None = None


class Requested(MomentBase, frozen=True, tag="requested"):
    """The person exercises a right, or their request moves on; it is to be answered by ``expected_at``.

    Said by the door of rights only.

    A correction that waits for the brand tells ``of`` which moment, and what its fields should say ``instead``
    (``None``: it never happened).
    """

    request: Id
    right: Annotated[str, Meta(pattern="^(access|rectification|erasure|restriction|objection|review)$")]
    status: Annotated[str, Meta(pattern="^(acknowledged|requires_action|delayed|rejected|fulfilled)$")] = "acknowledged"
    expected_at: datetime | None = None
    reason: Annotated[str, Meta(max_length=280)] = ""
    by: Annotated[str, Meta(pattern="^(person|brand)$")] = "person"
    of: Name = ""
    instead: dict[str, Any] | None = None


class Corrected(MomentBase, frozen=True, tag="corrected"):
    """Something about the person was put right.

    What the moment ``of`` had said (its entry says the right thing now), or an inferred ``family`` was hidden.
    """

    of: Name = ""
    family: Name = ""


class Lapsed(MomentBase, frozen=True, tag="lapsed"):
    """These data of the person were kept as long as was said, and are gone.

    ``contact_at`` is their last active contact, from which the rest is counted on.

    Said by the clock of the server only.
    """

    categories: tuple[str, ...] = ()
    contact_at: datetime | None = None


class Contested(MomentBase, frozen=True, tag="contested"):
    """The person contests an automated decision, in their own words.

    The door writes which action it was about, its tag, and by when it is reviewed.
    """

    decision: Id
    view: Annotated[str, Meta(min_length=1, max_length=2000)]
    action: Name = ""
    tag: Annotated[str, Meta(pattern="^(price|eligibility|credit|refusal)$")] = "refusal"
    due_at: datetime | None = None


class Reviewed(MomentBase, frozen=True, tag="reviewed"):
    """A person at the brand looked at a contested decision: confirmed it, or changed it, and why."""

    decision: Id
    outcome: Annotated[str, Meta(pattern="^(confirmed|changed)$")]
    reasons: Annotated[str, Meta(min_length=1, max_length=2000)]


class Proposed(MomentBase, frozen=True, tag="proposed"):
    """The person proposed an offer or a product."""

    proposal: Id
    text: Annotated[str, Meta(max_length=280)]


class Voted(MomentBase, frozen=True, tag="voted"):
    """The person voted on a proposal."""

    proposal: Id
    vote: Annotated[int, Meta(ge=-1, le=1)]


class Worn(MomentBase, frozen=True, tag="worn"):
    """A device was put on, taken off, or says how it is.

    ``busy`` is all that it tells of what the person does (drives, cycles, talks): whether to leave them alone now. The
    device judges that by itself.
    """

    device: Id
    profile: Name = "glasses"
    worn: bool = True
    battery: Share | None = None
    busy: bool = False


class Linked(MomentBase, frozen=True, tag="linked"):
    """An identifier (already hashed by the door) was attached to this customer.

    When another customer holds it, they are one person from then on.
    """

    identifier: Id


class Consulted(MomentBase, frozen=True, tag="consulted"):
    """The brand's team looks at one of the person's moments (``about``), or at their ``wallet``, which tells of these categories of data."""

    about: Id
    categories: tuple[str, ...] = ()


class Unlinked(MomentBase, frozen=True, tag="unlinked"):
    """An identifier was detached."""

    identifier: Id


class Due(MomentBase, frozen=True, tag="due"):
    """Time has come: the shell wakes the person at ``next_due_at``, and everything past closes."""


Moment = (
    Located
    | Entered
    | Dwelled
    | Left
    | Saw
    | Paying
    | Bought
    | Stocked
    | Consumed
    | RanOut
    | Measured
    | Declared
    | CheckedIn
    | Asked
    | Shared
    | Displayed
    | Answered
    | Ordered
    | Fulfilled
    | Returned
    | Redeeming
    | Reversed
    | Noticed
    | Consented
    | Withdrew
    | Objected
    | Restricted
    | Born
    | Consulted
    | Requested
    | Corrected
    | Lapsed
    | Contested
    | Reviewed
    | Proposed
    | Voted
    | Worn
    | Linked
    | Unlinked
    | Due
)

KINDS: Final[dict[str, type[MomentBase]]] = {str(kind.__struct_config__.tag): kind for kind in Moment.__args__}
KIND: Final[dict[type[MomentBase], str]] = {kind: name for name, kind in KINDS.items()}

CATEGORY: Final[dict[str, str]] = {
    "located": "places",
    "entered": "places",
    "dwelled": "places",
    "left": "places",
    "checked_in": "places",
    "saw": "sight",
    "paying": "purchases",
    "bought": "purchases",
    "stocked": "home",
    "consumed": "home",
    "ran_out": "home",
    "measured": "numbers",
    "declared": "preferences",
    "proposed": "preferences",
    "voted": "preferences",
    "shared": "preferences",
    "asked": "service",
    "displayed": "service",
    "answered": "service",
    "worn": "service",
    "due": "service",
    "consulted": "service",
    "ordered": "orders",
    "fulfilled": "orders",
    "returned": "orders",
    "redeeming": "orders",
    "reversed": "orders",
    "noticed": "account",
    "consented": "account",
    "withdrew": "account",
    "objected": "account",
    "restricted": "account",
    "born": "account",
    "linked": "account",
    "unlinked": "account",
    "requested": "account",
    "corrected": "account",
    "contested": "account",
    "reviewed": "account",
    "lapsed": "account",
}
"""Each kind of moment carries exactly one category of data; consent is given for categories."""
PASSIVE: Final = frozenset({"due", "displayed", "noticed", "consulted", "lapsed"})
"""Kinds that are no contact of the person's own: they prolong nothing."""
PROOF: Final = "proof"
"""As what notices and choices are kept, and what was done for them: longer than the data that they were about."""
HELD_AS: Final[dict[type[MomentBase], str]] = {
    made: (
        PROOF
        if kind in {"noticed", "consented", "withdrew", "objected", "restricted", "born", "lapsed"}
        else CATEGORY[kind]
    )
    for kind, made in KINDS.items()
}
"""As what each kind of moment is kept, and goes."""

_json = msgspec.json.Decoder(Moment)


def decode(payload: bytes, *, received_at: datetime) -> Moment:
    """Read one moment from JSON; whatever is wrong becomes one clear :class:`Invalid`.

    >>> from datetime import UTC, datetime
    >>> now = datetime(2026, 11, 24, 10, tzinfo=UTC)
    >>> sent = b'{"kind":"entered","id":"m1","customer":"camille","occurred_at":"2026-11-24T09:59:00Z","place":"s1"}'
    >>> decode(sent, received_at=now).place
    's1'
    >>> decode(sent.replace(b"entered", b"teleported"), received_at=now)
    Traceback (most recent call last):
    visavis.model.errors.Invalid: Not a moment: there is no such kind - at `$.kind`...
    """
    try:
        moment = _json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid(error) from None
    return timely(moment, received_at=received_at)


def from_builtins(fields: dict[str, Any], *, received_at: datetime) -> Moment:
    """The same for an object that is already parsed (a story's TOML, a CSV row)."""
    try:
        moment = msgspec.convert(fields, Moment, strict=True)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    return timely(moment, received_at=received_at)


def timely(moment: Moment, *, received_at: datetime) -> Moment:
    """Refuse a naive date, one before the year 2000, and one from the future (five minutes of clock skew are forgiven)."""
    occurred_at = moment.occurred_at
    if occurred_at.tzinfo is None:
        raise Invalid(
            "Not a moment: `occurred_at` has no time zone.",
            advice="Write it as 2026-11-24T09:59:00Z or with an offset.",
        )
    if occurred_at < EARLIEST:
        raise Invalid(f"Not a moment: `occurred_at` is before {EARLIEST:%Y-%m-%d}.", advice="Check the device's clock.")
    if occurred_at > received_at + CLOCK_SKEW:
        raise Invalid(
            "Not a moment: `occurred_at` is in the future.",
            advice="Check the device's clock; five minutes are forgiven.",
        )
    return moment


def _invalid(error: Exception) -> Invalid:
    # What the sender wrote is never repeated: it may be about a person.
    detail = (
        "there is no such kind - at `$.kind`"
        if str(error).startswith("Invalid value ")
        else str(error) or type(error).__name__
    )
    detail = "the text is not UTF-8" if isinstance(error, UnicodeDecodeError) else detail
    detail = detail if detail.startswith("JSON") else detail[0].lower() + detail[1:]
    advice = "The kinds are listed in visavis.model.moment.KINDS." if "`$.kind`" in detail else ""
    return Invalid(f"Not a moment: {detail}.", advice=advice)
