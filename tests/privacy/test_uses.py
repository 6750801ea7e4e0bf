"""P11, on a real server that is killed: uses that had an effect (decisions, pages, copies) and lines of the ledger are one to one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from used import kill_and_look


def test_whenever_it_is_killed_each_use_that_had_an_effect_has_its_one_line(tmp_path: Path, times: Callable[[int, int], int]) -> None:
    kills = times(3, 200)

    assert kill_and_look(tmp_path / "data", kills, seed=1) > 20 * kills


@pytest.mark.parametrize(("broken", "said"), [
    ("late", "a use without its line"), ("unseen", "somebody looked without a use"), ("uncopied", "a copy was taken without a use"),
])  # fmt: skip
def test_a_server_that_is_broken_is_caught(tmp_path: Path, broken: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        kill_and_look(tmp_path / "data", 5, seed=2, broken=broken)
