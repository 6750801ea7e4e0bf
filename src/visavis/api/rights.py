"""The doors of people's rights.

A copy, a correction, an erasure, a restriction, an objection, somebody who looks again; and the brand's queues.
"""

from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.api.people import person
from visavis.http import problems
from visavis.http.access_keys import AccessKeys
from visavis.http.requests import Answering, guarded, json_body, key_of
from visavis.model.errors import Invalid
from visavis.rights.export import LIMIT, schema, signed
from visavis.rights.requests import Acknowledged, ErasureReceipt, Requests, UnknownPerson

JSON: Final = "application/json"
JOSE: Final = "application/jose"


class Import(Struct, frozen=True, forbid_unknown_fields=True):
    """A signed export, and the public key (a JWK) of who made it; without one, it must be this server's own."""

    export: str
    key: dict[str, Any] | None = None


class Correction(Struct, frozen=True):
    """Which moment said something wrong and what its fields should say (``null``: it never happened).

    Or a family that was wrongly concluded.
    """

    moment: str | None = None
    instead: dict[str, Any] | None = None
    family: str | None = None


class Move(Struct, frozen=True):
    """Where a request goes, and why."""

    status: str
    reason: str = ""


class ContestedView(Struct, frozen=True):
    """A person's own view of a decision."""

    view: str


class ReviewOutcome(Struct, frozen=True):
    """What a person made of a contested decision, and why."""

    outcome: Literal["confirmed", "changed"]
    reasons: str


class Noted(Struct, frozen=True):
    """A request as it stands, and the same signed, to keep."""

    acknowledgement: Acknowledged
    signed: str


class Forgotten(Struct, frozen=True):
    """The receipt of an erasure, and the same signed, to keep."""

    receipt: ErasureReceipt
    signed: str


class Imported(Struct, frozen=True):
    """How many entries came in."""

    entries: int


