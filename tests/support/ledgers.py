"""Ledgers for the tests: simulated people, their lines, every way to falsify them, and what must be noticed."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from random import Random

import msgspec

from support.people import NOON, STRATEGY, a_history, a_loop, enters, says_yes, turn
from visavis.ledger import verify
from visavis.ledger.checkpoint import Checkpoint
from visavis.ledger.record import entry_lines, read
from visavis.model.decision import Show
from visavis.model.entry import Entry
from visavis.model.moment import CheckedIn, Displayed, Linked, Moment, Withdrew

PEOPLE = ("camille.renard@example.org", "bo@example.org", "06 12 34 56 78", "dominique")
ORIGIN = "tests.example/ledger"
PURPOSES = ("reminders", "tailored-offers", "place-moment", "recognition", "adviser-brief")


def key_of(name: str) -> bytes:
    return sha256(b"audit key of " + name.encode()).digest()


class SampleLedger(msgspec.Struct, frozen=True):
    """A ledger: its lines in order, and the entries that they are of."""

    lines: tuple[bytes, ...]
    entries: tuple[Entry, ...]

    def of(self, name: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.customer == name]


@lru_cache
def sample_ledger() -> SampleLedger:
    """Four people choose, come in, are advised, and one says no; their lines in the order of the log."""
    before = NOON - timedelta(days=90)
    loop = a_loop(at=before)
    for name in PEOPLE:
        loop.process(
            [
                Linked(id="card", customer=name, occurred_at=before, identifier=name),
                *says_yes(name, *PURPOSES, at=before),
            ]
        )
    turn(loop, NOON - timedelta(days=1))
    for name in PEOPLE:
        loop.process(a_history(name))
    for day in range(3):
        now = NOON + timedelta(days=day)
        turn(loop, now)
        for name in PEOPLE:
            loop.process(
                [
                    enters(name, at=now, id=f"door-{day}"),
                    CheckedIn(id=f"in-{day}", customer=name, occurred_at=now, place="s1"),
                ]
            )
            entry = loop.log.entry(name, f"in-{day}")
            assert entry is not None
            briefs = [one for one in entry.decisions if isinstance(one, Show) and one.audience == "adviser"]
            told: list[Moment] = [
                Displayed(id=f"read-{one.id}", customer=name, occurred_at=now, decision=one.id) for one in briefs
            ]
            loop.process(told)
        loop.process([Withdrew(id="no", customer=PEOPLE[1], occurred_at=now, purpose="recognition")])
    entries = tuple([entry for _, entry in loop.log.scan() if isinstance(entry, Entry)])
    return SampleLedger(tuple(_lines(entries)), entries)


def lines_now() -> list[bytes]:
    """The lines of those entries, made again: by a mutant, when there is one."""
    return _lines(sample_ledger().entries)


def _lines(entries: Sequence[Entry]) -> list[bytes]:
    return [line for entry in entries for line in entry_lines(entry, STRATEGY.purposes, key_of(entry.customer))]


def checkpoint_of(lines: tuple[bytes, ...] | list[bytes]) -> Checkpoint:
    return Checkpoint(ORIGIN, len(lines), verify.root(lines))


Falsify = Callable[[list[bytes], int, Random], object]


def _flip(lines: list[bytes], seen: int, dice: Random) -> None:
    at = dice.randrange(seen)
    line = bytearray(lines[at])
    line[dice.randrange(len(line))] ^= 1 << dice.randrange(8)
    lines[at] = bytes(line)


def _swap(lines: list[bytes], seen: int, dice: Random) -> None:
    one, other = dice.sample(range(seen), 2)
    lines[one], lines[other] = lines[other], lines[one]


def _move(lines: list[bytes], seen: int, dice: Random) -> None:
    at, to = dice.sample(range(seen), 2)
    lines.insert(to, lines.pop(at))


def _drop(lines: list[bytes], seen: int, dice: Random) -> None:
    del lines[dice.randrange(seen)]


def _insert(lines: list[bytes], seen: int, dice: Random) -> None:
    lines.insert(dice.randrange(seen), _forged(dice))


def _repeat(lines: list[bytes], seen: int, dice: Random) -> None:
    lines.insert(dice.randrange(seen), lines[dice.randrange(seen)])


def _cut(lines: list[bytes], seen: int, dice: Random) -> None:
    del lines[dice.randrange(seen) :]


def _rewrite(lines: list[bytes], seen: int, dice: Random) -> None:
    lines[:] = [_forged(dice) for _ in lines]


def _purpose(lines: list[bytes], seen: int, dice: Random) -> None:
    _field(lines, seen, dice, "purpose", "legal")


def _categories(lines: list[bytes], seen: int, dice: Random) -> None:
    _field(lines, seen, dice, "categories", ("account",))


def _outcome(lines: list[bytes], seen: int, dice: Random) -> None:
    _field(lines, seen, dice, "outcome", "nothing")


def _field(lines: list[bytes], seen: int, dice: Random, name: str, value: object) -> None:
    at = dice.randrange(seen)
    lines[at] = msgspec.json.encode(msgspec.structs.replace(read(lines[at]), **{name: value}))


def _forged(dice: Random) -> bytes:
    """A line as good as any, sealed under somebody's key."""
    model = dice.choice(sample_ledger().entries[-20:])
    entry = msgspec.structs.replace(model, moment=msgspec.structs.replace(model.moment, id=f"forged-{dice.random()}"))
    found = entry_lines(entry, STRATEGY.purposes, key_of(entry.customer))
    return found[0] if found else _forged(dice)


WAYS: dict[str, Falsify] = {
    "flip": _flip,
    "swap": _swap,
    "move": _move,
    "drop": _drop,
    "insert": _insert,
    "repeat": _repeat,
    "cut": _cut,
    "rewrite": _rewrite,
    "purpose": _purpose,
    "categories": _categories,
    "outcome": _outcome,
}
