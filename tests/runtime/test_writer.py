"""The one writer by itself: it wakes, stops, asks; its clocks never go back; what it logs names nobody."""

import asyncio
import io
import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.doors import MOMENTS, a_server, moment, running, shops, switch
from support.people import BRANDS, NOON, a_loop, camille, enters, pays
from visavis.model.errors import Invalid, Unavailable
from visavis.runtime import clock, logs, writer
from visavis.runtime.clock import LATEST_S, SystemClock, TurnedClock
from visavis.runtime.writer import Writer

pytestmark = pytest.mark.anyio


async def test_a_writer_that_stops_refuses_what_comes_and_says_when_to_come_back() -> None:
    found = Writer(a_loop())
    found.start()
    assert await found.ask(lambda: 7) == 7
    await found.stop()

    with pytest.raises(Unavailable):
        found.put(enters())
    with pytest.raises(Unavailable):
        await found.ask(lambda: 7)


async def test_whoever_asks_for_what_fails_hears_of_it_and_the_writer_lives_on() -> None:
    found = Writer(a_loop(), aside=False)
    found.start()
    with pytest.raises(ZeroDivisionError):
        await found.ask(lambda: 1 / 0)
    assert (await found.process(enters())).answer.refused is not None
    await found.stop()


async def test_somebody_whose_time_comes_is_woken_without_anyone_asking() -> None:
    loop = a_loop()
    camille(loop, "reminders", "place-moment")
    loop.process([pays(BRANDS[0])])
    due = loop.next_due_at
    assert due is not None
    running_clock = TurnedClock(runs=True)
    running_clock.turn(due - 0.1)
    loop.clock = running_clock
    found = Writer(loop)
    found.start()
    await asyncio.sleep(0.3)
    await found.stop()

    assert not loop.customers["camille"].service.open


async def test_more_people_than_a_group_holds_are_all_woken_before_the_turned_clock_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "GROUP_LIMIT", 3)
    server = a_server()
    names = [f"p{number}" for number in range(10)]
    async with running(server) as brand:
        for name in names:
            await switch(brand, name, "reminders")
            await shops(brand, server, name, weeks=6)
        await brand.post(
            MOMENTS, json=[moment("paying", name, id="till", place="s1", lines=[[BRANDS[0], 1, 100]]) for name in names]
        )
        assert all(server.loop.customers[name].service.open for name in names)
        assert (await brand.put("/v1/clock", json={"at": (NOON + timedelta(days=9)).timestamp()})).status_code == 204
        assert not any(server.loop.customers[name].service.open for name in names)


async def test_a_stream_ends_for_a_key_that_was_revoked() -> None:
    server = a_server()
    token = server.access_keys.issue("device", "bo")
    asked = {
        "type": "http",
        "method": "GET",
        "path": "/glasses/stream",
        "raw_path": b"/glasses/stream",
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("x", 80),
        "client": ("x", 1),
        "root_path": "",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "headers": [(b"host", b"x"), (b"authorization", f"Bearer {token}".encode())],
    }

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        return

    async with running(server) as brand:
        stream = asyncio.create_task(server.app(asked, receive, send))
        await asyncio.sleep(0.05)
        assert not stream.done()
        server.access_keys.revoke(server.access_keys.check(token).id)
        await brand.post(MOMENTS, json=moment())
        async with asyncio.timeout(2):
            await stream


def test_the_machines_clock_is_kept_from_going_back(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1e9, 9e8, 1e9 + 1])
    monkeypatch.setattr(clock, "time", lambda: next(times))
    found = SystemClock()

    assert [found.now().timestamp() for _ in range(3)] == [1e9, 1e9, 1e9 + 1]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True)))
def test_a_turned_clock_never_goes_back_nor_where_no_calendar_goes(turns: list[float]) -> None:
    found, latest = TurnedClock(), 0.0
    for at in turns:
        try:
            found.turn(at)
        except Invalid:
            assert not at <= LATEST_S
        assert found.now().timestamp() >= latest
        latest = found.now().timestamp()


def test_a_log_line_is_json_and_names_nobody() -> None:
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    handler.setFormatter(logs.JsonLines())
    found = logging.getLogger("visavis.tests")
    found.propagate = False
    found.addHandler(handler)
    try:
        raise KeyError("camille.durand")
    except KeyError:
        found.exception(
            "%s could not be lived", "camille.durand", extra={"kind": "entered", "customer": "camille.durand"}
        )

    told = json.loads(heard.getvalue())
    assert "camille" not in heard.getvalue()
    assert (told["message"], told["kind"], told["error"]) == ("%s could not be lived", "entered", "KeyError")
    assert told["at_code"]
