"""Pair a device over HTTP: a code on one screen, typed or scanned on the other, is exchanged for the device's own key.

The brand may ask for a code (for a person, or for the advisers of a place), so may a person's own device, and an
adviser for a shift at the same place.
"""

from pathlib import Path
from typing import Final

import segno
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.delivery.screens import Screens
from visavis.devices.registry import VALID_S, OwnDevice, Registry, TooMany, worn_moment
from visavis.devices.words import by_language
from visavis.http import problems
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.access_log import record_staff_access
from visavis.http.bodies import Code, Offered, PairedKey, Pairing, json_response, read_body
from visavis.http.inline_page import SELF, InlinePage
from visavis.http.requests import key_of
from visavis.http.routes import Operation, page_route, route
from visavis.model.catalogue import Device
from visavis.model.errors import Invalid, Refused
from visavis.model.ids import check_identity
from visavis.model.moment import Role
from visavis.runtime.writer import Writer
from visavis.strategy.freshness import fresh

PATH: Final = "/pair"
OWNERS: Final[tuple[Role, ...]] = ("brand", "device", "adviser")
OFFER: Final = Operation(
    "POST",
    "/v1/devices/pairing",
    "A code, for a new device of this person or place.",
    OWNERS,
    request=Pairing,
    response=Offered,
    status=201,
)
PAIR: Final = Operation(
    "POST",
    "/v1/devices/pair",
    "Link this device.",
    request=Code,
    response=PairedKey,
    status=201,
    errors=(403, 429, 503),
)
PROFILES: Final = Operation("GET", "/v1/devices/profiles", "The kinds of device that are known.", response=list[Device])
DEVICES: Final = Operation(
    "GET",
    "/v1/devices",
    "The devices of a person or place.",
    OWNERS,
    response=list[OwnDevice],
    errors=(422, 503),
    query=("person", "place"),
)
REVOKE: Final = Operation(
    "DELETE", "/v1/devices/{device}", "Revoke this device's key.", OWNERS, status=204, errors=(503,)
)
PAGE: Final = InlinePage(Path(__file__).with_name("pair.html"))
WORDS: Final = by_language(
    {
        "title": ("Relier cet écran", "Link this screen"),
        "code": ("Le code affiché sur l’autre écran", "The code on the other screen"),
        "profile": ("Cet écran est", "This screen is"),
        "go": ("Relier", "Link"),
        "bad": ("Ce code n’est pas valable. Demandez-en un autre.", "This code is not valid. Ask for another one."),
        "wait": ("Trop d’essais. Attendez une minute.", "Too many tries. Wait a minute."),
    }
)


def routes(writer: Writer, access: AccessKeys, screens: Screens) -> list[Route]:
    """Routes that give a code, exchange it for a key, show a page to type it, and list and revoke devices."""
    return PairingRoutes(writer, access, screens).routes()


class PairingRoutes:
    """The routes."""

    def __init__(self, writer: Writer, access: AccessKeys, screens: Screens) -> None:
        self._writer = writer
        self._strategy = writer.processor.strategy
        self._access = access
        self._screens = screens
        self._registry = Registry(access, self._strategy.devices, lambda: writer.processor.clock.now().timestamp())

    def routes(self) -> list[Route]:
        """The page, and the devices' own routes."""
        return [
            page_route(PATH, self._page),
            route(OFFER, self._offer),
            route(PAIR, self._pair),
            route(PROFILES, self._profiles),
            route(DEVICES, self._list),
            route(REVOKE, self._revoke),
        ]

    def _key(self, request: Request) -> AccessKey:
        return key_of(request, self._access, *OWNERS)

    async def _page(self, request: Request) -> Response:
        language = self._strategy.language_for(None, request.query_params.get("language", ""))
        devices = self._strategy.devices.values()
        return PAGE.response({"connect-src": SELF}, language=language, words=WORDS[language], devices=devices)

    async def _offer(self, request: Request) -> Response:
        key, body = self._key(request), await read_body(request, Pairing)
        person, place = _whose(key, body.person, body.place)
        if place and place not in self._strategy.places:
            raise Invalid("There is no such place.", advice="Give the id of one of the brand's places.")
        shift = self._registry.shift(body.hours, key) if place else 0.0
        found = self._registry.offer("adviser" if place else "device", place or person, until=shift)
        link = f"{request.url.scheme}://{request.url.netloc}{PATH}#{found.code}"
        code = segno.make(link, error="m").svg_inline(scale=4, dark="#000", light="#fff")
        return json_response(Offered(found.code, link, code, found.expires_at, VALID_S), 201)

    async def _pair(self, request: Request) -> Response:
        body = await read_body(request, Code)
        address = request.client.host if request.client is not None else ""
        try:
            token, key = self._registry.pair(body.code, body.profile, address)
        except TooMany as error:
            message, retry_after_s = Exception.__str__(error), error.retry_after_s
            return problems.response(problems.problem(429, message, advice=error.advice, retry_after_s=retry_after_s))
        if key.role == "device":
            await self._writer.process(
                worn_moment(key, self._writer.processor.clock.now(), worn=True), key.origin("pairing")
            )
        return json_response(PairedKey(token, key.id, key.role, key.subject, key.profile, key.until), 201)

    async def _list(self, request: Request) -> Response:
        key, asked = self._key(request), request.query_params
        if (key.role == "device" and asked.get("place")) or (key.role == "adviser" and asked.get("person")):
            raise Refused("This key speaks for another.", advice="Ask for your own devices.")
        person, place = _whose(key, asked.get("person", ""), asked.get("place", ""))
        if person:
            loop = self._writer.processor
            customer = loop.customer(person)
            if key.role == "brand":
                await record_staff_access(self._writer, person, "devices", ("service",))
                if not customer.entries:
                    return json_response([])
            known = fresh(self._strategy.brand, customer, loop.clock.now().timestamp())
            return json_response(self._registry.listed("device", person, known.devices))
        return json_response(self._registry.listed("adviser", place, {}))

    async def _revoke(self, request: Request) -> Response:
        key, name = self._key(request), str(request.path_params["device"])
        devices = [one for one in self._access.listed() if one.role in ("device", "adviser") and not one.revoked]
        found = next((one for one in devices if one.id == name), None)
        # Another's device is as unknown as one that never was.
        if found is None or (key.role != "brand" and (key.role, key.subject) != (found.role, found.subject)):
            missing = problems.problem(404, "There is no such device.", advice="GET /v1/devices lists them.")
            return problems.response(missing)
        self._access.revoke(name)
        self._screens.look_again()
        if found.role == "device":
            await self._writer.process(
                worn_moment(found, self._writer.processor.clock.now(), worn=False), key.origin("pairing")
            )
        return Response(status_code=204)

    async def _profiles(self, _: Request) -> Response:
        return json_response(list(self._strategy.devices.values()))


def _whose(key: AccessKey, person: str, place: str) -> tuple[str, str]:
    """The person or place whose devices these are (default: the key's own); :class:`Invalid` unless one of the two.

    :class:`Refused` when the key is of another.
    """
    if key.role == "device":
        person, place = person or key.subject, ""
    if key.role == "adviser":
        person, place = "", place or key.subject
    if key.role != "brand" and (person or place) != key.subject:
        raise Refused("This key speaks for another.", advice="Pair and list your own devices.")
    if bool(person) is bool(place):
        raise Invalid("A device is a person's or a place's.", advice="Name one of the two, `person` or `place`.")
    if person:
        check_identity(person, "person")
    return person, place
