"""How often the properties of privacy are tried: a sample in the suite, the full count with VISAVIS_PRIVACY=full (make privacy)."""

import os
from collections.abc import Callable

import pytest


@pytest.fixture
def times() -> Callable[[int, int], int]:
    """``times(sample, full)``: how many trials to make."""
    return lambda sample, full: full if os.environ.get("VISAVIS_PRIVACY") == "full" else sample
