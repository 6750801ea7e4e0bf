"""Choices over time: what is let in was open when it happened and is open now; no sender's clock decides."""

from datetime import date, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.people import BRANDS, KEY, NOON, STRATEGY
from support.sabotage import mutate
from visavis.consent import gate, notices
from visavis.consent.gate import NotAdmitted, admit, open_categories
from visavis.customers import choices
from visavis.customers.choices import joined
from visavis.customers.identity import merged
from visavis.engine import step
from visavis.insight.need import prior
from visavis.model.consent import PAST_LIMIT
from visavis.model.customer import Customer, newborn
from visavis.model.entry import Origin
from visavis.model.moment import (
    Born,
    Bought,
    ChoiceProof,
    Consented,
    Line,
    Moment,
    Noticed,
    Objected,
    Restricted,
    Saw,
    Withdrew,
)
from visavis.model.world import World

WORLD: Final = World(version="w", strategy=STRATEGY.version, learned=prior())
LOOK: Final = STRATEGY.purposes["look"]
VERSION: Final = LOOK.notice.version
DEVICE: Final = Origin("device", "k", "api")
BRAND: Final = Origin("brand", "k", "api")
MINUTES: Final = 120
LATE: Final = 3  # `late_after_s` of a choice, in minutes
Said = tuple[str, int, int]
"""A choice, the minutes that passed since the one before until it was received, and how far its clock was off."""


class Life:
    """One person, whose moments are received at given minutes."""

    def __init__(self, name: str = "camille") -> None:
        self.customer: Customer = newborn(name)
        self._number = 0

    def hears(self, kind: type[Any], told: float, received: float, origin: Origin = DEVICE, **fields: Any) -> bool:
        """Whether this moment, told as of one minute and received at another, is admitted; then it is lived."""
        self._number += 1
        at = NOON + timedelta(minutes=told)
        moment: Moment = kind(id=f"m{self._number}", customer=self.customer.id, occurred_at=at, **fields)
        received_at = NOON + timedelta(minutes=received)
        admitted = admit(STRATEGY, self.customer, moment, received_at, origin)
        if isinstance(admitted, NotAdmitted):
            return False
        _, self.customer = step(STRATEGY, WORLD, self.customer, admitted, received_at, KEY, origin)
        return True

    def agrees(self, told: float, received: float, origin: Origin = DEVICE, **fields: Any) -> bool:
        served = min(told, fields["proof_at"]) if "proof_at" in fields else told
        if "proof_at" in fields:
            at = NOON + timedelta(minutes=fields.pop("proof_at"))
            fields["proof"] = ChoiceProof("at the counter", "form 12", at)
        self.hears(Noticed, served, received, origin, purpose="look", notice=VERSION)
        return self.hears(Consented, told, received, origin, purpose="look", notice=VERSION, **fields)

    def on(self, minute: float) -> bool:
        return bool(open_categories(self.customer, LOOK, (NOON + timedelta(minutes=minute)).timestamp()))

    def sees(self, told: float, received: float) -> bool:
        return self.hears(Saw, told, received, product=BRANDS[0])


def lived(said: list[Said], name: str = "camille") -> tuple[Life, list[bool], int]:
    """The person after these choices, whether the purpose was open in each minute by a plain table, and the minute."""
    life, now, last_no = Life(name), 0, -MINUTES
    agreed, objected, restricted = ([False] * (4 * MINUTES) for _ in range(3))

    def since(minute: int, *, on: bool, table: list[bool]) -> None:
        table[minute + MINUTES :] = [on] * (len(table) - minute - MINUTES)

    for what, passed, off in said:
        now += passed
        told = min(now + off, now)
        if what == "yes":
            assert life.agrees(now + off, now), "a yes is not taken"
            since(max(told, now - LATE, last_no), on=True, table=agreed)
        elif what == "no":
            life.hears(Withdrew, now + off, now, purpose="look")
            since(told, on=False, table=agreed)
            last_no = now
        else:
            on, table = not what.startswith("un"), objected if "object" in what else restricted
            if table is objected:
                life.hears(Objected, now + off, now, on=on, about="look")
            else:
                life.hears(Restricted, now + off, now, on=on)
            since(told if on else now, on=on, table=table)
    return life, [a and not o and not r for a, o, r in zip(agreed, objected, restricted, strict=True)], now


CHOICES: Final = ["yes", "yes", "no", "object", "unobject", "restrict", "unrestrict"]
drawn = st.lists(st.tuples(st.sampled_from(CHOICES), st.integers(0, 12), st.integers(-8, 4)), max_size=9)


def check_what_is_let_in(said: list[Said], ago: int) -> None:
    """A fact is kept exactly if the purpose was open when it happened and is open when it comes."""
    life, table, now = lived(said)
    then = max(now - ago, 1 - MINUTES)
    assert life.on(now) is table[now + MINUTES], "not the last choice received"
    assert life.sees(then, now) is (table[then + MINUTES] and table[now + MINUTES]), "let in of a closed time, or lost"


@settings(max_examples=150)
@given(drawn, st.integers(0, MINUTES))
def test_a_fact_is_kept_if_it_was_open_when_it_happened_and_is_now(said: list[Said], ago: int) -> None:
    check_what_is_let_in(said, ago)


