"""The grocery example, read once."""

from pathlib import Path

import pytest

from visavis.strategy.read import Strategy, read

GROCERY = Path(__file__).parents[2] / "examples" / "grocery"


@pytest.fixture(scope="session")
def strategy() -> Strategy:
    return read(
        {str(path.relative_to(GROCERY)): path.read_bytes() for path in sorted(GROCERY.rglob("*")) if path.is_file()}
    )
