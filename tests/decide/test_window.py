"""When an outcome counts: from the decision to before the end of its window, received until the grace is over."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.people import BRANDS, NOON, STRATEGY, a_loop, camille, enters, grocery, lines, pays, turn
from visavis.consent.gate import placed
from visavis.decide.window import outcome_window
from visavis.model.decision import Outcome
from visavis.model.errors import Invalid
from visavis.model.moment import Bought, RanOut
from visavis.strategy.read import Strategy, read


def located_in(zone: str) -> Strategy:
    """The grocery, with its shops in this zone."""
    files = grocery()
    return read(
        files
        | {name: files[name].replace(b"America/New_York", zone.encode()) for name in ("brand.toml", "places.geojson")}
    )


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York"])
@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ((2026, 3, 6), {"America/New_York": 71}),
        ((2026, 3, 27), {"Europe/Paris": 71}),
        ((2026, 10, 23), {"Europe/Paris": 73}),
        ((2026, 10, 30), {"America/New_York": 73}),
    ],
)
def test_days_are_local_days_of_whatever_length(zone: str, day: tuple[int, int, int], hours: dict[str, int]) -> None:
    strategy, at = located_in(zone), datetime(*day, 15, 30, 20, tzinfo=ZoneInfo(zone))

    window = outcome_window(strategy, "trips-saved", placed(strategy, pays(BRANDS[0], at=at)), at.timestamp())

    opens, until = [datetime.fromtimestamp(one, ZoneInfo(zone)) for one in (window.opens_at, window.until)]
    assert (opens.date() - at.date()).days == 1
    assert (until.date() - at.date()).days == 4
    assert {opens.time(), until.time()} == {datetime.min.time()}
    assert window.until - window.opens_at == hours.get(zone, 72) * 3600
    assert window.closes_at == window.until + 86_400


@given(st.integers(0, 365 * 86_400), st.integers(-11, 13))
def test_a_day_away_from_the_shops_is_that_of_the_person(at_s: int, hours: int) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=at_s)
    moment = placed(STRATEGY, RanOut(id="m", customer="bo", occurred_at=at, product=BRANDS[0]), hours * 3600)
    brand = moment.occurred_at.astimezone(ZoneInfo(STRATEGY.brand.zone)).utcoffset() == timedelta(hours=hours)

    window = outcome_window(STRATEGY, "trips-saved", moment, moment.occurred_at.timestamp())

    assert moment.at is not None
    starts_s = (moment.at.local_day + 1) * 86_400 - hours * 3600
    assert abs(window.opens_at - starts_s) <= (3600 if brand else 0)


def visit(*, occurred: timedelta, received: timedelta) -> list[Outcome]:
    """The outcomes of a door at noon, when what it believed in is bought then, and received then."""
    loop = a_loop()
    camille(loop, "reminders", "place-moment")
    door = loop.process([enters()])[0].entry
    assert door is not None
    family = door.decisions[0].known[0].family
    product = next(name for name in BRANDS if STRATEGY.products[name].family == family)
    turn(loop, NOON + received)
    bought = Bought(id="b", customer="camille", occurred_at=NOON + occurred, place="s1", lines=lines(product))
    loop.process([bought])
    turn(loop, NOON + timedelta(days=2))
    loop.wake()
    loop.commit()
    return [outcome for entry in loop.log.of("camille") for outcome in entry.closed]


@pytest.mark.parametrize(
    ("occurred", "received", "counts"),
    [
        (timedelta(minutes=20), timedelta(minutes=20), True),
        (timedelta(minutes=20), timedelta(hours=10), True),
        (timedelta(hours=2, minutes=59), timedelta(hours=26, minutes=59), True),
        (timedelta(minutes=20), timedelta(hours=27), False),
        (timedelta(hours=3), timedelta(hours=3), False),
        (-timedelta(minutes=5), timedelta(minutes=5), False),
    ],
    ids=[
        "at once",
        "at night",
        "at the end of its grace",
        "after its grace",
        "after its window",
        "before the decision",
    ],
)
def test_a_purchase_counts_in_its_window_when_it_is_received_in_time(
    occurred: timedelta, received: timedelta, *, counts: bool
) -> None:
    outcomes = visit(occurred=occurred, received=received)

    assert [bool(outcome.hits & 1) for outcome in outcomes] == [counts]


@given(
    st.integers(-600, 12_000).map(lambda s: timedelta(seconds=s)), st.integers(0, 30).map(lambda h: timedelta(hours=h))
)
def test_a_window_has_one_outcome_and_it_counts_what_occurred_in_it(occurred: timedelta, late: timedelta) -> None:
    received = max(occurred + late, timedelta())
    outcomes = visit(occurred=occurred, received=received)

    in_window = timedelta() <= occurred < timedelta(hours=3) and received < timedelta(hours=27)
    assert [bool(outcome.hits & 1) for outcome in outcomes] == [in_window]


def test_the_first_basket_of_a_visit_to_occur_is_its_outcome_in_whatever_order_tills_report() -> None:
    found = []
    for order in (1, -1):
        loop = a_loop()
        camille(loop, "reminders", "place-moment")
        door = loop.process([enters()])[0].entry
        assert door is not None
        family = door.decisions[0].known[0].family
        first, second = (
            next(one for one in BRANDS if (STRATEGY.products[one].family == family) is hit) for hit in (True, False)
        )
        turn(loop, NOON + timedelta(hours=9))
        baskets = [
            Bought(
                id=f"b{i}",
                customer="camille",
                occurred_at=NOON + timedelta(minutes=20 * i),
                place="s1",
                lines=lines(one),
            )
            for i, one in enumerate((first, second), 1)
        ]
        loop.process(baskets[::order])
        turn(loop, NOON + timedelta(days=2))
        loop.wake()
        loop.commit()
        found.append([outcome for entry in loop.log.of("camille") for outcome in entry.closed])

    assert found[0] == found[1]
    assert [(one.hits & 1, one.until, one.observed) for one in found[0]] == [
        (1, (NOON + timedelta(minutes=20)).timestamp(), True)
    ]


def test_the_grace_is_set_by_objective() -> None:
    files = grocery()
    objectives = files["objectives.toml"].replace(b"days = 3\n", b"days = 3\ngrace_hours = 6\n")
    strategy = read(files | {"objectives.toml": objectives})
    moment = placed(strategy, pays(BRANDS[0]))

    window = outcome_window(strategy, "trips-saved", moment, NOON.timestamp())

    assert window.closes_at == window.until + 6 * 3600
    with pytest.raises(Invalid, match="`grace_hours` must be between 0 and 744"):
        read(files | {"objectives.toml": objectives.replace(b"grace_hours = 6", b"grace_hours = -1")})
