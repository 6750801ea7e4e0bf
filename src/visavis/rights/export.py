"""A copy of everything that is held of one person, signed as a JWS; ``docs/export.md`` explains each part."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from msgspec import Struct
from msgspec.structs import asdict, replace

from visavis.consent.choices import status
from visavis.consent.gate import view
from visavis.customers.rights import recipients
from visavis.decide.holdout import held_out
from visavis.explain.accounts import Gains
from visavis.insight.need import Head, estimate
from visavis.insight.shortlist import shortlist
from visavis.model.consent import CATEGORIES, Consent
from visavis.model.customer import Customer
from visavis.model.entry import Entry, Use
from visavis.model.errors import Invalid
from visavis.model.habit import HABIT, TRIPS, VISIT
from visavis.model.moment import Consented, Due, Noticed, Objected, Spot, Withdrew
from visavis.model.request import STATUS_TERMS
from visavis.model.world import Calibration, World
from visavis.ports import PersonalDataHolder
from visavis.rights.receipts import ALGORITHM
from visavis.runtime.loop import Processor
from visavis.strategy.brand import Controller
from visavis.strategy.read import Strategy

FORM: Final = "visavis-export/1"
CHOICES: Final = (Consented, Withdrew, Objected)
TYPE: Final = "data-export+jwt"
LIMIT: Final = 1 << 28
_HABITS: Final = (
    "local_days first_day last_day decayed_28_days decayed_days decayed_baskets last_basket baskets mean_ln_basket_size"
    " last_local_day baskets_at_shop_1 baskets_at_shop_2 baskets_at_shop_3 baskets_at_shop_4 last_gap_days"
    " votes_for_the_usual last_64_baskets"
)
_RHYTHM: Final = (
    "baskets local_days first_day last_day last_local_day trips_decayed_28_days cents_decayed_28_days"
    " mean_ln_basket_size baskets_at_shop_1 baskets_at_shop_2 baskets_at_shop_3 baskets_at_shop_4"
    " mean_ln_size_at_shop_1 mean_ln_size_at_shop_2 mean_ln_size_at_shop_3 mean_ln_size_at_shop_4 mean_gap_days"
    " trip_before_last_day"
)
HABITS: Final = tuple(_HABITS.split())
RHYTHM: Final = tuple(_RHYTHM.split())
LOGIC: Final = {
    "fr": (
        "De vos achats, un calcul estime ce qui pourrait vous manquer : combien de fois et depuis quand vous prenez un"
        " produit, à quel rythme, dans quel magasin, à quelle heure. Une carte n’est montrée que si son utilité dépasse"
        " le prix de votre attention ; se taire l’emporte à égalité. Un tirage décide entre ce qui est utile, et une"
        " part tirée au sort ne reçoit rien, pour mesurer. Aucune donnée fermée par vous n’est lue."
    ),
    "en": (
        "From your purchases, a calculation estimates what you may need: how often and since when you take a product,"
        " at which rhythm, in which shop, at which hour. A card is shown only when it is worth more than your attention"
        " costs; silence wins ties. A draw decides between what is useful, and a share drawn by lot gets nothing, to"
        " measure by. No data that you have closed are read."
    ),
}
_HEADS: Final[tuple[Head, ...]] = ("visit", "forgotten", "week")


class Grounds(Struct, frozen=True, forbid_unknown_fields=True):
    """For what, on which ground, and of which data; by whom; how long, and where the person stands with it."""

    purpose: str
    iri: tuple[str, ...]
    basis: str
    categories: tuple[str, ...]
    recipients: tuple[str, ...]
    processors: tuple[str, ...]
    promised: dict[str, str]
    notice: dict[str, str]
    notice_version: str
    status: str
    choice: dict[str, Any] | None
    kept_days: int
    kept_until: datetime


class Export(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything about one person. Times are UTC; amounts are whole cents of ``currency``."""

    form: Literal["visavis-export/1"]
    person: str
    made_at: datetime
    currency: str
    controller: Controller | None
    entries: tuple[Entry, ...]
    declared: dict[str, Any]
    observed: dict[str, Any]
    inferred: dict[str, Any]
    sources: dict[str, tuple[str, ...]]
    purposes: tuple[Grounds, ...]
    recipients: tuple[str, ...]
    notices_served: tuple[dict[str, Any], ...]
    choices_made: tuple[dict[str, Any], ...]
    logic: dict[str, str]
    requests: dict[str, Any]
    reviews: dict[str, Any]
    orders: tuple[dict[str, Any], ...]
    rewards: tuple[dict[str, Any], ...]
    devices: dict[str, Any]
    shown: tuple[dict[str, Any], ...]
    brought: dict[str, Any]
    uses: tuple[dict[str, Any], ...]
    audit_keys: dict[str, str]
    ledger: tuple[str, ...]
    kept: dict[str, tuple[dict[str, Any], ...]]


