from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from support.people import BRANDS, KEY, NOON, STRATEGY, a_history, a_loop, camille, enters, lines, pays, says_yes, turn
from support.sabotage import mutate
from visavis.consent import gate
from visavis.consent.gate import NotAdmitted, admit
from visavis.engine import step
from visavis.insight.need import prior
from visavis.model.customer import newborn
from visavis.model.entry import encode
from visavis.model.moment import (
    Bought,
    Consented,
    Entered,
    Located,
    Measured,
    Moment,
    Noticed,
    Restricted,
    Spot,
    Withdrew,
)
from visavis.model.world import World

WORLD = World(version="w", strategy=STRATEGY.version, learned=prior())


def test_a_moment_that_no_consent_covers_leaves_no_row() -> None:
    loop = a_loop()
    before = len(loop.log)

    answer = loop.process([enters("stranger")])[0]

    assert answer.entry is None
    assert answer.refused is not None
    assert answer.refused.category == "places"
    assert len(loop.log) == before
    assert "stranger" not in loop.population


def test_own_numbers_are_refused_when_no_purpose_names_them() -> None:
    measured = Measured(id="m", customer="camille", occurred_at=NOON, measure="water", value=1.5)

    assert isinstance(admit(STRATEGY, newborn("camille"), measured, NOON), NotAdmitted)


def test_a_position_becomes_a_place_and_is_dropped() -> None:
    loop = a_loop()
    camille(loop, "place-moment")
    position = Located(id="gps", customer="camille", occurred_at=NOON, latitude=39.1031, longitude=-84.512)

    entry = loop.process([position])[0].entry

    assert entry is not None
    assert isinstance(entry.moment, Entered)
    assert entry.moment.place == "s1"
    assert b"39.1" not in encode(entry)
    elsewhere = replace(position, id="gps2", latitude=48.85)
    assert loop.process([elsewhere])[0].refused is not None


def test_what_the_sender_resolved_is_not_believed() -> None:
    loop = a_loop()
    liar = Bought(
        id="b",
        customer="camille",
        occurred_at=NOON,
        place="s1",
        at=Spot("moon", "shop", 1, 3.0),
        lines=(replace(lines(BRANDS[0])[0], family="BOMBS"),),
    )

    entry = loop.process([liar])[0].entry

    assert entry is not None
    assert isinstance(entry.moment, Bought)
    assert entry.moment.lines[0].family == STRATEGY.products[BRANDS[0]].family
    assert entry.moment.at is not None
    assert entry.moment.at.place == "s1"
    assert entry.moment.at.local_hour == 12.0


def test_a_yes_to_words_that_were_not_served_opens_nothing() -> None:
    loop = a_loop()
    unserved = Consented(id="c", customer="camille", occurred_at=NOON, purpose="place-moment", notice="2026-1")
    other: list[Moment] = [
        Noticed(id="n", customer="camille", occurred_at=NOON, purpose="place-moment", notice="1999-1"),
        Consented(id="c2", customer="camille", occurred_at=NOON, purpose="place-moment", notice="1999-1"),
    ]
    loop.process([unserved, *other])

    assert loop.process([enters(id="d2")])[0].refused is not None


def test_withdrawal_is_obeyed_at_the_very_next_moment_and_closes_the_windows() -> None:
    loop = a_loop()
    camille(loop, "place-moment", "reminders")
    shown = loop.process([enters()])[0].entry
    assert shown is not None
    assert shown.decisions[0].known
    assert loop.customer("camille").service.open

    loop.process([Withdrew(id="w", customer="camille", occurred_at=NOON, purpose="reminders")])

    assert not loop.customer("camille").service.open
    after = loop.process([enters(id="again")])[0].entry
    assert after is not None
    assert not after.decisions[0].known
    assert {use.purpose for use in after.uses} <= {"place-moment"}


def test_a_consent_expires() -> None:
    loop = a_loop()
    camille(loop, "place-moment")
    later = NOON + timedelta(days=800)
    turn(loop, later)

    assert loop.process([enters(at=later)])[0].refused is not None


baskets = st.lists(st.sets(st.sampled_from(BRANDS), min_size=1, max_size=5), min_size=6, max_size=6)


