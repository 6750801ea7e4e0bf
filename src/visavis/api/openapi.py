"""``GET /openapi.json``.

Every door of a server in one table, told as OpenAPI 3.1 from the very types that are read and written.

The table is what tests walk too: a route that is not in it, or a row without a route, fails them. Pages for people are
:data:`PAGES` and their fragments are rows; what the stage adds is the demo's own.

Reference: OpenAPI Initiative, *OpenAPI Specification 3.1.1*, 2024.
"""

import re
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.api.bodies import (
    AdvisersAnswer,
    Closing,
    Erasing,
    Instant,
    OnOff,
    OwnAnswer,
    OwnChoice,
    OwnWallet,
    Problem,
    PurposeSwitch,
    Seen,
    Settled,
    ShownBrief,
    Token,
)
from visavis.api.openapi_devices import DEVICE_DOORS, DEVICE_PAGES, MAIL, PASS
from visavis.api.operation import OWN, Operation
from visavis.api.receipts import FORMATS
from visavis.api.rights import ContestedView, Correction, Forgotten, Import, Imported, Move, Noted, ReviewOutcome
from visavis.cards.answer import DecisionReply, Reply
from visavis.consent.choices import Choice
from visavis.explain.counterfactual import Why
from visavis.http.problems import TITLES
from visavis.model.card import HudCard
from visavis.model.moment import Moment
from visavis.model.request import Review
from visavis.rights.export import Export
from visavis.rights.requests import OpenRequest, OpenReview

PAGES: Final = ("/glasses", "/adviser", "/console", "/me", "/static", *DEVICE_PAGES)
"""Pages and what they load: HTML, styles and scripts, the same for everyone without a key."""
REF: Final = "#/components/schemas/{name}"


