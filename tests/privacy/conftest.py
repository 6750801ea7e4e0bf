"""How often the properties of privacy are tried, and where.

A sample in the suite, the full count with VISAVIS_PRIVACY=full (make privacy).
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def times() -> Callable[[int, int], int]:
    """``times(sample, full)``: how many trials to make."""
    return lambda sample, full: full if os.environ.get("VISAVIS_PRIVACY") == "full" else sample


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a disk.

    What is asked is which bytes are in the files, not how long a disk takes.
    """
    quick = Path("/dev/shm")
    if not quick.is_dir():
        yield tmp_path
        return
    with TemporaryDirectory(dir=quick) as folder:
        yield Path(folder)