def routes(desk: Requests, access: AccessKeys) -> list[Route]:
    """What a person may ask, and the brand's queues.

    Under ``/v1/people/{person}``: ``GET export``, ``POST import`` (the brand's key), ``POST corrections``, ``POST
    erase``, ``PUT restriction``, ``PUT objections/{about}``, ``GET requests``, ``PUT requests/{request}`` (the
    brand's), ``POST decisions/{decision}/contest``, ``PUT decisions/{decision}/review`` (the brand's); ``GET
    /v1/requests`` and ``GET /v1/reviews`` (the brand's), and ``GET /v1/export-schema``.
    """

    async def take_away(request: Request) -> Response:
        name, key = person(request, access)
        kind = request.query_params.get("format", "json")
        if kind not in ("json", "signed"):
            raise Invalid("There is no such format.", advice="Ask ?format=json or ?format=signed.")
        copy = await desk.export(name, by="brand" if key.role == "brand" else "person")
        return _said(signed(copy, desk.key).encode(), JOSE) if kind == "signed" else _json(copy)

    async def bring_in(request: Request) -> Response:
        key_of(request, access, "brand")
        name, _ = person(request, access)
        try:
            said = msgspec.json.decode(await _body(request), type=Import)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            advice = 'Send {"export": "…", "key": {…}}: the signed file, and the public key of who made it.'
            raise Invalid("The body is not an import.", advice=advice) from None
        return _json(Imported(await desk.bring_in(name, said.export, said.key)))

    async def correct(request: Request) -> Response:
        name, key = person(request, access)
        said = await json_body(request)
        family, moment, instead = said.get("family"), said.get("moment"), said.get("instead")
        if isinstance(family, str) and 0 < len(family) <= 128 and moment is None:
            return _acknowledged(await desk.hide(name, family))
        if not isinstance(moment, str) or "instead" not in said or not (instead is None or isinstance(instead, dict)):
            advice = (
                'Send {"moment": ID, "instead": {fields}}, {"moment": ID, "instead": null} when it never happened, or'
                ' {"family": NAME} to hide it.'
            )
            raise Invalid("This is no correction.", advice=advice)
        return _acknowledged(await desk.correct(name, moment, instead, by_brand=key.role == "brand"))

    async def forget(request: Request) -> Response:
        name, _ = person(request, access)
        receipt = await desk.erase(name)
        return _json(Forgotten(receipt, desk.signed(receipt, "erasure-receipt")))

    async def restrict(request: Request) -> Response:
        name, _ = person(request, access)
        return _acknowledged(await desk.restrict(name, on=_on(await json_body(request))))

    async def objects(request: Request) -> Response:
        name, _ = person(request, access)
        return _acknowledged(
            await desk.object(name, str(request.path_params["about"]), on=_on(await json_body(request)))
        )

    async def requests(request: Request) -> Response:
        name, _ = person(request, access)
        return _json(desk.requests(name))

    async def move(request: Request) -> Response:
        key_of(request, access, "brand")
        name, _ = person(request, access)
        said = await json_body(request)
        return _acknowledged(
            await desk.move(
                name, str(request.path_params["request"]), _text(said, "status"), _text(said, "reason", needed=False)
            )
        )

    async def contest(request: Request) -> Response:
        name, _ = person(request, access)
        return _json(
            await desk.contest(name, str(request.path_params["decision"]), _text(await json_body(request), "view"))
        )

    async def review(request: Request) -> Response:
        key_of(request, access, "brand")
        name, _ = person(request, access)
        said = await json_body(request)
        return _json(
            await desk.review(
                name, str(request.path_params["decision"]), _text(said, "outcome"), _text(said, "reasons")
            )
        )

    async def reviews(request: Request) -> Response:
        key_of(request, access, "brand")
        return _json(desk.reviews())

    async def queue(request: Request) -> Response:
        key_of(request, access, "brand")
        return _json(desk.queue())

    async def form(_: Request) -> Response:
        return Response(msgspec.json.encode(schema()), media_type="application/schema+json")

    def _acknowledged(found: Acknowledged) -> Response:
        return _json(Noted(found, desk.signed(found, "request-acknowledgement")))

    at = "/v1/people/{person}"
    return [
        Route(f"{at}/export", _guarded(take_away)),
        Route(f"{at}/import", _guarded(bring_in), methods=["POST"]),
        Route(f"{at}/corrections", _guarded(correct), methods=["POST"]),
        Route(f"{at}/erase", _guarded(forget), methods=["POST"]),
        Route(f"{at}/restriction", _guarded(restrict), methods=["PUT"]),
        Route(f"{at}/objections/{{about}}", _guarded(objects), methods=["PUT"]),
        Route(f"{at}/requests", _guarded(requests)),
        Route(f"{at}/requests/{{request}}", _guarded(move), methods=["PUT"]),
        Route(f"{at}/decisions/{{decision}}/contest", _guarded(contest), methods=["POST"]),
        Route(f"{at}/decisions/{{decision}}/review", _guarded(review), methods=["PUT"]),
        Route("/v1/reviews", _guarded(reviews)),
        Route("/v1/requests", _guarded(queue)),
        Route("/v1/export-schema", _guarded(form)),
    ]


def _guarded(answering: Answering) -> Answering:
    """As :func:`~visavis.http.requests.guarded`; who is not there, never was or was erased, is not there."""

    async def answer(request: Request) -> Response:
        try:
            return await answering(request)
        except UnknownPerson as error:
            return problems.response(problems.problem(404, Exception.__str__(error), advice=error.advice))

    return guarded(answer)


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LIMIT:
            raise Invalid("The body is too large.", advice=f"Send at most {LIMIT:,} bytes.")
        parts.append(part)
    return b"".join(parts)


def _on(said: dict[str, Any]) -> bool:
    on = said.get("on")
    if not isinstance(on, bool):
        raise Invalid("`on` is true or false.", advice='Send {"on": true}.')
    return on


def _text(said: dict[str, Any], name: str, *, needed: bool = True) -> str:
    text = said.get(name, "")
    if not isinstance(text, str) or (needed and not text.strip()):
        raise Invalid(f"`{name}` is a text.", advice=f'Send {{"{name}": "…"}}.')
    return text


def _json(found: object) -> Response:
    return _said(msgspec.json.encode(found), JSON)


def _said(body: bytes, kind: str) -> Response:
    return Response(body, media_type=kind, headers={"cache-control": "no-store"})
