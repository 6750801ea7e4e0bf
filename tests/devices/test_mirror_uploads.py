"""Bodies of several parts are read as their senders wrote them, and anything else is refused in words."""

from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.devices.mirror.resources import merged
from visavis.devices.mirror.selection import mask, selected
from visavis.devices.mirror.timelines import KEPT_S, LIMITS, MEDIA_LIMIT, Media, Timelines
from visavis.devices.mirror.uploads import parts
from visavis.model.errors import Invalid, Refused, VisavisError

BYTES = st.binary(max_size=200) | st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"--", b"b0undary", b"\r\n\r\n", b"x"]), max_size=12
).map(b"".join)
NAMES = st.sampled_from(["a", "b", "c"])
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@given(BYTES, st.sampled_from([b"\r\n", b"\n"]), st.booleans(), st.booleans())
def test_two_parts_come_out_as_they_went_in(data: bytes, end: bytes, quoted: bool, base64: bool) -> None:
    boundary = b"b0undary=42" if quoted else b"b0undary42"
    told = (
        f'multipart/related; boundary="{boundary.decode()}"'
        if quoted
        else f"multipart/related; boundary={boundary.decode()}"
    )
    encoding, sent = (b"base64", b64encode(data)) if base64 else (b"binary", data)
    body = end.join(
        [
            b"--" + boundary,
            b"Content-Type: application/json; charset=UTF-8",
            b"",
            b'{"text": "a"}',
            b"--" + boundary,
            b"Content-Transfer-Encoding: " + encoding,
            b"content-type: image/png",
            b"",
            sent,
            b"--" + boundary + b"--",
            b"",
        ]
    )

    assert parts(told, body) == [("application/json; charset=UTF-8", b'{"text": "a"}'), ("image/png", data)]


@given(st.text(max_size=60), st.binary(max_size=200))
def test_whatever_else_comes_is_refused_in_words(told: str, body: bytes) -> None:
    for header in (told, f"multipart/related; boundary={told}"):
        try:
            parts(header, body)
        except Invalid as error:
            assert error.advice


@given(st.dictionaries(NAMES, JSON, max_size=3), st.dictionaries(NAMES, JSON, max_size=3))
def test_a_patch_twice_is_a_patch_once_and_leaves_no_null(old: dict[str, object], new: dict[str, object]) -> None:
    once = merged(old, new)

    assert merged(once, new) == once
    assert all(once[name] == old[name] for name in old if name not in new)
    assert not [name for name in new if new[name] is None and name in once]


@given(JSON)
def test_a_star_keeps_all_and_a_name_keeps_only_itself(value: object) -> None:
    assert selected(value, mask("*")) == value
    if isinstance(value, dict):
        assert selected(value, mask("a")) == {name: one for name, one in value.items() if name == "a"}


@given(st.text(alphabet="abc(),/* ", max_size=40) | st.text(max_size=20) | st.just("a(" * 200) | st.just("a/" * 400))
def test_fields_that_cannot_be_read_are_refused_in_words(text: str) -> None:
    try:
        mask(text)
    except VisavisError as error:
        assert error.advice


def test_what_is_kept_of_a_person_is_bounded_and_the_old_goes_first() -> None:
    clock = [1e9]
    kept = Timelines(":memory:", b"k" * 32, lambda: clock[0])
    for number in range(LIMITS["timeline"] + 5):
        clock[0] += 1
        kept.put("a", "timeline", str(number), b"{}")
    kept.attach("a", "504", Media("m", "image/png", b"x"))
    kept.put("b", "timeline", "hers", b"{}")
    names = list(kept.of("a", "timeline"))
    clock[0] += KEPT_S
    kept.put("b", "timeline", "new", b"{}")

    assert names == [str(number) for number in reversed(range(5, LIMITS["timeline"] + 5))]
    assert list(kept.of("b", "timeline")) == ["new"]
    assert kept.of("a", "timeline") == {}
    assert kept.attached("a", "504", "m") is None
    for number in range(LIMITS["subscriptions"]):
        kept.put("a", "subscriptions", str(number), b"{}")
    kept.put("a", "subscriptions", "3", b"{}")
    with pytest.raises(Refused):
        kept.put("a", "subscriptions", "one more", b"{}")
    kept.attach("a", "x", Media("1", "image/png", b"0" * (MEDIA_LIMIT - 10)))
    with pytest.raises(Refused):
        kept.attach("a", "x", Media("2", "image/png", b"0" * 11))
    kept.close()


def test_nothing_of_a_forgotten_person_is_left_in_any_file(tmp_path: Path) -> None:
    kept = Timelines(tmp_path / "timelines.sqlite", b"k" * 32, lambda: 1e9)
    kept.put("camille", "timeline", "1", b'{"text": "a secret list"}')
    kept.attach("camille", "1", Media("m", "image/png", b"a secret picture" * 1000))
    kept.put("noor", "timeline", "2", b'{"text": "kept"}')
    kept.erase("camille")
    left = b"".join([path.read_bytes() for path in tmp_path.iterdir()])
    again = Timelines(tmp_path / "timelines.sqlite", b"k" * 32, lambda: 1e9)

    assert b"secret" not in left
    assert b"camille" not in left
    assert list(again.of("noor", "timeline")) == ["2"]
    again.close()
    kept.close()