_A_MOMENT: Final = {"person": "$request.body#/customer", "moment": "$response.body#/id"}
_PERSON: Final = "/v1/people/{person}"
DOORS: Final[tuple[Operation, ...]] = (
    Operation(
        "POST",
        "/v1/moments",
        "Live one moment, an array of them, or lines of them.",
        ("brand", "till", "device", "adviser", "sensor"),
        takes=Moment,
        tells=Reply,
        many=True,
        noes=(400, 405, 413, 415, 429, 500, 503),
        leads=((f"{_PERSON}/moments/{{moment}}", _A_MOMENT),),
    ),
    Operation(
        "GET",
        f"{_PERSON}/moments/{{moment}}",
        "What was decided at this moment, and why.",
        OWN,
        tells=Reply,
        noes=(503,),
    ),
    Operation(
        "GET",
        f"{_PERSON}/purposes",
        "Every purpose, and what this person chose.",
        OWN,
        tells=list[Choice],
        asks=("language",),
    ),
    Operation(
        "PUT",
        f"{_PERSON}/purposes/{{purpose}}",
        "Say yes or no to one purpose, at once.",
        OWN,
        takes=PurposeSwitch,
        tells=list[Choice],
        noes=(503,),
        asks=("language",),
    ),
    Operation(
        "GET",
        f"{_PERSON}/purposes/{{purpose}}/receipt",
        "The proof of a choice.",
        OWN,
        tells=tuple(FORMATS.values()),
        noes=(422, 503),
        asks=("format",),
    ),
    Operation(
        "PUT",
        f"{_PERSON}/categories/{{category}}",
        "Close every purpose that reads this category.",
        OWN,
        takes=Closing,
        tells=list[Choice],
        noes=(503,),
    ),
    Operation(
        "GET",
        f"{_PERSON}/decisions/{{decision}}/why",
        "Why, and what would have changed it.",
        OWN,
        tells=Why,
        asks=("language",),
        noes=(503,),
    ),
    Operation("GET", f"{_PERSON}/wallet", "Orders and rewards.", OWN, tells=OwnWallet),
    Operation(
        "GET",
        f"{_PERSON}/export",
        "A copy of everything, and of what was concluded.",
        OWN,
        tells=Export,
        noes=(422, 503),
    ),
    Operation(
        "POST",
        f"{_PERSON}/import",
        "Bring in a life from elsewhere, whole.",
        ("brand",),
        takes=Import,
        tells=Imported,
        noes=(503,),
    ),
    Operation(
        "POST", f"{_PERSON}/corrections", "Put right what was wrong.", OWN, takes=Correction, tells=Noted, noes=(503,)
    ),
    Operation("POST", f"{_PERSON}/erase", "Erase everything, for good.", OWN, tells=Forgotten, noes=(503,)),
    Operation(
        "PUT",
        f"{_PERSON}/restriction",
        "Keep everything and read none of it.",
        OWN,
        takes=OnOff,
        tells=Noted,
        noes=(503,),
    ),
    Operation(
        "PUT", f"{_PERSON}/objections/{{about}}", "Object, or take it back.", OWN, takes=OnOff, tells=Noted, noes=(503,)
    ),
    Operation("GET", f"{_PERSON}/requests", "What was asked, and where it stands.", OWN, tells=dict[str, Any]),
    Operation(
        "PUT",
        f"{_PERSON}/requests/{{request}}",
        "Let a request move on.",
        ("brand",),
        takes=Move,
        tells=Noted,
        noes=(503,),
    ),
    Operation(
        "POST",
        f"{_PERSON}/decisions/{{decision}}/contest",
        "Ask a person to look again.",
        OWN,
        takes=ContestedView,
        tells=Review,
        noes=(503,),
    ),
    Operation(
        "PUT",
        f"{_PERSON}/decisions/{{decision}}/review",
        "Confirm or change it, with reasons.",
        ("brand",),
        takes=ReviewOutcome,
        tells=Review,
        noes=(503,),
    ),
    Operation(
        "GET",
        "/v1/requests",
        "Requests that wait for the brand, by when each is due.",
        ("brand",),
        tells=list[OpenRequest],
    ),
    Operation("GET", "/v1/reviews", "Decisions that wait for a person.", ("brand",), tells=list[OpenReview]),
    Operation("GET", "/v1/export-schema", "The form of an export, as a JSON Schema.", tells="application/schema+json"),
    Operation(
        "GET",
        "/v1/decisions/{decision}",
        "One of the latest decisions.",
        ("brand",),
        tells=DecisionReply,
        asks=("language",),
    ),
    Operation("PUT", "/v1/clock", "Turn the clock of a rehearsal.", ("brand",), takes=Instant, status=204, noes=(503,)),
    Operation(
        "POST",
        "/glasses/enter",
        "Put these glasses on: the key goes into the page's cookie.",
        takes=Token,
        status=204,
        noes=(401,),
    ),
    Operation(
        "GET",
        "/glasses/screen",
        "The card that is on the glasses now; 204 when there is none.",
        ("device",),
        "visavis-glasses",
        tells=HudCard,
    ),
    Operation(
        "GET", "/glasses/stream", "The same, as it changes.", ("device",), "visavis-glasses", tells="text/event-stream"
    ),
    Operation(
        "POST",
        "/glasses/displayed",
        "The card really is on the screen.",
        ("device",),
        "visavis-glasses",
        takes=Seen,
        status=204,
        noes=(503,),
    ),
    Operation(
        "POST",
        "/glasses/answer",
        "Answer the card.",
        ("device",),
        "visavis-glasses",
        takes=OwnAnswer,
        tells=Settled,
        noes=(503,),
    ),
    Operation("POST", "/adviser/enter", "Come to this place's screen.", takes=Token, status=204, noes=(401, 403)),
    Operation(
        "GET",
        "/adviser/briefs",
        "The briefs of this place now.",
        ("adviser",),
        "visavis-adviser",
        tells=list[ShownBrief],
        asks=("language",),
    ),
    Operation(
        "GET",
        "/adviser/stream",
        "The same, as it changes.",
        ("adviser",),
        "visavis-adviser",
        tells="text/event-stream",
        asks=("language", "pick"),
    ),
    Operation(
        "POST",
        "/adviser/answer",
        "Answer the brief.",
        ("adviser",),
        "visavis-adviser",
        takes=AdvisersAnswer,
        tells=Settled,
        noes=(503,),
    ),
    Operation("POST", "/console/enter", "Come to the console.", takes=Token, status=204, noes=(401, 403)),
    Operation(
        "GET",
        "/console/stream",
        "What is lived now.",
        ("brand",),
        "visavis-console",
        tells="text/event-stream",
        asks=("kind", "result", "mark", "after"),
    ),
    Operation(
        "GET",
        "/console/moment",
        "One moment explained.",
        ("brand",),
        "visavis-console",
        tells="text/html",
        noes=(422, 503),
        asks=("number",),
    ),
    Operation(
        "POST",
        "/console/keys/{key}/revoke",
        "Revoke a key.",
        ("brand",),
        "visavis-console",
        tells="text/html",
        noes=(422,),
    ),
    Operation("POST", "/me/enter", "Come to one's own page.", takes=Token, status=204, noes=(401, 403)),
    Operation(
        "POST",
        "/me/choose",
        "Say yes or no to one purpose.",
        ("device",),
        "visavis-me",
        takes=OwnChoice,
        tells="text/html",
        noes=(503,),
    ),
    Operation(
        "POST",
        "/me/object",
        "Object to marketing, or take it back.",
        ("device",),
        "visavis-me",
        takes=OnOff,
        tells="text/html",
        noes=(404, 503),
    ),
    Operation(
        "POST",
        "/me/restrict",
        "Pause everything, or go on.",
        ("device",),
        "visavis-me",
        takes=OnOff,
        tells="text/html",
        noes=(404, 503),
    ),
    Operation(
        "GET",
        "/me/copy",
        "A copy of everything that is kept.",
        ("device",),
        "visavis-me",
        tells=dict[str, Any],
        noes=(404, 503),
    ),
    Operation(
        "POST",
        "/me/erase",
        "Erase everything that is kept.",
        ("device",),
        "visavis-me",
        takes=Erasing,
        tells="text/html",
        noes=(404, 503),
    ),
    Operation(
        "GET",
        "/v1/ledger/checkpoint",
        "The ledger of uses up to now: its size and root, signed.",
        tells="text/plain",
        noes=(503,),
    ),
    Operation("GET", "/v1/ledger/key", "What verifies checkpoints.", tells="text/plain"),
    Operation(
        "GET",
        "/v1/ledger/proof",
        "The proof of one line, or that the ledger only grew.",
        tells=dict[str, Any],
        noes=(422, 503),
        asks=("seq", "old", "size"),
    ),
    Operation(
        "GET",
        "/v1/ledger/leaves",
        "The lines that a checkpoint covers.",
        tells="application/x-ndjson",
        noes=(422, 503),
        asks=("after",),
    ),
    Operation("GET", "/metrics", "How the server does.", ("brand",), tells="text/plain"),
    Operation("GET", "/healthz", "Whether the server is well.", tells="text/plain"),
    Operation("GET", "/.well-known/gpc.json", "Global Privacy Control is obeyed.", tells=dict[str, Any]),
    Operation("GET", "/.well-known/consent-receipt-key.json", "What verifies receipts.", tells=dict[str, Any]),
    Operation("GET", "/openapi.json", "This document.", tells=dict[str, Any]),
    *DEVICE_DOORS,
)


