"""What is known of a person does not depend on the order in which it arrived, late and twice as it may be."""

import asyncio
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from support.doors import MOMENTS, a_server, moment, running
from support.people import KEY, NOON, STRATEGY, a_loop, everyone, lines, pays, says_yes, turn
from visavis.model.entry import Entry
from visavis.model.habit import T_BASKETS, T_DAYS, TRIPS
from visavis.model.moment import (
    Bought,
    Consumed,
    Entered,
    Fulfilled,
    Left,
    Linked,
    Measured,
    Merging,
    Moment,
    Ordered,
    RanOut,
    Returned,
    Stocked,
)
from visavis.ports import Log
from visavis.runtime.loop import Processor
from visavis.runtime.replay import rebuild, verify
from visavis.store.memory import MemoryEntryLog
from visavis.wiring import Server

AGREED = NOON - timedelta(days=300)
PURPOSES = ("reminders", "home", "place-moment", "own-numbers")
PLACES = ("s1", "s2", "s1-front", "s7", "s8", "s9")
FEW = list(STRATEGY.products)[:6]


class CountingLog(MemoryEntryLog):
    """Counts how often a person's entries were read."""

    read = 0

    def of(self, customer: str) -> Iterator[Entry]:
        self.read += 1
        return super().of(customer)


def a_person(log: Log | None = None, *more: str) -> Processor:
    """Somebody who agreed long ago, and these."""
    loop = a_loop(log, at=AGREED)
    for name in ("camille", *more):
        loop.process(says_yes(name, *PURPOSES, at=AGREED))
    turn(loop, NOON)
    return loop


def known(loop: Processor, name: str = "camille") -> dict[str, Any]:
    """All that insight and decisions know of the person, but for what was shown; and until when it is kept."""
    customer = loop.customer(name)
    return {
        "purchases": customer.purchases,
        "home": customer.home,
        "numbers": {measure: pytest.approx(one.today, rel=1e-9) for measure, one in customer.numbers.items()},
        "days": {measure: one.local_day for measure, one in customer.numbers.items()},
        "places": (customer.places.chain, customer.places.left),
        "orders": {order.key: order.status for order in customer.orders},
        "kept from": customer.kept_from,
    }


def believed(loop: Processor) -> list[Any]:
    """The probabilities that a decision at the till rests on."""
    entry = loop.process([pays(id="last")])[0].entry
    assert entry is not None
    return [one.known for one in entry.decisions]


def fact(number: int, kind: int, hours: int, pick: int, name: str = "camille") -> Moment:
    """One fact about the last weeks; two may be of the same instant, but for those where the last received holds."""
    own = kind in (4, 5)
    at = NOON - timedelta(days=1, hours=hours, seconds=number if own else 0)
    base: Any = {"id": f"m{number:03}", "customer": name, "occurred_at": at}
    place, product = PLACES[pick % len(PLACES)], FEW[pick % len(FEW)]
    kinds: list[Moment] = [
        Bought(**base, place=place, lines=lines(*FEW[pick % 3 : pick % 3 + 1 + pick % 4])),
        Stocked(**base, product=product, quantity=1.0 + pick % 3),
        Consumed(**base, product=product, quantity=1.0),
        RanOut(**base, product=product) if pick % 3 == 0 else Stocked(**base, product=FEW[0], quantity=1.0),
        Entered(**base, place=place) if pick % 2 else Left(**base, place=place),
        [Ordered, Fulfilled, Returned][pick % 3](**base, order=f"o{pick % 2}"),
        Measured(**base, measure="water", value=0.1 * pick),
    ]
    return kinds[kind]


facts = st.lists(st.tuples(st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6]), st.integers(0, 200), st.integers(0, 11)))


def in_order(moments: list[Moment]) -> list[Moment]:
    return sorted(moments, key=lambda one: (one.occurred_at, one.id))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_order_of_arrival_late_and_doubled_makes_the_same_person(data: st.DataObject) -> None:
    moments = [fact(i, *one) for i, one in enumerate(data.draw(facts.filter(len)))]
    arriving = data.draw(st.permutations(moments + moments[: data.draw(st.integers(0, len(moments)))]))
    wakes = data.draw(st.sets(st.integers(0, len(arriving))))
    one, other = a_person(), a_person()

    assert all(answer.entry is not None for answer in one.process(in_order(moments)))
    for i, arrived in enumerate(arriving):
        other.process([arrived])
        if i in wakes:  # a decision between two late facts
            other.process([pays(id=f"till{i}")])

    expected = known(one)
    assert known(other) | {"kept from": expected["kept from"]} == expected
    assert believed(other) == believed(one)
    state = rebuild(other.log)
    assert everyone(state.population, other.log) == everyone(other.population, other.log)
    differences: list[object] = []
    verify(other.log, KEY, found=differences.append)
    assert differences == []


