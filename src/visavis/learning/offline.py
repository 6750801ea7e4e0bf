"""Learn the parameters of ``insight.need`` from a history, with the views of the live code.

From a learned file to decisions that use it::

    lab/year/backtest         gives each visit of the history, folded by the live code
    learning/offline          collects rows and labels                   OfflineLearner
    learning/fit              fits the networks                          fit
    model/world               ``ParametersLearned`` holds the result, named by its bytes
    runtime/loop              enters it in the log                       Processor.enact
    insight/need              every later decision reads it, and names that world
"""

from collections.abc import Iterable, Mapping
from math import log
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from visavis.insight.features import FEATURES, NO_FAMILY, context, features
from visavis.insight.need import Head, Net, best, logits, pack, unpack
from visavis.insight.shortlist import Shortlist
from visavis.learning.fit import Labels, Rows, fit
from visavis.measurement.calibration import recalibrate
from visavis.model.customer import Customer
from visavis.model.habit import BASKETS, FIRST, HABIT_COLUMNS, LAST, LN_SIZE, T_BASKETS, T_LN_SIZE, TRIPS, K
from visavis.model.ids import version_of
from visavis.model.world import Calibration, Learned

POPULATION: Final = len(NO_FAMILY)
MEMBERS: Final[Mapping[Head, int]] = {"visit": 3, "forgotten": 3, "week": 1}
"""How many networks are averaged; what only conditions read needs less."""


class Sample(Struct):
    """The rows of one head: features and contexts as 32-bit floats, labels, and the family of each row."""

    x: list[Rows]
    c: list[Rows]
    y: list[Labels]
    families: list[list[str]]
    at: list[float]


class OfflineLearner:
    """Gather sampled visits (not rows: a visit's rows compete with each other), then fit every head."""

    def __init__(self) -> None:
        self._samples: dict[Head, Sample] = {}

    def show(
        self, truths: Mapping[Head, frozenset[str]], short: Shortlist, basket: frozenset[str] | None, at: float
    ) -> None:
        """Take one visit in: what was known then, and for each head the families that really followed."""
        x, c = features(short, {}).astype(np.float32), context(short, basket).astype(np.float32)
        for head, truth in truths.items():
            sample = self._samples.setdefault(head, Sample([], [], [], [], []))
            sample.x.append(x)
            sample.c.append(c)
            sample.y.append(np.array([family in truth for family in short.families], dtype=np.bool_))
            sample.families.append(short.families)
            sample.at.append(at)

    def fit(self, customers: Iterable[Customer]) -> Learned:
        """Fit all heads, with the population's figures taken from the folded habits of these customers."""
        population = families_of(customers)
        heads: dict[str, bytes] = {}
        for head, sample in self._samples.items():
            heads[head] = pack(_fitted(sample, population, MEMBERS[head]))
        visits = {head: len(sample.x) for head, sample in self._samples.items()}
        version = version_of(
            *[name.encode() + data for name, data in heads.items()], repr(sorted(population.items())).encode()
        )
        method = "skip-layer network by Adam, seeds averaged"
        card = {"visits": repr(visits), "inputs": ", ".join(FEATURES), "method": method}
        return Learned(version, heads, population, card)

    def calibrations(self, learned: Learned, *, since: float) -> dict[str, Calibration]:
        """The first correction of each head: its estimates at the visits since ``since`` against what followed."""
        found: dict[str, Calibration] = {}
        for head, sample in self._samples.items():
            net = unpack(learned.heads[head])
            p: list[float] = []
            y: list[np.bool_] = []
            for x, c, labels, families, at in zip(
                sample.x, sample.c, sample.y, sample.families, sample.at, strict=True
            ):
                if at >= since:
                    x[:, -POPULATION:] = [learned.families.get(family, NO_FAMILY) for family in families]
                    scored = 1.0 / (1.0 + np.exp(-logits(net, x.astype(np.float64), c.astype(np.float64))[0]))
                    row = best(scored, 1)[0]
                    p.append(float(scored[row]))
                    y.append(labels[row])
            shift, slope = recalibrate(np.array(p), np.array(y)) if p else (0.0, 1.0)
            found[head] = Calibration(round(shift, 6), round(slope, 6))
        return found


def _fitted(sample: Sample, population: dict[str, tuple[float, ...]], members: int) -> Net:
    x, c = np.concatenate(sample.x), np.array(sample.c)
    visit = np.repeat(np.arange(len(c)), [len(rows) for rows in sample.x])
    x[:, -POPULATION:] = [population.get(family, NO_FAMILY) for families in sample.families for family in families]
    return fit(x, c, visit, np.concatenate(sample.y), members=members)


def families_of(customers: Iterable[Customer]) -> dict[str, tuple[float, ...]]:
    """What a family is like among all who have the habit, each figure shrunk to that of all families.

    ln(share who bought it twice), ln(its share of their baskets), ln of the relative size of its baskets, mean ln(days
    between purchases).
    """
    totals: dict[str, NDArray[np.float64]] = {}
    for customer in customers:
        purchases = customer.purchases
        if not purchases.trips:
            continue
        trips = TRIPS.unpack(purchases.trips)
        table = np.frombuffer(purchases.table).reshape(-1, HABIT_COLUMNS)
        again = table[:, K] >= 2.0
        gap = np.log(np.maximum((table[:, LAST] - table[:, FIRST]) / np.maximum(table[:, K] - 1.0, 1.0), 1.0)) * again
        larger = (table[:, LN_SIZE] - trips[T_LN_SIZE]) * table[:, BASKETS]
        rows = np.stack(
            [np.ones(len(table)), again, table[:, BASKETS], np.full(len(table), trips[T_BASKETS]), larger, gap], axis=1
        )
        for family, row in zip(purchases.rows, rows, strict=True):
            if family in totals:
                totals[family] += row
            else:
                totals[family] = row.copy()
    if not totals:
        return {}
    everything = np.sum(list(totals.values()), axis=0)
    larger_all, gap_all = everything[4] / everything[2], everything[5] / max(everything[1], 1.0)
    found: dict[str, tuple[float, ...]] = {}
    for family, (pairs, again, bought, trips, larger, gap) in totals.items():
        figures = (
            log((again + 2.0) / (pairs + 8.0)),
            log((bought + 1.0) / (trips + 30.0)),
            (larger + 30.0 * larger_all) / (bought + 30.0),
            (gap + 10.0 * gap_all) / (again + 10.0),
        )
        found[family] = tuple([round(float(figure), 4) for figure in figures])
    return found
