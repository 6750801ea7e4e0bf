"""P11, P16, P17: every use is in the ledger; nothing of it can be changed unnoticed; it outlives a person and tells nothing of them."""

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from hashlib import blake2b, md5, sha1, sha256, sha512
from itertools import product
from pathlib import Path
from random import Random

import pymerkle
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from typer.testing import CliRunner

from ledgers import ORIGIN, PEOPLE, WAYS, checkpoint_of, key_of, lived, unnoticed
from people import NOON, STRATEGY
from visavis.cli import app
from visavis.model.consent import Purpose
from visavis.model.entry import Entry, Use
from visavis.model.errors import Invalid
from visavis.model.moment import Consented, Noticed
from visavis.rights import leaf, uses
from visavis.rights.checkpoint import Signer, Verifier
from visavis.rights.ledger import Ledger, kept_in
from visavis.rights.merkle import TILE, Tree, leaf_hash, root_of, verify_consistency, verify_inclusion
from visavis.rights.vectors import run
from visavis.rights.verify import verify

SEED = bytes(range(32))
Times = Callable[[int, int], int]
CLASSIC = [bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
ROOTS = """6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125
aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77 d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7
4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4 76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef
ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c 5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328""".split()


class Kept:
    """Durable lines, for a ledger that is being opened."""

    def __init__(self, lines: Sequence[bytes] = ()) -> None:
        self.all = list(lines)

    def lines(self, start: int, stop: int) -> Sequence[bytes]:
        return self.all[start:stop]


def a_tree(leaves: Sequence[bytes]) -> Tree:
    tree = Tree(lambda start, stop: leaves[start:stop])
    for one in leaves:
        tree.append(one)
    return tree


def an_oracle(leaves: Sequence[bytes]) -> pymerkle.InmemoryTree:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for one in leaves:
        tree.append_entry(one)
    return tree


# The tree


def test_the_classic_leaves_have_the_classic_roots() -> None:
    assert [a_tree(CLASSIC[:size]).root().hex() for size in range(1, 9)] == ROOTS
    assert [root_of([leaf_hash(one) for one in CLASSIC[:size]]).hex() for size in range(1, 9)] == ROOTS
    assert a_tree([]).root() == sha256(b"").digest()


def test_every_root_and_proof_is_what_an_independent_library_says() -> None:
    leaves = [str(i).encode() * (i % 5) for i in range(TILE * 3 + 7)]
    ours, theirs = a_tree(leaves), an_oracle(leaves)
    sizes = [*range(1, 34), TILE - 1, TILE, TILE + 1, 2 * TILE - 1, 2 * TILE, 2 * TILE + 1, len(leaves)]
    dice = Random(3)
    for size in sizes:
        assert ours.root(size) == theirs.get_root(size)
        for index in range(size) if size < 34 else dice.sample(range(size), 6):
            proof = ours.inclusion(index, size)
            assert proof == theirs.prove_inclusion(index + 1, size).path[1:]
            verify_inclusion(index, size, leaf_hash(leaves[index]), proof, ours.root(size))
        for old in range(1, size + 1) if size < 34 else dice.sample(range(1, size + 1), 6):
            verify_consistency(old, size, ours.consistency(old, size), ours.root(old), ours.root(size))


@given(st.integers(1, 700), st.data())
def test_a_proof_holds_for_its_own_leaf_size_and_root_only(size: int, data: st.DataObject) -> None:
    leaves = [i.to_bytes(2, "big") for i in range(size)]
    tree = a_tree(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof, hashed, root = tree.inclusion(index, size), leaf_hash(leaves[index]), tree.root()
    other = data.draw(st.integers(0, 1400).filter(lambda one: one != index))
    wrong = bytes([hashed[0] ^ 1]) + hashed[1:]
    for told in [(other, size, hashed, proof, root), (index, size, wrong, proof, root), (index, size, hashed, [*proof, wrong], root),
                 (index, size, hashed, proof, wrong), (index, size, hashed[:31], proof, root), (-1, size, hashed, proof, root)]:  # fmt: skip
        with pytest.raises(Invalid):
            verify_inclusion(*told)
    if proof:
        with pytest.raises(Invalid):
            verify_inclusion(index, size, hashed, proof[:-1], root)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_an_earlier_ledger_that_differs_anywhere_is_not_joined_to_a_later_one(one: int, more: int, data: st.DataObject) -> None:
    new = one + more
    leaves = [i.to_bytes(2, "big") for i in range(new)]
    tree = a_tree(leaves)
    proof = tree.consistency(one, new)
    verify_consistency(one, new, proof, tree.root(one), tree.root(new))
    changed = list(leaves)
    changed[data.draw(st.integers(0, one - 1))] += b"!"
    other = a_tree(changed)
    for told in [(one, new, proof, other.root(one), tree.root(new)), (one, new, proof, tree.root(one), other.root(new)),
                 (one, new, other.consistency(one, new), tree.root(one), other.root(new)), (0, new, proof, tree.root(one), tree.root(new)),
                 (one, new, [*proof, proof[0]], tree.root(one), tree.root(new)), (new, one, proof, tree.root(one), tree.root(new))]:  # fmt: skip
        with pytest.raises(Invalid):
            verify_consistency(*told)


def test_what_was_never_there_has_no_proof() -> None:
    tree = a_tree([b"a", b"b"])
    for ask in (lambda: tree.inclusion(2, 2), lambda: tree.inclusion(-1, 2), lambda: tree.inclusion(0, 3), lambda: tree.consistency(0, 2),
                lambda: tree.consistency(2, 1), lambda: tree.root(3), lambda: tree.root(-1)):  # fmt: skip
        with pytest.raises(Invalid):
            ask()


def test_a_folder_of_vectors_is_judged_by_an_independent_tree(tmp_path: Path) -> None:
    """Proofs come from the library, so does what is wrong with them; `subtree` folders are of another kind and left alone."""
    leaves = [bytes([i]) * i for i in range(13)]
    theirs, roots = an_oracle(leaves), [sha256(b"").digest(), *[an_oracle(leaves[:size]).get_root(size) for size in range(1, 14)]]
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
        told = {"leafIdx": index, "treeSize": size, "root": root, "leafHash": hashed, "proof": proof or None, "desc": "", "wantErr": spoilt}
        _written(tmp_path / "inclusion/a" / f"{index}-{size}.json", told)
        wrong, made = wrong + spoilt, made + 1
    for old, size in product(range(1, 14), range(1, 14)):
        spoilt = old > size or dice.random() < 0.5
        proof = a_tree(leaves).consistency(old, size) if old <= size else [roots[1]]
        told = {"size1": old, "size2": size, "root1": roots[old - 1] if spoilt else roots[old], "root2": roots[size], "proof": proof or None, "wantErr": spoilt}
        _written(tmp_path / "consistency/b" / f"{old}-{size}.json", told)
        wrong, made = wrong + spoilt, made + 1
    _written(tmp_path / "consistency/b/empty.json", {"size1": 0, "size2": 5, "root1": None, "root2": roots[5], "proof": None, "wantErr": True})

    verdict = run(tmp_path)

    assert (verdict.run, verdict.to_refuse, verdict.differing) == (made + 1, wrong + 1, ())
    assert CliRunner().invoke(app, ["ledger", "vectors", str(tmp_path)]).stdout == f"{made + 1} of {made + 1} vectors as expected, {wrong + 1} of them to be refused\n"
    _written(tmp_path / "inclusion/a/lie.json", {"leafIdx": 0, "treeSize": 1, "root": roots[1], "leafHash": roots[1], "proof": None, "wantErr": True})
    assert run(tmp_path).differing == ("inclusion/a/lie.json",)
    assert CliRunner().invoke(app, ["ledger", "vectors", str(tmp_path)]).exit_code == 1


def _written(path: Path, told: dict[str, object]) -> None:
    path.write_text(json.dumps(told, default=lambda one: b64encode(one).decode()))


# Checkpoints


def test_a_checkpoint_is_a_signed_note_that_anyone_reads_by_the_letter() -> None:
    signer = Signer(ORIGIN, SEED)
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
    signer, other = Signer(ORIGIN, SEED), Signer("witness.example", SEED[::-1])
    reader = Verifier(signer.verifier)
    note = signer.sign(3, bytes(32))
    text, _, signature = note.rpartition("\n\n")
    assert reader.read(f"{text}\n\n{other.sign(3, bytes(32)).rpartition(chr(10) * 2)[2]}{signature}").size == 3

    spoilt = ["", text, note[:-1], note.replace("\n3\n", "\n4\n"), note.replace("\u2014", "-"), other.sign(3, bytes(32)), f"{text}\n\n\n{signature}"]
    for one in [*spoilt, Signer(ORIGIN, SEED[::-1]).sign(3, bytes(32)), note.replace("A", "B", 1)]:
        with pytest.raises(Invalid):
            reader.read(one)
    for told in ("", "a+b+c", signer.verifier[:-4], signer.verifier.replace("+", "+0", 1)):
        with pytest.raises(Invalid):
            Verifier(told)
    for origin in ("", "a b", "a+b", "a\nb"):
        with pytest.raises(Invalid):
            Signer(origin, SEED)


@given(st.data())
def test_no_byte_of_a_checkpoint_can_be_changed(data: st.DataObject) -> None:
    signer = Signer(ORIGIN, SEED)
    note = bytearray(signer.sign(41, bytes(range(32))).encode())
    at = data.draw(st.integers(0, len(note) - 1))
    note[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Invalid):
        Verifier(signer.verifier).read(note.decode("utf-8", "replace"))


# A running ledger


def test_a_ledger_that_is_opened_again_has_the_same_roots_and_shows_what_a_checkpoint_covers(tmp_path: Path) -> None:
    lines = list(lived().lines)
    kept = Kept()
    first = Ledger(kept, Signer(ORIGIN, SEED), cadence_s=60, keep=kept_in(tmp_path / "elsewhere"))
    assert Verifier(first.signer.verifier).read(first.checkpoint(0)).size == 0
    for start in range(0, len(lines), 10):
        kept.all += lines[start : start + 10]
        first.append(lines[start : start + 10])
    assert Verifier(first.signer.verifier).read(first.checkpoint(59)).size == 0
    assert list(first.lines(0, 1000)) == []
    note = first.checkpoint(60)
    again = Ledger(kept, Signer(ORIGIN, SEED), cadence_s=60)

    assert Verifier(first.signer.verifier).read(note) == checkpoint_of(lines)
    assert (tmp_path / "elsewhere" / f"checkpoint-{len(lines):012}").read_text() == note
    assert (len(again), again.root(len(again)), again.checkpoint(0)) == (len(lines), first.root(len(lines)), note)
    assert list(again.lines(3, 4)) == lines[3:7]
    assert list(again.lines(len(lines), 4)) == []
    verify_inclusion(5, len(lines), again.hash_of(5), again.inclusion(5, len(lines)), again.root(len(lines)))


# P16


def test_every_falsified_ledger_is_noticed_with_one_earlier_checkpoint(times: Times) -> None:
    assert unnoticed(times(500, 10_000)) == []


def test_a_fault_is_told_where_it_is() -> None:
    lines = list(lived().lines)
    kept = [checkpoint_of(lines[:size]) for size in (20, 40, 60)]
    assert verify(lines, kept) == []

    lines[33] = lines[33].replace(b'"', b" ", 1)
    found = [str(one) for one in verify(lines, kept)]
    assert found == [
        "lines 21 to 40: not what the checkpoint of 40 lines saw; something here was changed, added, left out or moved", "line 34: not a line of a ledger",
    ]  # fmt: skip

    lines = list(lived().lines)
    assert [one.what for one in verify([*lines, lines[0]], kept)][0] == "tells again what line 1 told"
    assert "missing; a checkpoint saw 60 lines and there are 50" in str(verify(lines[:50], kept)[0])
    two = [kept[0], replace(kept[0], root=bytes(32))]
    assert "two histories" in str(verify(lines, two)[0])


def test_the_command_verifies_a_file_and_says_what_is_wrong(tmp_path: Path) -> None:
    lines, signer = list(lived().lines), Signer(ORIGIN, SEED)
    for size in (30, len(lines)):
        (tmp_path / f"c{size}").write_text(signer.sign(size, checkpoint_of(lines[:size]).root))
    (tmp_path / "audit.hex").write_text(key_of(PEOPLE[0]).hex() + "\n")
    whole, told = tmp_path / "ledger.ndjson", tmp_path / "key"
    told.write_text(signer.verifier + "\n")
    whole.write_bytes(b"".join(line + b"\n" for line in lines))
    asked = ["ledger", "verify", str(whole), "--checkpoint", str(tmp_path / "c30"), "--checkpoint", str(tmp_path / f"c{len(lines)}"), "--key"]

    well = CliRunner().invoke(app, [*asked, signer.verifier, "--person", str(tmp_path / "audit.hex")])
    mine = len(list(uses.own(lines, key_of(PEOPLE[0]))))
    assert (well.exit_code, well.stdout.splitlines()[0]) == (0, f"{mine} lines are this person's")
    assert "2 checkpoints: nothing is wrong" in well.stdout
    whole.write_bytes(b"".join(line + b"\n" for line in lines[:35] + lines[36:]))
    ill = CliRunner().invoke(app, [*asked, str(told)])
    assert (ill.exit_code, f"lines {len(lines)} to" in ill.stdout or f"line {len(lines)}:" in ill.stdout) == (1, True)
    assert isinstance(CliRunner().invoke(app, [*asked, Signer(ORIGIN, SEED[::-1]).verifier]).exception, Invalid)


# P11: uses and lines


def test_each_use_has_one_line_and_each_line_one_use() -> None:
    world = lived()
    known = 0
    for name in PEOPLE:
        entries, key = world.of(name), key_of(name)
        mine = uses.opened(uses.own(world.lines, key), entries, key)
        known += len(mine)
        made = [use for entry in entries for use in entry.uses]
        lines = [line for line in mine if line.leaf.outcome in ("shown", "silent", "read")]
        assert all(line.details is not None for line in mine)
        assert uses.missing(mine, entries, key) == []
        assert [(line.leaf.purpose, line.leaf.categories) for line in lines] == [(use.purpose, use.categories) for use in made]
        lost = next(line for line in lines)
        assert uses.missing([line for line in mine if line is not lost], entries, key) == [lost.details.moment if lost.details is not None else ""]
        assert uses.opened([lost], [], key)[0].details is None
    assert known == len(world.lines)
    assert {leaf.read(line).outcome for line in world.lines} >= {"shown", "silent", "read", "served", "agreed", "withdrawn"}


def test_the_same_entry_always_has_the_same_lines_and_nobody_elses_key_opens_them() -> None:
    world = lived()
    entry = next(entry for entry in world.of(PEOPLE[0]) if len(entry.uses) > 1)
    lines = leaf.leaves(entry, STRATEGY.purposes, key_of(PEOPLE[0]))
    assert lines == leaf.leaves(entry, STRATEGY.purposes, key_of(PEOPLE[0]))
    assert len(lines) == len(entry.uses)
    told = leaf.details(entry, "")
    for line in lines:
        read = leaf.read(line)
        assert [read.is_of(key_of(name)) for name in PEOPLE] == [True, False, False, False]
        assert [read.opens(key_of(name), told) for name in PEOPLE] == [True, False, False, False]
        assert not read.opens(key_of(PEOPLE[0]), told.replace(b"door", b"till"))


def test_who_looked_at_what_why_and_when_is_told_in_plain_words() -> None:
    world, name = lived(), PEOPLE[0]
    mine = uses.opened(uses.own(world.lines, key_of(name)), world.of(name), key_of(name))
    read = next(line for line in mine if line.leaf.by == "adviser")
    fr, en = uses.told(read, STRATEGY, "fr"), uses.told(read, STRATEGY, "en")
    assert (fr.who, en.who) == ("un conseiller, à Rue Haute", "an adviser, at Rue Haute")
    assert "vos achats" in fr.what
    assert en.why == STRATEGY.purposes["adviser-brief"].benefit["en"]
    assert fr.when.startswith("24 novembre 2026, 12:00")
    assert uses.told(replace(read, details=None), STRATEGY, "fr").when == "24 novembre 2026"
    copy = Entry(2, name, NOON, world.of(name)[0].moment, uses=(uses.copying(["purchases"]), uses.reading("till", "s1", _purpose("recognition"), ["places"])))
    lines = leaf.leaves(copy, STRATEGY.purposes, key_of(name))
    assert [(leaf.read(line).by, leaf.read(line).outcome, leaf.read(line).basis) for line in lines] == [("person", "copied", "duty"), ("till", "read", "consent")]
    own = uses.opened(uses.own(lines, key_of(name)), [copy], key_of(name))
    assert [uses.told(line, STRATEGY, "fr").who for line in own] == ["vous", "la caisse, à Rue Haute"]
    for word in [word for words in (uses.WHO, uses.WHAT, uses.OUTCOMES) for both in words.values() for word in (both["fr"], both["en"])]:
        assert word
        assert not {"score", "segment", "propensity"} & set(word.split())


def _purpose(key: str) -> Purpose:
    return STRATEGY.purposes[key]


def test_a_use_out_of_the_order_of_choices_is_told() -> None:
    """The notice, then the yes, then the use: any other order is a fault, with the person's key and the ledger alone."""
    key = key_of("ines")
    notice = Noticed(id="n", customer="ines", occurred_at=NOON, purpose="recognition", notice="2026-1", categories=("places", "purchases"))
    yes = Consented(id="y", customer="ines", occurred_at=NOON, purpose="recognition", notice="2026-1", categories=("places", "purchases"))
    used = next(entry for entry in lived().of(PEOPLE[0]) if entry.uses)
    use = replace(used, uses=(Use("recognition", ("places", "purchases")),))
    wider = replace(used, uses=(Use("recognition", ("orders", "places")),))
    entries = {"n": Entry(2, "ines", NOON, notice), "y": Entry(2, "ines", NOON, yes), "u": use, "w": wider}
    assert _faults("nyu", entries, key) == []
    assert _faults("ynu", entries, key) == ["line 1: a yes to `recognition` before its notice was served"]
    assert _faults("nuy", entries, key) == ["line 2: a use for `recognition` without a yes that stands"]
    assert _faults("nyw", entries, key) == ["line 3: a use for `recognition` of more than the yes named"]
    entries["e"] = replace(entries["y"], moment=replace(yes, categories=("orders", "places")))
    assert _faults("ne", entries, key) == ["line 2: a yes to `recognition` covers more than its notice named"]
    for name in PEOPLE:
        assert uses.out_of_order(uses.own(lived().lines, key_of(name))) == []


def _faults(order: str, entries: dict[str, Entry], key: bytes) -> list[str]:
    lines = [line for one in order for line in leaf.leaves(entries[one], STRATEGY.purposes, key)]
    return [str(one) for one in uses.out_of_order(uses.own(lines, key))]


# P17


def test_after_the_keys_are_shredded_the_ledger_verifies_and_a_dictionary_finds_nobody() -> None:
    world = lived()
    kept = [checkpoint_of(world.lines[:size]) for size in (10, 50, len(world.lines))]
    assert verify(world.lines, kept) == []
    assert guessed(world.lines) == []


def guessed(lines: Sequence[bytes]) -> list[str]:
    """What a dictionary of all that was ever said of these people finds in the ledger: plainly, hashed, or under any key that is left."""
    words: set[bytes] = set()
    for entry in lived().entries:
        words |= {one.encode() for one in (entry.customer, entry.moment.id, *[decision.id for decision in entry.decisions])}
        words |= {f"{entry.customer}{mark}{entry.moment.id}".encode() for mark in ("", "/", ":", "\0")}
    told = b"\n".join(lines)
    marks = b"".join(leaf.read(line).mark for line in lines)
    found = [word.decode() for word in words if len(word) > 6 and word in told]
    nonces = [leaf.read(line).nonce for line in lines[:: max(1, len(lines) // 40)]]
    left = [b"", b"\0" * 32, sha256(b"").digest(), ORIGIN.encode(), Signer(ORIGIN, SEED).verifier.encode()]
    for word in words:
        hashes = [sha256(word), sha1(word), md5(word), sha512(word), *[blake2b(word, digest_size=size) for size in (12, 16, 32, 64)]]
        digests = [one.digest() for one in hashes] + [hmac.digest(key, word, "sha256") for key in left]
        digests += [sha256(part).digest() for nonce in nonces[:4] for part in (nonce + word, word + nonce)]
        digests += [leaf.whose(key, nonce) for key in (word[:64],) for nonce in nonces]
        found += [word.decode() for digest in digests if digest[:12] in marks or digest.hex()[:24].encode() in told or b64encode(digest)[:16] in told]
    return found


def test_no_two_lines_of_a_person_share_a_mark() -> None:
    lines = [leaf.read(line).mark for line in lived().lines]
    parts = [mark[start:stop] for mark in lines for start, stop in ((0, 16), (16, 32), (32, 64))]
    assert len(set(parts)) == len(parts)


def test_what_a_sender_made_up_is_never_written_down() -> None:
    said = Noticed(id="n", customer="ines", occurred_at=NOON, purpose="ines@example.org", notice="06 12 34 56 78", categories=())
    assert leaf.leaves(Entry(2, "ines", NOON, said), STRATEGY.purposes, key_of("ines")) == []
    known = replace(said, purpose="recognition")
    (line,) = leaf.leaves(Entry(2, "ines", NOON, known), STRATEGY.purposes, key_of("ines"))
    assert b"06 12" not in line


@given(st.binary(max_size=300))
def test_bytes_that_are_no_line_are_told_and_never_a_crash(line: bytes) -> None:
    try:
        found = leaf.read(line)
    except Invalid:
        assert verify([line], [])
        assert list(uses.own([line], key_of("x"))) == []
    else:
        assert not found.is_of(key_of("x"))


def test_each_way_of_falsifying_is_tried() -> None:
    lines = list(lived().lines)
    for way in WAYS.values():
        falsified = list(lines)
        way(falsified, len(lines), Random(0))
        assert falsified != lines
