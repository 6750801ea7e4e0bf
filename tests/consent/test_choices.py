"""Where a person stands with each purpose, by the table of ten statuses: only two open the gate."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from support.people import KEY, NOON, STRATEGY, a_loop, camille, enters, says_yes
from support.sabotage import mutate
from visavis.consent.choices import PurposeSwitch, choices, status, switched
from visavis.consent.gate import NotAdmitted, admit, holds, open_categories
from visavis.consent.notices import may_ask
from visavis.customers import choices as customers_chosen
from visavis.engine import step
from visavis.insight.need import prior
from visavis.model.consent import Consent, hash_of, notice_text
from visavis.model.customer import Customer, newborn
from visavis.model.entry import SERVER
from visavis.model.moment import Born, Consented, Moment, Noticed, Objected, Restricted, Withdrew
from visavis.model.world import World
from visavis.runtime.loop import Processor

WORLD = World(version="w", strategy=STRATEGY.version, learned=prior())
PLACE = STRATEGY.purposes["place-moment"]
NOW = NOON.timestamp()


def lived(*moments: Moment) -> Customer:
    customer = newborn("camille")
    for moment in moments:
        admitted = admit(STRATEGY, customer, moment, moment.occurred_at)
        assert not isinstance(admitted, NotAdmitted), admitted
        _, customer = step(STRATEGY, WORLD, customer, admitted, moment.occurred_at, KEY)
    return customer


def said(kind: type[Any], name: str, *, minutes: int = 0, days: int = 0, **fields: object) -> Any:
    return kind(id=name, customer="camille", occurred_at=NOON + timedelta(minutes=minutes, days=days), **fields)


def served(**fields: Any) -> Noticed:
    return said(Noticed, "n", purpose="place-moment", notice="2026-1", **fields)  # type: ignore[no-any-return]


def yes(name: str = "y", **fields: Any) -> Consented:
    return said(Consented, name, purpose="place-moment", notice="2026-1", **fields)  # type: ignore[no-any-return]


def no(how: str = "withdrawn", **fields: Any) -> Withdrew:
    return said(Withdrew, f"w-{how}", purpose="place-moment", how=how, **fields)  # type: ignore[no-any-return]


def opens(customer: Customer, *, days: float = 0.1) -> bool:
    return bool(open_categories(customer, PLACE, NOW + days * 86_400))


STANDINGS: list[tuple[str, list[Moment], float, bool]] = [
    ("unknown", [], 0.1, False),
    ("requested", [served()], 0.1, False),
    ("deferred", [served(), no("deferred")], 0.1, False),
    ("refused", [served(), no()], 0.1, False),
    ("given", [served(), yes()], 0.1, True),
    ("renewed", [served(), yes(), yes("again", days=1)], 1.1, True),
    ("expired", [served(), yes()], 731, False),
    ("invalidated", [served(), yes(), no("invalidated", days=1)], 1.1, False),
    ("revoked", [served(), yes(), no("revoked", days=1)], 1.1, False),
    ("withdrawn", [served(), yes(), no(days=1)], 1.1, False),
]


@pytest.mark.parametrize(("name", "moments", "days", "opened"), STANDINGS, ids=[one[0] for one in STANDINGS])
def test_each_status_opens_or_closes_by_the_table(name: str, moments: list[Moment], days: float, opened: bool) -> None:
    customer = lived(*moments)

    assert status(customer, PLACE, NOW + days * 86_400) == name
    assert opens(customer, days=days) is opened
    assert (
        next(one for one in choices(STRATEGY, customer, "fr", NOW + days * 86_400) if one.purpose == "place-moment").on
        is opened
    )


def test_a_choice_keeps_the_words_that_were_read_and_the_choice_before() -> None:
    customer = lived(served(language="en"), yes(minutes=1, method="voice"), yes("again", days=1))

    choice = customer.consents["place-moment"]
    assert choice.hash == hash_of(notice_text(PLACE, "en"))
    assert choice.served == "n"
    assert choice.served_at < choice.since
    assert (choice.language, choice.record, choice.previous, choice.by) == ("en", "again", "y", ("person",))


def test_a_choice_without_a_served_notice_or_before_it_is_refused() -> None:
    for moments in ([], [served(minutes=5)]):
        customer = lived(*moments)
        answer = admit(STRATEGY, customer, yes(), NOON + timedelta(minutes=6))
        assert isinstance(answer, NotAdmitted)


def test_a_notice_that_nobody_wrote_is_not_served() -> None:
    for wrong in (served(language="fr"), served()):
        other = replace(wrong, notice="1999-1")
        assert isinstance(admit(STRATEGY, newborn("camille"), other, NOON), NotAdmitted)
    assert isinstance(admit(STRATEGY, newborn("camille"), said(Withdrew, "w", purpose="nothing"), NOON), NotAdmitted)


def test_what_the_sender_says_of_the_scope_is_not_believed() -> None:
    customer = lived(
        replace(served(), categories=("purchases", "places"), hash="00", recipients=("Acme",)),
        replace(yes(minutes=1), categories=("purchases", "places"), until=NOON + timedelta(days=9999)),
    )

    assert customer.consents["place-moment"].categories == ("places",)
    assert customer.consents["place-moment"].recipients == ()
    assert not opens(customer, days=731)


def test_a_trial_switches_itself_off_after_thirty_days_and_a_yes_renews_it() -> None:
    customer = lived(served(), yes(trial=True))

    assert opens(customer, days=29.99)
    assert not opens(customer, days=30)
    assert status(customer, PLACE, NOW + 30 * 86_400) == "expired"
    assert not may_ask(customer, PLACE, NOW + 60 * 86_400)
    renewed = lived(served(), yes(trial=True), yes("again", days=31))
    assert opens(renewed, days=60)
    assert status(renewed, PLACE, NOW + 60 * 86_400) == "renewed"


def test_what_was_decided_before_a_yes_ran_out_does_not_go_out_under_the_next_one() -> None:
    first, renewed = lived(served(), yes()), lived(served(), yes(), yes("again", days=700))
    later = lived(served(), yes(), served(days=800), yes("anew", days=800))

    assert holds(renewed, PLACE, first.consent_epoch, NOW + 801 * 86_400), "a yes that was renewed in time never ended"
    assert not holds(later, PLACE, first.consent_epoch, NOW + 801 * 86_400)
    assert holds(later, PLACE, later.consent_epoch, NOW + 801 * 86_400)


def test_under_fifteen_the_person_and_their_guardian_both_say_yes() -> None:
    child = said(Born, "b", birth_date=date(2014, 5, 31))
    alone = lived(child, served(), yes())
    guardian = lived(child, served(), yes(by="guardian"))
    both = lived(child, served(), yes(), yes("g", minutes=1, by="guardian"))
    adult = lived(said(Born, "b", birth_date=date(1990, 5, 31)), served(), yes())

    assert [opens(one) for one in (alone, guardian, both, adult)] == [False, False, True, True]
    assert (
        next(one for one in choices(STRATEGY, alone, "fr", NOW + 60) if one.purpose == "place-moment").closed_by
        == "guardian"
    )
    birthday = (NOON.replace(year=2029, month=6, day=2) - NOON).days
    late = lived(child, served(), yes(days=birthday + 1))
    assert open_categories(late, PLACE, NOW + (birthday + 2) * 86_400)


SCOPES = st.lists(st.sampled_from(["places", "purchases", "home"]), unique=True).map(tuple)


def check_both_agreed(
    first: tuple[str, ...], then: tuple[str, ...], days: tuple[int, int], by: tuple[str, str]
) -> None:
    """What a child and who answers for them both said yes to is what both were told, for as long as both said."""
    customer = newborn("camille")
    for scope, lasts, actor, minutes in zip((first, then), days, by, (0, 1), strict=True):
        told = {"categories": scope, "recipients": scope, "iri": scope}
        moment = yes(actor, minutes=minutes, by=actor, until=NOON + timedelta(days=lasts), **told)
        customer = customers_chosen.with_choice(customer, moment, NOW + 60)
    both = customer.consents["place-moment"]

    assert set(both.by) == {"person", "guardian"}
    for scope in (both.categories, both.recipients, both.iri):
        assert set(scope) == set(first) & set(then), "not what both were told"
    assert both.until == NOW + min(days) * 86_400, "longer than both said"


@given(
    SCOPES,
    SCOPES,
    st.tuples(st.integers(1, 800), st.integers(1, 800)),
    st.permutations(["person", "guardian"]).map(tuple),
)
@settings(max_examples=50)
def test_two_who_answer_for_a_child_open_what_both_were_told(
    first: tuple[str, ...], then: tuple[str, ...], days: tuple[int, int], by: tuple[str, str]
) -> None:
    check_both_agreed(first, then, days, by)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("tuple([one for one in now if one in then])", "now", "both were told"),
        ("until = min(until, before.until)", "pass", "longer"),
    ],
)
def test_a_second_yes_that_widens_the_first_is_caught(
    monkeypatch: pytest.MonkeyPatch, old: str, new: str, told: str
) -> None:
    mutate(monkeypatch, customers_chosen, old, new)
    with pytest.raises(AssertionError, match=told):
        check_both_agreed(("places",), ("places", "home"), (10, 20), ("person", "guardian"))


def test_a_birth_date_is_dropped_at_the_door() -> None:
    admitted = admit(STRATEGY, newborn("camille"), said(Born, "b", birth_date=date(2012, 2, 29)), NOON)

    assert isinstance(admitted, Born)
    assert admitted.birth_date is None
    assert admitted.of_age_at is not None
    assert admitted.of_age_at.year == 2027
    assert b"2012" not in msgspec.json.encode(admitted)
    assert isinstance(admit(STRATEGY, newborn("camille"), said(Born, "b"), NOON), NotAdmitted)


def test_restriction_keeps_receipts_and_reads_nothing() -> None:
    loop = a_loop()
    camille(loop, "place-moment", "reminders")
    loop.process([enters(id="before")])
    loop.process([said(Restricted, "r")])

    assert not any(
        open_categories(loop.customer("camille"), purpose, NOW + 60) for purpose in STRATEGY.purposes.values()
    )
    assert not loop.customer("camille").service.open
    assert loop.process([enters(id="door")])[0].refused is not None
    loop.process([said(Restricted, "l", on=False)])
    assert loop.process([enters(id="again")])[0].entry is not None


def test_an_objection_to_marketing_closes_it_whatever_is_agreed_to_afterwards() -> None:
    loop = a_loop()
    camille(loop, "reminders", "home", "place-moment")
    loop.process([said(Objected, "o", about="marketing"), *says_yes("camille", "tailored-offers", at=NOON)])
    customer = loop.customer("camille")

    closed = {key for key, purpose in STRATEGY.purposes.items() if not open_categories(customer, purpose, NOW + 1)}
    assert {"reminders", "tailored-offers", "place-moment"} <= closed
    assert "home" not in closed
    assert "account" not in closed
    assert not may_ask(customer, STRATEGY.purposes["reminders"], NOW + 400 * 86_400)
    loop.process([said(Objected, "o2", about="marketing", on=False)])
    assert open_categories(loop.customer("camille"), STRATEGY.purposes["reminders"], NOW + 1)


def test_a_contract_cannot_be_objected_to_nor_what_does_not_exist() -> None:
    for about in ("account", "nothing"):
        assert isinstance(admit(STRATEGY, newborn("camille"), said(Objected, "o", about=about), NOON), NotAdmitted)


def test_the_brand_does_not_ask_again_for_half_a_year_and_the_person_may_choose_at_any_time() -> None:
    customer = lived(served(), no())
    asking, own = served(days=181, asked=True), served(days=1)
    assert isinstance(admit(STRATEGY, customer, asking, asking.occurred_at), NotAdmitted)
    assert isinstance(
        admit(STRATEGY, customer, replace(asking, occurred_at=NOON + timedelta(days=182)), NOON + timedelta(days=182)),
        Noticed,
    )
    assert isinstance(admit(STRATEGY, customer, own, own.occurred_at), Noticed)


def test_saying_no_takes_no_more_than_saying_yes() -> None:
    home = STRATEGY.purposes["home"]
    on = switched(home, "camille", PurposeSwitch(on=True), SERVER, language="fr", cause="g", at=NOON)
    off = switched(home, "camille", PurposeSwitch(on=False), SERVER, language="fr", cause="g", at=NOON)
    assert len(off) <= len(on)
    loop: Processor = a_loop()
    loop.process(on)
    choice = loop.customer("camille").consents["home"]
    assert choice.served_at < choice.since


@pytest.mark.parametrize(
    "broken",
    [
        {"since": None},
        {"until": None},
        {"status": "?"},
        {"status": None},
        {"since": float("nan")},
        {"until": float("nan")},
        {"by": None},
        {"by": ()},
        {"categories": None},
        {"categories": ()},
        {"iri": None},
        {"recipients": None},
    ],
)
def test_a_choice_that_cannot_be_read_opens_nothing(broken: dict[str, Any]) -> None:
    customer = lived(served(), yes())
    choice: Consent = replace(customer.consents["place-moment"], **broken)

    assert not opens(replace(customer, consents={"place-moment": choice}))


def test_a_clock_that_is_behind_the_choice_opens_nothing() -> None:
    assert not opens(lived(served(), yes()), days=-0.001)
