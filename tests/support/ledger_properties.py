"""Properties of the ledger, functions that list violations: none for the tests, some for every mutant."""

import hmac
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b, md5, sha1, sha256, sha512
from random import Random

import pymerkle  # type: ignore[import-untyped]
from msgspec.structs import replace

from support.ledgers import ORIGIN, PEOPLE, WAYS, checkpoint_of, key_of, lines_now, sample_ledger
from support.people import NOON, STRATEGY
from visavis.ledger import personal_view as uses
from visavis.ledger import record
from visavis.ledger.checkpoint import CheckpointSigner, Verifier
from visavis.ledger.log import Ledger
from visavis.ledger.merkle import TILE, Tree, leaf_hash, verify_consistency, verify_inclusion
from visavis.ledger.verify import verify
from visavis.model.consent import RIGHTS
from visavis.model.entry import Entry, Use
from visavis.model.errors import Invalid
from visavis.model.moment import Consented, Noticed, Objected, Restricted, Withdrew

SEED = bytes(range(32))


class Kept:
    """Durable lines, for a ledger that is being opened."""

    def __init__(self, lines: Sequence[bytes] = ()) -> None:
        self.all = list(lines)

    def lines(self, start: int, stop: int) -> Sequence[bytes]:
        return self.all[start:stop]


def a_tree(leaves: Sequence[bytes]) -> Tree:
    kept = tuple(leaves)
    tree = Tree(lambda start, stop: kept[start:stop])
    for one in kept:
        tree.append(one)
    return tree


def an_oracle(leaves: Sequence[bytes]) -> pymerkle.InmemoryTree:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for one in leaves:
        tree.append_entry(one)
    return tree


def unnoticed(trials: int = 500, *, seed: int = 1) -> list[str]:
    """P16: falsify at random what a checkpoint covered; the unnoticed ways, and `honest` for a false alarm."""
    dice = Random(seed)
    lines = sample_ledger().lines
    found = []
    for _ in range(trials):
        seen = dice.randint(2, len(lines))
        kept = checkpoint_of(lines[:seen])
        way = dice.choice(list(WAYS))
        falsified = list(lines)
        WAYS[way](falsified, seen, dice)
        if not verify(falsified, [kept]):
            found.append(way)
        if dice.random() < 0.05 and verify(lines, [kept]):
            found.append("honest")
    return found


def unlike_the_oracle() -> list[str]:
    """Roots and proofs that differ from those of an independent library, or that do not verify."""
    leaves = [str(i).encode() * (i % 5) for i in range(TILE * 3 + 7)]
    ours, theirs = a_tree(leaves), an_oracle(leaves)
    dice, found = Random(3), []
    for size in [*range(1, 34), TILE - 1, TILE, TILE + 1, 2 * TILE - 1, 2 * TILE, 2 * TILE + 1, len(leaves)]:
        if ours.root(size) != theirs.get_root(size):
            found.append(f"root {size}")
        for index in range(size) if size < 34 else dice.sample(range(size), 6):
            proof = ours.inclusion(index, size)
            if proof != theirs.prove_inclusion(index + 1, size).path[1:] or not _holds(
                verify_inclusion, index, size, leaf_hash(leaves[index]), proof, ours.root(size)
            ):
                found.append(f"inclusion {index} {size}")
        for old in range(1, size + 1) if size < 34 else dice.sample(range(1, size + 1), 6):
            joined = _holds(verify_consistency, old, size, ours.consistency(old, size), ours.root(old), ours.root(size))
            found += [] if joined else [f"consistency {old} {size}"]
    return found


def lies_believed() -> list[str]:
    """Proofs of what is not so, and that were accepted."""
    dice, found = Random(4), []
    for trial in range(60):
        size = dice.randint(2, 300)
        leaves = [i.to_bytes(2, "big") for i in range(size)]
        tree, index, old = a_tree(leaves), dice.randrange(size), dice.randint(1, size - 1)
        proof, hashed, root = tree.inclusion(index, size), leaf_hash(leaves[index]), tree.root()
        other = dice.choice([one for one in range(size) if one != index])
        wrong = bytes([hashed[0] ^ 1]) + hashed[1:]
        inclusions = [
            (other, size, hashed, proof, root),
            (index, size, wrong, proof, root),
            (index, size, hashed, [*proof, wrong], root),
            (index, size, hashed, proof, wrong),
            (index, size, hashed[:31], proof, root),
            (-1, size, hashed, proof, root),
            (size, size, hashed, proof, root),
            (index, size, hashed, proof[:-1], root),
            (index, size, hashed, [*proof[:-1], proof[-1][:31]], root),
        ]
        leaves[dice.randrange(old)] += b"!"
        changed, joined = a_tree(leaves), tree.consistency(old, size)
        before, after = tree.root(old), tree.root(size)
        consistencies = [
            (old, size, joined, changed.root(old), after),
            (old, size, joined, before, changed.root(size)),
            (old, size, [*joined, wrong], before, after),
            (old, size, changed.consistency(old, size), before, changed.root(size)),
            (old, size, joined[:-1], before, after),
            (0, size, joined, before, after),
            (old, size, changed.consistency(old, size), changed.root(old), after),
            (size, old, joined, before, after),
            (old, old, [], before, changed.root(old)),
        ]
        found += [f"inclusion {trial}.{i}" for i, told in enumerate(inclusions) if _holds(verify_inclusion, *told)]
        found += [
            f"consistency {trial}.{i}" for i, told in enumerate(consistencies) if _holds(verify_consistency, *told)
        ]
    return found


