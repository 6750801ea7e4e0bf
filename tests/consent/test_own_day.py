"""A person's day and hour are those of where they are."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from support.people import BRANDS, NOON, STRATEGY, a_loop, camille, enters, lines, turn
from visavis.api.epcis_events import moments
from visavis.consent.gate import NotAdmitted, admit
from visavis.customers.fold import fold
from visavis.customers.identity import merged
from visavis.model.customer import Customer, newborn
from visavis.model.decision import Silence
from visavis.model.entry import decode, encode
from visavis.model.moment import Bought, Moment, RanOut, Spot, Worn
from visavis.runtime.loop import Processor

WEST = timezone(timedelta(hours=-8))
EVENING = datetime(2026, 11, 24, 21, 30, tzinfo=WEST)
"""In New York, the zone of the brand, it is half past midnight of the next day; in London 5:30."""

OCTOBER_31 = (date(2026, 10, 31) - date(1970, 1, 1)).days


def in_the_evening() -> Processor:
    loop = a_loop(at=NOON)
    camille(loop, "home", "reminders", "place-moment")
    turn(loop, EVENING)
    return loop


def worn(at: datetime, **more: Any) -> Worn:
    return Worn(id=f"worn-{at.timestamp()}", customer="camille", occurred_at=at, device="g1", **more)


def empty(at: datetime, id: str = "milk") -> RanOut:  # noqa: A002
    return RanOut(id=id, customer="camille", occurred_at=at, product=BRANDS[3])


def local(moment: Moment, customer: Customer) -> tuple[int, float]:
    """The local day of November 2026, and the hour, that the gate finds."""
    admitted = admit(STRATEGY, customer, moment, moment.occurred_at)
    assert not isinstance(admitted, NotAdmitted)
    assert admitted.at is not None
    return admitted.at.local_day - OCTOBER_31, round(admitted.at.local_hour, 3)


def test_the_moments_own_offset_comes_first_then_that_of_the_person_then_the_brands() -> None:
    camille_now = in_the_evening().customer("camille")
    there = replace(camille_now, offset_s=-8 * 3600)
    utc = EVENING.astimezone(UTC)

    assert local(empty(EVENING), camille_now) == (24, 21.5)
    assert local(empty(utc), there) == (24, 21.5)
    assert local(empty(utc), camille_now) == (25, 0.5)
    assert local(empty(EVENING.astimezone(timezone(timedelta(hours=1)))), there) == (25, 6.5)
    assert local(empty(EVENING.astimezone(timezone(timedelta(hours=23)))), there) == (24, 21.5)  # no such zone


def test_a_place_comes_before_every_offset_unless_it_is_unknown() -> None:
    person = replace(in_the_evening().customer("camille"), offset_s=-8 * 3600)

    assert local(enters(at=EVENING), person) == (25, 0.5)
    assert local(enters(at=EVENING, place="s9"), person) == (24, 21.5)


def test_the_persons_offset_is_the_one_that_their_own_device_wrote_last() -> None:
    loop = in_the_evening()
    loop.process([worn(EVENING)])
    loop.process([worn((EVENING - timedelta(days=2)).astimezone(timezone(timedelta(hours=9))))])
    till = timezone(timedelta(hours=2))
    loop.process(
        [Bought(id="b", customer="camille", occurred_at=EVENING.astimezone(till), place="s1", lines=lines(BRANDS[0]))]
    )
    loop.process([replace(worn(EVENING.astimezone(UTC)), id="w", own_offset_s=3600)])

    assert loop.customer("camille").offset_s == -8 * 3600


def test_it_is_folded_from_what_is_stored() -> None:
    loop = in_the_evening()
    for moment in (worn(EVENING), empty(EVENING)):
        before = loop.customer("camille")
        entry = loop.process([moment])[0].entry
        assert entry is not None
        assert fold(before, decode(encode(entry))) == loop.customer("camille")
    assert loop.customer("camille").offset_s == -8 * 3600


def test_of_two_people_who_are_merged_the_newer_offset_holds() -> None:
    one = replace(newborn("one"), offset_s=3600, offset_at=2.0)
    two = replace(newborn("two"), offset_s=7200, offset_at=1.0)

    assert merged(one, two).offset_s == merged(two, one).offset_s == 3600


@pytest.mark.parametrize(("occurred_h", "received_h", "quiet"), [(21, 21, False), (21, 23, True), (4, 8, False)])
def test_quiet_hours_are_the_persons_when_it_is_received(occurred_h: int, received_h: int, quiet: bool) -> None:
    loop = in_the_evening()
    at = EVENING + timedelta(days=1)
    turn(loop, at.replace(hour=received_h))

    entry = loop.process([empty(at.replace(hour=occurred_h))])[0].entry

    assert entry is not None
    decision = entry.decisions[0]
    assert (isinstance(decision, Silence) and decision.reason == "quiet_hours") is quiet


def test_the_offset_of_a_tag_reader_is_that_of_its_event() -> None:
    sent: Any = {
        "type": "ObjectEvent",
        "eventTime": "2026-11-25T05:30:00Z",
        "eventTimeZoneOffset": "-08:00",
        "action": "OBSERVE",
        "bizStep": "cycle_counting",
        "quantityList": [{"epcClass": "https://id.gs1.org/01/03017620422003", "quantity": 0}],
    }
    (found,) = moments(sent, "camille", {"3017620422003"}, EVENING)

    assert found.occurred_at == EVENING
    assert found.occurred_at.utcoffset() == timedelta(hours=-8)


def test_the_spot_that_a_sender_writes_is_not_believed() -> None:
    person = in_the_evening().customer("camille")

    assert local(replace(empty(EVENING), at=Spot("", "", 1, 3.0)), person) == (24, 21.5)
