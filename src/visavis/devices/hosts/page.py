"""Make the glasses page for one host: a browser, the Even Hub, a Meta display, a Mentra miniapp.

Opened from a server, or carried in an application.
"""

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Final

from msgspec import Struct

_HERE: Final = files("visavis") / "devices"
PAGE: Final = (_HERE / "glasses.html").read_text(encoding="utf-8")
WORDS: Final = {
    "fr": {
        "offline": "hors ligne",
        "hint": "Ouvrez le lien de ces lunettes.",
        "code": "Le code affiché sur l’autre écran",
        "go": "Relier",
        "bad": "Ce code n’est pas valable. Demandez-en un autre.",
    },
    "en": {
        "offline": "offline",
        "hint": "Open the link of these glasses.",
        "code": "The code on the other screen",
        "go": "Link",
        "bad": "This code is not valid. Ask for another one.",
    },
}
META_STYLE: Final = (
    "\nmain{width:600px;height:600px}#card{inset:8px;padding:24px 32px"
    " 44px;border-radius:24px;background:#1c1e21;color:#fff}"
    ".k{font-size:20px}h2{font-size:40px}"
    "#body{font-size:28px;color:#e4e6eb}.a{flex-wrap:wrap;gap:16px}.a"
    " button{flex:1;min-height:88px;font-size:24px;background:#1c1e21;color:#fff}"
    "#yes:focus,#no:focus{outline:4px solid #fff;outline-offset:2px}"
    "#why{order:-1;width:100%;max-width:none;margin:0;text-align:left;font-size:16px;color:#b0b3b8}"
    "#bar{left:40px;bottom:16px;width:520px}"
)
CARRIED_STYLE: Final = (
    "\nform{position:absolute;inset:55% 7cqw"
    " auto;display:flex;gap:2cqw}input{font:inherit;min-width:0;flex:1;min-height:48px;padding:0"
    " 1em;color:#f4f7f6;background:#111716;border:1px solid #64716d;border-radius:10px;text-transform:uppercase}"
)


class Host(Struct, frozen=True):
    """Where the page runs.

    ``walled``: it draws lines of text elsewhere than on the page, so its cards carry them; ``profile`` is its usual
    screen.

    Brilliant's gateway is no page at all: it only asks for the cards.
    """

    head: str = '<meta name="viewport" content="width=device-width,initial-scale=1">'
    style: str = ""
    move: str = ""
    script: str = ""
    walled: bool = False
    profile: str = "glasses"


HOSTS: Final = {
    "": Host(),
    "even": Host(script=(_HERE / "hosts" / "even.js").read_text(encoding="utf-8"), walled=True, profile="even-g2"),
    "mentra": Host(
        script=(_HERE / "hosts" / "mentra.js").read_text(encoding="utf-8"), walled=True, profile="vuzix-z100"
    ),
    "brilliant": Host(walled=True, profile="brilliant-halo"),
    "meta": Host(
        head=(
            '<meta name="viewport" content="width=600, height=600, initial-scale=1.0"><meta name="description"'
            ' content="Vis-à-vis"><meta name="mrbd-web-app-capable" content="yes"><link rel="icon" type="image/png"'
            ' href="/phone/icon-192.png">'
        ),
        style=META_STYLE,
        move=",'ArrowLeft','ArrowRight'",
        profile="meta-rb-display",
    ),
}
PAIR: Final = (_HERE / "hosts" / "pair.js").read_text(encoding="utf-8")


def opened(host: str, language: str, *, known: bool) -> str:
    """The page that this server serves; ``known``: a device's key came with the request."""
    return _filled(host, language, root="", query="", known=known)


def carried(host: str, language: str, *, root: str, profile: str, package: str, voice: bool) -> str:
    """The page to pack into an application.

    It asks the server at ``root`` (scheme and host) for everything, with a key of its own.
    """
    query = f"?host={host}&language={language}"
    return _filled(host, language, root=root, query=query, known=False, profile=profile, package=package, voice=voice)


def policy(html: str) -> dict[str, str]:
    """The headers of a served page. It is one file: its only script and its only style are named by their hashes.

    Our own stage may frame it.
    """
    script, style = [b64encode(sha256(_between(html, tag).encode()).digest()).decode() for tag in ("script", "style")]
    images = (
        "img-src 'self'; " if 'rel="icon"' in html else ""
    )  # without an icon of its own a browser would ask for one that is not there
    return {
        "content-security-policy": (
            f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; {images}connect-src 'self';"
            " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
        ),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }


def _filled(
    name: str,
    language: str,
    *,
    root: str,
    query: str,
    known: bool,
    profile: str = "",
    package: str = "",
    voice: bool = False,
) -> str:
    host, words = HOSTS[name], WORDS[language]
    parts = {
        "adapter": host.script + (PAIR if root else ""),
        "head": host.head,
        "style": host.style + (CARRIED_STYLE if root else ""),
        "move": host.move,
        "lang": language,
        "root": root,
        "query": query,
        "in": "1" if known else "",
        "hint": "" if known or root else words["hint"],
        "offline": words["offline"],
        "code": words["code"],
        "go": words["go"],
        "bad": words["bad"],
        "profile": escape(profile),
        "package": escape(package),
        "listen": "'transcription:auto'" if voice else "",
    }
    html = PAGE
    for key, text in parts.items():
        html = html.replace("{{" + key + "}}", text)
    return html


def _between(html: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*)</{tag}>", html, re.DOTALL)
    return found[1] if found is not None else ""
