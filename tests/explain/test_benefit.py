"""P8: the benefit shown is real: counted to the cent, promised by replay inside consent, corrected if not kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from support.people import BRANDS, KEY, NOON, STRATEGY, a_loop, camille, enters, says_yes, turn
from support.sabotage import mutate
from visavis.customers import wallet
from visavis.explain import accounts as account
from visavis.explain import benefit as room
from visavis.explain import what_if as promise_room
from visavis.explain.accounts import Account, Accounts, Average, Month
from visavis.explain.benefit import Benefit, benefits
from visavis.explain.what_if import WhatIf, recent, would
from visavis.model.consent import Purpose
from visavis.model.customer import Customer, newborn
from visavis.model.decision import Show
from visavis.model.entry import Effect, Entry, Granted
from visavis.model.moment import Answered, Entered, Moment, Ordered, Redeeming, Restricted, Returned, Reversed, Withdrew
from visavis.runtime.clock import TurnedClock
from visavis.runtime.loop import Processor

REMINDERS = STRATEGY.purposes["reminders"]
THANKS = next(action for action in STRATEGY.actions.values() if action.effect == "reward")
REFILL = next(action for action in STRATEGY.actions.values() if action.effect == "order")


def a_card(number: int, action: str, purpose: str, p: float = 0.3) -> Show:
    return Show(f"d{number}", "customer", purpose, action, "", "", "glasses", 1.0, p, 1.0, (), (), (), (), None)


def told(loop: Processor, everybody: Accounts, language: str = "en", *, now: datetime = NOON) -> dict[str, Benefit]:
    turned = TurnedClock()
    turned.turn(now.timestamp())
    loop.clock = turned
    found = benefits(loop, everybody, "camille", loop.log.of("camille"), language)
    return {one.purpose: one for one in found}


def counted(loop: Processor) -> Accounts:
    everybody = Accounts(STRATEGY)
    for name in loop.population.by_name():
        for entry in loop.log.of(name):
            everybody.apply(entry, newborn("camille"), True)
    return everybody


def promised(loop: Processor, purpose: Purpose, now: datetime) -> WhatIf | None:
    days = recent(loop.log.of("camille"), now)
    assert days is not None
    return would(STRATEGY, loop.world, days, purpose, KEY)


# What may happen to a card, at random, sensible or not.
gestures = st.lists(
    st.tuples(st.sampled_from(["show", "yes", "no", "redeem", "reverse", "order", "return"]), st.integers(0, 4)),
    max_size=40,
)


def entries(happened: list[tuple[str, int]]) -> list[Entry]:
    """The entries that the engine's rules allow: the first answer counts, a code is redeemed once."""
    found: list[Entry] = []
    shown: set[int] = set()
    answered: set[int] = set()
    granted: dict[int, bool] = {}
    for i, (what, n) in enumerate(happened):
        at, code = NOON + timedelta(minutes=i), f"c{n}"
        base: dict[str, Any] = {"id": f"m{i}", "customer": "camille", "occurred_at": at}
        moment: Moment
        answer: Granted | None = None
        effects: tuple[Effect, ...] = ()
        decisions: tuple[Show, ...] = ()
        if what == "show" and n not in shown:
            shown.add(n)
            moment, decisions = (
                Entered(place="s1", **base),
                (a_card(n, THANKS.id if n % 2 else REFILL.id, THANKS.purpose if n % 2 else REFILL.purpose),),
            )
        elif what in ("yes", "no"):
            moment = Answered(decision=f"d{n}", answer=what, **base)
            first = n in shown - answered
            answered |= {n} & shown
            if what == "yes" and first:
                granted[n] = False
                effects = (
                    Effect(code, "reward", THANKS.id, "", 100 + n, 2e9)
                    if n % 2
                    else Effect(f"d{n}", "order", REFILL.id, "milk"),
                )
        elif what in ("redeem", "reverse"):
            moment = (Redeeming if what == "redeem" else Reversed)(code=code, **base)
            good = n % 2 == 1 and n in granted and granted[n] is (what == "reverse")
            answer = Granted(yes=good, reason="redeemed" if what == "redeem" else "reversed", cents=100 + n)
            if good:
                granted[n] = what == "redeem"
        elif what in ("order", "return"):
            moment = (Ordered if what == "order" else Returned)(order=f"d{n}", **base)
        else:
            continue
        found.append(Entry(2, "camille", at, moment, decisions, (), effects, (), answer))
    return found


