"""Merge two customers who are one person, and split them again as if they had never been merged."""
# A merged person's ``profiles`` keep each customer. An entry is folded into the whole person and into its own profile,
# whose log holds it; a split returns to the profiles. Two profiles are linked by an identifier that both have.

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from functools import reduce
from typing import Final, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from visavis.customers.choices import joined
from visavis.customers.stock import by_time
from visavis.model import moment as kinds
from visavis.model.consent import OPENS, PAST_LIMIT, Consent, OpenTime, Status
from visavis.model.customer import NAMES_LIMIT, PLACES_LIMIT, Customer, Places
from visavis.model.entry import Entry
from visavis.model.moment import Moment
from visavis.model.shown import OPEN_LIMIT, SHOWN_LIMIT, Service

PROFILES_LIMIT: Final = 8
"""How many customers one person may be made of; more are a mistake or an attack."""
STRICTNESS: Final[tuple[Status, ...]] = (
    "renewed",
    "given",
    "unknown",
    "requested",
    "expired",
    "invalidated",
    "revoked",
    "deferred",
    "refused",
    "withdrawn",
)
"""From the most open to the most closed; of two the later in this list is kept."""
_NOES: Final = frozenset({"deferred", "refused", "withdrawn"})
Reason = Literal["restricted", "minor", "crowd"]
REASONS: Final[Mapping[Reason, str]] = {
    "restricted": "The data of one of them may not be read now: lift the restriction first, then link again.",
    "minor": "One of them is a minor for whom no guardian has answered: ask the guardian first, then link again.",
    "crowd": f"Together they would be more than {PROFILES_LIMIT} customers: check what is being linked.",
}
"""Why nobody is asked whether these two are one person, for the log; the sender hears ``waiting``."""
OWN: Final = (kinds.Consented, kinds.Confirmed, kinds.Unlinked)
"""What one does for oneself alone, also when merged with another."""
T = TypeVar("T")
_bytes: Final = msgspec.msgpack.Encoder().encode


def refusal(one: Customer, other: Customer, now: float) -> Reason | None:
    """Why these two may not be merged now; ``None`` when they may."""
    if one.restricted or other.restricted:
        return "restricted"
    minors = [who for who in (one, other) if now < who.of_age_at]
    if any(not any("guardian" in choice.by for choice in who.consents.values()) for who in minors):
        return "minor"
    return "crowd" if len({*one.names, *other.names}) > PROFILES_LIMIT else None


def merged(one: Customer, other: Customer) -> Customer:
    """The person that these two are, with the id and randomization unit of the older; commutative and idempotent.

    The stricter status of each consent holds, with the scope common to both (unanswered if one did not answer);
    objections and cards shown of both count; health (own numbers) never merges. Decisions under a purpose that this
    closes are not delivered, not even after a new yes.
    """
    if set(other.names) <= set(one.names):
        return one
    if set(one.names) <= set(other.names):
        return other
    older, younger = sorted((one, other), key=lambda who: (who.born_at if who.entries else float("inf"), who.id))
    before, since = sorted((one, other), key=lambda who: (who.last_received_at, who is younger))
    profiles = {profile.id: profile for who in (older, younger) for profile in (who.profiles or (who,))}
    consents = {
        key: choice
        for key in sorted({*older.consents, *younger.consents})
        if (choice := _stricter(older.consents.get(key), younger.consents.get(key))) is not None
    }
    zoned = max(before, since, key=lambda who: (who.offset_at, who.last_received_at))
    told = max(before, since, key=lambda who: (who.language_at, who.last_received_at))
    epoch = max(older.consent_epoch, younger.consent_epoch) + 1
    return Customer(
        id=older.id,
        randomization_unit=older.randomization_unit,
        born_at=older.born_at,
        entries=older.entries + younger.entries,
        last_received_at=since.last_received_at,
        last_contact_at=max(older.last_contact_at, younger.last_contact_at),
        held=tuple(sorted({*older.held, *younger.held})),
        identifiers=tuple(dict.fromkeys((*older.identifiers, *younger.identifiers)))[-NAMES_LIMIT:],
        language=told.language,
        language_at=told.language_at,
        offset_s=zoned.offset_s,
        offset_at=zoned.offset_at,
        consents=consents,
        consent_epoch=epoch,
        closings=_closings(before, since, consents, epoch),
        notices=_each(before.notices, since.notices, _latest),
        objections=_each(before.objections, since.objections, min),
        restricted=older.restricted or younger.restricted,
        restricted_at=min([who.restricted_at for who in (older, younger) if who.restricted], default=0.0),
        closed_times=_each(before.closed_times, since.closed_times, lambda mine, theirs: joined((*mine, *theirs))),
        of_age_at=max(older.of_age_at, younger.of_age_at),
        purchases=max(older.purchases, younger.purchases, key=lambda purchases: purchases.trips),
        places=_places(before.places, since.places),
        home=by_time(_each(before.home, since.home, _latest)),
        home_back_at=max(before.home_back_at, since.home_back_at),
        preferences=_preferences(before, since),
        declared_at=_each(before.declared_at, since.declared_at, max),
        out_of_order=_overlap(older, younger),
        orders=_all(before.orders, since.orders, lambda order: order.key, NAMES_LIMIT),
        rewards=_all(before.rewards, since.rewards, lambda reward: reward.code, NAMES_LIMIT),
        devices=_each(before.devices, since.devices, _latest),
        requests=_each(before.requests, since.requests, lambda _, later: later),
        waiting=_all(before.waiting, since.waiting, lambda one: f"{one.what} {one.about}", NAMES_LIMIT),
        reviews=_each(before.reviews, since.reviews, lambda _, later: later),
        service=_service(before.service, since.service, len(profiles)),
        profiles=tuple(sorted(profiles.values(), key=lambda profile: (profile.born_at, profile.id))),
    )