def _holds(check: Callable[..., None], *told: object) -> bool:
    try:
        check(*told)
    except Invalid:
        return False
    return True


def forgeries_believed() -> list[str]:
    """Notes that nobody signed so, and that were read as checkpoints."""
    signer, other = CheckpointSigner(ORIGIN, SEED), CheckpointSigner("witness.example", SEED[::-1])
    note = signer.sign(3, bytes(32))
    text, _, signature = note.rpartition("\n\n")
    forged = [
        "",
        text,
        note[:-1],
        note.replace("\n3\n", "\n4\n"),
        note.replace("\n3\n", "\n03\n"),
        note.replace("\u2014", "-"),
        other.sign(3, bytes(32)),
        f"{text}\n\n\n{signature}",
        CheckpointSigner(ORIGIN, SEED[::-1]).sign(3, bytes(32)),
        note.replace("A", "B", 1),
        f"{text}\nmore\n\n{signature}",
        _signed_text(f"{ORIGIN}\n03\n{b64encode(bytes(32)).decode()}\n"),
        _signed_text(f"{ORIGIN}\n3\n{b64encode(bytes(31)).decode()}\n"),
        _signed_text(f"elsewhere.example\n3\n{b64encode(bytes(32)).decode()}\n"),
        _signed_text(f"{ORIGIN}\n-3\n{b64encode(bytes(32)).decode()}\n"),
    ]
    found = []
    for one in forged:
        with suppress(Invalid):
            found.append(str(Verifier(signer.verifier).read(one)))
    return found


def _signed_text(text: str) -> str:
    """Any text, well signed by the ledger's own key."""
    signer = CheckpointSigner(ORIGIN, SEED)
    key_id = bytes.fromhex(signer.verifier.split("+")[1])
    return f"{text}\n\u2014 {ORIGIN} {b64encode(key_id + signer._key.sign(text.encode())).decode()}\n"


def unaccounted() -> list[str]:
    """P11: uses without their line, and lines without their use."""
    lines, found, known = lines_now(), [], 0
    for name in PEOPLE:
        entries, key = sample_ledger().of(name), key_of(name)
        mine = uses.with_details(uses.own_lines(lines, key), entries, key)
        known += len(mine)
        found += [f"line {line.index}" for line in mine if line.details is None] + uses.missing(mine, entries, key)
        told = [
            (line.record.purpose, line.record.categories)
            for line in mine
            if line.record.outcome in ("shown", "silent", "read")
        ]
        made = [(use.purpose, use.categories) for entry in entries for use in entry.uses]
        found += [] if told == made else [f"{len(made)} uses, {len(told)} lines"]
    return found if known == len(lines) else [*found, "lines of nobody"]


def guessed(lines: Sequence[bytes] = (), entries: Sequence[Entry] = (), keys: Sequence[bytes] = ()) -> list[str]:
    """P17: what a dictionary of all facts on these people finds in their lines: plain, hashed, under any key left."""
    lines = lines or lines_now()
    words: set[bytes] = set()
    for entry in entries or sample_ledger().entries:
        words |= {
            one.encode() for one in (entry.customer, entry.moment.id, *[decision.id for decision in entry.decisions])
        }
        words |= {f"{entry.customer}{mark}{entry.moment.id}".encode() for mark in ("", "/", "\0")}
    told = b"\n".join(lines)
    marks = b"".join([record.read(line).mark for line in lines])
    nonces = [record.read(line).nonce for line in lines[::10]]
    left = [
        b"",
        b"\0" * 32,
        sha256(b"").digest(),
        ORIGIN.encode(),
        CheckpointSigner(ORIGIN, SEED).verifier.encode(),
        *keys,
    ]
    found = [word.decode() for word in words if len(word) > 6 and word in told]
    for word in words:
        digests = [hashed(word).digest() for hashed in (sha256, sha1, md5, sha512)] + [
            blake2b(word, digest_size=size).digest() for size in (12, 16, 32, 64)
        ]
        digests += [hmac.digest(key, word, "sha256") for key in left]
        digests += [sha256(part).digest() for nonce in nonces for part in (nonce + word, word + nonce)] + [
            record.owner_tag(word[:64], nonce) for nonce in nonces
        ]
        found += [word.decode() for digest in digests if digest[:12] in marks or digest.hex()[:24].encode() in told]
    return found


