"""A person's proof of one choice.

The record of it, a signed receipt that holds everything needed to check it, and both in formats that others read.

A receipt holds the notice's words, the record and where rights are exercised, signed as a JWS (Ed25519): whoever has
the public key verifies it without us. Its notice is named by the hash of its words, so the text shown cannot be changed
afterwards.

Reference: ISO/IEC TS 27560:2023, *Consent record information structure*, read through the guide of the DPV group;
Kantara Initiative, *Consent ConsentReceipt Specification 1.1*, 2018.
"""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from msgspec import Struct

from visavis.model.consent import OPENS, SENSITIVE, Consent, NoticeText, Purpose, Status, hash_of
from visavis.model.customer import Customer
from visavis.model.dpv import BASIS_TERMS, CATEGORY_TERMS, LAW, NAMESPACES, SCHEMA, STATUS_TERMS
from visavis.model.errors import Invalid
from visavis.strategy.brand import Controller

ALGORITHM: Final = "Ed25519"
RECEIPT_LIMIT: Final = 1 << 18
MANDATORY: Final = (
    "dct:identifier",
    "dct:conformsTo",
    "dpv:hasDataSubject",
    "dpv:hasJurisdiction",
    "dpv:hasDataController",
    "dpv:hasNotice",
    "dpv:hasProcess",
    "dpv:hasConsentControl",
    "dpv:hasRight",
    "dpv:hasConsentStatus",
)
"""What a record must say, at its top; and inside each process:"""
MANDATORY_OF_PROCESS: Final = (
    "dpv:hasPurpose",
    "dpv:hasLegalBasis",
    "dpv:hasPersonalData",
    "dpv:hasDataSource",
    "dpv:hasProcessing",
    "dpv:hasRecipient",
    "dpv:hasStorageCondition",
)
_DELETION: Final = "P1M"


class Proof(Struct, frozen=True):
    """One choice of one person with the words that they had read: what a record and a receipt are made from."""

    subject: str
    purpose: Purpose
    words: NoticeText
    choice: Consent
    status: Status


class ConsentReceipt(Struct, frozen=True):
    """A receipt that was checked: its document, the words of its notice, and which choice it proves."""

    id: str
    record: str
    status: str
    words: NoticeText
    document: dict[str, Any]


def proof(customer: Customer, subject: str, purpose: Purpose, said: NoticeText, status: Status) -> Proof:
    """The proof of the present choice for this purpose.

    ``said`` are the words *served*, not those of today; ``subject`` the person's pseudonym.

    :class:`Invalid` when there is no choice, or when these are not the words that the choice is bound to.
    """
    choice = customer.consents.get(purpose.key)
    if choice is None or not choice.served:
        raise Invalid("There is no choice that a notice was served for.", advice="A receipt proves a choice.")
    if hash_of(said) != choice.hash:
        raise Invalid(
            "These are not the words that were served before this choice.", advice="Give the notice as it was then."
        )
    if not choice.served_at <= choice.since:
        raise Invalid("The notice came after the choice.", advice="Such a choice proves nothing.")
    return Proof(subject, purpose, said, choice, status)