def test_a_history_told_backwards_is_read_again_once() -> None:
    baskets = [fact(i, 0, 24 * 7 * (40 - i), i) for i in range(39)]
    log = CountingLog()
    straight, loop = a_person(), a_person(log)
    straight.process(baskets)

    for basket in reversed(baskets):
        loop.process([basket])
    assert log.read == 0
    loop.process([pays(id="one"), pays(id="two")])
    assert log.read == 1

    trips = TRIPS.unpack(loop.customer("camille").purchases.trips)
    assert (trips[T_BASKETS], trips[T_DAYS]) == (39.0, 39.0)
    assert known(loop) | {"kept from": 0} == known(straight) | {"kept from": 0}
    differences: list[object] = []
    verify(log, KEY, found=differences.append)
    assert differences == []


@pytest.mark.parametrize("apart_h", [0, 1])
def test_a_stock_told_backwards_is_that_of_all_its_changes(apart_h: int) -> None:
    changes = [fact(i, kind, 100 - apart_h * i, 0) for i, kind in enumerate([1, 1, 3, 1, 1, 2] + [1] * 9)]
    straight, loop = a_person(), a_person()

    straight.process(changes)
    loop.process(list(reversed(changes)))

    assert [stock.units for stock in loop.customer("camille").home.values()] == [10.0]
    assert known(loop) == known(straight)


def a_year(name: str) -> list[dict[str, Any]]:
    """More baskets, families and shops than a person keeps apart."""
    dice, products = random.Random(7), list(STRATEGY.products)
    return [
        moment(
            "bought",
            name,
            id=f"b{number:03}",
            at=NOON - timedelta(days=4 * (90 - number), hours=dice.randrange(9)),
            place=PLACES[number % len(PLACES)],
            lines=[[product, 1, 100] for product in dice.sample(products, 6)],
        )
        for number in range(90)
    ]


def test_a_year_of_another_brand_shuffled_late_and_doubled_makes_the_same_person(tmp_path: Path) -> None:
    baskets, dice = a_year("bo"), random.Random(1)
    shuffled = [*baskets, *dice.sample(baskets, 30)]
    dice.shuffle(shuffled)

    async def tell(server: Server, told: list[dict[str, Any]]) -> Any:
        async with running(server) as brand:
            for start in range(0, len(told), 12):
                answer = await brand.post(MOMENTS, json=told[start : start + 12])
                assert all(one["kept"] for one in answer.json()), answer.text
            copies = [(await brand.get(f"/v1/people/{name}/export")).json()["inferred"] for name in ("ada", "bo")]
        people = [server.processor.customer(name).purchases for name in ("ada", "bo")]
        server.access_keys.close()
        server.log.close()
        return copies, people

    asyncio.run(tell(a_server(tmp_path), [*a_year("ada"), *shuffled[:60]]))
    for told in (shuffled[60:], []):  # two restarts
        copies, people = asyncio.run(tell(a_server(tmp_path), told))
        assert people[0] == people[1]
        assert copies[0] == copies[1]
    assert TRIPS.unpack(people[1].trips)[T_BASKETS] == 90.0


def link(loop: Processor) -> None:
    """Camille is linked to what Bo has, and both confirm that they are one person."""
    loop.process([Linked(id="same", customer="camille", occurred_at=NOON, identifier="x")])
    for name in ("camille", "bo"):
        yes: dict[str, Any] = {"customer": name, "occurred_at": NOON, "step": "confirmed", "method": "page"}
        merges = loop.customer(name).profile(name).merges
        loop.process([Merging(id=f"yes-{number}", merge=number, **yes) for number in merges])


@settings(max_examples=30, deadline=None)
@given(facts.filter(len), st.sets(st.integers(0, 50)), st.integers(0, 20))
def test_a_person_of_two_names_has_the_habits_of_one(plan: list[Any], others: set[int], linked: int) -> None:
    moments = [fact(i, *one) for i, one in enumerate(plan) if one[0] < 4]
    one, two = a_person(), a_person(None, "bo")
    two.process([Linked(id="card", customer="bo", occurred_at=NOON, identifier="x")])

    assert all(answer.entry is not None for answer in one.process(in_order(moments)))
    for i, told in enumerate(moments):
        if i == linked:
            link(two)
        two.process([replace(told, customer="bo") if i in others else told])
    link(two)

    assert set(two.customer("bo").names) == {"bo", "camille"}
    whole = two.customer("bo")
    assert (whole.purchases, whole.home) == (one.customer("camille").purchases, one.customer("camille").home)
