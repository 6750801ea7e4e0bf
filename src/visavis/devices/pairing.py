"""Pair a device over HTTP: a code on one screen, typed or scanned on the other, is exchanged for that device's own key.

Who may ask for a code: the brand (for a person, or for the advisers of a place), a person's own device, an adviser for
a shift at the same place.
"""

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from secrets import token_hex
from typing import Final

import msgspec
import segno
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from visavis.delivery.screens import Screens
from visavis.devices.registry import SHIFT_S, VALID_S, OwnDevice, Registry, TooMany
from visavis.http import problems
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.bodies import Code, Offered, PairedKey, Pairing
from visavis.http.requests import json_body, key_of
from visavis.http.routes import Operation, page_route, route
from visavis.model.catalogue import Device
from visavis.model.errors import Invalid, Refused
from visavis.model.moment import Role, Worn
from visavis.runtime.writer import Writer
from visavis.strategy.tables import ID_LIMIT

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
    errors=(422,),
    query=("person", "place"),
)
REVOKE: Final = Operation(
    "DELETE", "/v1/devices/{device}", "Revoke this device's key.", OWNERS, status=204, errors=(503,)
)
PAGE: Final = (Path(__file__).parent / "pair.html").read_text(encoding="utf-8")
WORDS: Final = {
    "fr": {
        "title": "Relier cet écran",
        "code": "Le code affiché sur l’autre écran",
        "profile": "Cet écran est",
        "go": "Relier",
        "bad": "Ce code n’est pas valable. Demandez-en un autre.",
        "wait": "Trop d’essais. Attendez une minute.",
    },
    "en": {
        "title": "Link this screen",
        "code": "The code on the other screen",
        "profile": "This screen is",
        "go": "Link",
        "bad": "This code is not valid. Ask for another one.",
        "wait": "Too many tries. Wait a minute.",
    },
}


