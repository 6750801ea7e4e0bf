"""``POST /v1/moments``: one moment, an array, or lines of JSON; the answer is the decision, once everything is durable.

Plain ASGI, because it is the path of every moment. Errors are problem documents (RFC 9457); in an array or lines, each
stands at its index while the others are processed. A repeated moment gets its first answer again; another one under its
id is a conflict (409), but to a till or an adviser, who gets the first answer.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from visavis.api.signals import objection, opted_out
from visavis.cards.replies import Reply, kept_only, reply
from visavis.consent.gate import always_kept, still_readable
from visavis.engine import shown_card
from visavis.http import problems
from visavis.http.access_keys import AccessKey, AccessKeys, InvalidKey, about_own, permits
from visavis.http.access_log import record_entry_read
from visavis.http.problems import Problem, problem
from visavis.http.routes import STAFF, ApiRoute, Operation
from visavis.model.decoding import decode
from visavis.model.errors import VisavisError
from visavis.model.moment import Answered, Displayed, Linked, Moment, Unlinked
from visavis.runtime.linking import NOTHING, Named
from visavis.runtime.loop import StepResult
from visavis.runtime.writer import Processed, Writer

OPERATION: Final = Operation(
    "POST",
    "/v1/moments",
    "Process one moment, an array of moments, or lines of them.",
    ("brand", "till", "device", "adviser", "sensor"),
    request=Moment,
    response=Reply,
    many=True,
    errors=(400, 405, 409, 413, 415, 429, 500, 503),
    links=(
        ("/v1/people/{person}/moments/{moment}", {"person": "$request.body#/customer", "moment": "$response.body#/id"}),
    ),
)
BODY_LIMIT: Final = 1 << 20
MOMENTS_LIMIT: Final = 1000
IN_FLIGHT_LIMIT: Final = 2000  # how many moments of one key may wait at once
SIGNALS: Final = frozenset({"brand", "device"})  # roles whose requests may carry a person's own signal
NAMING: Final = frozenset({"brand", "till"})  # roles that may name a person by an identifier
CORRECTABLE: Final = frozenset({"brand", "device", "sensor"})  # roles that are answered 409
CONFLICT: Final = "Another moment of this person was kept under this id; this one was not."
OTHER_ID: Final = "Give each moment an id of its own; send the same one again unchanged."
JSON: Final = b"application/json"
LENGTH_DIGITS: Final = 10
LINES: Final = (b"application/x-ndjson", b"application/jsonl", b"application/ndjson")

Headers = list[tuple[bytes, bytes]]
Answer = Reply | Problem
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_encode: Final = msgspec.json.Encoder().encode
_array: Final = msgspec.json.Decoder(list[msgspec.Raw])
log = logging.getLogger("visavis.moments")


class Disconnected(Exception):
    """The sender went away before the whole body had come."""


class ProblemResponse(Exception):
    """The whole request is answered by this problem."""

    def __init__(self, problem: Problem, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(problem.status)
        self.problem = problem
        self.headers = headers


class Moments:
    """The endpoint. ``count`` gets each moment's kind and result (kept, unchanged, refused, …), for the metrics."""

    def __init__(
        self, writer: Writer, access: AccessKeys, secret: bytes, *, count: Callable[[str, str], None] = lambda *_: None
    ) -> None:
        self._writer = writer
        self._access = access
        self._secret = secret
        self._count = count
        self._in_flight: dict[str, int] = {}
        self.route = ApiRoute(OPERATION, self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            status, kind, payload, headers = await self._answered(scope, receive)
        except Disconnected:
            return
        except ProblemResponse as refusal:
            found = refusal.problem
            status, kind, payload = found.status, problems.TYPE, problems.body(found)
            headers = [*refusal.headers, *problems.headers(found)]
        except Exception:
            # The moments may have been kept: what failed may be the answer only.
            log.exception("a request could not be answered")
            found = problem(500, "This request could not be answered.", advice="Send it again, with the same ids.")
            status, kind, payload, headers = 500, problems.TYPE, problems.body(found), []
        length = (b"content-length", b"%d" % len(payload))
        headers = [(b"content-type", kind), length, (b"cache-control", b"no-store"), *headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": payload})

    async def _answered(self, scope: Scope, receive: Receive) -> tuple[int, bytes, bytes, Headers]:
        if scope["method"] != "POST":
            raise ProblemResponse(problem(405, "Moments are sent.", advice="Use POST."), (b"allow", b"POST"))
        headers: dict[bytes, bytes] = dict(scope["headers"])
        key = self._key(headers)
        kind = headers.get(b"content-type", JSON).partition(b";")[0].strip().lower()
        if (kind != JSON and kind not in LINES) or headers.get(b"content-encoding", b"identity").lower() != b"identity":
            advice = "Content-Type: application/json or application/x-ndjson, without a Content-Encoding."
            raise ProblemResponse(problem(415, "The body must be plain JSON.", advice=advice))
        payload = await _body(headers, receive)
        signal = key.role in SIGNALS and opted_out(scope["headers"])
        if kind in LINES:
            found = await self._many(key, [line for line in payload.split(b"\n") if line.strip()], signal=signal)
            return 200, LINES[0], b"".join([_encode(one) + b"\n" for one in found]), []
        if payload.lstrip()[:1] == b"[":
            try:
                payloads = [bytes(one) for one in _array.decode(payload)]
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                advice = "Send one moment, an array of moments, or lines of them."
                raise ProblemResponse(problem(400, "This is not a JSON array.", advice=advice)) from None
            return 200, JSON, _encode(await self._many(key, payloads, signal=signal)), []
        [one] = await self._process_all(key, [payload], signal=signal)
        if isinstance(one, Problem):
            raise ProblemResponse(one)
        return 202 if one.waiting else 200, JSON, _encode(one), []

    async def _many(self, key: AccessKey, payloads: list[bytes], *, signal: bool) -> list[Answer]:
        if not payloads or len(payloads) > MOMENTS_LIMIT:
            status, advice = 413 if payloads else 400, f"Send 1 to {MOMENTS_LIMIT:,} at once."
            raise ProblemResponse(problem(status, f"{len(payloads)} moments were sent.", advice=advice))
        found = await self._process_all(key, payloads, signal=signal)
        return [replace(one, index=index) if isinstance(one, Problem) else one for index, one in enumerate(found)]

    async def _process_all(self, key: AccessKey, payloads: list[bytes], *, signal: bool) -> list[Answer]:
        """What became of each. All are queued before the first is awaited: they keep their order, and share commits."""
        waiting: list[tuple[Moment, Awaitable[Processed]] | Problem] = []
        flying = 0
        try:
            for payload in payloads:
                queued = self._queued(key, payload, signal=signal)
                waiting.append(queued)
                if not isinstance(queued, Problem):
                    flying += 1
                    self._in_flight[key.id] = self._in_flight.get(key.id, 0) + 1
            return [one if isinstance(one, Problem) else await self._answer(key, *one) for one in waiting]
        finally:
            if flying and (left := self._in_flight.pop(key.id) - flying):
                self._in_flight[key.id] = left

    def _queued(self, key: AccessKey, payload: bytes, *, signal: bool) -> tuple[Moment, Awaitable[Processed]] | Problem:
        try:
            moment = decode(payload, received_at=self._writer.processor.clock.now())
        except VisavisError as error:
            self._count("", "invalid")
            return problem(422 if _is_json(payload) else 400, Exception.__str__(error), advice=error.advice)
        refused = permits(key, moment)
        if not refused and isinstance(moment, Displayed | Answered):
            refused = self._not_own(key, moment)
        if refused:
            self._count("", "forbidden")
            return problem(403, refused, advice="Use the key of who speaks.")
        named = self._named(key, moment)
        if isinstance(moment, Linked | Unlinked):
            moment = replace(moment, identifier=hashed(self._secret, moment.identifier))
        if self._in_flight.get(key.id, 0) >= IN_FLIGHT_LIMIT:
            advice = "Send it again after a second, with the same id."
            return problem(429, "This key has too many moments waiting.", advice=advice, retry_after_s=1)
        try:
            whose = self._writer.processor.linking.customer_of(moment.customer, named)
            if signal and (objected := objection(self._writer.processor, whose, moment.id)) is not None:
                self._writer.put(replace(objected, customer=moment.customer), key.origin("api", "Sec-GPC"), named)
            return moment, self._writer.put(moment, key.origin("api"), named)
        except VisavisError as error:
            return problems.of_error(error)

    async def _answer(self, key: AccessKey, moment: Moment, future: Awaitable[Processed]) -> Answer:
        try:
            processed = await future
        except VisavisError as error:
            return problems.of_error(error)
        kind, answer = moment.kind, processed.answer
        if answer.entry is None:
            if answer.refused is None:
                self._count(kind, "unchanged")
                return Reply(moment.id, kept=False)
            self._count(kind, "refused")
            # A till hears nobody's consents, nor whose an identifier is: what was not kept is answered as what was.
            return Reply(moment.id, kept=True) if key.role == "till" else problems.of_refusal(answer.refused)
        if answer.conflict and key.role in CORRECTABLE:
            self._count(kind, "conflict")
            return problem(409, CONFLICT, advice=OTHER_ID)
        self._count(kind, "retried" if answer.retried else "kept")
        if answer.retried:
            return await self._retry_reply(key, moment, answer)
        strategy = self._writer.processor.strategy
        language = strategy.language_for(self._writer.processor.population.customer(answer.entry.customer))
        return self._linked(moment, reply(strategy, answer.entry, language, key.role, us=processed.us), answer)

    def _linked(self, moment: Moment, found: Reply, answer: StepResult) -> Reply:
        """The reply, which says of an identifier whether it is linked by now, and nothing more."""
        if not isinstance(moment, Linked) or answer.entry is None:
            return found
        customer = self._writer.processor.population.customer(answer.entry.customer)
        held = moment.identifier in customer.identifiers
        return replace(found, linked="linked" if held else "waiting", waiting=not held)

    def _named(self, key: AccessKey, moment: Moment) -> Named:
        """Whom else a till or the brand may mean: an unknown customer may be an identifier that a person has linked."""
        linked = moment.identifier if isinstance(moment, Linked) else ""
        if key.role not in NAMING or self._writer.processor.population.customer(moment.customer).entries:
            return Named(identifier=linked) if linked else NOTHING
        return Named(hashed(self._secret, moment.customer), linked)

    async def _retry_reply(self, key: AccessKey, moment: Moment, answer: StepResult) -> Answer:
        """The answer to a retry: the first one, as far as it may be told today; to staff it is a read."""
        processor, entry = self._writer.processor, answer.entry
        assert entry is not None
        strategy, customer = processor.strategy, processor.population.customer(entry.customer)
        if key.role == "till" and not always_kept(strategy, moment.category):
            return Reply(moment.id, kept=True)  # that it was kept before would tell of a consent
        if answer.conflict or not still_readable(strategy, customer, entry, processor.clock.now().timestamp()):
            return self._linked(moment, kept_only(entry), answer)
        found = reply(strategy, entry, strategy.language_for(customer), key.role, retried=True)
        if key.role in STAFF and (found.decisions or found.effects or found.uses):
            try:
                await record_entry_read(self._writer, entry)
            except VisavisError as error:
                return problems.of_error(error)
        return self._linked(moment, found, answer)

    def _not_own(self, key: AccessKey, moment: Displayed | Answered) -> str:
        customer = self._writer.processor.population.customer(moment.customer)
        _, action = shown_card(self._writer.processor.strategy, customer, moment.decision)
        return about_own(key, moment, action.audience if action is not None else None, customer.places.here)

    def _key(self, headers: Mapping[bytes, bytes]) -> AccessKey:
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        try:
            return self._access.check(token.strip() if scheme.lower() == "bearer" else "")
        except InvalidKey as error:
            raise ProblemResponse(problems.of_error(error)) from None


def hashed(secret: bytes, identifier: str) -> str:
    """The keyed hash that is kept of an identifier (a card's number, an address); it cannot be read back.

    >>> hashed(b"s", "card 1") == hashed(b"s", "card 1") != hashed(b"t", "card 1")
    True
    """
    return blake2b(identifier.encode("utf-8", "surrogatepass"), key=secret[:64], digest_size=16).hexdigest()


async def _body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    length = headers.get(b"content-length", b"")
    if length.isdigit() and (len(length) > LENGTH_DIGITS or int(length) > BODY_LIMIT):
        raise _too_large()
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part, more = message.get("body", b""), message.get("more_body", False)
        parts.append(part)
        size += len(part)
        if size > BODY_LIMIT:
            raise _too_large()
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large() -> ProblemResponse:
    found = problem(413, f"The body is over {BODY_LIMIT:,} bytes.", advice="Send fewer moments at once.")
    return ProblemResponse(found, (b"connection", b"close"))


def _is_json(payload: bytes) -> bool:
    """Whether what is not a moment is at least JSON (422), or cannot be understood at all (400)."""
    try:
        msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True