def export(
    processor: Processor, customer: Customer, holders: Iterable[PersonalDataHolder], brought: Mapping[str, Gains]
) -> Export:
    """The copy of this person's data, in the log and in each holder; ``brought`` is what each purpose brought them."""
    strategy, now, names = processor.strategy, processor.clock.now(), customer.names
    entries = processor.entries_of(customer.id)
    ledger = sorted([line for name in names for line in processor.log.lines_of(name)])
    return Export(
        form=FORM,
        person=customer.id,
        made_at=now,
        currency=strategy.brand.currency,
        controller=strategy.brand.controller,
        entries=tuple(entries),
        declared={
            "traits": customer.preferences,
            "language": customer.language,
            "of_age_at": customer.of_age_at,
            "goals": {name: number.goal for name, number in customer.numbers.items() if number.goal},
            "objections": customer.objections,
            "restricted": customer.restricted,
        },
        observed={
            "places": asdict(customer.places),
            "home": _named(customer.home),
            "numbers": _named(customer.numbers),
            "shops": customer.purchases.shops,
            "visits": _visits(customer),
            "identifiers": customer.identifiers,
            "contacts": customer.entries,
            "last_contact_at": customer.last_contact_at,
        },
        inferred=inferred(strategy, processor.world, customer, now, processor.randomization_key),
        sources=_sources(entries),
        purposes=_purposes(strategy, customer, now),
        recipients=tuple(recipients(strategy.purposes, customer)),
        notices_served=tuple([_moment(entry) for entry in entries if isinstance(entry.moment, Noticed)]),
        choices_made=tuple([_moment(entry) for entry in entries if isinstance(entry.moment, CHOICES)]),
        logic=LOGIC,
        requests={name: {**asdict(one), "term": STATUS_TERMS[one.status]} for name, one in customer.requests.items()},
        reviews=_named(customer.reviews),
        orders=tuple(map(asdict, customer.orders)),
        rewards=tuple(map(asdict, customer.rewards)),
        devices=_named(customer.devices),
        shown=tuple(map(asdict, customer.service.shown)),
        brought={purpose: asdict(gains) for purpose, gains in brought.items()},
        uses=tuple([_use(entry, use) for entry in entries for use in entry.uses]),
        audit_keys={name: processor.log.audit_key(name).hex() for name in names},
        ledger=tuple([line.decode() for _, line in ledger]),
        kept={holder.name: tuple(holder.export_personal_data(names)) for holder in holders},
    )


def inferred(
    strategy: Strategy, world: World, customer: Customer, now: datetime, randomization_key: bytes
) -> dict[str, Any]:
    """What was concluded about the person."""
    purchases = customer.purchases
    habits = {
        family: {
            "usual": purchases.usual[row],
            **dict(zip(HABITS, HABIT.unpack_from(purchases.table, row * HABIT.size), strict=True)),
        }
        for family, row in purchases.rows.items()
    }
    return {
        "habits": habits,
        "rhythm": dict(zip(RHYTHM, TRIPS.unpack(purchases.trips), strict=True)) if purchases.trips else {},
        "needs": _needs(world, customer, now),
        "reluctance": customer.service.reluctance,
        "hidden": customer.service.wrong,
        "held_out": {
            key: held_out(customer.randomization_unit, key, share=objective.holdout_share, key=randomization_key)
            for key, objective in strategy.objectives.items()
            if objective.holdout_share
        },
    }


