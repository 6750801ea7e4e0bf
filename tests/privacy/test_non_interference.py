"""P1, P14: data that a person did not release influence nothing, byte for byte, for any strategy, model and cache."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import zip_longest
from random import Random

import msgspec
import pytest
from msgspec.structs import replace

from support.lives import Life, a_strategy, a_world, allowed, choices, moments, past
from support.people import BRANDS, KEY, NOON, a_history, a_loop, enters, grocery, lines, says_yes, turn
from support.sabotage import mutate
from visavis.consent import gate
from visavis.customers import fold as customers_fold
from visavis.engine import step
from visavis.insight.need import prior
from visavis.model.consent import CATEGORIES, Purpose
from visavis.model.customer import Customer, Reward
from visavis.model.decision import Show
from visavis.model.moment import Answered, Bought, CheckedIn, Displayed, Moment, Noticed
from visavis.model.view import View
from visavis.model.world import World
from visavis.strategy.read import Strategy, read


def a_pair(dice: Random) -> Iterator[tuple[str, list[bytes], list[bytes], int]]:
    """Each common moment twice, for two people who differ only in data shared with no deciding purpose."""
    served, now = a_strategy(dice)
    world = a_world(dice, now)
    seed = dice.random()
    said, yes = choices(dice, served)
    visible = allowed(served, now, yes)
    hidden = [one for one in CATEGORIES if one not in visible]
    common = [*said, *moments(dice, sorted(visible), 14, "m")]
    common += [
        Answered(
            id=f"a{i}", customer="camille", occurred_at=NOON, decision="-", answer=dice.choice(["yes", "no", "wrong"])
        )
        for i in range(3)
    ]
    common += [Displayed(id=f"d{i}", customer="camille", occurred_at=NOON, decision="-") for i in range(3)]
    common = [one if one.occurred_at > NOON or one in said else _later(dice, one) for one in common]
    private = [moments(dice, hidden, dice.randint(0, 10), f"h{i}-") if hidden else [] for i in range(2)]
    lives = [Life(served, now, world) for _ in private]
    told: list[list[tuple[str, list[bytes]]]] = []
    for life, own in zip(lives, private, strict=True):
        found = []
        for moment in past(Random(seed), sorted(visible), dice, hidden, served):
            life.process(moment)
        for moment in sorted(
            [*common, *own], key=lambda one: (one.occurred_at, one not in said, said.index(one) if one in said else 0)
        ):
            lived = life.process(moment)
            found.append((moment.id, lived if not moment.id.startswith("h") else lived[:-1]))
        told.append([one for one in found if not one[0].startswith("h") or one[1]])
    for (name, first), (other, second) in zip_longest(*[_joined(one) for one in told], fillvalue=("", [])):
        yield (name or other), first, second, lives[0].cards


def _joined(told: list[tuple[str, list[bytes]]]) -> list[tuple[str, list[bytes]]]:
    """What fell due is told with the next common moment, whichever private one came between."""
    found: list[tuple[str, list[bytes]]] = []
    waiting: list[bytes] = []
    for name, lived in told:
        if name.startswith("h"):
            waiting += lived
        else:
            found.append((name, waiting + lived))
            waiting = []
    return found


def _later(dice: Random, moment: Moment) -> Moment:
    return replace(moment, occurred_at=moments(dice, ["service"], 1, "x")[0].occurred_at)


def check(seeds: range) -> tuple[int, int]:
    """How many cards these pairs were shown, and at how many moments compared; a failure names the difference."""
    cards = compared = 0
    for seed in seeds:
        shown = 0
        for name, first, second, shown in a_pair(Random(seed)):  # noqa: B007  the last one is kept
            assert first == second, f"seed {seed}, moment {name}"
            compared += 1
        cards += shown
    return cards, compared


def test_what_was_not_consented_influences_nothing(times: Callable[[int, int], int]) -> None:
    pairs = times(60, 10_000)

    cards, compared = check(range(pairs))

    assert cards > pairs  # the lives are eventful: a test on silence would prove nothing
    assert compared > 10 * pairs


def reticent() -> Strategy:
    """The example, but for its brief: it reads no purchases, and suggests help to whoever announces themselves."""
    files = grocery()
    read_by_brief = b'categories = ["purchases", "places", "preferences", "orders"]'
    assert read_by_brief in files["purposes.toml"]
    files["purposes.toml"] = files["purposes.toml"].replace(read_by_brief, b'categories = ["places", "preferences"]')
    brief = (
        files["actions/adviser-suggestion.toml"]
        .replace(b'about = "need"', b'about = "none"')
        .replace(b"{family}", b"aide")
    )
    files["actions/adviser-suggestion.toml"] = re.sub(rb"(?m)^when = .*$", b"", brief)
    looked_after = files["objectives.toml"].partition(b"[looked-after]")
    rest, after, others = looked_after[2].partition(b"[")
    files["objectives.toml"] = (
        looked_after[0] + looked_after[1] + rest.replace(b"bought_family", b"answered_yes") + after + others
    )
    return read(files)


def briefs_after_a_refusal(strategy: Strategy, products: tuple[str, ...]) -> tuple[list[bytes], set[str]]:
    """The adviser's briefs about a person who bought these and refused every card, and the families of the cards."""
    world = World(version="w", strategy=strategy.version, learned=prior())
    life, told, families = Life(strategy, strategy, world), list[bytes](), set[str]()
    ago = NOON - timedelta(days=40)
    for one in [
        *says_yes("camille", "reminders", "place-moment", "adviser-brief", at=ago),
        *a_history("camille", weeks=5, products=products),
    ]:
        life.process(one)
    for hour in range(1, 25):
        at = NOON + timedelta(hours=hour)
        life.shown.clear()
        life.process(enters(at=at, id=f"in-{hour}"))
        if life.shown:
            life.process(
                Answered(id=f"no-{hour}", customer="camille", occurred_at=at, decision=life.shown[-1], answer="no")
            )
        life.process(CheckedIn(id=f"here-{hour}", customer="camille", occurred_at=at, place="s1"))
        entry = life.processor.log.entry("camille", f"here-{hour}")
        assert entry is not None
        told += [
            msgspec.json.encode(one.facts)
            for one in entry.decisions
            if isinstance(one, Show) and one.audience == "adviser"
        ]
        families |= {
            card.family
            for card in life.processor.customer("camille").service.shown
            if card.answer == "no" and card.family
        }
    return told, families