def routes(writer: Writer, access: AccessKeys, screens: Screens) -> list[Route]:
    """``POST /v1/devices/pairing`` gives a code, ``POST /v1/devices/pair`` takes it.

    ``GET`` and ``DELETE /v1/devices`` list and revoke; a page to type it.
    """
    strategy = writer.processor.strategy
    registry = Registry(access, strategy.devices, lambda: writer.processor.clock.now().timestamp())

    async def page(request: Request) -> Response:
        language = strategy.language_for(None, request.query_params.get("language", ""))
        html = PAGE.replace("{{lang}}", language)
        for name, words in WORDS[language].items():
            html = html.replace("{{" + name + "}}", escape(words))
        options = [
            f'<option value="{escape(device.profile)}">{escape(device.name or device.profile)}</option>'
            for device in strategy.devices.values()
        ]
        html = html.replace("{{options}}", "".join(options))
        return HTMLResponse(html, headers=_headers(html))

    async def offer(request: Request) -> Response:
        key, body = key_of(request, access, "brand", "device", "adviser"), await json_body(request)
        person, place = body.get("person", ""), body.get("place", "")
        if key.role == "device":
            person, place = person or key.subject, ""
        if key.role == "adviser":
            person, place = "", place or key.subject
        if key.role != "brand" and (person or place) != key.subject:
            raise Refused("This key speaks for another.", advice="Pair your own devices.")
        if not all(isinstance(name, str) and len(name) <= ID_LIMIT for name in (person, place)) or bool(person) is bool(
            place
        ):
            raise Invalid(
                "A device is a person's or a place's.", advice='Send {"person": "…"} or {"place": "…", "hours": 8}.'
            )
        if place and place not in strategy.places:
            raise Invalid("There is no such place.", advice="Give the id of one of the brand's places.")
        shift = registry.shift(body.get("hours", SHIFT_S / 3600), key) if place else 0.0
        found = registry.offer("adviser" if place else "device", place or person, until=shift)
        link = f"{request.url.scheme}://{request.url.netloc}{PATH}#{found.code}"
        code = segno.make(link, error="m").svg_inline(scale=4, dark="#000", light="#fff")
        return _json(
            {"code": found.code, "link": link, "qr_svg": code, "expires_at": found.expires_at, "valid_s": VALID_S}, 201
        )

    async def pair(request: Request) -> Response:
        body = await json_body(request)
        code, profile = body.get("code", ""), body.get("profile", "")
        if not isinstance(code, str) or not isinstance(profile, str):
            raise Invalid("A code and a profile are texts.", advice='Send {"code": "ABCD-EFGH", "profile": "glasses"}.')
        address = request.client.host if request.client is not None else ""
        try:
            token, key = registry.pair(code, profile, address)
        except TooMany as error:
            told_so = problems.problem(
                429, Exception.__str__(error), advice=error.advice, retry_after_s=error.retry_after_s
            )
            return problems.response(told_so)
        if key.role == "device":
            await writer.process(_worn(key, worn=True))
        return _json(
            {
                "key": token,
                "id": key.id,
                "role": key.role,
                "subject": key.subject,
                "profile": key.profile,
                "until": key.until,
            },
            201,
        )

    async def listed(request: Request) -> Response:
        key = key_of(request, access, "brand", "device", "adviser")
        person, place = request.query_params.get("person", ""), request.query_params.get("place", "")
        if key.role != "brand":
            own = person if key.role == "device" else place
            if (own or key.subject) != key.subject or (place if key.role == "device" else person):
                raise Refused("This key speaks for another.", advice="Ask for your own devices.")
            person, place = (key.subject, "") if key.role == "device" else ("", key.subject)
        if bool(person) is bool(place):
            raise Invalid("Whose devices?", advice="Ask with ?person=… or ?place=….")
        if person:
            return _json(registry.listed("device", person, writer.processor.customer(person).devices))
        return _json(registry.listed("adviser", place, {}))

    async def revoke(request: Request) -> Response:
        key, name = key_of(request, access, "brand", "device", "adviser"), str(request.path_params["device"])
        found = next(
            (
                one
                for one in access.listed()
                if one.id == name and one.role in ("device", "adviser") and not one.revoked
            ),
            None,
        )
        # Another's device is as unknown as one that never was.
        if found is None or (key.role != "brand" and (key.role, key.subject) != (found.role, found.subject)):
            return problems.response(
                problems.problem(404, "There is no such device.", advice="GET /v1/devices lists them.")
            )
        access.revoke(name)
        screens.look_again()
        if found.role == "device":
            await writer.process(_worn(found, worn=False))
        return Response(status_code=204)

    async def profiles(_: Request) -> Response:
        return _json(list(strategy.devices.values()))

    def _worn(key: AccessKey, *, worn: bool) -> Worn:
        """What was paired is there, what was revoked is not: decisions choose among what is there."""
        at = writer.processor.clock.now()
        return Worn(
            id=f"worn-{token_hex(6)}",
            customer=key.subject,
            occurred_at=at,
            device=key.id,
            profile=key.profile,
            worn=worn,
        )

    return [
        page_route(PATH, page),
        route(OFFER, offer),
        route(PAIR, pair),
        route(PROFILES, profiles),
        route(DEVICES, listed),
        route(REVOKE, revoke),
    ]


def _json(found: object, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(found), status, media_type="application/json", headers={"cache-control": "no-store"}
    )


def _headers(html: str) -> dict[str, str]:
    """The page is one file: its only script and its only style are named by their hashes."""
    parts = {tag: re.search(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL) for tag in ("script", "style")}
    hashes = {
        tag: b64encode(sha256(found[1].encode()).digest()).decode() for tag, found in parts.items() if found is not None
    }
    return {
        "content-security-policy": (
            f"default-src 'none'; script-src 'sha256-{hashes['script']}'; style-src 'sha256-{hashes['style']}';"
            " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
