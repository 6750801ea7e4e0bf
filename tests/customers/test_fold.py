from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from support.people import BRANDS, KEY, NOON, STRATEGY, a_loop, camille, enters, lines, pays
from visavis.consent.gate import NotAdmitted, admit
from visavis.customers.fold import fold
from visavis.engine import step
from visavis.insight.need import prior
from visavis.model.customer import HABITS_LIMIT, HABITS_SLACK, Customer, newborn
from visavis.model.entry import decode, encode
from visavis.model.habit import DEC, HABIT, LAST, T_BASKETS, T_DAYS, TRIPS, VOTES, K
from visavis.model.moment import (
    Answered,
    Bought,
    CheckedIn,
    Consented,
    Consumed,
    Declared,
    Displayed,
    Due,
    Dwelled,
    Left,
    Line,
    Linked,
    Moment,
    Noticed,
    Ordered,
    RanOut,
    Saw,
    Stocked,
    Unlinked,
    Withdrew,
    Worn,
)
from visavis.model.world import World

WORLD = World(version="w", strategy=STRATEGY.version, learned=prior())
BYTES = msgspec.msgpack.Encoder().encode
PURPOSES = list(STRATEGY.purposes)


def some_moment(i: int, minutes: int, kind: int, pick: int) -> Moment:
    base: Any = {"id": f"m{i}", "customer": "camille", "occurred_at": NOON + timedelta(minutes=minutes)}
    product = BRANDS[pick % len(BRANDS)]
    purpose = PURPOSES[pick % len(PURPOSES)]
    many: list[Moment] = [
        Bought(**base, place="s1", lines=lines(product, BRANDS[0])),
        enters(id=f"m{i}", at=NOON + timedelta(minutes=minutes)),
        pays(product, id=f"m{i}", at=NOON + timedelta(minutes=minutes)),
        Dwelled(**base, place="s1", dwell_s=30),
        Left(**base, place="s1"),
        CheckedIn(**base, place="s1"),
        Saw(**base, product=product),
        Stocked(**base, product=product, quantity=2),
        Consumed(**base, product=product),
        RanOut(**base, product=product),
        Declared(**base, trait=f"t{pick}", value=True),
        Displayed(**base, decision="d"),
        Answered(**base, decision="d", answer="no"),
        Ordered(**base, order=f"o{pick}"),
        Noticed(**base, purpose=purpose, notice="2026-1"),
        Consented(**base, purpose=purpose, notice="2026-1"),
        Withdrew(**base, purpose=purpose),
        Worn(**base, device=f"d{pick}", battery=0.5),
        Linked(**base, identifier=f"i{pick}"),
        Unlinked(**base, identifier=f"i{pick}"),
        Due(**base),
    ]
    return many[kind % len(many)]


@settings(max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 20), st.integers(0, 12)), max_size=60))
def test_folding_the_entry_is_what_the_step_returned(plan: list[tuple[int, int, int]]) -> None:
    stepped = folded = newborn("camille")
    for i, (minutes, kind, pick) in enumerate(sorted(plan)):
        moment = some_moment(i, minutes, kind, pick)
        admitted = admit(STRATEGY, stepped, moment, moment.occurred_at)
        if isinstance(admitted, NotAdmitted):
            continue

        entry, stepped = step(STRATEGY, WORLD, stepped, admitted, moment.occurred_at, KEY)
        folded = fold(folded, decode(encode(entry)))

        assert BYTES(folded) == BYTES(stepped)


def test_fifty_thousand_moments_of_one_person_stay_bounded() -> None:
    customer, sizes = newborn("camille"), []
    for i in range(50_000):
        at = NOON + timedelta(minutes=i)
        moment: Moment = Bought(
            id=f"m{i}",
            customer="camille",
            occurred_at=at,
            place=f"shop {i % 7}",
            lines=(Line(f"p{i % 9000}", 1, 1), Line(f"q{i % 31}", 1, 1)),
        )
        if i % 5 == 1:
            moment = Declared(id=f"m{i}", customer="camille", occurred_at=at, trait=f"t{i}", value=1.0)
        elif i % 5 == 3:
            moment = Worn(id=f"m{i}", customer="camille", occurred_at=at, device=f"d{i}")
        entry, customer = step(STRATEGY, WORLD, customer, _let_in(customer, moment), at, KEY)
        if i in (25_000, 49_999):
            sizes.append(len(BYTES(customer)))
        del entry

    assert len(customer.purchases.rows) <= HABITS_SLACK
    assert len(customer.purchases.shops) <= 4
    assert sizes[1] < 40_000
    assert sizes[1] < sizes[0] * 1.2


def _let_in(customer: Customer, moment: Moment) -> Moment:
    admitted = admit(STRATEGY, customer, moment, moment.occurred_at)
    return moment if isinstance(admitted, NotAdmitted) else admitted


def test_the_stale_habits_go_first() -> None:
    customer = newborn("camille")
    for day in range(HABITS_SLACK + 1):
        at = NOON + timedelta(days=day)
        moment = Bought(id=f"m{day}", customer="camille", occurred_at=at, place="s1", lines=(Line(f"p{day:03d}"),))
        _, customer = step(STRATEGY, WORLD, customer, _let_in(customer, moment), at, KEY)

    assert len(customer.purchases.rows) == HABITS_LIMIT
    assert "p144" in customer.purchases.rows
    assert "p000" not in customer.purchases.rows


def test_a_habit_counts_days_and_remembers_the_usual_product() -> None:
    loop = a_loop()
    milk, whole_milk = BRANDS[0], BRANDS[1]
    for i, product in enumerate([milk, milk, whole_milk, milk]):
        turn_at = NOON + timedelta(hours=12 * i)
        loop.clock.turn(turn_at.timestamp())  # type: ignore[attr-defined]
        loop.process([Bought(id=f"b{i}", customer="camille", occurred_at=turn_at, place="s1", lines=lines(product))])

    purchases = loop.customer("camille").purchases
    row = purchases.rows[STRATEGY.products[milk].family]
    habit = HABIT.unpack_from(purchases.table, row * HABIT.size)
    assert habit[K] == 3.0  # noon, midnight and noon again, midnight: three local days
    assert habit[VOTES] == 2.0
    assert purchases.usual[row] == milk
    assert TRIPS.unpack(purchases.trips)[T_BASKETS] == 4.0


def test_a_late_basket_counts_and_never_moves_the_last_one_back() -> None:
    loop = a_loop()
    camille(loop, "reminders")
    before = HABIT.unpack_from(loop.customer("camille").purchases.table, 0)

    late = Bought(
        id="late", customer="camille", occurred_at=NOON - timedelta(days=30), place="s1", lines=lines(BRANDS[0])
    )
    loop.process([late])

    after = HABIT.unpack_from(loop.customer("camille").purchases.table, 0)
    assert after[LAST] == before[LAST]
    assert after[DEC] > before[DEC]
    assert TRIPS.unpack(loop.customer("camille").purchases.trips)[T_DAYS] == 11.0
