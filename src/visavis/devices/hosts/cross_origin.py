"""Cross-origin requests: which routes answer pages of other origins, with a device's key and never a cookie."""

from typing import Final
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from visavis.model.errors import Invalid

ROUTES: Final = frozenset({"/glasses/screen", "/glasses/displayed", "/glasses/answer", "/v1/devices/pair"})
"""What a page of another origin may ask for: a device's own cards, its answers, and its pairing."""
HEADERS: Final = ("Authorization", "Content-Type", "If-None-Match")


def checked(origins: tuple[str, ...]) -> tuple[str, ...]:
    """These origins (scheme, host and port; https, or http on this machine); :class:`Invalid` for any other."""
    for origin in origins:
        parts = urlsplit(origin)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost"))
        exact = f"{parts.scheme}://{parts.netloc}" == origin and parts.hostname and parts.username is None
        if not secure or not exact or "*" in origin:
            raise Invalid(f"`{origin}` is not an origin.", advice='Write `origins = ["https://host"]`, without a path.')
    return origins


def cross_origin(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """The same application, whose :data:`ROUTES` also answer pages of these origins."""
    if not origins:
        return app
    shared = CORSMiddleware(app, checked(origins), ["GET", "POST"], HEADERS, expose_headers=["ETag"])

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        other = scope["type"] == "http" and scope["path"] in ROUTES
        await (shared if other else app)(scope, receive, send)

    return answer
