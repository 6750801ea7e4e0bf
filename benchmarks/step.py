"""The cost of a moment, stage by stage, as multiples of a reference kernel measured in the same run.

The kernel is the least that any engine must do: decode a moment, one 32 x 22 product, encode an entry. Times on shared
machines mean little; ratios taken in turn, several times, do. ``--profile`` shows where a waking decision goes.
"""

import argparse
import cProfile
import gc
import json
import pstats
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter_ns

import msgspec
import numpy as np

from visavis.consent.gate import NotAdmitted, admit
from visavis.engine import step
from visavis.insight.features import CONTEXTS, FEATURES
from visavis.insight.need import pack, prior
from visavis.learning.fit import fit
from visavis.model.customer import Customer, newborn
from visavis.model.decoding import decode
from visavis.model.entry import Entry, encode
from visavis.model.moment import Bought, Consented, Due, Entered, Line, Linked, Moment, Noticed, Paying
from visavis.model.world import Learned, World
from visavis.strategy.read import Strategy, read

NOW = datetime(2026, 11, 24, 17, tzinfo=UTC)
KEY = b"benchmark"
GOALS = {"door": 55.0, "till": 55.0, "bought": 12.8, "door without arms": 4.3, "due": 3.2}


def grocery() -> dict[str, bytes]:
    """The example's files, with a catalogue of 2,000 products in 200 families."""
    root = Path(__file__).parents[1] / "examples" / "grocery"
    files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return {**files, "products.csv": ("gtin,family\n" + "".join(f"p{i},f{i % 200}\n" for i in range(2000))).encode()}


def a_world(strategy: Strategy) -> World:
    """A world with fitted networks of the size that the year uses."""
    dice = np.random.default_rng(0)
    x = dice.normal(size=(2000, len(FEATURES))).astype(np.float32)
    c = dice.normal(size=(100, len(CONTEXTS))).astype(np.float32)
    net = pack(fit(x, c, np.repeat(np.arange(100), 20), dice.random(2000) < 0.2, epochs=2))
    families: dict[str, tuple[float, ...]] = {f"f{i}": (-0.5, -2.0, 0.1, 3.0) for i in range(200)}
    learned = Learned("benchmark", dict.fromkeys(prior().heads, net), families, {})
    return World(version="benchmark", strategy=strategy.version, learned=learned)


def processed(strategy: Strategy, world: World, customer: Customer, moment: Moment) -> tuple[Entry, Customer]:
    """One admitted moment."""
    admitted = admit(strategy, customer, moment, moment.occurred_at)
    if isinstance(admitted, NotAdmitted):
        raise TypeError(admitted.advice)
    return step(strategy, world, customer, admitted, moment.occurred_at, KEY)


def a_customer(strategy: Strategy, world: World, *purposes: str) -> Customer:
    """A customer of 60 baskets of ten products."""
    customer, start = newborn("camille"), NOW - timedelta(days=200)
    moments: list[Moment] = [Linked(id="l", customer="camille", occurred_at=start, identifier="card")]
    for purpose in purposes:
        notice = strategy.purposes[purpose].notice.version
        moments.append(Noticed(id=f"n{purpose}", customer="camille", occurred_at=start, purpose=purpose, notice=notice))
        moments.append(
            Consented(id=f"c{purpose}", customer="camille", occurred_at=start, purpose=purpose, notice=notice)
        )
    dice = np.random.default_rng(1)
    for trip in range(60):
        picked = np.unique(np.minimum(dice.geometric(0.02, size=10), 199)).tolist()
        at, lines = NOW - timedelta(days=190 - 3 * trip), tuple([Line(f"p{p}", 1, 199) for p in picked])
        moments.append(Bought(id=f"b{trip}", customer="camille", occurred_at=at, place="s1", lines=lines))
    for moment in moments:
        _, customer = processed(strategy, world, customer, moment)
    return customer


def kernel(moment: Moment, entry: Entry) -> Callable[[], object]:
    """Decode a moment of about 400 bytes of JSON, multiply a 32 x 22 matrix, encode an entry with its decision."""
    raw = msgspec.json.encode(moment)
    matrix, weights = np.ones((32, 22)), np.ones(22)

    def run() -> object:
        decode(raw, received_at=NOW)
        matrix @ weights
        return encode(entry)

    return run


def timed(work: Callable[[], object], loops: int) -> list[float]:
    """Microseconds of each call."""
    found = []
    for _ in range(loops):
        started = perf_counter_ns()
        work()
        found.append((perf_counter_ns() - started) / 1000.0)
    return found


def main() -> None:
    """Measure, print a table, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="twenty rounds instead of five")
    parser.add_argument("--profile", action="store_true", help="profile a waking decision and stop")
    asked = parser.parse_args()
    strategy = read(grocery())
    world = a_world(strategy)
    customer = a_customer(strategy, world, "place-moment", "reminders", "tailored-offers", "recognition")
    private = a_customer(strategy, world, "place-moment")
    basket = tuple([Line(f"p{p}", 1, 199) for p in range(10)])
    door = Entered(id="d", customer="camille", occurred_at=NOW, place="s1")
    till = Paying(id="t", customer="camille", occurred_at=NOW, place="s1", lines=basket)
    paid = Bought(id="b", customer="camille", occurred_at=NOW, place="s1", lines=basket)
    due = Due(id="u", customer="camille", occurred_at=NOW)
    entry, inside = processed(strategy, world, customer, door)
    stages: dict[str, Callable[[], object]] = {
        "door": lambda: processed(strategy, world, customer, door),
        "till": lambda: processed(strategy, world, inside, till),
        "bought": lambda: processed(strategy, world, inside, paid),
        "door without arms": lambda: processed(strategy, world, private, door),
        "due": lambda: processed(strategy, world, inside, due),
        "encode an entry": lambda: encode(entry),
    }
    if asked.profile:
        profile = cProfile.Profile()
        profile.runcall(lambda: [stages["door"]() for _ in range(2000)])
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return
    gc.freeze()
    reference = kernel(till, entry)
    rounds: dict[str, list[float]] = {name: [] for name in stages}
    ratios: dict[str, list[float]] = {name: [] for name in stages}
    kernels: list[float] = []
    for _ in range(20 if asked.full else 5):
        base = float(np.median(timed(reference, 2000)))
        kernels.append(base)
        for name, work in stages.items():
            calls = timed(work, 400)
            rounds[name] += calls
            ratios[name].append(float(np.median(calls)) / base)
    print(f"reference kernel {np.median(kernels):.1f} µs; {len(customer.purchases.rows)} habits; {strategy.brand.name}")
    print(f"{'stage':<20}{'p50 µs':>9}{'p99 µs':>9}{'x kernel':>10}{'goal':>8}")
    results = []
    for name in stages:
        ratio = float(np.median(ratios[name]))
        p50, p99 = np.quantile(rounds[name], [0.5, 0.99])
        print(f"{name:<20}{p50:>9.1f}{p99:>9.1f}{ratio:>10.1f}{GOALS.get(name, float('nan')):>8.1f}")
        value = {"value": round(float(np.median(rounds[name])), 1), "unit": "µs", "against": "reference kernel"}
        results.append({"figure": name, **value, "ratio": round(ratio, 1), "goal": GOALS.get(name)})
    print(json.dumps({"benchmark": "step", "results": results}))


if __name__ == "__main__":
    main()
