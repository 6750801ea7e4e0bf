from pathlib import Path

from support.crash import kill_and_look


def test_kill_9_loses_no_acknowledged_entry_and_doubles_none(tmp_path: Path) -> None:
    assert kill_and_look(tmp_path, kills=8, seed=1) > 8
