"""The suppression list: who objected, by keyed hashes of names and identifiers, in a file *outside* the data.

An objection to marketing is absolute: it outlives backups, imports, erasures, and a new name with the same identifier.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import Any, Final
from urllib.parse import quote, unquote

from visavis.model.customer import Customer
from visavis.model.entry import Entry
from visavis.model.errors import Invalid
from visavis.model.ids import own_id
from visavis.model.moment import Linked, Objected
from visavis.ports import Projection
from visavis.runtime.loop import REMEMBERED, Processor
from visavis.store.append_only import append_line

FINGERPRINT_BYTES: Final = 16


class SuppressionList(Projection):
    """The list, in a file that only grows (``None``: in memory); the last line about a hash counts."""

    name = "suppression_list"

    def __init__(self, path: Path | None, secret: bytes) -> None:
        self._path = path
        self._secret = secret
        self._standing: dict[bytes, dict[str, None]] = {}
        for number, line in enumerate(_lines(path), start=1):
            try:
                fingerprint, about, stands, _ = line.decode("ascii").split(" ")
                self._note(bytes.fromhex(fingerprint), unquote(about), on={"on": True, "off": False}[stands])
            except (ValueError, KeyError):
                name = path.name if path is not None else ""
                advice = "Restore it: without it, objections would be forgotten."
                raise Invalid(f"{name} cannot be read at line {number}.", advice=advice) from None

    def of(self, names: Iterable[str]) -> list[str]:
        """What somebody with one of these names or identifiers objects to."""
        if not self._standing:
            return []
        return list(dict.fromkeys(about for name in names for about in self._standing.get(self._fingerprint(name), ())))

    def apply(self, entry: Entry, customer: Customer, live: bool) -> None:
        """Note a live objection, or a new identifier of a person who has some; a replay changes nothing."""
        moment = entry.moment
        if not live:
            return
        if isinstance(moment, Objected):
            names = (entry.customer, *customer.names, *customer.identifiers)
            self._write(names, moment.about, entry.received_at, on=moment.on)
        elif isinstance(moment, Linked):
            for about in customer.objections:
                self._write((moment.identifier,), about, entry.received_at, on=True)

    def export_personal_data(self, _names: Collection[str]) -> list[dict[str, Any]]:
        """Nothing: a fingerprint is about nobody without the root key."""
        return []

    def erase_personal_data(self, _names: Collection[str], _entries: Sequence[Entry]) -> int:
        """Nothing: an objection stands, whoever comes under this name again."""
        return 0

    def _write(self, names: Iterable[str], about: str, at: datetime, *, on: bool) -> None:
        for fingerprint in map(self._fingerprint, names):
            if (about in self._standing.get(fingerprint, ())) is not on:
                line = f"{fingerprint.hex()} {quote(about, safe='')} {'on' if on else 'off'} {at:%Y-%m-%d}"
                if self._path is not None:
                    append_line(self._path, line)
                self._note(fingerprint, about, on=on)

    def _note(self, fingerprint: bytes, about: str, *, on: bool) -> None:
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


def restore_objections(processor: Processor, listed: SuppressionList, customer: Customer) -> None:
    """Enter the objections that the list has of this person and the log has not: it came from a backup or an export."""
    for about in listed.of((*customer.names, *customer.identifiers)):
        if about not in customer.objections:
            name, at = own_id("restored", token_hex(6)), processor.clock.now()
            again = Objected(id=name, customer=customer.id, occurred_at=at, about=about, method=REMEMBERED)
            processor.process([again])
