"""Two customers become one person, and two again: each rule on random cases, with sabotages that it catches."""

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from support.merges import (
    BYTES,
    NOW,
    PURPOSES,
    check_caps,
    check_closings,
    check_commutes,
    check_no_more_open,
    check_of_two_yeses,
    check_parting,
    check_stricter_ever_since,
    life,
    people,
    plans,
)
from support.people import BRANDS, NOON, lines
from support.sabotage import Sabotage, mutate, replacing, wrapping
from visavis.customers import fold, identity
from visavis.customers.habits import bought
from visavis.model.consent import OPENS, Consent, Status
from visavis.model.customer import HABITS_SLACK, NAMES_LIMIT, Customer, Purchases, newborn
from visavis.model.moment import Bought, Line, Spot
from visavis.model.shown import Service

ADA, BO = people("ada"), people("bo")
trying = settings(max_examples=40, database=None, derandomize=True)


@trying
@given(ADA, BO)
def test_whoever_is_given_first_the_same_person_comes_out_and_again_changes_nothing(
    one: Customer, other: Customer
) -> None:
    check_commutes(one, other)


@trying
@given(ADA, BO)
def test_nothing_is_open_that_both_had_not_opened(one: Customer, other: Customer) -> None:
    check_no_more_open(one, other)


@trying
@given(ADA, BO)
def test_what_waited_for_one_of_them_does_not_go_out_after_a_later_yes(one: Customer, other: Customer) -> None:
    check_closings(one, other)


@trying
@given(ADA, BO)
def test_no_cap_no_pause_and_no_reluctance_is_looser(one: Customer, other: Customer) -> None:
    check_caps(one, other)


@trying
@given(plans, plans, st.lists(st.tuples(st.booleans(), st.integers(0, 13), st.integers(0, 7)), max_size=14))
def test_who_parts_is_as_if_they_had_never_met(
    one: list[tuple[int, int, int]], other: list[tuple[int, int, int]], since: list[tuple[bool, int, int]]
) -> None:
    check_parting(one, other, since)


CHOICES = st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0, 0, 1, 2, 3]), st.integers(0, 1)), max_size=16)


@trying
@given(CHOICES)
def test_whatever_two_choose_once_merged_the_stricter_holds(said: list[tuple[bool, int, int]]) -> None:
    check_stricter_ever_since(said)


def test_what_two_both_open_once_merged_is_open() -> None:
    assert check_stricter_ever_since([(True, 0, 0), (False, 0, 0)]) == 1


def choice(status: Status, at: float, categories: tuple[str, ...] = ("home",)) -> Consent:
    opens = status in OPENS
    return Consent(
        status, categories if opens else (), "1", at, at + 9e6 if opens else at, by=("person",) if opens else ()
    )


def check_stricter() -> int:
    """Of every two statuses the one that is more closed, whichever came last; a yes to nothing at all is no yes."""
    pairs = 0
    for one, other, late in product(identity.STRICTNESS, identity.STRICTNESS, (0.0, 5.0)):
        ada = replace(newborn("ada"), entries=1, consents={"p": choice(one, 1.0, ("home", "sight"))})
        bo = replace(newborn("bo"), entries=1, consents={"p": choice(other, late)})
        whole = identity.merged(ada, bo).consents["p"]
        strict = max(one, other, key=identity.STRICTNESS.index)
        assert whole.status == strict or {one, other} <= OPENS, "not the stricter"
        assert (whole.status in OPENS) == ({one, other} <= OPENS), "open though one is closed"
        assert whole.categories == (("home",) if {one, other} <= OPENS else ()), "wider than both"
        pairs += 1
        alone = identity.merged(ada, newborn("bo")).consents["p"]
        assert alone.status not in OPENS, "a yes of one is copied to the other"
        assert alone.status == one or one in OPENS, "a no of one is lost"
    return pairs


def test_the_stricter_of_every_two_statuses_wins() -> None:
    assert check_stricter() == 200


def test_of_two_who_both_said_yes_whatever_either_may_not_do_the_whole_may_not() -> None:
    assert check_of_two_yeses() > 5000


