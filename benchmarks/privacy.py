"""What enforcing costs at one moment: the gate's views, the seal of its row, the lines of the ledger and their place in the tree, beside the decision.

The moment is a waking one (a door with three open purposes, 32 families scored), the hardest case for the ledger; all is timed in the same run, in turn.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from step import (  # type: ignore[import-not-found]  # the script beside this one
    NOW,
    a_customer,
    a_world,
    grocery,
    lived,
)

from visavis.consent.gate import Sight
from visavis.model.entry import encode
from visavis.model.moment import Entered
from visavis.rights.leaf import leaves
from visavis.rights.merkle import Tree
from visavis.rights.vault import Vault
from visavis.strategy.read import read

PURPOSES = ("place-moment", "reminders", "tailored-offers", "recognition")
GOAL_US = 20.0
GOAL_SHARE = 0.1


def us(work: Callable[[], object], loops: int) -> float:
    """Processor time of one, in microseconds."""
    started = process_time()
    for _ in range(loops):
        work()
    return (process_time() - started) / loops * 1e6


def main() -> None:
    """Run and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--full", action="store_true", help="five times as many rounds")
    rounds = 35 if arguments.parse_args().full else 7

    strategy = read(grocery())
    world = a_world(strategy)
    customer = a_customer(strategy, world, *PURPOSES)
    door = Entered(id="door", customer="camille", occurred_at=NOW, place="s1")
    entry, _ = lived(strategy, world, customer, door)
    purposes = [strategy.purposes[name] for name in PURPOSES]
    received_s = NOW.timestamp()

    def views() -> None:
        sight = Sight(customer, entry.moment, received_s)
        for purpose in purposes:
            sight.through(purpose)

    with TemporaryDirectory() as folder:
        vault = Vault(Path(folder) / "vault.sqlite", bytes(32), Path(folder) / "erased")
        vault.let_in(["camille"])
        person = vault.of("camille")
        assert person is not None
        data = encode(entry)
        lines = leaves(entry, strategy.purposes, person.audit_key)
        kept: list[bytes] = []

        def held(start: int, stop: int) -> Sequence[bytes]:
            return kept[start:stop]

        tree = Tree(held)

        def grown() -> None:
            kept.extend(lines)
            for line in lines:
                tree.append(line)

        parts: dict[str, Callable[[], object]] = {
            "views of four purposes": views,
            "seal of the row": lambda: person.seal(data, bytes(16)),
            f"lines of {len(lines)} uses": lambda: leaves(entry, strategy.purposes, person.audit_key),
            "their place in the tree": grown,
            "the waking moment, decided": lambda: lived(strategy, world, customer, door),
        }
        found: dict[str, list[float]] = {name: [] for name in parts}
        for _ in range(rounds):
            for name, work in parts.items():
                found[name].append(us(work, 200))
        vault.close()
    medians = {name: statistics.median(times) for name, times in found.items()}
    decided = medians.pop("the waking moment, decided")
    together = sum(medians.values())
    print(f"a waking moment, {len(data)} bytes; medians of {rounds} rounds taken in turn, processor time")
    for name, median in medians.items():
        print(f"  {name:<28}{median:7.1f} µs")
    print(f"  {'together':<28}{together:7.1f} µs of {GOAL_US:.0f}; {together / decided:.1%} of the decision ({decided:.0f} µs), goal {GOAL_SHARE:.0%}")
    results: list[dict[str, object]] = [
        {"figure": name, "value": round(median, 2), "unit": "µs", "against": "the waking moment", "ratio": round(median / decided, 4), "goal": None}
        for name, median in medians.items()
    ]
    for against, peer, goal in (("limit", GOAL_US, 1.0), ("the waking moment", decided, GOAL_SHARE)):
        together_told = {"figure": "gate, seal and ledger together", "value": round(together, 2), "unit": "µs", "against": against}
        results.append({**together_told, "ratio": round(together / peer, 4), "goal": goal})
    print(json.dumps({"benchmark": "privacy", "results": results}))


if __name__ == "__main__":
    main()
