"""P10, P13: every route is in one table, and none breaks, repeats or lets through bad paths, bodies or names."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema
import pytest
from starlette.routing import Mount, Route

from support.doors import a_server as any_server
from support.doors import every_way, listening, operations, running
from support.full import sample
from support.people import grocery
from visavis.api import people
from visavis.api.openapi import document
from visavis.config import Settings
from visavis.http import bodies, problems
from visavis.http.access_keys import ROLES
from visavis.http.routes import ApiRoute, Operation
from visavis.wiring import Server, build

CANARY = "c4n4ry"
JSON = {"content-type": "application/json"}


def a_server() -> Server:
    """It has every door that there is."""
    return any_server(**every_way())


OPERATIONS = operations(a_server())
PAGES = (
    "/glasses",
    "/adviser",
    "/console",
    "/me",
    "/pair",
    "/phone",
    "/phone/worker.js",
    "/phone/manifest.webmanifest",
    "/glass",
)

# Every route is in the document or a page


def check_routes(server: Server) -> None:
    pages = []
    for route in server.routes:
        if isinstance(route, ApiRoute):
            continue
        assert isinstance(route, Mount) or (isinstance(route, Route) and not route.include_in_schema), (
            f"a route without its operation: {route}"
        )
        pages.append(route.path)
    assert sorted(pages) == sorted([*PAGES, "/static"])
    names = [one.id for one in operations(server)]
    assert len(set(names)) == len(names), "two routes of one method and path"


def test_every_route_has_its_operation_or_is_a_page() -> None:
    check_routes(a_server())


def test_a_route_without_its_operation_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = people.routes
    monkeypatch.setattr(people, "routes", lambda *given: [*honest(*given), Route("/v1/people", lambda _: None)])
    with pytest.raises(AssertionError, match="without its operation"):
        check_routes(a_server())


def test_the_document_holds_together() -> None:
    told = document(a_server().routes)
    names = {f"#/components/schemas/{name}" for name in told["components"]["schemas"]}
    assert set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(told))) <= names
    for schema in told["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    described = [operation for path in told["paths"].values() for operation in path.values()]
    assert len({one["operationId"] for one in described}) == len(described) == len(OPERATIONS)
    for door, operation in ((door, told["paths"][door.template][door.method.lower()]) for door in OPERATIONS):
        for status, response in operation["responses"].items():
            assert int(status) < 400 or door.template == "/healthz" or list(response["content"]) == [door.error_type]
        assert not door.roles or {"401", "403"} <= set(operation["responses"])
        assert all(
            links["operationId"] in {one["operationId"] for one in described}
            for links in operation["responses"].get("200", {}).get("links", {}).values()
        )


async def served(server: Server) -> Any:
    async with running(server) as client:
        return (await client.get("/openapi.json")).json()


def test_what_is_served_is_the_document_of_what_is_set_up() -> None:
    full = asyncio.run(served(a_server()))
    assert full == json.loads(json.dumps(document(a_server().routes)))
    assert {path for path in full["paths"] if path.startswith(("/v1/clock", "/mail/", "/wallet/"))}

    plain = build(grocery(), Settings(data="nowhere"), memory=True, key=b"k" * 32)
    paths = asyncio.run(served(plain))["paths"]
    assert "/v1/moments" in paths
    assert not [path for path in paths if path.startswith(("/v1/clock", "/mail/", "/wallet/"))]


def test_another_method_is_told_every_method_that_the_address_knows() -> None:
    async def what() -> None:
        server = a_server()
        async with running(server) as client:
            for path in {door.template for door in OPERATIONS} - {"/v1/moments"}:
                told = await client.request("PROPFIND", re.sub(r"{\w+}", "7", path))
                said = {method.strip() for method in told.headers.get("allow", "").split(",")}
                assert told.status_code == 405, path
                assert {door.method for door in OPERATIONS if door.template == path} == said - {"HEAD"}, path

    asyncio.run(what())


# Whatever comes, no door breaks and nothing is said back

SEGMENTS = (
    CANARY,
    CANARY + "a" * 4_000,
    f"%2e%2e%2f{CANARY}",
    f"..%2F..%2F{CANARY}",
    f"%00{CANARY}",
    f"{CANARY}%0d%0aset-cookie:%20a=b",
    f"%ff%fe{CANARY}",
    f"{CANARY}%2Fpurposes%2Fhome",
    quote(f"<script>{CANARY}</script>"),
    quote(f"' OR 1=1 --{CANARY}"),
    quote(f"{CANARY}\u202e💥"),
    f"{CANARY};v=1",
    f"{CANARY}%25%32%66",
)
KINDS = (
    "application/json",
    "application/x-ndjson",
    "text/plain",
    "image/png",
    "multipart/form-data; boundary=x",
    "application/xml",
    "",
    f"{CANARY}/x",
)


def wrong_bodies() -> Iterator[bytes]:
    """What nobody should send, with another person's ids in it."""
    fields = {
        "owner": "alice",
        "consent": CANARY,
        "customer": "alice",
        "key": CANARY,
        "decision": CANARY,
        "answer": CANARY,
        "about": CANARY,
        "by": "guardian",
    }
    yield from (
        b"",
        b"null",
        b"[]",
        b"[[]]",
        b'"' + CANARY.encode() + b'"',
        b"{",
        b"\x00" + CANARY.encode(),
        b"\xff\xfe" + CANARY.encode(),
    )
    yield json.dumps({CANARY: CANARY}).encode()
    yield json.dumps(fields | {"on": True}).encode()
    yield json.dumps(fields | {"on": CANARY, "trial": [CANARY], "at": CANARY, "ago_s": CANARY}).encode()
    yield json.dumps(
        {"on": None, "trial": None, "at": 1e308, "ago_s": -1e308, "decision": {"a": CANARY}, "key": ["\x00"]}
    ).encode()
    yield json.dumps(
        {
            "kind": "entered",
            "id": CANARY,
            "customer": "alice",
            "occurred_at": "2026-11-24T17:00:00Z",
            "place": CANARY,
            "owner": "bob",
        }
    ).encode()
    yield json.dumps({"kind": CANARY, "id": "\r\n" + CANARY, "customer": "\x00"}).encode()
    yield b'{"on":true,"on":false,"key":"\\ud800' + CANARY.encode() + b'"}'
    yield b"[" * 20_000 + CANARY.encode()
    yield b'{"at": NaN, "x": "' + CANARY.encode() + b'"}'
    yield b'{"key":"' + CANARY.encode() * 4_000 + b'"}'