def is_bare(customer: Customer) -> bool:
    """Whether this is a bare card: purchases under contract, no choice ever made, no device, nobody who asked."""
    answered = any(merge.by or merge.refused for merge in customer.merges.values())
    chose = customer.consent_epoch or customer.of_age_at or customer.requests or answered
    return not (chose or customer.devices or len(customer.sides) > 1)


def extended(person: Customer, card: Customer, owner: str, tie: str = "") -> Customer:
    """The person with a bare card of the customer ``owner``: its purchases are theirs, and their choices stay.

    ``tie`` is the identifier by which they are linked, which the card need not have had: it may be its own id.
    """
    whole, names = merged(person, card), card.names
    profiles = [_as_card(one, owner, tie) if one.id in names else one for one in whole.profiles]
    return replace(
        whole,
        consents=person.consents,
        consent_epoch=person.consent_epoch,
        closings=person.closings,
        numbers=person.numbers,
        profiles=tuple(profiles),
    )


def _as_card(profile: Customer, owner: str, tie: str) -> Customer:
    held = profile.identifiers
    return replace(profile, extends=owner, identifiers=held if not tie or tie in held else (*held, tie))


def reunited(profiles: Iterable[Customer]) -> Customer:
    """The person of these profiles: customers are merged, bare cards extend their owner if that one is there."""
    alone = [replace(profile, extends="") for profile in profiles]
    names = {profile.id for profile in alone}
    owners = {profile.id: profile.extends for profile in profiles if profile.extends in names}
    person = reduce(merged, [profile for profile in alone if profile.id not in owners])
    for card in [profile for profile in alone if profile.id in owners]:
        person = extended(person, card, owners[card.id])
    return person


def side(person: Customer, name: str) -> Customer:
    """What belongs to the one who has this name alone: all of the person, unless they were merged with another."""
    names = own_names(person, name)
    mine = [profile for profile in person.profiles if profile.id in names]
    return person if len(mine) == len(person.profiles) else reunited(mine)


def own_names(person: Customer, name: str) -> tuple[str, ...]:
    """The names that belong to the one who has this name: it, and of a card its owner's, of an owner the cards'."""
    return next((names for names in person.sides if name in names), (name,))


def strictest(person: Customer, moment: Moment) -> Customer:
    """The person after a choice of one of those who were merged: whatever one of them has closed is closed for all."""
    match moment:
        case kinds.Consented() | kinds.Withdrew():
            owners = [profile for profile in person.profiles if profile.extends not in person.names]
            found = reduce(_stricter, [one.consents.get(moment.purpose) for one in owners])
            return person if found is None else replace(person, consents=person.consents | {moment.purpose: found})
        case kinds.Objected() | kinds.Restricted():
            objections = reduce(lambda one, other: _each(one, other, min), [one.objections for one in person.profiles])
            since = min([profile.restricted_at for profile in person.profiles if profile.restricted], default=None)
            restricted, at = since is not None, since if since is not None else 0.0
            return replace(person, objections=objections, restricted=restricted, restricted_at=at)
        case _:
            return person


def named_by(person: Customer, identifier: str, before: str) -> str:
    """The name under which what comes by this identifier is kept: as ``before``, unless that is a bare card."""
    holding = [profile for profile in person.profiles if identifier in profile.identifiers]
    ordered = sorted(holding, key=lambda one: (bool(one.extends), one.id != before))
    return ordered[0].id if ordered else person.id


