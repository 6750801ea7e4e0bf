"""The vault: two keys a person (the second for special categories), wrapped under a root key that is kept elsewhere.

No key, nothing to read.

``root key → customer's keys (AES key wrap) → AES-256-GCM of each value``, with the value's place bound to it: what is
pasted under another person or place does not open. People are found by a keyed hash of their name, and known at rest by
a random pseudonym. :meth:`KeyStore.shred` destroys the keys and leaves a tombstone in a file *outside* the data folder,
which is read at each opening: a backup that is put back does not bring anybody back.

Limits, honestly: Python cannot wipe its memory, and a disk may keep a block that was overwritten; so erasing is
shredding *and* deleting.

References: RFC 3394, *AES Key Wrap*, 2002; NIST SP 800-38D, *Galois/Counter Mode*, 2007 (96 random bits a value).
"""

import os
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from secrets import randbits
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from msgspec import Struct

from visavis.ledger.record import Begun, begin, leaves
from visavis.model.consent import Purpose
from visavis.model.entry import Entry
from visavis.model.errors import Invalid, Refused, Unavailable
from visavis.store.append_only import added
from visavis.store.sqlite_file import emptied, opening

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
NAME_BYTES: Final = 16
PSEUDONYM_BITS: Final = 63
CACHED: Final = 65_536
"""How many people's keys are kept open in memory; unwrapping one again costs about 30 µs."""
ORDINARY: Final = b"\x01o"
SPECIAL: Final = b"\x01s"
"""What a sealed value begins with: the version of this form, and which of the person's keys opens it."""
_SCHEMA: Final = (
    "CREATE TABLE people (number INTEGER PRIMARY KEY, fingerprint BLOB UNIQUE, pseudonym INTEGER UNIQUE, key BLOB,"
    " special BLOB, name BLOB) STRICT"
)
_SHRED: Final = (
    "UPDATE people SET fingerprint = NULL, pseudonym = NULL, key = NULL, special = NULL, name = NULL WHERE fingerprint"
    " = ? OR pseudonym = ?"
)
"""Rows are only added at the end and emptied where they lie.

One taken out would make SQLite move its neighbours and leave stale copies of their keys.
"""


class Tombstone(Struct, frozen=True):
    """That a person was erased, and when.

    By the keyed hash of their name and the pseudonym that they had, 0 when there was none.

    Without the hash (empty) it is what they had that is gone for good, and not they: who was away for long may come
    again.
    """

    fingerprint: bytes
    pseudonym: int
    at: str


class Cipher:
    """One key: seals a value for one place of one owner, and opens it there only."""

    __slots__ = ("_aead", "_bound", "_kind")

    def __init__(self, key: bytes, *, owner: bytes = b"", kind: bytes = ORDINARY) -> None:
        self._aead = AESGCM(key)
        self._kind = kind
        self._bound = owner + kind

    def seal(self, value: bytes, place: bytes, nonce: bytes = b"") -> bytes:
        """The value sealed; ``nonce`` is 12 random bytes, drawn when not given."""
        nonce = nonce or os.urandom(NONCE_BYTES)
        return self._kind + nonce + self._aead.encrypt(nonce, value, self._bound + place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """The value; :class:`Invalid` when it was altered, or sealed under another key, owner or place."""
        start = len(self._kind)
        try:
            return self._aead.decrypt(
                sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :], self._bound + place
            )
        except (InvalidTag, ValueError):
            raise Invalid(
                "A sealed value does not open: it was altered or moved, or this key is another's.",
                advice="Restore a backup.",
            ) from None


