"""The key store: two keys a person (the second for special categories), wrapped under a root key kept elsewhere."""
# ``root key → person's keys (AES key wrap) → AES-256-GCM of each value``, bound to its owner and place. People are
# found by a keyed hash of their name. :meth:`KeyStore.shred` destroys a person's keys (crypto-shredding); their
# tombstone lies *outside* the data folder, so that a restored backup does not bring them back. Python cannot wipe its
# memory, and a disk may keep an overwritten block: erasing is shredding *and* deleting.
# References: RFC 3394, *AES Key Wrap*, 2002; RFC 5869, *HKDF*, 2010; NIST SP 800-38D, *Galois/Counter Mode*, 2007.

import os
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from secrets import randbits
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from msgspec import Struct

from visavis.model.errors import Invalid, Refused
from visavis.store.append_only import append_line
from visavis.store.sqlite_file import open_exclusive, transaction, translated_errors, truncate_wal

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
NAME_BYTES: Final = 16
PSEUDONYM_BITS: Final = 63
KEY_CACHE_LIMIT: Final = 262_144
"""How many people's unwrapped keys stay in memory, the most recently used."""
ORDINARY: Final = b"\x01o"
SPECIAL: Final = b"\x01s"
"""The first bytes of a sealed value: the version of this form, and which of the person's keys opens it."""
_SCHEMA: Final = (
    "CREATE TABLE people (number INTEGER PRIMARY KEY, fingerprint BLOB UNIQUE, pseudonym INTEGER UNIQUE, key BLOB,"
    " special BLOB, name BLOB) STRICT"
)
_SHRED: Final = (
    "UPDATE people SET fingerprint = NULL, pseudonym = NULL, key = NULL, special = NULL, name = NULL WHERE fingerprint"
    " = ? OR pseudonym = ?"
)
"""Rows are blanked, never deleted (:mod:`~visavis.store.sqlite_file`)."""


class Tombstone(Struct, frozen=True):
    """An erasure: when, which pseudonym (0: none), the keyed hash of the name (empty when they may come again)."""

    fingerprint: bytes
    pseudonym: int
    at: str