def filled(door: Operation, name: str) -> str:
    return re.sub(r"{\w+}", lambda _: name, door.template)


def form(answer: httpx.Response) -> str:
    return answer.headers["content-type"].partition(";")[0]


def told_back(answer: httpx.Response) -> bool:
    said = answer.text + str(answer.headers)
    return CANARY in said


async def sweep(server: Server, client: httpx.AsyncClient, keys: list[str]) -> int:
    """Every door, with every role's key and none, and everything above; how many requests.

    A sample takes every fourth, so that each door and each kind of request is tried with some of the keys.
    """
    count, turn, step = 0, 0, sample(4, 1)
    for door in OPERATIONS:
        if door.response == "text/event-stream":
            continue  # it has no end; its ways in are those of its neighbours
        names = re.findall(r"{(\w+)}", door.template)
        paths = [filled(door, segment) for segment in SEGMENTS] if names else [door.template]
        if door.query:
            bad = quote(CANARY + "\r\n\x00é", safe="")
            paths.append(filled(door, "alice") + "?" + "&".join(f"{name}={bad}" for name in (*door.query, "owner")))
        for key in keys:
            headers = {"authorization": f"Bearer {key}"} if key else {}
            for path in paths:
                requests: list[tuple[bytes, str]] = (
                    [(b'{"on": true}', KINDS[0])] if door.request is not None else [(b"", KINDS[0])]
                )
                if path is paths[0] and door.request is not None:
                    requests += [(body, KINDS[0]) for body in wrong_bodies()] + [
                        (CANARY.encode(), kind) for kind in KINDS
                    ]
                for body, kind in requests:
                    turn += 1
                    if turn % step:
                        continue
                    answer = await client.request(
                        door.method, path, content=body, headers=headers | ({"content-type": kind} if kind else {})
                    )
                    count += 1
                    assert answer.status_code < 500, (
                        f"broken: {door.method} {door.template} {answer.status_code} {answer.text}"
                    )
                    own_copy = (
                        door.template.endswith("/export") and answer.status_code == 200
                    )  # of somebody whom an earlier request gave an address
                    assert own_copy or not told_back(answer), (
                        f"said back: {door.method} {door.template} {answer.status_code}"
                    )
                    if answer.status_code >= 400:
                        assert form(answer) in {door.error_type, "application/problem+json"}, (
                            f"no problem: {door.method} {door.template} {answer.status_code}"
                        )
                        assert answer.status_code in {*door.error_statuses, 404, 405, 422}, (
                            f"not told of: {door.method} {door.template} {answer.status_code}"
                        )
    return count


