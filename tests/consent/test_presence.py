"""A position moves how sure we are of a place; only a change is a moment, and there is one entrance a stay."""

from datetime import timedelta
from math import cos, radians
from runpy import run_path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.people import NOON, ROOT, STRATEGY, a_loop, camille, enters, grocery, turn
from visavis.consent.presence import follow
from visavis.model.customer import Places
from visavis.model.decision import Show
from visavis.model.errors import Invalid
from visavis.model.moment import Dwelled, Entered, Left, Located, Moment, Withdrew
from visavis.runtime.loop import Processor, StepResult
from visavis.store.memory import MemoryEntryLog
from visavis.strategy.places import DEGREE_M
from visavis.strategy.read import read

WALKS = run_path(str(ROOT / "benchmarks" / "presence.py"))
SHOP = (39.1031, -84.512)
AWAY = (39.1131, -84.512)


def at(seconds: float, where: tuple[float, float], accuracy_m: float = 8.0) -> Located:
    when = NOON + timedelta(seconds=seconds)
    return Located(
        id=f"p{seconds}",
        customer="camille",
        occurred_at=when,
        latitude=where[0],
        longitude=where[1],
        accuracy_m=accuracy_m,
    )


def sent(loop: Processor, *moments: Moment) -> list[StepResult]:
    """What becomes of each, received when it occurs."""
    found = []
    for moment in moments:
        turn(loop, max(loop.clock.now(), moment.occurred_at))
        found += loop.process([moment])
    return found


def kinds(results: list[StepResult]) -> list[tuple[str, str]]:
    moments = [one.entry.moment for one in results if one.entry is not None]
    return [(moment.kind, moment.place) for moment in moments if isinstance(moment, Entered | Left | Dwelled)]


def known() -> Processor:
    loop = a_loop()
    camille(loop, "place-moment", "reminders")
    return loop


def test_a_position_that_may_be_kilometres_off_opens_nothing() -> None:
    loop = known()

    results = sent(loop, *[at(20.0 * i, SHOP, 3_000.0) for i in range(200)])

    assert kinds(results) == []
    assert loop.customer("camille").places.here == ""


def test_eight_hours_in_a_shop_are_one_entrance_and_leaving_ends_it() -> None:
    loop = known()

    results = sent(loop, *[at(20.0 * i, SHOP) for i in range(1_440)], at(28_900.0, AWAY), at(29_500.0, AWAY))

    assert kinds(results) == [("entered", "s1"), ("left", "s1-front")]
    assert sum([bool(one.entry.decisions) for one in results if one.entry is not None]) == 1


def test_who_leaves_and_comes_back_enters_a_second_time() -> None:
    loop = known()

    results = sent(loop, at(0, SHOP), at(20, SHOP), at(900, AWAY), at(1_500, AWAY), at(3_000, SHOP), at(3_020, SHOP))

    assert [kind for kind, _ in kinds(results)] == ["entered", "left", "entered"]


def test_a_reported_entrance_of_the_same_stay_wakes_nothing() -> None:
    loop = known()
    later = NOON + timedelta(minutes=9)

    first, second = sent(loop, enters(), enters(at=later, id="again"))

    assert first.entry is not None
    assert second.entry is not None
    assert [one.reason for one in second.entry.decisions if not isinstance(one, Show)] == ["same_stay"]
    assert loop.customer("camille").places.since == NOON.timestamp()
    gone = Left(id="out", customer="camille", occurred_at=later, place="s1")
    _, third = sent(loop, gone, enters(at=later + timedelta(minutes=5), id="back"))
    assert third.entry is not None
    assert isinstance(third.entry.moment, Entered)
    assert not third.entry.moment.no_entrance


def test_a_zone_lies_in_a_shop_and_entering_it_does_not_leave_the_shop() -> None:
    loop = known()

    sent(loop, at(0, SHOP))
    assert loop.customer("camille").places.inside == ("s1", "s1-front")
    sent(loop, Left(id="out", customer="camille", occurred_at=NOON + timedelta(minutes=1), place="s1"))
    assert loop.customer("camille").places.inside == ("s1-front",)


def test_an_older_position_changes_nothing_and_one_sent_again_is_a_retry() -> None:
    loop = known()
    entered, *_ = sent(loop, at(60, SHOP))

    older, again = sent(loop, at(0, AWAY), at(60, SHOP))

    assert older.entry is None
    assert again.retried
    assert not again.conflict
    assert again.entry == entered.entry
    assert loop.customer("camille").places.here == "s1"