class PersonKey:
    """One person's open keys: seal and open what is theirs.

    ``audit_key`` is what their lines in the ledger are known by; it goes with the others.
    """

    __slots__ = (
        "_begun",
        "_lock",
        "_moments",
        "_owner",
        "_special",
        "_special_wrapped",
        "_wrapping",
        "audit_key",
        "name",
        "pseudonym",
    )

    def __init__(self, name: str, pseudonym: int, key: bytes, special: bytes, wrapping: bytes) -> None:
        self.name = name
        self.pseudonym = pseudonym
        self.audit_key = derived(key, "audit")
        self._owner = pseudonym.to_bytes(8)
        self._lock = Cipher(key, owner=self._owner)
        self._begun: Begun | None = None
        self._moments = blake2b(key=derived(key, "moments"), digest_size=8)
        self._special: Cipher | None = None
        self._special_wrapped = special
        self._wrapping = wrapping

    def moment(self, moment: str) -> int:
        """What a moment's id is known by at rest: 63 bits of a hash under this person's key."""
        digest = self._moments.copy()
        digest.update(moment.encode())
        return int.from_bytes(digest.digest()) >> 1

    def lines(self, entry: Entry, purposes: Mapping[str, Purpose], *, since: int) -> list[bytes]:
        """The lines of the ledger that tell of this entry (:func:`~visavis.ledger.record.leaves`)."""
        if self._begun is None:
            self._begun = begin(self.audit_key)
        return leaves(entry, purposes, self.audit_key, since=since, begun=self._begun)

    def masked(self, number: int, position: int) -> int:
        """A number of up to 62 bits, told at this position so that only these keys tell it.

        The same again takes the mask off.
        """
        digest = self._moments.copy()
        digest.update(b"\0line" + position.to_bytes(8))
        return number ^ int.from_bytes(digest.digest()) >> 2

    def seal(self, value: bytes, place: bytes, *, special: bool = False, nonce: bytes = b"") -> bytes:
        """The value sealed for this person and this place only; under their second key when it is ``special``."""
        return (self._second() if special else self._lock).seal(value, place, nonce)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """The value; :class:`Invalid` when it was altered, or sealed for another person or place."""
        return (self._second() if sealed.startswith(SPECIAL) else self._lock).open(sealed, place)

    def _second(self) -> Cipher:
        """The key of special categories, opened when it is first needed: most people have none of them."""
        if self._special is None:
            self._special = Cipher(
                aes_key_unwrap(self._wrapping, self._special_wrapped), owner=self._owner, kind=SPECIAL
            )
        return self._special