def linked() -> list[str]:
    """Marks that two lines have in common, by which others could tell that they are of one person."""
    marks = [record.read(line).mark for line in lines_now()]
    parts = [mark[start:stop] for mark in marks for start, stop in ((0, 16), (16, 32), (32, 64))]
    return [part.hex() for part in parts if parts.count(part) > 1]


def made_up() -> list[str]:
    """What a sender wrote where the name of a purpose or of a notice belongs, and that is in the ledger."""
    said = Noticed(id="n", customer="ines", occurred_at=NOON, purpose="ines@example.org", notice="06 12 34 56 78")
    moments: list[Noticed | Withdrew] = [
        said,
        replace(said, purpose="recognition"),
        Withdrew(id="w", customer="ines", occurred_at=NOON, purpose="ines@example.org"),
    ]
    lines = [
        line
        for moment in moments
        for line in record.entry_lines(Entry(2, "ines", NOON, moment), STRATEGY.purposes, key_of("ines"))
    ]
    return [line.decode() for line in lines if b"ines" in line or b"06 12" in line]


_SCOPE = ("places", "purchases")
ORDERS = {
    "nyu": [],
    "ynu": [0],
    "nuy": [1],
    "nyw": [2],
    "ne": [1],
    "u": [0],
    "nywu": [2],
    "nyxu": [3],
    "nyxyu": [],
    "nyou": [3],
    "nyoiu": [],
    "nyru": [3],
    "nyrfu": [],
    "nyrc": [],
    "nyqc": [],
    "nynyu": [],
}
"""What happened, by the letters below, and the lines at fault."""


def misjudged() -> list[str]:
    """Orders of notices, choices and uses that are judged wrongly from the ledger and the person's key alone."""
    key = key_of("ines")
    model = next(entry for entry in sample_ledger().entries if entry.uses and not entry.uses[0].by)

    def told(moment: Noticed | Consented | Withdrew | Objected | Restricted) -> Entry:
        return Entry(2, "ines", NOON, moment)

    yes = Consented(
        id="y", customer="ines", occurred_at=NOON, purpose="recognition", notice="2026-1", categories=_SCOPE
    )
    objected = Objected(id="o", customer="ines", occurred_at=NOON, about="recognition", purposes=("recognition",))
    restricted = Restricted(id="r", customer="ines", occurred_at=NOON)
    letters = {
        "n": told(
            Noticed(
                id="n", customer="ines", occurred_at=NOON, purpose="recognition", notice="2026-1", categories=_SCOPE
            )
        ),
        "y": told(yes),
        "e": told(replace(yes, categories=("orders", "places"))),
        "q": told(replace(yes, categories=())),
        "x": told(Withdrew(id="x", customer="ines", occurred_at=NOON, purpose="recognition")),
        "o": told(objected),
        "i": told(replace(objected, on=False)),
        "r": told(restricted),
        "f": told(replace(restricted, on=False)),
        "u": replace(model, uses=(Use("recognition", _SCOPE),)),
        "w": replace(model, uses=(Use("recognition", ("orders", "places")),)),
        "c": replace(model, uses=(Use(RIGHTS, tuple(sorted(_SCOPE)), "person"),)),
    }
    found = []
    for order, faults in ORDERS.items():
        lines = [line for one in order for line in record.entry_lines(letters[one], STRATEGY.purposes, key)]
        if [fault.start for fault in uses.out_of_order(uses.own_lines(lines, key))] != faults:
            found.append(order)
    found += [name for name in PEOPLE if uses.out_of_order(uses.own_lines(lines_now(), key_of(name)))]
    return found


def shown_early() -> list[str]:
    """Lines that everyone could read before a checkpoint covered them."""
    kept = Kept(sample_ledger().lines[:20])
    ledger = Ledger(kept, CheckpointSigner(ORIGIN, SEED), cadence_s=60)
    found = ["before any"] if list(ledger.lines(0, 100)) else []
    ledger.checkpoint(0)
    kept.all += sample_ledger().lines[20:]
    ledger.follow()
    ledger.checkpoint(59)
    found += ["between two"] if list(ledger.lines(0, 100)) != kept.all[:20] or list(ledger.lines(20, 100)) else []
    ledger.checkpoint(60)
    return found if list(ledger.lines(0, 1000)) == kept.all else [*found, "not after"]