def a_trial(plan: list[tuple[int, int, int]]) -> None:
    """What the sabotages are run on: drawn people, and one life of each kind that a random draw may miss."""

    @settings(max_examples=40, database=None, derandomize=True, phases=[Phase.generate])
    @given(ADA, BO)
    def drawn(one: Customer, other: Customer) -> None:
        check_commutes(one, other)
        check_no_more_open(one, other)
        check_closings(one, other)
        check_caps(one, other)

    check_stricter()
    check_stricter_ever_since([(True, 0, 0), (False, 0, 0), (False, 1, 0), (True, 0, 0)])
    check_parting(plan, plan, [(i % 2 == 0, kind, i % 8) for i, kind in enumerate([0, 1, 3, 7, 9, 4, 2, 13] * 2)])
    assert check_parting(SHARED, SHARED, [(True, 4, 0), (False, 3, 1), (False, 4, 1), (True, 3, 0)]) == 4
    drawn()
    check_of_two_yeses()


SHARED = [(-60_000 + i, kind, pick) for i, (pick, kind) in enumerate(product(range(len(PURPOSES)), (0, 1)))]
SHARED += [(-50_000 + 4000 * i, 3, i % 2) for i in range(12)]
"""Everything is agreed to, and there are habits to speak of."""
PLAN = [(-30_000 + 100 * i, kind, i % 8) for i, kind in enumerate([0, 1, 3, 4, 9, 12, 0, 1, 3, 5])]


_copied = wrapping(
    identity, "_stricter", lambda honest, one, other: honest(one, other) if one and other else one or other
)


_shown = wrapping(
    identity, "_service", lambda honest, one, other, sides: replace(honest(one, other, sides), shown=other.shown)
)


_calm = wrapping(
    identity,
    "_service",
    lambda honest, one, other, sides: replace(
        honest(one, other, sides), reluctance=min(one.reluctance, other.reluctance)
    ),
)


_last = replacing(identity, "_stricter", lambda one, other: max(one, other, key=lambda c: c.since if c else 0.0))


_wider = replacing(identity, "_both", lambda one, other: tuple(sorted({*one, *other})))


_first = wrapping(
    identity,
    "merged",
    lambda honest, one, other: replace(honest(one, other), id=one.id, randomization_unit=one.randomization_unit),
)


_refolded = wrapping(
    identity,
    "split",
    lambda honest, person: tuple([replace(side, consents=person.consents) for side in honest(person)]),
)


_uncounted = replacing(identity, "_closings", lambda one, other, *_: {**one.closings, **other.closings})


def _newest(one: Consent | None, other: Consent | None) -> Consent | None:
    return max(one, other, key=lambda made: made.since if made is not None else 0.0)


_wide = replacing(identity, "_both", lambda *both: tuple(sorted(set().union(*both))))


def _late(_: object, other: dict[str, object], __: object) -> dict[str, object]:
    return dict(other)


def says(old: str, new: str) -> Sabotage:
    """A merge whose source says this instead."""
    return lambda patch: mutate(patch, identity, old, new)


SABOTAGES: dict[str, tuple[Sabotage, str]] = {
    "a minor comes of age by merging": (says("of_age_at=max(", "of_age_at=min("), "more is open"),
    "a yes lasts as long as the longer": (says("until=min(early.until", "until=max(early.until"), "more is open|asked"),
    "a trial becomes a yes for good": (says("trial=early.trial or late.trial", "trial=late.trial"), "is asked"),
    "one opens what the other closed": (replacing(fold, "strictest", lambda person, _: person), "opened it alone"),
    "one side's guardian answers for the other": (says("by=_both(late.by, early.by)", "by=late.by"), "more is open"),
    "what one closed first is closed to both": (
        says("_each(one.closings, other.closings, max)", "_each(one.closings, other.closings, min)"),
        "goes out",
    ),
    "a yes of one side is copied to the other": (_copied, "more is open|copied"),
    "the last choice wins": (replacing(identity, "_stricter", _newest), "order|open|strict|wider"),
    "the scope is both sides' together": (_wide, "more is open|wider"),
    "objections are the later side's": (replacing(identity, "_each", _late), "open|asked|split|order|goes out"),
    "only one side's cards count": (_shown, "looser|shorter|attention"),
    "the more patient side speaks": (_calm, "reluctant"),
    "the dice of who is named first": (_first, "order|twice|older"),
    "sides do not live on": (
        replacing(fold, "apply_to_profile", lambda person, _: person),
        "fold is not the step|never met|somebody else",
    ),
    "who parts keeps the other's choices": (_refolded, "never met"),
    "closings keep the number of their side": (_uncounted, "goes out after a new yes"),
    "what closed for one goes on for the other": (
        replacing(fold, "_without_windows", lambda side, _: side),
        "two outcomes",
    ),
    "nobody ever parts": (replacing(identity, "split", lambda person: (person,)), "never met"),
}


