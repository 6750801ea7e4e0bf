"""Web Push: a card goes to a person's browser through the browser maker's service, which cannot read it.

A message holds the card's id, words and end, encrypted for one browser and signed as this server's. The service keeps
it until that end or a later message of its topic; a subscription that the service no longer knows is deleted. Only the
hosts of the settings are called: https, no redirect, no proxy.
References: RFC 8030 (the protocol), RFC 8188 and 8291 (encryption, by ``pywebpush``), RFC 8292 (signature).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from time import time
from typing import Any, Final

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct
from msgspec.structs import replace
from py_vapid import Vapid02  # type: ignore[import-untyped]
from pywebpush import WebPusher  # type: ignore[import-untyped]

from visavis.config import Push
from visavis.delivery.addresses import Addresses
from visavis.delivery.outgoing import ERRORS, address_of, client, of_error, of_status, retry_after_s, surest
from visavis.http.bodies import PushKeysBody
from visavis.model.errors import Invalid
from visavis.ports import DeliveryResult, Message

KIND: Final = "web_push"
TIMEOUT_S: Final = 10.0
TOKEN_S: Final = 12 * 3600.0
"""How long one signature serves for one service; RFC 8292 allows a day."""
URGENT_S: Final = 900.0
"""A card that lasts no longer than this may wake the phone."""
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256: a private key lies below it."""


class PushSubscription(Struct, frozen=True):
    """Where one browser is reached, as the browser sends it; ``profile`` is the device's."""

    endpoint: str
    keys: PushKeysBody
    profile: str = ""


