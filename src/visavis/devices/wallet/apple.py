"""Apple Wallet: a pass whose one changing field is the card of now; an Apple Watch mirrors it without our program.

The phone registers for each pass, gets an empty push message when one changed, asks which passes did, and fetches them,
each with that pass's own token. A pass holds what is on the person's screens when it is fetched, so nothing after its
time or after its purpose was closed. A fetch does not count as ``displayed``.
Reference: Apple, *PassKit Web Service Reference*; Apple, *Sending notification requests to APNs*.
"""

import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import blake2b
from hmac import compare_digest
from math import ceil
from typing import Any, Final

import httpx
import msgspec
from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.config import Wallet
from visavis.delivery.addresses import Addresses
from visavis.delivery.outgoing import ERRORS, client, of_error, of_status, surest
from visavis.delivery.screens import Screens
from visavis.devices.phone.page import PASS_FILE
from visavis.devices.wallet.pass_file import described, packed, signer
from visavis.http.access_keys import AccessKey, AccessKeys, InvalidKey
from visavis.http.bodies import json_response
from visavis.http.requests import json_body, key_of
from visavis.http.routes import Operation, route
from visavis.model.errors import Invalid
from visavis.ports import DeliveryResult, Message
from visavis.strategy.read import Strategy

KIND: Final = "wallet"
ON: Final = "wallet:"
"""How the kind of a registration begins; the phone's own identifier follows."""
TYPE: Final = "application/vnd.apple.pkpass"
PROTOCOL: Final = "Apple PassKit web service"
"""A phone sends the token of one pass (``ApplePass``) instead of a key, and reads statuses only."""
JSON: Final = "application/json"
_PHONE: Final[dict[str, Any]] = {"protocol": PROTOCOL}
_REGISTRATIONS: Final = "/wallet/v1/devices/{device}/registrations/{type}"
REGISTER: Final = Operation(
    "POST",
    f"{_REGISTRATIONS}/{{serial}}",
    "Tell this phone when the pass changes.",
    request=JSON,
    status=201,
    errors=(401, 403, 422),
    protocol=PROTOCOL,
)
UNREGISTER: Final = Operation(
    "DELETE", f"{_REGISTRATIONS}/{{serial}}", "Stop telling it.", errors=(401, 422), protocol=PROTOCOL
)
UPDATED: Final = Operation(
    "GET",
    _REGISTRATIONS,
    "Which passes of this phone changed; 204 when none did.",
    response=JSON,
    errors=(422,),
    query=("passesUpdatedSince",),
    protocol=PROTOCOL,
)
LATEST: Final = Operation(
    "GET", "/wallet/v1/passes/{type}/{serial}", "The pass as it is now.", response=TYPE, errors=(401,), **_PHONE
)
COMPLAINTS: Final = Operation(
    "POST", "/wallet/v1/log", "Errors that a phone reports.", request=JSON, errors=(422,), **_PHONE
)
TIMEOUT_S: Final = 10.0
REGISTRATIONS_LIMIT: Final = 32
"""One phone presents itself under many identifiers: the oldest of a pass leave."""
ID_LIMIT: Final = 64
log = logging.getLogger("visavis.wallet")


class Pass(Struct, frozen=True, forbid_unknown_fields=True):
    """One person's pass on one device, and its last change (whole epoch seconds, growing at each change)."""

    device: str
    profile: str
    language: str
    decision: str = ""
    changed_at: int = 0


