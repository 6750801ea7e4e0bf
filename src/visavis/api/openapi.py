"""``GET /openapi.json``: the application's endpoints as an OpenAPI 3.1.1 document (OpenAPI Initiative, 2024)."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from visavis.http.problems import Problem
from visavis.http.routes import ApiRoute, Operation, route

REF: Final = "#/components/schemas/{name}"
JSON: Final = "application/json"


def document(routes: Iterable[object], *, version: str = "1") -> dict[str, Any]:
    """The OpenAPI document of the endpoints among these routes."""
    operations = [one.operation for one in routes if isinstance(one, ApiRoute)]
    bodies = [body for one in operations for body in (one.request, one.response)]
    types = [Problem, *[body for body in bodies if not isinstance(body, str | tuple | None)]]
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    schema_of = {repr(one): schema for one, schema in zip(types, schemas, strict=True)}
    cookies = {one.cookie: {"type": "apiKey", "in": "cookie", "name": one.cookie} for one in operations if one.cookie}
    ids = {one.template: one.id for one in operations if one.method == "GET"}
    paths: dict[str, Any] = {}
    for one in operations:
        paths.setdefault(one.template, {})[one.method.lower()] = _operation(one, schema_of, ids)
    security = {"bearer": {"type": "http", "scheme": "bearer"}, **cookies}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vis-à-vis", "version": version},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": security},
    }


def routes() -> list[ApiRoute]:
    """``GET /openapi.json``; the document is made when it is first asked for."""
    made: list[bytes] = []

    async def openapi(request: Request) -> Response:
        if not made:
            made.append(msgspec.json.encode(document(request.app.routes)))
        return Response(made[0], media_type=JSON)

    return [route(Operation("GET", "/openapi.json", "This document.", response=dict[str, Any]), openapi)]


def _operation(operation: Operation, schema_of: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    security: list[dict[str, list[str]]] = [{"bearer": []}] if operation.roles else []
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "security": [*security, {operation.cookie: []}] if operation.cookie else security,
        "parameters": _parameters(operation),
        "responses": {
            str(operation.status): _response(operation, schema_of, ids),
            **{
                str(status): _described(status) | ({"content": {kind: {}}} if kind else {})
                for status, kind in operation.other_responses.items()
            },
            **{str(status): _problem(status, operation, schema_of) for status in operation.error_statuses},
        },
        "x-roles": list(operation.roles),
    }
    if operation.protocol:
        described["x-protocol"] = operation.protocol
    if operation.request is not None:
        described["requestBody"] = {"required": True, "content": _request(operation, schema_of)}
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    required = {"in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    in_path: list[dict[str, Any]] = [{"name": name, **required} for name in re.findall(r"{(\w+)}", operation.template)]
    in_query = []
    for name in operation.query:
        values = operation.enums.get(name)
        schema = {"enum": list(values)} if values else {"type": "string"}
        in_query.append({"name": name, "in": "query", "schema": schema})
    return in_path + in_query


def _request(operation: Operation, schema_of: dict[str, Any]) -> dict[str, Any]:
    schema = schema_of.get(repr(operation.request), {})
    if not operation.many:
        return {operation.request if isinstance(operation.request, str) else JSON: {"schema": schema}}
    each = "Each is a moment; one that is not is answered in its place, and the others are processed."
    several = {"type": "array", "items": {"description": each}, "minItems": 1}
    return {JSON: {"schema": {"anyOf": [schema, several]}}, "application/x-ndjson": {"schema": {"type": "string"}}}


def _response(operation: Operation, schema_of: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": operation.summary}
    body = operation.response
    schema = schema_of.get(repr(body), {})
    if operation.many:
        several = {"type": "array", "items": {"anyOf": [schema, schema_of[repr(Problem)]]}}
        schema = {"anyOf": [schema, several]}
    if body is not None:
        kinds = body if isinstance(body, tuple) else (body,) if isinstance(body, str) else (JSON,)
        described["content"] = {kind: {"schema": schema} for kind in kinds}
    if operation.links:
        links = [(ids[path], given) for path, given in operation.links]
        described["links"] = {name: {"operationId": name, "parameters": given} for name, given in links}
    return described


def _problem(status: int, operation: Operation, schema_of: dict[str, Any]) -> dict[str, Any]:
    schema = {} if operation.protocol else {"schema": schema_of[repr(Problem)]}
    return _described(status) | {"content": {operation.error_type: schema}}


def _described(status: int) -> dict[str, Any]:
    return {"description": HTTPStatus(status).phrase}
