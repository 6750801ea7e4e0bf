"""P2 across processes: two connections race while another process polls the screen and receives deliveries.

After the 200 of a withdrawal no card is shown under it and no effect leaves; a new yes sends nothing of the old."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random
from time import monotonic
from typing import Any

import httpx
import pytest

from support import elsewhere
from support.doors import MOMENTS, a_server, moment, own, running, switch
from support.people import BRANDS, NOON
from support.ports import free_port
from visavis import engine
from visavis.consent import gate
from visavis.delivery import eligibility
from visavis.delivery import webhooks as outbox
from visavis.delivery.webhook_targets import Target
from visavis.listen import listening
from visavis.model.consent import Purpose
from visavis.model.customer import Customer
from visavis.runtime.clock import TurnedClock
from visavis.wiring import Server

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
WAIT_S = 5.0


class Asking:
    """Polls the screen and receives webhooks in another process; times are of the clock all processes share."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def said(self) -> dict[str, Any]:
        """All that it saw up to now: ``cards`` as (asked at, decision), ``effects`` as keys."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"tell\n")
        await self.process.stdin.drain()
        async with asyncio.timeout(WAIT_S):
            found: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return found


@asynccontextmanager
async def asking(port: int, hook: int, token: str) -> AsyncIterator[Asking]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        elsewhere.__file__,
        str(port),
        str(hook),
        token,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=1 << 24,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(4 * WAIT_S):
            assert await process.stdout.readline() == b"ready\n"
        yield Asking(process)
    finally:
        process.kill()
        await process.wait()


async def raced(trials: int) -> tuple[int, int, int]:
    """Race that often; how often the order was first, how often the withdrawal, and how many cards were seen."""
    dice, port, hook = Random(2), free_port(), free_port()
    server = a_server(webhooks={"order": Target(f"http://127.0.0.1:{hook}/", SECRET)})
    left: dict[str, float] = {}

    async def leaves(request: httpx.Request) -> None:
        left[request.headers["idempotency-key"]] = monotonic()

    server.webhooks._client.event_hooks["request"].append(leaves)
    ordered = withdrawn = 0
    headers = {"authorization": f"Bearer {server.access_keys.issue('brand')}"}
    address = f"http://127.0.0.1:{port}"
    async with (
        listening(server, port),
        httpx.AsyncClient(base_url=address, headers=headers) as one,
        httpx.AsyncClient(base_url=address, headers=headers) as other,
        asking(port, hook, server.access_keys.issue("device", "bo")) as afar,
    ):
        over: list[tuple[float, set[str]]] = []
        for trial in range(trials):
            card = await a_card(server, one, trial)
            answered, closed_at = await race(server, (one, other), dice, card, trial)
            ordered, withdrawn = ordered + answered, withdrawn + (not answered)
            over.append((closed_at, {card}))
            assert (found := left.get(card)) is None or found <= closed_at, (
                f"trial {trial}: an effect left after the withdrawal"
            )
            assert answered or card not in left, f"trial {trial}: an effect without a yes"
            # A new yes, to the same purpose: what the old one had set in motion stays where it is.
            sent = left.get(card)
            await switch(own(server, "bo"), "bo", "home")
            server.webhooks.nudge()
            await asyncio.sleep(0.002)
            assert left.get(card) == sent, f"trial {trial}: a new yes sent an old order"
            assert (await one.get("/healthz")).status_code == 200
            assert server.screens.card("bo") is None, f"trial {trial}: a new yes brought an old card back"
        await asyncio.sleep(0.05)  # what was on its way has left by now
        gone = [card for closed_at, cards in over for card in cards if left.get(card, 0.0) > closed_at]
        assert not gone, f"{len(gone)} effects left after their withdrawal"
        seen = await afar.said()
    late = [
        (asked, card)
        for asked, card in seen["cards"]
        for closed_at, cards in over
        if card in cards and asked > closed_at
    ]
    assert not late, f"{len(late)} cards shown after their withdrawal"
    assert set(seen["effects"]) <= set(left), "delivered without having left"
    return ordered, withdrawn, len({card for _, card in seen["cards"]})


async def a_card(server: Server, client: httpx.AsyncClient, trial: int) -> str:
    """The fridge says that something ran out until a card offers to order it; its decision."""
    await switch(own(server, "bo"), "bo", "home")
    for attempt in range(20):
        assert isinstance(server.processor.clock, TurnedClock)
        server.processor.clock.turn(server.processor.clock.now().timestamp() + 2 * 86_400)
        at = server.processor.clock.now()
        name = f"out-{trial}-{attempt}"
        worn = moment("worn", "bo", id=f"worn-{name}", at=at, device="g1")
        basket = moment(
            "bought", "bo", id=f"trip-{name}", at=at - timedelta(days=1), place="s1", lines=[[BRANDS[0], 1, 200]]
        )
        told = await client.post(
            MOMENTS, json=[worn, basket, moment("ran_out", "bo", id=name, at=at, product=BRANDS[0])]
        )
        assert told.status_code == 200
        found = server.screens.card("bo")
        if found is not None and found.show.action == "refill":
            return found.show.id
    raise LookupError("no card in twenty draws")


async def race(
    server: Server, clients: tuple[httpx.AsyncClient, httpx.AsyncClient], dice: Random, card: str, trial: int
) -> tuple[bool, float]:
    """A yes to the card and the withdrawal race; whether the yes was in time, and when the no's 200 came."""
    at = server.processor.clock.now()
    shift_s = dice.uniform(-0.004, 0.006)

    async def answers() -> httpx.Response:
        await asyncio.sleep(max(0.0, -shift_s))
        return await clients[0].post(
            MOMENTS, json=moment("answered", "bo", id=f"yes-{card}", at=at, decision=card, answer="yes")
        )

    async def withdraws() -> float:
        await asyncio.sleep(max(0.0, shift_s))
        told = await clients[1].put("/v1/people/bo/purposes/home", json={"on": False})
        assert told.status_code == 200
        assert not next(choice["on"] for choice in told.json() if choice["purpose"] == "home")
        return monotonic()

    told, closed_at = await asyncio.gather(answers(), withdraws())
    kinds = [type(entry.moment).__name__ for entry in server.log.of("bo")]
    order = [kind for kind in kinds if kind in ("Answered", "Withdrew")][-2:]
    effects = told.json().get("effects", [])
    assert order == (["Answered", "Withdrew"] if effects else order), f"trial {trial}: a mix"
    assert set(order) == {"Answered", "Withdrew"}
    assert bool(effects) == (order[0] == "Answered"), f"trial {trial}: a mix"
    next_one = await clients[0].post(
        MOMENTS, json=moment("ran_out", "bo", id=f"after-{card}", at=at, product=BRANDS[0])
    )
    assert next_one.status_code == 403, f"trial {trial}: kept after the withdrawal"
    assert server.screens.card("bo") is None, f"trial {trial}: a card after the withdrawal"
    return bool(effects), closed_at


