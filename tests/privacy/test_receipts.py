"""P18, the formats: a receipt is whole, signed, checked without us, in known vocabulary; broken ones are refused."""

import asyncio
import base64
import json
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import product
from random import Random
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from msgspec.structs import replace
from rdflib import RDF, Graph, URIRef

from support.people import NOON, STRATEGY, a_loop, camille, grocery
from support.sabotage import mutate
from visavis.config import Settings
from visavis.consent.choices import status
from visavis.model.consent import Actor, Purpose, Status, notice_text
from visavis.model.dpv import CATEGORY_TERMS, IRIS, NAMESPACES, PURPOSES, STATUS_TERMS, TERMS, iri
from visavis.model.entry import Entry, WorldEntry
from visavis.model.errors import Invalid
from visavis.model.moment import Withdrew
from visavis.rights import receipts
from visavis.rights.kantara import kantara
from visavis.rights.receipts import (
    MANDATORY,
    MANDATORY_OF_PROCESS,
    Proof,
    proof,
    public_key,
    read,
    receipt,
    record,
    signing_key,
    verify_receipt,
)
from visavis.runtime.clock import TurnedClock
from visavis.strategy.brand import Controller
from visavis.wiring import build

CONTROLLER = Controller(
    "https://brand.example",
    "Le Marché du Coin",
    "1 rue Haute, 35000 Rennes",
    "Protection des données",
    "dpo@brand.example",
    "+33 2 00 00 00 00",
    "https://brand.example/privacy",
    "https://brand.example/me",
)
KEY = signing_key(b"k" * 32)
PUBLIC = public_key(KEY)
KANTARA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "additionalProperties": False,
    "required": [
        "version",
        "jurisdiction",
        "consentTimestamp",
        "collectionMethod",
        "consentReceiptID",
        "piiPrincipalId",
        "piiControllers",
        "policyUrl",
        "services",
        "sensitive",
        "spiCat",
    ],
    "properties": {
        "version": {"type": "string", "minLength": 1},
        "jurisdiction": {"type": "string", "minLength": 1},
        "consentTimestamp": {"type": "integer", "minimum": 0},
        "collectionMethod": {"type": "string", "minLength": 1},
        "consentReceiptID": {"type": "string", "minLength": 1},
        "publicKey": {"type": "string"},
        "language": {"type": "string"},
        "piiPrincipalId": {"type": "string", "minLength": 1},
        "policyUrl": {"type": "string"},
        "sensitive": {"type": "boolean"},
        "spiCat": {"type": "array", "items": {"type": "string"}},
        "piiControllers": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["piiController", "contact", "address", "email", "phone"],
                "additionalProperties": False,
                "properties": {
                    "piiController": {"type": "string", "minLength": 1},
                    "onBehalf": {"type": "boolean"},
                    "contact": {"type": "string"},
                    "address": {"type": "object"},
                    "email": {"type": "string"},
                    "phone": {"type": "string"},
                    "piiControllerUrl": {"type": "string"},
                },
            },
        },
        "services": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["service", "purposes"],
                "additionalProperties": False,
                "properties": {
                    "service": {"type": "string"},
                    "purposes": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": [
                                "purpose",
                                "consentType",
                                "purposeCategory",
                                "piiCategory",
                                "termination",
                                "thirdPartyDisclosure",
                            ],
                            "properties": {
                                "purpose": {"type": "string", "minLength": 1},
                                "consentType": {"type": "string"},
                                "primaryPurpose": {"type": "boolean"},
                                "purposeCategory": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                                "piiCategory": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                                "termination": {"type": "string"},
                                "thirdPartyDisclosure": {"type": "boolean"},
                                "thirdPartyName": {"type": "string"},
                            },
                            "anyOf": [
                                {"properties": {"thirdPartyDisclosure": {"enum": [False]}}},
                                {"required": ["thirdPartyName"]},
                            ],
                        },
                    },
                },
            },
        },
    },
}
"""What Kantara 1.1 asks for, and what we close: unknown members, no purpose text, no controller, no service."""


