"""Random people, and the rules of merging two of them: each a check that a sabotaged product must fail."""

from datetime import datetime, timedelta
from itertools import product
from typing import Any, Final

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from support.people import BRANDS, KEY, NOON, STRATEGY, enters, lines, pays
from visavis.consent.gate import NotAdmitted, admit, holds, open_categories
from visavis.consent.notices import REFUSED, may_ask
from visavis.customers import identity
from visavis.customers.fold import _without_windows as sidelong
from visavis.customers.fold import fold
from visavis.decide import limits
from visavis.engine import step
from visavis.insight.need import prior
from visavis.model.consent import CATEGORIES, OPENS, Actor, Consent
from visavis.model.customer import Customer, newborn
from visavis.model.entry import Entry
from visavis.model.moment import (
    Bought,
    CheckedIn,
    Consented,
    Declared,
    Due,
    Linked,
    Measured,
    Moment,
    Noticed,
    Objected,
    Ordered,
    Restricted,
    Saw,
    Stocked,
    Unlinked,
    Withdrew,
    Worn,
)
from visavis.model.shown import Service, Shown
from visavis.model.world import World

BYTES: Final = msgspec.msgpack.Encoder().encode
WORLD: Final = World(version="w", strategy=STRATEGY.version, learned=prior())
PURPOSES: Final = [key for key, purpose in STRATEGY.purposes.items() if purpose.basis == "consent"]
NOW: Final = NOON.timestamp()
DAY: Final = 86_400.0
ASKED: Final = [NOW - DAY, NOW, NOW + 3 * DAY, NOW + 60 * DAY, NOW + 300 * DAY]
WHO: Final[list[tuple[Actor, ...]]] = [("person",), ("guardian",), ("guardian", "person")]

plans = st.lists(st.tuples(st.integers(-60_000, 0), st.integers(0, 13), st.integers(0, 7)), max_size=10)


@st.composite
def choices(draw: st.DrawFn) -> Consent:
    """Any choice that a life can lead to, about any of the strategy's purposes."""
    since = NOW - draw(st.integers(0, 300)) * DAY
    trial = draw(st.booleans())
    status = draw(st.sampled_from(identity.STRICTNESS))
    until = since + (30 if trial else draw(st.sampled_from([1, 200, 730]))) * DAY if status in OPENS else since
    iris = [iri for key in PURPOSES for iri in STRATEGY.purposes[key].iris]
    categories = tuple(sorted(draw(st.sets(st.sampled_from(CATEGORIES))))) if status in OPENS else ()
    by: tuple[Actor, ...] = draw(st.sampled_from([("person",), ("guardian",), ("guardian", "person")]))
    record = draw(st.sampled_from(["r1", "r2", "r3"]))
    return Consent(
        status,
        categories,
        "1",
        since,
        until,
        (),
        tuple(dict.fromkeys(iris)),
        "h",
        "s",
        since - 1,
        "fr",
        by,
        "switch",
        record,
        "",
        trial and status in OPENS,
    )


@st.composite
def people(draw: st.DrawFn, name: str) -> Customer:
    """Somebody with a lived history, over which any choices, objections and cards are laid."""
    customer = life(name, draw(plans))[0]
    action, family = st.sampled_from(sorted(STRATEGY.actions)), st.sampled_from(["", "MILK", "TEA"])
    cards = draw(
        st.lists(st.tuples(st.integers(0, 200_000), action, family, st.floats(0, 2), st.booleans()), max_size=64)
    )
    shown = [
        Shown(f"{name}-{i}", NOW - age, act, what, units, displayed=displayed)
        for i, (age, act, what, units, displayed) in enumerate(sorted(cards, reverse=True))
    ]
    wrong = tuple(sorted(draw(st.sets(st.sampled_from(["MILK", "TEA"])))))
    service = Service(shown=(*customer.service.shown, *shown)[-64:], reluctance=draw(st.floats(1, 10)), wrong=wrong)
    return replace(
        customer,
        consents=draw(st.dictionaries(st.sampled_from(PURPOSES), choices())),
        objections=draw(st.dictionaries(st.sampled_from(["marketing", "sharing", *PURPOSES]), st.floats(0, NOW))),
        of_age_at=draw(st.sampled_from([0.0, 0.0, NOW + DAY])),
        consent_epoch=draw(st.integers(0, 9)),
        service=service,
    )


