"""The report of a year: its figures by group and those of the run, for programs and for people."""

from math import isfinite
from typing import Any, Final

from msgspec import Struct

from visavis import __version__
from visavis.lab.year.metrics import SIMULATED, Figures
from visavis.lab.year.simulated_uplift import SimulatedUplift

GROUPS: Final = ("development", "other", "all")


class YearReport(Struct, frozen=True):
    """The figures of each group of households, and the run's own (``p50_us`` and ``p99_us`` of a waking decision)."""

    groups: dict[str, Figures]
    simulated: SimulatedUplift
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
            "p50_us": _rounded(self.p50_us),
            "p99_us": _rounded(self.p99_us),
            "nonconsenting_unchanged": self.nonconsenting_unchanged,
            "uplift": _rounded(found.uplift),
            "uplift_low": _rounded(found.low),
            "uplift_high": _rounded(found.high),
            "uplift_true": _rounded(self.simulated.truth),
            "uplift_verdict": found.verdict,
            "simulated": SIMULATED,
        }
        groups = {name: {key: _rounded(value) for key, value in group.items()} for name, group in self.groups.items()}
        return {**own, **groups["all"], "development": groups["development"], "other": groups["other"]}

    def text(self) -> str:
        """A summary for people, with what it cannot tell."""
        lines = ["", "A year of real households. (development half · other half · all)", ""]
        for title, rows in _LINES:
            lines.append(title)
            for label, name, peer in rows:
                values = " · ".join([_value(self.groups[group], name, peer) for group in GROUPS])
                lines.append(f"  {label:<58} {values}")
            lines.append("")
        found, verdict = self.simulated.found, self.simulated.found.verdict.replace("_", " ")
        measured = f"{found.uplift:.2f} ({found.low:.2f} to {found.high:.2f}), truly {self.simulated.truth:.2f}"
        lines += [
            "Did it help? Recorded purchases cannot tell: nobody saw these cards. On simulated people:",
            f"  extra products a person: {measured}: {verdict}",
            "",
        ]
        if self.nonconsenting_unchanged is not None:
            answer = "no" if self.nonconsenting_unchanged else "YES"
            lines.append(f"Permuting the purchases of those who did not consent changes a decision: {answer}")
        lines += [
            f"{self.moments:,} moments in {self.seconds:.0f} CPU-s, {self.peak_rss_mib:.0f} MiB",
            f"a waking decision: {self.p50_us:.0f} µs (p99 {self.p99_us:.0f})",
            SIMULATED,
            "",
        ]
        return "\n".join(lines)


# Each line of the summary: its label, its figure, and the peer's figure that it is divided by.
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
            ("the same, ÷ a count with decay", "hit_rate_all", "decayed_hit_rate_all"),
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
            ("the same, ÷ a count with decay", "forgotten_surest_rate", "forgotten_decayed_surest_rate"),
            ("predicted ÷ actual", "forgotten_calibration", None),
            ("  expected calibration error", "forgotten_ece", None),
        ),
    ),
)


def _rounded(value: float) -> float | None:
    return (round(value, 5) if isinstance(value, float) else value) if isfinite(value) else None


def _value(figures: Figures, name: str, peer: str | None) -> str:
    value = figures[name]
    text = f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
    return f"{text} ({value / figures[peer]:.3f})" if peer is not None and figures[peer] else text