class WebPush:
    """The channel. ``secret`` is 32 bytes derived from the root key: one server always signs with the same key.

    ``holds`` says whether a device's key is still valid; ``now`` is real time, by which services check signatures.
    """

    name: Final = KIND
    least_s: Final = 5.0

    def __init__(
        self,
        push: Push,
        addresses: Addresses,
        secret: bytes,
        *,
        holds: Callable[[str], bool] = lambda _: True,
        now: Callable[[], float] = time,
    ) -> None:
        if not push.contact.startswith(("mailto:", "https://")):
            raise Invalid(
                "The contact of `push` is no address.",
                advice='Write `contact = "mailto:NAME@HOST"`: push services require one.',
            )
        self._push = push
        self._addresses = addresses
        self._now = now
        self._holds = holds
        self._client = client(TIMEOUT_S)
        private = ec.derive_private_key(int.from_bytes(secret, "big") % (ORDER - 1) + 1, ec.SECP256R1())
        self._signer = Vapid02(private)
        self.public_key = _text(private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
        """What a browser needs to subscribe (``applicationServerKey``)."""
        self._tokens: dict[str, tuple[float, str]] = {}
        self._answered_here: dict[str, None] = {}

    def subscribe(self, person: str, device: str, profile: str, message: dict[str, Any]) -> None:
        """Keep this device's subscription; :class:`Invalid` for a malformed one or a host that is not allowed."""
        try:
            found = replace(msgspec.convert(message, PushSubscription), profile=profile)
        except msgspec.ValidationError:
            raise Invalid(
                "This is not a push subscription.", advice="Send what PushSubscription.toJSON() gives."
            ) from None
        self._checked(found)
        self._addresses.keep(person, KIND, device, msgspec.json.encode(found))

    def unsubscribe(self, person: str, device: str) -> None:
        """Delete the subscription of this device."""
        self._addresses.drop(person, KIND, device)

    def subscribed(self, person: str, device: str) -> bool:
        """Whether this device has a subscription."""
        return device in self._addresses.of(person, KIND)

    def reaches(self, person: str, device: str) -> bool:
        """Whether a browser of this person subscribed on such a device."""
        return bool(self._of(person, device))

    async def deliver(self, message: Message) -> DeliveryResult:
        """Send the card to the person's browsers that subscribed; ``taken`` when one service took it."""
        card = message.card
        content = {
            "id": card.decision,
            "title": card.title,
            "body": card.body,
            "place": message.place,
            "yes": card.yes,
            "no": card.no,
            "lang": card.language,
            "lasts_s": round(message.lasts_s, 1),
        }
        return await self._sent(message.person, message.device, content, card.decision, message.lasts_s)

    async def recall(self, person: str, device: str, decision: str) -> None:
        """Close the notification or replace the waiting message, unless the card was answered there."""
        if decision in self._answered_here:
            del self._answered_here[decision]
        else:
            await self._sent(person, device, {"recall": decision}, decision, 60.0)

    def answered_here(self, decision: str) -> None:
        """Note that this card was answered on the phone itself, where it needs no recall."""
        self._answered_here[decision] = None
        while len(self._answered_here) > 10_000:
            del self._answered_here[next(iter(self._answered_here))]

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _of(self, person: str, profile: str) -> dict[str, PushSubscription]:
        kept = {
            name: msgspec.json.decode(data, type=PushSubscription)
            for name, data in self._addresses.of(person, KIND).items()
            if self._holds(name)
        }
        return {name: one for name, one in kept.items() if one.profile == profile}

    async def _sent(
        self, person: str, profile: str, message: dict[str, Any], topic: str, lasts_s: float
    ) -> DeliveryResult:
        subscriptions = self._of(person, profile).items()
        results = [await self._to(person, device, one, message, topic, lasts_s) for device, one in subscriptions]
        return surest(results, "no subscription")

    async def _to(
        self, person: str, device: str, one: PushSubscription, message: dict[str, Any], topic: str, lasts_s: float
    ) -> DeliveryResult:
        try:
            origin = self._checked(one)
        except Invalid:
            return DeliveryResult("nobody", "its host is not allowed any more")
        encoded = WebPusher({"endpoint": one.endpoint, "keys": msgspec.to_builtins(one.keys)}).encode(
            msgspec.json.encode(message), "aes128gcm"
        )
        assert encoded is not None
        headers = {
            "ttl": str(int(lasts_s)),
            "topic": topic[:32],
            "urgency": "high" if lasts_s <= URGENT_S else "normal",
            "content-encoding": "aes128gcm",
            "authorization": self._signed(origin),
        }
        try:
            # No header that the service does not need: each costs as many bytes as a word of the card.
            answer = await self._client.send(
                httpx.Request("POST", one.endpoint, content=bytes(encoded["body"]), headers=headers), stream=True
            )
            status = answer.status_code
            retry_s = retry_after_s(answer.headers.get("retry-after", ""), self._now())
            await answer.aclose()
        except ERRORS as error:
            return of_error(error)
        if status in (404, 410):
            self._addresses.drop(person, KIND, device)
            return DeliveryResult("nobody", f"the service answered {status}")
        return of_status(status, retry_s)

    def _signed(self, origin: str) -> str:
        until, token = self._tokens.get(origin, (0.0, ""))
        if until - TOKEN_S / 2 < self._now():
            until = self._now() + TOKEN_S
            # A new table each time: the signer writes into the one that it is given.
            token = self._signer.sign({"aud": origin, "sub": self._push.contact, "exp": int(until)})["Authorization"]
            self._tokens[origin] = (until, token)
        return token

    def _checked(self, one: PushSubscription) -> str:
        """The origin of a subscription that may be used; else :class:`Invalid`."""
        try:
            point, auth = _bytes(one.keys.p256dh), _bytes(one.keys.auth)
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        except ValueError:
            raise Invalid(
                "The key of this subscription cannot be read.", advice="Send what PushSubscription.toJSON() gives."
            ) from None
        if len(point) != 65 or len(auth) != 16 or len(one.endpoint) > 1024:
            raise Invalid(
                "The key of this subscription has a wrong length.", advice="Send what PushSubscription.toJSON() gives."
            )
        url = address_of(one.endpoint, "The endpoint of this subscription")
        if not self._allowed(url.host):
            raise Invalid(
                "The host of this push service is not allowed.",
                advice="The server's settings name those that are, in `push.hosts`.",
            )
        return f"{url.scheme}://{url.netloc.decode()}"

    def _allowed(self, host: str) -> bool:
        return any(host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in self._push.hosts)


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text.rstrip("=").encode("ascii") + b"=" * (-len(text.rstrip("=")) % 4))


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
