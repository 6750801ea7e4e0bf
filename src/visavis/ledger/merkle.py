"""Merkle trees after RFC 9162 (section 2.1): the root of a list of leaves, proofs about it, and their verification."""
# *n* leaves are cut after the largest power of two below *n*; the left part never changes. A leaf's place is the list
# of cuts that lead to it from the top; a proof holds the root of the other side of each cut, from the bottom up.

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

from visavis.model.errors import Invalid

HASH_BYTES: Final = 32
TILE: Final = 256
"""Leaves under one stored hash; a proof inside them hashes the leaves again (0.1 ms)."""
_TILE_BITS: Final = TILE.bit_length() - 1
EMPTY: Final = sha256(b"").digest()
_SIZES: Final = "The old one is at least 1 and at most the new one."


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf; the prefix distinguishes it from a node's."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return sha256(b"\x01" + left + right).digest()


def cut(size: int) -> int:
    """How many of ``size`` leaves (two or more) lie left of the first cut.

    >>> cut(2), cut(5), cut(8), cut(9)
    (1, 4, 4, 8)
    """
    return 1 << ((size - 1).bit_length() - 1)


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over these hashes of leaves.

    >>> root_of([leaf_hash(b"")]).hex()[:16], root_of([]).hex()[:16]
    ('6e340b9cffb37a98', 'e3b0c44298fc1c14')
    """
    level = list(hashes)
    if not level:
        return EMPTY
    while len(level) > 1:
        above = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = [*above, level[-1]] if len(level) % 2 else above
    return level[0]


class Tree:
    """An append-only tree with roots and proofs for every size it ever had; stores a quarter of a byte a leaf."""

    # ``read(start, stop)`` returns appended leaves, when a proof needs the hashes inside a tile.

    def __init__(self, read: Callable[[int, int], Sequence[bytes]]) -> None:
        self.size = 0
        self._read = read
        self._tail: list[bytes] = []
        self._levels: list[bytearray] = []

    def append(self, leaf: bytes) -> None:
        """Append one leaf."""
        self._tail.append(leaf_hash(leaf))
        self.size += 1
        if len(self._tail) == TILE:
            self._keep(root_of(self._tail))
            self._tail = []

    def root(self, size: int | None = None) -> bytes:
        """The root over the first ``size`` leaves; over all when left out."""
        size = self._within(self.size if size is None else size)
        return self._root(0, size) if size else EMPTY

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that the leaf at ``index`` is among the first ``size``."""
        if not 0 <= index < self._within(size):
            advice = "Entries count from 0; give a number below the size."
            raise Invalid("There is no such entry in a ledger of that size.", advice=advice)
        proof, start, stop = [], 0, size
        while stop - start > 1:
            middle = start + cut(stop - start)
            if index < middle:
                proof.append(self._root(middle, stop))
                stop = middle
            else:
                proof.append(self._root(start, middle))
                start = middle
        return proof[::-1]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that a tree of ``new`` leaves begins with its first ``old`` leaves (at least one)."""
        if not 0 < old <= self._within(new):
            raise Invalid("These two sizes cannot be compared.", advice=_SIZES)
        proof, start, stop = [], 0, new
        while old < stop:
            middle = start + cut(stop - start)
            if old <= middle:
                proof.append(self._root(middle, stop))
                stop = middle
            else:
                proof.append(self._root(start, middle))
                start = middle
        if start:
            proof.append(self._root(start, stop))
        return proof[::-1]

    def _within(self, size: int) -> int:
        if not 0 <= size <= self.size:
            advice = "Ask for a size that a checkpoint has shown."
            raise Invalid(f"The ledger has {self.size} entries, not that many.", advice=advice)
        return size

    def _keep(self, root: bytes) -> None:
        """Store the root of a full tile, and of every larger subtree that it completes."""
        for level in range(len(self._levels) + 1):
            if level == len(self._levels):
                self._levels.append(bytearray())
            kept = self._levels[level]
            kept += root
            if len(kept) // HASH_BYTES % 2:
                return
            root = node_hash(bytes(kept[-2 * HASH_BYTES : -HASH_BYTES]), root)

    def _root(self, start: int, stop: int) -> bytes:
        """The root over a range that cuts from the top lead to: it lies in one tile, or begins one."""
        count = stop - start
        if count >= TILE and count & (count - 1) == 0:
            at = start // count * HASH_BYTES
            return bytes(self._levels[count.bit_length() - 1 - _TILE_BITS][at : at + HASH_BYTES])
        if count > TILE:
            middle = start + cut(count)
            return node_hash(self._root(start, middle), self._root(middle, stop))
        begun = self.size - len(self._tail)
        if start >= begun:
            return root_of(self._tail[start - begun : stop - begun])
        return root_of([leaf_hash(leaf) for leaf in self._read(start, stop)])


def verify_inclusion(index: int, size: int, hashed: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """:class:`Invalid` unless ``proof`` leads from the leaf hash at ``index`` to the root of ``size`` leaves."""
    if not 0 <= index < size:
        raise Invalid("This proof is of an entry outside the ledger.", advice="Entries count from 0.")
    on_left: list[bool] = []
    while size > 1:
        middle = cut(size)
        on_left.append(index >= middle)
        index, size = (index - middle, size - middle) if index >= middle else (index, middle)
    _check_sizes([hashed, root, *proof])
    if len(proof) != len(on_left):
        raise Invalid(f"This proof has {len(proof)} hashes, not {len(on_left)}.")
    found = hashed
    for other, left in zip(proof, reversed(on_left), strict=True):
        found = node_hash(other, found) if left else node_hash(found, other)
    if found != root:
        raise Invalid("This proof does not lead to that root.", advice="The entry is not in that ledger.")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """:class:`Invalid` unless ``proof`` shows that the tree of ``new`` leaves begins with the one of ``old`` leaves."""
    if old == new:
        if proof or old_root != new_root:
            what = "Two ledgers of one size have one root, and nothing to prove it by."
            raise Invalid(what, advice="Somebody was shown another ledger.")
        return
    if not 0 < old < new:
        raise Invalid("These two sizes cannot be compared.", advice=_SIZES)
    on_left: list[bool] = []
    begins = True  # whether the old tree is a subtree of the new one: then the proof leaves out its root
    while old < new:
        middle = cut(new)
        on_left.append(old > middle)
        if old > middle:
            begins = False
            old, new = old - middle, new - middle
        else:
            new = middle
    _check_sizes([old_root, new_root, *proof])
    if len(proof) != len(on_left) + (not begins):
        raise Invalid(f"This proof has {len(proof)} hashes, not {len(on_left) + (not begins)}.")
    shared, *others = [old_root, *proof] if begins else proof
    before = after = shared
    for other, left in zip(others, reversed(on_left), strict=True):
        if left:
            before = node_hash(other, before)
        after = node_hash(other, after) if left else node_hash(after, other)
    if before != old_root or after != new_root:
        raise Invalid(
            "This proof does not join those two roots.", advice="The later ledger does not begin with the earlier one."
        )


def _check_sizes(hashes: Sequence[bytes]) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise Invalid(f"A hash has {HASH_BYTES} bytes; one here has not.")