def check_that_a_refusal_tells_no_other_purpose() -> None:
    """A person who reads under one purpose learns nothing of data that only another purpose may read."""
    strategy = reticent()
    (first, of_milk), (second, of_tea) = (briefs_after_a_refusal(strategy, tuple(BRANDS[at : at + 3])) for at in (0, 5))
    assert of_milk
    assert of_tea
    assert not of_milk & of_tea, "the cards were the same: this proves nothing"
    assert first, "no brief: this proves nothing"
    assert first == second, "the adviser is told what came of the purchases"


def test_what_a_card_came_from_is_not_told_under_a_purpose_that_may_not_read_it() -> None:
    check_that_a_refusal_tells_no_other_purpose()


def test_a_brief_that_names_what_was_refused_under_another_purpose_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavis.decide.brief_facts._came_from", lambda *_: True)
    with pytest.raises(AssertionError, match="came of the purchases"):
        check_that_a_refusal_tells_no_other_purpose()


def check_that_a_reward_is_told_to_nobody_who_may_not_read_orders() -> None:
    """With and without a reward the brief is the same, when orders are not among what it may read."""
    strategy, told = reticent(), []
    world = World(version="w", strategy=strategy.version, learned=prior())
    life = Life(strategy, strategy, world)
    for one in says_yes("camille", "adviser-brief", at=NOON - timedelta(days=1)):
        life.process(one)
    owed = Reward("C1", "thank-you", 250, "granted", NOON.timestamp(), (NOON + timedelta(days=30)).timestamp())
    for rewards in ((), (owed,)):
        customer = replace(life.processor.customer("camille"), rewards=rewards)
        entries = [
            step(
                strategy,
                world,
                customer,
                CheckedIn(id=f"in-{i}", customer="camille", occurred_at=NOON, place="s1"),
                NOON,
                KEY,
            )[0]
            for i in range(9)
        ]
        told.append([one for entry in entries for one in entry.decisions])
    assert any(isinstance(one, Show) and one.audience == "adviser" for one in told[0]), "no brief: this proves nothing"
    assert told[0] == told[1], "the adviser is told of a reward"


def test_a_reward_is_told_to_nobody_who_may_not_read_orders() -> None:
    check_that_a_reward_is_told_to_nobody_who_may_not_read_orders()