@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_product_that_merges_badly_is_caught(monkeypatch: pytest.MonkeyPatch, sabotage: str) -> None:
    spoil, told = SABOTAGES[sabotage]
    spoil(monkeypatch)

    with pytest.raises(AssertionError, match=told):
        a_trial(PLAN)


def test_the_sabotages_are_caught_by_what_they_spoil() -> None:
    a_trial(PLAN)


def test_what_is_merged_stays_bounded() -> None:
    def one(name: str) -> Customer:
        purchases = Purchases()
        for day in range(HABITS_SLACK):
            spot = Spot(f"s{day % 9}", "shop", day, 12.0)
            item = f"{name} {day}"
            purchases = bought(
                purchases,
                Bought(
                    id=f"b{day}",
                    customer=name,
                    occurred_at=NOON + timedelta(days=day),
                    place=spot.place,
                    at=spot,
                    lines=(Line(item, 1, 1, item),),
                ),
            )
        return replace(
            newborn(name),
            entries=1,
            purchases=purchases,
            preferences={f"{name} {i}": True for i in range(NAMES_LIMIT)},
            identifiers=tuple(f"{name} {i}" for i in range(NAMES_LIMIT)),
        )

    whole = identity.merged(one("ada"), one("bo"))

    assert len(whole.purchases.rows) <= HABITS_SLACK
    assert len(whole.purchases.shops) <= 4
    assert len(whole.preferences) == len(whole.identifiers) == NAMES_LIMIT
    crowd = whole
    for i in range(20):
        newcomer = replace(newborn(f"c{i}"), entries=1)
        if identity.refusal(crowd, newcomer, NOW) is None:
            crowd = identity.merged(crowd, newcomer)
    assert len(crowd.names) == identity.PROFILES_LIMIT


def test_three_who_are_one_part_where_nothing_holds_them_together() -> None:
    ada, bo, cleo = (
        replace(life(name, PLAN)[0], identifiers=held)
        for name, held in (("ada", ("x",)), ("bo", ("x", "y")), ("cleo", ("y", "z")))
    )
    whole = identity.merged(identity.merged(ada, bo), cleo)
    assert identity.split(whole) == (whole,) or {*identity.split(whole)[0].identifiers} == {"x", "y", "z"}

    cut = replace(
        whole,
        profiles=tuple([replace(side, identifiers=("x",)) if side.id == "bo" else side for side in whole.profiles]),
    )
    persons = identity.split(cut)

    assert sorted(person.names for person in persons) == [("ada", "bo"), ("cleo",)]
    assert BYTES(next(person for person in persons if person.id == "cleo")) == BYTES(cleo)


@pytest.mark.parametrize("reason", ["restricted", "minor"])
def test_who_may_not_be_read_or_answers_for_nobody_is_not_merged(reason: str) -> None:
    ada = newborn("ada")
    bo = replace(ada, id="bo", restricted=reason == "restricted", of_age_at=NOW + 1 if reason == "minor" else 0.0)

    assert identity.refusal(ada, bo, NOW) == identity.refusal(bo, ada, NOW) == reason
    guarded = replace(bo, consents={PURPOSES[0]: replace(choice("given", 1.0), by=("guardian", "person"))})
    assert identity.refusal(ada, guarded, NOW) == (None if reason == "minor" else reason)
    assert identity.refusal(ada, replace(ada, id="cleo", service=Service()), NOW) is None
    assert lines(BRANDS[0])
