"""People, moments and a strategy for the tests: real components, a clock that tests turn."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from visavis.customers.reordered import reordered
from visavis.insight.need import prior
from visavis.model.moment import Bought, Consented, Entered, Line, Linked, Moment, Noticed, Paying
from visavis.model.world import ParametersLearned, StrategyLoaded
from visavis.ports import Log
from visavis.runtime.clock import TurnedClock
from visavis.runtime.loop import Processor
from visavis.runtime.population import Population
from visavis.store.memory import MemoryEntryLog
from visavis.strategy.read import Strategy, read

ROOT = Path(__file__).parents[2]
PEERS = Path(os.environ.get("PEERS", ROOT / ".peers"))
"""Where ``make peers`` puts the official clients and the simulators; the same variable names it to both."""
NOON = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)  # noon in the shop's zone, a Tuesday
KEY = b"tests"
encode = msgspec.msgpack.Encoder().encode


PRODUCT_IDS = b'product_ids = ["p#", "p##", "p###", "c##########"]'
PLACE_IDS = b'place_ids = ["s#"]'
SIZE = b"""
[traits.size]
fr = "Taille"
en = "Size"
values = ["S", "M", "L"]
"""


def grocery() -> dict[str, bytes]:
    """The example, which also takes in a few ids that it does not list, and a size."""
    root = ROOT / "examples" / "grocery"
    files = {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    brand = files["brand.toml"].replace(b"product_ids = []", PRODUCT_IDS).replace(b"place_ids = []", PLACE_IDS)
    return {**files, "brand.toml": brand + SIZE}


STRATEGY: Strategy = read(grocery())
BRANDS = list(STRATEGY.products)[:10]  # fewer than a shortlist holds


def a_loop(log: Log | None = None, *, at: datetime = NOON) -> Processor:
    clock = TurnedClock()
    clock.turn(at.timestamp())
    loop = Processor(log if log is not None else MemoryEntryLog(), STRATEGY, KEY, clock)
    if not loop.world.strategy:
        loop.enact([StrategyLoaded(STRATEGY.version, grocery()), ParametersLearned(prior())])
    return loop


def everyone(population: Population, log: Log) -> dict[str, bytes]:
    """Everybody by each of their names as bytes, all facts in order."""
    return {name: encode(reordered(person, log.of)) for name, person in population.by_name().items()}


def turn(loop: Processor, at: datetime) -> None:
    assert isinstance(loop.clock, TurnedClock)
    loop.clock.turn(at.timestamp())


def says_yes(name: str, *purposes: str, at: datetime) -> list[Moment]:
    moments: list[Moment] = []
    for purpose in purposes:
        notice = STRATEGY.purposes[purpose].notice.version
        moments.append(
            Noticed(id=f"notice-{purpose}-{at:%m%d%H%M}", customer=name, occurred_at=at, purpose=purpose, notice=notice)
        )
        moments.append(
            Consented(id=f"yes-{purpose}-{at:%m%d%H%M}", customer=name, occurred_at=at, purpose=purpose, notice=notice)
        )
    return moments


def lines(*products: str) -> tuple[Line, ...]:
    return tuple(Line(product, 1, 200) for product in products)


def a_history(
    name: str, *, weeks: int = 10, until: datetime = NOON, products: tuple[str, ...] = tuple(BRANDS[:4])
) -> list[Bought]:
    """One trip a week, every week the same basket."""
    return [
        Bought(
            id=f"trip-{week}",
            customer=name,
            occurred_at=until - timedelta(days=7 * (weeks - week)),
            place="s1",
            lines=lines(*products),
        )
        for week in range(weeks)
    ]


def camille(loop: Processor, *purposes: str, products: tuple[str, ...] = tuple(BRANDS[:4])) -> None:
    """Camille is known, chose these purposes long ago, and shops every week."""
    long_ago = NOON - timedelta(days=90)
    start = [
        Linked(id="card", customer="camille", occurred_at=long_ago, identifier="card-1"),
        *says_yes("camille", *purposes, at=long_ago),
    ]
    turn_back = TurnedClock()
    turn_back.turn(long_ago.timestamp())
    loop.clock = turn_back
    for moment in [*start, *a_history("camille", products=products)]:
        turn_back.turn(moment.occurred_at.timestamp())
        loop.process([moment])
    turn_back.turn(NOON.timestamp())


def enters(name: str = "camille", *, at: datetime = NOON, id: str = "door", place: str = "s1") -> Entered:  # noqa: A002
    return Entered(id=id, customer=name, occurred_at=at, place=place)


def pays(*products: str, name: str = "camille", at: datetime = NOON, id: str = "till") -> Paying:  # noqa: A002
    return Paying(id=id, customer=name, occurred_at=at, place="s1", lines=lines(*products))