def a_proof(dice: Random) -> Proof:
    """A consent of any state: of any purpose, shared with some or none, given, renewed, refused, withdrawn, expired."""
    loop = a_loop()
    key = dice.choice([key for key, purpose in STRATEGY.purposes.items() if purpose.basis == "consent"])
    purpose: Purpose = replace(
        STRATEGY.purposes[key],
        recipients=tuple(dice.sample(["Acme & fils", "Bänk", "Carrier"], dice.randint(0, 2))),
        iri=tuple(dice.sample(sorted(PURPOSES), dice.randint(1, 3))),
    )
    loop.strategy = replace(STRATEGY, purposes=STRATEGY.purposes | {key: purpose})
    camille(loop, key)
    if dice.random() < 0.4:
        loop.process(
            [
                Withdrew(
                    id="w",
                    customer="camille",
                    occurred_at=NOON,
                    purpose=key,
                    how=dice.choice(["withdrawn", "revoked", "invalidated"]),
                )
            ]
        )
    customer = loop.customer("camille")
    now = (NOON + timedelta(days=dice.choice([1, 4000]))).timestamp()
    return proof(
        customer, f"p_{dice.randrange(16**6):06x}", purpose, notice_text(purpose, "fr"), status(customer, purpose, now)
    )


def triples(document: dict[str, Any]) -> Graph:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # rdflib's own, of itself
        return Graph().parse(data=json.dumps(document), format="json-ld")


def check(count: int) -> int:
    """Receipts of random consents: mandatory fields, known IRIs, good signature, Kantara's form."""
    validator = jsonschema.Draft4Validator(KANTARA)
    total = 0
    for seed in range(count):
        found = a_proof(Random(seed))
        made = record(found, CONTROLLER)
        assert not [key for key in MANDATORY if not made.get(key)], "a mandatory field is missing"
        assert not [key for process in made["dpv:hasProcess"] for key in MANDATORY_OF_PROCESS if not process.get(key)]
        token = receipt(found, CONTROLLER, KEY, NOON)
        checked = verify_receipt(token, PUBLIC)
        assert checked.words == found.words, "the words that were read are inside"
        assert checked.status == STATUS_TERMS[found.status]
        inside = checked.document["dpv:hasRecordOfActivity"][0]
        assert inside["dpv:hasRight"]["dpv:isExercisedAt"]["@id"] == CONTROLLER.access, (
            "where rights are exercised is inside"
        )
        for document in (made, checked.document):
            graph = triples(document)
            iris = {str(term) for triple in graph for term in triple if isinstance(term, URIRef)}
            assert not {
                one for one in iris - {str(RDF.type)} if one not in IRIS and not one.startswith(CONTROLLER.id)
            }, "an IRI that is not in the vocabulary"
            assert len(graph) > 40
            total += len(graph)
        errors = [error.message for error in validator.iter_errors(kantara(found, CONTROLLER))]
        assert not errors, errors
    return total


def test_receipts_are_whole_signed_and_in_the_words_of_the_vocabulary() -> None:
    assert check(25) > 2000


def test_two_hundred_consents_keep_the_form_of_kantara() -> None:
    validator = jsonschema.Draft4Validator(KANTARA)
    base = a_proof(Random(1))
    dice = Random(2)
    for _ in range(200):
        choice = replace(
            base.choice,
            since=dice.uniform(0, 4e9),
            until=dice.uniform(0, 4e9),
            method=dice.choice(["", "switch"]),
            record=str(dice.random()),
        )
        shared = tuple(dice.sample(["Acme", "Bank"], dice.randint(0, 2)))
        categories = tuple(dice.sample(["places", "numbers", "orders"], dice.randint(1, 3)))
        found = Proof(
            base.subject,
            base.purpose,
            replace(base.words, recipients=shared, categories=categories),
            choice,
            base.status,
        )
        assert not list(validator.iter_errors(kantara(found, CONTROLLER)))
    breaks: list[dict[str, Any]] = [{"piiControllers": []}, {"services": []}, {"more": 1}, {"consentTimestamp": -1}]
    for broken in breaks:
        assert list(validator.iter_errors(kantara(base, CONTROLLER) | broken))


