"""Look for a word in every file of a folder, in every form in which a computer may have left it there."""

import base64
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

MEMBERS = (b"\x1f\x8b\x08", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
LIMIT = 1 << 22


def forms(word: str) -> dict[str, bytes]:
    """The word as it is (also msgpack, SQLite, ASCII JSON), UTF-16, hex, base64 at three alignments, escaped."""
    raw = word.encode()
    found = {
        "raw": raw,
        "utf-16-le": word.encode("utf-16-le"),
        "utf-16-be": word.encode("utf-16-be"),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
    }
    for shift in range(3):
        # What stands before and after the word changes the first and last characters: only what depends on the word
        # alone is looked for.
        padded = bytes(shift) + raw
        inner = base64.b64encode(padded)[(shift * 8 + 5) // 6 : len(padded) * 8 // 6]
        found[f"base64+{shift}"] = inner
        found[f"base64url+{shift}"] = inner.replace(b"+", b"-").replace(b"/", b"_")
    found["url"] = quote(word, safe="").encode()
    found["url, every byte"] = "".join(f"%{byte:02X}" for byte in raw).encode()
    found["json"] = json.dumps(word)[1:-1].encode()
    found["json, every character"] = "".join(f"\\u{ord(letter):04x}" for letter in word).encode()
    return found


def traces(folder: Path, words: Iterable[str], pieces: Iterable[bytes] = ()) -> list[str]:
    """Where any of these words, or of these exact pieces of bytes, is left in a file of the folder."""
    wanted = [(form, data) for word in words for form, data in forms(word).items()] + [
        ("piece", piece) for piece in pieces
    ]
    left = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.name.encode()
            for where, content in (("", path.read_bytes()), (" (its name)", name)):
                for inside, data in _unpacked(content):
                    left += [f"{path.name}{where}{inside}: {form}" for form, one in wanted if one in data]
    return left


def _unpacked(content: bytes) -> Iterator[tuple[str, bytes]]:
    yield "", content
    for magic in MEMBERS:
        start = content.find(magic)
        while start >= 0:
            with suppress(zlib.error):
                yield f" (compressed at {start})", zlib.decompressobj(wbits=47).decompress(content[start:], LIMIT)
            start = content.find(magic, start + 1)
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield f" ({name})", archive.read(name)


def guessed(told: bytes, words: Iterable[str]) -> list[str]:
    """Those of these words of which a hash that needs no key lies in these bytes."""
    windows = {told[start : start + 8] for start in range(len(told) - 7)}
    return [word for word in words if any(one[:8] in windows and one in told for one in _hashed(word))]


def _hashed(word: str) -> Iterator[bytes]:
    """The beginning of every common hash: bytes, hexadecimal, base64, and as a whole number in bytes and digits."""
    raw = word.encode()
    found = [
        made(raw).digest() for made in (hashlib.sha256, hashlib.sha1, hashlib.md5, hashlib.sha512, hashlib.sha3_256)
    ]
    found += [hashlib.blake2b(raw, digest_size=size).digest() for size in (8, 12, 16, 20, 24, 32, 64)]
    numbers = [int.from_bytes(one[:8]) >> shift for one in found for shift in (1, 2)]
    for one in [*[one[:8] for one in found], *[number.to_bytes(8) for number in numbers]]:
        yield from (one, one.hex().encode(), base64.b64encode(one)[:10])
    yield from [str(number).encode() for number in numbers]
