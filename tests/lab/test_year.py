"""The year on a part of its households.

Skipped with a message when the data set is not installed (``make test`` installs it).
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from support.people import grocery
from visavis.cli import main
from visavis.lab.year import data
from visavis.lab.year.backtest import backtest
from visavis.lab.year.consent_check import unchanged
from visavis.lab.year.data import Year
from visavis.lab.year.decisions_file import rows
from visavis.lab.year.metrics import figures, figures_by_group
from visavis.lab.year.year_run import YearRun
from visavis.model.errors import Unavailable
from visavis.runtime.replay import Difference, verify
from visavis.store.memory import MemoryLog

AUGUST = data.JULY.timestamp() + 31 * 86_400.0


@pytest.fixture(scope="module")
def year() -> Year:
    try:
        return data.load()
    except Unavailable as missing:
        pytest.skip(str(missing))


def backtested(year: Year, log: MemoryLog) -> YearRun:
    files = {**grocery(), "products.csv": year.catalogue(), "places.geojson": data.places(year)}
    return backtest(year, log, files, until=AUGUST, included=lambda household: household % 24 == 0)


@pytest.fixture(scope="module")
def july(year: Year) -> YearRun:
    return backtested(year, MemoryLog())


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


def test_permuting_the_purchases_of_the_others_changes_no_decision(year: Year, july: YearRun) -> None:
    assert unchanged(year, july.loop, until=AUGUST, households=25)


def test_the_same_year_again_has_the_same_bytes_and_no_difference(year: Year, july: YearRun) -> None:
    log = MemoryLog()

    again = backtested(year, log)

    assert again.loop.world.version == july.loop.world.version
    assert rows(again.visits) == rows(july.visits)
    differences: list[Difference] = []
    assert verify(log, again.loop.randomization_key, found=differences.append) > 1000
    assert differences == []


def test_a_lived_year_is_answered_from_its_log(year: Year, july: YearRun) -> None:
    log = july.loop.log
    assert isinstance(log, MemoryLog)
    length = len(log)

    again = backtested(year, log)

    assert len(log) == length
    assert rows(again.visits) == rows(july.visits)


@pytest.mark.parametrize("killed_after_s", [9.0])
def test_a_killed_run_goes_on_from_its_log(tmp_path: Path, killed_after_s: float) -> None:
    script = (
        "import sys; from pathlib import Path; from visavis.lab.year import data; from visavis.lab.year.backtest"
        " import backtest;from visavis.testing import a_log; from support.people import grocery; year ="
        " data.load();files = {**grocery(), 'products.csv': year.catalogue(), 'places.geojson':"
        f" data.places(year)}};done = backtest(year, a_log(Path({str(tmp_path)!r})), files, until={AUGUST},"
        " included=lambda one: one % 25 == 0);print(len(done.loop.log), done.loop.world.version)"
    )
    command = [sys.executable, "-c", script]
    where = {"cwd": Path(__file__).parents[1]}
    try:
        data.folder()
    except Unavailable as missing:
        pytest.skip(str(missing))
    running = subprocess.Popen(command, stdout=subprocess.PIPE, **where)  # type: ignore[call-overload]
    time.sleep(killed_after_s / 3)
    running.send_signal(signal.SIGKILL)
    running.communicate()

    resumed = subprocess.run(command, capture_output=True, text=True, check=True, **where).stdout  # type: ignore[call-overload]
    (tmp_path / "log.sqlite").rename(tmp_path / "resumed.sqlite")
    for left in tmp_path.glob("log.sqlite-*"):
        left.unlink()
    whole = subprocess.run(command, capture_output=True, text=True, check=True, **where).stdout  # type: ignore[call-overload]

    assert resumed == whole


def test_the_command_says_what_is_wrong_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["visavis", "replay", str(tmp_path)])

    with pytest.raises(SystemExit) as stopped:
        main()

    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
