"""What came back was not bought, in whatever order and by whichever form it is told."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.doors import MOMENTS, a_server, moment, running
from support.people import BRANDS, NOON, a_loop
from visavis.model.customer import Purchases
from visavis.model.moment import Bought, Line, Moment, Returned

Basket = tuple[tuple[int, int], ...]
"""Products, by their number, and how many of each."""
baskets = st.lists(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3)), min_size=1, max_size=4, unique_by=lambda one: one[0]),
    min_size=1,
    max_size=6,
)


def bought(number: int, lines: list[tuple[int, int]]) -> Bought:
    at = NOON - timedelta(days=60 - 7 * number)
    told = tuple([Line(BRANDS[product], units, 100 * units) for product, units in lines])
    return Bought(id=f"b{number}", customer="bo", occurred_at=at, place="s1", lines=told)


def returned(number: int, lines: list[tuple[int, int]], *, later_h: int = 1) -> Returned:
    at = NOON - timedelta(days=60 - 7 * number) + timedelta(hours=later_h)
    told = tuple([Line(BRANDS[product], units, 100 * units) for product, units in lines])
    return Returned(id=f"r{number}", customer="bo", occurred_at=at, place="s1", lines=told)


def known(moments: list[Moment]) -> Purchases:
    loop = a_loop()
    assert all(answer.entry is not None for answer in loop.process(moments))
    return loop.customer("bo").purchases


@given(baskets, st.data())
def test_whoever_brought_a_basket_back_is_whoever_never_bought_it(
    every: list[list[tuple[int, int]]], data: st.DataObject
) -> None:
    back = data.draw(st.sets(st.integers(0, len(every) - 1)))
    told: list[Moment] = [bought(number, lines) for number, lines in enumerate(every)]
    told += [returned(number, every[number]) for number in back]
    kept: list[Moment] = [bought(number, lines) for number, lines in enumerate(every) if number not in back]

    assert known(data.draw(st.permutations(told))) == known(kept)


@given(baskets, st.data())
def test_some_of_an_article_may_come_back(every: list[list[tuple[int, int]]], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(every) - 1))
    product, units = every[number][0]
    less = data.draw(st.integers(1, units))
    left = [(product, units - less)] * (less < units) + every[number][1:]
    told: list[Moment] = [bought(other, lines) for other, lines in enumerate(every)]
    kept: list[Moment] = [bought(other, lines) for other, lines in enumerate(every) if other != number]
    kept += [bought(number, left)] if left else []

    assert known([*told, returned(number, [(product, less)])]) == known(kept)


def test_what_was_never_bought_comes_back_without_effect() -> None:
    assert known([bought(0, [(1, 1)]), returned(1, [(4, 2)])]) == known([bought(0, [(1, 1)])])


@pytest.mark.anyio
async def test_a_till_sends_lines_as_arrays_or_objects_and_what_comes_back_below_zero() -> None:
    server = a_server()
    milk, butter = BRANDS[0], BRANDS[1]
    sent: list[dict[str, Any]] = [
        moment("bought", id="1", place="s1", lines=[{"product": milk, "quantity": 2, "price_cents": 258}, [butter]]),
        moment("bought", id="2", place="s1", lines=[[milk, 1, 129], {"product": butter, "quantity": -1, "shelf": 4}]),
        moment("returned", id="3", place="s1", lines=[[milk, 1, 129]]),
        moment("returned", id="4", order="order-7"),
    ]
    wrong = [
        moment("bought", id="5", place="s1", lines=[[milk, 0, 0]]),
        moment("bought", id="6", place="s1", lines=[{"quantity": 1}]),
        moment("returned", id="7", place="s1"),
        moment("returned", id="8", lines=[[milk, 1]]),
    ]
    async with running(server) as brand:
        found = (await brand.post(MOMENTS, json=[*sent, *wrong])).json()
        again = (await brand.post(MOMENTS, json=sent[2])).json()

    assert [one.get("status", 200) for one in found] == [200] * 4 + [422] * 4
    assert again["retried"]
    assert set(server.processor.customer("bo").purchases.rows) == {server.strategy.products[milk].family}