def signed(copy: Export, key: OKPKey) -> str:
    """The copy as a compact JWS."""
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.thumbprint()}
    return jws.serialize_compact(header, msgspec.json.encode(copy), key, algorithms=[ALGORITHM])


def opened(token: str | bytes, public: Mapping[str, Any], person: str) -> Export:
    """The copy in this token; :class:`Invalid` unless it is whole, this person's, and signed with the key."""
    if len(token) > LIMIT:
        raise Invalid("This is too long to be an export.", advice=f"At most {LIMIT:,} characters.")
    try:
        found = jws.deserialize_compact(token, OKPKey.import_key(dict(public)), algorithms=[ALGORITHM])
        copy = msgspec.json.decode(found.payload, type=Export) if found.headers().get("typ") == TYPE else None
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError):
        copy = None
    if copy is None:
        advice = "Give the file as it was made, and the key of who made it. Nothing was kept."
        raise Invalid("This is not a whole export signed by this key.", advice=advice)
    names = {name for entry in copy.entries for name in (entry.customer, entry.moment.customer)}
    if not {person, *names} <= copy.audit_keys.keys():
        advice = "Bring it in under the name that it was made for. Nothing was kept."
        raise Invalid("This export is another person's.", advice=advice)
    if len({(entry.customer, entry.moment.id) for entry in copy.entries}) < len(copy.entries) or not copy.entries:
        raise Invalid("This export holds no entry, or a moment twice.", advice="Nothing was kept.")
    return copy


def schema() -> dict[str, Any]:
    """The form of an export as a JSON Schema (2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": FORM, **msgspec.json.schema(Export)}


def _needs(world: World, customer: Customer, now: datetime) -> dict[str, dict[str, float]]:
    if world.learned is None or not customer.purchases.shops:
        return {}
    day, hour = int(now.timestamp() // 86_400), now.hour + now.minute / 60
    spot = Spot(customer.purchases.shops[0], "", day, hour)
    moment = replace(Due(id="export", customer=customer.id, occurred_at=now), at=spot)
    short = shortlist(view(customer, moment, frozenset(CATEGORIES), now.timestamp()))
    if short is None:
        return {}
    found: dict[str, dict[str, float]] = {}
    for head in _HEADS:
        p = estimate(world.learned, world.calibrations.get(head, Calibration()), short, head).p
        found[head] = {family: round(float(one), 6) for family, one in zip(short.families, p, strict=True)}
    return found


def _purposes(strategy: Strategy, customer: Customer, now: datetime) -> tuple[Grounds, ...]:
    last = datetime.fromtimestamp(customer.kept_from, UTC)
    found = []
    for key, purpose in strategy.purposes.items():
        choice: Consent | None = customer.consents.get(key)
        found.append(
            Grounds(
                key,
                purpose.iris,
                purpose.basis_term,
                tuple(sorted(purpose.categories)),
                purpose.recipients,
                purpose.processors,
                purpose.benefit,
                purpose.notice.text,
                purpose.notice.version,
                status(customer, purpose, now.timestamp()),
                asdict(choice) if choice is not None else None,
                purpose.retention_days,
                last + timedelta(days=purpose.retention_days),
            )
        )
    return tuple(found)


def _sources(entries: Iterable[Entry]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for entry in entries:
        found.setdefault(entry.moment.category, {})[entry.moment.kind] = None
    return {category: tuple(kinds) for category, kinds in found.items()}


def _visits(customer: Customer) -> list[dict[str, int]]:
    visits = customer.purchases.visits
    return [dict(zip(("hour", "weekday", "shop"), visit, strict=True)) for visit in VISIT.iter_unpack(visits)]


def _moment(entry: Entry) -> dict[str, Any]:
    return {"received_at": entry.received_at.astimezone(UTC), "kind": entry.moment.kind, **asdict(entry.moment)}


def _use(entry: Entry, use: Use) -> dict[str, Any]:
    return {"at": entry.received_at, "moment": entry.moment.id, **asdict(use)}


def _named(records: Mapping[str, Struct]) -> dict[str, Any]:
    return {name: asdict(record) for name, record in records.items()}
