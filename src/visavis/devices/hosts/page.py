"""The glasses page for each host, served or packed: a browser, the Even Hub, a Meta display, a Mentra miniapp."""

from pathlib import Path
from typing import Final

from msgspec import Struct
from starlette.responses import HTMLResponse

from visavis.devices.words import by_language
from visavis.http.inline_page import SELF, InlinePage

PAGE: Final = InlinePage(Path(__file__).parents[1] / "glasses.html")
WORDS: Final = by_language(
    {
        "offline": ("hors ligne", "offline"),
        "hint": ("Ouvrez le lien de ces lunettes.", "Open the link of these glasses."),
        "code": ("Le code affiché sur l’autre écran", "The code on the other screen"),
        "go": ("Relier", "Link"),
        "bad": ("Ce code n’est pas valable. Demandez-en un autre.", "This code is not valid. Ask for another one."),
    }
)


class Host(Struct, frozen=True):
    """Where the page runs: ``script`` draws cards and reads buttons, ``profile`` is the usual screen.

    With ``has_lines`` it draws lines of text elsewhere than on the page, so its cards carry them.
    """

    script: str = ""
    has_lines: bool = False
    profile: str = "glasses"


HOSTS: Final = {
    "": Host(),
    "even": Host("hosts/even.js", has_lines=True, profile="even-g2"),
    "mentra": Host("hosts/mentra.js", has_lines=True, profile="vuzix-z100"),
    "brilliant": Host(has_lines=True, profile="brilliant-halo"),  # a gateway, which shows no page
    "meta": Host(profile="meta-rb-display"),
}


def served(host: str, language: str, *, known: bool) -> HTMLResponse:
    """The page that this server serves; ``known``: a device's key came with the request."""
    host = host if host in HOSTS else ""
    # Without an icon of its own a browser would ask for one that is not there.
    icon = {"img-src": SELF} if host == "meta" else {}
    policy = {"connect-src": SELF, "frame-ancestors": SELF} | icon  # our own stage frames it
    return PAGE.response(policy, **_values(host, language) | {"known": known})


def carried(host: str, language: str, *, root: str, profile: str, package: str, voice: bool) -> str:
    """The page packed into an application, which asks the server at ``root`` with a key of its own."""
    query = f"?host={host}&language={language}"
    given = {"root": root, "query": query, "profile": profile, "package": package, "voice": voice}
    return PAGE.rendered(**_values(host, language) | given)


def _values(host: str, language: str) -> dict[str, object]:
    return {
        "host": host,
        "script": HOSTS[host].script,
        "language": language,
        "words": WORDS[language],
        "known": False,
        "voice": False,
        **dict.fromkeys(("root", "query", "profile", "package"), ""),
    }
