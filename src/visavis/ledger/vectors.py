"""Run public test vectors for inclusion and consistency proofs: one JSON file each, with ``wantErr``."""

from pathlib import Path

import msgspec
from msgspec import Struct

from visavis.ledger.merkle import verify_consistency, verify_inclusion
from visavis.model.errors import Invalid


class Inclusion(Struct, rename="camel"):
    """A proof that one leaf is in a tree."""

    leaf_idx: int
    tree_size: int
    root: bytes | None
    leaf_hash: bytes | None
    proof: list[bytes | None] | None
    want_err: bool

    def verify(self) -> None:
        """:class:`Invalid` when the proof is wrong."""
        verify_inclusion(self.leaf_idx, self.tree_size, self.leaf_hash or b"", _hashes(self.proof), self.root or b"")


class Consistency(Struct, rename="camel"):
    """A proof that one tree begins another."""

    size1: int
    size2: int
    root1: bytes | None
    root2: bytes | None
    proof: list[bytes | None] | None
    want_err: bool

    def verify(self) -> None:
        """:class:`Invalid` when the proof is wrong."""
        verify_consistency(self.size1, self.size2, _hashes(self.proof), self.root1 or b"", self.root2 or b"")


class VectorResult(Struct, frozen=True):
    """How many vectors were run, how many must be rejected, and those with another result."""

    run: int
    to_refuse: int
    differing: tuple[str, ...]


def run(folder: Path) -> VectorResult:
    """Run every ``.json`` below this folder, except folders named ``subtree…``: those are of another proof."""
    files = [
        path
        for path in sorted(folder.rglob("*.json"))
        if not any(part.startswith("subtree") for part in path.relative_to(folder).parts[:-1])
    ]
    if not files:
        advice = "Give the folder that holds `inclusion` and `consistency`."
        raise Invalid(f"There are no vectors in {folder}.", advice=advice)
    differing, to_refuse = [], 0
    for path in files:
        vector = _read(path)
        to_refuse += vector.want_err
        try:
            vector.verify()
        except Invalid:
            refused = True
        else:
            refused = False
        if refused is not vector.want_err:
            differing.append(str(path.relative_to(folder)))
    return VectorResult(len(files), to_refuse, tuple(differing))


def _read(path: Path) -> Inclusion | Consistency:
    data = path.read_bytes()
    try:
        fields = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        kind: type[Inclusion | Consistency] = Inclusion if "leafIdx" in fields else Consistency
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        advice = "It holds leafIdx, treeSize… or size1, size2…, in base64."
        raise Invalid(f"{path.name} is not a vector: {error}.", advice=advice) from None


def _hashes(proof: list[bytes | None] | None) -> list[bytes]:
    return [one or b"" for one in proof or []]
