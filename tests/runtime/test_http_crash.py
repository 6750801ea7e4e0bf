from pathlib import Path

from support.http_crash import kill_and_look


def test_kill_9_of_a_server_under_load_loses_no_acknowledged_moment_and_doubles_none(tmp_path: Path) -> None:
    acknowledged = kill_and_look(tmp_path / "data", kills=3, seed=1)

    assert acknowledged > 3, "so few that this proves nothing"
