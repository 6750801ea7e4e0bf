from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from support.people import BRANDS, NOON, STRATEGY, a_loop, camille, enters, grocery, lines, pays, turn
from visavis.customers.fold import fold
from visavis.model.decision import Decision, Show, Silence
from visavis.model.entry import decode, encode
from visavis.model.errors import Invalid
from visavis.model.moment import Bought, CheckedIn, Left, Moment, RanOut, Saw, Stocked
from visavis.runtime.loop import Processor
from visavis.strategy.read import read

BASE: Any = {"id": "late", "customer": "camille", "occurred_at": NOON}
WOKEN: list[tuple[Moment, str]] = [
    (enters(id="late"), "reminders"),
    (pays(BRANDS[5], id="late"), "reminders"),
    (CheckedIn(**BASE, place="s1"), "adviser-brief"),
    (Saw(**BASE, product=BRANDS[1]), "look"),
    (RanOut(**BASE, product=BRANDS[3]), "home"),
]


def received(moment: Moment, *purposes: str, after_s: float) -> tuple[Processor, tuple[Decision, ...]]:
    """What is decided when this moment is received so long after it occurred."""
    loop = a_loop(at=NOON)
    camille(loop, "place-moment", *purposes)
    turn(loop, NOON + timedelta(seconds=after_s))
    before = loop.customer("camille")
    entry = loop.process([moment])[0].entry
    assert entry is not None
    assert fold(before, decode(encode(entry))) == loop.customer("camille")
    return loop, entry.decisions


@pytest.mark.parametrize(("moment", "purpose"), WOKEN)
def test_what_is_received_late_wakes_nothing_and_opens_no_window(moment: Moment, purpose: str) -> None:
    after_s = STRATEGY.brand.late_after(moment)

    loop, decisions = received(moment, purpose, after_s=after_s + 1)
    _, in_time = received(moment, purpose, after_s=after_s)

    assert decisions
    assert all(isinstance(one, Silence) and one.reason == "late" and one.window is None for one in decisions)
    assert not loop.customer("camille").service.open
    assert all(isinstance(one, Show) or one.reason != "late" for one in in_time)


MINUTE_LATER: Any = {"id": "newer", "customer": "camille", "occurred_at": NOON + timedelta(minutes=1)}
ENDED: list[tuple[Moment, Moment, str]] = [
    (WOKEN[0][0], Left(**MINUTE_LATER, place="s1"), "reminders"),
    (WOKEN[0][0], CheckedIn(**MINUTE_LATER, place="s2"), "reminders"),
    (WOKEN[1][0], Bought(**MINUTE_LATER, place="s1", lines=lines(BRANDS[5])), "reminders"),
    (WOKEN[2][0], Left(**MINUTE_LATER, place="s1"), "adviser-brief"),
    (WOKEN[4][0], Stocked(**MINUTE_LATER, product=BRANDS[3], quantity=6), "home"),
]


@pytest.mark.parametrize(("moment", "newer", "purpose"), ENDED)
def test_what_was_over_when_it_was_received_wakes_nothing(moment: Moment, newer: Moment, purpose: str) -> None:
    for received_in, late in (((moment, newer), False), ((newer, moment), True)):
        loop = a_loop(at=NOON)
        camille(loop, "place-moment", "reminders", purpose)
        turn(loop, NOON + timedelta(minutes=2))
        entries = [loop.process([one])[0].entry for one in received_in]
        (found,) = [entry for entry in entries if entry is not None and entry.moment.id == "late"]

        assert found.decisions
        assert [getattr(one, "reason", "") == "late" for one in found.decisions] == [late] * len(found.decisions)


def test_what_a_newer_fact_of_the_same_stay_overtook_is_news() -> None:
    loop = a_loop(at=NOON)
    camille(loop, "place-moment", "adviser-brief")
    turn(loop, NOON + timedelta(minutes=2))
    entries = [
        answer.entry for answer in loop.process([enters(id="newer", at=MINUTE_LATER["occurred_at"]), WOKEN[2][0]])
    ]

    assert not any(entry is None or entry.moment.late for entry in entries)


def test_a_late_check_in_checks_nobody_in_but_tells_where_the_person_is() -> None:
    loop, _ = received(CheckedIn(**BASE, place="s1"), "adviser-brief", after_s=600)

    assert loop.customer("camille").places.here == "s1"
    assert not loop.customer("camille").places.checked_in


def test_a_late_basket_is_known() -> None:
    loop, _ = received(Bought(**BASE, place="s1", lines=lines(BRANDS[7])), after_s=86_400.0)

    assert STRATEGY.products[BRANDS[7]].family in loop.customer("camille").purchases.rows


def test_the_sender_does_not_say_whether_it_is_late() -> None:
    loop = a_loop(at=NOON)
    camille(loop, "place-moment", "reminders")
    entry = loop.process([replace(enters(), late=True)])[0].entry

    assert entry is not None
    assert not entry.moment.late


def test_the_brand_sets_how_late_is_late_by_kind() -> None:
    files = grocery()
    brand = files["brand.toml"].decode()
    longer = read(files | {"brand.toml": brand.replace("ran_out = 21600", "entered = 3600").encode()})

    assert longer.brand.late_after(enters()) == 3600
    assert longer.brand.late_after(WOKEN[-1][0]) == 21_600
    for wrong, why in (("teleported = 60", "not a kind of moment"), ("entered = -1", "must be between 0 and")):
        with pytest.raises(Invalid, match=why):
            read(files | {"brand.toml": brand.replace("ran_out = 21600", wrong).encode()})