@pytest.mark.parametrize("key", MANDATORY)
def test_an_export_without_a_mandatory_field_is_caught(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = receipts.record
    monkeypatch.setattr(
        receipts, "record", lambda *given: {name: value for name, value in honest(*given).items() if name != key}
    )
    monkeypatch.setitem(globals(), "record", receipts.record)
    with pytest.raises((AssertionError, Invalid)):
        check(1)


def test_a_word_that_is_not_in_the_vocabulary_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATEGORY_TERMS, "purchases", "pd:Email")
    with pytest.raises(AssertionError, match="not in the vocabulary"):
        check(8)


def test_the_list_is_of_whole_terms() -> None:
    assert len(TERMS) == len({iri(term) for term in TERMS})
    assert all(iri(term).startswith(tuple(NAMESPACES.values())) for term in TERMS)


def test_a_receipt_proves_only_the_words_that_were_served() -> None:
    found = a_proof(Random(3))
    loop = a_loop()
    camille(loop, "home")
    with pytest.raises(Invalid, match="not the words"):
        proof(
            loop.customer("camille"),
            "p",
            STRATEGY.purposes["home"],
            notice_text(STRATEGY.purposes["home"], "en"),
            "given",
        )
    with pytest.raises(Invalid, match="no choice"):
        proof(
            loop.customer("camille"),
            "p",
            STRATEGY.purposes["look"],
            notice_text(STRATEGY.purposes["look"], "fr"),
            "given",
        )
    assert found.choice.served_at <= found.choice.since


def check_who_and_how() -> None:
    """A record says who chose, and by which gesture; a choice that the brand made for them is the brand's."""
    found = a_proof(Random(3))
    me = f"ex:subjects/{found.subject}"
    said: list[tuple[Status, tuple[Actor, ...], set[str]]] = [
        ("given", ("person",), {me}),
        ("given", ("guardian",), {f"{me}/guardian"}),
        ("renewed", ("guardian", "person"), {me, f"{me}/guardian"}),
        ("withdrawn", (), {me}),
        ("revoked", (), {"ex:controller"}),
        ("invalidated", ("person",), {"ex:controller"}),
    ]
    for (state, by, who), (method, how) in product(
        said, (("voice", "voice"), ("told to the brand", "told to the brand"), ("", "not told"))
    ):
        told = replace(found, choice=replace(found.choice, status=state, by=by, method=method))
        (one,) = record(told, CONTROLLER)["dpv:hasConsentStatus"]
        actors = one["dpv:isIndicatedBy"]
        assert {actor["@id"] for actor in (actors if isinstance(actors, list) else [actors])} == who, "not who chose"
        assert one["dpv:hasIndicationMethod"] == kantara(told, CONTROLLER)["collectionMethod"] == how, (
            "not how it was chosen"
        )


def test_a_record_says_who_chose_and_how() -> None:
    check_who_and_how()


def check_order_in_time() -> None:
    """A choice before its notice gives no proof."""
    loop = a_loop()
    camille(loop, "home")
    customer = loop.customer("camille")
    early = replace(customer.consents["home"], since=customer.consents["home"].served_at - 1)
    try:
        proof(
            replace(customer, consents={"home": early}),
            "p",
            STRATEGY.purposes["home"],
            notice_text(STRATEGY.purposes["home"], "fr"),
            "given",
        )
    except Invalid:
        return
    raise AssertionError("a proof of a choice before its notice")


def test_a_choice_before_its_notice_gives_no_proof() -> None:
    check_order_in_time()


