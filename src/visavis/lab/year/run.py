"""Run the backtest of the year with its log on disk, and report its figures."""

from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import process_time
from typing import Final

import numpy as np

from visavis.lab.year import data
from visavis.lab.year.backtest import backtest
from visavis.lab.year.consent_check import unchanged
from visavis.lab.year.decisions_file import write
from visavis.lab.year.metrics import figures_by_group
from visavis.lab.year.progress_screen import ProgressScreen
from visavis.lab.year.report import YearReport
from visavis.lab.year.simulated_uplift import simulate
from visavis.lab.year.year_run import no_progress
from visavis.store.keys import KeyStore
from visavis.store.sqlite import SqliteEntryLog
from visavis.strategy.read import Strategy, read

KEY: Final = b"the year of 2017"
"""The year's root key is no secret, since its data are public; so its figures are the same on every machine."""


def run(
    files: Mapping[str, bytes],
    folder: Path,
    *,
    months: int,
    every: int = 1,
    decisions: Path | None = None,
    screen: Callable[[Strategy], ProgressScreen] | None = None,
) -> YearReport:
    """Run ``months`` with the log in ``folder``, one household in ``every``; short runs check consent too."""
    started = process_time()
    year = data.load()
    brand = b"stay_ends_after_s = 60\n" + files["brand.toml"]  # each basket is a visit of its own
    whole = {**files, "brand.toml": brand, "products.csv": year.catalogue(), "places.geojson": data.places(year)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "key").write_bytes(KEY)
    until = datetime(2018 if months == 6 else 2017, 1 if months == 6 else 7 + months, 1, 5, tzinfo=UTC).timestamp()
    shown = screen(read(whole)) if screen is not None else None
    keys = KeyStore(folder / "vault.sqlite", KEY, folder / "erased")
    with closing(SqliteEntryLog(folder / "log.sqlite", keys)) as log:
        with shown.live if shown is not None else nullcontext():
            done = backtest(
                year,
                log,
                whole,
                until=until,
                randomization_key=KEY,
                progress=shown if shown is not None else no_progress,
                included=lambda household: household % every == 0,
            )
        if decisions is not None:
            write(done.visits, decisions)
        obeyed = unchanged(year, done.loop, until=until) if months < 6 else None
    us = np.array(done.decision_us or [float("nan")])
    return YearReport(
        figures_by_group(done.visits),
        simulate(files, seed=0),
        done.moments,
        process_time() - started,
        getrusage(RUSAGE_SELF).ru_maxrss / 1024,
        float(np.median(us)),
        float(np.quantile(us, 0.99)),
        obeyed,
    )