def swept() -> int:
    async def what() -> int:
        server = a_server()
        subjects = {"brand": "", "till": "s1", "adviser": "s1"}
        async with running(server) as client:
            del client.headers["authorization"]
            keys = ["", CANARY, *[server.access_keys.issue(role, subjects.get(role, CANARY)) for role in ROLES]]
            return await sweep(server, client, keys)

    return asyncio.run(what())


def test_no_door_breaks_and_none_says_back_what_came() -> None:
    assert swept() > 2_000


def test_no_page_says_back_what_it_is_asked_with() -> None:
    async def what() -> None:
        server = a_server()
        async with running(server) as client:
            del client.headers["authorization"]
            for token in (
                "",
                *[
                    server.access_keys.issue(role, {"brand": "", "device": "alice", "sensor": "alice"}.get(role, "s1"))
                    for role in ROLES
                ],
            ):
                for page in set(PAGES) - {"/static"}:  # a folder
                    mark = quote(f"\"'><b>{CANARY}\r\n\x00é", safe="")
                    asked = f"{page}?language={mark}&host={mark}&person={mark}&moment={mark}"
                    answer = await client.get(asked, headers={"authorization": f"Bearer {token}"} if token else {})
                    assert answer.status_code in (200, 401, 403, 404), page
                    assert not told_back(answer), page

    asyncio.run(what())


def test_a_door_that_says_back_what_came_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def loud(request: Any, error: Exception) -> Any:
        return problems.response(problems.problem(404, f"There is nothing at {request.url.path}."))

    monkeypatch.setattr(problems, "unrouted", loud)
    with pytest.raises(AssertionError, match="said back"):
        swept()


def test_a_door_that_breaks_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "json_body", _unread)
    with pytest.raises(json.JSONDecodeError):
        swept()


async def _unread(request: Any) -> Any:
    return json.loads((await request.body()).decode())


# What no client library would send, on a socket

RAW: tuple[bytes, ...] = (
    b"GET /v1/people/\x00c4n4ry/wallet HTTP/1.1",
    b"GET /v1/people/c4n4ry\r\nx-more: 1/wallet HTTP/1.1",
    b"GET //c4n4ry HTTP/1.1",
    b"GET http://c4n4ry/ HTTP/1.1",
    b"BREW /v1/moments HTTP/1.1",
    b"GET /" + b"c4n4ry" * 20_000 + b" HTTP/1.1",
    b"GET /healthz HTTP/9.c4n4ry",
    b"POST /v1/moments HTTP/1.1\r\nx-c4n4ry: \xff\x00",
    b"GET /%c4n4ry HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"GET /static/..%2f..%2fc4n4ry HTTP/1.1",
    b"GET /static/c4n4ry%00.css HTTP/1.1",
)


def test_what_no_client_would_send_breaks_nothing_either() -> None:
    server = a_server()

    async def asked(port: int, line: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(line + b"\r\nhost: x\r\nconnection: close\r\n\r\n")
        async with asyncio.timeout(5):
            found = await reader.read()
        writer.close()
        return found

    with listening(server) as port:
        for line in RAW:
            answer = asyncio.run(asked(port, line))
            assert b"c4n4ry" not in answer, line[:60]
            assert not re.match(rb"HTTP/1.1 5", answer), (line[:60], answer[:300])
        assert asyncio.run(asked(port, b"GET /healthz HTTP/1.1")).startswith(b"HTTP/1.1 200")
