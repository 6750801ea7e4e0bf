import json
from datetime import UTC, datetime
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.model.consent import CATEGORIES
from visavis.model.decoding import decode
from visavis.model.errors import Invalid
from visavis.model.moment import BRAND, KINDS, PROOF, Category, Entered, MomentBase

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
GOOD = {"kind": "entered", "id": "m1", "customer": "camille", "occurred_at": "2026-11-24T11:59:00Z", "place": "s1"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "teleported"}, "no such kind"),
        ({"kind": None}, "kind"),
        ({"place": None}, "place"),
        ({"place": 12}, "place"),
        ({"place": ""}, "place"),
        ({"occurred_at": "2026-11-24T11:59:00"}, "time zone"),
        ({"occurred_at": "1962-11-24T11:59:00Z"}, "before 2000"),
        ({"occurred_at": "2027-11-24T11:59:00Z"}, "future"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"id": "x" * 200}, "id"),
    ],
)
def test_each_fault_gives_one_clear_error(change: dict[str, object], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        decode(json.dumps({**GOOD, **change}).encode(), received_at=NOW)


@pytest.mark.parametrize("missing", ["kind", "id", "customer", "occurred_at", "place"])
def test_a_missing_field_is_named(missing: str) -> None:
    fields = {key: value for key, value in GOOD.items() if key != missing}

    with pytest.raises(Invalid, match=missing):
        decode(json.dumps(fields).encode(), received_at=NOW)


def test_unknown_fields_are_dropped() -> None:
    moment = decode(json.dumps({**GOOD, "photo": "data:image/png;base64,AAAA"}).encode(), received_at=NOW)

    assert b"photo" not in msgspec.json.encode(moment)


def test_a_kind_without_a_category_or_senders_cannot_be_defined() -> None:
    with pytest.raises(TypeError, match="Weighed has no category"):

        class Weighed(MomentBase, frozen=True, tag="weighed"):
            senders = BRAND

    with pytest.raises(TypeError, match="Guessed has no senders"):

        class Guessed(MomentBase, frozen=True, tag="guessed"):
            category = "numbers"


def test_a_kind_is_kept_as_long_as_its_category_unless_it_is_proof() -> None:
    assert {kind.category for kind in KINDS.values()} == set(get_args(Category))
    assert {kind.retention for kind in KINDS.values()} <= {PROOF, *get_args(Category)}
    assert all(kind.retention in (kind.category, PROOF) for kind in KINDS.values())


def test_a_category_that_a_consent_can_name_is_one_of_a_moment() -> None:
    assert set(CATEGORIES) == set(get_args(Category)) - {"service", "account"}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_moment_or_one_error(payload: bytes) -> None:
    try:
        decode(payload, received_at=NOW)
    except Invalid as error:
        assert "\n" not in str(error)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(Invalid):
        decode(b'{"kind":' + b"[" * 100_000 + b"]" * 100_000 + b"}", received_at=NOW)


def test_a_moment_comes_back_from_its_json() -> None:
    moment = decode(json.dumps(GOOD).encode(), received_at=NOW)

    assert isinstance(moment, Entered)
    assert decode(msgspec.json.encode(moment), received_at=NOW) == moment