def check_sums(happened: list[tuple[str, int]]) -> None:
    account, everybody = Account(), Accounts(STRATEGY)
    at_tills = owed = spent = 0
    for entry in entries(happened):
        account.apply(STRATEGY, entry)
        everybody.apply(entry, newborn("camille"), True)
        books = {
            name: sum([one.cents for one in wallet.postings(entry) if one.account == name])
            for name in (wallet.COST, wallet.LIABILITY, wallet.TILL)
        }
        assert sum(books.values()) == 0, "the books do not balance"
        spent, owed, at_tills = (
            spent - books[wallet.COST],
            owed + books[wallet.LIABILITY],
            at_tills + books[wallet.TILL],
        )
        assert spent == owed + at_tills >= at_tills >= 0 <= owed, "what was granted is neither owed nor redeemed"
        assert sum([one.cents for one in account.brought.values()]) == at_tills
        assert everybody.books == {wallet.COST: -spent, wallet.LIABILITY: owed, wallet.TILL: at_tills}, (
            "the brand's books are not those of its entries"
        )
    everybody.erase_personal_data({"camille"}, ())
    assert not any(everybody.books.values()), "the books keep what was erased"
    assert "" not in account.brought
    assert all(one.cents >= 0 and one.redeemed >= 0 and one.orders >= 0 for one in account.brought.values())


TAKEN_BACK = [("show", 1), ("yes", 1), ("redeem", 1), ("reverse", 1)]


@given(gestures)
@example([("show", 0), ("no", 0), ("yes", 0), ("order", 0)])
@example(TAKEN_BACK)
@settings(max_examples=200)
def test_the_benefit_ledger_adds_up_to_what_tills_took_cent_for_cent(happened: list[tuple[str, int]]) -> None:
    check_sums(happened)


def test_a_ledger_that_forgets_what_a_till_took_back_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Account.apply
    monkeypatch.setattr(
        Account,
        "apply",
        lambda self, strategy, entry: None if isinstance(entry.moment, Reversed) else honest(self, strategy, entry),
    )
    with pytest.raises(AssertionError):
        check_sums(TAKEN_BACK)


def check_text() -> None:
    """The words follow the figures: two people with other benefits are never told the same."""
    loop = a_loop()
    camille(loop, "recognition", "place-moment")
    everybody = counted(loop)
    before = told(loop, everybody)["recognition"].text
    for entry in entries([("show", 1), ("yes", 1), ("redeem", 1)]):
        everybody.apply(entry, newborn("camille"), True)
    after = told(loop, everybody)["recognition"]
    assert before == "None so far."
    assert after.text == "$1.01 at the till, 1 useful card."
    assert (after.cents, after.useful) == (101, 1)


def test_the_words_follow_the_figures() -> None:
    check_text()


def test_a_fixed_text_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "described", lambda *_, **__: ("own", "Lots of benefits."))
    with pytest.raises(AssertionError):
        check_text()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=3, max_size=3))
@settings(max_examples=50)
def test_a_promise_not_kept_three_months_in_a_row_changes_the_words_by_itself(months: list[tuple[int, int]]) -> None:
    account = Account()
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    number = 0
    for month, (shown, yes) in enumerate(months):
        at = datetime(2026, 8 + month, 10, tzinfo=UTC)
        for i in range(shown):
            number += 1
            card = a_card(number, "reminder-door", "reminders", p=0.5)
            account.apply(
                STRATEGY,
                Entry(
                    2, "camille", at, Entered(id=f"e{number}", customer="camille", occurred_at=at, place="s1"), (card,)
                ),
            )
            if i < yes:
                answer = Answered(id=f"a{number}", customer="camille", occurred_at=at, decision=card.id, answer="yes")
                account.apply(STRATEGY, Entry(2, "camille", at, answer))

    broken = all(shown * 0.5 > min(yes, shown) for shown, yes in months)
    assert account.less_than_promised("reminders", now) is broken
    assert not Account().less_than_promised("reminders", now)


def test_money_promised_is_judged_by_money() -> None:
    assert Month(yes_milli=900, cents_milli=75_000, useful=3, cents=0).broken
    assert not Month(yes_milli=900, cents_milli=75_000, useful=0, cents=250).broken


def test_a_closed_purpose_is_promised_by_living_their_own_days_again() -> None:
    loop = a_loop()
    camille(loop, "tailored-offers", "place-moment", products=tuple(BRANDS[:6]))
    for i in range(6):
        at = NOON + timedelta(days=i)
        turn(loop, at)
        loop.process([enters(id=f"door-{i}", at=at)])
    now = NOON + timedelta(days=6)
    log = list(loop.log.of("camille"))

    maybe = promised(loop, REMINDERS, now)

    assert maybe is not None
    assert maybe.moments >= 6
    assert 0 < maybe.cards <= 6, "each family once, since a card waits a week before it comes again"
    assert list(loop.log.of("camille")) == log
    text = told(loop, counted(loop), now=now)["reminders"]
    assert text.kind == "replay"
    assert str(maybe.cards) in text.text


