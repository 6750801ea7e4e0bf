"""Verify a ledger without its server.

The lines as they were exported, against checkpoints that somebody kept, with the public key.

Every fault says what is wrong and between which lines. The more old checkpoints are given, the closer the fault is
told: two that enclose it say that it lies between their sizes.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from msgspec import Struct

from visavis.ledger.checkpoint import Checkpoint
from visavis.ledger.merkle import EMPTY, Tree
from visavis.ledger.record import read
from visavis.model.errors import Invalid


class Fault(Struct, frozen=True):
    """What is wrong with the lines from number ``start`` until before ``stop`` (the first is 0)."""

    start: int
    stop: int
    what: str

    def __str__(self) -> str:
        """In one sentence, with lines counted from 1 as an editor counts them."""
        where = f"line {self.stop}" if self.stop - self.start <= 1 else f"lines {self.start + 1} to {self.stop}"
        return f"{where}: {self.what}"


def lines_of(exported: bytes) -> list[bytes]:
    """The lines of an exported file: each ends with a newline and holds none."""
    lines = exported.split(b"\n")
    return lines[:-1] if not lines[-1] else lines


def verify(lines: Sequence[bytes], checkpoints: Iterable[Checkpoint]) -> list[Fault]:
    """Everything that is wrong with these lines, as far as they and the checkpoints can tell.

    Nothing when all is well.
    """
    return [*_unlike(lines, sorted(set(checkpoints), key=lambda one: (one.size, one.root))), *_unread(lines)]


def root(lines: Sequence[bytes]) -> bytes:
    """The root over all these lines."""
    return _tree(lines).root()


def _tree(lines: Sequence[bytes]) -> Tree:
    tree = Tree(lambda start, stop: lines[start:stop])
    for line in lines:
        tree.append(line)
    return tree


def _unlike(lines: Sequence[bytes], checkpoints: list[Checkpoint]) -> list[Fault]:
    """Where the lines are not those that a checkpoint saw."""
    faults = [
        Fault(0, one.size, f"two checkpoints of {one.size} lines have different roots; two histories were shown")
        for one, other in pairwise(checkpoints)
        if one.size == other.size
    ]
    tree = _tree(lines)
    good = 0
    for one in checkpoints:
        if one.size > len(lines):
            faults.append(
                Fault(len(lines), one.size, f"missing; a checkpoint saw {one.size} lines and there are {len(lines)}")
            )
            break
        if (tree.root(one.size) if one.size else EMPTY) != one.root:
            what = f"not what the checkpoint of {one.size} lines saw"
            faults.append(Fault(good, one.size, f"{what}; something here was changed, added, left out or moved"))
            break
        good = one.size
    return faults


def _unread(lines: Sequence[bytes]) -> list[Fault]:
    """Lines that no ledger of ours writes: unreadable, told twice, or out of the order of days."""
    faults = []
    told: dict[bytes, int] = {}
    day = ""
    for i, line in enumerate(lines):
        try:
            leaf = read(line)
        except Invalid:
            faults.append(Fault(i, i + 1, "not a line of a ledger"))
            continue
        first = told.setdefault(leaf.nonce, i)
        if first != i:
            faults.append(Fault(i, i + 1, f"tells again what line {first + 1} told"))
        if leaf.day < day:
            faults.append(Fault(i, i + 1, f"of {leaf.day}, after a line of {day}"))
        day = max(day, leaf.day)
    return faults
