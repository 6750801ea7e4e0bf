"""The log on disk: one SQLite file in WAL mode, one row an entry, one transaction and one fsync a commit."""
# Each row is sealed under its person's key and bound to its position and moment. Ledger lines lie beside it in the
# clear, linked by a number that only the person's key unmasks.

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from struct import Struct
from typing import Any, Final

from visavis.model.entry import Entry, WorldEntry, decode, decode_world, encode
from visavis.model.errors import Invalid, Refused
from visavis.store.keys import NONCE_BYTES, KeyStore, PersonKey
from visavis.store.sqlite_file import open_exclusive, transaction, translated_errors, truncate_wal

APPLICATION: Final = 0x76697361  # "visa" in the file's header: how `file` and this module recognise it
FORM: Final = 6
FETCH: Final = 2048
COUNT_BITS: Final = 16
"""A row's pointer to its lines: the number of the first, then this many bits for how many there are."""
SPECIAL: Final = frozenset({"numbers"})
"""Special categories of data (health): their entries are sealed under the person's second key."""
_place: Final = Struct(">QQ").pack
"""What a sealed row is bound to: its position and its moment (the person's key adds whose it is)."""
_SCHEMA: Final = (
    (
        "CREATE TABLE entries (position INTEGER PRIMARY KEY, person INTEGER, moment INTEGER, data BLOB NOT NULL,"
        " lines INTEGER) STRICT"
    ),
    "CREATE UNIQUE INDEX moments ON entries (person, moment) WHERE person IS NOT NULL",
    "CREATE TABLE ledger (number INTEGER PRIMARY KEY, line BLOB NOT NULL) STRICT",
    "CREATE TABLE erased (entries INTEGER NOT NULL) STRICT",
    "INSERT INTO erased VALUES (0)",
)
_BLANK: Final = "UPDATE entries SET person = NULL, moment = NULL, data = x'', lines = NULL"
"""Rows are blanked, never deleted (:mod:`~visavis.store.sqlite_file`): their positions stay taken."""


