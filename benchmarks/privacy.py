"""What keeping a person's choices costs at a waking moment: gate, views, seal and ledger, beside the whole decision.

The customer has sixty baskets and said yes to four purposes. Parts and decision are timed in turn; medians are quoted.
The ledger's tree grows after the answer and is not counted. Run with ``python -m benchmarks.privacy``.
"""

import argparse
import gc
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time_ns

from benchmarks.step import NOW, a_customer, a_world, grocery, processed
from msgspec.structs import replace

from visavis.consent.gate import Views, admit
from visavis.ledger.checkpoint import CheckpointSigner
from visavis.ledger.log import Ledger
from visavis.ledger.record import entry_lines, prepare_lines
from visavis.model.customer import Customer
from visavis.model.entry import Entry, encode
from visavis.model.moment import Entered, Line, Moment, Paying
from visavis.store.keys import KeyStore, PersonKey
from visavis.store.memory import MemoryEntryLog
from visavis.strategy.read import Strategy, read
from visavis.testing import a_log

PURPOSES = ("place-moment", "reminders", "tailored-offers", "recognition")
TOGETHER_US = 20.0
SHARE = 0.10
CALLS = 400
AFTER = "tree"


def main() -> None:
    """Measure, print a table, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="forty rounds instead of nine")
    rounds = 40 if parser.parse_args().full else 9
    strategy = read(grocery())
    world = a_world(strategy)
    customer = a_customer(strategy, world, *PURPOSES)
    basket = tuple([Line(f"p{p}", 1, 199) for p in range(10)])
    door = Entered(id="d", customer="camille", occurred_at=NOW, place="s1")
    _, inside = processed(strategy, world, customer, door)
    results: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        vault = KeyStore(Path(folder) / "vault.sqlite", b"benchmark", Path(folder) / "erased")
        vault.create_missing(["camille"])
        person = vault.of("camille")
        assert person is not None
        for name, who, moment in (
            ("door", customer, door),
            ("till", inside, Paying(id="t", customer="camille", occurred_at=NOW, place="s1", lines=basket)),
        ):
            entry, _ = processed(strategy, world, who, moment)
            parts: dict[str, Callable[[], object]] = {
                "gate": partial(admit, strategy, who, moment, NOW),
                "views": partial(views, strategy, who, moment),
                "seal": partial(seal, vault, encode(entry), moment.id),
                "ledger": partial(ledger, strategy, person, entry),
            }
            parts[AFTER] = partial(a_ledger().append, ledger(strategy, person, entry))
            whole, took = measured(partial(processed, strategy, world, who, moment), parts, rounds)
            results += figures_of(name, entry, whole, took)
        vault.close()
        results += committed(Path(folder), strategy, entry, rounds)
    print(json.dumps({"benchmark": "privacy", "results": results}))


def views(strategy: Strategy, who: Customer, moment: Moment) -> None:
    """What each purpose may see."""
    seen = Views(who, moment, NOW.timestamp())
    for name in PURPOSES:
        seen.for_purpose(strategy.purposes[name])


def seal(vault: KeyStore, data: bytes, moment: str) -> bytes:
    """The entry's bytes under the person's key, and the name of its moment."""
    person = vault.of("camille")
    assert person is not None
    return person.seal(data, person.moment(moment).to_bytes(16))


def ledger(strategy: Strategy, person: PersonKey, entry: Entry) -> list[bytes]:
    """The lines, and where their person finds them."""
    person.masked(7, 7)
    return entry_lines(entry, strategy.purposes, person.audit_key, since=1)


def a_ledger() -> Ledger:
    """One that nothing is read from."""
    return Ledger(MemoryEntryLog(), CheckpointSigner("bench.example/ledger", bytes(32)), cadence_s=60.0)


def measured(
    decision: Callable[[], object], parts: dict[str, Callable[[], object]], rounds: int
) -> tuple[float, dict[str, float]]:
    """Microseconds of the whole decision, and of each part: medians of rounds taken in turn."""
    gc.freeze()
    whole: list[float] = []
    found: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(rounds):
        whole.append(each(decision))
        for name, part in parts.items():
            found[name].append(each(part))
    return median(whole), {name: median(took) for name, took in found.items()}


def figures_of(name: str, entry: Entry, whole: float, parts: dict[str, float]) -> list[dict[str, object]]:
    """A table of one moment, and its figures."""
    together = sum([us for part, us in parts.items() if part != AFTER])
    print(f"{name}: a waking decision {whole:.1f} µs, with {len(entry.uses)} uses of data")
    for part, us in parts.items():
        print(f"  {part:<10}{us:>8.2f} µs{us / whole:>8.1%}{'   once everyone is answered' if part == AFTER else ''}")
    print(f"  {'together':<10}{together:>8.2f} µs{together / whole:>8.1%}   goals {TOGETHER_US:.0f} µs, {SHARE:.0%}")
    rows: list[tuple[str, float, float | None]] = [(f"{name}: {part}", us, None) for part, us in parts.items()]
    rows.append((f"{name}: together", together, TOGETHER_US))
    against = "the waking decision"
    return [figure(row, round(us, 2), against, round(us / whole, 4), goal) for row, us, goal in rows]


def figure(name: str, us: float, against: str, ratio: float, goal: float | None) -> dict[str, object]:
    """One figure of the line of JSON."""
    return {"figure": name, "value": us, "unit": "µs", "against": against, "ratio": ratio, "goal": goal}


def committed(folder: Path, strategy: Strategy, entry: Entry, rounds: int) -> list[dict[str, object]]:
    """A commit of 64 such entries, with and without their lines, in turn."""
    log = a_log(folder / "data")
    took: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds * 2):
        group = [replace(entry, moment=replace(entry.moment, id=f"m{number}-{i}")) for i in range(64)]
        started = process_time_ns()
        log.commit(group, prepare_lines(log, group, strategy.purposes) if number % 2 else ())
        took[bool(number % 2)].append((process_time_ns() - started) / 1000.0 / len(group))
    log.close()
    bare, whole = median(took[False]), median(took[True])
    print(f"commit, an entry: {bare:.1f} µs without lines, {whole:.1f} with")
    against = "the same commit without lines"
    return [figure("commit with lines, an entry", round(whole, 1), against, round(whole / bare, 2), None)]


def each(what: Callable[[], object]) -> float:
    """Microseconds of processor time of one call."""
    started = process_time_ns()
    for _ in range(CALLS):
        what()
    return (process_time_ns() - started) / 1000.0 / CALLS


if __name__ == "__main__":
    main()
