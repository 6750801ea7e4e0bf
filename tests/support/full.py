"""How often to try: a sample in ``make test``, all with ``VISAVIS_FULL=1`` (``make full``, ``make privacy``)."""

import os
from typing import TypeVar

FULL = bool(os.environ.get("VISAVIS_FULL"))
T = TypeVar("T")


def sample(few: T, full: T) -> T:
    """``few``, or ``full`` where everything is tried."""
    return full if FULL else few
