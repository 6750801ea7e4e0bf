from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from support.people import BRANDS, KEY, NOON, STRATEGY, a_history, a_loop, camille, enters, lines, pays, turn
from support.sabotage import mutate
from visavis.model.decision import Show
from visavis.model.entry import Entry, WorldEntry
from visavis.model.errors import Refused, Unavailable
from visavis.model.moment import Bought, Displayed, Linked
from visavis.runtime import loop as loop_room
from visavis.runtime.loop import Processor
from visavis.runtime.replay import Difference, rebuild, verify
from visavis.store.memory import MemoryEntryLog
from visavis.store.sqlite import SqliteEntryLog
from visavis.testing import a_log

BYTES = msgspec.msgpack.Encoder(order="deterministic").encode


class FullDisk(MemoryEntryLog):
    """A log whose disk fills up."""

    full = False

    def commit(self, entries: Sequence[Entry | WorldEntry], lines: Sequence[Sequence[bytes]] = ()) -> int:
        if self.full:
            raise Unavailable("The log cannot be used: disk full.")
        return super().commit(entries, lines)


def a_visit(loop: Processor, name: str = "camille", *, number: int = 0) -> None:
    at = NOON + timedelta(days=number)
    turn(loop, at)
    loop.wake()
    answer = loop.step(enters(name, at=at, id=f"door-{number}"))
    assert answer.entry is not None
    if isinstance(shown := answer.entry.decisions[0], Show):
        loop.step(Displayed(id=f"seen-{number}", customer=name, occurred_at=at, decision=shown.id))
    loop.step(pays(BRANDS[0], name=name, at=at, id=f"till-{number}"))
    loop.step(
        Bought(
            id=f"paid-{number}", customer=name, occurred_at=at, place="s1", lines=lines(BRANDS[0], BRANDS[number % 9])
        )
    )
    loop.commit()
    loop.learn()


def test_when_the_commit_fails_memory_stays_as_the_log_is() -> None:
    log = FullDisk()
    loop = a_loop(log)
    camille(loop, "reminders", "place-moment")
    before, length = loop.customer("camille"), len(log)
    log.full = True

    with pytest.raises(Unavailable):
        loop.process([enters()])

    log.full = False
    assert loop.customer("camille") == before
    assert len(log) == length
    assert loop.process([enters()])[0].entry is not None


def test_replay_rebuilds_the_same_bytes_and_goes_on(tmp_path: Path) -> None:
    loop = a_loop(a_log(tmp_path))
    camille(loop, "reminders", "place-moment")
    for number in range(8):
        a_visit(loop, number=number)
    loop.log.close()

    log = a_log(tmp_path)
    first, second = rebuild(log), rebuild(log)

    assert BYTES(first.population.by_name()) == BYTES(second.population.by_name()) == BYTES(loop.population.by_name())
    assert first.world == loop.world
    again = Processor(log, STRATEGY, KEY, loop.clock)
    a_visit(again, number=9)
    a_visit(loop_like := _same(loop, log), number=9)
    assert BYTES(again.population.by_name()) == BYTES(loop_like.population.by_name())
    log.close()


def _same(loop: Processor, log: SqliteEntryLog) -> Processor:
    return Processor(log, loop.strategy, loop.randomization_key, loop.clock)


def test_deciding_everything_again_finds_no_difference_and_would_find_one() -> None:
    loop = a_loop()
    camille(loop, "reminders", "place-moment", "tailored-offers")
    for number in range(10):
        a_visit(loop, number=number)

    differences: list[Difference] = []
    assert verify(loop.log, KEY, found=differences.append) > 30
    assert differences == []

    tampered = MemoryEntryLog()
    for _, entry in loop.log.scan():
        shown = [one for one in entry.decisions if isinstance(one, Show)] if isinstance(entry, Entry) else []
        tampered.commit([replace(entry, decisions=(replace(shown[0], p_shown=0.5),))] if shown else [entry])
    verify(tampered, KEY, found=differences.append)
    assert differences


