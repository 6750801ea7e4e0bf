"""A page in one file: its Content-Security-Policy (W3C, *Level 3*) names the hashes of its style and script."""

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from visavis.http.requests import PAGE

NONE: Final = "'none'"
SELF: Final = "'self'"


class InlinePage:
    """A Jinja template. In its scripts values are written with ``tojson``."""

    def __init__(self, template: Path) -> None:
        environment = Environment(
            loader=FileSystemLoader(template.parent),
            autoescape=True,
            undefined=StrictUndefined,
            comment_start_string="{##",  # "{#" stands in style sheets
            comment_end_string="##}",
        )
        environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
        self._load = partial(environment.get_template, template.name)

    def rendered(self, **values: Any) -> str:
        """The page's text; each ``{{ name }}`` is escaped."""
        return self._load().render(**values)

    def response(self, policy: Mapping[str, str], **values: Any) -> HTMLResponse:
        """The page with its headers; ``policy`` adds directives to those that close everything."""
        html = self.rendered(**values)
        return HTMLResponse(html, headers=inline_headers(html, policy))


def inline_headers(html: str, policy: Mapping[str, str]) -> dict[str, str]:
    """The headers of an inline page: only what stands in it may run and style it.

    >>> inline_headers("<style>a{}</style>", {"form-action": SELF})["content-security-policy"]
    "default-src 'none'; style-src 'sha256-...='; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    """
    directives = {
        "default-src": NONE,
        **{f"{tag}-src": hashes for tag in ("script", "style") if (hashes := _hashes(html, tag))},
        "base-uri": NONE,
        "form-action": NONE,
        "frame-ancestors": NONE,
        **policy,
    }
    return PAGE | {"content-security-policy": "; ".join([f"{name} {value}" for name, value in directives.items()])}


def _hashes(html: str, tag: str) -> str:
    found = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    return " ".join([f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in found])