def record(proof: Proof, controller: Controller) -> dict[str, Any]:
    """The consent record, in JSON-LD with the terms of DPV 2.3 (ISO/IEC TS 27560, as the European law completes it)."""
    choice, purpose, said = proof.choice, proof.purpose, proof.words
    subject = {"@id": f"ex:subjects/{proof.subject}"}
    explicit = not SENSITIVE.isdisjoint(said.categories)
    basis = BASIS_TERMS["explicit" if explicit else "consent"]
    recipients = [
        {"@id": "ex:controller"},
        *[{"@id": f"ex:recipients/{_slug(name)}", "dpv:hasName": name} for name in said.recipients],
    ]
    statuses = [
        {
            "@type": STATUS_TERMS[proof.status],
            "dpv:isIndicatedAtTime": _utc(choice.since),
            "dpv:isIndicatedBy": _actor(choice, subject),
            "dpv:hasIndicationMethod": choice.method or "not told",
            **({"dct:valid": _valid(choice)} if choice.status in OPENS else {}),
        }
    ]
    return {
        "@context": {**NAMESPACES, "ex": f"{controller.id.rstrip('/')}/"},
        "@id": f"ex:consents/{_slug(choice.record)}",
        "@type": "dpv:ConsentRecord",
        "dct:identifier": choice.record,
        "dct:conformsTo": {"@id": f"{SCHEMA}record-eu-gdpr"},
        "dpv:hasDataSubject": subject,
        "dpv:hasJurisdiction": {"@id": controller.jurisdiction},
        "dpv:hasApplicableLaw": {"@id": LAW},
        "dpv:hasDataController": _party(controller),
        "dpv:hasNotice": {
            "@id": f"ex:notices/sha256-{choice.hash}",
            "@type": "dpv:ConsentNotice",
            "dct:identifier": choice.notice,
            "dct:language": said.language,
            "dct:description": said.text,
            "dpv:isIndicatedAtTime": _utc(choice.served_at),
        },
        "dpv:hasProcess": [
            {
                "@type": "dpv:Process",
                "dpv:hasPurpose": [{"@id": iri} for iri in said.iri],
                "dpv:hasLegalBasis": [
                    {"@id": basis},
                    {"@id": "dpv:ExplicitlyExpressedConsent" if explicit else "dpv:ExpressedConsent"},
                ],
                "dpv:hasPersonalData": [{"@id": CATEGORY_TERMS[category]} for category in said.categories],
                "dpv:hasDataSource": {"@id": "dpv:DataSubjectDataSource"},
                "dpv:hasProcessing": [{"@id": "dpv:Use"}, {"@id": "dpv:Infer"}],
                "dpv:hasAutomationLevel": {"@id": "dpv:FullAutomation"},
                "dpv:hasRecipient": recipients,
                "dpv:hasStorageCondition": [
                    {"@type": "dpv:StorageLocation", "dpv:hasLocation": {"@id": controller.jurisdiction}},
                    {"@type": "dpv:StorageDuration", "dpv:hasDuration": f"P{purpose.retention_days}D"},
                    {"@type": "dpv:StorageDeletion", "dpv:hasDuration": _DELETION},
                ],
            }
        ],
        "dpv:hasConsentControl": {
            "@type": "dpv:WithdrawConsent",
            "dpv:isExercisedAt": {"@id": f"{controller.access}#choices"},
        },
        "dpv:hasRight": {
            "@type": ["dpv:DataSubjectRight", "eu-gdpr:A7-3"],
            "dpv:isExercisedAt": {"@id": controller.access},
        },
        "dpv:hasImpactAssessment": {"@id": f"ex:dpia/{_slug(purpose.dpia_id)}", "@type": "dpv:DPIA"},
        "dpv:hasConsentStatus": statuses,
    }


def receipt(proof: Proof, controller: Controller, key: OKPKey, at: datetime) -> str:
    """The signed receipt (a compact JWS).

    The record, the notice's exact words and the places where rights are exercised, all inside.
    """
    found = record(proof, controller)
    context = found.pop("@context")
    document = {
        "@context": context,
        "@id": f"ex:receipts/{_slug(proof.choice.record)}",
        "@type": "dpv:ConsentReceipt",
        "dct:identifier": f"receipt-{proof.choice.record}",
        "dct:conformsTo": {"@id": f"{SCHEMA}receipt-eu-gdpr"},
        "dct:created": _utc(at.timestamp()),
        "dct:publisher": {"@id": "ex:controller"},
        "dpv:hasRecordOfActivity": [found],
    }
    payload = msgspec.json.encode({"receipt": document, "notice": proof.words})
    return jws.serialize_compact(
        {"alg": ALGORITHM, "typ": "consent-receipt+jwt", "kid": key.thumbprint()}, payload, key, algorithms=[ALGORITHM]
    )


def signing_key(secret: bytes) -> OKPKey:
    """The key that signs receipts, from 32 secret bytes (derived from the root key)."""
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(secret))


def public_key(key: OKPKey) -> dict[str, Any]:
    """What anyone needs to verify receipts, as a JWK."""
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "alg": ALGORITHM, "use": "sig"}


def opened(token: str | bytes, public: dict[str, Any]) -> ConsentReceipt:
    """The receipt of this token, checked whole: signature, form, words and order in time.

    :class:`Invalid` says what is wrong; nothing else is raised.
    """
    if len(token) > RECEIPT_LIMIT:
        raise Invalid("This is too long to be a receipt.", advice=f"At most {RECEIPT_LIMIT:,} characters.")
    try:
        payload = jws.deserialize_compact(token, OKPKey.import_key(public), algorithms=[ALGORITHM]).payload
        told = msgspec.json.decode(payload, type=_Payload)
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError):
        raise Invalid(
            "This is not a receipt signed by this key.", advice="Check the key, and that the text is whole."
        ) from None
    found = read(told.receipt)
    words_hash = hash_of(told.notice)
    if words_hash != found["hash"] or told.notice.text != found["text"]:
        raise Invalid("The words inside are not those that the record names.", advice="Do not trust this receipt.")
    return ConsentReceipt(found["id"], found["record"], found["status"], told.notice, told.receipt)


class _Payload(Struct, forbid_unknown_fields=True):
    receipt: dict[str, Any]
    notice: NoticeText


