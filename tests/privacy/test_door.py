"""P13: nothing undeclared is accepted or reported back: no extra field, position, image or sound."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from support.doors import own
from support.people import NOON, grocery
from visavis.api import people as people_door
from visavis.api import signals
from visavis.api.signals import opted_out
from visavis.config import Settings
from visavis.http import problems
from visavis.model import decoding
from visavis.model.entry import encode
from visavis.model.errors import Invalid
from visavis.model.moment import Objected
from visavis.runtime.clock import TurnedClock
from visavis.runtime.logs import JsonLines
from visavis.runtime.loop import Processor
from visavis.runtime.positions import Positions
from visavis.wiring import Server, build

CANARY = "c4n4ry"
IMAGE = "data:image/png;base64,iVBORw0KGgo" + CANARY
SOUND = "UklGRg" + CANARY + "AAAAV0FWRQ=="
PLACE = {"kind": "entered", "customer": "bo", "place": "s1"}


def run(
    what: Callable[[Server, httpx.AsyncClient], Awaitable[None]], *, role: str = "brand", subject: str = ""
) -> None:
    """A whole server without a disk, and one client that holds a key."""

    async def lived() -> None:
        clock = TurnedClock()
        clock.turn(NOON.timestamp())
        server = build(grocery(), Settings(), memory=True, clock=clock, key=b"k" * 32)
        server.writer.start()
        headers = {"authorization": f"Bearer {server.access_keys.issue(role, subject)}"}
        try:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(server.app), base_url="http://x", headers=headers
            ) as client:
                await what(server, client)
        finally:
            await server.writer.stop()
            server.access_keys.close()

    asyncio.run(lived())


def sent(name: str, **fields: object) -> dict[str, Any]:
    return {**PLACE, "id": name, "occurred_at": NOON.isoformat(), **fields}


def kept(server: Server) -> bytes:
    """All that the server has of anyone: its log, its memory, and what it puts on screens."""
    log = b"".join(encode(entry) for _, entry in server.log.scan() if hasattr(entry, "moment"))
    return (
        log + msgspec.msgpack.encode(server.processor.population.by_name()) + str(list(server.screens.recent)).encode()
    )


def extras(dice: Random) -> list[dict[str, Any]]:
    """Moments that carry what nobody declared, whole or broken, allowed or not."""
    drawn: list[dict[str, Any]] = [
        {"image": IMAGE},
        {"audio": SOUND},
        {"faces": [{"embedding": CANARY}]},
        {"note": {"deep": [CANARY]}},
        {"at": [CANARY, "x", 1, 2.0]},
    ]
    extra = dice.choice(drawn)
    name = f"m{dice.randrange(10**9)}"
    return [
        sent(name, **extra),
        sent(name + "b", **extra, place=None),
        sent(name + "c", **extra, occurred_at="yesterday"),
        sent(name + "d", **extra, kind=f"kind-{CANARY}"),
        sent(name + "e", kind="saw", product="p1", **extra),
        sent(name + "f", kind="measured", measure="water", value=IMAGE),
        sent(name + "g", kind="saw", product={"image": IMAGE}),
        sent(name + "h", kind="declared", trait="photo", value=IMAGE + "x" * 400),
        sent(name + "i", kind="consented", purpose="nothing", notice="1", method=CANARY),
        sent(name + "j", kind="located", latitude=48.8566, longitude=2.3522, **extra),
    ]


def check(caplog: pytest.LogCaptureFixture, rounds: int) -> int:
    """No canary in the log, in memory, in an answer, in what is logged, in the metrics. How many moments were sent."""
    dice = Random(13)
    caplog.set_level(logging.DEBUG)
    count = 0

    async def what(server: Server, client: httpx.AsyncClient) -> None:
        nonlocal count
        await client.put("/v1/people/bo/purposes/place-moment", json={"on": True})
        for _ in range(rounds):
            bodies = extras(dice)
            answers = [await client.post("/v1/moments", json=one) for one in bodies]
            answers.append(await client.post("/v1/moments", json=bodies))
            lines = "\n".join(json.dumps(one) for one in bodies)
            answers.append(
                await client.post("/v1/moments", content=lines, headers={"content-type": "application/x-ndjson"})
            )
            answers.append(await client.post("/v1/moments", content=f'{{"image": "{IMAGE}'))
            answers.append(await client.post("/v1/moments", content=IMAGE, headers={"content-type": "image/png"}))
            answers.append(await client.put("/v1/people/bo/purposes/place-moment", json={"on": IMAGE}))
            count += 3 * len(bodies)
            for answer in answers:
                assert CANARY not in answer.text, f"said back: {answer.status_code}"
        assert CANARY.encode() not in kept(server), "kept"
        assert b"48.85" not in kept(server), "a position was kept"
        assert CANARY not in (await client.get("/metrics")).text, "in the metrics"

    run(what)
    said = "\n".join(
        [caplog.text, *[str(vars(record)) for record in caplog.records if record.name.startswith("visavis")]]
    )
    assert CANARY not in said, "logged"
    return count


def test_nothing_that_was_not_declared_is_kept_said_or_logged(
    caplog: pytest.LogCaptureFixture, times: Callable[[int, int], int]
) -> None:
    assert check(caplog, times(5, 200)) >= 150


def test_a_problem_that_repeats_what_was_sent_is_caught(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_invalid", lambda error: Invalid(f"Not a moment: {error}"))
    with pytest.raises(AssertionError, match="said back"):
        check(caplog, 1)


def test_a_refusal_that_says_the_moment_again_is_caught(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = problems.of_refusal
    monkeypatch.setattr(problems, "of_refusal", lambda refused: replace(honest(refused), detail=CANARY))
    with pytest.raises(AssertionError, match="said back"):
        check(caplog, 1)


def test_a_door_that_keeps_positions_is_caught(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Positions, "follow", lambda _, __, ___, position: position)
    with pytest.raises(AssertionError, match="kept"):
        check(caplog, 1)


def test_a_moment_that_breaks_the_engine_is_logged_without_what_it_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Processor, moment: object, origin: object, *, check_log: bool) -> None:
        raise KeyError(CANARY)

    caplog.handler.setFormatter(JsonLines())

    async def what(server: Server, client: httpx.AsyncClient) -> None:
        monkeypatch.setattr(Processor, "step", broken)
        answer = await client.post("/v1/moments", json=sent("m1"))
        assert answer.status_code == 503
        assert CANARY not in answer.text

    run(what)
    assert "could not be processed" in caplog.text
    assert CANARY not in caplog.text


# Global Privacy Control


@pytest.mark.parametrize("lines", [[b"1"], [b"0", b"1"], [b"1", b"0"]])
def test_the_signal_is_the_one_character(lines: list[bytes]) -> None:
    assert opted_out([(b"sec-gpc", line) for line in lines])


@pytest.mark.parametrize("line", [b"0", b"", b"true", b" 1x", b"1,1", b"01", b"1 ", "１".encode(), b"1, 0"])
def test_anything_else_is_no_signal(line: bytes) -> None:
    assert not opted_out([(b"sec-gpc", line)])
    assert not opted_out([(b"x-sec-gpc", b"1")])


SHARING = b"""
[partner-share]
iri = ["dpv:PersonalisedAdvertising", "dpv:TargetedAdvertising"]
basis = "consent"
categories = ["purchases"]
recipients = ["Acme"]
dpia_id = "2026-05"
benefit = { fr = "Des offres de nos partenaires.", en = "Offers from our partners." }
notice.version = "2026-1"
notice.text = { fr = "Vos achats, remis a Acme.", en = "Your purchases, given to Acme." }
"""


def check_gpc() -> None:
    """The signal closes sharing for this and later requests of any client, and leaves what the brand itself may use."""

    async def what(server: Server, client: httpx.AsyncClient) -> None:
        at = "/v1/people/bo/purposes"

        async def open_now() -> set[str]:
            return {one["purpose"] for one in (await client.get(at)).json() if one["on"]}

        for key in ("partner-share", "place-moment"):
            await client.put(f"{at}/{key}", json={"on": True})
        assert {"partner-share", "place-moment"} <= await open_now()
        for value in ("0", "true", "1,1", "01"):
            await client.post("/v1/moments", json=sent(f"quiet{value}"), headers={"sec-gpc": value})
        assert "partner-share" in await open_now()
        await client.post("/v1/moments", json=sent("loud"), headers={"sec-gpc": "1"})
        await client.post("/v1/moments", json=sent("loud"), headers={"sec-gpc": "1"})
        assert "partner-share" not in await open_now(), "shared in spite of the signal"
        assert "place-moment" in await open_now()
        await client.put(f"{at}/partner-share", json={"on": True}, headers={"sec-gpc": "1"})
        assert "partner-share" not in await open_now()
        told = next(one for one in (await client.get(at)).json() if one["purpose"] == "partner-share")
        assert told["closed_by"] == "objection: sharing"
        objections = [entry.moment for entry in server.log.of("bo") if isinstance(entry.moment, Objected)]
        assert [(one.about, one.method, one.purposes) for one in objections] == [("sharing", "gpc", ("partner-share",))]

    _where_it_is_shared(what)


def _where_it_is_shared(what: Callable[[Server, httpx.AsyncClient], Awaitable[None]]) -> None:
    files = grocery()
    files["purposes.toml"] += SHARING
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "grocery", lambda: files)
        run(what)


def test_the_signal_refuses_sharing_and_nothing_else() -> None:
    check_gpc()


def check_that_a_choice_hears_the_signal() -> None:
    """The signal turns sharing off at a browser's first request, and for later requests without it."""

    async def what(server: Server, client: httpx.AsyncClient) -> None:
        at = "/v1/people/bo/purposes"
        for headers in ({"sec-gpc": "1"}, {}):
            found = (await client.put(f"{at}/partner-share", json={"on": True}, headers=headers)).json()
            told = next(one for one in found if one["purpose"] == "partner-share")
            assert (told["on"], told["closed_by"]) == (False, "objection: sharing"), "shared in spite of the signal"

    _where_it_is_shared(what)


