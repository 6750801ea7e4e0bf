"""A pass for Apple Wallet: the files, their digests, and a signature over the digests, in one archive.

It holds the card of now and the places of the brand's shops, which the phone compares by itself; nothing of the person.
Reference: Apple, *Wallet Developer Guide* and *PassKit Package Format Reference* (SHA-1 manifest, detached PKCS #7).
"""

from collections.abc import Mapping
from hashlib import sha1
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder
from msgspec import Struct

from visavis.cards.typography import typeset
from visavis.config import Wallet
from visavis.devices.phone.icon import icon
from visavis.devices.words import by_language
from visavis.model.card import Card
from visavis.model.catalogue import Place
from visavis.model.errors import Invalid
from visavis.strategy.places import middle
from visavis.strategy.read import Strategy

LOCATIONS_LIMIT: Final = 10
IMAGES: Final = {"icon.png": 29, "icon@2x.png": 58, "icon@3x.png": 87, "logo.png": 50, "logo@2x.png": 100}
"""How many pixels each is wide and high."""
_HOW: Final = (
    "Supprimez cette carte : plus rien n'arrive. Elle ne contient rien sur vous.",
    "Delete this pass: nothing arrives any more. It holds nothing about you.",
)
WORDS: Final = by_language(
    {
        "nothing": ("Rien pour l'instant", "Nothing for now"),
        "why": ("Pourquoi", "Why"),
        "stop": ("Ne plus en recevoir", "Receive no more"),
        "how": _HOW,
        "about": ("Les cartes de {brand}", "Cards from {brand}"),
    }
)


class PassSigner(Struct, frozen=True):
    """The certificates and the key that sign passes."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    issuer: x509.Certificate


def signer(wallet: Wallet) -> PassSigner:
    """Certificate, key and issuer of the settings; :class:`Invalid` names the one missing or unreadable."""
    for name in ("pass_type", "team", "key", "issuer", "url"):
        if not getattr(wallet, name):
            raise Invalid(
                f"`wallet.{name}` is missing.",
                advice=(
                    "A pass needs pass_type, team, certificate, key, issuer and url: see docs/devices/apple-watch.md."
                ),
            )
    if not wallet.url.startswith("https://"):
        raise Invalid("`wallet.url` is not an https address.", advice="A phone updates passes from https only.")
    key = _read("key", wallet.key, lambda data: load_pem_private_key(data, None))
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise Invalid(
            "The key of `wallet.key` cannot sign a pass.", advice="Give the RSA key of the pass type's certificate."
        )
    certificate = _read("certificate", wallet.certificate, x509.load_pem_x509_certificate)
    if certificate.public_key() != key.public_key():
        raise Invalid(
            "The key of `wallet.key` is not that of `wallet.certificate`.",
            advice="Give the two that were made together.",
        )
    return PassSigner(certificate, key, _read("issuer", wallet.issuer, x509.load_pem_x509_certificate))


def described(
    strategy: Strategy, wallet: Wallet, serial: str, token: str, language: str, card: Card | None, place: str
) -> dict[str, Any]:
    """The ``pass.json`` of one pass, with the card of now in the field whose change the phone announces."""
    brand = strategy.brand.name
    words = {name: typeset(text, language) for name, text in WORDS[language].items()}
    # Without a card the field has no change message: the end of a card is not announced.
    primary = (
        {"key": "card", "label": place, "value": card.title, "changeMessage": "%@"}
        if card is not None
        else {"key": "card", "value": words["nothing"]}
    )
    back = [{"key": "stop", "label": words["stop"], "value": words["how"]}]
    if card is not None:
        back.insert(0, {"key": "why", "label": words["why"], "value": card.why})
    return {
        "formatVersion": 1,
        "passTypeIdentifier": wallet.pass_type,
        "teamIdentifier": wallet.team,
        "serialNumber": serial,
        "organizationName": brand,
        "description": words["about"].format(brand=brand),
        "logoText": brand,
        "webServiceURL": wallet.url.rstrip("/") + "/wallet",
        "authenticationToken": token,
        "sharingProhibited": True,
        "foregroundColor": "rgb(244, 247, 246)",
        "labelColor": "rgb(94, 234, 212)",
        "backgroundColor": "rgb(4, 47, 42)",
        "locations": locations(strategy.places),
        "storeCard": {
            "primaryFields": [primary],
            "secondaryFields": [{"key": "body", "value": card.body}] if card is not None and card.body else [],
            "backFields": back,
        },
    }


def locations(places: Mapping[str, Place]) -> list[dict[str, Any]]:
    """Where the pass is brought forward: at most ten places, shops first, each at its centre."""
    found = sorted(places.values(), key=lambda place: (place.kind != "shop", place.id))[:LOCATIONS_LIMIT]
    centres = [(place.name, *_centre(place)) for place in found]
    return [{"latitude": north, "longitude": east, "relevantText": name} for name, north, east in centres]


def packed(fields: dict[str, Any], brand: str, signer: PassSigner) -> bytes:
    """The archive: ``pass.json``, the images, the manifest, and the signature over the manifest."""
    files = {"pass.json": msgspec.json.encode(fields)} | {name: icon(brand, px, px) for name, px in IMAGES.items()}
    # The format asks for SHA-1; what protects it is the signature over the manifest.
    manifest = msgspec.json.encode(
        {name: sha1(data, usedforsecurity=False).hexdigest() for name, data in files.items()}
    )
    builder = PKCS7SignatureBuilder().set_data(manifest).add_signer(signer.certificate, signer.key, SHA256())
    builder = builder.add_certificate(signer.issuer)
    signature = builder.sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for name, data in (files | {"manifest.json": manifest, "signature": signature}).items():
            archive.writestr(ZipInfo(name), data, ZIP_DEFLATED)
    return out.getvalue()


def _centre(place: Place) -> tuple[float, float]:
    longitude, latitude = middle(place)
    return latitude, (longitude + 180.0) % 360.0 - 180.0


def _read(name: str, path: str, parse: Any) -> Any:
    try:
        return parse(Path(path).read_bytes())
    except OSError as error:
        raise Invalid(
            f"The file of `wallet.{name}` cannot be read: {error.strerror}.", advice="Give the path of a PEM file."
        ) from None
    except (ValueError, TypeError):
        raise Invalid(
            f"The file of `wallet.{name}` is not what it should be.", advice="Give a PEM file, without a password."
        ) from None