@pytest.mark.parametrize(
    ("module", "old", "new", "said", "ago"),
    [
        (gate, "found & were_open(customer, purpose, at)", "found", [("yes", 9, 0), ("no", 1, 0), ("yes", 1, 0)], 1),
        (gate, "for about, times in customer.closed_times.items() if not about or", "for about, times in () if", [
            ("yes", 0, 0), ("object", 5, 0), ("unobject", 5, 0)], 3),
        (choices, "no_at=received_s", "no_at=since", [("yes", 0, 0), ("no", 9, -8), ("yes", 1, -2)], 2),
        (choices, "until=min(one.until, end)", "until=one.until", [("yes", 0, 0), ("no", 9, 0), ("yes", 9, 0)], 3),
        (notices, "received_at - timedelta(seconds=", "received_at - timedelta(seconds=999 + ", [("yes", 9, -8)], 6),
        (choices, "min(moment.occurred_at.timestamp(), received_s)", "moment.occurred_at.timestamp()", [
            ("yes", 0, 0), ("no", 1, 4), ("yes", 1, 0)], 1),
    ],
)  # fmt: skip
def test_a_rule_of_time_that_is_forgotten_is_caught(
    monkeypatch: pytest.MonkeyPatch, module: Any, old: str, new: str, said: list[Said], ago: int
) -> None:
    check_what_is_let_in(said, ago)
    mutate(monkeypatch, module, old, new)
    with pytest.raises(AssertionError):
        check_what_is_let_in(said, ago)


def test_what_ran_out_counts_as_closed_until_the_next_yes() -> None:
    life, day = Life(), 1440
    life.agrees(0, 0, trial=True)
    assert not life.sees(day * 31, day * 31)
    life.agrees(day * 40, day * 40)

    assert [life.sees(day * at, day * 40 + 1) for at in (29, 31, 39.9, 40)] == [True, False, False, True]


def test_a_minors_time_alone_is_not_opened_by_a_guardian_who_comes_later() -> None:
    life = Life()
    assert life.hears(Born, 0, 0, BRAND, birth_date=date(2014, 5, 31))
    life.agrees(0, 0)
    life.agrees(30, 30, BRAND, by="guardian")

    assert [life.sees(at, 40) for at in (10, 31)] == [False, True]


def test_a_guardians_earlier_yes_opens_nothing_from_before_the_minors_own() -> None:
    life = Life()
    life.hears(Born, 0, 0, BRAND, birth_date=date(2014, 5, 31))
    life.agrees(20, 20)
    life.agrees(30, 30, BRAND, by="guardian", proof_at=5)

    assert [life.sees(at, 40) for at in (10, 25, 31)] == [False, True, True]


def test_a_yes_brought_in_with_its_proof_counts_from_then_but_not_from_before_the_last_no() -> None:
    life = Life()
    assert life.agrees(60, 60, BRAND, proof_at=10)
    assert [life.sees(at, 60) for at in (9, 10, 59)] == [False, True, True]
    other = Life()
    other.hears(Withdrew, 30, 40, purpose="look")
    assert other.agrees(60, 60, Origin(), proof_at=10)
    assert [other.sees(at, 60) for at in (20, 35, 40)] == [False, False, True]


def test_a_proof_of_the_future_proves_nothing() -> None:
    assert not Life().agrees(60, 60, BRAND, proof_at=61)


def test_a_yes_of_before_is_history_of_a_present_one() -> None:
    life = Life()
    life.agrees(50, 50)
    present = life.customer.consents["look"]
    life.agrees(60, 60, BRAND, proof_at=10)

    now = life.customer.consents["look"]
    assert (now.record, now.since) == (present.record, present.since)
    assert [life.sees(at, 60) for at in (9, 10, 49, 55)] == [False, True, True, True]


def test_purchases_under_contract_come_in_from_any_time() -> None:
    lines = (Line(BRANDS[0]),)
    assert Life().hears(Bought, -500_000, 0, Origin("till", "k", "api"), place="s1", lines=lines)


def test_the_times_that_are_kept_are_bounded_and_older_ones_count_as_closed() -> None:
    life = Life()
    for i in range(PAST_LIMIT + 4):
        life.agrees(10 * i, 10 * i)
        life.hears(Withdrew, 10 * i + 5, 10 * i + 5, purpose="look")
    life.agrees(1000, 1000)
    assert len(life.customer.consents["look"].past) == PAST_LIMIT
    assert [life.sees(at, 1001) for at in (2, 10 * PAST_LIMIT + 2)] == [False, True]
    times = joined([(10.0 * i, 10.0 * i + 1) for i in range(PAST_LIMIT + 4)])
    assert (len(times), times[0]) == (PAST_LIMIT, (0.0, 41.0)), "a gap between old times opens again"


@settings(max_examples=60)
@given(drawn, drawn, st.integers(0, MINUTES))
def test_what_comes_in_late_of_a_merged_person_was_open_to_both(one: list[Said], other: list[Said], ago: int) -> None:
    (mine, first, now), (theirs, second, then) = lived(one, "ada"), lived(other, "bo")
    late = max(now, then)
    at = max(late - ago, 1 - MINUTES)
    mine.customer = merged(mine.customer, theirs.customer)

    assert not mine.sees(at, late) or (first[at + MINUTES] and second[at + MINUTES])
