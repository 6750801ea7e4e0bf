"""The ledger of a running server.

Its tree follows the lines that are durable, and its checkpoints are cut, kept elsewhere, and shown.

Who writes the log writes an entry's lines (:func:`visavis.ledger.record.leaves`) in the same transaction, under the
next numbers from 0; the tree follows what is durable (:meth:`Ledger.follow`), off the path of decisions, and never
knows of a line that could still be taken back.
"""

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

from visavis.ledger.checkpoint import Checkpoint, CheckpointSigner, Verifier
from visavis.ledger.merkle import Tree, leaf_hash
from visavis.model.errors import Invalid, Unavailable

READ: Final = 4096
FORKED: Final = "This log does not begin with what was signed: a backup was put back. Nothing is signed."
WHAT_TO_DO: Final = (
    "Give back the newest log.sqlite; if it is lost, begin the ledger under another name: `ledger` in the settings."
)
log = logging.getLogger("visavis.ledger")


class LineSource(Protocol):
    """Where the lines are durable."""

    def lines(self, start: int, stop: int) -> Sequence[bytes]:
        """The lines from number ``start`` (the first is 0) until before ``stop``, as far as there are any, in their order."""


class Ledger:
    """Serves roots, proofs and checkpoints. Not safe for threads.

    A checkpoint is cut at most every ``cadence_s``, when something was added, and given to ``keep`` (another place).
    LineSource are shown to everyone up to the last checkpoint only: who watched the ledger and a shop's door at once
    could otherwise tell whose the newest line is. 0 cuts one at each asking. LineSource that are not those of the
    ``signed`` checkpoint are never signed, and it is said loudly why.
    """

    def __init__(
        self,
        lines: LineSource,
        signer: CheckpointSigner,
        *,
        cadence_s: float,
        keep: Callable[[int, str], None] = lambda _size, _note: None,
        signed: Checkpoint | None = None,
    ) -> None:
        self.signer = signer
        self._lines = lines
        self._tree = Tree(lines.lines)
        self._cadence_s = cadence_s
        self._keep = keep
        self._cut_at = float("-inf")
        self._note = ""
        self._shown = 0
        self.follow()
        self.forked = signed is not None and (len(self) < signed.size or self.root(signed.size) != signed.root)
        """Whether these are other lines than were signed: two histories are not signed under one name."""
        if self.forked:
            log.error(
                "%s %s",
                FORKED,
                WHAT_TO_DO,
                extra={"lines": len(self), "signed": signed.size if signed is not None else 0},
            )

    def __len__(self) -> int:
        """How many lines."""
        return self._tree.size

    def follow(self) -> None:
        """Follow the lines that are durable now."""
        while found := self._lines.lines(self._tree.size, self._tree.size + READ):
            self.append(found)

    def append(self, lines: Iterable[bytes]) -> None:
        """Follow lines that are durable now."""
        for line in lines:
            self._tree.append(line)

    def checkpoint(self, now_s: float) -> str:
        """The last checkpoint; a new one when its time has come. A clock that was turned back makes nobody wait.

        :class:`Unavailable` when another history was signed under this name.
        """
        if self.forked:
            raise Unavailable(FORKED, advice=WHAT_TO_DO)
        if not self._note or (len(self) != self._shown and not 0 <= now_s - self._cut_at < self._cadence_s):
            note = self.signer.sign(len(self), self._tree.root())
            self._keep(len(self), note)  # before anyone sees it
            self._note, self._shown, self._cut_at = note, len(self), now_s
        return self._note

    @property
    def shown(self) -> int:
        """How many lines the last checkpoint covers."""
        return self._shown

    def lines(self, after: int, limit: int) -> Sequence[bytes]:
        """Up to ``limit`` lines from number ``after``, of those that a checkpoint covers."""
        return self._lines.lines(after, min(after + limit, self._shown)) if after < self._shown else ()

    def hash_of(self, index: int) -> bytes:
        """The hash of one line: it tells nothing of the line, so that it may be known before a checkpoint covers it."""
        (line,) = self._lines.lines(index, index + 1)
        return leaf_hash(line)

    def root(self, size: int) -> bytes:
        """The root over the first ``size`` lines."""
        return self._tree.root(size)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that line ``index`` is among the first ``size``."""
        return self._tree.inclusion(index, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the first ``old`` lines are still the first of ``new``."""
        return self._tree.consistency(old, new)


def kept_in(folder: Path) -> Callable[[int, str], None]:
    """Keep each checkpoint as a file of this folder, named by its size.

    The folder belongs on another machine's disk, or in its backup at least.

    None is ever replaced. Of two ledgers with other names that are kept in one folder each has its own.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def keep(size: int, note: str) -> None:
        path = folder / f"checkpoint-{size:012}"
        try:
            while path.exists() and (there := path.read_text(encoding="utf-8")) != note:
                if there.partition("\n")[0] == note.partition("\n")[0]:
                    raise Unavailable(
                        "A checkpoint of this size is kept already, and is another.",
                        advice="Start again: it is told then what to do.",
                    )
                path = path.with_name(f"{path.name}+")
            fresh = path.with_suffix(".new")
            with fresh.open("w", encoding="utf-8", newline="") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as error:
            raise Unavailable(
                f"The checkpoint could not be kept: {error.strerror}.", advice="Is the disk full?"
            ) from None

    return keep


def last_kept(folder: Path, verifier: str) -> Checkpoint | None:
    """The largest checkpoint of this folder that who is verified so has signed."""
    ours = Verifier(verifier)
    for path in sorted(folder.glob("checkpoint-*"), reverse=True):
        try:
            return ours.read(path.read_text(encoding="utf-8"))
        except (Invalid, UnicodeDecodeError):  # of another ledger, or not whole
            continue
        except OSError as error:
            raise Unavailable(
                f"{path.name} cannot be read: {error.strerror}.",
                advice="The server reads its checkpoints when it starts.",
            ) from None
    return None
