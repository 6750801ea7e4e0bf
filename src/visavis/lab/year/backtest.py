"""The backtest: the year in order. January to June is history to learn from; from July on, each basket is evaluated.

Derived or simulated: ``entered`` (3 to 40 minutes before the till, drawn by hash, never from the basket), ``paying``
(20 seconds before), the notices and consents of 1 January (four households in five let their purchases be used), and
that every card sent was displayed. Everything else is what 2,469 households really did.
"""

import gc
from collections.abc import Callable, Mapping

from visavis.lab.year.data import Year
from visavis.lab.year.evaluation import evaluate
from visavis.lab.year.history import learn_from_history
from visavis.lab.year.year_run import FuturePurchases, Progress, YearRun, no_progress
from visavis.model.world import StrategyLoaded
from visavis.ports import Log
from visavis.runtime.clock import TurnedClock
from visavis.runtime.loop import Processor
from visavis.strategy.read import read


def backtest(
    year: Year,
    log: Log,
    files: Mapping[str, bytes],
    *,
    until: float,
    randomization_key: bytes = b"the year",
    progress: Progress = no_progress,
    included: Callable[[int], bool] = lambda _: True,
) -> YearRun:
    """Run the year up to ``until`` (epoch seconds), resuming a log that already holds a part of it."""
    strategy = read(files)
    clock = TurnedClock()
    loop = Processor(log, strategy, randomization_key, clock)
    clock.turn(float(year.paid_at[0]) - 3600.0)
    if loop.world.strategy != strategy.version:
        loop.enact([StrategyLoaded(strategy.version, dict(files))])
    run = YearRun(year, loop, clock, FuturePurchases(year), included, progress)
    learn_from_history(run)
    gc.collect()
    gc.freeze()  # history stays in memory: the collector need not walk it at every pause
    evaluate(run, until)
    return run
