"""What is known follows the order in which things occurred, in whatever order they arrive."""

from datetime import timedelta
from functools import reduce
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from support.people import NOON
from visavis.customers.fold import fold
from visavis.customers.identity import merged
from visavis.model.customer import CHANGES_LIMIT, Customer, newborn
from visavis.model.entry import FORM, Entry
from visavis.model.moment import (
    KINDS,
    Born,
    CheckedIn,
    ChoiceProof,
    Consented,
    Consumed,
    Declared,
    Dwelled,
    Entered,
    Fulfilled,
    Left,
    Linked,
    Measured,
    Moment,
    Noticed,
    Ordered,
    RanOut,
    Requested,
    Returned,
    Reviewed,
    Spot,
    Stocked,
    Withdrew,
    Worn,
)


def at(minutes: int) -> dict[str, Any]:
    return {"id": f"m{minutes}", "customer": "camille", "occurred_at": NOON + timedelta(minutes=minutes)}


def known(*moments: Moment, name: str = "camille") -> Customer:
    """The person after these moments, received in this order."""
    received = [Entry(FORM, name, NOON + timedelta(days=9, seconds=i), moment) for i, moment in enumerate(moments)]
    return reduce(fold, received, newborn(name))


MILK: Any = {"product": "p1", "family": "MILK"}
OTHER: Any = {"product": "p2", "family": "MILK"}
WATER: Any = {"measure": "water", "unit": "L"}
PAIRS: list[tuple[Moment, Moment]] = [
    (Left(**at(1), place="s1"), Entered(**at(2), place="s1")),
    (Entered(**at(1), place="s1"), Left(**at(2), place="s1")),
    (Entered(**at(1), place="s2"), Entered(**at(2), place="s1")),
    (Dwelled(**at(1), place="s2", dwell_s=60), Entered(**at(2), place="s1")),
    (CheckedIn(**at(1), place="s2"), Entered(**at(2), place="s1")),
    (Entered(**at(1), place="s1"), Dwelled(**at(2), place="s1", dwell_s=60)),
    (RanOut(**at(1), **MILK), Stocked(**at(2), **OTHER, quantity=6)),
    (Stocked(**at(1), **MILK), RanOut(**at(2), **OTHER)),
    (Consumed(**at(1), **MILK), Stocked(**at(2), **OTHER, quantity=6)),
    (Stocked(**at(1), **MILK, quantity=4), Stocked(**at(2), **OTHER, quantity=6)),
    (Declared(**at(1), trait="organic", value=True), Declared(**at(2), trait="organic", value=False)),
    (Declared(**at(1), trait="organic", value=True), Declared(**at(2), trait="organic", value=None)),
    (Worn(**at(1), device="g", worn=False), Worn(**at(2), device="g", worn=True)),
    (Measured(**at(1), **WATER, value=1, goal=3), Measured(**at(2), **WATER, value=2, goal=2)),
    (
        Measured(**at(1), **WATER, value=1, goal=3, at=Spot("", "", 1, 0.0)),
        Measured(**at(2), **WATER, value=2, at=Spot("", "", 2, 0.0)),
    ),
    (Ordered(**at(1), order="o", product="p1"), Fulfilled(**at(2), order="o")),
    (Fulfilled(**at(1), order="o"), Returned(**at(2), order="o")),
    (
        Noticed(**at(1), purpose="reminders", notice="1", language="fr"),
        Noticed(**at(2), purpose="home", notice="1", language="en"),
    ),
]


def state(customer: Customer) -> dict[str, Any]:
    """What is known of the person; how their stay began only as far as it was reported."""
    places = replace(customer.places, since=0.0, entered=(), checked_in="")
    numbers = {name: replace(number, goal_at=0.0) for name, number in customer.numbers.items()}
    return {
        "places": places,
        "home": customer.home,
        "numbers": numbers,
        "preferences": customer.preferences,
        "declared_at": customer.declared_at,
        "devices": customer.devices,
        "orders": {order.key: order for order in customer.orders},
        "language": customer.language,
    }


@pytest.mark.parametrize(("older", "newer"), PAIRS)
def test_an_older_fact_changes_nothing_that_a_newer_one_said(older: Moment, newer: Moment) -> None:
    assert state(known(newer, older)) == state(known(older, newer))


ACCOUNTS = Stocked | Consumed | RanOut | Ordered | Fulfilled | Measured
"""Of these two people who are merged each has kept an account of their own: what one reported is no part of it."""


@pytest.mark.parametrize(("older", "newer"), [pair for pair in PAIRS if not isinstance(pair[0], ACCOUNTS)])
def test_of_two_people_who_are_merged_the_newer_fact_holds(older: Moment, newer: Moment) -> None:
    one, two = known(older), known(newer, name="b")

    assert state(merged(one, two)) == state(merged(two, one))
    assert state(merged(one, two)) == state(known(older, newer))


