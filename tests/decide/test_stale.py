"""What is stale is unknown, not as it was; and a source that comes back wakes nobody."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.people import BRANDS, KEY, NOON, STRATEGY, a_loop, camille, enters, grocery, turn
from visavis.consent.gate import Views
from visavis.decide.device import best
from visavis.decide.facts import facts
from visavis.model.decision import Decision, Show
from visavis.model.errors import Invalid
from visavis.model.moment import Consumed, Measured, Moment, RanOut, Saw, Stocked, Worn
from visavis.runtime.loop import Processor
from visavis.runtime.replay import Difference, verify
from visavis.strategy.freshness import fresh, stale_sources
from visavis.strategy.read import read

FAMILIES = {STRATEGY.products[product].family: product for product in reversed(BRANDS)}
MILK, BREAD, BUTTER = list(reversed(FAMILIES.values()))[:3]
DAY = timedelta(days=1)


def at(days: float) -> dict[str, Any]:
    return {"id": f"m{days}", "customer": "camille", "occurred_at": NOON + days * DAY}


def a_home(*moments: Moment, received: float | None = None) -> tuple[Processor, list[tuple[Decision, ...]]]:
    """A home that reports this, each when it occurs or all of it then, in a log that replays as it was."""
    loop, decisions = a_loop(), []
    camille(loop, "home", "look", "reminders")
    for moment in moments:
        days = (moment.occurred_at - NOON) / DAY
        turn(loop, NOON + max(received if received is not None else days, days) * DAY)
        entry = loop.process([moment])[0].entry
        assert entry is not None
        decisions.append(entry.decisions)
    differences: list[Difference] = []
    verify(loop.log, KEY, found=differences.append)
    assert not differences
    return loop, decisions


def left(loop: Processor, days: float, product: str = MILK) -> float | None:
    """How many of it are left at home, as a decision knows it so many days after noon."""
    turn(loop, NOON + days * DAY)
    now = (NOON + days * DAY).timestamp()
    family = STRATEGY.products[product].family
    saw = Saw(**at(days), product=product, family=family)
    views = Views(fresh(STRATEGY.brand, loop.customer("camille"), now), saw, now)
    view = views.for_purpose(STRATEGY.purposes["look"]) or views.for_purpose(STRATEGY.purposes["home"])
    assert view is not None
    found = facts(view, ["saw.units_at_home"]).get("saw.units_at_home")
    assert found is None or isinstance(found, float)
    return found


def shown(decisions: tuple[Decision, ...]) -> bool:
    return any(isinstance(one, Show) for one in decisions)


def test_a_fridge_that_has_been_silent_for_ninety_days_does_not_tell_what_is_left() -> None:
    loop, _ = a_home(Stocked(**at(0), product=MILK, quantity=2))

    assert left(loop, 7) == 2
    assert left(loop, 90) is None
    (stale,) = stale_sources(STRATEGY.brand, loop.customer("camille"), (NOON + 90 * DAY).timestamp())
    assert (stale.source, stale.since) == ("home", NOON.timestamp())


def test_what_a_fridge_has_not_reported_since_it_came_back_stays_unknown() -> None:
    loop, _ = a_home(Stocked(**at(0), product=MILK, quantity=2), Stocked(**at(90), product=BREAD))

    assert left(loop, 91) is None
    assert left(loop, 91, BREAD) == 1


def test_a_fridge_that_was_offline_for_a_day_catches_up_and_wakes_nobody() -> None:
    kept: list[Moment] = [
        Stocked(**at(0.2), product=BREAD),
        Consumed(**at(0.3), product=MILK),
        RanOut(**at(0.7), product=MILK),
    ]
    loop, decisions = a_home(Stocked(**at(0), product=MILK, quantity=2), *kept, received=1.0)

    assert [left(loop, 1, product) for product in (MILK, BREAD)] == [0, 1]
    assert not any(map(shown, decisions))


def test_a_fridge_that_comes_back_wakes_nobody_until_it_has_settled() -> None:
    before = Stocked(**at(0), product=MILK, quantity=2)
    minute = 1 / 1440
    for days, reasons in (
        ([6], [""]),
        ([90], ["back"]),
        ([90, 90 + 9 * minute, 90 + 11 * minute], ["back", "back", ""]),
        ([90, 91, 180], ["back", "", "back"]),
    ):
        _, decisions = a_home(before, *[RanOut(**at(day), product=MILK) for day in days])

        assert [getattr(one[0], "reason", "") for one in decisions[1:]] == reasons, days
        assert [shown(one) for one in decisions[1:]] == [not reason for reason in reasons]


def test_a_number_that_is_measured_again_after_a_silence_wakes_nobody_until_it_has_settled() -> None:
    loop = a_loop()
    camille(loop, "own-numbers")
    minute, reasons = 1 / 1440, []
    for days in (0.0, 30, 30 + 9 * minute, 30 + 11 * minute):
        turn(loop, NOON + days * DAY)
        entry = loop.process([Measured(**at(days), measure="water", value=1.0, goal=2.0, unit="L")])[0].entry
        assert entry is not None
        reasons.append(getattr(entry.decisions[0], "reason", ""))

    assert reasons == ["", "back", "back", ""]
    assert loop.customer("camille").numbers["water"].today == 3.0


def test_the_first_report_of_a_home_is_news() -> None:
    _, decisions = a_home(RanOut(**at(0), product=MILK))

    assert shown(decisions[0])


def test_the_state_of_a_device_that_is_silent_is_unknown() -> None:
    loop, _ = a_home(Worn(**at(0), device="g1", battery=0.02, busy=True))
    brand, paths = STRATEGY.brand, ["device.worn", "device.battery"]
    for days, known, device in ((0.9, {"device.worn": True, "device.battery": 0.02}, ""), (1.1, {}, "glasses")):
        now = (NOON + days * DAY).timestamp()
        person = fresh(brand, loop.customer("camille"), now)
        view = Views(person, enters(at=NOON + days * DAY), now).for_purpose(STRATEGY.purposes["reminders"])

        assert view is None or facts(view, paths) == known
        chosen = best(STRATEGY, person.devices)
        assert (chosen.profile if chosen is not None else "") == device


def test_a_device_that_was_taken_off_is_off_however_long_it_is_silent() -> None:
    loop, _ = a_home(Worn(**at(0), device="g1", worn=False))
    person = fresh(STRATEGY.brand, loop.customer("camille"), (NOON + 9 * DAY).timestamp())

    assert best(STRATEGY, person.devices) is None
    assert not stale_sources(STRATEGY.brand, loop.customer("camille"), (NOON + 9 * DAY).timestamp())


def test_a_device_that_is_known_to_be_worn_comes_first() -> None:
    glasses, watch = Worn(**at(0), device="g1"), Worn(**at(1.5), device="w1", profile="watch")
    loop, _ = a_home(glasses, watch)
    person = fresh(STRATEGY.brand, loop.customer("camille"), (NOON + 1.6 * DAY).timestamp())

    chosen = best(STRATEGY, person.devices)

    assert chosen is not None
    assert chosen.profile == "watch"


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2)), min_size=1, max_size=12), st.integers(0, 90))
def test_nothing_that_is_known_is_older_than_its_source_allows(reports: list[tuple[int, int]], day: int) -> None:
    """Whatever a home reports when: what is left is known only while its reports follow each other closely."""
    loop = a_loop()
    camille(loop, "home")
    reports, kept = sorted(reports), (MILK, BREAD, BUTTER)
    for i, (when, which) in enumerate(reports):
        turn(loop, NOON + when * DAY)
        loop.step(Stocked(id=f"s{i}", customer="camille", occurred_at=NOON + when * DAY, product=kept[which]))
    day = max(day, reports[-1][0])

    known = fresh(STRATEGY.brand, loop.customer("camille"), (NOON + day * DAY).timestamp()).home

    times = [*[when for when, _ in reports], day]
    for which in {which for _, which in reports}:
        last = max(when for when, one in reports if one == which)
        later = [when for when in times if when >= last]
        if STRATEGY.products[kept[which]].family in known:
            assert day - reports[-1][0] <= 7
            assert all(b - a <= 7 for a, b in pairwise(later)), "known across a silence"


def test_how_long_a_source_may_be_silent_is_the_brands() -> None:
    files = grocery()
    brand = files["brand.toml"].replace(b"home = 604800", b"home = 7200")

    assert read(files | {"brand.toml": brand}).brand.stale_after("home") == 7200
    assert read(files | {"brand.toml": brand}).brand.stale_after("till") == 4 * 86_400
    for wrong, why in ((b"oven = 7200", "not a source"), (b"home = 60", "must be between 3,600 and")):
        with pytest.raises(Invalid, match=why):
            read(files | {"brand.toml": brand.replace(b"home = 7200", wrong)})
