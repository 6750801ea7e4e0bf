"""What became of a card that was sent over HTTP to a push service."""

from collections.abc import Iterable
from typing import Final

import httpx

from visavis.ports import DeliveryResult, Handed

ERRORS: Final = (httpx.HTTPError, httpx.StreamError, OSError)
"""What a request may raise."""
_ORDER: Final[tuple[Handed, ...]] = ("taken", "unsure", "not_sent", "refused", "nobody")


def of_status(status: int, retry_after: str = "") -> DeliveryResult:
    """The result of a response's status."""
    if status < 300:
        return DeliveryResult("taken")
    reason = f"the service answered {status}"
    if status in (429, 503):
        known = retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 6
        return DeliveryResult("not_sent", reason, float(retry_after) if known else 0.0)
    return DeliveryResult("unsure" if status >= 500 else "refused", reason)


def of_error(error: Exception) -> DeliveryResult:
    """The result of a request without a response: before the connection nothing was sent for certain."""
    before = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return DeliveryResult("not_sent" if before else "unsure", type(error).__name__)


def surest(results: Iterable[DeliveryResult], nobody: str) -> DeliveryResult:
    """The result for several browsers or phones of a person; ``nobody`` is the reason when there is none.

    One taken is taken, and one unsure must not be repeated for the sake of the others.
    """
    return min(results, key=lambda one: _ORDER.index(one.handed), default=DeliveryResult("nobody", nobody))
