"""``POST /v1/moments``: one moment, an array, or lines of JSON; the answer is the decision, when everything is durable.

Raw ASGI, because this is the path of every moment. What is wrong is answered as a problem (RFC 9457); in an array or in lines, a bad one is reported
at its index while the others go on. Sending a moment again with the same id gets the first answer again.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from visavis.cards.answer import Reply, reply
from visavis.intake import problems
from visavis.intake.signals import objection, opted_out
from visavis.model.errors import Refused, VisavisError
from visavis.model.moment import Answered, Displayed, Linked, Moment, Unlinked, decode
from visavis.runtime.access import Access, Key, about_own, permits
from visavis.runtime.writer import Lived, Writer

BODY_LIMIT: Final = 1 << 20
MOMENTS_LIMIT: Final = 1000
IN_FLIGHT_LIMIT: Final = 2000
"""How many moments of one key may wait at once."""
SIGNALS: Final = frozenset({"brand", "device"})
"""Whose requests may carry a person's own signal: their devices', and the brand's servers that pass it on."""
JSON: Final = b"application/json"
LINES: Final = (b"application/x-ndjson", b"application/jsonl", b"application/ndjson")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_encode: Final = msgspec.json.Encoder().encode
_array: Final = msgspec.json.Decoder(list[msgspec.Raw])


class TooLarge(Exception):
    """The body is over the limit."""


class Moments:
    """The door. ``heard`` is told what became of each moment (its kind, and kept, refused or invalid), for the metrics."""

    def __init__(self, writer: Writer, access: Access, secret: bytes, *, heard: Callable[[str, str], None] = lambda _kind, _fate: None) -> None:
        self._writer = writer
        self._access = access
        self._secret = secret
        self._heard = heard
        self._in_flight: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "POST":
            await _answer(send, problems.problem(405, "Moments are sent.", advice="Use POST."), ((b"allow", b"POST"),))
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            key = self._key(headers)
        except Refused as error:
            told = problems.problem(401, Exception.__str__(error), advice="Send `Authorization: Bearer KEY`.")
            await _answer(send, told, ((b"www-authenticate", b"Bearer"),))
            return
        kind = headers.get(b"content-type", JSON).partition(b";")[0].strip().lower()
        if kind != JSON and kind not in LINES:
            await _answer(send, problems.problem(415, "The body must be JSON.", advice="Content-Type: application/json or application/x-ndjson."))
            return
        try:
            payload = await _body(headers, receive)
        except TooLarge:
            told = problems.problem(413, f"The body is over {BODY_LIMIT:,} bytes.", advice="Send fewer moments at once.")
            await _answer(send, told, ((b"connection", b"close"),))
            return
        if payload is None:
            return  # the sender went away
        signal = key.role in SIGNALS and opted_out(scope["headers"])
        if kind in LINES:
            await self._many(send, key, [line for line in payload.split(b"\n") if line.strip()], lines=True, signal=signal)
        elif payload.lstrip()[:1] == b"[":
            try:
                await self._many(send, key, [bytes(one) for one in _array.decode(payload)], lines=False, signal=signal)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                await _answer(send, problems.problem(400, "This is not a JSON array.", advice="Send one moment, an array of moments, or lines of them."))
        else:
            await self._one(send, key, payload, signal=signal)

    async def _one(self, send: Send, key: Key, payload: bytes, *, signal: bool) -> None:
        told = await self._lived(key, payload, signal=signal)
        if isinstance(told, Reply):
            await _send(send, 200, JSON, _encode(told))
        else:
            await _answer(send, told)

    async def _many(self, send: Send, key: Key, payloads: list[bytes], *, lines: bool, signal: bool) -> None:
        if not payloads or len(payloads) > MOMENTS_LIMIT:
            status = 400 if not payloads else 413
            await _answer(send, problems.problem(status, f"{len(payloads)} moments were sent.", advice=f"Send 1 to {MOMENTS_LIMIT:,} at once."))
            return
        # All are queued before the first is awaited: they share commits, and keep their order.
        waiting = [self._queued(key, payload, signal=signal) for payload in payloads]
        told: list[Reply | dict[str, Any]] = []
        for index, one in enumerate(waiting):
            found = one if isinstance(one, dict) else await self._told(key, one)
            told.append({"index": index, **found} if isinstance(found, dict) else found)
        if lines:
            await _send(send, 200, LINES[0], b"".join([_encode(one) + b"\n" for one in told]))
        else:
            await _send(send, 200, JSON, _encode(told))

    async def _lived(self, key: Key, payload: bytes, *, signal: bool) -> Reply | dict[str, Any]:
        queued = self._queued(key, payload, signal=signal)
        return queued if isinstance(queued, dict) else await self._told(key, queued)

    def _queued(self, key: Key, payload: bytes, *, signal: bool) -> "tuple[Moment, Awaitable[Lived]] | dict[str, Any]":
        try:
            moment = decode(payload, received_at=self._now())
        except VisavisError as error:
            self._heard("", "invalid")
            return problems.problem(422, Exception.__str__(error), advice=error.advice)
        refused = permits(key, moment)
        if not refused and isinstance(moment, Displayed | Answered):
            refused = self._not_own(key, moment)
        if refused:
            self._heard("", "forbidden")
            return problems.problem(403, refused, advice="Use the key of who speaks.")
        if isinstance(moment, Linked | Unlinked):
            moment = replace(moment, identifier=hashed(self._secret, moment.identifier))
        flying = self._in_flight.get(key.id, 0)
        if flying >= IN_FLIGHT_LIMIT:
            return problems.problem(429, "This key has too many moments waiting.", advice="Send it again after a second, with the same id.", retry_after_s=1)
        try:
            if signal and (heard := objection(self._writer.loop, moment.customer, moment.id)) is not None:
                self._writer.put(heard)
            future = self._writer.put(moment)
        except VisavisError as error:
            return problems.of_error(error)
        self._in_flight[key.id] = flying + 1
        future.add_done_callback(lambda _: self._landed(key.id))
        return moment, future

    def _landed(self, key_id: str) -> None:
        left = self._in_flight[key_id] - 1
        if left:
            self._in_flight[key_id] = left
        else:
            del self._in_flight[key_id]

    async def _told(self, key: Key, queued: "tuple[Moment, Awaitable[Lived]]") -> Reply | dict[str, Any]:
        moment, future = queued
        try:
            lived = await future
        except VisavisError as error:
            return problems.of_error(error)
        kind = str(moment.__struct_config__.tag)
        answer = lived.answer
        if answer.refused is not None or answer.entry is None:
            self._heard(kind, "refused")
            return problems.of_refusal(answer.refused) if answer.refused is not None else problems.problem(503, "This moment was not kept.")
        self._heard(kind, "retried" if answer.retried else "kept")
        strategy = self._writer.loop.strategy
        language = self._writer.loop.customer(moment.customer).language or strategy.brand.languages[0]
        return reply(strategy, answer.entry, language, key.role, retried=answer.retried, us=lived.us)

    def _not_own(self, key: Key, moment: Displayed | Answered) -> str:
        customer = self._writer.loop.customer(moment.customer)
        card = next((card for card in reversed(customer.service.shown) if card.decision == moment.decision), None)
        action = self._writer.loop.strategy.actions.get(card.action) if card is not None else None
        return about_own(key, moment, action.audience if action is not None else None, customer.places.here)

    def _key(self, headers: Mapping[bytes, bytes]) -> Key:
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused("There is no key.")
        return self._access.check(token.strip())

    def _now(self) -> datetime:
        return self._writer.loop.clock.now()


