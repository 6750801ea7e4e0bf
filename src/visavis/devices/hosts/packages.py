"""The glasses page packed as an application, for the tools of two vendors: Even Hub and Mentra."""

import io
import re
import zipfile
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.devices.hosts.page import HOSTS, WORDS, carried
from visavis.devices.phone.icon import icon
from visavis.http.routes import Operation, route
from visavis.model.errors import Invalid
from visavis.strategy.read import Strategy

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


def routes(strategy: Strategy) -> list[Route]:
    """``GET /glasses/even.zip`` and ``/glasses/mentra.zip``."""

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
        brand = strategy.brand.name
        manifest = even(package, brand, root) if host == "even" else mentra(package, brand, voice=voice)
        files = {
            "app.json" if host == "even" else "miniapp.json": msgspec.json.format(msgspec.json.encode(manifest)),
            "index.html": html.encode(),
            "icon.png": icon(brand, ICON_PX, ICON_PX),
        }
        attached = f'attachment; filename="{package}-{VERSION}.zip"'
        headers = {"content-disposition": attached, "cache-control": "no-store"}
        return Response(_zipped(files), media_type="application/zip", headers=headers)

    return [route(PACKED, packed)]


def even(package: str, brand: str, root: str) -> dict[str, object]:
    """The ``app.json`` of an Even Hub application; its one permission is to send requests to this server."""
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
    """The ``miniapp.json`` of a Mentra miniapp; display optional, the microphone only with ``voice``."""
    microphone = [{"type": "MICROPHONE", "description": "To answer a card by saying yes or no."}] if voice else []
    parts = [{"type": part, "level": "OPTIONAL"} for part in ("DISPLAY", "SPEAKER", "BUTTON")]
    return {
        "packageName": package,
        "version": VERSION,
        "name": brand[:40],
        "description": f"Cards from {brand}, at the right moment or not at all.",
        "icon": "icon.png",
        "permissions": microphone,
        "hardwareRequirements": parts,
    }


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()
