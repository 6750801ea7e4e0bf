"""EPCIS capture over HTTP, whole: what is right is kept once, what is wrong is refused as the standard asks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.people import NOON, PEERS, STRATEGY
from support.required import require_peer
from support.site import Site, a_site
from visavis.api.epcis_events import DISPOSITIONS, STEPS, moments, read
from visavis.model.errors import Invalid
from visavis.model.moment import Consumed, RanOut, Stocked

MILK, WHOLE = list(STRATEGY.products)[:2]
HOME = (Stocked, Consumed, RanOut)
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
EXAMPLES = PEERS / "gs1-epcis"


def event(action: str | None = "ADD", step: str | None = "stocking", **more: Any) -> dict[str, Any]:
    about = (
        {}
        if {"epcList", "quantityList"} & more.keys()
        else {"quantityList": [{"epcClass": f"https://id.gs1.org/01/0{MILK}", "quantity": 2}]}
    )
    told = {
        "type": "ObjectEvent",
        "eventTime": "2026-11-24T09:00:00Z",
        "eventTimeZoneOffset": "+01:00",
        "action": action,
        "bizStep": step,
    }
    return {name: value for name, value in (told | about | more).items() if value is not None}


def document(*events: Any, **more: Any) -> dict[str, Any]:
    told = {
        "@context": [CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-24T10:00:00Z",
    }
    return {
        name: value
        for name, value in (told | {"epcisBody": {"eventList": list(events)}} | more).items()
        if value is not None
    }


class Fridge:
    """A home that captures, and what was kept of it."""

    def __init__(self, site: Site, person: str, role: str = "sensor") -> None:
        self.site, self.person = site, person
        self._client = httpx.Client(base_url=site.url, headers={"authorization": f"Bearer {site.key(role, person)}"})

    def captures(self, told: Any, **headers: str) -> httpx.Response:
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.post(
            "/epcis/capture", content=body, headers={"content-type": "application/ld+json"} | names
        )

    def get(self, path: str) -> httpx.Response:
        return self._client.get(path)

    def kept(self) -> list[tuple[str, str, float]]:
        found = [entry.moment for entry in self.site.entries(self.person) if isinstance(entry.moment, HOME)]
        return [(type(one).__name__, one.product, getattr(one, "quantity", 0)) for one in found]

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site() as found:
        yield found


@pytest.fixture
def fridge(site: Site) -> Iterator[Fridge]:
    found = Fridge(site, site.person(site.id("home"), "home"))
    yield found
    found.close()


def test_what_a_fridge_tells_in_the_standards_words_is_what_happened_at_home(fridge: Fridge) -> None:
    instances = [f"https://id.gs1.org/01/0{MILK}/21/S{number}" for number in (1, 2, 2)]
    answer = fridge.captures(
        document(
            event(),
            event("OBSERVE", "https://ref.gs1.org/cbv/BizStep-stocking", epcList=instances),
            event("DELETE", "urn:epcglobal:cbv:bizstep:dispensing", disposition="partially_dispensed"),
            event(
                "DELETE",
                "cbv:BizStep-destroying",
                disposition="disposed",
                quantityList=[{"epcClass": f"https://e.example/x/01/{WHOLE}", "quantity": 0.5}],
            ),
            event(
                "OBSERVE",
                "cycle_counting",
                quantityList=[{"epcClass": f"https://id.gs1.org/01/0{MILK}", "quantity": 0}],
            ),
        )
    )

    assert answer.status_code == 202
    assert answer.headers["gs1-epcis-version"] == "2.0.0"
    assert fridge.kept() == [
        ("Stocked", MILK, 2),
        ("Stocked", MILK, 2),
        ("Consumed", MILK, 2),
        ("Consumed", WHOLE, 0.5),
        ("RanOut", MILK, 0),
    ]
    job = fridge.get(answer.headers["location"]).json()
    assert {**job, "createdAt": "", "finishedAt": "", "captureID": ""} == {
        "captureID": "",
        "createdAt": "",
        "finishedAt": "",
        "running": False,
        "success": True,
        "captureErrorBehaviour": "rollback",
        "errors": [],
    }


def test_a_capture_that_comes_again_changes_nothing_and_an_event_id_is_what_makes_two_events_one(
    fridge: Fridge,
) -> None:
    fridge.captures(document(event()))
    fridge.captures(document(event(recordTime="2026-11-24T11:00:00Z"), creationDate="2026-11-24T12:00:00Z"))
    fridge.captures(document(event(eventID="urn:uuid:1")))
    fridge.captures(document(event(eventID="urn:uuid:1", disposition="in_progress")))

    assert fridge.kept() == [("Stocked", MILK, 2)] * 2


def test_another_event_under_a_known_event_id_is_an_error_of_the_capture(fridge: Fridge) -> None:
    fridge.captures(document(event(eventID="urn:uuid:1")))
    again = fridge.captures(document(event(eventID="urn:uuid:1")))
    other = fridge.captures(document(event(eventID="urn:uuid:1", eventTime="2026-11-24T08:00:00Z")))

    assert again.status_code == other.status_code == 202
    assert fridge.get(again.headers["location"]).json()["errors"] == []
    assert [one["status"] for one in fridge.get(other.headers["location"]).json()["errors"]] == [409]
    assert fridge.kept() == [("Stocked", MILK, 2)]


def test_a_list_one_event_and_json_lds_own_names_are_understood(fridge: Fridge) -> None:
    told = event(eventID="urn:uuid:2")
    told["@type"] = told.pop("type")

    assert fridge.captures([event(eventID="urn:uuid:1")]).status_code == 202
    assert fridge.captures({"@context": CONTEXT, **told}, content_type="application/json").status_code == 202
    assert (
        fridge.captures(
            {
                "@context": CONTEXT,
                "isA": "EPCISDocument",
                "schemaVersion": 2.0,
                "creationDate": "2013-06-04T14:59:02.099+02:00",
                "epcisBody": {"event": event(eventID="urn:uuid:3")},
            }
        ).status_code
        == 202
    )
    assert len(fridge.kept()) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        event(step="eaten"),
        event(step="https://ref.gs1.org/cbv/BizStep-eaten"),
        event(disposition="delicious"),
        event(action=None),
        event(action="EAT"),
        event(eventTimeZoneOffset=None),
        event(eventTimeZoneOffset="+15:00"),
        event(eventTime="2026-11-24T09:00:00"),
        event(eventTime="yesterday"),
        event(eventTime="2036-11-24T09:00:00Z"),
        event(type="FridgeEvent"),
        event(epcList=[]),
        event(quantityList=[{"epcClass": f"https://id.gs1.org/01/0{MILK}", "quantity": -1}]),
        event(quantityList=[{"epcClass": f"https://id.gs1.org/01/0{MILK}", "quantity": 1e9}]),
        event(quantityList=[{"quantity": 1}]),
        "an event",
    ],
)
def test_one_event_that_is_wrong_takes_all_with_it_unless_each_is_to_go_by_itself(fridge: Fridge, wrong: Any) -> None:
    told = document(event(), wrong, event("DELETE", "dispensing"))

    refused = fridge.captures(told)
    kept_then = fridge.kept()
    apart = fridge.captures(told, gs1_capture_error_behaviour="proceed")
    job = fridge.get(apart.headers["location"]).json()

    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "epcisException:ValidationException"
    assert "Event 2" in refused.json()["detail"]
    assert kept_then == []
    assert apart.status_code == 202
    assert [kind for kind, *_ in fridge.kept()] == ["Stocked", "Consumed"]
    assert (job["success"], len(job["errors"]), job["captureErrorBehaviour"]) == (False, 1, "proceed")


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'"a"',
        b"{}",
        document(schemaVersion="1.2"),
        document(type="EPCISQueryDocument"),
        document(creationDate=None),
        document(creationDate="2026-11-24T10:00:00"),
        document(epcisBody=None),
        document(epcisBody={"eventList": {}}),
        {"@context": CONTEXT, "type": ["ObjectEvent"]},
    ],
)
def test_what_is_no_document_is_refused(fridge: Fridge, told: Any) -> None:
    answer = fridge.captures(told)

    assert answer.status_code == 400
    assert answer.json()["type"] == "epcisException:ValidationException"
    assert fridge.kept() == []


def test_too_much_another_type_and_another_version_are_refused(fridge: Fridge) -> None:
    assert fridge.captures(b" " * ((1 << 20) + 1)).status_code == 413
    assert fridge.captures([event()] * 1001).json()["type"] == "epcisException:CaptureLimitExceededException"
    assert fridge.captures(document(event()), content_type="application/xml").status_code == 415
    assert fridge.captures(document(event()), gs1_epcis_version="1.2.0").status_code == 406
    assert fridge.captures(document(event()), gs1_capture_error_behaviour="hope").status_code == 400
    assert fridge.kept() == []


def test_without_consent_nothing_is_kept_and_no_other_home_sees_the_job(site: Site, fridge: Fridge) -> None:
    stranger = Fridge(site, site.person(site.id("stranger")))
    job = fridge.captures(document(event())).headers["location"]

    refused = stranger.captures(document(event()))
    apart = stranger.captures(document(event()), gs1_capture_error_behaviour="proceed")

    assert (refused.status_code, refused.json()["type"]) == (403, "epcisException:SecurityException")
    assert [error["status"] for error in stranger.get(apart.headers["location"]).json()["errors"]] == [403]
    assert stranger.get(job).status_code == 404
    assert fridge.get(job).status_code == 200
    assert stranger.kept() == []
    till = Fridge(site, "s1", "till")
    assert till.captures(document(event())).json()["type"] == "epcisException:SecurityException"
    assert httpx.post(f"{site.url}/epcis/capture", content=b"{}").status_code == 401
    till.close()
    stranger.close()


def test_an_event_of_somebody_elses_business_is_taken_and_leaves_nothing(fridge: Fridge) -> None:
    epcs = [
        "urn:epc:id:sgtin:0614141.107346.2018",
        "urn:epc:id:sscc:0614141.1234567890",
        "https://id.gs1.org/01/09506000134352/21/S1",
    ]
    temperature = {
        "sensorMetadata": {"time": "2026-11-24T09:00:00Z"},
        "sensorReport": [{"type": "Temperature", "value": 4, "uom": "CEL"}],
    }
    link = f"https://id.gs1.org/01/0{MILK}"
    answer = fridge.captures(
        document(
            event("OBSERVE", "shipping", epcList=epcs, disposition="in_transit"),
            event("ADD", "stocking", epcList=epcs),
            event("OBSERVE", "sensor_reporting", sensorElementList=[temperature]),
            event("OBSERVE", "https://own.example/bizStep/dreaming"),
            event("ADD", "stocking", quantityList=[{"epcClass": link, "quantity": 0.4, "uom": "LTR"}]),
            event("OBSERVE", "cycle_counting", quantityList=[{"epcClass": link, "quantity": 3}]),
            event("ADD", "stocking", errorDeclaration={"declarationTime": "2026-11-24T09:30:00Z"}),
            event(
                "ADD",
                "packing",
                type="AggregationEvent",
                parentID="urn:epc:id:sscc:0614141.1234567890",
                childEPCs=epcs[:1],
            ),
            event(None, "commissioning", type="TransformationEvent", inputEPCList=epcs[:1], outputEPCList=epcs[:1]),
            event(
                "ADD",
                "assembling",
                type="AssociationEvent",
                parentID="urn:epc:id:grai:4012345.55555.987",
                childEPCs=epcs[:1],
            ),
            event(
                "ADD",
                None,
                type="TransactionEvent",
                bizTransactionList=[{"type": "po", "bizTransaction": "urn:epc:id:gdti:0614141.00001.1618034"}],
            ),
        )
    )

    assert answer.status_code == 202
    assert fridge.kept() == []


@given(
    st.sampled_from(sorted(STEPS)),
    st.sampled_from(sorted(DISPOSITIONS)),
    st.sampled_from(["ADD", "OBSERVE", "DELETE"]),
    st.integers(0, 5),
)
def test_every_word_of_the_vocabulary_is_known_and_only_four_facts_are_of_a_home(
    step: str, disposition: str, action: str, quantity: int
) -> None:
    told = event(action, step, disposition=disposition, quantityList=[{"epcClass": MILK, "quantity": quantity}])

    found = moments(told, "camille", STRATEGY.products, NOON)

    facts = {
        ("ADD", "stocking"): Stocked,
        ("OBSERVE", "stocking"): Stocked,
        ("DELETE", "dispensing"): Consumed,
        ("DELETE", "destroying"): Consumed,
    }
    expected = (
        facts.get((action, step)) if quantity else RanOut if (action, step) == ("OBSERVE", "cycle_counting") else None
    )
    assert [type(one) for one in found] == ([expected] if expected is not None else [])


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)


@given(st.dictionaries(st.sampled_from([*event(epcList=[], disposition=""), "sensorElementList", "eventID"]), anything))
def test_any_json_in_the_fields_of_an_event_is_an_event_or_one_clear_no(told: dict[str, Any]) -> None:
    try:
        read(event() | told)
    except Invalid as error:
        assert str(error).startswith("Not an EPCIS event: ")


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("**/*.json*")) or [None], ids=lambda path: path.name if path else "none"
)
def test_gs1s_own_examples_are_taken_when_they_tell_events_and_leave_nothing_of_other_business(
    fridge: Fridge, path: Path | None
) -> None:
    if path is None:
        require_peer(
            path, "GS1's examples are on no package index: put JSON of github.com/gs1/EPCIS in .peers/gs1-epcis"
        )
        return
    told = json.loads(path.read_bytes())
    events = told.get("type", told.get("isA")) == "EPCISDocument" and "eventList" in told.get("epcisBody", {})

    answer = fridge.captures(path.read_bytes())

    assert answer.status_code == (202 if events else 400), answer.json()
    assert events or answer.json()["type"] == "epcisException:ValidationException"
    assert fridge.kept() == []