def some_moment(name: str, i: int, at: datetime, kind: int, pick: int) -> Moment:
    base: dict[str, Any] = {"id": f"m{i}", "customer": name, "occurred_at": at}
    product, purpose = BRANDS[pick], PURPOSES[pick % len(PURPOSES)]
    version = STRATEGY.purposes[purpose].notice.version
    many: list[Moment] = [
        Noticed(**base, purpose=purpose, notice=version),
        Consented(**base, purpose=purpose, notice=version),
        Withdrew(**base, purpose=purpose),
        Bought(**base, place=("s1", "s2")[pick % 2], lines=lines(product, BRANDS[0])),
        enters(name, at=at, id=f"m{i}", place=("s1", "s2")[pick % 2]),
        pays(product, name=name, at=at, id=f"m{i}"),
        CheckedIn(**base, place="s1"),
        Saw(**base, product=product),
        Stocked(**base, product=product),
        Declared(**base, trait=f"t{pick}", value=i),
        Ordered(**base, order=f"o{pick}"),
        Measured(**base, measure="water", value=1),
        Worn(**base, device=f"d{pick}"),
        Objected(**base, about="marketing", on=pick % 3 > 0),
    ]
    return many[kind]


def life(name: str, plan: list[tuple[int, int, int]]) -> tuple[Customer, list[Entry]]:
    """A life lived as the loop would; its entries too."""
    customer, entries = newborn(name), list[Entry]()
    for i, (minutes, kind, pick) in enumerate(sorted(plan)):
        at = NOON + timedelta(minutes=minutes)
        customer = lives(customer, some_moment(name, i, at, kind, pick), at, entries)
    return customer, entries


def lives(customer: Customer, moment: Moment, at: datetime, entries: list[Entry]) -> Customer:
    admitted = admit(STRATEGY, customer, moment, at)
    if isinstance(admitted, NotAdmitted):
        return customer
    entry, after = step(STRATEGY, WORLD, customer, admitted, at, KEY)
    entries.append(entry)
    return after


def check_commutes(one: Customer, other: Customer) -> None:
    """Either order gives the same person, again changes nothing; the older gives the dice."""
    whole = identity.merged(one, other)
    assert BYTES(whole) == BYTES(identity.merged(other, one)), "the order matters"
    assert identity.merged(whole, one) == whole == identity.merged(other, whole), "merged twice is not merged once"
    assert identity.merged(one, one) == one
    older = min(
        (who for who in (one, other) if who.entries),
        key=lambda who: (who.born_at, who.id),
        default=min(one, other, key=lambda who: who.id),
    )
    assert (whole.randomization_unit, whole.id) == (older.randomization_unit, older.id), "not the dice of the older"
    assert whole.entries == one.entries + other.entries
    assert set(whole.names) == {one.id, other.id}


def check_no_more_open(one: Customer, other: Customer) -> int:
    """Whatever a merged person has open, both had; how many were open."""
    whole, found = identity.merged(one, other), 0
    for purpose in STRATEGY.purposes.values():
        for now in ASKED:
            both = open_categories(one, purpose, now) & open_categories(other, purpose, now)
            opened = open_categories(whole, purpose, now)
            assert opened <= both, "more is open than both opened"
            found += bool(opened)
            for who in (one, other):
                said_no = purpose.key in who.consents and who.consents[purpose.key].status in REFUSED
                assert may_ask(who, purpose, now) or not said_no or not may_ask(whole, purpose, now), (
                    "who may not be asked is asked"
                )
    return found


