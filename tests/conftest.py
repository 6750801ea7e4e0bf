import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from support.full import sample
from support.required import require

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# As the command line does: small matrices gain nothing from threads, and the last digits of a sum depend on how many
# there are. NumPy reads it when it is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# httpx looks for this module at each request, through every folder of the path; it is not installed, and not needed.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

CHROMIUM = Path("/usr/bin/chromium")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# How long an example takes says more about the machine than about us. Where ``CI`` is set Hypothesis draws the same
# examples each time, by its own profile.
settings.register_profile(
    "visavis", settings(), deadline=None, max_examples=sample(60, 100), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("visavis")


@pytest.fixture
def anyio_backend() -> str:
    """Tests that are coroutines run on asyncio, which the server runs on."""
    return "asyncio"


@pytest.fixture
def times() -> Callable[[int, int], int]:
    """``times(few, full)``: how many trials to make."""
    return sample


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """One a module: while it is there its thread runs an event loop, and other tests need to run their own."""
    require(CHROMIUM.exists(), "Chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield found
        found.close()
