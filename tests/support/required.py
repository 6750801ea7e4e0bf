"""What tests need besides Python packages: programs, fonts and data sets."""

import os

import pytest


def require(present: object, otherwise: str) -> None:
    """Skip the tests when something that every developer can install is missing; with ``CI`` set, fail."""
    if not present and os.environ.get("CI"):
        pytest.fail(otherwise, pytrace=False)
    require_peer(present, otherwise)


def require_peer(present: object, otherwise: str) -> None:
    """Skip the tests of what ``make peers`` brings (900 MB) when it is missing, in continuous integration too."""
    if not present:
        pytest.skip(otherwise, allow_module_level=True)
