"""P9, value by value: sums of a life are in the copy as in memory and the log; any omission is caught."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec.structs import asdict, replace

from support.doors import a_server
from support.people import BRANDS, NOON, says_yes
from support.sabotage import mutate
from visavis.model.decision import Show
from visavis.model.habit import TRIPS
from visavis.model.moment import Answered, Bought, Entered, Line, Linked
from visavis.rights import export
from visavis.rights.export import Export
from visavis.runtime.clock import TurnedClock
from visavis.wiring import Server

SHE = "camille"
TRIPS_MADE = 10


async def heavy(server: Server) -> None:
    """Somebody who spends enough to be thanked, says yes to that and no to the rest; others hold data of hers."""
    clock, purposes = server.processor.clock, server.strategy.purposes
    assert isinstance(clock, TurnedClock)
    purposes["account"] = replace(purposes["account"], recipients=("Fidélité SA",))
    purposes["reminders"] = replace(purposes["reminders"], recipients=("Acme SA",))
    ago = NOON - timedelta(days=60)
    for one in [
        Linked(id="card", customer=SHE, occurred_at=ago, identifier="card-1"),
        *says_yes(SHE, "recognition", "reminders", "place-moment", at=ago),
    ]:
        await server.writer.process(one)
    basket = tuple([Line(product, 1, 6000) for product in BRANDS[:4]])
    for trip in range(TRIPS_MADE):
        clock.turn((at := NOON - timedelta(days=4 * (TRIPS_MADE - trip))).timestamp())
        await server.writer.process(Bought(id=f"b{trip}", customer=SHE, occurred_at=at, place="s1", lines=basket))
    answers = set()
    for hour in range(60):
        at = NOON + timedelta(hours=hour)
        clock.turn(at.timestamp())
        lived = (await server.writer.process(Entered(id=f"in{hour}", customer=SHE, occurred_at=at, place="s1"))).answer
        for card in [
            one for one in (lived.entry.decisions if lived.entry is not None else ()) if isinstance(one, Show)
        ]:
            answer = "yes" if server.strategy.actions[card.action].effect == "reward" else "no"
            await server.writer.process(
                Answered(id=f"said{hour}", customer=SHE, occurred_at=at, decision=card.id, answer=answer)
            )
            answers.add(answer)
        if answers == {"yes", "no"}:
            return
    raise LookupError("no thanks or no other card in sixty hours")


@pytest.fixture(scope="module")
def lived() -> Iterator[tuple[asyncio.Runner, Server]]:
    async def begun() -> Server:
        server = a_server(at=NOON - timedelta(days=60))
        server.writer.start()
        await heavy(server)
        return server

    with asyncio.Runner() as runner:
        server = runner.run(begun())
        yield runner, server
        runner.run(server.writer.stop())


def left_out(copy: Export, server: Server) -> list[str]:
    """What is in memory or in the log of this person and not in the copy."""
    customer, log = server.processor.customer(SHE), server.log
    owed: dict[str, tuple[object, object]] = {
        "rewards": (list(copy.rewards), [asdict(one) for one in customer.rewards]),
        "reluctance": (copy.inferred["reluctance"], customer.service.reluctance),
        "rhythm": (list(copy.inferred["rhythm"].values()), list(TRIPS.unpack(customer.purchases.trips))),
        "recipients": (copy.recipients, ("Acme SA", "Fidélité SA")),
        "audit keys": (copy.audit_keys, {SHE: log.audit_key(SHE).hex()}),
        "ledger": ([line.encode() for line in copy.ledger], [line for _, line in log.lines_of(SHE)]),
    }
    assert customer.rewards
    assert customer.service.reluctance > 1.0
    assert TRIPS.unpack(customer.purchases.trips)[0] == TRIPS_MADE
    assert len(list(log.lines_of(SHE))) > 10, "she was hardly ever read of: this proves nothing"
    return [name for name, (told, true) in owed.items() if told != true]


def test_what_a_life_added_up_to_is_in_the_copy(lived: tuple[asyncio.Runner, Server]) -> None:
    runner, server = lived

    assert left_out(runner.run(server.requests.export(SHE)), server) == []


MUTANTS: dict[str, tuple[str, str]] = {
    "rewards": ("rewards=tuple(map(asdict, customer.rewards))", "rewards=()"),
    "reluctance": ('"reluctance": customer.service.reluctance,', '"reluctance": 1.0,'),
    "rhythm": (
        '"rhythm": dict(zip(RHYTHM, TRIPS.unpack(purchases.trips), strict=True)) if purchases.trips else {},',
        '"rhythm": {},',
    ),
    "recipients": ("recipients=tuple(recipients(strategy.purposes, customer)),", "recipients=(),"),
    "audit keys": ("audit_keys={name: processor.log.audit_key(name).hex() for name in names}", "audit_keys={}"),
    "ledger": ("ledger=tuple([line.decode() for _, line in ledger])", "ledger=()"),
}


@pytest.mark.parametrize("part", MUTANTS)
def test_a_product_that_leaves_something_out_is_caught(
    part: str, lived: tuple[asyncio.Runner, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, server = lived
    mutate(monkeypatch, export, *MUTANTS[part])

    assert left_out(runner.run(server.requests.export(SHE)), server) == [part]