def test_a_choice_hears_the_signal() -> None:
    check_that_a_choice_hears_the_signal()


def test_a_switch_that_does_not_hear_the_signal_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_door, "objection_in", lambda *_: None)
    with pytest.raises(AssertionError, match="in spite"):
        check_that_a_choice_hears_the_signal()


def test_a_door_that_does_not_hear_the_signal_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from visavis.api import moments as door

    monkeypatch.setattr(door, "opted_out", lambda _: False)
    with pytest.raises(AssertionError, match="in spite"):
        check_gpc()


def test_what_the_site_says_of_the_signal() -> None:
    async def what(_: Server, client: httpx.AsyncClient) -> None:
        answer = await client.get("/.well-known/gpc.json")
        assert answer.headers["content-type"] == "application/json"
        told = answer.json()
        assert told == {"gpc": True, "lastUpdate": signals.OBEYED_SINCE}

    run(what)


# P2 over HTTP: two connections


def test_over_two_connections_a_decision_is_before_a_withdrawal_or_after_it(times: Callable[[int, int], int]) -> None:
    seen = {True: 0, False: 0}

    async def what(server: Server, client: httpx.AsyncClient) -> None:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(server.app), base_url="http://x", headers=dict(client.headers)
        ) as other:
            dice, mine = Random(5), own(server, "bo")
            for trial in range(times(40, 1000)):
                await mine.put("/v1/people/bo/purposes/place-moment", json={"on": True})

                async def pause(count: int) -> None:
                    for _ in range(count):
                        await asyncio.sleep(0)

                async def takes_back(turns: int) -> None:
                    await pause(turns)
                    answer = await client.put("/v1/people/bo/purposes/place-moment", json={"on": False})
                    assert answer.status_code == 200

                async def comes_in(name: str, turns: int) -> httpx.Response:
                    await pause(turns)
                    return await other.post("/v1/moments", json=sent(name))

                _, answer = await asyncio.gather(
                    takes_back(dice.randint(0, 12)), comes_in(f"race{trial}", dice.randint(0, 12))
                )
                kinds = [type(entry.moment).__name__ for entry in server.log.of("bo")]
                order = [kind for kind in kinds if kind != "Consulted"][-2:]  # the answer to the brand is a read
                if answer.status_code == 200:
                    assert order == ["Entered", "Withdrew"], order
                    assert {one["purpose"] for one in answer.json().get("uses", [])} == {"place-moment"}
                else:
                    assert answer.status_code == 403
                seen[answer.status_code == 200] += 1
                assert (
                    await other.post("/v1/moments", json=sent(f"after{trial}"))
                ).status_code == 403  # the very next one, from anyone
                assert server.screens.card("bo") is None  # and what waited is gone

    run(what)
    assert min(seen.values()) >= 3, seen