class Cipher:
    """AES-256-GCM under one key: seals a value for one place of one owner."""

    __slots__ = ("_aead", "_bound", "_kind")

    def __init__(self, key: bytes, owner: bytes = b"", kind: bytes = ORDINARY) -> None:
        self._aead = AESGCM(key)
        self._kind = kind
        self._bound = owner + kind

    def seal(self, value: bytes, place: bytes, nonce: bytes = b"") -> bytes:
        """The value sealed; ``nonce`` is 12 random bytes, drawn when left out."""
        nonce = nonce or os.urandom(NONCE_BYTES)
        return self._kind + nonce + self._aead.encrypt(nonce, value, self._bound + place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """The value; :class:`Invalid` when it was altered, or sealed under another key, owner or place."""
        start = len(self._kind)
        try:
            nonce, value = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
            return self._aead.decrypt(nonce, value, self._bound + place)
        except (InvalidTag, ValueError):
            what = "A sealed value does not open: it was altered or moved, or this key is another's."
            raise Invalid(what, advice="Restore a backup.") from None


class PersonKey:
    """One person's keys; ``audit_key`` finds and opens their ledger lines. Ciphers are made at each use (3 KB)."""

    __slots__ = ("_key", "_moment_key", "_special", "_special_wrapped", "_wrapping", "audit_key", "name", "pseudonym")

    def __init__(self, name: str, pseudonym: int, key: bytes, special: bytes, wrapping: bytes) -> None:
        self.name = name
        self.pseudonym = pseudonym
        self.audit_key = derived(key, "audit")
        self._moment_key = derived(key, "moments")
        self._key = key
        self._special = b""
        self._special_wrapped = special
        self._wrapping = wrapping

    def moment(self, moment: str) -> int:
        """A moment's id at rest: 63 bits of a hash under this person's key."""
        return int.from_bytes(blake2b(moment.encode(), key=self._moment_key, digest_size=8).digest()) >> 1

    def masked(self, number: int, position: int) -> int:
        """A number of up to 62 bits, XORed with a hash of this position under this person's key; twice unmasks it."""
        place = b"\0line" + position.to_bytes(8)
        mask = blake2b(place, key=self._moment_key, digest_size=8).digest()
        return number ^ int.from_bytes(mask) >> 2

    def seal(self, value: bytes, place: bytes, *, special: bool = False, nonce: bytes = b"") -> bytes:
        """The value sealed for this person and place; under their second key when it is ``special``."""
        return self._cipher(special=special).seal(value, place, nonce)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """The value; :class:`Invalid` when it was altered, or sealed for another person or place."""
        return self._cipher(special=sealed.startswith(SPECIAL)).open(sealed, place)

    def _cipher(self, *, special: bool) -> Cipher:
        owner = self.pseudonym.to_bytes(8)
        if not special:
            return Cipher(self._key, owner)
        if not self._special:  # unwrapped when first needed: most people have no special data
            self._special = aes_key_unwrap(self._wrapping, self._special_wrapped)
        return Cipher(self._special, owner, SPECIAL)


class KeyStore:
    """The keys of all people, in a file of its own, for one process; caches :data:`KEY_CACHE_LIMIT`, 0.7 KB each."""

    def __init__(self, path: Path | str, root: bytes, tombstones: Path) -> None:
        self._wrapping = derived(root, "vault")
        self._fingerprints = derived(root, "people")
        self._path = tombstones
        self._people: OrderedDict[str, PersonKey] = OrderedDict()
        self._pseudonyms: dict[int, PersonKey] = {}
        self.tombstones = _read(tombstones)
        self._erased = {one.fingerprint for one in self.tombstones if one.fingerprint}
        with open_exclusive(path, "vault") as self._database:
            self._check_or_create_schema()
            for one in self.tombstones:
                self._database.execute(_SHRED, (one.fingerprint, one.pseudonym))
            truncate_wal(self._database)

    def of(self, customer: str) -> PersonKey | None:
        """The keys of this person, or ``None``."""
        found = self._people.get(customer)
        if found is None:
            return self._load("fingerprint", self._fingerprint(customer))
        self._people.move_to_end(customer)
        return found

    def by_pseudonym(self, pseudonym: int) -> PersonKey:
        """The keys of the person stored under this pseudonym; :class:`Invalid` when the key table lacks them."""
        found = self._pseudonyms.get(pseudonym)
        if found is not None:
            self._people.move_to_end(found.name)
            return found
        found = self._load("pseudonym", pseudonym)
        if found is None:
            what = "The key table lacks a person's keys: it is older than the log, or another's."
            raise Invalid(what, advice="Restore the latest vault.sqlite.")
        return found

    def create_missing(self, customers: Iterable[str]) -> None:
        """Create keys, durably, for those of these people who have none; :class:`Refused` when one was erased."""
        missing = [name for name in dict.fromkeys(customers) if name not in self._people and self.of(name) is None]
        if not missing:
            return
        if any(self.erased(name) for name in missing):
            raise Refused("A person of this group was erased.", advice="Their moments are not kept any more.")
        with translated_errors("vault"), transaction(self._database):
            made = [self._create(name) for name in missing]
        for person in made:
            self._cache(person)

    def erased(self, customer: str) -> bool:
        """Whether this person was erased for good; a keyed hash of their name is all that is kept of them."""
        return self._fingerprint(customer) in self._erased

    def add_tombstone(self, customer: str, at: datetime, *, for_good: bool = True) -> None:
        """Record an erasure durably: opening the log completes it. With ``for_good`` the person cannot come again."""
        person, fingerprint = self.of(customer), self._fingerprint(customer) if for_good else b""
        pseudonym = person.pseudonym if person is not None else 0
        if fingerprint not in self._erased if for_good else pseudonym:
            one = Tombstone(fingerprint, pseudonym, f"{at:%Y-%m-%dT%H:%M:%SZ}")
            _append(self._path, one)
            self.tombstones.append(one)
            if for_good:
                self._erased.add(fingerprint)

    def shred(self, customer: str) -> None:
        """Destroy this person's keys: in memory, in the table, and in its write-ahead log."""
        person = self._people.pop(customer, None)
        if person is not None:
            self._pseudonyms.pop(person.pseudonym, None)
        with translated_errors("vault"):
            shredded = (self._fingerprint(customer), person.pseudonym if person is not None else 0)
            self._database.execute(_SHRED, shredded)
        truncate_wal(self._database)

    def close(self) -> None:
        """Close the file and drop the cached keys."""
        self._people.clear()
        self._pseudonyms.clear()
        self._database.close()

    def _check_or_create_schema(self) -> None:
        if self._database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            proof = aes_key_wrap(self._wrapping, os.urandom(KEY_BYTES))
            with transaction(self._database):
                self._database.execute(_SCHEMA)
                self._database.execute("CREATE TABLE root (proof BLOB NOT NULL) STRICT")
                self._database.execute("INSERT INTO root VALUES (?)", (proof,))
        (proof,) = self._database.execute("SELECT proof FROM root").fetchone()
        self._unwrap(proof)

    def _create(self, customer: str) -> PersonKey:
        pseudonym, key, second = randbits(PSEUDONYM_BITS), os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)
        special = aes_key_wrap(self._wrapping, second)
        person = PersonKey(customer, pseudonym, key, special, self._wrapping)
        wrapped, name = aes_key_wrap(self._wrapping, key), person.seal(customer.encode(), b"name")
        row = (self._fingerprint(customer), pseudonym, wrapped, special, name)
        self._database.execute("INSERT INTO people VALUES (NULL, ?, ?, ?, ?, ?)", row)
        return person

    def _load(self, column: str, value: bytes | int) -> PersonKey | None:
        with translated_errors("vault"):
            row = self._database.execute(
                f"SELECT pseudonym, key, special, name FROM people WHERE {column} = ?",  # noqa: S608  one of two columns
                (value,),
            ).fetchone()
        if row is None:
            return None
        pseudonym, key, special, name = row
        person = PersonKey("", pseudonym, self._unwrap(key), special, self._wrapping)
        person.name = person.open(name, b"name").decode()
        self._cache(person)
        return person

    def _cache(self, person: PersonKey) -> None:
        while len(self._people) >= KEY_CACHE_LIMIT:
            _, oldest = self._people.popitem(last=False)
            del self._pseudonyms[oldest.pseudonym]
        self._people[person.name] = person
        self._pseudonyms[person.pseudonym] = person

    def _unwrap(self, wrapped: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._wrapping, wrapped)
        except InvalidUnwrap:
            advice = "Give back the key file that was made with the data folder."
            raise Invalid("This root key is not the one of this vault.", advice=advice) from None

    def _fingerprint(self, customer: str) -> bytes:
        return blake2b(customer.encode(), key=self._fingerprints, digest_size=NAME_BYTES).digest()


def derived(root: bytes, name: str) -> bytes:
    """The key for one use (HKDF-SHA256 with that use's name as info): one says nothing about another.

    >>> derived(b"root", "vault") == derived(b"root", "vault") != derived(b"root", "people")
    True
    """
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=name.encode()).derive(root)


def _append(path: Path, one: Tombstone) -> None:
    append_line(path, f"{one.fingerprint.hex()} {one.pseudonym} {one.at}")


def _read(path: Path) -> list[Tombstone]:
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            fingerprint, pseudonym, at = line.decode("ascii").split(" ")
            found.append(Tombstone(bytes.fromhex(fingerprint), int(pseudonym), at))
        except ValueError:
            advice = "Restore it: without it, backups would bring erased people back."
            raise Invalid(f"{path.name} cannot be read at line {number}.", advice=advice) from None
    return found
