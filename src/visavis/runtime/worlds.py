"""Fold the world's own entries: the only writer of what customers have in common."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from visavis.model.entry import FORM, WorldEntry
from visavis.model.world import (
    OutcomesLearned,
    ParametersLearned,
    Recalibrated,
    StrategyLoaded,
    World,
    WorldChange,
    chained,
)

_encode = msgspec.msgpack.Encoder().encode


def change(world: World, what: WorldChange, at: datetime) -> tuple[WorldEntry, World]:
    """The entry of this change, and the world after it, one link further on its hash chain."""
    entry = WorldEntry(FORM, at, what, chained(world.version, _encode(what)))
    return entry, fold_world(world, entry)


def fold_world(world: World, entry: WorldEntry) -> World:
    """The world after this entry."""
    match entry.change:
        case StrategyLoaded(version=version):
            return replace(world, version=entry.version, strategy=version)
        case ParametersLearned(learned=learned):
            return replace(world, version=entry.version, learned=learned)
        case Recalibrated(calibrations=calibrations):
            return replace(world, version=entry.version, calibrations=world.calibrations | calibrations)
        case OutcomesLearned(beliefs=beliefs):
            return replace(world, version=entry.version, beliefs=world.beliefs | beliefs)
