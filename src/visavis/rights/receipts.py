"""A person's proof of one choice: its consent record, which names the words shown, and a signed receipt (JWS).

Reference: ISO/IEC TS 27560:2023, *Consent record information structure*, read through the guide of the DPV group.
"""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from msgspec import Struct

from visavis.consent.confirmation import OWN
from visavis.model.consent import OPENS, SENSITIVE, Consent, NoticeText, Purpose, Status, hash_of
from visavis.model.customer import Customer
from visavis.model.dpv import BASIS_TERMS, CATEGORY_TERMS, LAW, NAMESPACES, SCHEMA, STATUS_TERMS
from visavis.model.entry import Entry
from visavis.model.errors import Invalid
from visavis.model.moment import Consented
from visavis.strategy.brand import Controller

ALGORITHM: Final = "Ed25519"
RECEIPT_LIMIT: Final = 1 << 18
_MANDATORY: Final = (
    "dct:identifier dct:conformsTo dpv:hasDataSubject dpv:hasJurisdiction dpv:hasDataController dpv:hasNotice"
    " dpv:hasProcess dpv:hasConsentControl dpv:hasRight dpv:hasConsentStatus"
)
_MANDATORY_OF_PROCESS: Final = (
    "dpv:hasPurpose dpv:hasLegalBasis dpv:hasPersonalData dpv:hasDataSource dpv:hasProcessing dpv:hasRecipient"
    " dpv:hasStorageCondition"
)
MANDATORY: Final = tuple(_MANDATORY.split())
MANDATORY_OF_PROCESS: Final = tuple(_MANDATORY_OF_PROCESS.split())
_DELETION: Final = "P1M"


class Proof(Struct, frozen=True):
    """One choice of one person, with the words that they had read."""

    subject: str
    purpose: Purpose
    words: NoticeText
    choice: Consent
    status: Status
    recorded: Entry | None = None

    @property
    def by_other(self) -> bool:
        """Whether somebody else recorded the choice for the person."""
        return self.recorded is not None and self.recorded.origin.role not in OWN

    @property
    def method(self) -> str:
        """How the choice was made; of one that somebody else recorded also the document that says so, and when."""
        moment = self.recorded.moment if self.recorded is not None else None
        told = self.choice.method or "not told"
        if not self.by_other or not isinstance(moment, Consented):
            return told
        if moment.proof is None:
            return f"{told}, recorded without a document"
        return f"{told}, recorded from {moment.proof.document} of {_utc(moment.proof.at.timestamp())}"


class ConsentReceipt(Struct, frozen=True):
    """A verified receipt: its document, the words of its notice, and which choice it proves."""

    id: str
    record: str
    status: str
    words: NoticeText
    document: dict[str, Any]


def proof(
    customer: Customer, subject: str, purpose: Purpose, words: NoticeText, status: Status, recorded: Entry | None = None
) -> Proof:
    """The proof of the present choice, by these served words; :class:`Invalid` if there is none, or other words.

    ``recorded`` is its entry, which says who recorded it.
    """
    choice = customer.consents.get(purpose.key)
    if choice is None or not choice.served:
        raise Invalid("There is no choice that a notice was served for.", advice="A receipt proves a choice.")
    if hash_of(words) != choice.hash:
        advice = "Give the notice as it was then."
        raise Invalid("These are not the words that were served before this choice.", advice=advice)
    if not choice.served_at <= choice.since:
        raise Invalid("The notice came after the choice.", advice="Such a choice proves nothing.")
    return Proof(subject, purpose, words, choice, status, recorded)


def record(proof: Proof, controller: Controller) -> dict[str, Any]:
    """The consent record, in JSON-LD with the terms of DPV 2.3 (ISO/IEC TS 27560, as the European law completes it)."""
    choice, purpose, words = proof.choice, proof.purpose, proof.words
    subject = {"@id": f"ex:subjects/{proof.subject}"}
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
            "dct:language": words.language,
            "dct:description": words.text,
            "dpv:isIndicatedAtTime": _utc(choice.served_at),
        },
        "dpv:hasProcess": [_process(purpose, words, controller)],
        "dpv:hasConsentControl": {
            "@type": "dpv:WithdrawConsent",
            "dpv:isExercisedAt": {"@id": f"{controller.access}#choices"},
        },
        "dpv:hasRight": {
            "@type": ["dpv:DataSubjectRight", "eu-gdpr:A7-3"],
            "dpv:isExercisedAt": {"@id": controller.access},
        },
        "dpv:hasImpactAssessment": {"@id": f"ex:dpia/{_slug(purpose.dpia_id)}", "@type": "dpv:DPIA"},
        "dpv:hasConsentStatus": [
            {
                "@type": STATUS_TERMS[proof.status],
                "dpv:isIndicatedAtTime": _utc(choice.since),
                "dpv:isIndicatedBy": _actor(proof, subject),
                "dpv:hasIndicationMethod": proof.method,
                **({"dct:valid": validity(choice)} if choice.status in OPENS else {}),
            }
        ],
    }


