"""Who may say what: each role's scope, through the whole server; keys at rest; keys that are no more."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields

from support.doors import MOMENTS, ROOT_KEY, a_server, client, moment, running, shops, switch
from support.people import NOON
from visavis.http import access_keys as access
from visavis.http.access_keys import ROLES, AccessKey, AccessKeys, InvalidKey, permits
from visavis.model.errors import Invalid
from visavis.model.moment import KINDS
from visavis.wiring import Server

pytestmark = pytest.mark.anyio
LINES = [["p1", 1, 100]]


async def sent(server: Server, role: str, subject: str, *moments: dict[str, Any]) -> list[int]:
    async with client(server, server.access_keys.issue(role, subject)) as speaker:
        return [one.get("status", 200) for one in (await speaker.post(MOMENTS, json=list(moments))).json()]


async def test_each_role_speaks_only_of_its_own() -> None:
    server = a_server()
    async with running(server) as brand:
        for purpose in ("place-moment", "reminders", "home"):
            await switch(brand, "bo", purpose)
        by_device = [
            moment("entered", id="1"),
            moment("entered", "al", id="2"),
            moment("bought", id="3", place="s1", lines=LINES),
        ]
        assert await sent(server, "device", "bo", *by_device) == [200, 403, 403]
        by_fridge = [
            moment("ran_out", id="4", product="p1"),
            moment("ran_out", "al", id="5", product="p1"),
            moment("entered", id="6"),
        ]
        assert await sent(server, "sensor", "bo", *by_fridge) == [200, 403, 403]
        paying = [moment("paying", id=f"7{place}", place=place, lines=LINES) for place in ("s1", "s2")]
        assert await sent(server, "till", "s1", *paying, moment("withdrew", id="8", purpose="reminders")) == [
            200,
            403,
            403,
        ]
        assert await sent(
            server,
            "adviser",
            "s1",
            moment("entered", id="9"),
            moment("answered", id="10", decision="none", answer="done"),
        ) == [403, 403]
        assert (await brand.post(MOMENTS, json=moment("due"))).status_code == 403


async def test_an_adviser_answers_the_briefs_of_their_own_place_and_a_device_its_persons_cards() -> None:
    server = a_server()
    async with running(server) as brand:
        for purpose in ("place-moment", "reminders", "adviser-brief"):
            await switch(brand, "bo", purpose)
        await shops(brand, server, "bo")
        told = (await brand.post(MOMENTS, json=moment("checked_in", id="in"))).json()
        brief = next(
            one["decision"] for one in told["decisions"] if one["audience"] == "adviser" and one["result"] == "show"
        )
        answer = moment("answered", id="done", decision=brief, answer="done")

        assert await sent(server, "adviser", "s2", answer) == [403]
        assert await sent(server, "device", "bo", answer) == [403]
        assert await sent(server, "device", "al", {**answer, "customer": "al"}) == [200], (
            "about a card that is not theirs: kept, and without consequence"
        )
        assert not server.processor.customer("al").service.shown
        assert await sent(server, "adviser", "s1", answer) == [200]


async def test_a_device_opens_only_its_own_person_and_a_till_no_person_at_all() -> None:
    server = a_server()
    async with running(server) as brand:
        await brand.post(MOMENTS, json=moment("worn", "bo", id="m"))
        async with client(server, server.access_keys.issue("device", "al")) as al:
            for path in ("/v1/people/bo/purposes", "/v1/people/bo/moments/m", "/v1/people/bo/wallet", "/metrics"):
                assert (await al.get(path)).status_code == 403, path
            assert (await al.put("/v1/people/bo/purposes/reminders", json={"on": True})).status_code == 403
            assert (await al.put("/v1/clock", json={"at": 1.0})).status_code == 403
            assert (await al.get("/v1/people/al/moments/m")).status_code == 404, (
                "another person's moment is not theirs by its name"
            )
        for role in ("till", "adviser", "sensor"):
            async with client(server, server.access_keys.issue(role, "bo")) as other:
                assert (await other.get("/v1/people/bo/purposes")).status_code == 403


async def test_a_key_that_was_revoked_opens_nothing_more_at_once() -> None:
    server = a_server()
    async with running(server):
        token = server.access_keys.issue("device", "bo")
        key = server.access_keys.check(token)
        async with client(server, token) as bo:
            assert (await bo.post(MOMENTS, json=moment())).status_code == 200
            server.access_keys.revoke(key.id)
            assert (await bo.post(MOMENTS, json=moment(id="m2"))).status_code == 401
            assert (await bo.get("/v1/people/bo/purposes")).status_code == 401
            assert (await bo.get("/glasses/screen")).status_code == 401
    assert not server.access_keys.holds(key)


def test_a_key_lies_in_its_file_only_as_a_hash(tmp_path: Path) -> None:
    kept = AccessKeys(tmp_path / "keys.sqlite", ROOT_KEY)
    tokens = [kept.issue("device", "bo"), kept.issue("brand"), kept.issue("till", "s1")]
    in_files = b"".join([path.read_bytes() for path in tmp_path.iterdir()])
    kept.close()

    assert len(set(tokens)) == 3
    for token in tokens:
        assert token.encode() not in in_files
        assert token.split("_", 2)[2].encode() not in in_files
    again = AccessKeys(tmp_path / "keys.sqlite", ROOT_KEY)
    assert [again.check(token).role for token in tokens] == ["device", "brand", "till"]
    again.close()


def test_a_server_hears_of_keys_that_another_process_made_or_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(access, "monotonic", lambda: now[0])
    server, command = AccessKeys(tmp_path / "keys.sqlite", ROOT_KEY), AccessKeys(tmp_path / "keys.sqlite", ROOT_KEY)
    token = command.issue("till", "s1")
    now[0] += access.NOTICED_S + 0.1
    key = server.check(token)
    command.revoke(key.id)
    now[0] += access.NOTICED_S + 0.1

    with pytest.raises(InvalidKey):
        server.check(token)
    assert not server.holds(key)
    assert server.listed() == command.listed()
    server.close()
    command.close()


@pytest.mark.parametrize(("role", "subject"), [("king", "bo"), ("device", ""), ("till", ""), ("brand", "bo"), ("", "")])
def test_a_key_without_what_its_role_needs_is_not_made(role: str, subject: str) -> None:
    kept = AccessKeys(":memory:")
    with pytest.raises(Invalid):
        kept.issue(role, subject)
    assert kept.listed() == []
    kept.close()


@given(
    st.sampled_from(ROLES), st.sampled_from(sorted(KINDS)), st.sampled_from(["bo", "al"]), st.sampled_from(["s1", "s2"])
)
def test_what_a_key_permits_is_its_kinds_its_person_and_its_place(
    role: Any, kind: str, customer: str, place: str
) -> None:
    made = KINDS[kind]
    needed: dict[str, Any] = dict.fromkeys([field.name for field in fields(made) if field.required], "x")
    placed = {"place": place} if "place" in made.__struct_fields__ else {}
    said: Any = made(**needed | placed | {"id": "m", "customer": customer, "occurred_at": NOON})
    subject = {"device": "bo", "sensor": "bo", "till": "s1", "adviser": "s1"}.get(role, "")

    allowed = not permits(AccessKey("k", role, subject), said)

    may = role in made.senders
    assert allowed <= may
    if role in ("device", "sensor"):
        assert allowed == (may and customer == "bo")
    elif role in ("till", "adviser"):
        assert allowed == (may and getattr(said, "place", "s1") == "s1")
    else:
        assert allowed == may


def test_only_the_server_itself_makes_what_it_answers_for() -> None:
    nobodys = {name for name, kind in KINDS.items() if not kind.senders}

    assert nobodys == {"due", "consulted", "requested", "corrected", "lapsed", "contested", "reviewed"} | {
        "merging",
        "used_together",
        "sought",
        "confirmed",
    }
    assert all("brand" in kind.senders for kind in KINDS.values() if kind.senders)


async def test_a_page_elsewhere_cannot_use_a_cookie_of_ours() -> None:
    server = a_server()
    async with running(server):
        token = server.access_keys.issue("device", "bo")
        transport = httpx.ASGITransport(server.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://tests", cookies={"visavis-glasses": token}
        ) as browser:
            assert (await browser.get("/glasses/screen")).status_code == 204
            for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 422)):
                found = await browser.post(
                    "/glasses/displayed", json={"decision": "none"}, headers={"sec-fetch-site": site}
                )
                assert found.status_code == status, site


@pytest.mark.parametrize(
    ("page", "role", "status"),
    [
        ("adviser", "adviser", 403),
        ("me", "device", 403),
        ("console", "brand", 403),
        ("glasses", "device", 422),
        ("phone", "device", 422),
        ("glass", "device", 422),
    ],
)
async def test_a_page_opens_to_the_key_of_its_role_alone(page: str, role: str, status: int) -> None:
    server = a_server()
    issue = server.access_keys.issue
    keys = {"brand": issue("brand"), "device": issue("device", "bo"), "adviser": issue("adviser", "s1")}
    async with running(server) as brand:
        found = {one: await brand.post(f"/{page}/enter", json={"key": key}) for one, key in keys.items()}

    assert {one: told.status_code for one, told in found.items()} == {
        one: 204 if one == role else status for one in keys
    }
    assert all(f"visavis key {role}" in told.json()["advice"] for one, told in found.items() if one != role)
