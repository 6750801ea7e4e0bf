"""Rebuild everything from the log, folding facts; or decide everything again and compare, with the logged versions."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from visavis.customers.fold import fold
from visavis.customers.identity import apply_entry
from visavis.engine import step
from visavis.learning.online import OnlineLearner
from visavis.model.customer import Customer, bounded, newborn
from visavis.model.entry import Entry, WorldEntry, encode
from visavis.model.moment import Corrected, Lapsed
from visavis.model.world import StrategyLoaded, World
from visavis.ports import EntryLog
from visavis.runtime.worlds import fold_world
from visavis.strategy.read import Strategy, read

WORLDS: Final = 256
"""How many worlds are kept in memory, the newest: decisions that saw one of these can be taken again at once."""


class State(Struct):
    """What a log adds up to."""

    world: World
    customers: dict[str, Customer]
    teacher: OnlineLearner
    entries: int = 0
    worlds: dict[str, World] = {}
    identified: dict[str, str] = {}


def rebuild(log: EntryLog, *, passing: Callable[[Entry], object] | None = None) -> State:
    """Fold every entry, in order; ``passing`` is shown each one.

    Decides nothing: same log, same state, byte for byte.
    """
    world, customers, teacher, count = World(), dict[str, Customer](), OnlineLearner(), 0
    worlds: dict[str, World] = {}
    identified: dict[str, str] = {}
    for _, entry in log.scan():
        count += 1
        if isinstance(entry, WorldEntry):
            world = fold_world(world, entry)
            worlds = bounded(worlds, world.version, world, limit=WORLDS)
            teacher.noted(entry)
            continue
        name = entry.customer
        apply_entry(customers, identified, entry, fold(customers.get(name) or newborn(name), entry))
        if entry.decisions or entry.closed:
            teacher.digest(entry, world)
        if passing is not None:
            passing(entry)
    return State(world, customers, teacher, count, worlds, identified)


class Difference(Struct, frozen=True):
    """An entry that did not come out the same when decided again."""

    position: int
    customer: str
    moment: str


def verify(log: EntryLog, randomization_key: bytes, *, found: Callable[[Difference], None]) -> int:
    """Decide everything again with the logged strategies and worlds; call ``found`` for each difference.

    Return how many entries were compared.

    Of somebody who had something corrected, or whose data went for their age, what was decided before rested on what is
    not there any more: it is folded, and not compared.
    """
    corrected = {
        entry.customer: position
        for position, entry in log.scan()
        if isinstance(entry, Entry) and isinstance(entry.moment, Corrected | Lapsed)
    }
    world, strategies, customers, compared = World(), dict[str, Strategy](), dict[str, Customer](), 0
    identified: dict[str, str] = {}
    for position, entry in log.scan():
        if isinstance(entry, WorldEntry):
            world = fold_world(world, entry)
            if isinstance(entry.change, StrategyLoaded):
                strategies[entry.change.version] = read(entry.change.files)
            continue
        customer = customers.get(entry.customer) or newborn(entry.customer)
        if position < corrected.get(entry.customer, 0):
            apply_entry(customers, identified, entry, fold(customer, entry))
            continue
        compared += 1
        again, after = step(
            strategies[world.strategy], world, customer, entry.moment, entry.received_at, randomization_key
        )
        if encode(again) != encode(entry):
            found(Difference(position, entry.customer, entry.moment.id))
            after = fold(customer, entry)
        apply_entry(customers, identified, entry, after)
    return compared
