"""Webhooks: signed, at least once, to allowed hosts only, never after a withdrawal; real servers answer badly."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.people import BRANDS, KEY, NOON, grocery, says_yes
from visavis.config import Settings
from visavis.delivery import webhooks as outbox
from visavis.delivery.webhook_targets import TOLERANCE_S, Target, checked, sign, verify
from visavis.delivery.webhooks import AT_ONCE, BACKOFF_S, Webhooks
from visavis.model.entry import FORM, Effect, Entry
from visavis.model.errors import Invalid, Refused
from visavis.model.moment import Answered, RanOut
from visavis.wiring import build

pytestmark = pytest.mark.anyio
SECRET = "whsec_" + b64encode(b"a secret of thirty-two bytes, yes").decode()
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Heard:
    """A target: a real server on this machine, which answers as it was told and keeps what came."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[Answer] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:-2]]
                names = {name.lower(): value for name, value in lines}
                self.came.append((names, await reader.readexactly(int(names["content-length"]))))
                await (self.answers.pop(0) if self.answers else status(204))(writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


def status(code: int, *headers: str, body: bytes = b"") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(
            "\r\n".join([f"HTTP/1.1 {code} x", f"content-length: {len(body)}", *headers, "", ""]).encode() + body
        )

    return answer


async def hangs(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def drips(writer: asyncio.StreamWriter) -> None:
    for _ in range(600):
        writer.write(b"H")
        await writer.drain()
        await asyncio.sleep(0.05)


async def floods(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n")
    for _ in range(100_000):
        writer.write(b"x" * 65_536)
        await writer.drain()


async def garbles(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff not HTTP at all\r\n\r\n")


async def hangs_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


@asynccontextmanager
async def target(*answers: Answer) -> AsyncIterator[Heard]:
    heard = Heard()
    heard.answers = list(answers)
    server = await asyncio.start_server(heard.serve, "127.0.0.1", 0)
    heard.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield heard
    finally:
        server.close()


class Clock:
    """Seconds that the test turns."""

    def __init__(self) -> None:
        self.at = NOON.timestamp()

    def __call__(self) -> float:
        return self.at


def an_entry(number: int = 1, kind: str = "order") -> Entry:
    said = Answered(id=f"a{number}", customer="bo", occurred_at=NOON, decision=f"d{number}", answer="yes")
    return Entry(FORM, "bo", NOON, said, effects=(Effect(f"d{number}", kind, "refill", "milk"),))


def an_outbox(
    heard: Heard,
    clock: Clock,
    *,
    path: Path | str = ":memory:",
    covered: Callable[[str, Effect], bool] = lambda *_: True,
) -> Webhooks:
    return Webhooks(path, {"order": Target(heard.url, SECRET)}, covered=covered, clock=clock)


async def until(happened: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not happened():  # noqa: ASYNC110  what is waited for is another process's, or a parcel's own state
            await asyncio.sleep(0.005)


async def attempted(found: Webhooks, key: str, times: int) -> None:
    await until(lambda: found.parcels[key].attempts == times and key not in found.under_way)


async def test_an_effect_is_delivered_once_signed_and_under_its_key() -> None:
    clock = Clock()
    async with target() as heard:
        found = an_outbox(heard, clock)
        found.take_effects(an_entry())
        found.start()
        await until(lambda: found.parcels["d1"].status == "delivered")
        found.nudge()
        await asyncio.sleep(0.05)
        await found.stop()

    [(headers, body)] = heard.came
    assert headers["idempotency-key"] == headers["webhook-id"] == "d1"
    assert verify(SECRET, headers, body, now=clock()) == "d1"
    with pytest.raises(Refused):
        verify(SECRET, headers, body + b" ", now=clock())
    told = json.loads(body)
    assert told["type"] == "order"
    assert told["data"] == {"key": "d1", "customer": "bo", "action": "refill", "product": "milk", "cents": 0}


@pytest.mark.parametrize(
    "answer", [status(500), status(404), status(429), status(304), garbles, hangs_up, hangs, drips]
)
async def test_a_target_that_fails_is_tried_again_after_a_while_and_no_sooner(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "TIMEOUT_S", 0.2)
    clock = Clock()
    async with target(answer, answer) as heard:
        found = an_outbox(heard, clock)
        found.take_effects(an_entry())
        found.start()
        for times, wait in ((1, BACKOFF_S[0]), (2, BACKOFF_S[1])):
            await attempted(found, "d1", times)
            assert found.parcels["d1"].next_at == clock.at + wait
            assert found.parcels["d1"].trouble
            clock.at += wait - 0.5
            found.nudge()
            await asyncio.sleep(0.03)
            assert found.parcels["d1"].attempts == times, "not before its time"
            clock.at += 0.5
            found.nudge()
        await until(lambda: found.parcels["d1"].status == "delivered")
        await found.stop()

    assert [headers["idempotency-key"] for headers, _ in heard.came] == ["d1"] * 3
    for headers, body in heard.came[-1:]:
        assert verify(SECRET, headers, body, now=clock()) == "d1", "each attempt has its own time and signature"


async def test_who_only_opens_the_outbox_without_its_webhooks_settles_nothing(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    async with target() as heard:
        for _ in range(2):
            opened = Webhooks(path, {}, covered=lambda *_: True)
            opened.take_effects(an_entry())
            assert opened.parcels["d1"].status == "no_target"
            await opened.stop()
        found = an_outbox(heard, Clock(), path=path)
        found.take_effects(an_entry())
        found.start()
        await until(lambda: found.parcels["d1"].status == "delivered")
        await found.stop()
    assert len(heard.came) == 1


async def test_who_is_to_be_told_of_an_erasure_is_told_after_a_crash_too_and_no_name_lies_about(tmp_path: Path) -> None:
    path, clock = tmp_path / "outbox.sqlite", Clock()
    notice = msgspec.structs.replace(an_entry(kind=outbox.ERASED), customer="camille-7f3a91")
    erased = False

    def held() -> bytes:
        return b"".join([file.read_bytes() for file in tmp_path.iterdir()])

    async with target(status(500)) as heard:

        def opened() -> Webhooks:
            return Webhooks(
                path,
                {outbox.ERASED: Target(heard.url, SECRET)},
                covered=lambda *_: erased,
                clock=clock,
                secret=b"s" * 32,
            )

        found = opened()
        found.announce(notice)
        assert b"camille" not in held()
        await found.stop()
        found = opened()
        assert [parcel.customer for parcel in found.parcels.values()] == ["camille-7f3a91"], "lost in a crash"
        erased = True
        found.start()
        await attempted(found, "d1", 1)
        await found.stop()
        found = opened()
        found.start()
        await until(lambda: not found.parcels)
        await found.stop()
        assert [json.loads(body)["data"]["customer"] for _, body in heard.came] == ["camille-7f3a91"] * 2
        found = opened()
        assert not found.parcels, "told twice"
        await found.stop()
        assert b"camille" not in held()


async def test_an_erasure_that_never_began_is_told_to_nobody(tmp_path: Path) -> None:
    async with target() as heard:

        def opened() -> Webhooks:
            targets = {outbox.ERASED: Target(heard.url, SECRET)}
            path, key = tmp_path / "outbox.sqlite", b"s" * 32
            return Webhooks(path, targets, covered=lambda *_: False, erased=lambda _: False, secret=key)

        for _ in range(2):
            found = opened()
            found.announce(an_entry(kind=outbox.ERASED))
            await found.stop()
        found = opened()
        found.start()
        await until(lambda: not found.parcels)
        await found.stop()
        assert not heard.came


async def test_an_answer_without_end_is_not_read() -> None:
    async with target(floods) as heard:
        found = an_outbox(heard, Clock())
        found.take_effects(an_entry())
        found.start()
        await until(lambda: found.parcels["d1"].status == "delivered", 2.0)
        await found.stop()


async def test_what_never_works_is_given_up_in_the_end() -> None:
    clock = Clock()
    async with target(*[status(500)] * 50) as heard:
        found = an_outbox(heard, clock)
        found.take_effects(an_entry())
        found.start()
        for times in range(1, len(BACKOFF_S) + 2):
            await attempted(found, "d1", times)
            clock.at += max(BACKOFF_S)
            found.nudge()
        await asyncio.sleep(0.05)
        assert found.parcels["d1"].status == "given_up"
        assert found.waiting == 0
        await found.stop()

    assert len(heard.came) == len(BACKOFF_S) + 1


async def test_a_receiver_that_says_when_is_asked_no_sooner_and_hears_the_same_body() -> None:
    clock = Clock()
    async with target(status(429, "retry-after: 1800"), status(503, "retry-after: 7"), status(410)) as heard:
        found = an_outbox(heard, clock)
        found.take_effects(an_entry())
        found.start()
        for times, pause_s in ((1, 1800.0), (2, 7.0)):
            await attempted(found, "d1", times)
            assert found.parcels["d1"].next_at == clock.at + pause_s
            clock.at += pause_s
            found.nudge()
        await until(lambda: found.parcels["d1"].status == "given_up")  # 410: it wants no more
        await found.stop()

    assert len(heard.came) == 3
    assert len({body for _, body in heard.came}) == 1, "one key, one body"


def test_an_order_outlasts_a_long_weekend() -> None:
    assert sum(BACKOFF_S) > 4 * 86_400


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(code: int) -> None:
    async with target() as elsewhere, target(status(code, f"location: {elsewhere.url}")) as heard:
        found = an_outbox(heard, Clock())
        found.take_effects(an_entry())
        found.start()
        await attempted(found, "d1", 1)
        await found.stop()

    assert elsewhere.came == []
    assert "redirected" in found.parcels["d1"].trouble


async def test_a_target_that_hangs_does_not_hold_the_others_back() -> None:
    clock = Clock()
    async with target(*[hangs] * 20) as slow, target() as quick:
        found = Webhooks(
            ":memory:",
            {"order": Target(slow.url, SECRET), "reward": Target(quick.url, SECRET)},
            covered=lambda *_: True,
            clock=clock,
        )
        for number in range(20):
            found.take_effects(an_entry(number))
        found.start()
        await until(lambda: len(slow.came) == AT_ONCE)
        found.take_effects(an_entry(99, "reward"))
        await until(lambda: found.parcels["d99"].status == "delivered", 1.0)
        assert len(slow.came) == AT_ONCE
        await found.stop()


async def test_what_was_withdrawn_before_delivery_is_not_sent_and_between_two_attempts_neither() -> None:
    clock, open_purposes = Clock(), {"refill"}
    async with target(status(500)) as heard:
        found = an_outbox(heard, clock, covered=lambda _, effect: effect.action in open_purposes)
        found.take_effects(an_entry())
        found.start()
        await attempted(found, "d1", 1)
        open_purposes.clear()
        found.take_effects(an_entry(2))
        clock.at += BACKOFF_S[0]
        found.nudge()
        await until(lambda: found.waiting == 0)
        await found.stop()

    assert [found.parcels[key].status for key in ("d1", "d2")] == ["withdrawn", "withdrawn"]
    assert len(heard.came) == 1


async def test_a_crash_between_delivery_and_its_mark_sends_again_under_the_same_key_and_a_mark_stops_it(
    tmp_path: Path,
) -> None:
    clock, path = Clock(), tmp_path / "outbox.sqlite"

    def loses(*_: Any) -> None:
        raise RuntimeError("the process dies here")

    async with target() as heard:
        found = an_outbox(heard, clock, path=path)
        found._finish = loses  # type: ignore[assignment,method-assign]
        found.take_effects(an_entry())
        found.start()
        await attempted(found, "d1", 1)
        await found.stop()
        for _ in range(2):
            await _all_sent(an_outbox(heard, clock, path=path))

    assert [headers["idempotency-key"] for headers, _ in heard.came] == ["d1", "d1"]


async def _all_sent(found: Webhooks) -> None:
    found.take_effects(an_entry())
    found.start()
    await until(lambda: found.waiting == 0)
    await found.stop()


async def test_an_effect_without_a_target_is_not_sent_when_one_is_set_up_later(tmp_path: Path) -> None:
    clock = Clock()
    before = Webhooks(tmp_path / "outbox.sqlite", {}, covered=lambda *_: True, clock=clock)
    before.take_effects(an_entry())
    before.start()
    await before.stop()
    async with target() as heard:
        after = an_outbox(heard, clock, path=tmp_path / "outbox.sqlite")
        after.take_effects(an_entry())
        after.take_effects(an_entry(2))
        after.start()
        await until(lambda: after.waiting == 0)
        await after.stop()

    assert [headers["webhook-id"] for headers, _ in heard.came] == ["d2"]
    assert after.parcels["d1"].status == "no_target"


HOST = frozenset({"hooks.example.org", "127.0.0.1"})
BAD = [
    "http://hooks.example.org/x",
    "ftp://hooks.example.org/x",
    "https://other.example.org/",
    "https://hooks.example.org@evil.org/",
    "https:///x",
    "https://",
    "https://evil.org\\@hooks.example.org/",
    "https://hooks.example.org\\@evil.org/",
    "https://user:pw@hooks.example.org/",
    "https://:pw@hooks.example.org/",
    "https://hooks.example.org.evil.org/",
    "https://hooks.example.org./",
    "https://evil.org#hooks.example.org/",
    "https://evil.org?hooks.example.org/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::1]/",
    "http://localhost/",
    "http://[::1/",
    "https://hooks.example.org:port/",
    "https://ｈooks.example.com/",
    "//hooks.example.org/",
    "hooks.example.org",
    "",
    "https://hooks.exa\tmple.org/",
    "https://hooks.example.org%00.evil.org/",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "http://169.254.169.254/",
]


@pytest.mark.parametrize("url", BAD)
def test_an_address_that_is_not_allowed_by_name_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        checked({"order": Target(url, SECRET)}, HOST)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.org/x?y=1",
        "https://hooks.example.org:8443/",
        "https://HOOKS.example.ORG/",
        "http://127.0.0.1:99/",
    ],
)
def test_an_address_at_an_allowed_host_is_taken(url: str) -> None:
    assert checked({"order": Target(url, SECRET)}, HOST)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64 at all, is it?", "é" * 40])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(Invalid, match="secret"):
        checked({"order": Target("https://hooks.example.org/", secret)}, HOST)


@given(st.text(max_size=40) | st.from_regex(r"https?://[a-z.@:\\/\[\]0-9%]{0,30}", fullmatch=True))
def test_whatever_the_address_it_is_refused_or_goes_to_an_allowed_host(url: str) -> None:
    import httpx

    try:
        checked({"order": Target(url, SECRET)}, HOST)
    except Invalid:
        return
    assert httpx.URL(url).host in HOST


@given(st.text(max_size=40), st.integers(0, 10**11), st.binary(max_size=200))
def test_what_was_signed_is_verified_and_nothing_else_is(message: str, at: int, body: bytes) -> None:
    headers = {
        "webhook-id": message,
        "webhook-timestamp": str(at),
        "webhook-signature": "v1,AAAA " + sign(SECRET, message, at, body),
    }
    assert verify(SECRET, headers, body, now=at + 299) == message
    for other, when, sent in ((body + b"x", at, message), (body, at + 301, message), (body, at, message + "x")):
        with pytest.raises(Refused):
            verify(SECRET, {**headers, "webhook-id": sent}, other, now=when)


@given(
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
        st.text() | st.text("0123456789", min_size=1),
    )
)
def test_headers_that_nobody_signed_are_refused_whatever_they_are(headers: dict[str, str]) -> None:
    with pytest.raises(Refused):
        verify(SECRET, headers, b"", now=NOON.timestamp())
    with pytest.raises(Refused):
        verify(SECRET, {**headers, "webhook-timestamp": "9" * 5000}, b"", now=NOON.timestamp())
    assert timedelta(seconds=TOLERANCE_S) == timedelta(minutes=5)


async def test_an_action_whose_order_nobody_would_receive_is_never_shown() -> None:
    refusals = []
    for webhooks in ({}, {"order": Target("http://127.0.0.1:9/", SECRET)}):
        server = build(
            grocery(), Settings(data="nowhere", webhooks=webhooks, hosts=("127.0.0.1",)), memory=True, key=KEY
        )
        server.processor.process(says_yes("bo", "home", at=server.processor.clock.now()))
        empty = RanOut(id="empty", customer="bo", occurred_at=server.processor.clock.now(), product=BRANDS[0])
        entry = server.processor.process([empty])[0].entry
        assert entry is not None
        refusals += [[one.detail for one in entry.decisions[0].refusals if one.reason == "no_target"]]

    assert refusals == [["order"], []]


def test_a_webhook_of_an_unknown_effect_is_refused() -> None:
    with pytest.raises(Invalid, match="no effect `oder`"):
        checked({"oder": Target("https://a.example/", SECRET)}, frozenset({"a.example"}))
