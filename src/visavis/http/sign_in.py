"""Sign in to a page: its key goes into the page's own cookie."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from visavis.http.access_keys import AccessKeys
from visavis.http.bodies import Token, read_body
from visavis.http.requests import with_cookie
from visavis.model.errors import Invalid, VisavisError

SUBJECTS: Final = {"brand": "", "adviser": " PLACE"}  # what a key is made for, where it is not a person


async def sign_in(
    request: Request, access: AccessKeys, role: str, cookie: str, path: str, *, error: type[VisavisError] = Invalid
) -> Response:
    """Put the key of the body into the cookie of the page at ``path``; ``error`` for a key of another role."""
    token = (await read_body(request, Token)).key
    if (key := access.check(token)).role != role:
        advice = f"Make one: visavis key {role}{SUBJECTS.get(role, ' PERSON')}."
        raise error(f"This is a key of the role `{key.role}`, not `{role}`.", advice=advice)
    return with_cookie(request, Response(status_code=204), cookie, token, path)