def check_closings(one: Customer, other: Customer) -> int:
    """A purpose closed by merging keeps earlier decisions of either out after a new yes; how many it closed."""
    yes = {
        key: Consent("given", CATEGORIES, "1", NOW - 9, NOW + DAY, (), STRATEGY.purposes[key].iris, by=("person",))
        for key in PURPOSES
    }
    one = replace(
        one,
        consents=yes,
        objections={},
        restricted=False,
        of_age_at=0.0,
        consent_epoch=max(one.closings.values(), default=0) + 1,
    )
    whole, found = identity.merged(one, other), 0
    for purpose in [STRATEGY.purposes[key] for key in PURPOSES]:
        assert holds(one, purpose, one.consent_epoch, NOW)
        if holds(whole, purpose, whole.consent_epoch, NOW):
            continue
        anew = replace(whole, consents={**whole.consents, purpose.key: yes[purpose.key]}, objections={}, of_age_at=0.0)
        if whole.consents[purpose.key].status not in OPENS:
            assert not holds(anew, purpose, one.consent_epoch, NOW), "what had to wait goes out after a new yes"
            found += 1
        assert holds(anew, purpose, whole.consent_epoch, NOW), "a new yes opens nothing"
    return found


def check_of_two_yeses() -> int:
    """The whole may read, send or ask no more than each of two consenting people; how much was refused.

    Each also closed this purpose once and opened it again: what was decided before that is out for good."""
    refused, purpose = 0, STRATEGY.purposes[PURPOSES[0]]
    states = list(product(WHO, (0.0, NOW + DAY), (False, True), (2, 5)))
    for here, there in product(states, states):
        one, other = (_yes(name, *state) for name, state in (("ada", here), ("bo", there)))
        whole = identity.merged(one, other)
        for now, who in product((NOW, NOW + 3 * DAY, NOW + 60 * DAY), (one, other)):
            assert open_categories(whole, purpose, now) <= open_categories(who, purpose, now), (
                "more is open than both opened"
            )
            assert may_ask(who, purpose, now) or not may_ask(whole, purpose, now), "who may not be asked is asked"
            for epoch in (1, 4):
                if not holds(who, purpose, epoch, now):
                    assert not holds(whole, purpose, epoch, now), "what was closed to one goes out"
                    refused += 1
    return refused


def _yes(name: str, by: tuple[Actor, ...], of_age_at: float, trial: bool, closed: int) -> Customer:
    purpose = STRATEGY.purposes[PURPOSES[0]]
    until = NOW + (30 if trial else 730) * DAY
    choice = Consent("given", CATEGORIES, "1", NOW - DAY, until, (), purpose.iris, by=by, record=name, trial=trial)
    return replace(
        newborn(name),
        entries=1,
        of_age_at=of_age_at,
        consents={PURPOSES[0]: choice},
        consent_epoch=6,
        closings={PURPOSES[0]: closed},
    )


def check_caps(one: Customer, other: Customer) -> int:
    """No cap, pause, budget or reluctance is looser than either's; how many limits held."""
    whole, found = identity.merged(one, other), 0
    shown = limits.counting_cards(whole.service, NOW)
    for who in (one, other):
        theirs = limits.counting_cards(who.service, NOW)
        for action in STRATEGY.actions.values():
            if limits.exceeded(action, theirs, NOW) is not None:
                assert limits.exceeded(action, shown, NOW) is not None, "a cap is looser"
                found += 1
            assert limits.cooling_down(action, theirs, NOW) <= limits.cooling_down(action, shown, NOW), (
                "a pause is shorter"
            )
        assert limits.units_left(STRATEGY.brand, shown, NOW) <= limits.units_left(STRATEGY.brand, theirs, NOW) + 1e-9, (
            "more attention is left"
        )
        assert whole.service.reluctance >= who.service.reluctance, "less reluctant"
        assert set(who.service.wrong) <= set(whole.service.wrong), "what was wrong is said again"
    return found


