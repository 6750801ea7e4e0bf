"""Who else may ask, and what they carry: hosts of other origins, with a device's key and never a cookie.

Applications to pack, made by this server.
"""

import io
import re
import zipfile
from typing import Final
from urllib.parse import urlsplit

import msgspec
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from visavis.devices.hosts.page import HOSTS, WORDS, carried
from visavis.devices.phone.icon import icon
from visavis.http.routes import Operation, route
from visavis.model.errors import Invalid
from visavis.strategy.read import Strategy

SHARED: Final = frozenset({"/glasses/screen", "/glasses/displayed", "/glasses/answer", "/v1/devices/pair"})
"""What a page of another origin may ask for: a device's own cards, its answers, and its pairing.

Nothing else of the server answers it.
"""
HEADERS: Final = ("Authorization", "Content-Type", "If-None-Match")
PACKAGE: Final = re.compile(r"[a-z][a-z0-9]*(?:\.[a-z][a-z0-9]*)+")
ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+")
VERSION: Final = "1.0.0"
ICON_PX: Final = 192
PACKED: Final = Operation(
    "GET",
    "/glasses/{host}.zip",
    "The page, packed for the tools of glasses that carry their own.",
    response="application/zip",
    errors=(422,),
    query=("package", "language", "profile", "voice"),
)


def checked(origins: tuple[str, ...]) -> tuple[str, ...]:
    """These origins; :class:`Invalid` for one that is none.

    A scheme and a host, with a port when it has one, and plain http on this machine only.
    """
    for origin in origins:
        parts = urlsplit(origin)
        alone = (
            f"{parts.scheme}://{parts.netloc}" == origin
            and parts.hostname is not None
            and parts.username is None
            and "*" not in origin
        )
        if not alone or not (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost"))
        ):
            raise Invalid(
                f"`{origin}` is no origin of a host.", advice='Write `origins = ["https://host"]`, without a path.'
            )
    return origins


def shared(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """The same application, whose doors for devices also answer pages of these origins."""
    if not origins:
        return app
    open_doors = CORSMiddleware(
        app,
        allow_origins=checked(origins),
        allow_methods=["GET", "POST"],
        allow_headers=HEADERS,
        expose_headers=["ETag"],
    )

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        door = scope["type"] == "http" and scope["path"] in SHARED
        await (open_doors if door else app)(scope, receive, send)

    return answer


def routes(strategy: Strategy) -> list[Route]:
    """``GET /glasses/even.zip`` and ``/glasses/mentra.zip``.

    An application that carries the page, for the vendor's own tools.
    """

    async def packed(request: Request) -> Response:
        host, asked = str(request.path_params["host"]), request.query_params
        if host not in ("even", "mentra"):
            raise Invalid("There is no such application.", advice="Ask for even.zip or mentra.zip.")
        package, language = asked.get("package", ""), asked.get("language", strategy.language_for())
        profile = asked.get("profile", HOSTS[host].profile)
        if PACKAGE.fullmatch(package) is None or len(package) > 100:
            raise Invalid(
                "An application has a package name.",
                advice="Ask with ?package=com.example.visavis: small letters, figures and dots.",
            )
        if language not in WORDS or profile not in strategy.devices:
            raise Invalid("There is no such language or profile.", advice="Ask with ?language=fr&profile=even-g2.")
        root = f"{request.url.scheme}://{request.url.netloc}"
        if ADDRESS.fullmatch(root) is None:
            raise Invalid("This server has no such address.", advice="Ask at the address that the glasses will use.")
        voice = host == "mentra" and asked.get("voice") == "yes"
        html = carried(host, language, root=root, profile=profile, package=package, voice=voice)
        told = (
            even(package, strategy.brand.name, root)
            if host == "even"
            else mentra(package, strategy.brand.name, voice=voice)
        )
        data = _zipped(
            {
                "app.json" if host == "even" else "miniapp.json": msgspec.json.format(msgspec.json.encode(told)),
                "index.html": html.encode(),
                "icon.png": icon(strategy.brand.name, ICON_PX, ICON_PX),
            }
        )
        name = f"{package}-{VERSION}.zip"
        return Response(
            data,
            media_type="application/zip",
            headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
        )

    return [route(PACKED, packed)]


def even(package: str, brand: str, root: str) -> dict[str, object]:
    """The ``app.json`` of an Even Hub application, with all that Even's published limits allow.

    Its one permission is to ask this server.
    """
    network = {"name": "network", "desc": f"Cards from {brand}, and your answers to them."[:300], "whitelist": [root]}
    return {
        "package_id": package,
        "edition": "202601",
        "name": brand[:20].strip(),
        "version": VERSION,
        "min_app_version": "2.0.0",
        "min_sdk_version": "0.0.12",
        "entrypoint": "index.html",
        "permissions": [network],
        "supported_languages": ["fr", "en"],
    }


def mentra(package: str, brand: str, *, voice: bool) -> dict[str, object]:
    """The ``miniapp.json`` of a Mentra miniapp.

    It hears only when that was asked for; every part of the glasses is optional: some have no display.
    """
    hears = [{"type": "MICROPHONE", "description": "To answer a card by saying yes or no."}] if voice else []
    parts = [{"type": part, "level": "OPTIONAL"} for part in ("DISPLAY", "SPEAKER", "BUTTON")]
    return {
        "packageName": package,
        "version": VERSION,
        "name": brand[:40],
        "description": f"Cards from {brand}, at the right moment or not at all.",
        "icon": "icon.png",
        "permissions": hears,
        "hardwareRequirements": parts,
    }


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()
