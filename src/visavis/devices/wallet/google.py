"""Google Wallet: a link that saves a pass of ours on an Android phone, signed by the brand's own account.

The pass holds the brand's name and nothing about the person; it never changes, since Google's service is not called.
Reference: Google, *Google Wallet API: Issuing passes with JWT* (``savetowallet``, RS256).
"""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec
from joserfc import jwt
from joserfc.jwk import RSAKey
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.config import GoogleWallet
from visavis.devices.phone.page import COOKIE
from visavis.http.access_keys import AccessKeys
from visavis.http.requests import key_of
from visavis.http.routes import Operation, route
from visavis.model.errors import Invalid, Unavailable
from visavis.strategy.read import Strategy

SAVE: Final = "https://pay.google.com/gp/v/save/"
CLASS: Final = "visavis"
SAVING: Final = Operation(
    "GET",
    "/phone/google-pass",
    "Redirect to Google Wallet, to save a pass.",
    ("device",),
    COOKIE,
    status=303,
    errors=(503,),
    query=("language",),
)


class ServiceAccount(Struct, frozen=True):
    """The fields that we need of a service account's file."""

    client_email: str
    private_key: str


def account(settings: GoogleWallet) -> ServiceAccount:
    """The service account of the settings; :class:`Invalid` says what is missing."""
    if not settings.issuer.isascii() or not settings.issuer.isdigit() or not settings.url.startswith("https://"):
        raise Invalid(
            "`google_wallet` is not complete.",
            advice="Give the issuer's number, the account's file and this server's https url.",
        )
    try:
        found = msgspec.json.decode(Path(settings.account).read_bytes(), type=ServiceAccount)
        RSAKey.import_key(found.private_key)
    except OSError as error:
        raise Invalid(
            f"The file of `google_wallet.account` cannot be read: {error.strerror}.",
            advice="Give the path of the account's JSON.",
        ) from None
    except (msgspec.MsgspecError, ValueError):
        raise Invalid(
            "The file of `google_wallet.account` is no service account's key.",
            advice="Download it from Google Cloud, as JSON.",
        ) from None
    return found


def link(
    settings: GoogleWallet, account: ServiceAccount, strategy: Strategy, serial: str, language: str, at: float
) -> str:
    """The link to save the pass of this serial number."""
    brand = strategy.brand

    def words(text: str) -> dict[str, Any]:
        return {"defaultValue": {"language": language, "value": text}}

    saved = {
        "id": f"{settings.issuer}.{serial}",
        "classId": f"{settings.issuer}.{CLASS}",
        "state": "ACTIVE",
        "hexBackgroundColor": "#042f2a",
        "cardTitle": words(brand.name),
        "header": words(brand.name),
    }
    passes = {"genericClasses": [{"id": f"{settings.issuer}.{CLASS}"}], "genericObjects": [saved]}
    claims = {
        "iss": account.client_email,
        "aud": "google",
        "typ": "savetowallet",
        "iat": int(at),
        "origins": [settings.url.rstrip("/")],
        "payload": passes,
    }
    return SAVE + jwt.encode(
        {"alg": "RS256", "typ": "JWT"}, claims, RSAKey.import_key(account.private_key), algorithms=["RS256"]
    )


def routes(
    settings: GoogleWallet, strategy: Strategy, secret: bytes, access: AccessKeys, now: Callable[[], float]
) -> list[Route]:
    """Redirects the phone page to the link; without an account it answers 503."""
    known = account(settings) if settings.account else None

    async def saving(request: Request) -> Response:
        key = key_of(request, access, "device", cookie=COOKIE)
        if known is None:
            raise Unavailable(
                "Google Wallet is not set up on this server.",
                advice="Give issuer, account and url in the settings' `google_wallet`.",
            )
        language = strategy.language_for(None, request.query_params.get("language", ""))
        serial = blake2b(f"{key.subject}\0{key.id}".encode(), key=secret, digest_size=12).hexdigest()
        location = link(settings, known, strategy, serial, language, now())
        return Response(status_code=303, headers={"location": location, "cache-control": "no-store"})

    return [route(SAVING, saving)]
