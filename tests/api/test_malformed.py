"""Whatever is sent, the answer is a problem with the right status that repeats nothing, and the server runs on."""

import json
import socket
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.doors import MOMENTS, a_server, client, listening, moment, running
from visavis.api.moments import BODY_LIMIT
from visavis.model.moment import KINDS

pytestmark = pytest.mark.anyio
SECRET = "camille.durand@example.org"
NDJSON = "application/x-ndjson"


def said(**fields: Any) -> bytes:
    return json.dumps({**moment(), **fields}).encode()


def without(*names: str) -> bytes:
    return json.dumps({name: value for name, value in moment(note=SECRET).items() if name not in names}).encode()


BODIES: dict[str, tuple[int, bytes]] = {
    "nothing": (400, b""),
    "white space": (400, b" \n\t "),
    "a word": (400, SECRET.encode()),
    "half an object": (400, said(customer=SECRET)[:-3]),
    "two objects": (400, said() + said(customer=SECRET)),
    "a comma too many": (400, said()[:-1] + b",}"),
    "single quotes": (400, b"{'kind': 'worn'}"),
    "a comment": (400, b"/* " + SECRET.encode() + b" */" + said()),
    "NaN": (400, said(device=0).replace(b'"device": 0', b'"device": NaN')),
    "Infinity": (400, said(device=0).replace(b'"device": 0', b'"device": -Infinity')),
    "a byte order mark": (400, b"\xef\xbb\xbf" + said()),
    "UTF-16": (400, said().decode().encode("utf-16")),
    "bytes that are no UTF-8": (400, said(customer="?").replace(b"?", b"\xff\xfe")),
    "UTF-8 too long": (400, said(customer="?").replace(b"?", b"\xc0\xaf")),
    "an encoded surrogate": (400, said(customer="?").replace(b"?", b"\xed\xa0\x80")),
    "a lone surrogate": (400, said(customer="?").replace(b"?", b"\\ud800")),
    "a raw NUL": (400, said(customer="?").replace(b"?", b"\x00")),
    "NULs": (400, b"\x00" * 100),
    "a hundred thousand brackets": (400, b"[" * 100_000),
    "a hundred thousand objects": (400, b'{"kind":' * 100_000),
    "a deep object inside a moment": (400, said(x=0).replace(b'"x": 0', b'"x": ' + b"[" * 100_000 + b"]" * 100_000)),
    "an array that does not end": (400, b"[" + said() + b","),
    "an array of nothing": (400, b"[]"),
    "null": (422, b"null"),
    "true": (422, b"true"),
    "a number": (422, b"12"),
    "a text": (422, json.dumps(SECRET).encode()),
    "an empty object": (422, b"{}"),
    "no kind": (422, without("kind")),
    "no id": (422, without("id")),
    "no customer": (422, without("customer")),
    "no date": (422, without("occurred_at")),
    "no device": (422, without("device")),
    "an unknown kind": (422, said(kind=SECRET)),
    "a kind that is a list": (422, said(kind=[SECRET])),
    "a kind that is a number": (422, said(kind=7)),
    "the clock's own kind": (403, said(kind="due")),
    "an empty id": (422, said(id="")),
    "a long id": (422, said(id="x" * 129)),
    "a very long id": (422, said(id="x" * 100_000)),
    "an id that is a number": (422, said(id=7)),
    "an id of our own": (422, said(id="~due-1")),
    "an empty customer": (422, said(customer="")),
    "a customer that is an object": (422, said(customer={"name": SECRET})),
    "a naive date": (422, said(occurred_at="2026-11-24T17:00:00")),
    "a date in words": (422, said(occurred_at="yesterday, said " + SECRET)),
    "a date that is a number": (422, said(occurred_at=1764003600)),
    "the thirtieth of February": (422, said(occurred_at="2026-02-30T00:00:00Z")),
    "the far future": (422, said(occurred_at="2027-01-01T00:00:00Z")),
    "the last year of all": (422, said(occurred_at="9999-12-31T23:59:59-12:00")),
    "the first year of all": (422, said(occurred_at="0001-01-01T00:00:00+14:00")),
    "the last century": (422, said(occurred_at="1999-12-31T23:59:59Z")),
    "a battery over one": (422, said(battery=1.5)),
    "a number over all": (400, said(battery=0).replace(b'"battery": 0', b'"battery": 1e999')),
    "five thousand digits": (400, said(battery=0).replace(b'"battery": 0', b'"battery": ' + b"9" * 5000)),
    "a text for a number": (422, said(battery=SECRET)),
    "two kinds, the last unknown": (422, said()[:-1] + f', "kind": "{SECRET}"}}'.encode()),
    "a basket without lines": (422, said(kind="bought", place="s1", lines=[])),
    "a basket of 501": (422, said(kind="paying", place="s1", lines=[["p", 1, 1]] * 501)),
    "less than no product": (422, said(kind="paying", place="s1", lines=[["p", -1, 1]])),
    "a line that is an object": (422, said(kind="paying", place="s1", lines=[{"product": SECRET}])),
    "an answer that is none": (422, said(kind="answered", decision="d", answer=SECRET)),
    "a language that is none": (422, said(kind="noticed", purpose="p", notice="1", language=SECRET)),
    "a latitude beyond the pole": (422, said(kind="located", latitude=91, longitude=0)),
    "over a mebibyte": (413, said(note="x" * BODY_LIMIT)),
    "a thousand and one": (413, b"[" + b",".join([b"{}"] * 1001) + b"]"),
}