def document(doors: tuple[Operation, ...] = DOORS, *, version: str = "1") -> dict[str, Any]:
    """The doors as an OpenAPI document.

    >>> sorted(document()["paths"]["/v1/people/{person}/wallet"]["get"]["responses"])
    ['200', '401', '403', '404']
    """
    types = [one for door in doors for one in (door.takes, door.tells) if not isinstance(one, str | tuple | None)]
    schemas, named = msgspec.json.schema_components([Problem, *types], ref_template=REF)
    schema_of = {repr(one): schema for one, schema in zip([Problem, *types], schemas, strict=True)}
    cookies = {door.cookie: {"type": "apiKey", "in": "cookie", "name": door.cookie} for door in doors if door.cookie}
    paths: dict[str, Any] = {}
    for door in doors:
        paths.setdefault(door.path, {})[door.method.lower()] = _operation(door, schema_of, doors)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vis-à-vis", "version": version},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": named,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}, **cookies},
        },
    }


def routes(*, clock: bool, mail: bool = True, passes: bool = True) -> list[Route]:
    """``GET /openapi.json``.

    ``clock`` when this server has one that is turned, ``mail`` and ``passes`` when they are set up.
    """
    shut = [start for start, there in ((("/v1/clock",), clock), (MAIL, mail), (PASS, passes)) if not there]
    said = msgspec.json.encode(
        document(tuple([door for door in DOORS if not any(door.path.startswith(one) for one in shut)]))
    )

    async def openapi(_: Request) -> Response:
        return Response(said, media_type="application/json")

    return [Route("/openapi.json", openapi)]


