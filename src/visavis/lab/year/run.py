"""Run the year: live it, keep the log, measure it, and say it."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import process_time
from typing import Any, Final

import numpy as np
from msgspec import Struct

from visavis import __version__
from visavis.lab.year import data
from visavis.lab.year.backtest import backtest, unwatched
from visavis.lab.year.decisions import write
from visavis.lab.year.privacy import unchanged
from visavis.lab.year.screen import TerminalScreen
from visavis.lab.year.simulate import Simulated, simulate
from visavis.lab.year.summary import SIMULATED, Figures, summary
from visavis.store.keys import KeyStore
from visavis.store.sqlite import SqliteLog
from visavis.strategy.read import Strategy, read

KEY: Final = b"the year of 2017"
"""The year's root key is no secret, since its data are public.

Its dice, and so its figures, are the same on every machine.
"""
GROUPS: Final = ("development", "other", "all")


class Report(Struct, frozen=True):
    """The year's figures by group, and the run's own."""

    groups: dict[str, Figures]
    simulated: Simulated
    moments: int
    seconds: float
    peak_rss_mib: float
    p50_us: float
    p99_us: float
    nonconsenting_unchanged: bool | None

    def fields(self) -> dict[str, Any]:
        """The figures of all households by their names, then those of each half; what could not be measured is null."""
        found = self.simulated.found
        own: dict[str, Any] = {
            "version": __version__,
            "moments": self.moments,
            "seconds": round(self.seconds, 1),
            "peak_rss_mib": round(self.peak_rss_mib),
            "p50_us": _clean(self.p50_us),
            "p99_us": _clean(self.p99_us),
            "nonconsenting_unchanged": self.nonconsenting_unchanged,
            "uplift": _clean(found.uplift),
            "uplift_low": _clean(found.low),
            "uplift_high": _clean(found.high),
            "uplift_true": _clean(self.simulated.truth),
            "uplift_verdict": found.verdict,
            "simulated": SIMULATED,
        }
        groups = {name: {key: _clean(value) for key, value in figures.items()} for name, figures in self.groups.items()}
        return {**own, **groups["all"], "development": groups["development"], "other": groups["other"]}

    def text(self) -> str:
        """The honest summary, for people."""
        lines = ["", "A real year of real households, lived. (development half · other half · all)", ""]
        for title, rows in _LINES:
            lines.append(title)
            for label, name, against in rows:
                shown = " · ".join(_said(self.groups[group], name, against) for group in GROUPS)
                lines.append(f"  {label:<58} {shown}")
            lines.append("")
        found, truth = self.simulated.found, self.simulated.truth
        lines += [
            (
                "Did it help? Recorded purchases cannot tell: nobody saw these cards. On simulated people with a known"
                " effect:"
            ),
            (
                f"  extra products a person: {found.uplift:.2f} ({found.low:.2f} to {found.high:.2f}), truly"
                f" {truth:.2f}: {found.verdict.replace('_', ' ')}"
            ),
            "",
        ]
        if self.nonconsenting_unchanged is not None:
            lines.append(
                "Permuting the purchases of those who did not consent changes a decision:"
                f" {'no' if self.nonconsenting_unchanged else 'YES'}"
            )
        lines += [
            f"{self.moments:,} moments in {self.seconds:.0f} CPU-s, {self.peak_rss_mib:.0f} MiB",
            f"a waking decision: {self.p50_us:.0f} µs (p99 {self.p99_us:.0f})",
            SIMULATED,
            "",
        ]
        return "\n".join(lines)


_Line = tuple[str, str, str | None]
_LINES: Final[tuple[tuple[str, tuple[_Line, ...]], ...]] = (
    (
        "What happened",
        (
            ("visits", "visits", None),
            ("eligible visits", "eligible_visits", None),
            ("cards at the door, share of eligible visits", "cards_share", None),
            ("cards at the till", "till_cards", None),
            ("repeats of the card before", "repeat_share", None),
        ),
    ),
    (
        "Did we know? (share in that very basket, and ÷ the most counted family)",
        (
            ("all eligible visits", "hit_rate_all", "baseline_hit_rate_all"),
            ("the same, ÷ a count that fades", "hit_rate_all", "decayed_hit_rate_all"),
            ("cards shown", "hit_rate", "baseline_hit_rate"),
            ("beyond the three most counted", "beyond_hit_rate", "beyond_baseline_hit_rate"),
            ("beyond, each method's own surest half", "beyond_surest_rate", "beyond_baseline_surest_rate"),
            ("predicted ÷ actual", "calibration_all", None),
            ("  cards only", "calibration_cards", None),
            ("  worst week", "calibration_worst_week", None),
            ("  expected calibration error", "ece", None),
        ),
    ),
    (
        "Was it a service? (missing at the till, bought on another trip within three days)",
        (
            ("all visits, ÷ the most counted missing", "forgotten_rate", "forgotten_baseline_rate"),
            ("each method's own surest tenth", "forgotten_surest_rate", "forgotten_baseline_surest_rate"),
            ("the same, ÷ a count that fades", "forgotten_surest_rate", "forgotten_decayed_surest_rate"),
            ("predicted ÷ actual", "forgotten_calibration", None),
            ("  expected calibration error", "forgotten_ece", None),
        ),
    ),
)


def run(
    files: Mapping[str, bytes],
    kept: Path,
    *,
    months: int,
    every: int = 1,
    decisions: Path | None = None,
    screen: Callable[[Strategy], TerminalScreen] | None = None,
) -> Report:
    """Live ``months`` months of the year with the log in ``kept``, of one household in ``every``.

    The short forms also prove that consent is obeyed.
    """
    started = process_time()
    year = data.load()
    whole = {**files, "products.csv": year.catalogue(), "places.geojson": data.places(year)}
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "key").write_bytes(KEY)
    until = datetime(2018 if months == 6 else 2017, 1 if months == 6 else 7 + months, 1, 5, tzinfo=UTC).timestamp()
    log = SqliteLog(kept / "log.sqlite", KeyStore(kept / "vault.sqlite", KEY, kept / "erased"))
    drawn = screen(read(whole)) if screen is not None else None
    try:
        with drawn.live if drawn is not None else nullcontext():
            watch = drawn if drawn is not None else unwatched
            lived = backtest(
                year,
                log,
                whole,
                until=until,
                randomization_key=KEY,
                watch=watch,
                households=lambda household: household % every == 0,
            )
        if decisions is not None:
            write(lived.visits, decisions)
        groups, us = summary(lived), np.array(lived.decision_us or [float("nan")])
        obeyed = unchanged(year, lived.loop, until=until) if months < 6 else None
        moments = lived.moments
    finally:
        log.close()
    simulated = simulate(files, seed=0)
    return Report(
        groups,
        simulated,
        moments,
        process_time() - started,
        getrusage(RUSAGE_SELF).ru_maxrss / 1024,
        float(np.median(us)),
        float(np.quantile(us, 0.99)),
        obeyed,
    )


def _clean(value: float) -> float | None:
    return (round(value, 5) if isinstance(value, float) else value) if isfinite(value) else None


def _said(figures: Figures, name: str, against: str | None) -> str:
    value = figures[name]
    text = f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
    return f"{text} ({value / figures[against]:.3f})" if against is not None and figures[against] else text