def hashed(secret: bytes, identifier: str) -> str:
    """What is kept of an identifier (a card's number, an address): a keyed hash, which cannot be read back.

    >>> hashed(b"s", "card 1") == hashed(b"s", "card 1") != hashed(b"t", "card 1")
    True
    """
    return blake2b(identifier.encode("utf-8", "surrogatepass"), key=secret[:64], digest_size=16).hexdigest()


async def _body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes | None:
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > BODY_LIMIT:
        raise TooLarge
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    first: bytes = message.get("body", b"")
    if not message.get("more_body", False) and len(first) <= BODY_LIMIT:
        return first
    parts, size = [first], len(first)
    while message.get("more_body", False):
        if size > BODY_LIMIT:
            raise TooLarge
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if size > BODY_LIMIT:
        raise TooLarge
    return b"".join(parts)


async def _answer(send: Send, told: dict[str, Any], headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    if "retry_after_s" in told:
        headers = (*headers, (b"retry-after", str(told["retry_after_s"]).encode()))
    await _send(send, told["status"], problems.TYPE, problems.body(told), headers)


async def _send(send: Send, status: int, kind: bytes, payload: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    await send({
        "type": "http.response.start", "status": status,
        "headers": [(b"content-type", kind), (b"content-length", str(len(payload)).encode()), (b"cache-control", b"no-store"), *headers],
    })  # fmt: skip
    await send({"type": "http.response.body", "body": payload})
