"""P2, P3, P6, P7, P18, P19, P22: off until a yes, off at the next moment, wider needs a new yes, a no costs nothing."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from support.lives import KINDS, Life, a_strategy, a_world, moments
from support.people import BRANDS, KEY, NOON, STRATEGY, a_loop, camille, enters, lines, pays, says_yes
from support.sabotage import mutate
from visavis.consent import gate
from visavis.consent.gate import NotAdmitted, admit, open_categories
from visavis.customers import choices as customers_chosen
from visavis.customers import wallet
from visavis.engine import step
from visavis.insight.need import prior
from visavis.model.consent import CATEGORIES, Consent, Purpose, hash_of, notice_text
from visavis.model.customer import Customer, Reward, newborn
from visavis.model.entry import Entry, encode
from visavis.model.moment import (
    Bought,
    Consented,
    Fulfilled,
    Moment,
    Noticed,
    Objected,
    Ordered,
    Redeeming,
    Restricted,
    Reversed,
    Withdrew,
)
from visavis.model.world import World
from visavis.runtime.loop import Processor
from visavis.runtime.writer import Writer

WORLD = World(version="w", strategy=STRATEGY.version, learned=prior())
OPTIONAL = [key for key, purpose in STRATEGY.purposes.items() if purpose.basis == "consent"]


# P3: nothing is read before a yes


def check_off(seeds: range, count: int) -> int:
    """A person who did nothing: no moment makes a use under a purpose that is asked for."""
    lived = 0
    for seed in seeds:
        dice = Random(seed)
        served, now = a_strategy(dice)
        life = Life(served, now, a_world(dice, now))
        for moment in sorted(moments(dice, list(KINDS), count, "m"), key=lambda one: one.occurred_at):
            life.process(moment)
            lived += 1
        read = {use.purpose for entry in life.processor.log.of("camille") for use in entry.uses if use.categories}
        assert read <= {"account"}, read
    return lived


def test_until_a_yes_nothing_is_read(times: Callable[[int, int], int]) -> None:
    assert check_off(range(times(10, 100)), 100) >= 1000


def test_an_exception_that_is_treated_as_a_yes_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = open_categories

    def yielding(customer: Customer, purpose: Purpose, now: float) -> frozenset[str]:
        try:
            return honest(customer, purpose, now) if customer.consents[purpose.key] else frozenset()
        except KeyError:
            return purpose.categories

    monkeypatch.setattr(gate, "open_categories", yielding)
    with pytest.raises(AssertionError):
        check_off(range(5), 100)


# P2: a withdrawal acts on the very next moment, and a decision is before it or after it, never a mix


def check_next(seeds: range) -> None:
    """After a no of any kind, no moment reads for that purpose again, and nothing that waits under it goes out."""
    for seed in seeds:
        dice = Random(seed)
        loop = a_loop()
        chosen = dice.sample(OPTIONAL, dice.randint(1, len(OPTIONAL)))
        camille(loop, *chosen)
        closed = dice.choice(chosen)
        noes: list[Moment] = [
            Withdrew(id="no", customer="camille", occurred_at=NOON, purpose=closed),
            Withdrew(id="no", customer="camille", occurred_at=NOON, purpose=closed, how="revoked"),
            Objected(id="no", customer="camille", occurred_at=NOON, about=closed),
            Restricted(id="no", customer="camille", occurred_at=NOON),
        ]
        no = dice.choice(noes)
        before = loop.customer("camille").consent_epoch
        loop.process([enters(id="before")])
        answers = loop.process([no, enters(id="next"), pays(BRANDS[0], id="till")])  # one commit: nothing in between
        used = {use.purpose for answer in answers if answer.entry is not None for use in answer.entry.uses}
        assert closed not in used, f"seed {seed}: {closed}"
        assert loop.customer("camille").consent_epoch > before
        assert not [window for window in loop.customer("camille").service.open if window.purpose == closed]


def test_a_no_acts_on_the_very_next_moment(times: Callable[[int, int], int]) -> None:
    check_next(range(times(40, 1000)))


def test_a_consent_cached_for_a_minute_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    cached: dict[tuple[str, str], frozenset[str]] = {}
    honest = open_categories

    def slow(customer: Customer, purpose: Purpose, now: float) -> frozenset[str]:
        found = honest(customer, purpose, now)
        return (
            cached.setdefault((customer.id, purpose.key), found)
            if found
            else cached.get((customer.id, purpose.key), found)
        )

    monkeypatch.setattr(gate, "open_categories", slow)
    with pytest.raises(AssertionError):
        check_next(range(10))


async def check_race(trials: int) -> tuple[int, int]:
    """A withdrawal and moments from two senders in every order of the event loop: decided before it or after it."""
    seen = [0, 0]
    loop = a_loop()
    camille(loop, "reminders", "place-moment")
    writer = Writer(loop)
    writer.start()
    dice = Random(7)
    version = STRATEGY.purposes["reminders"].notice.version
    for trial in range(trials):

        async def arrives(moment: Moment) -> Entry | None:
            for _ in range(dice.randint(0, 3)):
                await asyncio.sleep(0)
            return (await writer.process(moment)).answer.entry

        said: list[Moment] = [
            Noticed(id=f"n{trial}", customer="camille", occurred_at=NOON, purpose="reminders", notice=version),
            Consented(id=f"y{trial}", customer="camille", occurred_at=NOON, purpose="reminders", notice=version),
        ]
        for one in said:
            await writer.process(one)
        moments: list[Moment] = [
            Withdrew(id=f"w{trial}", customer="camille", occurred_at=NOON, purpose="reminders"),
            pays(BRANDS[9], id=f"a{trial}"),
            pays(BRANDS[9], id=f"b{trial}"),
        ]
        dice.shuffle(moments)
        lived = await asyncio.gather(*[arrives(one) for one in moments])
        order = [entry.moment.id for entry in loop.log.of("camille")][-3:]
        withdrawn = order.index(f"w{trial}")
        for entry in lived:
            if entry is None or isinstance(entry.moment, Withdrew):
                continue
            after = order.index(entry.moment.id) > withdrawn
            read = any(use.purpose == "reminders" for use in entry.uses)
            assert read is not after, f"trial {trial}: {'read after the no' if after else 'not read before it'}"
            refused = [
                one
                for decision in entry.decisions
                for one in decision.refusals
                if one.detail == "reminders" and one.reason == "consent"
            ]
            assert bool(refused) is after, "a mix: read for one action and refused for another"
            seen[after] += 1
    await writer.stop()
    return seen[0], seen[1]


def test_a_decision_is_before_a_withdrawal_or_after_it(times: Callable[[int, int], int]) -> None:
    before, after = asyncio.run(check_race(times(100, 1000)))

    assert before > 20
    assert after > 20


def test_a_withdrawal_that_reaches_one_sender_late_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = open_categories
    calls = [0]

    def torn(customer: Customer, purpose: Purpose, now: float) -> frozenset[str]:
        calls[0] += 1
        choice = customer.consents.get(purpose.key)
        stale = choice is not None and choice.status == "withdrawn" and purpose.key == "reminders" and calls[0] % 3 == 0
        return purpose.categories if stale else honest(customer, purpose, now)

    monkeypatch.setattr(gate, "open_categories", torn)
    with pytest.raises(AssertionError):
        asyncio.run(check_race(40))


# P19: wider use needs a new yes, narrower does not


def check_scope(pairs: int) -> tuple[int, int]:
    """Random pairs of an agreed notice and the purpose now: what is open was in both, nothing when it is wider."""
    dice = Random(19)
    wider = narrower = 0
    people = ["Acme", "Bank", "Carrier"]
    iris = ["dpv:PersonalisedBenefits", "dpv:CustomerCare", "dpv:ServiceUsageAnalytics"]
    for _ in range(pairs):
        then, now = [
            replace(
                STRATEGY.purposes["home"],
                categories=frozenset(dice.sample(CATEGORIES, dice.randint(1, 5))),
                recipients=tuple(dice.sample(people, dice.randint(0, 2))),
                iri=tuple(dice.sample(iris, dice.randint(1, 2))),
            )
            for _ in range(2)
        ]
        said = notice_text(then, "fr")
        choice = Consent(
            "given",
            said.categories,
            "1",
            0.0,
            9e9,
            said.recipients,
            said.iri,
            hash_of(said),
            "n",
            0.0,
            "fr",
            ("person",),
        )
        opened = open_categories(replace(newborn("camille"), consents={"home": choice}), now, 1.0)
        assert opened <= then.categories & now.categories
        if not set(now.recipients) <= set(then.recipients) or not set(now.iris) <= set(then.iris):
            wider += 1
            assert not opened, "others, or another purpose, without a new yes"
        else:
            narrower += 1
            assert opened == then.categories & now.categories, "what was agreed to stays open"
    return wider, narrower


def test_wider_use_needs_a_new_yes() -> None:
    wider, narrower = check_scope(1000)

    assert wider > 100
    assert narrower > 100


def test_a_gate_that_compares_purposes_only_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_shared", lambda declared, *_: declared)
    with pytest.raises(AssertionError):
        check_scope(1000)


def test_a_yes_to_an_older_narrower_notice_opens_what_it_named() -> None:
    wide = STRATEGY.purposes["reminders"]
    then = replace(
        STRATEGY, purposes=STRATEGY.purposes | {"reminders": replace(wide, categories=frozenset({"places"}))}
    )
    loop = a_loop()
    loop.strategy = then
    version = wide.notice.version
    loop.process([Noticed(id="n", customer="camille", occurred_at=NOON, purpose="reminders", notice=version)])
    loop.strategy = STRATEGY
    loop.process([Consented(id="y", customer="camille", occurred_at=NOON, purpose="reminders", notice=version)])
    customer = loop.customer("camille")

    assert open_categories(customer, wide, NOON.timestamp() + 1) == {"places"}
    assert (
        customer.consents["reminders"].hash
        == hash_of(notice_text(then.purposes["reminders"], "fr"))
        != hash_of(notice_text(wide, "fr"))
    )


# P6: saying no costs no more than yes


def test_a_no_takes_one_moment_and_needs_no_words() -> None:
    loop = a_loop()
    camille(loop, "home")
    for key in OPTIONAL:
        answer = loop.process([Withdrew(id=f"no-{key}", customer="camille", occurred_at=NOON, purpose=key)])[0]
        assert answer.entry is not None
        assert loop.process([Withdrew(id=f"no-{key}", customer="camille", occurred_at=NOON, purpose=key)])[0].retried


# P7: what is given to all does not depend on what one shared


def check_no_penalty(subsets: int) -> int:
    """What the contract gives, receipts, orders, rewards, is the same with and without any subset of consents."""
    honest: list[bytes] | None = None
    dice = Random(3)
    for _ in range(subsets):
        chosen = dice.sample(OPTIONAL, dice.randint(0, len(OPTIONAL)))
        found = _given(chosen)
        honest = honest if honest is not None else found
        assert found == honest, chosen
    return len(honest or [])


def _given(chosen: list[str]) -> list[bytes]:
    at = NOON - timedelta(days=30)
    owed = Reward("C1", "thank-you", 250, "granted", at.timestamp(), (NOON + timedelta(days=30)).timestamp())
    customer = replace(newborn("camille"), rewards=(owed,))
    base: dict[str, Any] = {"customer": "camille"}
    told: list[Moment] = [
        Bought(id="b1", occurred_at=at, place="s1", lines=lines(*BRANDS[:3]), **base),
        Ordered(id="o", occurred_at=at, order="o1", product=BRANDS[0], **base),
        Redeeming(id="r", occurred_at=NOON, code="none", **base),
        Redeeming(id="r1", occurred_at=NOON, code="C1", **base),
        Reversed(id="r2", occurred_at=NOON, code="C1", **base),
        Redeeming(id="r3", occurred_at=NOON, code="C1", **base),
        Fulfilled(id="f", occurred_at=NOON, order="o1", **base),
        Bought(id="b2", occurred_at=NOON, place="s1", lines=lines(*BRANDS[2:5]), **base),
    ]
    given = []
    for moment in [*says_yes("camille", *chosen, at=at), *told]:
        admitted = gate.admit(STRATEGY, customer, moment, moment.occurred_at)
        if isinstance(admitted, NotAdmitted):
            given.append(b"refused " + moment.id.encode())
            continue
        entry, customer = step(STRATEGY, WORLD, customer, admitted, moment.occurred_at, KEY)
        if moment in told:
            assert entry.granted is None or entry.granted.yes is (entry.moment.id != "r"), (
                "what was promised is not given"
            )
            bare = Entry(entry.form, "camille", entry.received_at, admitted, (), (), entry.effects, (), entry.granted)
            given.append(encode(bare))
    return [*given, str((customer.orders, customer.rewards, customer.purchases)).encode()]


def test_what_is_given_to_all_depends_on_no_consent(times: Callable[[int, int], int]) -> None:
    assert check_no_penalty(times(100, 1000)) >= 9


def test_a_receipt_that_waits_for_a_consent_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        gate,
        "_kept",
        lambda customer, purpose, _, now: (
            open_categories(customer, purpose, now) if purpose.key != "account" else frozenset()
        ),
    )
    with pytest.raises(AssertionError):
        check_no_penalty(30)


def test_a_reward_that_waits_for_a_consent_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(
        monkeypatch,
        wallet,
        "if received_at.timestamp() > found.until:",
        "if not customer.consents or received_at.timestamp() > found.until:",
    )
    with pytest.raises(AssertionError, match="is not given"):
        check_no_penalty(30)


# P18: each active consent can be proved


def check_proofs(customers: list[Customer], loops: list[Processor]) -> int:
    """Every yes names words shown before it, of its own version, and all that was read for it was read after it."""
    proved = 0
    for customer, loop in zip(customers, loops, strict=True):
        entries = list(loop.log.of(customer.id))
        for key, choice in customer.consents.items():
            served = next(entry for entry in entries if entry.moment.id == choice.served)
            made = next(entry for entry in entries if entry.moment.id == choice.record)
            assert isinstance(served.moment, Noticed)
            assert served.moment.hash == choice.hash, "the words are those that were served"
            assert entries.index(served) < entries.index(made)
            assert choice.served_at <= choice.since
            reads = [entry for entry in entries if any(use.purpose == key for use in entry.uses)]
            assert all(entries.index(entry) > entries.index(made) for entry in reads), "nothing was read before"
            assert choice.by
            assert choice.language
            proved += 1
    return proved


def _people(count: int) -> tuple[list[Customer], list[Processor]]:
    loops = []
    for seed in range(count):
        dice = Random(seed)
        loop = a_loop()
        camille(loop, *dice.sample(OPTIONAL, dice.randint(1, 5)))
        reworded = replace(
            STRATEGY.purposes["home"],
            notice=replace(STRATEGY.purposes["home"].notice, text={"fr": "Autre texte.", "en": "Other text."}),
        )
        loop.strategy = replace(STRATEGY, purposes=STRATEGY.purposes | {"home": reworded})
        loop.process(
            [
                Consented(id="late", customer="camille", occurred_at=NOON, purpose="home", notice="2026-1"),
                enters(),
                pays(BRANDS[0]),
            ]
        )
        loops.append(loop)
    return [loop.customer("camille") for loop in loops], loops


def test_each_consent_can_be_proved() -> None:
    assert check_proofs(*_people(15)) > 20


def test_a_record_of_the_latest_words_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = customers_chosen._agreed

    def latest(customer: Customer, moment: Consented, before: Consent | None, since: float) -> Consent:
        return replace(
            honest(customer, moment, before, since), hash=hash_of(notice_text(STRATEGY.purposes["account"], "fr"))
        )

    monkeypatch.setattr(customers_chosen, "_agreed", latest)
    with pytest.raises(AssertionError, match="the words are those"):
        check_proofs(*_people(5))


# P22: a person whose data are restricted is not read


def check_frozen(seeds: range) -> int:
    """Restricted, whatever was agreed to: no view, no use, no card; receipts are still kept."""
    lived = 0
    for seed in seeds:
        dice = Random(seed)
        loop = a_loop()
        camille(loop, *dice.sample(OPTIONAL, dice.randint(1, len(OPTIONAL))))
        loop.process([Restricted(id="r", customer="camille", occurred_at=NOON)])
        for moment in [
            enters(id=f"e{seed}"),
            pays(BRANDS[0], id=f"p{seed}"),
            *says_yes("camille", "reminders", at=NOON),
            enters(id=f"f{seed}"),
        ]:
            entry = loop.process([moment])[0].entry
            lived += 1
            assert entry is None or not entry.uses, "read while restricted"
            assert entry is None or all(type(one).__name__ == "Silence" for one in entry.decisions)
    return lived


def test_a_restricted_person_is_not_read(times: Callable[[int, int], int]) -> None:
    assert check_frozen(range(times(20, 300))) >= 100


def test_a_gate_that_forgets_the_restriction_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = open_categories
    unfrozen = lambda customer, purpose, now: honest(replace(customer, restricted=False), purpose, now)  # noqa: E731
    monkeypatch.setattr(gate, "open_categories", unfrozen)
    with pytest.raises(AssertionError, match="while restricted"):
        check_frozen(range(5))


def test_the_door_is_the_gate() -> None:
    assert gate.admit is admit
