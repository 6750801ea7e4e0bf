"""Header fields of requests, compared as RFC 9110 says."""

import re
from typing import Final

from starlette.requests import Request

_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')


def has_already(request: Request, tag: str) -> bool:
    """Whether ``If-None-Match`` names this entity tag: in a list, weak or not, or by ``*`` (RFC 9110, 13.1.2)."""
    sent = ",".join(request.headers.getlist("if-none-match"))
    return sent.strip() == "*" or tag in _TAG.findall(sent)


def preferred_languages(accept_language: str) -> list[str]:
    """The primary languages of ``Accept-Language``, the most wanted first (RFC 9110, 12.5.4).

    >>> preferred_languages("de;q=0, en-GB ; q=0.5, fr-CA")
    ['fr', 'en']
    """
    found: list[tuple[float, str]] = []
    for one in accept_language.split(","):
        language, _, more = one.partition(";")
        name, _, weight = more.partition("=")
        try:
            q = float(weight) if name.strip().lower() == "q" else 1.0
        except ValueError:
            q = 0.0
        if language.strip() and q > 0.0:
            found.append((q, language.strip()[:2].lower()))
    return [language for _, language in sorted(found, key=lambda one: -one[0])]