def split(person: Customer) -> tuple[Customer, ...]:
    """The persons that identifiers still link, one when all are; profiles that stay together are merged again."""
    groups: list[list[Customer]] = []
    for profile in person.profiles:
        mine = set(profile.identifiers)
        tied = [group for group in groups if any(not mine.isdisjoint(one.identifiers) for one in group)]
        together = [one for group in tied for one in group]
        groups = [*[group for group in groups if group not in tied], [*together, profile]]
    if len(groups) > 1:
        return tuple([reunited(group) for group in groups])
    held = dict.fromkeys(name for profile in person.profiles for name in profile.identifiers)
    return (replace(person, identifiers=tuple(held)[-NAMES_LIMIT:]) if person.profiles else person,)


def apply_entry(
    people: MutableMapping[str, Customer], identified: MutableMapping[str, str], entry: Entry, after: Customer
) -> tuple[Customer, ...]:
    """Store the customer ``after`` this entry by all their names, and its identifier's owner; merge or split."""
    moment = entry.moment
    persons: tuple[Customer, ...] = (after,)
    if isinstance(moment, kinds.Linked) and moment.how == "waiting":
        identified[moment.merge] = entry.customer
    elif isinstance(moment, kinds.Linked | kinds.Unlinked):
        holder = people.get(identified.get(moment.identifier, ""))
        if isinstance(moment, kinds.Unlinked):
            persons = split(after)
        elif moment.how == "extended":
            owner, card = (after if name in after.names else people.get(name) for name in (moment.owner, moment.card))
            if owner is not None and card is not None:  # else the other one was erased
                persons = (extended(owner, card, moment.owner, moment.identifier),)
        elif moment.how == "merged" and holder is not None:
            persons = (merged(after, holder),)
        # Only the holder releases an identifier: else anyone could free another's, then take it.
        if isinstance(moment, kinds.Linked) or holder is None or holder.id in after.names:
            holders = [person for person in persons if moment.identifier in person.identifiers]
            before = identified.get(moment.identifier, "")
            identified[moment.identifier] = named_by(holders[0], moment.identifier, before) if holders else ""
    for person in persons:
        for name in person.names:
            people[name] = person
    return persons


def addressed(person: Customer, moment: Moment) -> Moment:
    """The moment under the name of the profile that it concerns (saw the card, holds the reward, …), if any."""
    own = own_names(person, moment.customer) if isinstance(moment, OWN) else person.names
    for profile in sorted(person.profiles, key=lambda profile: profile.id != moment.customer):
        if profile.id in own and _concerns(profile, person, moment):
            return replace(moment, customer=profile.id)
    return moment


def _concerns(profile: Customer, person: Customer, moment: Moment) -> bool:
    match moment:
        case kinds.Displayed() | kinds.Answered():
            return any(card.decision == moment.decision for card in profile.service.shown)
        case kinds.Redeeming() | kinds.Reversed():
            return any(reward.code == moment.code for reward in profile.rewards)
        case kinds.Fulfilled() | kinds.Returned():
            return any(order.key == moment.order for order in profile.orders)
        case kinds.Consented():
            served = person.notices.get(moment.purpose)
            return served is not None and profile.notices.get(moment.purpose) == served
        case kinds.Unlinked():
            return moment.identifier in profile.identifiers
        case kinds.Confirmed():
            return any(one.of == moment.of for one in profile.waiting)
        case kinds.Due():
            return any(moment.id.endswith(window.decision) for window in profile.service.open)
        case _:
            return False


def _stricter(one: Consent | None, other: Consent | None) -> Consent | None:
    """The more closed of two choices about one purpose; it was open when both were, and a no to either is a no."""
    found = _more_closed(one, other)
    if found is None or one is None or other is None:
        return found and replace(found, past=())
    return replace(found, no_at=max(one.no_at, other.no_at), past=_open_to_both(one, other))


def _open_to_both(one: Consent, other: Consent) -> tuple[OpenTime, ...]:
    """The times in which both were open, with what both were told."""
    found = {
        OpenTime(
            max(mine.since, theirs.since),
            min(mine.until, theirs.until),
            _both(mine.categories, theirs.categories),
            _both(mine.recipients, theirs.recipients),
            _both(mine.iri, theirs.iri),
            _both(mine.by, theirs.by),
        )
        for mine in one.open_times
        for theirs in other.open_times
    }
    return tuple(sorted([time for time in found if time.since < time.until], key=_bytes))[-PAST_LIMIT:]


