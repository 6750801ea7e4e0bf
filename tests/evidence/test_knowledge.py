"""Each figure of knowledge, once more by sorting and counting rows one by one."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.evidence.knowledge import Doors, Figures, Floats, Tills, knowledge
from visavis.model.errors import Invalid

Row = dict[str, float]
NAMES = {
    "hit_rate", "hit_rate_all", "baseline_hit_rate", "baseline_hit_rate_all", "decayed_hit_rate_all", "random_hit_rate", "beyond_hit_rate",
    "beyond_baseline_hit_rate", "beyond_decayed_hit_rate", "beyond_surest_rate", "beyond_baseline_surest_rate", "forgotten_rate",
    "forgotten_baseline_rate", "forgotten_surest_rate", "forgotten_baseline_surest_rate", "forgotten_decayed_surest_rate", "forgotten_random_rate",
}  # fmt: skip


def drawn(kind: type[Doors | Tills], n: int, dice: np.random.Generator) -> list[Row]:
    """Rows with many ties in confidence."""
    flags = {"dev", "shown"}
    return [
        {field: float(dice.integers(2)) if field in flags or (field.endswith("hit") and field != "random_hit") else float(dice.integers(5)) / 5
         for field in kind.__struct_fields__} for _ in range(n)
    ]  # fmt: skip


def column(rows: list[Row], field: str) -> Floats:
    return np.array([row[field] for row in rows], dtype=np.float64)


def doors(rows: list[Row]) -> Doors:
    flags = {field: column(rows, field).astype(np.bool_) for field in Doors.__struct_fields__}
    return Doors(
        dev=flags["dev"], shown=flags["shown"], ours_hit=flags["ours_hit"], shown_hit=flags["shown_hit"], counted_hit=flags["counted_hit"],
        decayed_hit=flags["decayed_hit"], beyond_hit=flags["beyond_hit"], beyond_counted_hit=flags["beyond_counted_hit"],
        beyond_decayed_hit=flags["beyond_decayed_hit"], ours_p=column(rows, "ours_p"), counted_confidence=column(rows, "counted_confidence"),
        random_hit=column(rows, "random_hit"), beyond_p=column(rows, "beyond_p"),
        beyond_counted_confidence=column(rows, "beyond_counted_confidence"),
    )  # fmt: skip


def tills(rows: list[Row]) -> Tills:
    flags = {field: column(rows, field).astype(np.bool_) for field in Tills.__struct_fields__}
    return Tills(
        dev=flags["dev"], ours_hit=flags["ours_hit"], counted_hit=flags["counted_hit"], decayed_hit=flags["decayed_hit"],
        ours_p=column(rows, "ours_p"), counted_confidence=column(rows, "counted_confidence"),
        decayed_confidence=column(rows, "decayed_confidence"), random_hit=column(rows, "random_hit"),
    )  # fmt: skip


def share(rows: list[Row], field: str) -> float:
    return sum(row[field] for row in rows) / len(rows) if rows else float("nan")


def top(rows: list[Row], by: str, field: str, part: float) -> float:
    ranked = sorted(range(len(rows)), key=lambda i: (-rows[i][by], i))
    return share([rows[i] for i in ranked[: max(1, round(len(rows) * part))]], field)


def slow(at_door: list[Row], at_till: list[Row]) -> Figures:
    cards = [row for row in at_door if row["shown"]]
    return {
        "hit_rate": share(cards, "shown_hit"), "baseline_hit_rate": share(cards, "counted_hit"),
        "hit_rate_all": share(at_door, "ours_hit"), "baseline_hit_rate_all": share(at_door, "counted_hit"),
        "decayed_hit_rate_all": share(at_door, "decayed_hit"), "random_hit_rate": share(at_door, "random_hit"),
        "beyond_hit_rate": share(at_door, "beyond_hit"), "beyond_baseline_hit_rate": share(at_door, "beyond_counted_hit"),
        "beyond_decayed_hit_rate": share(at_door, "beyond_decayed_hit"),
        "beyond_surest_rate": top(at_door, "beyond_p", "beyond_hit", 0.5),
        "beyond_baseline_surest_rate": top(at_door, "beyond_counted_confidence", "beyond_counted_hit", 0.5),
        "forgotten_rate": share(at_till, "ours_hit"), "forgotten_baseline_rate": share(at_till, "counted_hit"),
        "forgotten_random_rate": share(at_till, "random_hit"), "forgotten_surest_rate": top(at_till, "ours_p", "ours_hit", 0.1),
        "forgotten_baseline_surest_rate": top(at_till, "counted_confidence", "counted_hit", 0.1),
        "forgotten_decayed_surest_rate": top(at_till, "decayed_confidence", "decayed_hit", 0.1),
    }  # fmt: skip


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 2**32))
def test_every_figure_of_every_group_equals_a_plain_count(n: int, m: int, seed: int) -> None:
    dice = np.random.default_rng(seed)
    at_door, at_till = drawn(Doors, n, dice), drawn(Tills, m, dice)
    found = knowledge(doors(at_door), tills(at_till))

    assert set(found) == {"dev", "other", "all"}
    for group, keep in (("dev", (1.0,)), ("other", (0.0,)), ("all", (0.0, 1.0))):
        expected = slow([row for row in at_door if row["dev"] in keep], [row for row in at_till if row["dev"] in keep])
        assert found[group] == pytest.approx(expected, nan_ok=True)
        assert set(found[group]) == NAMES
        assert all(isnan(figure) or 0.0 <= figure <= 1.0 for figure in found[group].values())


def test_a_method_that_knows_when_it_knows_is_right_where_it_is_surest() -> None:
    dice = np.random.default_rng(0)
    rows = drawn(Doors, 1000, dice)
    for row in rows:
        row["beyond_p"] = row["beyond_hit"] / 2 + 0.1
    found = knowledge(doors(rows), tills([]))["all"]

    assert found["beyond_surest_rate"] == pytest.approx(min(1.0, 2.0 * found["beyond_hit_rate"]), abs=1e-9)
    assert isnan(found["forgotten_rate"])


def test_columns_that_do_not_belong_together_are_refused() -> None:
    rows = drawn(Tills, 5, np.random.default_rng(0))
    good = tills(rows)
    columns = {field: getattr(good, field) for field in Tills.__struct_fields__}

    with pytest.raises(Invalid, match="one value a visit"):
        Tills(**columns | {"ours_p": np.zeros(4)})
    with pytest.raises(Invalid, match="not a number"):
        Tills(**columns | {"ours_p": np.full(5, np.nan)})
