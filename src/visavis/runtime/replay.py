"""Rebuild everything from the log, folding facts; or decide everything again and compare, with the logged versions."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from visavis.customers.fold import fold
from visavis.customers.identity import apply_entry
from visavis.customers.reordered import reordered
from visavis.engine import step
from visavis.model.customer import Customer, bounded, newborn
from visavis.model.entry import Entry, WorldEntry, encode
from visavis.model.moment import Corrected, Lapsed
from visavis.model.world import StrategyLoaded, World
from visavis.ports import EntryLog
from visavis.runtime.population import Population
from visavis.runtime.projections import Projections
from visavis.runtime.worlds import fold_world
from visavis.strategy.read import Strategy, read

WORLDS: Final = 256  # worlds kept in memory, the newest: their decisions can be taken again at once


class State(Struct):
    """What a log adds up to."""

    world: World
    worlds: dict[str, World]
    population: Population
    entries: int


def rebuild(log: EntryLog, population: Population | None = None, projections: Projections | None = None) -> State:
    """Fold every entry, in order, into this (empty) population and these projections. Decides nothing."""
    world, worlds, count = World(), dict[str, World](), 0
    population = population if population is not None else Population()
    with _collector_paused():
        for row in log.scan():
            count += 1
            entry = row[1]
            if isinstance(entry, WorldEntry):
                world = fold_world(world, entry)
                worlds = bounded(worlds, world.version, world, limit=WORLDS)
            else:
                population.fold(entry)
            if projections is not None:
                projections.replay(row, population.customer)
        population.schedule()
    return State(world, worlds, population, count)


class Difference(Struct, frozen=True):
    """An entry that did not come out the same when decided again."""

    position: int
    customer: str
    moment: str


def verify(log: EntryLog, randomization_key: bytes, *, found: Callable[[Difference], None]) -> int:
    """Decide again what follows a person's last correction or expiry; ``found`` gets differences; how many entries."""
    every = ((position, entry) for position, entry in log.scan() if isinstance(entry, Entry))
    corrected = {entry.customer: position for position, entry in every if isinstance(entry.moment, Corrected | Lapsed)}
    world, strategies, customers, compared = World(), dict[str, Strategy](), dict[str, Customer](), 0
    holders: dict[str, str] = {}
    for position, entry in log.scan():
        if isinstance(entry, WorldEntry):
            world = fold_world(world, entry)
            if isinstance(entry.change, StrategyLoaded):
                strategies[entry.change.version] = read(entry.change.files)
            continue
        customer = customers.get(entry.customer) or newborn(entry.customer)
        if position < corrected.get(entry.customer, 0):
            apply_entry(customers, holders, entry, fold(customer, entry))
            continue
        compared += 1
        if not entry.moment.late:
            customer = reordered(customer, log.of)
        strategy = strategies[world.strategy]
        again, after = step(strategy, world, customer, entry.moment, entry.received_at, randomization_key, entry.origin)
        if encode(replace(again, identifier=entry.identifier)) != encode(entry):
            found(Difference(position, entry.customer, entry.moment.id))
            after = fold(customer, entry)
        apply_entry(customers, holders, entry, after)
    return compared


@contextmanager
def _collector_paused() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