def _more_closed(one: Consent | None, other: Consent | None) -> Consent | None:
    """Of two open choices the common scope, time and givers."""
    if one is None or other is None:
        found = one if one is not None else other
        if found is None or found.status not in OPENS:
            return found
        return replace(found, status="unknown", categories=(), by=())
    early, late = sorted((one, other), key=lambda choice: (choice.since, _bytes(choice)))
    if early.status in OPENS and late.status in OPENS:
        return replace(
            late,
            status="given" if early.status != late.status else late.status,
            categories=_both(late.categories, early.categories),
            recipients=_both(late.recipients, early.recipients),
            iri=_both(late.iri, early.iri),
            until=min(early.until, late.until),
            by=_both(late.by, early.by),
            trial=early.trial or late.trial,
        )
    found = max(late, early, key=lambda choice: STRICTNESS.index(choice.status))
    return replace(found, since=late.since) if early.status in _NOES and late.status in _NOES else found


def _closings(one: Customer, other: Customer, consents: Mapping[str, Consent], epoch: int) -> dict[str, int]:
    """Epochs were counted apart, so what is closed now, or by an objection of either, is closed as of this epoch."""
    objected = {*one.closings, *other.closings} if one.objections or other.objections else set()
    closed = {key for key, choice in consents.items() if choice.status not in OPENS}
    return {**_each(one.closings, other.closings, max), **dict.fromkeys(sorted(objected | closed), epoch)}


def _overlap(one: Customer, other: Customer) -> bool:
    """Whether the habits or stocks of the two are to be folded together from the entries of both."""
    shopped = bool(one.purchases.trips and other.purchases.trips)
    return one.out_of_order or other.out_of_order or shopped or not one.home.keys().isdisjoint(other.home)


def _both(one: tuple[T, ...], other: tuple[T, ...]) -> tuple[T, ...]:
    return tuple([name for name in one if name in other])


def _each(one: Mapping[str, T], other: Mapping[str, T], choose: Callable[[T, T], T]) -> dict[str, T]:
    """What either names, and of what both name the chosen one; the latest of too many."""
    found = {**{name: value for name, value in one.items() if name not in other}, **other}
    found.update({name: choose(one[name], other[name]) for name in one if name in other})
    return dict(list(found.items())[-NAMES_LIMIT:])


def _preferences(before: Customer, since: Customer) -> dict[str, str | float | bool]:
    """Of each trait what was declared last by either; one that was taken back last is not there."""
    never = float("-inf")
    found = {
        trait: value
        for trait, value in before.preferences.items()
        if before.declared_at.get(trait, never) > since.declared_at.get(trait, never)
    }
    found |= {
        trait: value
        for trait, value in since.preferences.items()
        if since.declared_at.get(trait, never) >= before.declared_at.get(trait, never)
    }
    return dict(list(found.items())[-NAMES_LIMIT:])


def _latest(one: T, other: T) -> T:
    return max(one, other, key=lambda record: (record.at, _bytes(record)))  # type: ignore[attr-defined]


def _places(one: Places, other: Places) -> Places:
    here = max(one, other, key=lambda places: (places.at, _bytes(places)))
    left = {place: when for place, when in _each(one.left, other.left, max).items() if when > here.at}
    resident = dict(sorted(_each(one.resident, other.resident, max).items(), key=lambda one: one[::-1])[-PLACES_LIMIT:])
    both = replace(here, left=left, resident=resident)
    return replace(both, checked_in=here.checked_in if here.checked_in in both.inside else "")


def _all(one: Iterable[T], other: Iterable[T], name: Callable[[T], str], limit: int) -> tuple[T, ...]:
    """The records of both in the order of time; of one that both have, the later state."""
    found: dict[str, T] = {}
    for record in sorted([*one, *other], key=lambda record: (record.at, _bytes(record))):  # type: ignore[attr-defined]
        found.pop(name(record), None)
        found[name(record)] = record
    return tuple(found.values())[-limit:]


def _service(one: Service, other: Service, profiles: int) -> Service:
    """What was shown to either was shown to the person: no cap, pause or reluctance becomes looser."""
    waiting = {window.decision: window for window in (*one.open, *other.open)}
    ordered = sorted(waiting.values(), key=lambda window: (window.closes_at, window.decision))
    return Service(
        _all(one.shown, other.shown, lambda card: card.decision, SHOWN_LIMIT * profiles),
        tuple(ordered[-OPEN_LIMIT * profiles :]),
        max(one.reluctance, other.reluctance),
        tuple(dict.fromkeys((*one.wrong, *other.wrong)))[-NAMES_LIMIT:],
    )