def _process(purpose: Purpose, words: NoticeText, controller: Controller) -> dict[str, Any]:
    explicit = not SENSITIVE.isdisjoint(words.categories)
    return {
        "@type": "dpv:Process",
        "dpv:hasPurpose": [{"@id": iri} for iri in words.iri],
        "dpv:hasLegalBasis": [
            {"@id": BASIS_TERMS["explicit" if explicit else "consent"]},
            {"@id": "dpv:ExplicitlyExpressedConsent" if explicit else "dpv:ExpressedConsent"},
        ],
        "dpv:hasPersonalData": [{"@id": CATEGORY_TERMS[category]} for category in words.categories],
        "dpv:hasDataSource": {"@id": "dpv:DataSubjectDataSource"},
        "dpv:hasProcessing": [{"@id": "dpv:Use"}, {"@id": "dpv:Infer"}],
        "dpv:hasAutomationLevel": {"@id": "dpv:FullAutomation"},
        "dpv:hasRecipient": [
            {"@id": "ex:controller"},
            *[{"@id": f"ex:recipients/{_slug(name)}", "dpv:hasName": name} for name in words.recipients],
        ],
        "dpv:hasStorageCondition": [
            {"@type": "dpv:StorageLocation", "dpv:hasLocation": {"@id": controller.jurisdiction}},
            {"@type": "dpv:StorageDuration", "dpv:hasDuration": f"P{purpose.retention_days}D"},
            {"@type": "dpv:StorageDeletion", "dpv:hasDuration": _DELETION},
        ],
    }


def receipt(proof: Proof, controller: Controller, key: OKPKey, at: datetime) -> str:
    """The signed receipt (a compact JWS): the record, the notice's exact words and where rights are exercised."""
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
    header = {"alg": ALGORITHM, "typ": "consent-receipt+jwt", "kid": key.thumbprint()}
    return jws.serialize_compact(header, payload, key, algorithms=[ALGORITHM])


def signing_key(secret: bytes) -> OKPKey:
    """The key that signs receipts, from 32 secret bytes."""
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(secret))


def public_key(key: OKPKey) -> dict[str, Any]:
    """The public key that verifies receipts, as a JWK."""
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "alg": ALGORITHM, "use": "sig"}


def verify_receipt(token: str | bytes, public: dict[str, Any]) -> ConsentReceipt:
    """The receipt of this token: signature, form, words and order in time are verified; else :class:`Invalid`."""
    if len(token) > RECEIPT_LIMIT:
        raise Invalid("This is too long to be a receipt.", advice=f"At most {RECEIPT_LIMIT:,} characters.")
    try:
        payload = jws.deserialize_compact(token, OKPKey.import_key(public), algorithms=[ALGORITHM]).payload
        content = msgspec.json.decode(payload, type=_Payload)
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError):
        advice = "Check the key, and that the text is whole."
        raise Invalid("This is not a receipt signed by this key.", advice=advice) from None
    found = read(content.receipt)
    words_hash = hash_of(content.notice)
    if words_hash != found["hash"] or content.notice.text != found["text"]:
        raise Invalid("The words inside are not those that the record names.", advice="Do not trust this receipt.")
    return ConsentReceipt(found["id"], found["record"], found["status"], content.notice, content.receipt)


class _Payload(Struct, forbid_unknown_fields=True):
    receipt: dict[str, Any]
    notice: NoticeText


def read(document: object) -> dict[str, str]:
    """The fields of a receipt in JSON-LD; :class:`Invalid` with the first thing that is missing or wrong."""
    receipt = _object(document, "the receipt")
    _require_type(receipt, "dpv:ConsentReceipt")
    for key in ("dct:identifier", "dct:conformsTo", "dct:created", "dct:publisher", "dpv:hasRecordOfActivity"):
        _require(receipt, key)
    found = _object(_first(receipt["dpv:hasRecordOfActivity"]), "dpv:hasRecordOfActivity")
    _require_type(found, "dpv:ConsentRecord")
    for key in MANDATORY:
        _require(found, key)
    processes = found["dpv:hasProcess"]
    for process in processes if isinstance(processes, list) else [processes]:
        for key in MANDATORY_OF_PROCESS:
            _require(_object(process, "dpv:hasProcess"), key)
    notice = _object(_first(found["dpv:hasNotice"]), "dpv:hasNotice")
    status = _object(_first(found["dpv:hasConsentStatus"]), "dpv:hasConsentStatus")
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


def _party(controller: Controller) -> dict[str, Any]:
    return {
        "@id": "ex:controller",
        "dpv:hasName": controller.name,
        "dpv:hasAddress": controller.address,
        "dpv:hasContact": controller.contact,
    }


def _actor(proof: Proof, subject: dict[str, str]) -> dict[str, str] | list[dict[str, str]]:
    choice = proof.choice
    guardian = {"@id": f"{subject['@id']}/guardian"}
    if proof.by_other or choice.status in ("revoked", "invalidated"):
        return {"@id": "ex:controller"}
    if "guardian" not in choice.by:
        return subject
    return [subject, guardian] if "person" in choice.by else guardian


def validity(choice: Consent) -> str:
    """From when until when this choice holds, as an ISO 8601 interval."""
    return f"{_utc(choice.since)}/{_utc(choice.until)}"


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _slug(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name) or "none"


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(f"{name} is not an object.", advice="A receipt holds its record inside, not a pointer to it.")
    return value


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value


def _require_type(table: dict[str, Any], kind: str) -> None:
    types = table.get("@type")
    if types != kind and not (isinstance(types, list) and kind in types):
        raise Invalid(f"This is not a {kind}.", advice="Its @type says what it is.")


def _require(table: dict[str, Any], key: str) -> None:
    if table.get(key) in (None, "", [], {}):
        raise Invalid(f"{key} is missing.", advice="It is mandatory in ISO/IEC TS 27560.")


def _instant(table: dict[str, Any], key: str) -> datetime:
    _require(table, key)
    try:
        found = datetime.fromisoformat(str(table[key]))
    except ValueError:
        raise Invalid(f"{key} is not an instant.", advice="Write it as 2026-11-24T09:59:00Z.") from None
    if found.tzinfo is None:
        raise Invalid(f"{key} has no time zone.", advice="Write it as 2026-11-24T09:59:00Z.")
    return found