def test_a_choice_and_an_erasure_forget_where_somebody_was_and_a_copy_says_it() -> None:
    loop = known()
    sent(loop, at(0, SHOP))

    copied = loop.positions.export_personal_data({"camille"})
    assert {one["place"] for one in copied} == {"s1", "s1-front"}
    assert not {"latitude", "longitude"} & set().union(*copied)
    sent(loop, Withdrew(id="no", customer="camille", occurred_at=NOON, purpose="reminders"))
    assert loop.positions.people() == set()


def test_a_stay_goes_on_after_a_restart() -> None:
    log = MemoryEntryLog()
    loop = a_loop(log)
    camille(loop, "place-moment")
    sent(loop, at(0, SHOP))

    again = a_loop(log)

    assert kinds(sent(again, at(7_200, SHOP))) == []
    assert again.customer("camille").places.here == "s1"


def with_hours(hours: str) -> Any:
    files = grocery()
    text = files["places.geojson"].decode().replace('"radius_m": 40}', f'"radius_m": 40, "opening_hours": "{hours}"}}')
    return read({**files, "places.geojson": text.encode()})


def test_nobody_enters_outside_opening_hours() -> None:
    for hours, reason in (("Mo-Su 08:00-20:00", ""), ("Tu off", "closed"), ("Mo-Fr 13:00-18:00", "closed")):
        loop = known()
        loop.strategy = with_hours(hours)
        entry = sent(loop, at(0, SHOP))[0].entry
        assert entry is not None
        assert isinstance(entry.moment, Entered)
        assert entry.moment.no_entrance == reason, hours


@pytest.mark.parametrize("hours", ["8-20", "Mo-Fr", "Mo-Fr 08:00-25:00", "Lu 08:00-20:00", "08:00-20:60", "PH off"])
def test_opening_hours_that_cannot_be_read_are_a_fault(hours: str) -> None:
    with pytest.raises(Invalid, match="opening_hours"):
        with_hours(hours)


@pytest.mark.parametrize("radius_m", [40.0, 20.0])
def test_false_and_missed_entrances_on_noisy_walks(radius_m: float) -> None:
    [found] = WALKS["walks"]((WALKS["OneAStay"],), radius_m, 40)

    assert found.false == 0
    assert found.missed <= 2
    assert found.twice <= 2
    assert found.beside <= 4


def heard(metres_east: float, accuracy_m: float, count: int) -> int | None:
    """After how many positions, one in 20 s, somebody of whom nothing is known is in a shop of 40 m across."""
    shop, before = WALKS["a_shop"](20.0), None
    where = (WALKS["LATITUDE"], WALKS["LONGITUDE"] + metres_east / (DEGREE_M * cos(radians(WALKS["LATITUDE"]))))
    for i in range(count):
        before, moment = follow(shop, Places(), before, at(20.0 * i, where, accuracy_m))
        if moment is not None:
            return i + 1
    return None


def test_positions_of_an_error_larger_than_the_shop_need_minutes_and_its_middle() -> None:
    assert heard(0.0, 8.0, 10) == 1
    assert heard(0.0, 45.0, 10) == 2
    assert heard(45.0, 45.0, 90) is None
    assert heard(0.0, 80.0, 90) is None


def test_whoever_lives_above_the_shop_gets_none_and_a_long_stay_one() -> None:
    assert WALKS["resident"](WALKS["OneAStay"], 3) == 0
    assert WALKS["resident"](WALKS["EveryFixInside"], 3) > 0
    assert WALKS["stays"](WALKS["OneAStay"], 1) == 1


steps = st.tuples(st.floats(-0.002, 0.002), st.floats(-0.002, 0.002), st.floats(0, 400), st.floats(-10, 4_000))


@settings(max_examples=60)
@given(st.lists(steps, max_size=30))
def test_whatever_comes_what_is_kept_is_bounded_and_orderly(walk: list[tuple[float, float, float, float]]) -> None:
    before, seconds = None, 0.0
    for north, east, accuracy_m, later in walk:
        seconds += later
        where = (SHOP[0] + north, SHOP[1] + east)
        after, moment = follow(STRATEGY, Places(), before, at(seconds, where, accuracy_m))
        if before is not None and seconds + NOON.timestamp() <= before.at:
            assert (after, moment) == (before, None)
        if after is not None:
            assert len(after.odds) <= 8
            assert set(after.odds) <= set(STRATEGY.places)
        before = after