class SqliteEntryLog:
    """A :class:`~visavis.ports.Log` in one file, locked by its process; opening it completes pending erasures."""

    # Closing it closes the key store too. Thread-agnostic, one call at a time.

    def __init__(self, path: Path, keys: KeyStore) -> None:
        self._path = path
        self._keys = keys
        self._last: int  # position of the last row
        self._gone: int  # how many rows are blank
        self._next: int  # number of the next line
        self._last_line: bytes
        with open_exclusive(path, "log", failing=keys.close) as self._database:
            self._database.execute("PRAGMA cache_size = -16384")
            with transaction(self._database):
                self._check_or_create_schema()
                ((self._last,),) = self._select("coalesce(max(position), 0) FROM entries")
                ((self._gone,),) = self._select("entries FROM erased")
                newest = self._select("number + 1, line FROM ledger ORDER BY number DESC LIMIT 1")
                self._next, self._last_line = newest[0] if newest else (0, b"")
                for tombstone in keys.tombstones:
                    self._gone += self._overwrite(tombstone.pseudonym)
            truncate_wal(self._database)

    def _check_or_create_schema(self) -> None:
        (application,) = self._database.execute("PRAGMA application_id").fetchone()
        (form,) = self._database.execute("PRAGMA user_version").fetchone()
        if self._database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,) and application == 0:
            self._database.execute(f"PRAGMA application_id = {APPLICATION}")
            self._database.execute(f"PRAGMA user_version = {FORM}")
            for statement in _SCHEMA:
                self._database.execute(statement)
        elif (application, form) != (APPLICATION, FORM):
            advice = "Give the folder that this version wrote."
            raise Invalid(f"{self._path.name} is not a log of this version.", advice=advice)

    def commit(self, entries: Sequence[Entry | WorldEntry], lines: Sequence[Sequence[bytes]] = ()) -> int:
        """Append the entries with their lines in one transaction, or nothing; the position of the last."""
        with translated_errors("log"):
            self.create_keys([entry.customer for entry in entries if isinstance(entry, Entry)])
            rows: list[tuple[int, int | None, int | None, bytes, int | None]] = []
            written: list[bytes] = []
            nonces = os.urandom(NONCE_BYTES * len(entries))
            for i, (entry, its_lines) in enumerate(zip(entries, lines or [()] * len(entries), strict=True)):
                position = self._last + 1 + i
                if isinstance(entry, WorldEntry):
                    rows.append((position, None, None, encode(entry), None))
                    continue
                person = self._keys.of(entry.customer)
                assert person is not None
                moment = person.moment(entry.moment.id)
                nonce = nonces[NONCE_BYTES * i : NONCE_BYTES * (i + 1)]
                sealed = person.seal(encode(entry), _place(position, moment), special=_is_special(entry), nonce=nonce)
                pointer = (self._next + len(written)) << COUNT_BITS | len(its_lines)
                masked = person.masked(pointer, position) if its_lines else None
                rows.append((position, person.pseudonym, moment, sealed, masked))
                written += its_lines
            try:
                with transaction(self._database):
                    self._database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", rows)
                    self._database.executemany("INSERT INTO ledger VALUES (?, ?)", enumerate(written, start=self._next))
            except sqlite3.IntegrityError:
                advice = "Answer it with EntryLog.entry."
                raise Refused("A moment of this group is in the log already.", advice=advice) from None
        self._last += len(rows)
        self._next += len(written)
        self._last_line = written[-1] if written else self._last_line
        return self._last

    def entry(self, customer: str, moment: str) -> Entry | None:
        """The entry of this moment, or ``None``."""
        person = self._keys.of(customer)
        if person is None:
            return None
        name = person.moment(moment)
        rows = self._select("position, data FROM entries WHERE person = ? AND moment = ?", person.pseudonym, name)
        return next((_open(person, position, name, data) for position, data in rows), None)

    def of(self, customer: str) -> Iterator[Entry]:
        """The customer's entries, oldest first."""
        person = self._keys.of(customer)
        if person is not None:
            rows = "position, moment, data FROM entries WHERE person = ? ORDER BY position"
            for position, moment, data in self._select(rows, person.pseudonym):
                yield _open(person, position, moment, data)

    def scan(self, after: int = 0) -> Iterator[tuple[int, Entry | WorldEntry]]:
        """Every entry after this position, read as it goes."""
        with translated_errors("log"):
            where = "WHERE position > ? AND position <= ? ORDER BY position"
            rows_after = f"SELECT position, person, moment, data FROM entries {where}"  # noqa: S608  two constants
            cursor = self._database.execute(rows_after, (after, self._last))
        while rows := cursor.fetchmany(FETCH):
            for position, pseudonym, moment, data in rows:
                if pseudonym is not None:
                    yield position, _open(self._keys.by_pseudonym(pseudonym), position, moment, data)
                elif data:
                    yield position, decode_world(data)

    def amend(self, customer: str, entries: Mapping[str, Entry | None]) -> None:
        """Seal the new entries into the same rows, and blank those of deleted ones."""
        with translated_errors("log"):
            truncate_wal(self._database)  # a reader would keep what is replaced: then nothing is begun
            person = self._keys.of(customer)
            if person is None:
                return
            gone = 0
            with transaction(self._database):
                for moment, entry in entries.items():
                    name = person.moment(moment)
                    rows = "position FROM entries WHERE person = ? AND moment = ?"
                    for (position,) in self._select(rows, person.pseudonym, name):
                        if entry is None:
                            gone += self._database.execute(f"{_BLANK} WHERE position = ?", (position,)).rowcount
                            continue
                        sealed = person.seal(encode(entry), _place(position, name), special=_is_special(entry))
                        self._database.execute("UPDATE entries SET data = ? WHERE position = ?", (sealed, position))
                self._database.execute("UPDATE erased SET entries = entries + ?", (gone,))
            self._gone += gone
            truncate_wal(self._database)

    def erase(self, customer: str, *, for_good: bool = True) -> int:
        """Write the tombstone, blank the rows, truncate the write-ahead log, then destroy the keys."""
        with translated_errors("log"):
            truncate_wal(self._database)  # a reader would keep what is deleted: then nothing is begun
            self._keys.add_tombstone(customer, datetime.now(UTC), for_good=for_good)
            person = self._keys.of(customer)
            deleted = 0
            if person is not None:
                with transaction(self._database):
                    deleted = self._overwrite(person.pseudonym)
                self._gone += deleted
            try:
                truncate_wal(self._database)
            finally:  # also when a reader blocks the truncation: should they come again, it is under other keys
                self._keys.shred(customer)
        return deleted

    def erased(self, customer: str) -> bool:
        """Whether this customer was erased for good."""
        return self._keys.erased(customer)

    def lines(self, start: int, stop: int) -> Sequence[bytes]:
        """These lines of the ledger."""
        found = self._select("line FROM ledger WHERE number >= ? AND number < ? ORDER BY number", start, stop)
        return [line for (line,) in found]

    def last_line(self) -> bytes:
        """The newest line, or nothing."""
        return self._last_line

    def lines_of(self, customer: str) -> Iterator[tuple[int, bytes]]:
        """The lines that the customer's rows point to, with their numbers."""
        person = self._keys.of(customer)
        if person is not None:
            rows = "position, lines FROM entries WHERE person = ? AND lines IS NOT NULL ORDER BY position"
            for position, masked in self._select(rows, person.pseudonym):
                number, count = divmod(person.masked(masked, position), 1 << COUNT_BITS)
                yield from enumerate(self.lines(number, number + count), start=number)

    def create_keys(self, customers: Iterable[str]) -> None:
        """Create the keys of those who have none."""
        self._keys.create_missing(customers)

    def audit_key(self, customer: str) -> bytes:
        """The customer's audit key, or nothing."""
        person = self._keys.of(customer)
        return person.audit_key if person is not None else b""

    def __len__(self) -> int:
        """How many entries."""
        self._select("1")
        return self._last - self._gone

    def close(self) -> None:
        """Close both files."""
        self._database.close()
        self._keys.close()

    def _select(self, what: str, *values: int) -> list[tuple[Any, ...]]:
        with translated_errors("log"):
            return self._database.execute(f"SELECT {what}", values).fetchall()

    def _overwrite(self, pseudonym: int) -> int:
        """Blank this person's rows and return how many there were."""
        rows = self._database.execute(f"{_BLANK} WHERE person = ?", (pseudonym,)).rowcount
        if rows:
            self._database.execute("UPDATE erased SET entries = entries + ?", (rows,))
        return rows


def _is_special(entry: Entry) -> bool:
    """Whether this entry holds data of a special category: what happened, or what a decision read."""
    return entry.moment.category in SPECIAL or any(not SPECIAL.isdisjoint(use.categories) for use in entry.uses)


def _open(person: PersonKey, position: int, moment: int, data: bytes) -> Entry:
    return decode(person.open(data, _place(position, moment)))
