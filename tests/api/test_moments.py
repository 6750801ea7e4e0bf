"""The door of every moment: one, an array, lines; retries; back-pressure; what fails and what lives on."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.doors import MOMENTS, a_server, client, moment, running, shops, switch
from support.people import NOON
from visavis.api.moments import IN_FLIGHT_LIMIT
from visavis.model.entry import Entry, WorldEntry
from visavis.model.errors import Unavailable
from visavis.runtime.clock import TurnedClock
from visavis.runtime.writer import Writer
from visavis.wiring import Server

pytestmark = pytest.mark.anyio


def turned(server: Server, **more: float) -> None:
    assert isinstance(server.processor.clock, TurnedClock)
    server.processor.clock.turn((server.processor.clock.now() + timedelta(**more)).timestamp())


def ids(server: Server) -> list[str]:
    return [entry.moment.id for _, entry in server.log.scan() if isinstance(entry, Entry)]


async def test_one_an_array_and_lines_are_answered_in_their_own_form_and_order() -> None:
    server = a_server()
    async with running(server) as brand:
        one = await brand.post(MOMENTS, json=moment(id="one"))
        array = await brand.post(MOMENTS, json=[moment(id=f"a{i}", customer=f"c{i % 3}") for i in range(20)])
        lines = b"\r\n".join([msgspec.json.encode(moment(id=f"l{i}")) for i in range(5)])
        ndjson = await brand.post(MOMENTS, content=lines, headers={"content-type": "application/x-ndjson"})

    assert one.status_code == array.status_code == ndjson.status_code == 200
    assert one.json()["id"] == "one"
    assert one.json()["kept"]
    assert [told["id"] for told in array.json()] == [f"a{i}" for i in range(20)]
    assert [msgspec.json.decode(line)["id"] for line in ndjson.content.splitlines()] == [f"l{i}" for i in range(5)]
    assert ids(server) == ["one", *[f"a{i}" for i in range(20)], *[f"l{i}" for i in range(5)]]


async def test_a_bad_moment_in_an_array_is_told_at_its_index_while_the_others_go_on() -> None:
    server = a_server()
    async with running(server) as brand:
        found = await brand.post(
            MOMENTS, json=[moment(id="a"), moment("teleported", id="b"), 7, moment("entered", id="c"), moment(id="d")]
        )

    told = found.json()
    assert [one.get("status", 200) for one in told] == [200, 422, 422, 403, 200]
    assert [one["index"] for one in told if "index" in one] == [1, 2, 3]
    assert ids(server) == ["a", "d"]


async def test_a_retry_gets_the_same_decision_byte_for_byte_in_the_same_array_later_and_after_a_restart(
    tmp_path: Path,
) -> None:
    server = a_server(tmp_path / "data")
    entering = moment("entered", id="door")
    async with running(server) as brand:
        await switch(brand, "bo", "place-moment")
        first, again = (await brand.post(MOMENTS, json=[entering, entering])).json()
        turned(server, hours=3)
        later = (await brand.post(MOMENTS, json=entering)).json()
        stored = (await brand.get("/v1/people/bo/moments/door")).json()
    server.log.close()
    server.access_keys.close()

    after = a_server(tmp_path / "data", at=NOON + timedelta(days=1))
    async with running(after) as brand:
        restarted = (await brand.post(MOMENTS, json=entering)).json()
    after.log.close()
    after.access_keys.close()

    assert first["decisions"]
    assert not first.get("retried")
    for one in (again, later, restarted, stored):
        assert one["retried"]
        assert msgspec.json.encode(one["decisions"]) == msgspec.json.encode(first["decisions"])


async def test_an_id_sent_again_under_a_later_time_is_a_conflict_and_takes_nobody_with_it(tmp_path: Path) -> None:
    server = a_server(tmp_path / "data")
    async with running(server) as brand:
        await brand.post(MOMENTS, json=moment(id="same"))
        turned(server, hours=2)
        later = NOON + timedelta(hours=2)
        told = (
            await brand.post(
                MOMENTS,
                json=[moment(customer="al", id="x", at=later), moment(id="same", at=later), moment(id="y", at=later)],
            )
        ).json()

        assert [one.get("status", 200) for one in told] == [200, 409, 200]
        assert ids(server) == ["same", "x", "y"]
    server.log.close()
    server.access_keys.close()


async def test_an_identifier_is_kept_only_as_a_keyed_hash_and_is_the_same_for_each_who_links_it(tmp_path: Path) -> None:
    server = a_server(tmp_path / "data")
    async with running(server) as brand, client(server, server.access_keys.issue("device", "eve")) as eve:
        first = await brand.post(MOMENTS, json=moment("linked", "bo", id="l1", identifier="LOYALTY-4711"))
        taken = await eve.post(MOMENTS, json=moment("linked", "eve", id="l2", identifier="LOYALTY-4711"))
        await eve.post(MOMENTS, json=moment("unlinked", "eve", id="l3", identifier="LOYALTY-4711"))
        still = await eve.post(MOMENTS, json=moment("linked", "eve", id="l4", identifier="LOYALTY-4711"))
    server.log.close()
    server.access_keys.close()

    assert (first.status_code, taken.status_code, still.status_code) == (200, 403, 403)
    assert not [path.name for path in (tmp_path / "data").iterdir() if b"LOYALTY-4711" in path.read_bytes()]


async def test_too_many_waiting_is_said_at_once_with_when_to_come_back() -> None:
    server = a_server()
    server.writer.queue_limit = 3
    async with running(server) as brand:
        many = (await brand.post(MOMENTS, json=[moment(id=f"m{i}") for i in range(5)])).json()
        assert [one.get("status", 200) for one in many] == [200, 200, 200, 503, 503]
        assert many[3]["retry_after_s"] == 1
        server.writer.queue_limit = 0
        one = await brand.post(MOMENTS, json=moment(id="one"))
        assert (one.status_code, one.headers["retry-after"]) == (503, "1")
        server.writer.queue_limit = 10_000
        sent = [[moment(id=f"{batch}-{i}") for i in range(1000)] for batch in range(3)]
        answers = await asyncio.gather(*[brand.post(MOMENTS, json=one) for one in sent])
        statuses = [told.get("status", 200) for answer in answers for told in answer.json()]
        assert statuses.count(429) == 3000 - IN_FLIGHT_LIMIT
        assert (await brand.post(MOMENTS, json=moment(id="after"))).status_code == 200, "what has landed waits no more"


async def test_a_request_that_is_given_up_leaves_no_count_behind() -> None:
    from visavis.api.moments import Moments

    server = a_server()
    token = server.access_keys.issue("brand")
    door = Moments(server.writer, server.access_keys, b"s")
    scope = {
        "type": "http",
        "method": "POST",
        "path": MOMENTS,
        "headers": [(b"authorization", f"Bearer {token}".encode())],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": msgspec.json.encode([moment(id=f"m{i}") for i in range(4)])}

    async def send(_: Any) -> None:
        raise AssertionError("nobody is there to hear it")

    waiting = asyncio.create_task(door(scope, receive, send))
    await asyncio.sleep(0.01)
    assert list(door._in_flight.values()) == [4]
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert door._in_flight == {}
    server.writer.start()
    await server.writer.stop()
    assert ids(server) == ["m0", "m1", "m2", "m3"], "what was queued is lived: the sender may ask again"


async def test_stopping_answers_what_waits_and_refuses_what_comes() -> None:
    server = a_server()
    async with running(server) as brand:
        waiting = asyncio.create_task(brand.post(MOMENTS, json=[moment(id=f"m{i}") for i in range(600)]))
        await asyncio.sleep(0)  # the request has begun
        for _ in range(20):
            if not server.writer.waiting:
                await asyncio.sleep(0)
        assert server.writer.waiting
        stopping = asyncio.create_task(server.writer.stop())
        await asyncio.sleep(0)
        late = await brand.post(MOMENTS, json=moment(id="late"))
        await stopping

        assert [told["kept"] for told in (await waiting).json()] == [True] * 600
        assert (late.status_code, late.headers["retry-after"]) == (503, "1")
        assert (await brand.get("/healthz")).status_code == 503


async def test_a_moment_that_cannot_be_lived_does_not_take_the_others_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from visavis.engine import step as real
    from visavis.runtime import loop

    def step(strategy: Any, world: Any, customer: Any, *more: Any) -> Any:
        if customer.id == "unlucky":
            raise KeyError("a secret about unlucky")
        return real(strategy, world, customer, *more)

    monkeypatch.setattr(loop, "step", step)
    server = a_server()
    async with running(server) as brand:
        found = await brand.post(MOMENTS, json=[moment(id="a"), moment(id="b", customer="unlucky"), moment(id="c")])

    assert [one.get("status", 200) for one in found.json()] == [200, 503, 200]
    assert "secret" not in found.text
    assert ids(server) == ["a", "c"]


async def test_when_the_log_refuses_nobody_of_the_group_is_answered_and_a_retry_then_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = a_server()
    commit = server.log.commit

    def full(*_: object) -> None:
        raise Unavailable("The log cannot be used: disk full.")

    async with running(server) as brand:
        await brand.post(MOMENTS, json=moment(id="before"))
        before = server.processor.customer("bo")
        monkeypatch.setattr(server.log, "commit", full)
        refused = (
            await brand.post(
                MOMENTS, json=[moment(id="a"), moment("linked", id="b", identifier="card"), moment(id="a")]
            )
        ).json()
        one = await brand.post(MOMENTS, json=moment(id="d"))
        assert [told["status"] for told in refused] == [503, 503, 503]
        assert (one.status_code, one.headers["retry-after"]) == (503, "1")
        assert server.processor.customer("bo") == before == server.processor.customer("bo")
        monkeypatch.setattr(server.log, "commit", commit)
        again = (await brand.post(MOMENTS, json=[moment(id="a"), moment("linked", id="b", identifier="card")])).json()

    assert [told.get("retried", False) for told in again] == [False, False]
    assert ids(server) == ["before", "a", "b"]


@pytest.mark.parametrize("broken", ["commit", "learn", "observed", "wake"])
async def test_whatever_breaks_the_writer_lives_on(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = a_server()
    monkeypatch.setattr("visavis.runtime.writer.LEARN_S", float("-inf"))

    def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("something that nobody thought of")

    target = {
        "commit": (server.log, "commit"),
        "learn": (server.processor, "learn"),
        "observed": (server.writer, "_observed"),
        "wake": (server.processor, "wake"),
    }
    async with running(server) as brand:
        with monkeypatch.context() as patch:
            patch.setattr(*target[broken], breaks)
            told = await brand.post(MOMENTS, json=moment(id="a"))
            assert told.status_code == (503 if broken == "commit" else 200)
        assert (await brand.post(MOMENTS, json=moment(id="b"))).status_code == 200
        assert (await brand.get("/healthz")).status_code == 200


async def test_a_log_that_refuses_is_not_asked_without_end_by_those_whose_time_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = a_server()
    async with running(server) as brand:
        await _opens_a_window(server, brand)
        asked = 0

        def full(*_: object) -> None:
            nonlocal asked
            asked += 1
            raise Unavailable("The log cannot be used: disk full.")

        with monkeypatch.context() as patch:
            patch.setattr(server.log, "commit", full)
            turned(server, days=9)
            server.writer.nudge()
            await asyncio.sleep(0.2)
            assert asked == 1
        monkeypatch.undo()
        assert (await brand.put("/v1/clock", json={"at": server.processor.clock.now().timestamp()})).status_code == 204
        assert [one for one in ids(server) if one.startswith("~due-")]


async def _opens_a_window(server: Server, brand: Any) -> None:
    await switch(brand, "bo", "reminders")
    await shops(brand, server, "bo")
    told = await brand.post(
        MOMENTS, json=moment("paying", id="till", place="s1", lines=[[next(iter(server.strategy.products)), 1, 100]])
    )
    assert told.status_code == 200, told.text
    assert server.processor.next_due_at is not None


async def test_turning_the_clock_makes_due_what_is_due_before_it_is_answered() -> None:
    server = a_server()
    async with running(server) as brand:
        await _opens_a_window(server, brand)
        assert server.processor.customer("bo").service.open
        later = (NOON + timedelta(days=9)).timestamp()

        assert (await brand.put("/v1/clock", json={"at": later})).status_code == 204

        assert not server.processor.customer("bo").service.open
        assert [one for one in ids(server) if one.startswith("~due-")]
        assert (await brand.put("/v1/clock", json={"at": later - 86_400})).status_code == 204
        assert server.processor.clock.now().timestamp() == later, "it never goes back"
        for bad in (1e300, "noon", True, None, 10**30):
            assert (await brand.put("/v1/clock", json={"at": bad})).status_code == 422
        assert (await brand.post(MOMENTS, json=moment(id="after"))).status_code == 200


async def test_a_group_holds_no_more_than_its_limit_and_everyone_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    from visavis.runtime import writer

    server = a_server()
    sizes: list[int] = []
    commit = server.log.commit
    monkeypatch.setattr(writer, "GROUP_LIMIT", 10)

    def weighed(entries: Sequence[Entry | WorldEntry], lines: Sequence[Sequence[bytes]] = ()) -> None:
        sizes.append(len(entries))
        commit(entries, lines)

    monkeypatch.setattr(server.log, "commit", weighed)
    async with running(server) as brand:
        told = (await brand.post(MOMENTS, json=[moment(id=f"m{i}") for i in range(95)])).json()

    assert len(told) == 95
    assert max(sizes) == 10
    assert isinstance(server.writer, Writer)


def otherwise(kind: str, /, **changed: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A moment, and another one under its id."""
    fields: dict[str, Any] = {"battery": 0.5} if kind == "worn" else {"birth_date": "1980-02-29"}
    one = moment(kind, id=f"{kind}-1", **fields)
    return one, {**one, **changed}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        otherwise("worn", battery=0.6),
        otherwise("worn", occurred_at=(NOON - timedelta(minutes=1)).isoformat()),
        otherwise("worn", kind="left", place="s1"),
        otherwise("born", birth_date="1981-03-01"),
        (
            moment("bought", id="b1", place="s1", lines=[["p1", 1, 100]]),
            moment("bought", id="b1", place="s1", lines=[["p1", 2, 200]]),
        ),
        (moment("linked", id="l1", identifier="card 1"), moment("linked", id="l1", identifier="card 2")),
    ],
)
async def test_another_moment_under_a_known_id_is_a_conflict_and_the_same_one_is_a_retry(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    server = a_server()
    async with running(server) as brand:
        first = await brand.post(MOMENTS, json=one)
        again = await brand.post(MOMENTS, json=one)
        conflict = await brand.post(MOMENTS, json=other)
        mixed = await brand.post(MOMENTS, json=[moment(id="new"), other, one])

    assert (first.status_code, again.status_code, conflict.status_code) == (200, 200, 409), conflict.text
    assert again.json()["retried"]
    assert conflict.json()["advice"]
    assert [found.get("status", 200) for found in mixed.json()] == [200, 409, 200]
    assert ids(server) == [one["id"], "new"]


async def test_what_the_gate_writes_into_a_moment_makes_no_conflict_of_its_retry() -> None:
    server = a_server()
    notice = server.strategy.purposes["look"].notice.version
    sent = [
        moment("noticed", id="n1", purpose="look", notice=notice),
        moment("consented", id="y1", purpose="look", notice=notice, by="person"),
        moment("objected", id="o1", about="marketing"),
        moment("born", id="a1", birth_date="1980-02-29"),
        moment("bought", id="b1", place="s1", lines=[[next(iter(server.strategy.products)), 1, 100, "a family"]]),
    ]
    async with running(server) as brand:
        first = await brand.post(MOMENTS, json=sent)
        again = await brand.post(MOMENTS, json=sent)

    assert [one.get("kept") for one in first.json()] == [True] * len(sent), first.text
    assert [one.get("retried") for one in again.json()] == [True] * len(sent), again.text


async def test_a_position_that_is_sent_again_is_a_retry() -> None:
    server = a_server()
    here = moment("located", id="g1", latitude=39.1075, longitude=-84.4953, accuracy_m=8)
    async with running(server) as brand:
        await switch(brand, "bo", "place-moment")
        first, again = [await brand.post(MOMENTS, json=here) for _ in range(2)]

    assert (first.status_code, again.status_code) == (200, 200), again.text
    assert again.json()["retried"]


async def test_a_device_is_told_of_a_conflict_and_a_till_hears_what_it_always_hears() -> None:
    server = a_server()
    basket = moment("bought", id="b1", place="s1", lines=[["p1", 1, 100]])
    keys = server.access_keys
    async with running(server), client(server, keys.issue("till", "s1")) as till:
        first, *later = [
            await till.post(MOMENTS, json=one) for one in (basket, basket, {**basket, "lines": [["p1", 2, 200]]})
        ]
        async with client(server, keys.issue("device", "bo")) as own:
            told = [await own.post(MOMENTS, json=moment(id="w1", battery=share)) for share in (0.5, 0.5, 0.6)]

    assert first.status_code == 200
    assert later[0].content == later[1].content
    assert [one.status_code for one in told] == [200, 200, 409]
