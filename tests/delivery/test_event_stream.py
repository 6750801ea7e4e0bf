"""The one generator behind every stream of server-sent events."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from support.people import NOON, grocery
from visavis.delivery.screens import Screens
from visavis.http import event_stream
from visavis.http.event_stream import ServerEvent, watch
from visavis.model.customer import newborn
from visavis.model.errors import Unavailable
from visavis.strategy.read import read

CARD = ServerEvent("card", "{}", "7")
BEAT, SHUT = ServerEvent("beat").encoded(), ServerEvent("shut").encoded()


@pytest.fixture
def screens(monkeypatch: pytest.MonkeyPatch) -> Screens:
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 0.02)
    monkeypatch.setattr(event_stream, "RETRY_S", 0.01)
    return Screens(read(grocery()), newborn, lambda: NOON)


def sent(screens: Screens, looks: Sequence[object], *, holds: Callable[[], bool] = lambda: True) -> list[bytes]:
    """What is sent after ``retry``, for what each look gives; the server stops after the last."""
    left, asked = list(looks), list[str]()

    async def look(last: str) -> tuple[Sequence[ServerEvent], float]:
        asked.append(last)
        if not left:
            screens.close()
        found = left.pop(0) if left else None
        if isinstance(found, Exception):
            raise found
        return ([found] if isinstance(found, ServerEvent) else []), 60.0

    async def run() -> list[bytes]:
        return [part async for part in watch(screens, "camille", look, holds=holds, last_id="3")]

    found = asyncio.run(run())
    assert found[0] == b"retry: 1000\n\n"
    assert asked[0] == "3", "the first look knows what the client has"
    return found[1:]


def test_a_stream_that_has_nothing_to_say_says_that_it_is_there(screens: Screens) -> None:
    assert sent(screens, [None, None]) == [BEAT, BEAT]


def test_a_stream_ends_without_a_word_when_the_server_stops_so_that_the_page_comes_back(screens: Screens) -> None:
    assert sent(screens, [CARD]) == [CARD.encoded(), BEAT]


def test_a_stream_whose_key_was_revoked_says_that_it_is_over(screens: Screens) -> None:
    holding = [True, False]

    assert sent(screens, [CARD], holds=lambda: holding.pop(0)) == [CARD.encoded(), BEAT, SHUT]


def test_what_cannot_be_read_now_is_read_again_and_no_beat_says_that_all_is_well(screens: Screens) -> None:
    assert sent(screens, [Unavailable("no disk"), CARD]) == [CARD.encoded(), BEAT]


def test_a_look_is_given_the_id_of_the_last_event(screens: Screens) -> None:
    asked: list[str] = []

    async def look(last: str) -> tuple[Sequence[ServerEvent], float]:
        asked.append(last)
        if len(asked) == 4:
            screens.close()
        event = [CARD, ServerEvent("beside"), ServerEvent("recall", "{}", "")]
        return event[len(asked) - 1 : len(asked)], 60.0

    async def run() -> None:
        async for _ in watch(screens, "camille", look):
            pass

    asyncio.run(run())
    assert asked == ["", "7", "7", ""], "an event without an id leaves the last one"


def test_a_bell_wakes_a_stream_at_once_and_many_changes_come_as_one(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 60.0)
    looks = 0

    async def look(_: str) -> tuple[Sequence[ServerEvent], float]:
        nonlocal looks
        looks += 1
        if looks == 2:
            screens.close()
        return [ServerEvent("look", str(looks))], 60.0

    async def run() -> None:
        watched = watch(screens, "camille", look, settle_s=0.05)
        ringing = asyncio.create_task(rings())
        async for _ in watched:
            pass
        await ringing

    async def rings() -> None:
        for _ in range(5):
            await asyncio.sleep(0.005)
            screens.ring("camille")

    asyncio.run(asyncio.wait_for(run(), 5.0))
    assert looks == 2
