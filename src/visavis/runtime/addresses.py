"""Where persons can be reached: a browser's push subscription, a pass on a phone, an e-mail address. Personal data, sealed in one small SQLite file.

The key lies elsewhere, so that a copy of the file tells no address; what is deleted is overwritten. The same key seals what a link must carry.
"""

import sqlite3
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from secrets import token_bytes
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from visavis.model.errors import Refused

LIMIT: Final = 10
"""How many addresses of one kind a person may have."""
NONCE_BYTES: Final = 12


class Addresses:
    """The file (``:memory:`` for tests). An address has a kind, a name (a device's key, or none), and bytes that only its channel understands."""

    def __init__(self, path: Path | str, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript("""
            PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;
            CREATE TABLE IF NOT EXISTS addresses (person TEXT, kind TEXT, name TEXT, data BLOB, PRIMARY KEY (person, kind, name)) STRICT;
            CREATE INDEX IF NOT EXISTS names ON addresses (kind, name);
        """)

    def keep(self, person: str, kind: str, name: str, data: bytes) -> None:
        """Keep this address, or put it in the place of the one of that name; :class:`Refused` when the person has too many."""
        names = self._database.execute("SELECT name FROM addresses WHERE person = ? AND kind = ?", (person, kind)).fetchall()
        if len(names) >= LIMIT and (name,) not in names:
            raise Refused(f"This person has {LIMIT} addresses of this kind already.", advice="Remove one.")
        sealed = self._sealed(data, f"{person}\0{kind}\0{name}")
        self._database.execute("INSERT OR REPLACE INTO addresses VALUES (?, ?, ?, ?)", (person, kind, name, sealed))

    def of(self, person: str, kind: str) -> dict[str, bytes]:
        """The person's addresses of this kind, by name; without those that were not sealed by this key for this place."""
        rows = self._database.execute("SELECT name, data FROM addresses WHERE person = ? AND kind = ? ORDER BY rowid", (person, kind)).fetchall()
        found = {name: self._opened(data, f"{person}\0{kind}\0{name}") for name, data in rows}
        return {name: data for name, data in found.items() if data is not None}

    def has(self, person: str, kind: str) -> bool:
        """Whether the person has an address of this kind."""
        return bool(self.of(person, kind))

    def under(self, person: str, start: str, name: str) -> dict[str, bytes]:
        """The person's addresses of this name whose kinds begin so, by kind, the oldest first."""
        rows = self._database.execute(
            "SELECT kind, data FROM addresses WHERE person = ? AND kind >= ? AND kind < ? AND name = ? ORDER BY rowid", (person, start, start + "\x7f", name)
        ).fetchall()
        found = {kind: self._opened(data, f"{person}\0{kind}\0{name}") for kind, data in rows}
        return {kind: data for kind, data in found.items() if data is not None}

    def named(self, kind: str) -> dict[str, str]:
        """Whose the addresses of this kind are, by name."""
        return dict(self._database.execute("SELECT name, person FROM addresses WHERE kind = ? ORDER BY rowid", (kind,)).fetchall())

    def whose(self, kind: str, name: str) -> str:
        """The person who has the address of this name; empty when nobody has."""
        row = self._database.execute("SELECT person FROM addresses WHERE kind = ? AND name = ?", (kind, name)).fetchone()
        return str(row[0]) if row is not None else ""

    def drop(self, person: str, kind: str, name: str | None = None) -> None:
        """Remove this address, or every one of this kind."""
        self._database.execute("DELETE FROM addresses WHERE person = ? AND kind = ? AND name = coalesce(?, name)", (person, kind, name))

    def forget(self, person: str) -> None:
        """Remove every address of this person."""
        self._database.execute("DELETE FROM addresses WHERE person = ?", (person,))

    def ticket(self, use: str, *parts: str) -> str:
        """These words as a part of a link that nobody else can make or read; good for this use only."""
        return urlsafe_b64encode(self._sealed("\0".join(parts).encode(), use)).decode().rstrip("=")

    def read(self, use: str, ticket: str) -> tuple[str, ...]:
        """The words of a ticket of ours; :class:`Refused` for any other."""
        try:
            data = urlsafe_b64decode(ticket.encode("ascii") + b"=" * (-len(ticket) % 4))
        except ValueError:
            data = b""
        opened = self._opened(data, use)
        if opened is None:
            raise Refused("This link is not one of ours.", advice="Open it again from the message.")
        return tuple(opened.decode().split("\0"))

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def _sealed(self, data: bytes, bound: str) -> bytes:
        nonce = token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, bound.encode())

    def _opened(self, data: bytes, bound: str) -> bytes | None:
        try:
            return self._cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], bound.encode())
        except (InvalidTag, ValueError):
            return None
