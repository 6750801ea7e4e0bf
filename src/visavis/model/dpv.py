"""The terms of the Data Privacy Vocabulary that purposes and exports may use, frozen; an unknown term is refused."""
# Reference: W3C Data Privacy Vocabularies and Controls Community Group, *Data Privacy Vocabulary (DPV) 2.3*, a
# Community Group report. A list, because parsing the vocabulary's own files takes many seconds.

from typing import Final

NAMESPACES: Final[dict[str, str]] = {
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "loc": "https://w3id.org/dpv/loc#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "dct": "http://purl.org/dc/terms/",
}
LAW: Final = "https://w3id.org/dpv/legal/eu#law-GDPR"
SCHEMA: Final = "https://w3id.org/dpv/schema/dpv-27560#"

_PURPOSES: Final = """
dpv:AccountManagement dpv:RequestedServiceProvision dpv:CustomerCare dpv:CommunicationForCustomerCare
dpv:FraudPreventionAndDetection dpv:EnforceSecurity dpv:LegalCompliance dpv:RightsFulfilment
dpv:ProvideProductRecommendations dpv:PersonalisedBenefits dpv:UserInterfacePersonalisation dpv:DirectMarketing
dpv:ProvidePersonalisedRecommendations dpv:ServiceUsageAnalytics dpv:ImproveExistingProductsAndServices
dpv:ResearchAndDevelopment dpv:PersonalisedAdvertising dpv:TargetedAdvertising dpv:IdentityAuthentication
"""
PURPOSES: Final = frozenset(_PURPOSES.split())
_MARKETING: Final = """
dpv:ProvideProductRecommendations dpv:ProvidePersonalisedRecommendations dpv:PersonalisedBenefits dpv:DirectMarketing
dpv:PersonalisedAdvertising dpv:TargetedAdvertising
"""
MARKETING: Final = frozenset(_MARKETING.split())
"""What an objection to direct marketing closes (GDPR art. 21(2)), the profiling that serves it included."""
SHARING: Final = frozenset({"dpv:PersonalisedAdvertising", "dpv:TargetedAdvertising"})
"""What Global Privacy Control refuses: data that go to others for their advertising."""

CATEGORY_TERMS: Final[dict[str, str]] = {
    "places": "pd:CurrentLocation",
    "sight": "pd:Interest",
    "purchases": "pd:Purchase",
    "home": "pd:ServiceConsumptionBehaviour",
    "numbers": "pd:PhysicalHealth",
    "preferences": "pd:Preference",
    "orders": "pd:Purchase",
}
"""What each of our categories of data is called there."""

BASIS_TERMS: Final[dict[str, str]] = {
    "consent": "eu-gdpr:A6-1-a",
    "explicit": "eu-gdpr:A9-2-a",
    "contract": "eu-gdpr:A6-1-b",
    "legal": "eu-gdpr:A6-1-c",
    "legitimate": "eu-gdpr:A6-1-f-controller",
}

STATUS_TERMS: Final[dict[str, str]] = {
    "given": "dpv:ConsentGiven",
    "renewed": "dpv:RenewedConsentGiven",
    "unknown": "dpv:ConsentUnknown",
    "requested": "dpv:ConsentRequested",
    "deferred": "dpv:ConsentRequestDeferred",
    "refused": "dpv:ConsentRefused",
    "expired": "dpv:ConsentExpired",
    "invalidated": "dpv:ConsentInvalidated",
    "revoked": "dpv:ConsentRevoked",
    "withdrawn": "dpv:ConsentWithdrawn",
}
"""The ten statuses; only the first two open the gate."""

_RECORD_TERMS: Final = """
dpv:ConsentRecord dpv:ConsentReceipt dpv:ConsentNotice dpv:Process dpv:ExpressedConsent dpv:ExplicitlyExpressedConsent
dpv:Use dpv:Infer dpv:DataSubjectDataSource dpv:FullAutomation dpv:AssistiveAutomation dpv:StorageLocation
dpv:StorageDuration dpv:StorageDeletion dpv:WithdrawConsent dpv:ProvideConsent dpv:DataSubjectRight dpv:DPIA
dpv:hasDataSubject dpv:hasJurisdiction dpv:hasApplicableLaw dpv:hasDataController dpv:hasName dpv:hasAddress
dpv:hasContact dpv:hasNotice dpv:hasProcess dpv:hasPurpose dpv:hasLegalBasis dpv:hasPersonalData dpv:hasDataSource
dpv:hasProcessing dpv:hasAutomationLevel dpv:hasRecipient dpv:hasStorageCondition dpv:hasLocation dpv:hasDuration
dpv:hasConsentControl dpv:isExercisedAt dpv:hasRight dpv:hasImpactAssessment dpv:hasConsentStatus
dpv:isIndicatedAtTime dpv:isIndicatedBy dpv:hasIndicationMethod dpv:hasRecordOfActivity eu-gdpr:A7-3 loc:FR
dct:identifier dct:conformsTo dct:language dct:valid dct:created dct:publisher dct:description
"""
TERMS: Final = PURPOSES.union(
    CATEGORY_TERMS.values(), BASIS_TERMS.values(), STATUS_TERMS.values(), _RECORD_TERMS.split()
)
"""Every term that an export of ours may contain."""


def iri(term: str) -> str:
    """The whole IRI of a term.

    >>> iri("eu-gdpr:A6-1-a")
    'https://w3id.org/dpv/legal/eu/gdpr#A6-1-a'
    """
    prefix, _, name = term.partition(":")
    return NAMESPACES[prefix] + name


IRIS: Final = frozenset({iri(term) for term in TERMS}) | {LAW, f"{SCHEMA}record-eu-gdpr", f"{SCHEMA}receipt-eu-gdpr"}