def test_due_closes_what_nobody_came_back_for() -> None:
    loop = a_loop()
    camille(loop, "reminders", "place-moment")
    entry = loop.process([pays(BRANDS[0])])[0].entry
    assert entry is not None
    assert loop.next_due_at is not None
    later = NOON + timedelta(days=5)
    turn(loop, later)

    woken = loop.wake()
    loop.commit()

    assert [answer.entry.closed[0].decision for answer in woken if answer.entry] == [entry.decisions[0].id]
    assert not loop.customer("camille").service.open
    assert loop.wake() == []


def test_a_purchase_on_one_of_the_next_three_days_is_the_outcome_of_the_till() -> None:
    loop = a_loop()
    camille(loop, "reminders", "place-moment")
    entry = loop.process([pays(BRANDS[0])])[0].entry
    assert entry is not None
    known = entry.decisions[0].known
    next_day = NOON + timedelta(days=1)
    turn(loop, next_day)
    missing = next(product for product in BRANDS if STRATEGY.products[product].family == known[0].family)
    loop.process(
        [
            Bought(
                id="same", customer="camille", occurred_at=NOON + timedelta(hours=1), place="s1", lines=lines(BRANDS[8])
            )
        ]
    )
    loop.process([Bought(id="next", customer="camille", occurred_at=next_day, place="s1", lines=lines(missing))])
    turn(loop, NOON + timedelta(days=6))

    closed = [
        outcome
        for answer in loop.wake()
        if answer.entry
        for outcome in answer.entry.closed
        if outcome.decision == entry.decisions[0].id
    ]

    assert [outcome.hits & 1 for outcome in closed] == [1]


def test_outcomes_change_what_the_world_believes() -> None:
    loop = a_loop()
    before = loop.world.version
    for person in range(70):
        name = f"p{person}"
        for moment in [*_choices(name), *a_history(name, weeks=7)]:
            loop.step(moment)
        a_visit(loop, name, number=0)
    turn(loop, NOON + timedelta(days=6))
    loop.wake()
    loop.commit()
    loop.learn()

    assert loop.world.version != before
    assert loop.world.beliefs
    assert all(belief.outcomes > 0 for belief in loop.world.beliefs.values())


def _choices(name: str) -> list:  # type: ignore[type-arg]
    from support.people import says_yes

    return says_yes(name, "reminders", "place-moment", at=NOON - timedelta(days=60))


def check_that_nothing_foreign_comes_in() -> None:
    """A life not recorded yet, or with an identifier taken here, is refused whole; later it is accepted."""
    there = a_loop()
    camille(there, "place-moment")
    there.process([enters()])
    life = list(there.log.of("camille"))
    for here, card in ((NOON - timedelta(seconds=1), "card-2"), (NOON, "card-1")):
        loop = a_loop(at=here)
        loop.process([Linked(id="card", customer="dan", occurred_at=here, identifier=card)])
        before = len(loop.log)
        with pytest.raises(Refused):
            loop.adopt(life)
        assert (len(loop.log), list(loop.population.by_name()), loop.customer("dan").names) == (
            before,
            ["dan"],
            ("dan",),
        ), "something was kept"
    loop = a_loop()
    loop.adopt(life)
    assert BYTES(loop.customer("camille")) == BYTES(there.customer("camille"))


def test_nothing_foreign_comes_in() -> None:
    check_that_nothing_foreign_comes_in()


@pytest.mark.parametrize(
    "old",
    [
        "if any(entry.received_at > self.clock.now() for entry in entries):",
        "if any(self.population.holder(identifier) for identifier in newcomers.holders()):",
    ],
)
def test_a_life_that_is_not_looked_at_is_caught(monkeypatch: pytest.MonkeyPatch, old: str) -> None:
    mutate(monkeypatch, loop_room, old, "if False:")
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        check_that_nothing_foreign_comes_in()
