"""Requests under data protection law: copy, import, correction, erasure, restriction, objection, review."""

from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from visavis.api.people import person, person_endpoint
from visavis.http.access_keys import AccessKeys
from visavis.http.access_log import record_reads
from visavis.http.bodies import NO_STORE, OnOff, json_response, read_body
from visavis.http.requests import key_of
from visavis.http.routes import ApiRoute, Operation, endpoint, routes_of
from visavis.model.errors import Invalid
from visavis.model.request import Review
from visavis.rights.erasure import ErasureReceipt
from visavis.rights.export import LIMIT, Export, schema, signed
from visavis.rights.requests import Acknowledged, OpenRequest, Requests
from visavis.rights.reviews import OpenReview

FAMILY_LIMIT: Final = 128
BRAND: Final = ("brand",)


class Import(Struct, frozen=True, forbid_unknown_fields=True):
    """A signed export, and the public key (a JWK) of who made it; without one, it must be this server's own."""

    export: str
    key: dict[str, Any] | None = None


class Correction(Struct, frozen=True):
    """A moment that was wrong and what its fields should be (``null``: it never happened), or a family to hide."""

    moment: str | None = None
    instead: dict[str, Any] | UnsetType | None = UNSET
    family: str | None = None


class Move(Struct, frozen=True):
    """The next status of a request, and why."""

    status: str
    reason: str = ""


class ContestedView(Struct, frozen=True):
    """A person's own view of a decision."""

    view: str


class ReviewOutcome(Struct, frozen=True):
    """What the reviewer decided about a contested decision, and why."""

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
    """How many entries were imported."""

    entries: int


_MAY_WAIT: Final[dict[str, Any]] = {"response": Noted, "other_responses": {202: "application/json"}}


def routes(requests: Requests, access: AccessKeys) -> list[ApiRoute]:
    """What a person may ask under ``/v1/people/{person}``, and the brand's lists."""
    return routes_of(RightsApi(requests, access))


