"""The ledger's arithmetic: roots and proofs equal an independent library's, checkpoints follow their text format."""

import json
from base64 import b64decode, b64encode
from hashlib import sha256
from itertools import product
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from support import ledger_properties as properties
from support.ledger_properties import SEED, a_tree, an_oracle
from support.ledgers import ORIGIN
from visavis.cli import app
from visavis.ledger.checkpoint import CheckpointSigner, Verifier
from visavis.ledger.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion
from visavis.ledger.vectors import run
from visavis.model.errors import Invalid

CLASSIC = [
    bytes.fromhex(one)
    for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


# The tree


def test_the_classic_leaves_have_the_classic_roots() -> None:
    assert [a_tree(CLASSIC[:size]).root().hex() for size in range(1, 9)] == ROOTS
    assert [root_of([leaf_hash(one) for one in CLASSIC[:size]]).hex() for size in range(1, 9)] == ROOTS
    assert a_tree([]).root() == sha256(b"").digest()


def test_every_root_and_proof_is_what_an_independent_library_says() -> None:
    assert properties.unlike_the_oracle() == []


def test_a_proof_holds_for_its_own_leaf_sizes_and_roots_only() -> None:
    assert properties.lies_believed() == []


@settings(max_examples=50)
@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_ledger_is_joined_to_every_later_one_and_to_none_that_differs(
    one: int, more: int, data: st.DataObject
) -> None:
    leaves = [i.to_bytes(2, "big") for i in range(one + more)]
    tree = a_tree(leaves)
    index = data.draw(st.integers(0, one - 1))
    verify_consistency(one, one + more, tree.consistency(one, one + more), tree.root(one), tree.root())
    verify_inclusion(index, one, leaf_hash(leaves[index]), tree.inclusion(index, one), tree.root(one))
    leaves[index] += b"!"
    other = a_tree(leaves)
    with pytest.raises(Invalid):
        verify_consistency(one, one + more, other.consistency(one, one + more), tree.root(one), other.root())


@pytest.mark.parametrize("size", [0, 1, 7])
def test_of_one_size_a_ledger_has_one_root_whatever_it_is_and_no_proof(size: int) -> None:
    verify_consistency(size, size, [], b"any root at all", b"any root at all")
    for proof, root in (([b"any root at all"], b"any root at all"), ([], b"another")):
        with pytest.raises(Invalid, match="one size"):
            verify_consistency(size, size, proof, b"any root at all", root)


def test_what_was_never_there_has_no_proof() -> None:
    tree = a_tree([b"a", b"b"])
    for ask in (
        lambda: tree.inclusion(2, 2),
        lambda: tree.inclusion(-1, 2),
        lambda: tree.inclusion(0, 3),
        lambda: tree.consistency(0, 2),
        lambda: tree.consistency(2, 1),
        lambda: tree.root(3),
        lambda: tree.root(-1),
    ):
        with pytest.raises(Invalid):
            ask()


def test_a_folder_of_vectors_is_judged_by_an_independent_tree(tmp_path: Path) -> None:
    """Proofs and their errors agree with the library's; `subtree` folders are of another kind and skipped."""
    leaves = [bytes([i]) * i for i in range(13)]
    theirs, roots = (
        an_oracle(leaves),
        [sha256(b"").digest(), *[an_oracle(leaves[:size]).get_root(size) for size in range(1, 14)]],
    )
    dice, wrong, made = Random(5), 0, 0
    for folder in ("inclusion/a", "consistency/b", "subtree-inclusion/c"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "subtree-inclusion/c/odd.json").write_text("{}")
    for index, size in product(range(13), range(1, 14)):
        if index >= size:
            continue
        proof = theirs.prove_inclusion(index + 1, size).path[1:]
        spoilt = dice.random() < 0.5
        hashed = leaf_hash(leaves[index + 1 if spoilt and index < 12 else index])
        root = roots[size] if not spoilt or index < 12 else roots[size - 1]
        told = {
            "leafIdx": index,
            "treeSize": size,
            "root": root,
            "leafHash": hashed,
            "proof": proof or None,
            "desc": "",
            "wantErr": spoilt,
        }
        _written(tmp_path / "inclusion/a" / f"{index}-{size}.json", told)
        wrong, made = wrong + spoilt, made + 1
    for old, size in product(range(1, 14), range(1, 14)):
        spoilt = old > size or dice.random() < 0.5
        proof = a_tree(leaves).consistency(old, size) if old <= size else [roots[1]]
        told = {
            "size1": old,
            "size2": size,
            "root1": roots[old - 1] if spoilt else roots[old],
            "root2": roots[size],
            "proof": proof or None,
            "wantErr": spoilt,
        }
        _written(tmp_path / "consistency/b" / f"{old}-{size}.json", told)
        wrong, made = wrong + spoilt, made + 1
    _written(
        tmp_path / "consistency/b/empty.json",
        {"size1": 0, "size2": 5, "root1": None, "root2": roots[5], "proof": None, "wantErr": True},
    )

    verdict = run(tmp_path)

    assert (verdict.run, verdict.to_refuse, verdict.differing) == (made + 1, wrong + 1, ())
    assert (
        CliRunner().invoke(app, ["ledger", "vectors", str(tmp_path)]).stdout
        == f"{made + 1} of {made + 1} vectors as expected, {wrong + 1} of them to be refused\n"
    )
    _written(
        tmp_path / "inclusion/a/lie.json",
        {"leafIdx": 0, "treeSize": 1, "root": roots[1], "leafHash": roots[1], "proof": None, "wantErr": True},
    )
    assert run(tmp_path).differing == ("inclusion/a/lie.json",)
    assert CliRunner().invoke(app, ["ledger", "vectors", str(tmp_path)]).exit_code == 1


def _written(path: Path, told: dict[str, object]) -> None:
    path.write_text(json.dumps(told, default=lambda one: b64encode(one).decode()))


# Checkpoints


def test_a_checkpoint_is_a_signed_note_that_anyone_reads_by_the_letter() -> None:
    signer = CheckpointSigner(ORIGIN, SEED)
    note = signer.sign(8, bytes.fromhex(ROOTS[-1]))
    text, signed = note.split("\n\n")
    assert text.split("\n") == [ORIGIN, "8", b64encode(bytes.fromhex(ROOTS[-1])).decode()]
    dash, name, signature = signed.rstrip("\n").split(" ")
    assert (dash, name) == ("\u2014", ORIGIN)

    origin, key_id, key = signer.verifier.split("+", 2)
    public = b64decode(key)[1:]
    assert b64decode(key)[:1] == b"\x01"
    assert sha256(origin.encode() + b"\n\x01" + public).digest()[:4].hex() == key_id == b64decode(signature)[:4].hex()
    Ed25519PublicKey.from_public_bytes(public).verify(b64decode(signature)[4:], (text + "\n").encode())
    assert Verifier(signer.verifier).read(note).root.hex() == ROOTS[-1]


def test_a_note_with_other_signatures_and_lines_is_read_and_a_spoilt_one_is_not() -> None:
    signer, other = CheckpointSigner(ORIGIN, SEED), CheckpointSigner("witness.example", SEED[::-1])
    reader = Verifier(signer.verifier)
    note = signer.sign(3, bytes(32))
    text, _, signature = note.rpartition("\n\n")
    assert reader.read(f"{text}\n\n{other.sign(3, bytes(32)).rpartition(chr(10) * 2)[2]}{signature}").size == 3

    assert properties.forgeries_believed() == []
    for told in ("", "a+b+c", signer.verifier[:-4], signer.verifier.replace("+", "+0", 1)):
        with pytest.raises(Invalid):
            Verifier(told)
    for origin in ("", "a b", "a+b", "a\nb"):
        with pytest.raises(Invalid):
            CheckpointSigner(origin, SEED)


@settings(max_examples=50)
@given(st.data())
def test_no_byte_of_a_checkpoint_can_be_changed(data: st.DataObject) -> None:
    signer = CheckpointSigner(ORIGIN, SEED)
    note = bytearray(signer.sign(41, bytes(range(32))).encode())
    at = data.draw(st.integers(0, len(note) - 1))
    note[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Invalid):
        Verifier(signer.verifier).read(note.decode("utf-8", "replace"))
