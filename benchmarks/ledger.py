"""Cost of the ledger beside one HMAC: a moment's lines, their place in the tree, a checkpoint, proofs, verification."""

import argparse
import hmac
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from statistics import median
from time import process_time

from msgspec.structs import replace

from visavis.ledger.checkpoint import CheckpointSigner
from visavis.ledger.log import Ledger
from visavis.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from visavis.ledger.personal_view import own_lines
from visavis.ledger.record import entry_lines
from visavis.ledger.verify import verify
from visavis.model.consent import Notice, Purpose
from visavis.model.decision import Silence
from visavis.model.entry import FORM, Entry, Use
from visavis.model.moment import Entered

KEY = bytes(range(32))
USES = 4
AT = datetime(2026, 11, 24, 17, tzinfo=UTC)


class Kept:
    """Lines in memory."""

    def __init__(self) -> None:
        self.all: list[bytes] = []

    def lines(self, start: int, stop: int) -> Sequence[bytes]:
        """Those asked for."""
        return self.all[start:stop]


class Figures:
    """The figures so far, each printed beside one HMAC-SHA-256."""

    def __init__(self, peer_us: float) -> None:
        self._peer_us = peer_us
        self.results: list[dict[str, object]] = []

    def add(self, figure: str, us: float, goal: float | None = None) -> None:
        """Print one figure and keep it."""
        ratio, against = us / self._peer_us, "one HMAC-SHA-256"
        print(f"{figure:<44}{us:>10.2f} µs{ratio:>10.1f} × {against}")
        values = {"value": round(us, 2), "unit": "µs", "against": against, "ratio": round(ratio, 2), "goal": goal}
        self.results.append({"figure": figure, **values})


def entry_and_purposes() -> tuple[Entry, dict[str, Purpose]]:
    """An entry of :data:`USES` uses, and the purposes that they are under."""
    names = [f"purpose-{i}" for i in range(USES)]
    text = {"fr": "", "en": ""}
    purposes = {
        name: Purpose(name, "dpv:CustomerCare", "consent", frozenset({"places"}), text, Notice("1", text))
        for name in names
    }
    uses = tuple([Use(name, ("places", "purchases")) for name in names])
    decision = Silence("fa04f78e80f0e71f5e771a6e", "customer", names[0], "silence_better", 1.0, (), (), (), None)
    moment = Entered(id="m", customer="camille", occurred_at=AT, place="s1")
    return Entry(FORM, "camille", AT, moment, (decision,), uses=uses), purposes


def main() -> None:
    """Measure, print a table, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="a million lines instead of a hundred thousand")
    size = 1_000_000 if parser.parse_args().full else 100_000
    template, purposes = entry_and_purposes()

    def an_entry(i: int) -> Entry:
        return replace(template, moment=replace(template.moment, id=f"m{i}"))

    kept = Kept()
    ledger = Ledger(kept, CheckpointSigner("bench.example/ledger", KEY), cadence_s=0)
    entries = [an_entry(i) for i in range(2000)]
    peer_us = each(lambda _: hmac.digest(KEY, KEY * 4, "sha256"), 2000)
    figures = Figures(peer_us)
    print(f"{size:,} lines; moments of {USES} uses; one HMAC-SHA-256 {peer_us:.2f} µs")
    figures.add("lines of a moment, a use", each(lambda i: entry_lines(entries[i], purposes, KEY), 2000) / USES, 4.0)
    made = [line for entry in entries for line in entry_lines(entry, purposes, KEY)]

    def append(i: int) -> None:
        kept.all.extend(made[i * USES : (i + 1) * USES])
        ledger.follow()

    figures.add("append to the tree, a line", each(append, 2000, repeat=1) / USES)
    i = len(entries)
    while len(kept.all) < size:
        kept.all += entry_lines(an_entry(i), purposes, KEY)
        ledger.follow()
        i += 1
    measure_proofs(ledger, kept, size, figures)
    bytes_a_line = round(sum(map(len, kept.all)) / size)
    print(f"{bytes_a_line} bytes a line")
    rest = {"value": bytes_a_line, "unit": "B", "against": None, "ratio": None, "goal": None}
    figures.results.append({"figure": "bytes a line", **rest})
    print(json.dumps({"benchmark": "ledger", "results": figures.results}))


def measure_proofs(ledger: Ledger, kept: Kept, size: int, figures: Figures) -> None:
    """Checkpoints and proofs on a ledger of this size, made and verified."""
    figures.add(
        "a checkpoint: root and signature", each(lambda i: ledger.signer.sign(size, ledger.root(size - i)), 200)
    )
    figures.add("an inclusion proof", each(lambda i: ledger.inclusion(i * 97 % size, size), 200))
    figures.add("a consistency proof", each(lambda i: ledger.consistency(1 + i * 97 % size, size), 200))
    proof, root, leaf = ledger.inclusion(777, size), ledger.root(size), leaf_hash(kept.all[777])
    figures.add("verify an inclusion", each(lambda _: verify_inclusion(777, size, leaf, proof, root), 200))
    joined, before = ledger.consistency(777, size), ledger.root(777)
    figures.add("verify a consistency", each(lambda _: verify_consistency(777, size, joined, before, root), 200))
    part = kept.all[:20_000]
    figures.add("verify offline, a line", each(lambda _: verify(part, []), 1, repeat=3) / len(part))
    figures.add("find one's own, a line", each(lambda _: sum(1 for _ in own_lines(part, KEY)), 1, repeat=3) / len(part))
    figures.add("open a ledger, a line", each(lambda _: Ledger(kept, ledger.signer, cadence_s=0), 1, repeat=1) / size)


def each(what: Callable[[int], object], count: int, *, repeat: int = 7) -> float:
    """Microseconds of processor time of one call: the median of several rounds."""
    rounds = []
    for _ in range(repeat):
        started = process_time()
        for i in range(count):
            what(i)
        rounds.append((process_time() - started) / count * 1e6)
    return median(rounds)


if __name__ == "__main__":
    main()
