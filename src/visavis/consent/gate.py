"""The gate: which moments are admitted (:func:`admit`), and what one purpose may read (:func:`view`)."""
# Decisions read a customer through it only. No answer, an unknown purpose, an expired or unreadable choice all mean no.

from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from visavis.consent.confirmation import asks_for, sought
from visavis.consent.notices import closed_by, resolved, unresolved
from visavis.consent.overtaken import overtaken
from visavis.consent.presence import became, no_entrance
from visavis.consent.vocabulary import undeclared
from visavis.model.consent import OPENS, Consent, OpenTime, Purpose
from visavis.model.customer import Customer, Places, Purchases
from visavis.model.decision import Show
from visavis.model.entry import SERVER, Entry, Origin
from visavis.model.gs1 import product_of
from visavis.model.moment import (
    EPOCH_DAY,
    OURS,
    PERSON,
    SENSOR,
    Bought,
    Entered,
    Line,
    Located,
    Moment,
    Paying,
    Returned,
    Sought,
    Spot,
)
from visavis.model.view import View
from visavis.strategy.freshness import comes_back
from visavis.strategy.opening_hours import is_night, zone_of
from visavis.strategy.read import Strategy

OFFSETS_S: Final = (-12 * 3600, 14 * 3600)
"""The least and the greatest UTC offset of any zone, in seconds."""

_OWN_CLOCK: Final = PERSON | SENSOR
"""Who sends what the person's own device or home wrote, with its own UTC offset."""
_NOTHING: Final[frozenset[str]] = frozenset()


class NotAdmitted(Struct, frozen=True):
    """A refused moment: a value, not an error. Nothing of it is kept; ``invalid``: no choice would let it in."""

    kind: str
    category: str
    advice: str
    invalid: bool = False


def open_categories(customer: Customer, purpose: Purpose, now: float) -> frozenset[str]:
    """The categories that this purpose may read of this person now: those it declares *and* the served notice named.

    None when the purpose is disabled, the data are restricted, or an objection closes it. A yes counts from its instant
    to its end, by the person, under age by their guardian too; new purposes or recipients need a new yes.
    """
    if customer.restricted or not purpose.enabled:
        return _NOTHING
    if customer.objections and any(closed_by(about, purpose) for about in customer.objections):
        return _NOTHING
    if purpose.basis != "consent":
        return purpose.categories
    choice = customer.consents.get(purpose.key)
    try:
        if choice is None or choice.status not in OPENS or not _is_yes(choice, customer, now):
            return _NOTHING
        return _named(purpose, choice)
    except TypeError:  # a choice that cannot be read is no choice
        return _NOTHING


def were_open(customer: Customer, purpose: Purpose, at: float) -> frozenset[str]:
    """The categories that this purpose could read at this earlier instant, by what is known of it today."""
    closed = [times for about, times in customer.closed_times.items() if not about or closed_by(about, purpose)]
    if any(since <= at < until for times in closed for since, until in times):
        return _NOTHING
    if purpose.basis != "consent":
        return purpose.categories
    choice = customer.consents.get(purpose.key)
    if choice is None:
        return _NOTHING
    times: tuple[OpenTime | Consent, ...] = (choice, *choice.past) if choice.status in OPENS else choice.past
    agreed = next((time for time in times if _is_yes(time, customer, at)), None)
    return _named(purpose, agreed) if agreed is not None else _NOTHING


def _is_yes(time: OpenTime | Consent, customer: Customer, at: float) -> bool:
    """Whether this yes counted then: from its instant to its end, by the person, under age by their guardian too."""
    by_all = "person" in time.by and (at >= customer.of_age_at or "guardian" in time.by)
    return by_all and time.since <= at < time.until


def _named(purpose: Purpose, time: OpenTime | Consent) -> frozenset[str]:
    """The categories that this purpose declares and the notice of this yes named."""
    noticed = (time.categories, time.iri, time.recipients)
    return _shared(purpose.categories, purpose.iri, purpose.recipients, *noticed)


def holds(customer: Customer, purpose: Purpose, epoch: int, now: float) -> bool:
    """Whether a decision under this purpose in this epoch may still go out: it is open, and was so all the time."""
    closed = max(customer.closings.get(purpose.key, 0), customer.closings.get("", 0))
    return closed <= epoch and bool(open_categories(customer, purpose, now))


@lru_cache(maxsize=1024)
def _shared(
    declared: frozenset[str],
    iri: str | tuple[str, ...],
    recipients: tuple[str, ...],
    noticed: tuple[str, ...],
    for_iri: tuple[str, ...],
    for_recipients: tuple[str, ...],
) -> frozenset[str]:
    """The categories that both the purpose and the yes name; none when purposes or recipients were added since."""
    wider = not {iri} <= set(for_iri) if isinstance(iri, str) else not set(iri) <= set(for_iri)
    return _NOTHING if wider or not set(recipients) <= set(for_recipients) else declared.intersection(noticed)