def read(document: object) -> dict[str, str]:
    """The few things that a receipt in JSON-LD says, when it is whole.

    Else :class:`Invalid` with the first thing that is missing or wrong.
    """
    receipt = _table(document, "the receipt")
    _typed(receipt, "dpv:ConsentReceipt")
    for key in ("dct:identifier", "dct:conformsTo", "dct:created", "dct:publisher", "dpv:hasRecordOfActivity"):
        _there(receipt, key)
    found = _table(_first(receipt["dpv:hasRecordOfActivity"]), "dpv:hasRecordOfActivity")
    _typed(found, "dpv:ConsentRecord")
    for key in MANDATORY:
        _there(found, key)
    processes = found["dpv:hasProcess"]
    for process in processes if isinstance(processes, list) else [processes]:
        for key in MANDATORY_OF_PROCESS:
            _there(_table(process, "dpv:hasProcess"), key)
    notice = _table(_first(found["dpv:hasNotice"]), "dpv:hasNotice")
    status = _table(_first(found["dpv:hasConsentStatus"]), "dpv:hasConsentStatus")
    served, chosen = _instant(notice, "dpv:isIndicatedAtTime"), _instant(status, "dpv:isIndicatedAtTime")
    if not served <= chosen:
        raise Invalid("The notice came after the choice.", advice="Such a choice proves nothing.")
    kind = str(status.get("@type"))
    if kind not in STATUS_TERMS.values():
        raise Invalid("Its status is none of the ten.", advice=f"Known: {', '.join(STATUS_TERMS.values())}.")
    return {
        "id": str(receipt["dct:identifier"]),
        "record": str(found["dct:identifier"]),
        "status": kind,
        "text": str(notice.get("dct:description", "")),
        "hash": str(notice.get("@id", "")).rpartition("sha256-")[2],
    }


def kantara(proof: Proof, controller: Controller) -> dict[str, Any]:
    """The same choice as a consent receipt of Kantara 1.1, which older tools read."""
    choice, purpose, said = proof.choice, proof.purpose, proof.words
    sensitive = sorted(SENSITIVE.intersection(said.categories))
    third = (
        {"thirdPartyDisclosure": True, "thirdPartyName": ", ".join(said.recipients)}
        if said.recipients
        else {"thirdPartyDisclosure": False}
    )
    return {
        "version": "KI-CR-v1.1.0",
        "jurisdiction": controller.country,
        "consentTimestamp": max(0, int(choice.since)),
        "collectionMethod": choice.method or "not told",
        "consentReceiptID": choice.record,
        "language": said.language,
        "piiPrincipalId": proof.subject,
        "piiControllers": [
            {
                "piiController": controller.name,
                "onBehalf": False,
                "contact": controller.contact,
                "address": {"streetAddress": controller.address, "addressCountry": controller.country},
                "email": controller.email,
                "phone": controller.phone,
                "piiControllerUrl": controller.id,
            }
        ],
        "policyUrl": controller.policy,
        "services": [
            {
                "service": controller.name,
                "purposes": [
                    {
                        "purpose": said.text,
                        "purposeCategory": list(said.iri),
                        "consentType": "EXPLICIT",
                        "piiCategory": list(said.categories),
                        "primaryPurpose": False,
                        "termination": (
                            f"{_valid(choice)}, withdrawn at {controller.access}; kept P{purpose.retention_days}D"
                        ),
                        **third,
                    }
                ],
            }
        ],
        "sensitive": bool(sensitive),
        "spiCat": sensitive,
    }


def _party(controller: Controller) -> dict[str, Any]:
    return {
        "@id": "ex:controller",
        "dpv:hasName": controller.name,
        "dpv:hasAddress": controller.address,
        "dpv:hasContact": controller.contact,
    }


def _actor(choice: Consent, subject: dict[str, str]) -> dict[str, str] | list[dict[str, str]]:
    guardian = {"@id": f"{subject['@id']}/guardian"}
    if choice.status in ("revoked", "invalidated"):
        return {"@id": "ex:controller"}
    return (
        [subject, guardian]
        if {"person", "guardian"} <= set(choice.by)
        else guardian
        if "guardian" in choice.by
        else subject
    )


def _valid(choice: Consent) -> str:
    return f"{_utc(choice.since)}/{_utc(choice.until)}"


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _slug(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name) or "none"


def _table(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(f"{name} is not an object.", advice="A receipt holds its record inside, not a pointer to it.")
    return value


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value


def _typed(table: dict[str, Any], kind: str) -> None:
    types = table.get("@type")
    if types != kind and not (isinstance(types, list) and kind in types):
        raise Invalid(f"This is not a {kind}.", advice="Its @type says what it is.")


def _there(table: dict[str, Any], key: str) -> None:
    if table.get(key) in (None, "", [], {}):
        raise Invalid(f"{key} is missing.", advice="It is mandatory in ISO/IEC TS 27560.")


def _instant(table: dict[str, Any], key: str) -> datetime:
    _there(table, key)
    try:
        found = datetime.fromisoformat(str(table[key]))
    except ValueError:
        raise Invalid(f"{key} is not an instant.", advice="Write it as 2026-11-24T09:59:00Z.") from None
    if found.tzinfo is None:
        raise Invalid(f"{key} has no time zone.", advice="Write it as 2026-11-24T09:59:00Z.")
    return found