def test_the_last_received_of_two_at_the_same_instant_holds() -> None:
    first, second = (Declared(**at(1), trait="organic", value=value) for value in (True, False))

    assert known(first, second).preferences["organic"] is False
    assert known(second, first).preferences["organic"] is True


def test_a_check_in_that_a_newer_fact_of_the_place_overtook_still_checks_in() -> None:
    check_in, dwelled = CheckedIn(**at(1), place="s1"), Dwelled(**at(2), place="s1", dwell_s=60)

    assert known(dwelled, check_in).places.checked_in == "s1"
    assert not known(dwelled, replace(check_in, late=True)).places.checked_in
    assert not known(Entered(**at(2), place="s2"), check_in).places.checked_in


def test_what_is_older_than_all_changes_kept_of_a_stock_is_in_it_already() -> None:
    many: list[Moment] = [Stocked(**at(minute), **MILK) for minute in range(1, CHANGES_LIMIT + 4)]
    customer = known(*many)

    assert customer.home["MILK"].units == CHANGES_LIMIT + 3
    assert len(customer.home["MILK"].changes) == CHANGES_LIMIT
    assert known(*many, RanOut(**at(0), **MILK)).home == customer.home


def some_moment(minute: int, kind: int, pick: int) -> Moment:
    place: Any = {"place": f"s{pick}"}
    many: list[Moment] = [
        Entered(**at(minute), **place),
        Dwelled(**at(minute), **place, dwell_s=60),
        Left(**at(minute), **place),
        CheckedIn(**at(minute), **place),
        Stocked(**at(minute), **MILK, quantity=pick + 1),
        Consumed(**at(minute), **MILK, quantity=pick + 1),
        RanOut(**at(minute), **OTHER),
        Declared(**at(minute), trait=f"t{pick}", value=bool(minute % 2) or None),
        Worn(**at(minute), device=f"d{pick}", worn=bool(minute % 2)),
        Measured(**at(minute), **WATER, value=pick, goal=pick or None, at=Spot("", "", minute // 8, 0.0)),
        Noticed(**at(minute), purpose=f"p{pick}", notice="1", language="fr" if minute % 2 else "en"),
    ]
    return many[kind]


plans = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 10), st.integers(0, 2)), max_size=8, unique_by=lambda one: one[0]
)


@settings(max_examples=150, deadline=None)
@given(plans, st.randoms(use_true_random=False))
def test_any_order_of_arrival_makes_the_same_person(plan: list[tuple[int, int, int]], random: Any) -> None:
    moments = [some_moment(*one) for one in sorted(plan)]
    shuffled = random.sample(moments, len(moments))

    in_order, any_order = state(known(*moments)), state(known(*shuffled))
    assert any_order == in_order


@settings(max_examples=100, deadline=None)
@given(plans, st.randoms(use_true_random=False))
def test_retention_counts_from_when_the_last_contact_occurred(plan: list[tuple[int, int, int]], random: Any) -> None:
    moments = [some_moment(*one) for one in plan]
    customer = known(*random.sample(moments, len(moments)))

    contacts = [moment.occurred_at.timestamp() for moment in moments if moment.active_contact]
    assert customer.kept_from == max(contacts, default=customer.born_at)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.active_contact], ids=lambda kind: kind.__name__
)
def test_any_kind_of_contact_counts_from_when_it_occurred(kind: type[Moment]) -> None:
    some: Any = {"lines": (), "answer": "no", "quantity": 1, "dwell_s": 1.0, "latitude": 0.0, "longitude": 0.0}
    fields = {one.name: some.get(one.name, one.name) for one in msgspec.structs.fields(kind) if one.required}
    moment = kind(**fields | at(7))

    assert known(moment).kept_from == moment.occurred_at.timestamp()
    assert known(Left(**at(9), place="s1"), moment).kept_from == at(9)["occurred_at"].timestamp()


def test_what_the_brand_does_is_no_contact() -> None:
    paper = ChoiceProof("paper", "form 7", at(2)["occurred_at"])
    basket = Left(**at(1), place="s1")
    acts: list[tuple[Moment, int]] = [
        (Linked(**at(9), identifier="card"), 1),
        (Born(**at(9)), 1),
        (Fulfilled(**at(9), order="o"), 1),
        (Reviewed(**at(9), decision="d", outcome="confirmed", reasons="checked"), 1),
        (Requested(**at(9), request="r", right="access", status="delayed"), 1),
        (Requested(**at(9), request="r", right="access"), 9),
        (Withdrew(**at(9), purpose="home", how="invalidated"), 1),
        (Withdrew(**at(9), purpose="home"), 9),
        (Consented(**at(9), purpose="home", notice="1", proof=paper), 2),
        (Consented(**at(9), purpose="home", notice="1"), 9),
    ]
    for act, minute in acts:
        assert known(basket, act).kept_from == at(minute)["occurred_at"].timestamp(), act