class RightsApi:
    """Every endpoint of requests and reviews."""

    def __init__(self, requests: Requests, access: AccessKeys) -> None:
        self._requests = requests
        self._access = access

    @person_endpoint(
        "GET",
        "export",
        "A copy of everything, and of what was concluded.",
        reads=(),
        response=Export,
        errors=(422, 503),
    )
    async def export(self, request: Request) -> Response:
        """The copy, as JSON or signed."""
        name, key = person(request, self._access)
        kind = request.query_params.get("format", "json")
        if kind not in ("json", "signed"):
            raise Invalid("There is no such format.", advice="Ask ?format=json or ?format=signed.")
        copy = await self._requests.export(name, by="brand" if key.role == "brand" else "person")
        if kind == "signed":
            return Response(signed(copy, self._requests.key), media_type="application/jose", headers=NO_STORE)
        return json_response(copy)

    @person_endpoint(
        "POST",
        "import",
        "Import a signed copy from another server.",
        reads=(),
        roles=BRAND,
        request=Import,
        response=Imported,
    )
    async def bring_in(self, request: Request) -> Response:
        """Import a signed copy."""
        key_of(request, self._access, "brand")
        name, _ = person(request, self._access)
        try:
            sent = msgspec.json.decode(await _body(request), type=Import)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            advice = 'Send {"export": "…", "key": {…}}: the signed file, and the public key of who made it.'
            raise Invalid("The body is not an import.", advice=advice) from None
        return json_response(Imported(await self._requests.bring_in(name, sent.export, sent.key)))

    @person_endpoint("POST", "corrections", "Correct what was wrong.", reads=(), request=Correction, response=Noted)
    async def correct(self, request: Request) -> Response:
        """Correct a moment, or hide a family."""
        name, key = person(request, self._access)
        sent = await read_body(request, Correction)
        if sent.family and len(sent.family) <= FAMILY_LIMIT and sent.moment is None:
            return self._acknowledged(await self._requests.hide(name, sent.family))
        if sent.moment is None or isinstance(sent.instead, UnsetType):
            advice = (
                'Send {"moment": ID, "instead": {fields}}, {"moment": ID, "instead": null} when it never happened, or'
                ' {"family": NAME} to hide it.'
            )
            raise Invalid("This is no correction.", advice=advice)
        by_brand = key.role == "brand"
        return self._acknowledged(await self._requests.correct(name, sent.moment, sent.instead, by_brand=by_brand))

    @person_endpoint("POST", "erase", "Erase everything, for good.", reads=(), response=Forgotten)
    async def erase(self, request: Request) -> Response:
        """Erase this person."""
        name, _ = person(request, self._access)
        receipt = await self._requests.erasures.erase(name)
        return json_response(Forgotten(receipt, self._requests.signed(receipt, "erasure-receipt")))

    @person_endpoint("PUT", "restriction", "Keep everything and read none of it.", reads=(), request=OnOff, **_MAY_WAIT)
    async def restrict(self, request: Request) -> Response:
        """Restrict processing, or lift the restriction."""
        name, key = person(request, self._access)
        on = (await read_body(request, OnOff)).on
        return self._chosen(await self._requests.restrict(name, on=on, origin=key.origin("api", "request")))

    @person_endpoint("PUT", "objections/{about}", "Object, or take it back.", reads=(), request=OnOff, **_MAY_WAIT)
    async def object(self, request: Request) -> Response:
        """Object to something, or lift the objection."""
        name, key = person(request, self._access)
        about, on = str(request.path_params["about"]), (await read_body(request, OnOff)).on
        return self._chosen(await self._requests.object(name, about, on=on, origin=key.origin("api", "request")))

    @person_endpoint(
        "GET",
        "requests",
        "What was asked, and where it stands.",
        reads=("account",),
        response=dict[str, Any],
        errors=(),
    )
    async def of_person(self, request: Request) -> Response:
        """The requests and reviews of this person."""
        name, _ = person(request, self._access)
        return json_response(self._requests.of(name))

    @person_endpoint(
        "PUT",
        "requests/{request}",
        "Give a request its next status.",
        reads=("account",),
        roles=BRAND,
        request=Move,
        response=Noted,
    )
    async def move(self, request: Request) -> Response:
        """Give a request its next status."""
        key_of(request, self._access, "brand")
        name, _ = person(request, self._access)
        sent = await read_body(request, Move)
        number = str(request.path_params["request"])
        return self._acknowledged(await self._requests.move(name, number, _text("status", sent.status), sent.reason))

    @person_endpoint(
        "POST",
        "decisions/{decision}/contest",
        "Ask a person to look again.",
        reads=("account",),
        request=ContestedView,
        response=Review,
    )
    async def contest(self, request: Request) -> Response:
        """Ask for a review of a decision."""
        name, _ = person(request, self._access)
        view = _text("view", (await read_body(request, ContestedView)).view)
        return json_response(await self._requests.reviews.contest(name, str(request.path_params["decision"]), view))

    @person_endpoint(
        "PUT",
        "decisions/{decision}/review",
        "Confirm or change it, with reasons.",
        reads=("account",),
        roles=BRAND,
        request=ReviewOutcome,
        response=Review,
    )
    async def review(self, request: Request) -> Response:
        """Answer a review."""
        key_of(request, self._access, "brand")
        name, _ = person(request, self._access)
        sent = await read_body(request, ReviewOutcome)
        decision, reasons = str(request.path_params["decision"]), _text("reasons", sent.reasons)
        return json_response(await self._requests.reviews.answer(name, decision, sent.outcome, reasons))

    @endpoint(
        Operation(
            "GET", "/v1/reviews", "Decisions that wait for a person.", BRAND, errors=(503,), response=list[OpenReview]
        )
    )
    async def open_reviews(self, request: Request) -> Response:
        """Reviews that wait; a read of each person named is recorded."""
        key_of(request, self._access, "brand")
        found = self._requests.reviews.open()
        await record_reads(self._requests.people.writer, [one.customer for one in found], "reviews", ("account",))
        return json_response(found)

    @endpoint(
        Operation(
            "GET",
            "/v1/requests",
            "Requests that wait for the brand, by when each is due.",
            BRAND,
            response=list[OpenRequest],
            errors=(503,),
        )
    )
    async def open_requests(self, request: Request) -> Response:
        """Requests that wait; a read of each person named is recorded."""
        key_of(request, self._access, "brand")
        found = self._requests.open()
        await record_reads(self._requests.people.writer, [one.customer for one in found], "requests", ("account",))
        return json_response(found)

    @endpoint(
        Operation(
            "GET", "/v1/export-schema", "The form of an export, as a JSON Schema.", response="application/schema+json"
        )
    )
    async def export_schema(self, _: Request) -> Response:
        """The JSON Schema of a copy."""
        return Response(msgspec.json.encode(schema()), media_type="application/schema+json")

    def _chosen(self, found: Acknowledged) -> Response:
        """202 for what waits for the person."""
        return self._acknowledged(found, 200 if found.status == "fulfilled" else 202)

    def _acknowledged(self, found: Acknowledged, status: int = 200) -> Response:
        return json_response(Noted(found, self._requests.signed(found, "request-acknowledgement")), status)


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LIMIT:
            raise Invalid("The body is too large.", advice=f"Send at most {LIMIT:,} bytes.")
        parts.append(part)
    return b"".join(parts)


def _text(name: str, text: str) -> str:
    if not text.strip():
        raise Invalid(f"`{name}` is empty.", advice=f'Send {{"{name}": "…"}}.')
    return text
