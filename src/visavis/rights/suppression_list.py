"""Who objected, remembered for good.

Keyed fingerprints of names and identifiers in a file *outside* the data, beside the tombstones.

An objection to marketing is absolute. It outlives a backup that is put back, an export that is brought in again, an
erasure, and a second life under another name with the same identifier: whoever comes in is looked up here before
anything else is done with them. Of who is one person under several names it is remembered under each. The file says
nothing to whom lacks the root key: a line is a keyed hash, what was objected to, whether it stands, and the day.
"""

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from visavis.model.customer import Customer
from visavis.model.entry import Entry
from visavis.model.errors import Invalid
from visavis.model.moment import Linked, Objected
from visavis.store.append_only import append_line

FINGERPRINT_BYTES: Final = 16


class SuppressionList:
    """The list. ``path`` is its file, which only grows (``None``: in memory); the last line about somebody counts."""

    def __init__(self, path: Path | None, secret: bytes) -> None:
        self._path = path
        self._secret = secret
        self._standing: dict[bytes, dict[str, None]] = {}
        for number, line in enumerate(_lines(path), start=1):
            try:
                fingerprint, about, stands, _ = line.decode("ascii").split(" ")
                self._noted(bytes.fromhex(fingerprint), unquote(about), on={"on": True, "off": False}[stands])
            except (ValueError, KeyError):
                name = path.name if path is not None else ""
                raise Invalid(
                    f"{name} cannot be read at line {number}.",
                    advice="Restore it: without it, objections would be forgotten.",
                ) from None

    def of(self, names: Iterable[str]) -> list[str]:
        """What somebody known by one of these names objects to."""
        if not self._standing:
            return []
        return list(dict.fromkeys(about for name in names for about in self._standing.get(self._fingerprint(name), ())))

    def passing(self, entry: Entry, customer: Customer) -> None:
        """Take in what a durable entry says; ``customer`` is the person after it."""
        moment = entry.moment
        if isinstance(moment, Objected):
            self._write(
                (entry.customer, *customer.names, *customer.identifiers), moment.about, entry.received_at, on=moment.on
            )
        elif isinstance(moment, Linked):
            for about in customer.objections:
                self._write((moment.identifier,), about, entry.received_at, on=True)

    def _write(self, names: Iterable[str], about: str, at: datetime, *, on: bool) -> None:
        for fingerprint in map(self._fingerprint, names):
            if (about in self._standing.get(fingerprint, ())) is not on:
                if self._path is not None:
                    append_line(
                        self._path, f"{fingerprint.hex()} {quote(about, safe='')} {'on' if on else 'off'} {at:%Y-%m-%d}"
                    )
                self._noted(fingerprint, about, on=on)

    def _noted(self, fingerprint: bytes, about: str, *, on: bool) -> None:
        if on:
            self._standing.setdefault(fingerprint, {})[about] = None
        elif fingerprint in self._standing:
            self._standing[fingerprint].pop(about, None)

    def _fingerprint(self, name: str) -> bytes:
        return blake2b(name.encode("utf-8", "surrogatepass"), key=self._secret, digest_size=FINGERPRINT_BYTES).digest()


def _lines(path: Path | None) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")[:-1] if path is not None else []
    except FileNotFoundError:
        return []
