"""What we write ourselves is constructed from its class, and read back strictly."""

import ast

import msgspec
import pytest

from support.people import ROOT
from visavis.devices.mirror.timelines import Media
from visavis.devices.wallet.apple import Pass
from visavis.http.access_keys import AccessKey
from visavis.model.moment import KINDS

PARSES = {"directory.py"}
"""Where the dict holds what a client sent as text, which is checked as a moment from outside."""
RECORDS = (AccessKey("k", "device"), Media("m", "image/png", b""), Pass("d", "phone", "en"))


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_of_ours_with_a_field_that_we_do_not_know_is_not_read(record: msgspec.Struct) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=type(record)) == record
    more = {**msgspec.structs.asdict(record), "renamed": 1}
    with pytest.raises(msgspec.ValidationError, match="unknown field `renamed`"):
        msgspec.msgpack.decode(msgspec.msgpack.encode(more), type=type(record))


def test_no_moment_of_ours_is_spelled_as_a_dict() -> None:
    """A dict with the `kind` of a moment would lose, unnoticed, a field that is misspelled."""
    found = []
    for path in sorted((ROOT / "src" / "visavis").rglob("*.py")):
        if "lab" in path.parts or path.name in PARSES:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Dict):
                keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
                kinds = [
                    value.value
                    for key, value in zip(node.keys, node.values, strict=True)
                    if isinstance(key, ast.Constant) and key.value == "kind" and isinstance(value, ast.Constant)
                ]
                if "occurred_at" in keys and set(kinds) & set(KINDS):
                    found.append(f"{path.name}:{node.lineno}")
    assert found == []