def test_withdrawals_that_race_decisions_and_deliveries_are_never_mixed(times: Callable[[int, int], int]) -> None:
    ordered, withdrawn, seen = asyncio.run(raced(times(30, 1000)))
    assert min(ordered, withdrawn) >= 3, (ordered, withdrawn)
    assert seen >= 3, "the other process never saw a card"


def cached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consent, remembered for a minute."""
    honest, kept = gate.open_categories, dict[tuple[str, str], tuple[float, frozenset[str]]]()

    def slow(customer: Customer, purpose: Purpose, now: float) -> frozenset[str]:
        at, found = kept.get((customer.id, purpose.key), (float("-inf"), frozenset()))
        if not found or now - at > 60:
            at, found = now, honest(customer, purpose, now)
            kept[customer.id, purpose.key] = at, found
        return found

    for room in (gate, eligibility):
        monkeypatch.setattr(room, "open_categories", slow)


def test_a_consent_that_is_cached_for_a_minute_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    cached(monkeypatch)
    with pytest.raises(AssertionError, match="trial"):
        asyncio.run(raced(10))


async def reopened() -> None:
    """What waits for its target or for an answer ends with the no; a later yes brings none of it back."""
    now = [NOON.timestamp()]
    server = a_server(webhooks={"order": Target(f"http://127.0.0.1:{free_port()}/", SECRET)})  # nobody listens there
    server.webhooks._clock = lambda: now[0]
    async with running(server) as client:
        yes = await a_card(server, client, 0)
        at = server.processor.clock.now()
        told = await client.post(MOMENTS, json=moment("answered", "bo", id="yes", at=at, decision=yes, answer="yes"))
        assert [effect["key"] for effect in told.json()["effects"]] == [yes]
        async with asyncio.timeout(WAIT_S):
            while not server.webhooks.parcels[yes].attempts:  # noqa: ASYNC110  the outbox rings for nobody
                await asyncio.sleep(0.005)
        await switch(own(server, "bo"), "bo", "home", on=False)
        await switch(own(server, "bo"), "bo", "home")
        now[0] += 3600
        server.webhooks.nudge()
        async with asyncio.timeout(WAIT_S):
            while server.webhooks.parcels[yes].status == "waiting" and server.webhooks.parcels[yes].attempts < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert server.webhooks.parcels[yes].status == "withdrawn", "a new yes sent an old order"

        card = await a_card(server, client, 1)
        await switch(own(server, "bo"), "bo", "reminders", on=False)
        assert server.screens.card("bo") is not None, "another purpose is another matter"
        await switch(own(server, "bo"), "bo", "home", on=False)
        await switch(own(server, "bo"), "bo", "home")
        assert server.screens.card("bo") is None, "a new yes brought an old card back"
        told = await client.post(
            MOMENTS,
            json=moment("answered", "bo", id="late", at=server.processor.clock.now(), decision=card, answer="yes"),
        )
        assert "effects" not in told.json(), "an old card still orders"


def test_a_new_yes_brings_nothing_back_that_was_decided_before_the_no() -> None:
    asyncio.run(reopened())


def _blind(customer: Customer, purpose: Purpose, _epoch: int, now: float) -> bool:
    return bool(gate.open_categories(customer, purpose, now))


def test_a_screen_and_an_outbox_that_only_ask_whether_it_is_open_now_are_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(eligibility, "holds", _blind)
    with pytest.raises(AssertionError, match="a new yes sent"):
        asyncio.run(reopened())


def test_an_engine_that_only_asks_whether_it_is_open_now_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "holds", _blind)
    with pytest.raises(AssertionError, match="still orders"):
        asyncio.run(reopened())


def test_an_outbox_that_does_not_ask_again_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = outbox.Webhooks._sent

    async def slow(self: outbox.Webhooks, parcel: outbox.WebhookDelivery) -> tuple[int, float]:
        await asyncio.sleep(0.02)
        return await honest(self, parcel)

    monkeypatch.setattr(outbox.Webhooks, "_sent", slow)
    asyncio.run(raced(10))  # slow alone is no harm: what is on its way is held
    monkeypatch.setattr(outbox, "Withdrew", type("Never", (), {}))
    with pytest.raises(AssertionError, match=r"left after|a new yes sent"):
        asyncio.run(raced(20))
