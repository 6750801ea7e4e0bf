"""The smaller collections of the Mirror API: contacts, subscriptions, locations and settings.

A position is never stored: the gate reduces it to a place, or refuses it, and only that place can be read back.
"""

from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from visavis.consent.gate import open_categories
from visavis.devices.mirror.callbacks import Callbacks
from visavis.devices.mirror.cards import Cards
from visavis.devices.mirror.resources import (
    Contact,
    Location,
    MirrorSubscription,
    Missing,
    Setting,
    merged,
    read,
    stamp,
)
from visavis.devices.mirror.responses import NOTHING, json_answer, list_answer
from visavis.devices.mirror.timelines import Timelines
from visavis.devices.mirror.uploads import body, fields
from visavis.http.access_keys import AccessKey, permits
from visavis.model.decoding import checked
from visavis.model.errors import Invalid, Refused
from visavis.model.moment import Located
from visavis.runtime.writer import Writer


class Directory:
    """These collections, of all persons."""

    def __init__(self, writer: Writer, timelines: Timelines, cards: Cards, callbacks: Callbacks) -> None:
        self._writer = writer
        self._timelines = timelines
        self._cards = cards
        self._callbacks = callbacks

    async def contacts(self, request: Request, key: AccessKey) -> Response:
        """Whom the person shares with."""
        found = self._timelines.of(key.subject, "contacts").values()
        return list_answer(request, "contacts", [msgspec.json.decode(data, type=Contact) for data in found])

    async def contact(self, request: Request, key: AccessKey) -> Response:
        """One contact."""
        return json_answer(request, self._contact(key, request))

    async def insert_contact(self, request: Request, key: AccessKey) -> Response:
        """A new contact, or another one in its place."""
        return self._kept(request, key, fields(await body(request)), 201)

    async def update_contact(self, request: Request, key: AccessKey) -> Response:
        """The contact with other content."""
        return self._kept(request, key, fields(await body(request)) | {"id": self._contact(key, request).id})

    async def patch_contact(self, request: Request, key: AccessKey) -> Response:
        """The contact with some fields changed."""
        old = self._contact(key, request)
        return self._kept(request, key, merged(msgspec.to_builtins(old), fields(await body(request))) | {"id": old.id})

    async def delete_contact(self, request: Request, key: AccessKey) -> Response:
        """Take the contact away."""
        self._timelines.drop(key.subject, "contacts", self._contact(key, request).id)
        return NOTHING

    async def subscriptions(self, request: Request, key: AccessKey) -> Response:
        """The subscriptions to changes."""
        kept = self._timelines.of(key.subject, "subscriptions").values()
        found = [msgspec.json.decode(data, type=MirrorSubscription) for data in kept]
        return list_answer(request, "subscriptionsList", found)

    async def subscribe(self, request: Request, key: AccessKey) -> Response:
        """A new subscription, if its address may be called."""
        return self._subscribed(request, key, token_hex(8), fields(await body(request)), 201)

    async def update_subscription(self, request: Request, key: AccessKey) -> Response:
        """The subscription with other content."""
        return self._subscribed(request, key, self._subscription(key, request), fields(await body(request)))

    async def unsubscribe(self, request: Request, key: AccessKey) -> Response:
        """Delete the subscription."""
        self._timelines.drop(key.subject, "subscriptions", self._subscription(key, request))
        return NOTHING

    async def locations(self, request: Request, key: AccessKey) -> Response:
        """Where the person is: the place, when they let places be known."""
        here = self._here(key)
        return list_answer(request, "locationsList", [here] if here is not None else [])

    async def location(self, request: Request, key: AccessKey) -> Response:
        """The same, by its only name."""
        here = self._here(key)
        if here is None or request.path_params["id"] != "latest":
            raise Missing("There is no such location: positions are not kept.")
        return json_answer(request, here)

    async def locate(self, request: Request, key: AccessKey) -> Response:
        """A device's position, processed as a ``located`` moment (a method that Google's interface lacks)."""
        given, clock = fields(await body(request)), self._writer.processor.clock
        found = read(Location, given)
        if found.latitude is None or found.longitude is None:
            raise Invalid("A location needs latitude and longitude.", advice="Give both, in degrees.")
        located = Located(
            id=found.id or f"at-{token_hex(8)}",
            customer=key.subject,
            occurred_at=_instant(found.timestamp) if found.timestamp else clock.now(),
            latitude=found.latitude,
            longitude=found.longitude,
            accuracy_m=found.accuracy or 0.0,
        )
        moment = checked(located, received_at=clock.now())
        if refused := permits(key, moment):
            raise Refused(refused)
        result = (await self._writer.process(moment, key.origin("mirror"))).answer
        if result.refused is not None:
            raise Refused("This position was not kept.", advice=result.refused.advice)
        if result.entry is not None:
            self._callbacks.notify(key.subject, "locations", "latest", "UPDATE")
        return json_answer(request, self._here(key) or Location(id="latest"), 201)

    async def setting(self, request: Request, key: AccessKey) -> Response:
        """The person's language, or the brand's time zone."""
        name = request.path_params["id"]
        known = {"locale": self._cards.language(key.subject), "timezone": self._writer.processor.strategy.brand.zone}
        if name not in known:
            raise Missing("There is no such setting.", advice="Use locale or timezone.")
        return json_answer(request, Setting(id=name, value=known[name]))

    def _here(self, key: AccessKey) -> Location | None:
        customer, strategy = self._writer.processor.customer(key.subject), self._writer.processor.strategy
        now = self._writer.processor.clock.now().timestamp()
        place = strategy.places.get(customer.places.here)
        if place is None or not any(
            "places" in open_categories(customer, purpose, now) for purpose in strategy.purposes.values()
        ):
            return None
        since = stamp(datetime.fromtimestamp(customer.places.since, UTC))
        here = Location(id="latest", timestamp=since, display_name=place.name)
        if place.ring:
            return here
        return replace(here, accuracy=place.radius_m, latitude=place.latitude, longitude=place.longitude)

    def _contact(self, key: AccessKey, request: Request) -> Contact:
        data = self._timelines.get(key.subject, "contacts", request.path_params["id"])
        if data is None:
            raise Missing("There is no such contact.")
        return msgspec.json.decode(data, type=Contact)

    def _kept(self, request: Request, key: AccessKey, given: dict[str, Any], status: int = 200) -> Response:
        contact = read(Contact, given)
        if not (contact.id and contact.display_name and contact.image_urls):
            raise Invalid("A contact needs id, displayName and imageUrls.", advice="Give all three.")
        self._timelines.put(key.subject, "contacts", contact.id, msgspec.json.encode(contact))
        return json_answer(request, contact, status)

    def _subscription(self, key: AccessKey, request: Request) -> str:
        name: str = request.path_params["id"]
        if self._timelines.get(key.subject, "subscriptions", name) is None:
            raise Missing("There is no such subscription.")
        return name

    def _subscribed(
        self, request: Request, key: AccessKey, name: str, given: dict[str, Any], status: int = 200
    ) -> Response:
        at = stamp(self._writer.processor.clock.now())
        one = self._callbacks.checked(replace(read(MirrorSubscription, given), id=name, updated=at))
        self._timelines.put(key.subject, "subscriptions", name, msgspec.json.encode(one))
        return json_answer(request, one, status)


def _instant(timestamp: str) -> datetime:
    try:
        return datetime.fromisoformat(timestamp)
    except ValueError:
        raise Invalid("The timestamp of this location cannot be read.", advice="Write it in RFC 3339.") from None
