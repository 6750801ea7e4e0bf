"""The ledger of a running server: the Merkle tree over its durable lines, and signed checkpoints of it."""
# Lines are committed with their entries; the tree reads them afterwards, so none of its lines is rolled back.

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

from visavis.ledger.checkpoint import Checkpoint, CheckpointSigner, Verifier
from visavis.ledger.merkle import Tree, leaf_hash
from visavis.model.errors import Invalid, Unavailable

READ: Final = 4096
FORKED: Final = "This log does not begin with what was signed: a backup was restored. Nothing is signed."
WHAT_TO_DO: Final = (
    "Give back the newest log.sqlite; if it is lost, begin the ledger under another name: `ledger` in the settings."
)
log = logging.getLogger("visavis.ledger")


class LineSource(Protocol):
    """The part of :class:`~visavis.ports.UseLog` that the ledger reads."""

    def lines(self, start: int, stop: int) -> Sequence[bytes]:
        """The lines from number ``start`` up to, not including, ``stop``, as far as they exist."""


class Ledger:
    """Serves roots, proofs and checkpoints. Not thread-safe.

    A checkpoint is signed when asked for, lines were added and ``cadence_s`` have passed; ``keep`` stores a copy. Only
    lines that it covers are published: the newest line could be linked to a person seen in a shop. Nothing is signed
    when the lines differ from those of the ``signed`` one.
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
        """Whether these lines differ from what was signed: two histories are never signed under one name."""
        if self.forked:
            sizes = {"lines": len(self), "signed": signed.size if signed is not None else 0}
            log.error("%s %s", FORKED, WHAT_TO_DO, extra=sizes)

    def __len__(self) -> int:
        """How many lines."""
        return self._tree.size

    def follow(self) -> None:
        """Append the lines that became durable since."""
        while found := self._lines.lines(self._tree.size, self._tree.size + READ):
            self.append(found)

    def append(self, lines: Iterable[bytes]) -> None:
        """Append these lines to the tree."""
        for line in lines:
            self._tree.append(line)

    def checkpoint(self, now_s: float) -> str:
        """The last one, or a new one if due or the clock went back; :class:`Unavailable` when it forked the history."""
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
        """Up to ``limit`` published lines, from number ``after``."""
        return self._lines.lines(after, min(after + limit, self._shown)) if after < self._shown else ()

    def hash_of(self, index: int) -> bytes:
        """The leaf hash of one line; it reveals nothing, so it may be published before a checkpoint covers the line."""
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


def checkpoint_folder(folder: Path) -> Callable[[int, str], None]:
    """A function that stores each checkpoint in this folder (best on another machine), by size, never replacing one."""
    folder.mkdir(parents=True, exist_ok=True)

    def keep(size: int, note: str) -> None:
        path = folder / f"checkpoint-{size:012}"
        try:
            while path.exists() and (there := path.read_text(encoding="utf-8")) != note:
                if there.partition("\n")[0] == note.partition("\n")[0]:
                    advice = "Restart the server: it then says what to do."
                    raise Unavailable("Another checkpoint of this size is stored already.", advice=advice)
                path = path.with_name(f"{path.name}+")
            fresh = path.with_suffix(".new")
            with fresh.open("w", encoding="utf-8", newline="") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as error:
            what = f"The checkpoint could not be stored: {error.strerror}."
            raise Unavailable(what, advice="Is the disk full?") from None

    return keep


def last_checkpoint(folder: Path, verifier: str) -> Checkpoint | None:
    """The largest checkpoint of this folder that was signed with this verifier's key."""
    ours = Verifier(verifier)
    for path in sorted(folder.glob("checkpoint-*"), reverse=True):
        try:
            return ours.read(path.read_text(encoding="utf-8"))
        except (Invalid, UnicodeDecodeError):  # of another ledger, or not whole
            continue
        except OSError as error:
            advice = "The server reads its checkpoints when it starts."
            raise Unavailable(f"{path.name} cannot be read: {error.strerror}.", advice=advice) from None
    return None