@pytest.mark.parametrize("name", BODIES)
async def test_each_malformed_body_is_a_problem_of_its_own_and_repeats_nothing(name: str) -> None:
    status, body = BODIES[name]
    server = a_server()
    async with running(server) as brand:
        found = await brand.post(MOMENTS, content=body, headers={"content-type": "application/json"})
        problem(found, status)
        assert (await brand.post(MOMENTS, json=moment())).status_code == 200, "the server lives on"
    assert len(server.log) == 3, "nothing of it was kept"


def problem(found: httpx.Response, status: int) -> dict[str, Any]:
    assert found.status_code == status, found.text
    assert found.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = found.json()
    assert told["status"] == status
    assert told["type"] == f"urn:visavis:problem:{status}"
    assert told["title"]
    assert told["detail"]
    assert SECRET not in found.text
    return told


async def test_requests_that_are_wrong_around_the_body() -> None:
    server = a_server()
    async with running(server) as brand:
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
            assert problem(await brand.request(method, MOMENTS), 405)
        for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x", "", SECRET):
            problem(await brand.post(MOMENTS, content=said(), headers={"content-type": kind}), 415)
        problem(await brand.post(MOMENTS, content=said(), headers={"content-encoding": "gzip"}), 415)
        for header in (
            "",
            "Bearer",
            "Bearer ",
            f"Bearer {SECRET}",
            f"Basic {SECRET}",
            "Bearer vv_brand_" + "x" * 32,
            SECRET,
            "Bearer é",
        ):
            found = await brand.post(MOMENTS, content=said(), headers={b"authorization": header.encode()})
            problem(found, 401)
            assert found.headers["www-authenticate"] == "Bearer"
        for length in ("99999999999999999999999999", str(BODY_LIMIT + 1), "9" * 5000):
            problem(await brand.post(MOMENTS, content=said(), headers={"content-length": length}), 413)
        problem(await brand.get(f"/v1/nothing/{SECRET}"), 404)
        problem(await brand.delete("/v1/people/bo/purposes"), 405)
        for body in (
            b"",
            b"[]",
            b'{"on": 1}',
            b'{"on": "' + b"x" * 100_000 + b'"}',
            b"\xff",
            b"[" * 10_000,
            b'{"on": tru',
        ):
            problem(await brand.put("/v1/people/bo/purposes/reminders", content=body), 422)
        problem(await brand.put(f"/v1/people/bo/purposes/{SECRET}", json={"on": True}), 422)
        problem(await brand.get("/v1/people/bo/moments/none"), 404)
        problem(await brand.get("/v1/people/bo/purposes", headers={"authorization": "Bearer no"}), 401)
        problem(await brand.get("/metrics", headers={"authorization": "Bearer no"}), 401)
    assert len(server.log) == 2


