"""Outgoing HTTP requests: which addresses may be called, by which client, and the result for a card that was sent."""

import ssl
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from visavis.model.errors import Invalid
from visavis.ports import DeliveryResult, Handed

LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})  # this machine: the only hosts called without TLS
ERRORS: Final = (httpx.HTTPError, httpx.StreamError, OSError)  # what a request may raise
RETRY_AFTER_LIMIT_S: Final = 86_400.0  # a longer pause is not kept
_ORDER: Final[tuple[Handed, ...]] = ("taken", "unsure", "not_sent", "refused", "nobody")


def address_of(text: str, what: str) -> httpx.URL:
    """The address as httpx parses it: https anywhere, http on this machine only; else :class:`Invalid`."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL()
    secure = url.scheme == "https" or (url.scheme == "http" and url.host in LOCAL)
    if not secure or not url.host or url.userinfo or not 0 < (443 if url.port is None else url.port) <= 65_535:
        raise Invalid(f"{what} is not an https address.", advice="Write https://host/path.")
    return url


def client(timeout_s: float, *, http2: bool = False, verify: ssl.SSLContext | bool = True) -> httpx.AsyncClient:
    """A client that goes straight to the host that was allowed: no redirect, no proxy of the environment."""
    return httpx.AsyncClient(timeout=timeout_s, http2=http2, verify=verify, follow_redirects=False, trust_env=False)


def retry_after_s(text: str, now: float) -> float:
    """The pause that ``Retry-After`` asks for, in seconds or as a date (RFC 9110, 10.2.3); 0 when it asks for none.

    >>> retry_after_s("120", 0.0), retry_after_s("Thu, 01 Jan 1970 00:01:00 GMT", 0.0), retry_after_s("soon", 0.0)
    (120.0, 60.0, 0.0)
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), RETRY_AFTER_LIMIT_S)
    try:
        asked_s = parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError):
        return 0.0
    return min(max(0.0, asked_s), RETRY_AFTER_LIMIT_S)


def of_status(status: int, retry_s: float = 0.0) -> DeliveryResult:
    """The result of a response's status; ``retry_s`` is what its ``Retry-After`` asks for."""
    if status < 300:
        return DeliveryResult("taken")
    reason = f"the service answered {status}"
    if status in (429, 503):
        return DeliveryResult("not_sent", reason, retry_s)
    return DeliveryResult("unsure" if status >= 500 else "refused", reason)


def of_error(error: Exception) -> DeliveryResult:
    """The result of a request without a response: before the connection nothing was sent for certain."""
    before = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return DeliveryResult("not_sent" if before else "unsure", type(error).__name__)


def surest(results: Iterable[DeliveryResult], nobody: str) -> DeliveryResult:
    """The result for a person's browsers or phones; any one taken or unsure counts; ``nobody``: why there is none."""
    return min(results, key=lambda one: _ORDER.index(one.handed), default=DeliveryResult("nobody", nobody))