def _operation(door: Operation, schema_of: dict[str, Any], doors: tuple[Operation, ...]) -> dict[str, Any]:
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"{(\w+)}", door.path)
    ]
    asked = [
        {"name": name, "in": "query", "schema": {"enum": list(FORMATS)} if name == "format" else {"type": "string"}}
        for name in door.asks
    ]
    told: dict[str, Any] = {"description": door.does}
    if door.tells is not None:
        kinds = (
            door.tells
            if isinstance(door.tells, tuple)
            else (door.tells if isinstance(door.tells, str) else "application/json",)
        )
        told["content"] = {kind: {"schema": schema_of.get(repr(door.tells), {})} for kind in kinds}
    if door.leads:
        names = {one.path: one.name for one in doors if one.method == "GET"}
        told["links"] = {names[path]: {"operationId": names[path], "parameters": given} for path, given in door.leads}
    taken = schema_of.get(repr(door.takes), {})
    problem = {door.form: {} if door.protocol else {"schema": schema_of[repr(Problem)]}}
    if door.many:
        reply = schema_of[repr(door.tells)]
        told["content"]["application/json"]["schema"] = {
            "anyOf": [reply, {"type": "array", "items": {"anyOf": [reply, schema_of[repr(Problem)]]}}]
        }
        each = "Each is a moment; one that is not is answered in its place, and the others go on."
        taken = {"anyOf": [taken, {"type": "array", "items": {"description": each}, "minItems": 1}]}
    noes = {str(status): {"description": TITLES[status], "content": problem} for status in door.refusals}
    empty = {"204": {"description": "Nothing to tell."}} if door.path in ("/glasses/screen", "/phone/card") else {}
    unwell = {"503": {"description": TITLES[503], "content": {"text/plain": {}}}} if door.path == "/healthz" else {}
    found: dict[str, Any] = {
        "operationId": door.name,
        "summary": door.does,
        "security": [{"bearer": []}, *([{door.cookie: []}] if door.cookie else [])] if door.roles else [],
        "parameters": [*named, *asked],
        "responses": {str(door.status): told, **empty, **unwell, **noes},
        "x-roles": list(door.roles),
    }
    if door.protocol:
        found["x-protocol"] = door.protocol
    if door.takes is not None:
        body: dict[str, Any] = {door.takes if isinstance(door.takes, str) else "application/json": {"schema": taken}}
        lines: dict[str, Any] = {"application/x-ndjson": {"schema": {"type": "string"}}} if door.many else {}
        found["requestBody"] = {"required": True, "content": body | lines}
    return found
