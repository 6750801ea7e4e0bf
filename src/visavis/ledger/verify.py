"""Verify exported lines of a ledger, without its server, against checkpoints kept elsewhere."""
# Every fault says what is wrong and between which lines: two checkpoints that enclose it give its bounds.

from collections.abc import Iterable, Sequence
from itertools import pairwise

from msgspec import Struct

from visavis.ledger.checkpoint import Checkpoint
from visavis.ledger.merkle import EMPTY, Tree
from visavis.ledger.record import read
from visavis.model.errors import Invalid


class Fault(Struct, frozen=True):
    """What is wrong with the lines from number ``start`` (the first is 0) up to, not including, ``stop``."""

    start: int
    stop: int
    what: str

    def __str__(self) -> str:
        """In one sentence, with lines counted from 1, as editors do."""
        where = f"line {self.stop}" if self.stop - self.start <= 1 else f"lines {self.start + 1} to {self.stop}"
        return f"{where}: {self.what}"


def exported_lines(exported: bytes) -> list[bytes]:
    """The lines of an exported file: each ends with a newline and holds none."""
    lines = exported.split(b"\n")
    return lines[:-1] if not lines[-1] else lines


def verify(lines: Sequence[bytes], checkpoints: Iterable[Checkpoint]) -> list[Fault]:
    """Everything that is wrong with these lines, as far as they and the checkpoints show."""
    ordered = sorted(set(checkpoints), key=lambda one: (one.size, one.root))
    return [*_checkpoint_faults(lines, ordered), *_line_faults(lines)]


def root(lines: Sequence[bytes]) -> bytes:
    """The root over all these lines."""
    return _tree(lines).root()


def _tree(lines: Sequence[bytes]) -> Tree:
    tree = Tree(lambda start, stop: lines[start:stop])
    for line in lines:
        tree.append(line)
    return tree


def _checkpoint_faults(lines: Sequence[bytes], checkpoints: list[Checkpoint]) -> list[Fault]:
    faults = [
        Fault(0, one.size, f"two checkpoints of {one.size} lines have different roots; two histories were shown")
        for one, other in pairwise(checkpoints)
        if one.size == other.size
    ]
    tree = _tree(lines)
    good = 0
    for one in checkpoints:
        if one.size > len(lines):
            what = f"missing; a checkpoint saw {one.size} lines and there are {len(lines)}"
            faults.append(Fault(len(lines), one.size, what))
            break
        if (tree.root(one.size) if one.size else EMPTY) != one.root:
            what = f"not what the checkpoint of {one.size} lines saw"
            faults.append(Fault(good, one.size, f"{what}; something here was changed, added, left out or moved"))
            break
        good = one.size
    return faults


def _line_faults(lines: Sequence[bytes]) -> list[Fault]:
    faults = []
    seen: dict[bytes, int] = {}
    day = ""
    for i, line in enumerate(lines):
        try:
            record = read(line)
        except Invalid:
            faults.append(Fault(i, i + 1, "not a line of a ledger"))
            continue
        first = seen.setdefault(record.nonce, i)
        if first != i:
            faults.append(Fault(i, i + 1, f"repeats line {first + 1}"))
        if record.day < day:
            faults.append(Fault(i, i + 1, f"of {record.day}, after a line of {day}"))
        day = max(day, record.day)
    return faults