def test_a_brief_that_tells_of_a_reward_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(
        monkeypatch, gate, 'rewards=customer.rewards if "orders" in categories else (),', "rewards=customer.rewards,"
    )
    with pytest.raises(AssertionError, match="told of a reward"):
        check_that_a_reward_is_told_to_nobody_who_may_not_read_orders()


def always_open(customer: object, purpose: Purpose, now: float) -> frozenset[str]:
    return purpose.categories


def test_a_gate_that_is_off_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "open_categories", always_open)
    with pytest.raises(AssertionError, match="seed"):
        check(range(60))


@pytest.mark.parametrize("field", ["purchases", "home", "preferences", "orders"])
def test_a_view_that_keeps_one_field_too_many_is_caught(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = gate.view

    def leaking(customer: Customer, moment: Moment, categories: frozenset[str], now: float) -> View:
        return replace(honest(customer, moment, categories, now), **{field: getattr(customer, field)})

    monkeypatch.setattr(gate, "view", leaking)
    with pytest.raises(AssertionError, match="seed"):
        check(range(400))


def test_the_lives_do_show_cards_and_briefs_of_all_sorts() -> None:
    shown: set[str] = set()
    for seed in range(100):
        dice = Random(seed)
        served, now = a_strategy(dice)
        life = Life(served, now, a_world(dice, now))
        said, yes = choices(dice, served)
        for moment in [
            *said,
            *sorted(moments(dice, sorted(allowed(served, now, yes)), 12, "m"), key=lambda one: one.occurred_at),
        ]:
            life.process(moment)
        for entry in life.processor.log.of("camille"):
            shown |= {
                f"{one.audience} {now.actions[one.action].about}" for one in entry.decisions if isinstance(one, Show)
            }
    assert {"customer need", "customer none", "customer seen"} <= shown
    assert [one for one in shown if one.startswith("adviser")]


def test_a_basket_that_a_purpose_may_not_read_ends_no_window_of_it_and_moves_no_draw() -> None:
    """Receipts are kept by contract: they neither close what waits under consent nor name the moment due."""
    names: list[list[str]] = []
    for baskets in (0, 3):
        loop = a_loop()
        loop.process([*says_yes("camille", "place-moment", at=NOON), enters()])
        waiting = loop.customer("camille").service.open
        assert [window.purpose for window in waiting] == ["place-moment"]
        for i in range(baskets):
            loop.process([Bought(id=f"b{i}", customer="camille", occurred_at=NOON, place="s1", lines=lines(BRANDS[0]))])
        assert loop.customer("camille").service.open == waiting
        turn(loop, NOON + timedelta(days=2))
        woken = loop.wake()
        names.append([answer.entry.moment.id for answer in woken if answer.entry is not None])
    assert names[0] == names[1] != []


def check_that_a_yes_that_ran_out_teaches_nothing() -> None:
    """What waits under a trial's yes ends with the trial; the basket after it is the outcome of nothing."""
    for hours, closes, told in (
        (0, 1, "what may be read closed nothing"),
        (2, 0, "a basket was read under a yes that ran out"),
    ):
        begun = NOON - timedelta(days=30) + timedelta(hours=1)
        loop = a_loop(at=begun)
        loop.process(
            [
                one if isinstance(one, Noticed) else replace(one, trial=True)
                for one in says_yes("camille", "reminders", at=begun)
            ]
        )
        for trip in a_history("camille", until=begun):
            loop.process([trip])
        turn(loop, NOON)
        loop.process([enters()])
        assert [window.purpose for window in loop.customer("camille").service.open] == ["reminders"], (
            "nothing is waited for: this proves nothing"
        )
        at = NOON + timedelta(hours=hours)
        turn(loop, at)
        entry = loop.process(
            [Bought(id="b", customer="camille", occurred_at=at, place="s1", lines=lines(*BRANDS[:4]))]
        )[0].entry
        assert entry is not None
        assert len(entry.closed) == closes, told
        assert not loop.customer("camille").service.open


def test_a_yes_that_ran_out_teaches_nothing() -> None:
    check_that_a_yes_that_ran_out_teaches_nothing()


def test_a_window_that_outlives_its_yes_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(
        monkeypatch,
        customers_fold,
        "            continue  # what may not be read any more",
        "            pass  # what may not be read any more",
    )
    with pytest.raises(AssertionError, match="ran out"):
        check_that_a_yes_that_ran_out_teaches_nothing()
