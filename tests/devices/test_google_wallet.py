"""The link to Google Wallet: signed by the account's key, with the claims required, nothing about the person."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import RSAKey

from support.people import NOON
from support.site import a_site
from visavis.config import GoogleWallet
from visavis.devices.wallet.google import SAVE, account
from visavis.model.errors import Invalid

ISSUER = "3388000000012345678"
KEY = rsa.generate_private_key(65537, 2048)


def an_account(folder: Path, **changed: Any) -> GoogleWallet:
    private = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    told = {
        "type": "service_account",
        "client_email": "visavis@example.iam.gserviceaccount.com",
        "private_key": private,
    } | changed
    (folder / "account.json").write_text(json.dumps(told))
    return GoogleWallet(ISSUER, str(folder / "account.json"), "https://visavis.example")


def asked(**settings: Any) -> httpx.Response:
    with a_site(**settings) as site:
        return httpx.get(
            f"{site.url}/phone/google-pass?language=fr",
            headers={"authorization": f"Bearer {site.key('device', 'camille')}"},
        )


def test_the_link_is_signed_by_the_account_and_says_nothing_of_the_person(tmp_path: Path) -> None:
    told = asked(google_wallet=an_account(tmp_path))
    assert told.status_code == 303
    link = told.headers["location"]

    assert link.startswith(SAVE)
    assert len(link) < 1800, "longer links are cut on the way"
    token = link.removeprefix(SAVE)
    public = RSAKey.import_key(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    found = jwt.decode(token, public, algorithms=["RS256"])
    assert found.header["alg"] == "RS256"
    claims = found.claims
    assert (claims["iss"], claims["aud"], claims["typ"]) == (
        "visavis@example.iam.gserviceaccount.com",
        "google",
        "savetowallet",
    )
    assert claims["iat"] == pytest.approx(NOON.timestamp(), abs=60)
    assert isinstance(claims["iat"], int)
    assert claims["origins"] == ["https://visavis.example"]
    (kept,) = claims["payload"]["genericObjects"]
    assert kept["classId"] == claims["payload"]["genericClasses"][0]["id"]
    assert kept["id"].startswith(f"{ISSUER}.")
    assert kept["cardTitle"]["defaultValue"] == {"language": "fr", "value": "Le Marché du Coin"}
    assert "camille" not in json.dumps(claims)
    head, body, signature = token.split(".")
    with pytest.raises(BadSignatureError):
        jwt.decode(f"{head}.{body}.{signature[:-8]}AAAAAAAA", public, algorithms=["RS256"])


def test_without_an_account_it_says_so() -> None:
    told = asked()
    assert (told.status_code, "google_wallet" in told.json()["advice"]) == (503, True)


def test_an_account_that_is_none_is_refused_without_repeating_its_key(tmp_path: Path) -> None:
    for settings in (
        an_account(tmp_path, private_key="secret words"),
        GoogleWallet("x", "/nowhere", "https://a"),
        GoogleWallet(ISSUER, "/nowhere", "https://a"),
        GoogleWallet(ISSUER, str(tmp_path / "account.json"), "http://a"),
    ):
        with pytest.raises(Invalid) as caught:
            account(settings)
        assert "secret" not in str(caught.value)
