"""The console's page."""

from typing import Any

from starlette.routing import Route


def routes(*_: Any) -> list[Route]:
    """The routes of this page."""
    return []
