"""A month of the year, one household in twelve, run once by the command; skipped without the data (``make test``)."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import polars as pl
import pytest

from support.command import visavis
from support.required import require
from visavis.cli import grocery, main
from visavis.lab.year import data
from visavis.lab.year.backtest import backtest
from visavis.lab.year.data import Year
from visavis.lab.year.decisions_file import rows
from visavis.lab.year.metrics import figures, figures_by_group
from visavis.lab.year.run import KEY
from visavis.lab.year.year_run import YearRun
from visavis.model.errors import Unavailable
from visavis.ports import Log
from visavis.runtime.replay import Difference, verify
from visavis.store.keys import KeyStore
from visavis.store.memory import MemoryEntryLog
from visavis.store.sqlite import SqliteEntryLog

AUGUST = data.JULY.timestamp() + 31 * 86_400.0 + 3600.0  # as the command counts
EVERY = 12


@pytest.fixture(scope="module")
def year() -> Year:
    needs_the_data_set()
    return data.load()


def needs_the_data_set() -> None:
    try:
        data.folder()
    except Unavailable as missing:
        require(present=False, otherwise=str(missing))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder of the log, and what the command printed."""
    needs_the_data_set()
    folder = tmp_path_factory.mktemp("july")
    kept = ["--log", str(folder), "--decisions", str(folder / "visits.parquet")]
    return folder, json.loads(visavis("year", "--headless", "--json", "--months", "1", "--every", str(EVERY), *kept))


def backtested(year: Year, log: Log) -> YearRun:
    files = data.strategy_files(grocery(), year)
    return backtest(
        year, log, files, until=AUGUST, randomization_key=KEY, included=lambda household: household % EVERY == 0
    )


