"""What every page and JSON route shares: the key of a request, its body, its cookie, and errors as problem details."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.problems import refusal
from visavis.model.errors import Invalid, Refused, VisavisError
from visavis.model.ids import check_identity

YEAR_S: Final = 31_536_000
BODY_LIMIT: Final = 1 << 14
PAGE: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; connect-src"
        " 'self'; frame-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
Answering = Callable[[Request], Awaitable[Response]]
__all__ = ["PAGE", "YEAR_S", "Answering", "guarded", "json_body", "key_of", "person_in", "refusal", "with_cookie"]


def key_of(request: Request, access: AccessKeys, *roles: str, cookie: str = "") -> AccessKey:
    """The key of one of these roles in the header or, from our own pages only, the cookie; else :class:`Refused`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = request.cookies.get(cookie, "") if cookie else ""
        site = request.headers.get("sec-fetch-site", "same-origin")
        if request.method not in ("GET", "HEAD") and site not in ("same-origin", "none"):
            raise Refused("This request comes from another site.", advice="Use the page itself.")
    key = access.check(token.strip())
    if key.role not in roles:
        advice = f"Use the key of: {', '.join(roles)}."
        raise Refused(f"A key of the role `{key.role}` does not open this.", advice=advice)
    return key


def person_in(request: Request) -> str:
    """The person whom the path names; :class:`Invalid` for an id that no moment of theirs could have."""
    name = str(request.path_params["person"])
    check_identity(name, "person")
    return name


def with_cookie(request: Request, response: Response, cookie: str, token: str, path: str) -> Response:
    """The response with this key in a cookie: httponly, same site only, and secure when the request came over https."""
    secure = request.url.scheme == "https"
    response.set_cookie(cookie, token, YEAR_S, path=path, httponly=True, samesite="strict", secure=secure)
    return response


async def json_body(request: Request) -> dict[str, Any]:
    """The request's JSON object; :class:`Invalid` when it is none, or too large."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_LIMIT:
            raise Invalid("The body is too large.", advice=f"Send at most {BODY_LIMIT:,} bytes.")
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Invalid("The body is not a JSON object.", advice='Send one such as {"on": true}.') from None


def guarded(answering: Answering) -> Answering:
    """The same route, with every error of ours answered as problem details, never as a redirect."""

    async def answer(request: Request) -> Response:
        try:
            return await answering(request)
        except VisavisError as error:
            return refusal(error)

    return answer
