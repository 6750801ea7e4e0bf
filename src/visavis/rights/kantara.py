"""Consent receipts for older tools: Kantara Initiative, *Consent Receipt Specification 1.1*, 2018."""

from typing import Any

from visavis.model.consent import SENSITIVE
from visavis.rights.receipts import Proof, validity
from visavis.strategy.brand import Controller


def kantara(proof: Proof, controller: Controller) -> dict[str, Any]:
    """The receipt of this choice."""
    choice, purpose, words = proof.choice, proof.purpose, proof.words
    sensitive = sorted(SENSITIVE.intersection(words.categories))
    third_party: dict[str, Any] = {"thirdPartyDisclosure": bool(words.recipients)}
    if words.recipients:
        third_party["thirdPartyName"] = ", ".join(words.recipients)
    return {
        "version": "KI-CR-v1.1.0",
        "jurisdiction": controller.country,
        "consentTimestamp": max(0, int(choice.since)),
        "collectionMethod": proof.method,
        "consentReceiptID": choice.record,
        "language": words.language,
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
                        "purpose": words.text,
                        "purposeCategory": list(words.iri),
                        "consentType": "EXPLICIT",
                        "piiCategory": list(words.categories),
                        "primaryPurpose": False,
                        "termination": (
                            f"{validity(choice)}, withdrawn at {controller.access}; kept P{purpose.retention_days}D"
                        ),
                        **third_party,
                    }
                ],
            }
        ],
        "sensitive": bool(sensitive),
        "spiCat": sensitive,
    }