async def test_lines_are_judged_each_by_itself() -> None:
    server = a_server()
    async with running(server) as brand:
        body = b"\n".join([said(id="a"), b"{", b"", SECRET.encode(), b"[]", said(id="b", customer='é, spelt "out"')])
        found = await brand.post(MOMENTS, content=body, headers={"content-type": NDJSON})
        told = [json.loads(line) for line in found.content.splitlines()]
        assert [one.get("status", 200) for one in told] == [200, 400, 400, 422, 200]
        assert SECRET not in found.text
        problem(await brand.post(MOMENTS, content=b"\n" * 1000, headers={"content-type": NDJSON}), 400)
        problem(await brand.post(MOMENTS, content=b"{\n" * 400_000, headers={"content-type": NDJSON}), 413)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([*KINDS, "s1", "bo", "2026-11-24T16:00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["kind", "id", "place", "lines", "until", "at", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)
fields = st.dictionaries(
    st.sampled_from(
        [
            "id",
            "customer",
            "occurred_at",
            "place",
            "lines",
            "product",
            "purpose",
            "notice",
            "decision",
            "answer",
            "value",
            "at",
            "text",
            "vote",
        ]
    ),
    anything,
    max_size=5,
)
bodies = (
    st.binary(max_size=200)
    | st.tuples(st.sampled_from(sorted(KINDS)), fields).map(
        lambda drawn: json.dumps({**moment(drawn[0]), **drawn[1]}).encode()
    )
    | st.lists(anything, max_size=5).map(lambda drawn: json.dumps(drawn).encode())
)


async def test_no_body_whatever_makes_a_server_fail() -> None:
    server = a_server()
    async with running(server) as brand:
        import asyncio

        loop = asyncio.get_running_loop()

        @settings(max_examples=300, suppress_health_check=list(HealthCheck))
        @given(bodies, st.sampled_from(["application/json", NDJSON]))
        def judged(body: bytes, kind: str) -> None:
            future = asyncio.run_coroutine_threadsafe(
                brand.post(MOMENTS, content=body, headers={"content-type": kind}), loop
            )
            found = future.result(10)
            assert found.status_code in (200, 400, 403, 409, 413, 422)
            for told in [json.loads(line) for line in found.content.splitlines()] if found.status_code == 200 else []:
                for one in told if isinstance(told, list) else [told]:
                    assert one.get("status", 200) in (200, 400, 403, 409, 422), one

        await asyncio.to_thread(judged)
        assert (await brand.get("/healthz")).status_code == 200


def test_a_real_socket_hears_its_refusals_too_and_the_server_lives_on() -> None:
    server = a_server()
    token = server.access_keys.issue("brand")
    head = f"POST {MOMENTS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    with listening(server) as port:
        cases: dict[str, tuple[int, list[bytes]]] = {
            "over a mebibyte, announced": (413, [f"{head}content-length: 2000000\r\n\r\n".encode(), b" " * 100_000]),
            "over a mebibyte, in chunks": (413, [f"{head}transfer-encoding: chunked\r\n\r\n".encode(), *[chunk] * 20]),
            "in chunks": (
                200,
                [
                    f"{head}transfer-encoding: chunked\r\n\r\n".encode(),
                    *[b"%x\r\n%s\r\n" % (1, bytes([one])) for one in said()],
                    b"0\r\n\r\n",
                ],
            ),
            "a length that is none": (400, [f"{head}content-length: -5\r\n\r\n".encode()]),
            "a method that is none": (400, [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"]),
            "a path that is no text": (404, [b"GET /\xff\xfe%ff HTTP/1.1\r\nhost: x\r\n\r\n"]),
        }
        for name, (status, parts) in cases.items():
            assert _status(port, parts) in ({status, 400} if name == "a path that is no text" else {status}), name
        with socket.create_connection(("127.0.0.1", port)) as gone:
            gone.sendall(f"{head}content-length: 5000\r\n\r\n{{".encode())
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


def _status(port: int, parts: list[bytes]) -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return int(connection.recv(4096).split(b" ")[1])


async def test_what_fails_inside_is_told_as_our_fault_without_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    from visavis.api import moments

    def breaks(*_: Any, **__: Any) -> None:
        raise KeyError(SECRET)

    monkeypatch.setattr(moments, "reply", breaks)
    server = a_server()
    async with running(server) as brand:
        problem(await brand.post(MOMENTS, json=moment(note=SECRET)), 500)
        monkeypatch.undo()
        assert (await brand.post(MOMENTS, json=moment())).json()["retried"], "it had been kept"


async def test_two_clients_of_one_server_do_not_see_each_other() -> None:
    server = a_server()
    async with running(server), client(server, server.access_keys.issue("device", "bo")) as bo:
        found = await bo.post(
            MOMENTS, content=msgspec.json.encode([moment(customer="bo"), moment(customer="al", id="m2")])
        )

    assert [one.get("status", 200) for one in found.json()] == [200, 403]