def check_words_inside() -> None:
    """Signed by us or not, a receipt whose words are not those that its record names is refused."""
    token = receipt(a_proof(Random(3)), CONTROLLER, KEY, NOON)
    payload = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    notice, (inside,) = payload["notice"], payload["receipt"]["dpv:hasRecordOfActivity"]
    forgeries: list[tuple[dict[str, Any], str, str]] = [
        (notice, "text", "Anything you like."),
        (notice, "categories", "numbers"),
        (inside["dpv:hasNotice"], "dct:description", "Anything you like."),
    ]
    for where, key, other in forgeries:
        honest, where[key] = where[key], [other] if isinstance(where[key], list) else other
        forged = jws.serialize_compact(
            {"alg": receipts.ALGORITHM}, json.dumps(payload), KEY, algorithms=[receipts.ALGORITHM]
        )
        try:
            verify_receipt(forged, PUBLIC)
        except Invalid as error:
            assert "words inside" in str(error)
        else:
            raise AssertionError("other words are believed")
        where[key] = honest


def test_a_receipt_with_other_words_inside_is_refused() -> None:
    check_words_inside()


@pytest.mark.parametrize(
    ("check", "old", "new", "told"),
    [
        (
            check_who_and_how,
            '[subject, guardian] if "person" in choice.by',
            'subject if "person" in choice.by',
            "who chose",
        ),
        (
            check_who_and_how,
            'if proof.by_other or choice.status in ("revoked", "invalidated"):',
            "if False:",
            "who chose",
        ),
        (
            check_who_and_how,
            '"dpv:hasIndicationMethod": proof.method',
            '"dpv:hasIndicationMethod": "switch"',
            "how it was chosen",
        ),
        (check_order_in_time, "if not choice.served_at", "if False and not choice.served_at", "before its notice"),
        (
            check_words_inside,
            'if words_hash != found["hash"] or content.notice.text != found["text"]:',
            "if False:",
            "are believed",
        ),
        (check_words_inside, ' or content.notice.text != found["text"]:', ":", "are believed"),
    ],
)
def test_a_paper_that_proves_something_else_is_caught(
    monkeypatch: pytest.MonkeyPatch, check: Callable[[], None], old: str, new: str, told: str
) -> None:
    mutate(monkeypatch, receipts, old, new)
    with pytest.raises(AssertionError, match=told):
        check()


def test_a_record_first_and_its_notice_later_is_refused() -> None:
    document = verify_receipt(receipt(a_proof(Random(3)), CONTROLLER, KEY, NOON), PUBLIC).document
    document["dpv:hasRecordOfActivity"][0]["dpv:hasNotice"]["dpv:isIndicatedAtTime"] = "2099-01-01T00:00:00Z"

    with pytest.raises(Invalid, match="after the choice"):
        read(document)


@pytest.mark.parametrize("position", range(0, 4000, 97))
def test_a_receipt_with_one_letter_changed_is_refused(position: int) -> None:
    token = receipt(a_proof(Random(4)), CONTROLLER, KEY, NOON)
    position %= len(token) - 4  # the last letter of base64 may have bits that mean nothing
    other = "A" if token[position] != "A" else "B"
    with pytest.raises(Invalid):
        verify_receipt(token[:position] + other + token[position + 1 :], PUBLIC)


