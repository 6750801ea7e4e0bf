"""The privacy tests keep their files in memory."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the system has one: these tests read the bytes of files, and need no disk."""
    quick = Path("/dev/shm")
    if not quick.is_dir():
        yield tmp_path
        return
    with TemporaryDirectory(dir=quick) as folder:
        yield Path(folder)
