"""Fold the world's own entries: the only writer of what customers have in common."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from visavis.insight.need import prior
from visavis.model.entry import FORM, WorldEntry
from visavis.model.errors import Invalid
from visavis.model.world import (
    Learned,
    OutcomesLearned,
    ParametersLearned,
    Recalibrated,
    StrategyLoaded,
    World,
    WorldChange,
    chained,
)
from visavis.strategy.notices import ADVICE, changed, hashes
from visavis.strategy.read import Strategy

_encode = msgspec.msgpack.Encoder().encode


def change(world: World, what: WorldChange, at: datetime) -> tuple[WorldEntry, World]:
    """The entry of this change, and the world after it, one link further on its hash chain."""
    entry = WorldEntry(FORM, at, what, chained(world.version, _encode(what)))
    return entry, fold_world(world, entry)


def fold_world(world: World, entry: WorldEntry) -> World:
    """The world after this entry."""
    match entry.change:
        case StrategyLoaded(version=version, notices=notices):
            return replace(world, version=entry.version, strategy=version, notices=world.notices | notices)
        case ParametersLearned(learned=learned):
            return replace(world, version=entry.version, learned=learned)
        case Recalibrated(calibrations=calibrations):
            return replace(world, version=entry.version, calibrations=world.calibrations | calibrations)
        case OutcomesLearned(beliefs=beliefs):
            return replace(world, version=entry.version, beliefs=world.beliefs | beliefs)


def pending_changes(
    world: World, strategy: Strategy, files: Mapping[str, bytes], learned: Learned | None
) -> list[WorldChange]:
    """What the world does not know yet: this strategy, and parameters (those given, else an untrained start).

    :class:`Invalid` when a notice says something else than what was served under its version.
    """
    if names := changed(strategy.purposes, world.notices):
        what = f"These notices are not those that were served under the same version: {', '.join(names)}."
        raise Invalid(what, advice=ADVICE)
    changes: list[WorldChange] = []
    if world.strategy != strategy.version:
        changes.append(StrategyLoaded(strategy.version, dict(files), hashes(strategy.purposes)))
    if world.learned is None or (learned is not None and world.learned.version != learned.version):
        changes.append(ParametersLearned(learned if learned is not None else prior()))
    return changes