def check_inside_consent() -> None:
    """Nothing that is closed is read for a promise: with purchases closed, what was bought changes no promise."""
    promises = []
    for products in (tuple(BRANDS[:1]), tuple(BRANDS[:6])):
        loop = a_loop()
        camille(loop, "reminders", "place-moment", products=products)
        loop.process([Withdrew(id="no", customer="camille", occurred_at=NOON, purpose="reminders")])
        for i in range(4):
            at = NOON + timedelta(days=i, seconds=1)
            turn(loop, at)
            loop.process([enters(id=f"door-{i}", at=at)])
        now = NOON + timedelta(days=5)
        promises.append(
            [promised(loop, purpose, now) for purpose in STRATEGY.purposes.values() if purpose.basis == "consent"]
        )
    assert promises[0] == promises[1]


def test_a_promise_reads_nothing_that_is_closed() -> None:
    check_inside_consent()


def test_a_promise_that_reads_what_is_closed_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = promise_room._opened
    everything = ("places", "purchases", "home", "sight", "preferences", "orders")

    def greedy(strategy: object, customer: Customer, purpose: object, at: datetime) -> Customer:
        opened = honest(strategy, customer, purpose, at)  # type: ignore[arg-type]
        return replace(
            opened,
            consents={
                key: replace(one, categories=everything, status="given", until=9e9, by=("person",))
                for key, one in opened.consents.items()
            },
        )

    monkeypatch.setattr(promise_room, "_opened", greedy)
    with pytest.raises(AssertionError):
        check_inside_consent()


def check_that_the_frozen_are_not_replayed() -> None:
    """Somebody who asked that nothing be read: no day of theirs is lived again to promise them anything."""
    loop = a_loop()
    camille(loop, "tailored-offers", "place-moment", products=tuple(BRANDS[:6]))
    for i in range(6):
        turn(loop, NOON + timedelta(days=i))
        loop.process([enters(id=f"door-{i}", at=NOON + timedelta(days=i))])
    now = NOON + timedelta(days=6)
    turn(loop, now)
    assert {one.kind for one in told(loop, counted(loop), now=now).values()} > {"replay"}, "nothing was to be promised"
    loop.process([Restricted(id="frozen", customer="camille", occurred_at=now)])
    assert not {one.kind for one in told(loop, counted(loop), now=now).values()} & {"replay"}, (
        "the days of a frozen person are read"
    )


def test_nothing_is_promised_from_what_may_not_be_read() -> None:
    check_that_the_frozen_are_not_replayed()


def test_averages_are_of_twenty_people_at_least_and_only_of_those_whose_yes_stands() -> None:
    check_averages()


def check_averages() -> None:
    loop = a_loop()
    people = [f"p{i}" for i in range(20)]
    for name in people:
        loop.process(says_yes(name, "recognition", at=NOON))
    everybody = counted(loop)
    for name in people:
        for entry in entries([("show", 1), ("yes", 1), ("redeem", 1)]):
            everybody.apply(replace(entry, customer=name), newborn("camille"), True)
    purpose = STRATEGY.purposes["recognition"]
    later = (NOON + timedelta(minutes=1)).timestamp()

    assert everybody.average(purpose, loop.customer, later) == Average(101, 1.0)
    text = told(loop, everybody)["recognition"].text.replace("\N{NO-BREAK SPACE}", " ")
    assert text == "On average, for those who opened it: about $1.01, 1 useful card."

    loop.process(
        [Withdrew(id="no", customer=people[0], occurred_at=NOON + timedelta(minutes=2), purpose="recognition")]
    )
    assert counted(loop).average(purpose, loop.customer, later + 120) is None, "an average of nineteen"
    assert told(loop, counted(loop), "fr")["recognition"].text == "Rien pour l’instant."


def test_who_is_erased_is_in_no_account() -> None:
    everybody = Accounts(STRATEGY)
    for entry in entries([("show", 1), ("yes", 1), ("redeem", 1)]):
        everybody.apply(entry, newborn("camille"), True)
    everybody.erase_personal_data({"camille"}, ())
    assert everybody.of(["camille"]) == Account()


@pytest.mark.parametrize(
    ("check", "module", "old", "new", "told"),
    [
        (
            lambda: check_sums(TAKEN_BACK),
            wallet,
            "if isinstance(entry.moment, Redeeming) else -entry.granted.cents",
            "",
            "books|neither",
        ),
        (check_averages, account, "K: Final = 20", "K: Final = 19", "nineteen"),
        (check_that_the_frozen_are_not_replayed, room, " and not person.restricted:", ":", "frozen"),
    ],
)
def test_a_benefit_that_is_counted_otherwise_is_caught(
    monkeypatch: pytest.MonkeyPatch, check: Callable[[], None], module: ModuleType, old: str, new: str, told: str
) -> None:
    mutate(monkeypatch, module, old, new)
    with pytest.raises(AssertionError, match=told):
        check()
