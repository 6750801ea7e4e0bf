"""P10: nobody else reads or changes my data: schemathesis with two identities to read, every role to write.

What is another's and what does not exist get the same answer, so that no list, count or error reveals anyone."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from support.doors import MOMENTS, every_way, listening, moment, operations, running, shops, switch
from support.doors import a_server as any_server
from support.people import NOON
from visavis.api import moments as moments_door
from visavis.api import people, receipts
from visavis.api.openapi import document
from visavis.consent.choices import choices
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.requests import key_of
from visavis.http.routes import Operation
from visavis.model.entry import encode
from visavis.model.moment import KINDS, Linked
from visavis.wiring import Server

ST = Path(sys.executable).parent / "st"
KEPT = ("entered", "left", "worn", "asked", "declared", "measured", "saw", "stocked")
"""Kinds that a device of somebody who agreed to all of it may always send."""
Asked = list[tuple[str, str, str, int]]


def a_server() -> Server:
    """It has every door that there is."""
    return any_server(**every_way())


OPERATIONS = operations(a_server())
ENDLESS = tuple([door.template for door in OPERATIONS if door.response == "text/event-stream"])
OTHERS = tuple([door.template for door in OPERATIONS if door.protocol])
"""What speaks the protocols of others is described by their documents: no schema here says what is well-formed."""
FOR_GOOD = (
    "/v1/people/{person}/categories/{category}",
    "/v1/people/{person}/erase",
    "/v1/people/{person}/restriction",
    "/me/erase",
    "/me/restrict",
)
"""What would close to the others what they need."""


# What is read: schemathesis, told whose ids there are


def narrowed(server: Server, person: str) -> dict[str, Any]:
    """The document with this person everywhere and moments sure to be kept; random ids belong to nobody."""

    told = document(a_server().routes)
    known = {
        "person": [person],
        "customer": [person],
        "occurred_at": [NOON.isoformat()],
        "place": ["s1"],
        "purpose": list(server.strategy.purposes),
    }
    sent, schemas = told["paths"][MOMENTS]["post"], told["components"]["schemas"]
    kinds = sent["requestBody"]["content"]["application/json"]["schema"]["anyOf"][0]["discriminator"]["mapping"]
    mapping = {}
    for kind in KEPT:
        schema = deepcopy(schemas[kinds[kind].rpartition("/")[2]])
        fields = schema["properties"]
        fields.update({name: {"enum": known[name]} for name in known if name in fields})
        for name in ("at", "family"):  # written by our own door
            fields.pop(name, None)
        schemas[f"Sent-{kind}"], mapping[kind] = schema, f"#/components/schemas/Sent-{kind}"
    one = {
        "anyOf": [{"$ref": name} for name in mapping.values()],
        "discriminator": {"propertyName": "kind", "mapping": mapping},
    }
    told["components"]["schemas"]["PurposeSwitch"]["properties"]["on"] = {"enum": [True]}
    about_one = {path for path in told["paths"] if path.startswith((MOMENTS, "/v1/people/"))}
    for path in told["paths"].keys() - about_one | {*FOR_GOOD} & about_one:
        del told["paths"][path]
    for operation in (operation for path in told["paths"].values() for operation in path.values()):
        for parameter in operation["parameters"]:
            if parameter["name"] in known:
                parameter["schema"] = {"enum": known[parameter["name"]]}
    # A copy holds kinds that the document for alice leaves out.
    told["paths"]["/v1/people/{person}/export"]["get"]["responses"]["200"]["content"]["application/json"]["schema"] = {}
    sent["requestBody"]["content"] = {"application/json": {"schema": one}}
    answer = sent["responses"]["200"]["content"]["application/json"]
    answer["schema"] = answer["schema"]["anyOf"][0]
    return told


@contextmanager
def watched(server: Server, names: dict[str, str]) -> Iterator[tuple[int, Asked]]:
    """The server on a port, and who asked what, with the status that they got."""
    asked: Asked = []
    inner = server.app

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def heard(message: Any) -> None:
            if message["type"] == "http.response.start":
                token = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ")
                asked.append((names.get(token, "?"), scope["method"], scope["path"], message["status"]))
            await send(message)

        await inner(scope, receive, heard if scope["type"] == "http" else send)

    server.app = app
    with listening(server) as port:
        yield port, asked


def schemathesis(
    folder: Path, port: int, told: dict[str, Any], *options: str, config: str = ""
) -> "subprocess.CompletedProcess[str]":
    (folder / "openapi.json").write_text(json.dumps(told))
    statuses = (  # what is well-formed may still not be allowed, or not be so
        '["2xx", "303", "401", "403", "404", "409", "422", "429"]'
    )
    (folder / "schemathesis.toml").write_text(
        f"{config}\n[checks]\npositive_data_acceptance.expected-statuses = {statuses}\n"
    )
    command = [
        str(ST),
        "run",
        "openapi.json",
        "--url",
        f"http://127.0.0.1:{port}",
        "--checks",
        "all",
        "--seed",
        "1",
        "--warnings",
        "off",
        "--no-shrink",
        *options,
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)


def check_reads(folder: Path, count: int, phases: str = "fuzzing,stateful") -> int:
    """All checks, as alice, replayed as bob. How many of alice's own were asked for by bob, and refused."""
    server = a_server()
    keys = {name: server.access_keys.issue("device", name) for name in ("alice", "bob")}
    entries = [
        f'  - name: {name}\n    fixedHeaders: [{{name: Authorization, value: "Bearer {token}"}}]\n'
        for name, token in keys.items()
    ]
    (folder / "auth.yaml").write_text("auth:\n" + "".join(entries))
    with watched(server, {token: name for name, token in keys.items()}) as (port, asked):
        brand = {"authorization": f"Bearer {server.access_keys.issue('brand')}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=brand) as client:
            for name in keys:
                for key in [key for key, purpose in server.strategy.purposes.items() if purpose.basis == "consent"]:
                    assert client.put(f"/v1/people/{name}/purposes/{key}", json={"on": True}).status_code == 200
        found = schemathesis(
            folder,
            port,
            narrowed(server, "alice"),
            "-n",
            str(count),
            "--mode",
            "positive",
            "--phases",
            phases,
            "--auth-wfc-user",
            "alice",
            config='[auth.wfc]\npath = "auth.yaml"\npeers = ["alice", "bob"]',
        )
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr
    owned = {
        path
        for name, method, path, status in asked
        if (name, method, status) == ("alice", "GET", 200) and "/people/" in path
    }
    replayed = [status for name, method, path, status in asked if name == "bob" and method == "GET" and path in owned]
    assert set(replayed) <= {403, 404}, replayed
    return len(replayed)


def test_what_is_mine_is_read_by_nobody_else(tmp_path: Path, times: Callable[[int, int], int]) -> None:
    assert check_reads(tmp_path, times(4, 200)) > 0, (
        "object_level_authorization did not run: it replays nothing without two peers and a read of one's own"
    )


def test_an_owner_check_that_is_gone_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unguarded(monkeypatch)
    with pytest.raises(AssertionError, match="ST402"):
        check_reads(tmp_path, 10, "stateful")


def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    def anyone(request: Any, access: AccessKeys) -> tuple[str, AccessKey]:
        return str(request.path_params["person"]), key_of(request, access, "brand", "device")

    for room in (people, receipts):
        monkeypatch.setattr(room, "person", anyone)


def test_every_door_keeps_what_the_document_says(tmp_path: Path, times: Callable[[int, int], int]) -> None:
    """All checks on the document as it is, right and wrong data, as the brand, who may come in nearly everywhere."""
    server = a_server()
    token = server.access_keys.issue("brand")
    told = document(a_server().routes)
    for path in {"/v1/clock", *ENDLESS, *OTHERS}:
        del told["paths"][path]
    with watched(server, {token: "brand"}) as (port, asked):
        found = schemathesis(
            tmp_path,
            port,
            told,
            "-n",
            str(times(1, 100)),
            "--phases",
            "fuzzing" if times(0, 1) == 0 else "coverage,fuzzing,stateful",
            "-H",
            f"Authorization: Bearer {token}",
        )
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr
    assert len(asked) > 30


# What is written: every role, every door


PEOPLE = ("alice", "bob")
ABSENT = "zoe"
"""Of whom nothing is known."""
FIELDS: dict[str, dict[str, Any]] = {
    "paying": {"place": "s1"},
    "bought": {"place": "s1", "lines": [["milk", 1, 100]]},
    "saw": {"product": "p1"},
    "stocked": {"product": "p1"},
    "consumed": {"product": "p1"},
    "ran_out": {"product": "p1"},
    "measured": {"measure": "water", "value": 1},
    "declared": {"trait": "size", "value": "M"},
    "asked": {"about": "offer"},
    "ordered": {"order": "o1"},
    "fulfilled": {"order": "o1"},
    "returned": {"order": "o1"},
    "redeeming": {"code": "C"},
    "reversed": {"code": "C"},
    "noticed": {"purpose": "home", "notice": "2026-1"},
    "consented": {"purpose": "home", "notice": "2026-1"},
    "withdrew": {"purpose": "home"},
    "objected": {"about": "marketing"},
    "proposed": {"proposal": "p", "text": "t"},
    "voted": {"proposal": "p", "vote": 1},
    "worn": {"device": "g1"},
    "linked": {"identifier": "card-free"},
    "unlinked": {"identifier": "card-free"},
    "located": {"latitude": 1.0, "longitude": 2.0},
    "dwelled": {"place": "s1", "dwell_s": 9},
    "entered": {"place": "s1"},
    "left": {"place": "s1"},
    "checked_in": {"place": "s1"},
}
BODIES: dict[str, dict[str, Any]] = {
    "PurposeSwitch": {"on": False},
    "Closing": {"on": False},
    "Token": {"key": "vv_device_nothing"},
    "OwnAnswer": {"answer": "yes"},
    "AdvisersAnswer": {"answer": "done"},
    "Seen": {},
    "Instant": {"at": NOON.timestamp()},
    "Import": {"export": "e"},
    "Correction": {"family": "f"},
    "OnOff": {"on": "no"},
    "Erasing": {},
    "Move": {"status": "fulfilled"},
    "ContestedView": {"view": "No."},
    "ReviewOutcome": {"outcome": "confirmed", "reasons": "No."},
    "Answering": {"of": "none"},
    "OwnChoice": {"purpose": "none"},
    "MergeAnswer": {"merge": "no-such", "yes": True},
    "OneTimeCode": {"code": "AAAA-AAAA"},
    "Pairing": {},
    "Code": {"code": "AAAA-AAAA", "profile": "glasses"},
    "PhonesAnswer": {"answer": "yes"},
    "Subscribed": {"endpoint": "https://x"},
    "Address": {"address": "a@example.org"},
    "Opened": {},
    "GlassAction": {"userActions": [{"type": "DELETE"}]},
    "str": {"displayTime": "never"},
}
ROLES_OF = (("", ""), ("device", "alice"), ("sensor", "alice"), ("till", "s9"), ("adviser", "s9"))
"""Who asks: nobody, whoever speaks for alice, and whoever speaks for a place where bob is not."""
ALIKE = {
    "purpose": "home",
    "category": "home",
    "about": "marketing",
    "attachment": "none",
    "type": "pass.example",
    "host": "even",
    "size": "192",
    "answer": "yes",
}
THEIRS = ALIKE | {"person": "bob", "moment": "bob-in", "customer": "bob", "request": "bob-asked", "ticket": "Ym9i"}
NOWHERE = ALIKE | {
    "person": ABSENT,
    "customer": ABSENT,
    **dict.fromkeys(("moment", "decision", "key", "device", "id", "item", "serial", "request", "ticket"), "no-such"),
}


async def lived(server: Server, brand: httpx.AsyncClient, *names: str) -> None:
    """These people agreed to everything, shop every week, have a card, came in at s1 and checked in there."""
    for name in names:
        for key in [key for key, purpose in server.strategy.purposes.items() if purpose.basis == "consent"]:
            await switch(brand, name, key)
        await shops(brand, server, name)
        told = [
            moment("linked", name, id=f"{name}-card", identifier=f"card-{name}"),
            moment("entered", name, id=f"{name}-in"),
        ]
        told += [moment("worn", name, id=f"{name}-worn"), moment("checked_in", name, id=f"{name}-here")]
        assert {one["kept"] for one in (await brand.post(MOMENTS, json=told)).json()} == {True}


def of_bob(server: Server) -> bytes:
    """All that there is of bob: log, memory, screens, keys."""
    entries = b"".join([encode(entry) for entry in server.log.of("bob")])
    keys = [key for key in server.access_keys.listed() if key.subject == "bob"]
    kept = (
        [server.mirror.timelines.of("bob", what) for what in ("timeline", "contacts")],
        server.external_channels.addresses.of("bob", "wallet"),
    )
    return (
        entries
        + f"{server.processor.customer('bob')}"
        f"{server.screens.card('bob')}{server.screens.brief_of('bob')}{keys}{kept}".encode()
    )


async def owned(server: Server, client: httpx.AsyncClient) -> list[dict[str, str]]:
    """What bob has of devices: a key, an item on a Glass or a contact, a capture, a pass; each set of ids apart."""
    headers = {"authorization": f"Bearer {server.access_keys.issue('device', 'bob')}"}
    item = (await client.post("/mirror/v1/timeline", json={"text": "of bob"}, headers=headers)).json()["id"]
    friend = {"id": "friend", "displayName": "of bob", "imageUrls": ["https://x/i.png"]}
    assert (await client.post("/mirror/v1/contacts", json=friend, headers=headers)).status_code == 201
    capture = await client.post("/epcis/capture", json=[], headers=headers)
    assert capture.status_code == 202
    assert (await client.get("/phone/pass.pkpass", headers=headers)).status_code == 200
    [serial] = server.external_channels.addresses.of("bob", "wallet")
    key = next(key.id for key in server.access_keys.listed() if key.subject == "bob")
    named = {"key": key, "device": key, "item": item, "serial": serial}
    return [named | {"id": one} for one in (item, "friend", capture.headers["location"].rpartition("/")[2])]


def requests(door: Operation, role: str, ids: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """This door, asked about these ids: its path and its body, if it takes one."""
    paths = [re.sub(r"{(\w+)}", lambda name: ids[name[1]], door.template)]
    if "{moment}" in door.template or "{decision}" in door.template:  # somebody else's, under one's own name
        paths.append(re.sub(r"{(\w+)}", lambda name: "alice" if name[1] == "person" else ids[name[1]], door.template))
    for path in paths:
        query = "&".join(f"{name}={ids.get(name, '')}" for name in door.query if name in ids)
        path = f"{path}?{query}" if query else path  # noqa: PLW2901
        if door.template == MOMENTS:
            at_all = [kind for kind in KINDS if kind != "due" and role in ("device", "sensor")]
            for kind in at_all:
                fields = (
                    {"decision": ids["decision"], "answer": "yes"}
                    if kind in ("answered", "displayed", "shared")
                    else FIELDS.get(kind, {})
                )
                yield (
                    path,
                    moment(kind, ids["customer"], id=f"try-{kind}", **fields) | {"owner": "alice", "consent": "yes"},
                )
            for kind in ("answered", "displayed"):
                yield path, moment(kind, ids["customer"], id=f"try-{kind}", decision=ids["decision"], answer="done")
        elif door.request is not None:
            body = BODIES["str" if isinstance(door.request, str) else door.request.__name__]
            who = dict.fromkeys(("owner", "customer", "person"), ids["customer"])
            yield path, {"decision": ids["decision"], "itemId": ids["item"], **body, **who}
        else:
            yield path, None


async def check_writes() -> int:
    """Every write by anyone but bob: bob's and nobody's get the same answer, bob is unchanged; how many pairs."""
    server, pairs = a_server(), 0
    async with running(server) as client:
        await lived(server, client, *PEOPLE)
        things = await owned(server, client)
        card, brief = server.screens.card("bob"), server.screens.brief_of("bob")
        assert brief is not None
        decisions = [brief.show.id, *([card.show.id] if card is not None else [])]
        mirrored = [
            one | {"id": name} for name in decisions for one in things[:1]
        ]  # our card is an item of the timeline
        named = [one | {"decision": name} for name in decisions for one in things[:1]] + [
            one | {"decision": decisions[0]} for one in (*things[1:], *mirrored)
        ]
        before = of_bob(server)
        del client.headers["authorization"]
        for role, subject in ROLES_OF:
            headers = {"authorization": f"Bearer {server.access_keys.issue(role, subject)}"} if role else {}
            for door in [door for door in OPERATIONS if door.response != "text/event-stream"]:
                for ids in named if "{id}" in door.template else named[: len(decisions)]:
                    theirs = requests(door, role, THEIRS | ids)
                    for (path, body), (other, else_) in zip(theirs, requests(door, role, NOWHERE), strict=True):
                        there = await client.request(door.method, path, json=body, headers=headers)
                        nowhere = await client.request(door.method, other, json=else_, headers=headers)
                        where = f"{role or 'nobody'}: {door.method} {door.template} {(body or {}).get('kind', '')}"
                        assert there.status_code == nowhere.status_code, f"told apart: {where}"
                        # One's own, whoever asks beside: a pass is signed anew each time, and a copy tells of the copy
                        # before.
                        assert (
                            there.content == nowhere.content
                            or door.template == "/phone/pass.pkpass"
                            or door.template.startswith("/me/")
                        ), f"told apart: {where}"
                        assert b"bob" not in there.content, f"said: {where}"
                        pairs += 1
        assert of_bob(server) == before, "bob's was changed"
    return pairs


def test_what_is_somebodys_and_what_is_nowhere_get_the_same_answer_and_nothing_of_it_changes() -> None:
    assert asyncio.run(check_writes()) > 250


def test_a_read_without_an_owner_check_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    unguarded(monkeypatch)
    with pytest.raises(AssertionError, match=r"told apart|changed|said"):
        asyncio.run(check_writes())


def test_a_door_that_lets_one_speak_for_another_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments_door, "permits", lambda _key, _moment: "")
    with pytest.raises(AssertionError, match=r"told apart|changed|said"):
        asyncio.run(check_writes())


def test_an_advisers_door_that_does_not_look_at_the_place_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments_door, "about_own", lambda *_: "")
    with pytest.raises(AssertionError, match=r"told apart|changed|said"):
        asyncio.run(check_writes())