class KeyStore:
    """The key table, a small file of its own; one process at a time.

    ``tombstones`` lies outside the data folder, as the root key does.
    """

    def __init__(self, path: Path | str, root: bytes, tombstones: Path) -> None:
        self._wrapping = derived(root, "vault")
        self._fingerprints = derived(root, "people")
        self._path = tombstones
        self._people: dict[str, PersonKey] = {}
        self._pseudonyms: dict[int, PersonKey] = {}
        self.tombstones = _read(tombstones)
        self._erased = {one.fingerprint for one in self.tombstones if one.fingerprint}
        with opening(path, "vault") as self._database:
            self._found_or_made()
            for one in self.tombstones:
                self._database.execute(_SHRED, (one.fingerprint, one.pseudonym))
            emptied(self._database)

    def of(self, customer: str) -> PersonKey | None:
        """The open keys of this person; ``None`` when there are none."""
        found = self._people.get(customer)
        if found is None:
            found = self._found("fingerprint", self._fingerprint(customer))
        return found

    def under(self, pseudonym: int) -> PersonKey:
        """The open keys of whom the log knows by this pseudonym; :class:`Invalid` when the key table lacks them."""
        found = self._pseudonyms.get(pseudonym) or self._found("pseudonym", pseudonym)
        if found is None:
            raise Invalid(
                "The key table lacks a person's keys: it is older than the log, or another's.",
                advice="Restore the latest vault.sqlite.",
            )
        return found

    def let_in(self, customers: Iterable[str]) -> None:
        """Make keys, durably, for those of these people who have none.

        :class:`Refused` when one was erased: nobody comes back under that name.
        """
        fresh = [name for name in dict.fromkeys(customers) if name not in self._people and self.of(name) is None]
        if not fresh:
            return
        if any(self.erased(name) for name in fresh):
            raise Refused("A person of this group was erased.", advice="Their moments are not kept any more.")
        made = [self._made(name) for name in fresh]
        self._run("BEGIN IMMEDIATE")
        try:
            for person, row in made:
                self._run(
                    "INSERT INTO people VALUES (NULL, ?, ?, ?, ?, ?)",
                    (self._fingerprint(person.name), person.pseudonym, *row),
                )
        except BaseException:
            self._run("ROLLBACK")
            raise
        self._run("COMMIT")
        for person, _ in made:
            self._keep(person)

    def erased(self, customer: str) -> bool:
        """Whether this person was erased; known by a keyed hash of their name, which is all that is kept of them."""
        return self._fingerprint(customer) in self._erased

    def bury(self, customer: str, at: datetime, *, for_good: bool = True) -> None:
        """Decide an erasure, durably.

        From here on it is completed whatever happens, at the latest when the log is next opened.

        Unless it is ``for_good``, the tombstone tells the pseudonym only, which leads to nobody once the keys are gone:
        it refuses nobody.
        """
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
        self._run(_SHRED, (self._fingerprint(customer), person.pseudonym if person is not None else 0))
        emptied(self._database)

    def close(self) -> None:
        """Give the file back, and forget the keys."""
        self._people.clear()
        self._pseudonyms.clear()
        self._database.close()

    def _found_or_made(self) -> None:
        if self._database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute(_SCHEMA)
            self._database.execute("CREATE TABLE root (proof BLOB NOT NULL) STRICT")
            self._database.execute(
                "INSERT INTO root VALUES (?)", (aes_key_wrap(self._wrapping, os.urandom(KEY_BYTES)),)
            )
            self._database.execute("COMMIT")
        (proof,) = self._database.execute("SELECT proof FROM root").fetchone()
        self._unwrapped(proof)

    def _made(self, customer: str) -> tuple[PersonKey, tuple[bytes, bytes, bytes]]:
        pseudonym, key, second = randbits(PSEUDONYM_BITS), os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)
        special = aes_key_wrap(self._wrapping, second)
        person = PersonKey(customer, pseudonym, key, special, self._wrapping)
        return person, (aes_key_wrap(self._wrapping, key), special, person.seal(customer.encode(), b"name"))

    def _found(self, column: str, value: bytes | int) -> PersonKey | None:
        row = self._run(f"SELECT pseudonym, key, special, name FROM people WHERE {column} = ?", (value,)).fetchone()  # noqa: S608  one of two names
        if row is None:
            return None
        pseudonym, key, special, name = row
        person = PersonKey("", pseudonym, self._unwrapped(key), special, self._wrapping)
        person.name = person.open(name, b"name").decode()
        self._keep(person)
        return person

    def _keep(self, person: PersonKey) -> None:
        while len(self._people) >= CACHED:
            oldest = self._people.pop(next(iter(self._people)))
            del self._pseudonyms[oldest.pseudonym]
        self._people[person.name] = person
        self._pseudonyms[person.pseudonym] = person

    def _unwrapped(self, wrapped: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._wrapping, wrapped)
        except InvalidUnwrap:
            raise Invalid(
                "This root key is not the one of this vault.",
                advice="Give back the key file that was made with the data folder.",
            ) from None

    def _run(self, statement: str, values: tuple[bytes | int, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._database.execute(statement, values)
        except sqlite3.ProgrammingError:
            raise Unavailable("This vault is closed.", advice="Open it again.") from None
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The vault cannot be used: {error}.", advice="Is the disk full?") from None

    def _fingerprint(self, customer: str) -> bytes:
        return blake2b(customer.encode(), key=self._fingerprints, digest_size=NAME_BYTES).digest()


def derived(root: bytes, name: str) -> bytes:
    """A key for one use, from the root key; one tells nothing of another.

    >>> derived(b"root", "vault") == derived(b"root", "vault") != derived(b"root", "people")
    True
    """
    return blake2b(name.encode(), key=root, digest_size=KEY_BYTES).digest()


def _append(path: Path, one: Tombstone) -> None:
    added(path, f"{one.fingerprint.hex()} {one.pseudonym} {one.at}")


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
            raise Invalid(
                f"{path.name} cannot be read at line {number}.",
                advice="Restore it: without it, backups would bring erased people back.",
            ) from None
    return found