def test_a_receipt_of_another_key_or_of_none_is_refused() -> None:
    token = receipt(a_proof(Random(4)), CONTROLLER, KEY, NOON)
    with pytest.raises(Invalid):
        verify_receipt(token, public_key(signing_key(b"o" * 32)))
    payload = token.split(".")[1]
    for header in ({"alg": "none"}, {"alg": "HS256"}):
        forged = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
        with pytest.raises(Invalid):
            verify_receipt(f"{forged}.{payload}.", PUBLIC)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=10) | st.sampled_from([*MANDATORY, "@type", "@id"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=150)
@given(
    anything,
    st.lists(st.tuples(st.sampled_from(["@type", "dpv:hasRecordOfActivity", *MANDATORY]), anything), max_size=3),
)
def test_what_is_no_receipt_is_refused_with_a_reason_and_never_a_crash(
    other: object, changes: list[tuple[str, object]]
) -> None:
    document = WHOLE | {key: value for key, value in changes if key in WHOLE}
    inside = dict(WHOLE["dpv:hasRecordOfActivity"][0]) | {key: value for key, value in changes if key in MANDATORY}
    document = document | (
        {"dpv:hasRecordOfActivity": [inside]} if "dpv:hasRecordOfActivity" not in dict(changes) else {}
    )
    for one in (other, document):
        try:
            read(one)
        except Invalid as error:
            assert error.advice


@settings(max_examples=100)
@given(
    st.text(max_size=80) | st.binary(max_size=80),
    st.dictionaries(st.text(max_size=5) | st.sampled_from(["kty", "crv", "x"]), st.text(max_size=9), max_size=4),
)
def test_no_token_and_no_key_crashes_the_reader(token: str | bytes, key: dict[str, Any]) -> None:
    for public in (PUBLIC, key):
        with pytest.raises(Invalid):
            verify_receipt(token, public)


WHOLE = verify_receipt(receipt(a_proof(Random(5)), CONTROLLER, KEY, NOON), PUBLIC).document


def test_a_person_takes_their_receipt_away_over_http_and_it_verifies_without_us() -> None:
    async def lived() -> None:
        clock = TurnedClock()
        clock.turn(NOON.timestamp())
        server = build(grocery(), Settings(), memory=True, clock=clock, key=b"k" * 32)
        server.writer.start()
        bo, eve = [{"authorization": f"Bearer {server.access_keys.issue('device', name)}"} for name in ("bo", "eve")]
        async with httpx.AsyncClient(transport=httpx.ASGITransport(server.app), base_url="http://x") as client:
            at = "/v1/people/bo/purposes/home"
            assert (await client.get(f"{at}/receipt", headers=bo)).status_code == 404
            await client.put(at, json={"on": True}, headers=bo)
            token = await client.get(f"{at}/receipt", headers=bo)
            public = (await client.get("/.well-known/consent-receipt-key.json")).json()
            assert verify_receipt(token.text, public).status == "dpv:ConsentGiven"
            assert "bo" not in str(
                verify_receipt(token.text, public).document["dpv:hasRecordOfActivity"][0]["dpv:hasDataSubject"]
            )
            for kind, field in (("record", "dct:identifier"), ("kantara", "consentReceiptID")):
                assert (await client.get(f"{at}/receipt", params={"format": kind}, headers=bo)).json()[field]
            brand = {"authorization": f"Bearer {server.access_keys.issue('brand')}"}
            for who, on, method in (
                (brand, False, "told to the brand"),
                (brand, True, "told to the brand"),
                (bo, True, "switch"),
            ):
                await client.put(at, json={"on": on}, headers=who)
                told = (await client.get(f"{at}/receipt", params={"format": "kantara"}, headers=bo)).json()
                assert told["collectionMethod"] == method, "it proves a gesture that was not made"
            assert (await client.get(f"{at}/receipt", params={"format": "pdf"}, headers=bo)).status_code == 422
            assert (await client.get(f"{at}/receipt", headers=eve)).status_code == 403
            server.processor.strategy = replace(
                server.strategy,
                purposes=server.strategy.purposes | {"home": _reworded(server.strategy.purposes["home"])},
            )
            server.log.scan = _no_scan  # type: ignore[method-assign]
            again = verify_receipt((await client.get(f"{at}/receipt", headers=bo)).text, public)
            assert again.words.text == server.strategy.purposes["home"].notice.text["fr"], (
                "the words are those that were read"
            )
        await server.writer.stop()
        server.access_keys.close()

    asyncio.run(lived())


def _no_scan(after: int = 0) -> Iterator[tuple[int, Entry | WorldEntry]]:
    raise AssertionError("one person's receipt reads everybody's entries")


def _reworded(purpose: Purpose) -> Purpose:
    return replace(purpose, notice=replace(purpose.notice, text={"fr": "Autre chose.", "en": "Something else."}))
