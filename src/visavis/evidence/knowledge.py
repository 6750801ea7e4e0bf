"""Did we know? What was named on recorded visits against what was really bought, beside the peers on the very same visits.

Knowledge is not effect: nobody saw a card on a recorded visit, so nothing here says that a card would have changed anything.
"""

from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict
from numpy.typing import NDArray

from visavis.model.errors import Invalid

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Figures = dict[str, float]

HALF: Final = 0.5
TENTH: Final = 0.1


class _Visits(Struct, frozen=True, eq=False, kw_only=True):
    """Columns of equal length, one row a visit in the order lived. ``dev``: the household is in the development half."""

    dev: Flags

    def __post_init__(self) -> None:
        columns = asdict(self)
        if any(column.shape != (len(self.dev),) for column in columns.values()):
            raise Invalid("Every column needs one value a visit.", advice=f"Lengths: { {name: len(c) for name, c in columns.items()} }.")
        if not all(np.isfinite(column).all() for column in columns.values()):
            raise Invalid("A column holds a value that is not a number.", advice="A method that names nothing has confidence 0 and no hit.")


class Doors(_Visits, frozen=True, eq=False, kw_only=True):
    """All eligible visits at the door. A *hit*: the family that a method names is in that very basket.

    ``ours``: what we believe in most, with probability ``ours_p``. ``shown``: a card naming a family was sent, and its family (which may be
    another than the first) was a hit. ``counted``: the household's most counted family; ``decayed``: its best by a count that fades;
    ``random_hit``: the chance that a random family of the household is a hit. ``beyond``: the same, leaving out the three most counted.
    """

    ours_hit: Flags
    ours_p: Floats
    shown: Flags
    shown_hit: Flags
    counted_hit: Flags
    counted_confidence: Floats
    decayed_hit: Flags
    random_hit: Floats
    beyond_hit: Flags
    beyond_p: Floats
    beyond_counted_hit: Flags
    beyond_counted_confidence: Floats
    beyond_decayed_hit: Flags


class Tills(_Visits, frozen=True, eq=False, kw_only=True):
    """Visits at the till where a habit is missing from the basket.

    A *hit*: the missing family that a method names is bought on another day within three days.
    """

    ours_hit: Flags
    ours_p: Floats
    counted_hit: Flags
    counted_confidence: Floats
    decayed_hit: Flags
    decayed_confidence: Floats
    random_hit: Floats


def knowledge(doors: Doors, tills: Tills) -> dict[str, Figures]:
    """The figures of the development half (``dev``), of the ``other`` and of ``all``. Each is a share of visits; NaN when there is none.

    At the door:

    - ``hit_rate``: of the cards shown, the share whose family is in that very basket; ``baseline_hit_rate``: the household's most counted
      family on the same visits.
    - ``hit_rate_all``, ``baseline_hit_rate_all``, ``decayed_hit_rate_all``: of all eligible visits, the share whose basket holds what we,
      counting or a fading count would name; ``random_hit_rate``: what naming a random family of the household would reach.
    - ``beyond_hit_rate``, ``beyond_baseline_hit_rate``, ``beyond_decayed_hit_rate``: the same beyond the three most counted families.
    - ``beyond_surest_rate``, ``beyond_baseline_surest_rate``: the same on the half of the visits where each method itself is surest.

    At the till, what is missing and bought on another day within three days:

    - ``forgotten_rate``, ``forgotten_baseline_rate``, ``forgotten_random_rate``: on all of the till's visits, by us, by counting, by chance.
    - ``forgotten_surest_rate``, ``forgotten_baseline_surest_rate``, ``forgotten_decayed_surest_rate``: on the tenth of the visits where each
      method itself is surest.
    """
    groups = {"dev": (doors.dev, tills.dev), "other": (~doors.dev, ~tills.dev), "all": (np.ones_like(doors.dev), np.ones_like(tills.dev))}
    return {name: _figures(doors, tills, door, till) for name, (door, till) in groups.items()}


def surest(confidence: Floats, hit: Flags, share: float) -> float:
    """The hit rate on the ``share`` of the visits (at least one) where a method is surest; of equally sure ones, the earlier.

    >>> surest(np.array([0.2, 0.9, 0.9, 0.1]), np.array([False, True, False, False]), 0.25)
    1.0
    """
    kept = np.argsort(-confidence, kind="stable")[: max(1, round(len(confidence) * share))]
    return rate(hit[kept])


def rate(hit: Flags | Floats) -> float:
    """The mean; NaN of nothing."""
    return float(hit.mean()) if len(hit) else float("nan")


def _figures(doors: Doors, tills: Tills, door: Flags, till: Flags) -> Figures:
    cards = door & doors.shown
    return {
        "hit_rate": rate(doors.shown_hit[cards]),
        "baseline_hit_rate": rate(doors.counted_hit[cards]),
        "hit_rate_all": rate(doors.ours_hit[door]),
        "baseline_hit_rate_all": rate(doors.counted_hit[door]),
        "decayed_hit_rate_all": rate(doors.decayed_hit[door]),
        "random_hit_rate": rate(doors.random_hit[door]),
        "beyond_hit_rate": rate(doors.beyond_hit[door]),
        "beyond_baseline_hit_rate": rate(doors.beyond_counted_hit[door]),
        "beyond_decayed_hit_rate": rate(doors.beyond_decayed_hit[door]),
        "beyond_surest_rate": surest(doors.beyond_p[door], doors.beyond_hit[door], HALF),
        "beyond_baseline_surest_rate": surest(doors.beyond_counted_confidence[door], doors.beyond_counted_hit[door], HALF),
        "forgotten_rate": rate(tills.ours_hit[till]),
        "forgotten_baseline_rate": rate(tills.counted_hit[till]),
        "forgotten_random_rate": rate(tills.random_hit[till]),
        "forgotten_surest_rate": surest(tills.ours_p[till], tills.ours_hit[till], TENTH),
        "forgotten_baseline_surest_rate": surest(tills.counted_confidence[till], tills.counted_hit[till], TENTH),
        "forgotten_decayed_surest_rate": surest(tills.decayed_confidence[till], tills.decayed_hit[till], TENTH),
    }