def test_nobody_can_try_whether_an_identifier_is_somebodys() -> None:
    async def what() -> None:
        server = a_server()
        async with running(server) as client:
            await lived(server, client, *PEOPLE)
            headers = {"authorization": f"Bearer {server.access_keys.issue('device', 'alice')}"}
            before = server.processor.customer("bob")
            for kind in ("linked", "unlinked"):
                answers = set()
                for number, identifier in enumerate(("card-bob", "card-free")):
                    told = await client.post(
                        MOMENTS,
                        json=moment(kind, "alice", id=f"{kind}-{number}", identifier=identifier),
                        headers=headers,
                    )
                    assert server.processor.names("alice") == ("alice",), "what is bob's was taken"
                    answers.add((told.status_code, told.text.replace(f"{kind}-{number}", "id")))
                assert len(answers) == 1, f"{kind}: an answer tells whose it is"
                assert server.processor.customer("bob") == before, f"{kind}: whose it is was found by taking it"

    asyncio.run(what())


# No list and no count tells of anyone: all that may be read is the same, whether bob was ever there or not


async def readings(*names: str) -> dict[tuple[str, str], tuple[int, bytes]]:
    server, found = a_server(), {}
    async with running(server) as client:
        await lived(server, client, *names)
        del client.headers["authorization"]
        mine = {
            "person": "alice",
            "request": "access",
            "about": "marketing",
            "purpose": "home",
            "moment": "alice-in",
            "decision": "none",
            "key": "none",
        }
        for role, subject in ROLES_OF:
            headers = {"authorization": f"Bearer {server.access_keys.issue(role, subject)}"} if role else {}
            # The ledger is the same for everyone, grows with everybody, and leads to nobody: P17 is asked elsewhere.
            for door in [
                door
                for door in OPERATIONS
                if door.method == "GET"
                and door.response != "text/event-stream"
                and not door.template.startswith("/v1/ledger/")
            ]:
                path = re.sub(r"{(\w+)}", lambda name: mine.get(name[1], "none"), door.template)
                answer = await client.get(path, headers=headers)
                # Ids and the marks of one's own lines are drawn anew each time; a receipt is signed over one, and so is
                # a pass.
                drawn = path.endswith(("receipt", "pkpass"))
                masked = re.sub(rb"[0-9a-f]{12,}|(?<=fulfilled-)[0-9a-f]+|[\w+/]{80,}={0,2}", b"0", answer.content)
                found[role, path] = (answer.status_code, b"" if drawn else masked)
    return found


def check_readings() -> None:
    alone, together = asyncio.run(readings("alice")), asyncio.run(readings("bob", "alice"))
    differing = {where for where in alone if alone[where] != together[where]}
    assert not differing, f"tells of bob: {sorted(differing)}"
    assert sum([status == 200 for status, _ in alone.values()]) > 15


def test_what_may_be_read_is_the_same_whether_somebody_else_is_there_or_not() -> None:
    check_readings()


def test_a_count_that_grows_with_everybody_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = choices
    everybody: list[object] = []

    def counting(strategy: Any, customer: Any, *more: Any) -> Any:
        everybody.append(customer)
        return [replace(one, until=float(len(everybody))) for one in honest(strategy, customer, *more)]

    monkeypatch.setattr(people, "choices", counting)
    with pytest.raises(AssertionError, match="tells of bob"):
        check_readings()


def test_a_device_that_may_link_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Linked, "senders", Linked.senders | {"device"})
    with pytest.raises(AssertionError, match=r"whose it is|was taken"):
        test_nobody_can_try_whether_an_identifier_is_somebodys()
