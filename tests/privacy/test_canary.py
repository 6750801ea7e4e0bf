"""The scan itself: a scan that finds nothing anywhere proves nothing."""

import base64
import gzip
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from support.canary import traces

WORD = "Ça-c’est Camille/7f3a"
AROUND: dict[str, Callable[[bytes], bytes]] = {
    "raw": lambda raw: b"before " + raw + b" after",
    "utf-16": lambda raw: ("before " + raw.decode() + " after").encode("utf-16"),
    "utf-16, big end first": lambda raw: ("before " + raw.decode()).encode("utf-16-be"),
    "hexadecimal": lambda raw: (b"\x01" + raw + b"\x02").hex().encode(),
    "base64, first alignment": lambda raw: base64.b64encode(raw + b"zz"),
    "base64, second alignment": lambda raw: base64.b64encode(b"a" + raw + b"zz"),
    "base64, third alignment": lambda raw: base64.urlsafe_b64encode(b"ab" + raw + b"z"),
    "url": lambda raw: f"GET /people/{quote(raw.decode(), safe='')}".encode(),
    "json": lambda raw: json.dumps({"name": raw.decode()}).encode(),
    "msgpack": lambda raw: msgspec.msgpack.encode({"name": ["x", raw.decode()]}),
    "gzip": lambda raw: b"header" + gzip.compress(b"before " + raw) + b"tail",
    "zlib": lambda raw: b"header" + zlib.compress(raw * 3, 9) + b"tail",
}


@pytest.mark.parametrize("form", AROUND)
def test_a_word_is_found_in_every_form(tmp_path: Path, form: str) -> None:
    assert not traces(tmp_path, [WORD])

    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file.bin").write_bytes(AROUND[form](WORD.encode()))

    assert traces(tmp_path, [WORD])


def test_a_word_is_found_in_an_archive_and_in_the_name_of_a_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "one.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", WORD * 4)
    assert traces(tmp_path, [WORD])

    (tmp_path / "one.zip").unlink()
    (tmp_path / "camille-7f3a.txt").touch()
    assert traces(tmp_path, ["camille-7f3a"])