@settings(max_examples=60)
@given(baskets, baskets, st.sampled_from([(), ("place-moment",), ("home", "place-moment"), ("adviser-brief",)]))
def test_non_interference(mine: list[set[str]], others: list[set[str]], chosen: tuple[str, ...]) -> None:
    """Two people who differ only in purchases that they did not let us use get the same decisions, byte for byte."""
    assert _decisions(mine, chosen) == _decisions(others, chosen)


@settings(max_examples=20)
@given(baskets)
def test_and_it_would_show_if_purchases_leaked(mine: list[set[str]]) -> None:
    """The same test on a person who consented does tell baskets apart: it can fail."""
    assert _decisions(mine, ("reminders", "place-moment")) != _decisions(
        [{BRANDS[-2]}] * 6, ("reminders", "place-moment")
    )


def _decisions(history: list[set[str]], chosen: tuple[str, ...]) -> list[bytes]:
    customer = newborn("camille")
    start = NOON - timedelta(days=70)
    found: list[bytes] = []
    trips = a_history("camille", weeks=len(history))
    moments = [*says_yes("camille", *chosen, at=start)]
    moments += [replace(trip, lines=lines(*sorted(basket))) for trip, basket in zip(trips, history, strict=True)]
    for moment in [*moments, enters(), pays(BRANDS[0])]:
        admitted = admit(STRATEGY, customer, moment, moment.occurred_at)
        if isinstance(admitted, NotAdmitted):
            found.append(admitted.category.encode())
            continue
        entry, customer = step(STRATEGY, WORLD, customer, admitted, moment.occurred_at, KEY)
        found += [encode(replace(entry, moment=enters(), decisions=(one,))) for one in entry.decisions]
    return found


def check_that_a_purpose_that_is_switched_off_is_closed() -> None:
    """Whoever said yes to it: nothing is read for it, and nothing is let in for it any more, were it a contract's."""
    loop = a_loop()
    camille(loop, "place-moment")
    customer = loop.customer("camille")
    bought = Bought(id="b", customer="camille", occurred_at=NOON, place="s1", lines=lines(BRANDS[0]))
    off = replace(STRATEGY, purposes={key: replace(one, enabled=False) for key, one in STRATEGY.purposes.items()})
    for strategy, opened in ((STRATEGY, True), (off, False)):
        assert bool(gate.open_categories(customer, strategy.purposes["place-moment"], NOON.timestamp())) is opened, (
            "read for nothing"
        )
        for moment in (enters(), bought):
            assert isinstance(gate.admit(strategy, customer, moment, NOON), gate.NotAdmitted) is not opened, (
                "let in for nothing"
            )


def test_a_purpose_that_is_switched_off_is_closed() -> None:
    check_that_a_purpose_that_is_switched_off_is_closed()


def check_that_what_a_restriction_closed_stays_closed() -> None:
    """Decisions from before a restriction are not released when it is lifted; later ones are."""
    loop, purpose = a_loop(), STRATEGY.purposes["place-moment"]
    camille(loop, "place-moment")
    before = loop.customer("camille").consent_epoch
    assert gate.holds(loop.customer("camille"), purpose, before, NOON.timestamp())
    loop.process([Restricted(id=f"r{on}", customer="camille", occurred_at=NOON, on=on) for on in (True, False)])
    after = loop.customer("camille")

    assert not gate.holds(after, purpose, before, NOON.timestamp()), "it came back"
    assert gate.holds(after, purpose, after.consent_epoch, NOON.timestamp())


def test_what_a_restriction_closed_stays_closed_when_it_is_lifted() -> None:
    check_that_what_a_restriction_closed_stays_closed()


GATES: dict[str, tuple[Callable[[], None], str, str, str]] = {
    "a purpose that is off is read for": (
        check_that_a_purpose_that_is_switched_off_is_closed,
        "if customer.restricted or not purpose.enabled:",
        "if customer.restricted:",
        "read for nothing",
    ),
    "a contract that is off lets in": (
        check_that_a_purpose_that_is_switched_off_is_closed,
        "return purpose.enabled and",
        "return True and",
        "let in for nothing",
    ),
    "a restriction that is lifted": (
        check_that_what_a_restriction_closed_stays_closed,
        ', customer.closings.get("", 0))',
        ", 0)",
        "came back",
    ),
}


@pytest.mark.parametrize("name", GATES)
def test_a_gate_that_opens_too_much_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check, old, new, told = GATES[name]
    mutate(monkeypatch, gate, old, new)

    with pytest.raises(AssertionError, match=told):
        check()
