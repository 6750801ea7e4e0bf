"""Wait for the server, as ``expect`` waits for the page."""

from collections.abc import Callable

from playwright.sync_api import Page


def soon(what: Callable[[], bool], page: Page, *, seconds: float = 5.0) -> None:
    """Wait until it is so; fail when it is not in time."""
    for _ in range(int(seconds * 20)):
        if what():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"It did not come about within {seconds:g} seconds.")