def admit(
    strategy: Strategy, customer: Customer, moment: Moment, received_at: datetime, origin: Origin = SERVER
) -> Moment | NotAdmitted:
    """The moment resolved (:func:`placed`) and reduced, or its refusal (no open purpose covers its category, …).

    A purpose covers it that was open when it occurred and is open now: a later yes lets in nothing from before it.
    A position is returned as it came: it is not to be kept, but followed (:func:`consent.presence.follow`).
    """
    moment = _as_basket(moment)
    kind, category = moment.kind, moment.category
    if advice := undeclared(strategy, moment):
        return NotAdmitted(kind, category, advice, invalid=True)
    if category not in OURS:
        now, naming = received_at.timestamp(), [one for one in strategy.purposes.values() if category in one.categories]
        at = min(moment.occurred_at.timestamp(), now)
        if not any(category in _kept(customer, purpose, at, now) for purpose in naming):
            advice = (
                f"No consent covers {category} that was active when this happened and is so now: serve the notice of a"
                " purpose that names it, then ask."
            )
            return NotAdmitted(kind, category, advice)
    if isinstance(moment, Located):
        return moment  # on its way to ``presence.follow``: what it changes comes to this gate in its place
    asked = sought(customer, moment, received_at, origin) if category == "account" else None
    if asked is not None:
        return asked
    found = resolved(strategy, customer, moment, received_at, origin) if category == "account" else moment
    return (
        NotAdmitted(kind, category, found)
        if isinstance(found, str)
        else _stamped(strategy, customer, found, received_at)
    )


def still_readable(strategy: Strategy, customer: Customer, entry: Entry, now: float) -> bool:
    """Whether what was decided in this entry may be told again: all that it rests on is open, and was so all the time.

    A card that is no longer remembered is not told again either.
    """
    category, purposes = entry.moment.category, strategy.purposes
    if category not in OURS and not any(category in _kept(customer, one, now, now) for one in purposes.values()):
        return False
    for use in entry.uses:
        purpose = purposes.get(use.purpose)
        if purpose is not None and not open_categories(customer, purpose, now).issuperset(use.categories):
            return False
    for shown in [decision for decision in entry.decisions if isinstance(decision, Show)]:
        card, purpose = customer.service.card(shown.id), purposes.get(shown.purpose)
        if card is None or purpose is None or not holds(customer, purpose, card.epoch, now):
            return False
    return not customer.restricted


def _stamped(strategy: Strategy, customer: Customer, moment: Moment, received_at: datetime) -> Moment:
    """The moment placed (:func:`placed`), marked as late or back, with its own offset, whatever its sender wrote."""
    moment = placed(strategy, moment, customer.offset_s)
    late = (received_at - moment.occurred_at).total_seconds() > strategy.brand.late_after(moment)
    late = late or overtaken(customer, moment)
    back = comes_back(strategy.brand, customer, moment, received_at.timestamp())
    own = _offset_s(moment) if moment.senders <= _OWN_CLOCK else None
    if isinstance(moment, Entered):
        moment = replace(moment, no_entrance="" if late else no_entrance(strategy, customer.places, moment))
    return replace(moment, late=late, back=back, own_offset_s=own)


def _offset_s(moment: Moment) -> int | None:
    """The UTC offset that the moment was written with; ``None`` for UTC itself, which devices write anywhere."""
    offset = moment.occurred_at.utcoffset()
    seconds = int(offset.total_seconds()) if offset is not None else 0
    return seconds if seconds and OFFSETS_S[0] <= seconds <= OFFSETS_S[1] else None


def same_content(strategy: Strategy, stored: Moment, sent: Moment) -> bool:
    """Whether what was sent under the id of a stored moment says the same, as far as moments are kept."""
    if isinstance(stored, Sought):
        return asks_for(stored) == asks_for(sent)
    if isinstance(sent, Located):
        return became(strategy, stored, sent)
    return _comparable(strategy, stored) == _comparable(strategy, sent)


def _comparable(strategy: Strategy, moment: Moment) -> Moment:
    """The moment as the gate reduces it, without what the gate writes of its own; a stored one has lost its offset."""
    sent: Moment = unresolved(moment) if moment.category == "account" else _as_basket(moment)
    if isinstance(sent, Entered):
        sent = replace(sent, no_entrance="")
    return replace(placed(strategy, sent), at=None, late=False, back=False, own_offset_s=None)


def _as_basket(moment: Moment) -> Moment:
    """Products that come back as a basket of quantities below 0; any other moment as it is."""
    if not isinstance(moment, Returned) or not moment.lines:
        return moment
    lines = [replace(line, quantity=-abs(line.quantity), price_cents=-abs(line.price_cents)) for line in moment.lines]
    return Bought(
        id=moment.id, customer=moment.customer, occurred_at=moment.occurred_at, place=moment.place, lines=tuple(lines)
    )