def check_stricter_ever_since(choices: list[tuple[bool, int, int]]) -> int:
    """Whatever two merged people choose after another, nothing is open that one of them has closed; how much is."""
    people, identified, found = dict[str, Customer](), dict[str, str](), 0
    said = [
        moment
        for i, (whose, kind, pick) in enumerate(choices)
        for moment in _choice("ada" if whose else "bo", i, kind, PURPOSES[pick])
    ]
    links = [("bo", "linked"), ("ada", "merged")]
    start = [Linked(id=how, customer=name, occurred_at=NOON, identifier="card", how=how) for name, how in links]
    for moment in [*start, *said]:
        customer, entries = people.get(moment.customer, newborn(moment.customer)), list[Entry]()
        after = lives(customer, identity.addressed(customer, moment), moment.occurred_at, entries)
        for entry in entries:
            assert BYTES(fold(customer, entry)) == BYTES(after), "the fold is not the step"
            identity.apply_entry(people, identified, entry, after)
        whole, now = people[moment.customer], moment.occurred_at.timestamp()
        for purpose in STRATEGY.purposes.values():
            opened = open_categories(whole, purpose, now)
            assert all(opened <= open_categories(one, purpose, now) for one in whole.profiles), "one opened it alone"
            found += bool(opened) and purpose.key in PURPOSES
    return found


def _choice(name: str, i: int, kind: int, purpose: str) -> list[Moment]:
    base: dict[str, Any] = {"customer": name, "occurred_at": NOON + timedelta(minutes=i + 1)}
    version = STRATEGY.purposes[purpose].notice.version
    every: list[list[Moment]] = [
        [
            Noticed(id=f"n{i}", purpose=purpose, notice=version, **base),
            Consented(id=f"y{i}", purpose=purpose, notice=version, **base),
        ],
        [Withdrew(id=f"w{i}", purpose=purpose, **base)],
        [Objected(id=f"o{i}", about="marketing", on=i % 2 == 0, **base)],
        [Restricted(id=f"r{i}", on=i % 2 == 0, **base)],
    ]
    return every[kind]


def check_parting(
    one: list[tuple[int, int, int]], other: list[tuple[int, int, int]], since: list[tuple[bool, int, int]]
) -> int:
    """Merge, go on under either name, part: both equal the replay of their own entries; how many in between."""
    lived: dict[str, list[Entry]] = {"ada": [], "bo": []}
    people, identified = dict[str, Customer](), dict[str, str]()

    def tell(moment: Moment, at: datetime) -> None:
        customer = people.get(moment.customer, newborn(moment.customer))
        moment, entries = identity.addressed(customer, moment), list[Entry]()
        after = lives(customer, moment, at, entries)
        for entry in entries:
            lived[entry.customer].append(entry)
            before = fold(customer, entry)
            assert BYTES(before) == BYTES(after), "the fold is not the step"
            identity.apply_entry(people, identified, entry, after)

    for name, plan in (("ada", one), ("bo", other)):
        tell(
            Linked(id="card", customer=name, occurred_at=NOON - timedelta(days=60), identifier=f"card of {name}"),
            NOON - timedelta(days=60),
        )
        for i, (minutes, kind, pick) in enumerate(sorted(plan)):
            tell(some_moment(name, i, NOON + timedelta(minutes=minutes), kind, pick), NOON + timedelta(minutes=minutes))
    tell(Linked(id="same", customer="ada", occurred_at=NOON, identifier="card of bo", how="merged"), NOON)
    assert people["ada"] is people["bo"], "not merged"
    assert people["ada"].identifiers == ("card of ada", "card of bo")
    before = sum(map(len, lived.values()))
    for i, (whose, kind, pick) in enumerate(since):
        at = NOON + timedelta(minutes=i)
        tell(some_moment("ada" if whose else "bo", 1000 + i, at, kind, pick), at)
        assert people["ada"] is people["bo"], "split by itself"
    between = sum(map(len, lived.values())) - before
    tell(
        Unlinked(id="split", customer="ada", occurred_at=NOON + timedelta(days=1), identifier="card of bo"),
        NOON + timedelta(days=1),
    )
    for name in lived:
        tell(Due(id="later", customer=name, occurred_at=NOON + timedelta(days=90)), NOON + timedelta(days=90))
    closed = [outcome for entries in lived.values() for entry in entries for outcome in entry.closed]
    assert len({outcome.decision for outcome in closed}) == len(closed), "a window has two outcomes"
    for name, entries in lived.items():
        alone = newborn(name)
        for entry in entries:
            alone = sidelong(fold(alone, entry), tuple(closed))
        assert BYTES(people[name]) == BYTES(alone), "not as if they had never met"
    assert identified == {"card of ada": "ada", "card of bo": "bo"}, "an identifier leads to somebody else"
    return between
