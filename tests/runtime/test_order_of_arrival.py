"""What is known of a person does not depend on the order in which it arrived, late and twice as it may be."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.people import KEY, NOON, STRATEGY, a_loop, everyone, lines, pays, says_yes, turn
from visavis.model.entry import Entry
from visavis.model.habit import T_BASKETS, T_DAYS, TRIPS
from visavis.model.moment import (
    Bought,
    Consumed,
    Entered,
    Fulfilled,
    Left,
    Measured,
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

AGREED = NOON - timedelta(days=800)
PURPOSES = ("reminders", "home", "place-moment", "own-numbers")
PLACES = ("s1", "s2", "s1-front", "market", "station", "airport")
FEW = list(STRATEGY.products)[:6]


class CountingLog(MemoryEntryLog):
    """Counts how often a person's entries were read."""

    read = 0

    def of(self, customer: str) -> Iterator[Entry]:
        self.read += 1
        return super().of(customer)


def a_person(log: Log | None = None) -> Processor:
    """Somebody who agreed long ago."""
    loop = a_loop(log, at=AGREED)
    loop.process(says_yes("camille", *PURPOSES, at=AGREED))
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
        "places": (customer.places.here, customer.places.visits, customer.places.left),
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
    base: Any = {"id": f"m{number}", "customer": name, "occurred_at": at}
    place, product = PLACES[pick % len(PLACES)], FEW[pick % len(FEW)]
    kinds: list[Moment] = [
        Bought(**base, place=place, lines=lines(*FEW[pick % 3 : pick % 3 + 1 + pick % 4])),
        Stocked(**base, product=product, quantity=1 + pick % 3),
        Consumed(**base, product=product),
        RanOut(**base, product=product) if pick % 3 == 0 else Stocked(**base, product=FEW[0]),
        Entered(**base, place=place) if pick % 2 else Left(**base, place=place),
        [Ordered, Fulfilled, Returned][pick % 3](**base, order=f"o{pick % 2}"),
        Measured(**base, measure="water", value=0.1 * pick),
    ]
    return kinds[kind]


facts = st.lists(st.tuples(st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6]), st.integers(0, 400), st.integers(0, 11)))


def in_order(moments: list[Moment]) -> list[Moment]:
    return sorted(moments, key=lambda moment: (moment.occurred_at, moment.id))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_order_of_arrival_late_and_doubled_makes_the_same_person(data: st.DataObject) -> None:
    moments = [fact(i, *one) for i, one in enumerate(data.draw(facts.filter(len)))]
    arriving = data.draw(st.permutations(moments + moments[: data.draw(st.integers(0, len(moments)))]))
    wakes = data.draw(st.sets(st.integers(0, len(arriving))))
    one, other = a_person(), a_person()

    one.process(in_order(moments))
    for i, moment in enumerate(arriving):
        other.process([moment])
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