class Passes:
    """Channel and web service; ``secret`` makes serials and tokens, ``holds`` checks a device's key."""

    name: Final = KIND
    least_s: Final = 30.0

    def __init__(
        self,
        wallet: Wallet,
        strategy: Strategy,
        screens: Screens,
        addresses: Addresses,
        secret: bytes,
        now: Callable[[], float],
        holds: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._wallet = wallet
        self._strategy = strategy
        self._screens = screens
        self._addresses = addresses
        self._secret = secret
        self._now = now
        self._holds = holds
        self._signer = signer(wallet)
        self._client: httpx.AsyncClient | None = None
        if wallet.push_url:
            trusted = ssl.create_default_context()
            trusted.load_cert_chain(wallet.certificate, wallet.key)
            self._client = client(TIMEOUT_S, http2=True, verify=trusted)

    def made(self, key: AccessKey, language: str) -> bytes:
        """The pass of this device as it is now; created if it is new."""
        serial = self._hashed(f"{key.subject}\0{key.id}", 12)
        if serial not in self._addresses.of(key.subject, KIND):
            self._keep(key.subject, serial, Pass(key.id, key.profile, language, changed_at=ceil(self._now())))
        return self._packed(key.subject, serial)

    def reaches(self, person: str, device: str) -> bool:
        """Whether a phone of this person registered a pass of this profile, and can be notified."""
        return self._client is not None and any(
            self._addresses.under(person, ON, serial) for serial in self._of(person, device)
        )

    async def deliver(self, message: Message) -> DeliveryResult:
        """Notify the person's phones that the pass changed; they fetch it."""
        return await self._notify(message.person, message.device)

    async def recall(self, person: str, device: str, decision: str) -> None:
        """Notify them again: the pass that they fetch no longer holds the card."""
        if any(one.decision == decision for one in self._of(person, device).values()):
            await self._notify(person, device)

    async def stop(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    def routes(self, access: AccessKeys) -> list[Route]:
        """Apple's addresses, and the one where a person gets the pass (with the phone page's key)."""

        async def get(request: Request) -> Response:
            key = key_of(request, access, "device", cookie=PASS_FILE.cookie)
            language = self._strategy.language_for(None, request.query_params.get("language", ""))
            return Response(self.made(key, language), headers={"content-type": TYPE, "cache-control": "no-store"})

        return [
            route(PASS_FILE, get),
            route(REGISTER, self._register),
            route(UNREGISTER, self._unregister),
            route(UPDATED, self._updated),
            route(LATEST, self._latest),
            route(COMPLAINTS, self._logged),
        ]

    async def _register(self, request: Request) -> Response:
        person = self._allowed(request)
        kind, serial = self._registration(request), request.path_params["serial"]
        token = (await json_body(request)).get("pushToken", "")
        if not isinstance(token, str) or not token.isalnum() or not token.isascii() or len(token) > 200:
            raise Invalid("`pushToken` is not a token.", advice="Send the one that the phone was given.")
        known = self._addresses.under(person, ON, serial)
        for oldest in [one for one in known if one != kind][: max(0, len(known) + 1 - REGISTRATIONS_LIMIT)]:
            self._addresses.drop(person, oldest, serial)
        self._addresses.keep(person, kind, serial, token.encode())
        return Response(status_code=200 if kind in known else 201)

    async def _unregister(self, request: Request) -> Response:
        self._addresses.drop(self._allowed(request), self._registration(request), request.path_params["serial"])
        return Response()

    async def _updated(self, request: Request) -> Response:
        """Which passes of this phone changed since it last asked. Needs no token: serial numbers reveal nothing."""
        since = request.query_params.get("passesUpdatedSince", "")
        found: dict[str, int] = {}
        if request.path_params["type"] == self._wallet.pass_type:
            for serial, person in self._addresses.named(self._registration(request)).items():
                one = self._current(person, serial)
                if one is not None:
                    found[serial] = one.changed_at
        after = int(since) if since.isascii() and since.isdigit() and len(since) < 16 else -1
        changed = [serial for serial, at in found.items() if at > after]
        if not changed:
            return Response(status_code=204)
        # A number here breaks phones: the tag is text.
        return json_response({"serialNumbers": changed, "lastUpdated": str(max(found.values()))})

    async def _latest(self, request: Request) -> Response:
        person, serial = self._allowed(request), request.path_params["serial"]
        one = self._current(person, serial)
        assert one is not None
        headers = {
            "content-type": TYPE,
            "last-modified": format_datetime(datetime.fromtimestamp(one.changed_at, UTC), usegmt=True),
            "cache-control": "no-store",
        }
        try:
            known = parsedate_to_datetime(request.headers.get("if-modified-since", "")).timestamp()
        except ValueError:
            known = 0.0
        if one.changed_at <= known:
            return Response(status_code=304, headers=headers)
        return Response(self._packed(person, serial), headers=headers)

    async def _logged(self, request: Request) -> Response:
        """Errors that a phone reports. They may hold anything, so they are counted and not kept."""
        lines = (await json_body(request)).get("logs", [])
        log.warning(
            "a phone reports trouble with passes", extra={"attempt": len(lines) if isinstance(lines, list) else 0}
        )
        return Response()

    def _allowed(self, request: Request) -> str:
        """The person of this pass, when the request holds its token; else :class:`InvalidKey`, whatever exists."""
        serial = request.path_params["serial"]
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        right = compare_digest(token.strip().encode("utf-8", "replace"), self._hashed(serial, 24).encode())
        person = (
            self._addresses.whose(KIND, serial)
            if right and scheme.lower() == "applepass" and request.path_params["type"] == self._wallet.pass_type
            else ""
        )
        one = self._read(person, serial) if person else None
        if one is None or not self._holds(one.device):
            raise InvalidKey("This token does not open this pass.", advice="Use the one in the pass.")
        return person

    def _registration(self, request: Request) -> str:
        device = str(request.path_params["device"])
        if not device.isascii() or not device.isprintable() or len(device) > ID_LIMIT:
            raise Invalid("This is not a phone's identifier.", advice=f"Send at most {ID_LIMIT} ASCII characters.")
        return ON + device

    def _of(self, person: str, profile: str) -> dict[str, Pass]:
        found = {
            serial: msgspec.json.decode(data, type=Pass) for serial, data in self._addresses.of(person, KIND).items()
        }
        return {serial: one for serial, one in found.items() if one.profile == profile and self._holds(one.device)}

    def _read(self, person: str, serial: str) -> Pass | None:
        data = self._addresses.of(person, KIND).get(serial)
        return msgspec.json.decode(data, type=Pass) if data is not None else None

    def _keep(self, person: str, serial: str, one: Pass) -> None:
        self._addresses.keep(person, KIND, serial, msgspec.json.encode(one))

    def _current(self, person: str, serial: str) -> Pass | None:
        """The pass with what it holds now; when that differs from before, it has changed now."""
        one = self._read(person, serial)
        if one is None or not self._holds(one.device):
            return None
        found = self._screens.card(person, one.profile)
        decision = found.show.id if found is not None else ""
        if decision != one.decision:
            one = replace(one, decision=decision, changed_at=max(ceil(self._now()), one.changed_at + 1))
            self._keep(person, serial, one)
        return one

    def _packed(self, person: str, serial: str) -> bytes:
        one = self._current(person, serial)
        assert one is not None
        brand, language = self._strategy.brand.name, self._strategy.language_for(None, one.language)
        found = self._screens.card(person, one.profile)
        card = found.card(self._strategy, language) if found is not None else None
        name = found.place_name(self._strategy) if found is not None else brand
        fields = described(self._strategy, self._wallet, serial, self._hashed(serial, 24), language, card, name)
        return packed(fields, brand, self._signer)

    async def _notify(self, person: str, profile: str) -> DeliveryResult:
        results = []
        for serial in self._of(person, profile):
            self._current(person, serial)
            results += [
                await self._push(person, kind, serial, token.decode())
                for kind, token in self._addresses.under(person, ON, serial).items()
            ]
        return surest(results, "no phone registered")

    async def _push(self, person: str, kind: str, serial: str, token: str) -> DeliveryResult:
        if self._client is None:
            return DeliveryResult("nobody", "no push service is set up")
        try:
            url, headers = f"{self._wallet.push_url}/3/device/{token}", {"apns-topic": self._wallet.pass_type}
            answer = await self._client.post(url, content=b"{}", headers=headers)
        except ERRORS as error:
            return of_error(error)
        if answer.status_code in (400, 410) and (answer.status_code == 410 or b"BadDeviceToken" in answer.content):
            self._addresses.drop(person, kind, serial)
            return DeliveryResult("nobody", f"the service answered {answer.status_code}")
        return of_status(answer.status_code)

    def _hashed(self, text: str, size: int) -> str:
        return blake2b(text.encode("utf-8", "surrogatepass"), key=self._secret, digest_size=size).hexdigest()