def always_kept(strategy: Strategy, category: str) -> bool:
    """Whether this is kept whatever the person chose: for a contract or the law."""
    return any(_required(purpose) and category in purpose.categories for purpose in strategy.purposes.values())


def _required(purpose: Purpose) -> bool:
    return purpose.enabled and purpose.basis in ("contract", "legal")


def _kept(customer: Customer, purpose: Purpose, at: float, now: float) -> frozenset[str]:
    """The categories that may be stored for this purpose; for a contract or the law even under a restriction."""
    if _required(purpose):
        return purpose.categories
    found = open_categories(customer, purpose, now)
    return found & were_open(customer, purpose, at) if found and at < now else found


def placed(strategy: Strategy, moment: Moment, offset_s: int | None = None) -> Moment:
    """The moment with what the gate knows of places and products written into it, for any kind with these fields.

    ``at`` gets the place and the local time: of the place, else of the moment's own UTC offset, else of the person's
    (``offset_s``), else of the brand. Products are reduced to their key, without lot and serial number, and get their
    families.
    """
    place, product, family = (getattr(moment, name, None) for name in ("place", "product", "family"))
    known: dict[str, Any] = {"at": None}
    if moment.has_local_time:
        own = _offset_s(moment)
        known["at"] = _spot(strategy, place or "", moment.occurred_at, own if own is not None else offset_s)
    if isinstance(moment, Paying | Bought):
        known["lines"] = tuple([_line(strategy, line) for line in moment.lines])
    elif product:
        known["product"] = product_of(strategy.products, product)
        if family is not None:
            known["family"] = _family(strategy, known["product"])
    return replace(moment, **known)


def _line(strategy: Strategy, line: Line) -> Line:
    known = strategy.products.get(line.product)
    if known is not None:
        return replace(line, family=known.family)
    product = product_of(strategy.products, line.product)
    return replace(line, product=product, family=_family(strategy, product))


def _family(strategy: Strategy, product: str) -> str:
    known = strategy.products.get(product)
    return known.family if known is not None else product


def _spot(strategy: Strategy, place: str, occurred_at: datetime, offset_s: int | None) -> Spot:
    known = strategy.places.get(place)
    zone: tzinfo = zone_of(known.zone if known is not None else strategy.brand.zone)
    if known is None and offset_s is not None:
        zone = timezone(timedelta(seconds=offset_s))
    local = occurred_at.astimezone(zone)
    day, hour = local.toordinal() - EPOCH_DAY, local.hour + local.minute / 60
    if known is None:
        return Spot(place, "", day, hour)
    night = is_night(known.opening_hours, local.weekday(), hour)
    return Spot(place, known.kind, day, hour, strategy.within.get(place, ()), night)


_NO_PURCHASES: Final = Purchases()
_NO_PLACES: Final = Places()


class Views:
    """One customer at one moment, as decisions may see them: a view per purpose, each built once.

    Readable without a purpose: our own ``service``, ``devices``, and ``randomization_unit``. ``without`` keeps these
    categories from every purpose, for explanations of what would have changed.
    """

    __slots__ = (
        "_customer",
        "_moment",
        "_now",
        "_views",
        "_without",
        "devices",
        "id",
        "randomization_unit",
        "received_s",
        "service",
    )

    def __init__(
        self, customer: Customer, moment: Moment, received_s: float, *, without: frozenset[str] = _NOTHING
    ) -> None:
        self.id = moment.customer
        self.randomization_unit = customer.randomization_unit
        self.service = customer.service
        self.devices = customer.devices
        self.received_s = received_s
        self._customer = customer
        self._moment = moment
        self._now = moment.occurred_at.timestamp()
        self._views: dict[frozenset[str], View] = {}
        self._without = without

    def for_purpose(self, purpose: Purpose) -> View | None:
        """What this purpose may see; ``None`` when it is closed, or does not cover the waking moment."""
        categories = open_categories(self._customer, purpose, self.received_s)
        if self._without:
            categories -= self._without
        if not categories:
            return None
        found = self._views.get(categories)
        if found is None:
            found = self._views[categories] = view(self._customer, self._moment, categories, self._now)
        return found if found.moment is not None else None


def view(customer: Customer, moment: Moment, categories: frozenset[str], now: float) -> View:
    """The customer and the waking moment, of these categories only (as :func:`open_categories` gave them)."""
    waking = moment.category
    return View(
        categories=categories,
        moment=moment if waking in categories or waking in OURS else None,
        now=now,
        known=bool(customer.identifiers),
        language=customer.language,
        devices=customer.devices,
        purchases=customer.purchases if "purchases" in categories else _NO_PURCHASES,
        places=customer.places if "places" in categories else _NO_PLACES,
        home=customer.home if "home" in categories else {},
        numbers=customer.profile(moment.customer).numbers if "numbers" in categories else {},
        preferences=customer.preferences if "preferences" in categories else {},
        orders=customer.orders if "orders" in categories else (),
        rewards=customer.rewards if "orders" in categories else (),
    )