@pytest.fixture(scope="module")
def july(year: Year, ran: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[YearRun]:
    """The same run, answered from a copy of its log."""
    folder = tmp_path_factory.mktemp("copied") / "july"
    copytree(ran[0], folder)
    log = SqliteEntryLog(folder / "log.sqlite", KeyStore(folder / "vault.sqlite", KEY, folder / "erased"))
    length = len(log)
    yield backtested(year, log)
    assert len(log) == length, "a year that has ended is only read"
    log.close()


def test_the_denominators_are_those_that_are_stated(year: Year) -> None:
    assert len(year) == 141_108
    assert len(year.product) > 1_400_000
    assert 2460 <= len(set(year.household.tolist())) <= 2469


def test_the_day_is_the_shops_own(year: Year) -> None:
    hours = ((year.paid_at / 3600.0 - 4.0) % 24.0).astype(int)  # summer time, good enough for the shape
    counts = [int((hours == hour).sum()) for hour in range(24)]

    assert counts.index(max(counts)) in (16, 17, 18)
    assert min(counts[2:6]) == min(counts)


def test_every_figure_can_be_recomputed_from_the_decisions(year: Year, july: YearRun) -> None:
    table = pl.DataFrame(rows(july.visits), infer_schema_length=None)
    baskets = {int(year.basket[i]): i for i in range(len(year))}
    seen = figures(july.visits)
    eligible = table.filter(pl.col("eligible") & pl.col("named").is_not_null())

    hits = [row["named"] in year.families_of(baskets[row["basket"]]) for row in eligible.iter_rows(named=True)]
    counted = [row["counted"] in year.families_of(baskets[row["basket"]]) for row in eligible.iter_rows(named=True)]

    assert eligible.height == seen["eligible_visits"] > 300
    assert sum(hits) / len(hits) == pytest.approx(seen["hit_rate_all"])
    assert sum(counted) / len(counted) == pytest.approx(seen["baseline_hit_rate_all"])
    assert eligible["p_visit"].sum() / sum(hits) == pytest.approx(seen["calibration_all"])


def test_counting_is_counted_by_hand(year: Year, july: YearRun) -> None:
    visit = next(visit for visit in july.visits if visit.entrance is not None)
    mine = [i for i in range(len(year)) if year.household[i] == visit.household and year.paid_at[i] < visit.at]
    bought: dict[str, list[float]] = {}
    for i in mine:
        for family in year.families_of(i):
            bought.setdefault(family, []).append(float(year.paid_at[i]))

    best = min(bought, key=lambda family: (-len(bought[family]), -bought[family][-1], family))

    assert visit.entrance is not None
    assert visit.entrance.counted.family == best


def test_both_halves_and_all_are_told(july: YearRun) -> None:
    groups = figures_by_group(july.visits)

    assert groups["development"]["visits"] + groups["other"]["visits"] == groups["all"]["visits"] == len(july.visits)
    assert 0.5 <= groups["all"]["cards_share"] <= 1.0
    assert groups["all"]["repeat_share"] <= 0.3


def test_only_those_who_consented_are_eligible(july: YearRun) -> None:
    assert {visit.eligible for visit in july.visits if not data.consents(visit.household)} == {False}
    assert not any(visit.at_entrance.family for visit in july.visits if not data.consents(visit.household))


def test_the_same_year_again_has_the_same_bytes_and_no_difference(year: Year, july: YearRun) -> None:
    log = MemoryEntryLog()

    again = backtested(year, log)

    assert again.loop.world.version == july.loop.world.version
    assert rows(again.visits) == rows(july.visits)
    differences: list[Difference] = []
    assert verify(log, again.loop.randomization_key, found=differences.append) > 1000
    assert differences == []


SMALL_RUN = """
import sys
from pathlib import Path
from visavis.cli import grocery
from visavis.lab.year import data
from visavis.lab.year.backtest import backtest
from visavis.testing import a_log

year = data.load()
files = data.strategy_files(grocery(), year)
log = a_log(Path(sys.argv[1]))
done = backtest(year, log, files, until=float(sys.argv[2]), included=lambda household: household % 60 == 0)
print(len(log), done.loop.world.version)
"""


def test_a_killed_run_goes_on_from_its_log(tmp_path: Path) -> None:
    needs_the_data_set()

    def command(folder: Path) -> list[str]:
        return [sys.executable, "-c", SMALL_RUN, str(folder), str(AUGUST)]

    with subprocess.Popen(command(tmp_path / "killed")) as running:
        while sum([path.stat().st_size for path in tmp_path.glob("killed/log.sqlite*")]) < 1_000_000:
            assert running.poll() is None, "it ended before it was killed"
            time.sleep(0.01)
        running.kill()

    resumed, whole = [subprocess.check_output(command(tmp_path / name)) for name in ("killed", "whole")]
    assert resumed == whole


def test_the_command_says_what_is_wrong_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["visavis", "replay", str(tmp_path)])

    with pytest.raises(SystemExit) as stopped:
        main()

    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_year_prints_one_object_with_every_figure(ran: tuple[Path, dict[str, Any]]) -> None:
    _, told = ran

    for name in (
        "hit_rate",
        "hit_rate_all",
        "hit_product_rate",
        "baseline_hit_rate",
        "baseline_hit_rate_all",
        "decayed_hit_rate_all",
        "beyond_decayed_hit_rate",
        "random_hit_rate",
        "beyond_hit_rate",
        "beyond_baseline_hit_rate",
        "beyond_surest_rate",
        "beyond_baseline_surest_rate",
        "calibration_all",
        "calibration_cards",
        "calibration_worst_week",
        "ece",
        "forgotten_rate",
        "forgotten_surest_rate",
        "forgotten_baseline_rate",
        "forgotten_baseline_surest_rate",
        "forgotten_decayed_surest_rate",
        "uplift",
        "uplift_low",
        "uplift_high",
        "uplift_true",
        "nonconsenting_unchanged",
        "moments",
        "visits",
        "cards",
        "silences",
        "held_out",
        "seconds",
        "peak_rss_mib",
        "p50_us",
        "p99_us",
        "repeat_share",
        "version",
    ):
        assert name in told, name
    assert told["nonconsenting_unchanged"] is True
    assert told["hit_rate_all"] > told["baseline_hit_rate_all"] > told["random_hit_rate"]
    assert told["beyond_hit_rate"] > told["beyond_baseline_hit_rate"]
    assert told["forgotten_rate"] > told["forgotten_random_rate"]
    assert told["cards"] >= 0.5 * told["eligible_visits"]
    assert set(told["development"]) == set(told["other"])


def test_the_log_replays_twice_the_same_and_verifies(ran: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = ran
    first, second = visavis("replay", str(folder)), visavis("replay", str(folder))

    assert first.splitlines()[1] == second.splitlines()[1]
    assert visavis("replay", str(folder), "--verify").endswith(" 0 differences\n")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_decision_is_explained(ran: tuple[Path, dict[str, Any]], language: str) -> None:
    folder, _ = ran
    shown = pl.read_parquet(folder / "visits.parquet").filter(pl.col("action") == "reminder-door")["decision"][0]

    told = visavis("why", shown, "--log", str(folder), "--language", language)

    assert "show · reminder-door" in told
    assert ("Parce que" in told) is (language == "fr")
    assert "read for reminders: places, purchases" in told
