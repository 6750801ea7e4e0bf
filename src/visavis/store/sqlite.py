"""The log on disk: one SQLite file in WAL mode, one row an entry, one transaction a group, one fsync a commit.

Each row sealed for its person.

The lines of the ledger lie beside, in the clear: they lead to nobody. An entry's row tells where its lines are, under a
mask that only its person's key takes off.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from struct import Struct
from typing import Final

from visavis.ledger.record import read
from visavis.model.consent import Purpose
from visavis.model.entry import Entry, WorldEntry, decode, decode_world, encode
from visavis.model.errors import Invalid, Refused, Unavailable
from visavis.store.keys import NONCE_BYTES, KeyStore, PersonKey
from visavis.store.sqlite_file import emptied, opening

APPLICATION: Final = 0x76697361  # "visa", in the file's header: what `file` and we recognise it by
FORM: Final = 5
FETCH: Final = 2048
_place: Final = Struct(">QQ").pack
"""What a row is bound to: its position and its moment; :class:`~visavis.store.keys.PersonKey` adds whose it is."""
SPECIAL: Final = frozenset({"numbers"})
"""Categories whose entries are sealed under the person's second key: health."""
_SCHEMA: Final = (
    (
        "CREATE TABLE entries (position INTEGER PRIMARY KEY, person INTEGER, moment INTEGER, data BLOB NOT NULL, line"
        " INTEGER) STRICT"
    ),
    "CREATE UNIQUE INDEX moments ON entries (person, moment) WHERE person IS NOT NULL",
    "CREATE TABLE ledger (number INTEGER PRIMARY KEY, line BLOB NOT NULL) STRICT",
    "CREATE TABLE erased (entries INTEGER NOT NULL) STRICT",
    "INSERT INTO erased VALUES (0)",
)


class SqliteLog:
    """A :class:`~visavis.ports.Log` in one file.

    One process writes at a time: the lock goes with it, also when it is killed.

    Who and which moment are told by the vault's pseudonyms and hashes; the rest is sealed, bound to its row. Opening
    completes every erasure that was decided, whatever was interrupted or put back from a backup. The vault is closed
    with the log. One call at a time, from whatever thread.
    """

    def __init__(self, path: Path, vault: KeyStore) -> None:
        self._path = path
        self._vault = vault
        with opening(path, "log", failing=vault.close) as self._database:
            self._database.execute("PRAGMA cache_size = -16384")
            self._database.execute("BEGIN IMMEDIATE")
            self._found_or_made()
            self._last: int = self._database.execute("SELECT coalesce(max(position), 0) FROM entries").fetchone()[0]
            self._gone: int = self._database.execute("SELECT entries FROM erased").fetchone()[0]
            number, line = self._database.execute(
                "SELECT number, line FROM ledger ORDER BY number DESC LIMIT 1"
            ).fetchone() or (-1, b"")
            self._next: int = number + 1
            self._day = date.fromisoformat(read(line).day).toordinal() if line else 0
            for one in vault.tombstones:
                self._gone += self._overwrite(one.pseudonym)
            self._database.execute("COMMIT")
            emptied(self._database)

    def _found_or_made(self) -> None:
        (application,) = self._database.execute("PRAGMA application_id").fetchone()
        (form,) = self._database.execute("PRAGMA user_version").fetchone()
        if self._database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,) and application == 0:
            self._database.execute(f"PRAGMA application_id = {APPLICATION}")
            self._database.execute(f"PRAGMA user_version = {FORM}")
            for statement in _SCHEMA:
                self._database.execute(statement)
        elif (application, form) != (APPLICATION, FORM):
            raise Invalid(
                f"{self._path.name} is not a log of this version.", advice="Give the folder that this version wrote."
            )

    def commit(self, entries: Sequence[Entry | WorldEntry], purposes: Mapping[str, Purpose] | None = None) -> None:
        """All of them durably, with their lines of the ledger, or none."""
        with self._asked():
            self._vault.let_in([entry.customer for entry in entries if isinstance(entry, Entry)])
            nonces = os.urandom(NONCE_BYTES * len(entries))
            rows: list[tuple[int, int | None, int | None, bytes, int | None]] = []
            lines: list[bytes] = []
            for i, entry in enumerate(entries):
                position = self._last + 1 + i
                if isinstance(entry, WorldEntry):
                    rows.append((position, None, None, encode(entry), None))
                    continue
                person = self._vault.of(entry.customer)
                assert person is not None
                moment = person.moment(entry.moment.id)
                nonce = nonces[NONCE_BYTES * i : NONCE_BYTES * (i + 1)]
                sealed = person.seal(encode(entry), _place(position, moment), special=_is_special(entry), nonce=nonce)
                told = person.lines(entry, purposes, since=self._day) if purposes is not None else ()
                rows.append(
                    (
                        position,
                        person.pseudonym,
                        moment,
                        sealed,
                        person.masked(self._next + len(lines), position) if told else None,
                    )
                )
                if told:
                    lines += told
                    self._day = max(self._day, entry.received_at.toordinal())
            try:
                self._database.execute("BEGIN IMMEDIATE")
                self._database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", rows)
                self._database.executemany("INSERT INTO ledger VALUES (?, ?)", enumerate(lines, start=self._next))
                self._database.execute("COMMIT")
            except sqlite3.IntegrityError:
                self._database.execute("ROLLBACK")
                raise Refused(
                    "A moment of this group is in the log already.", advice="Answer it with Log.entry."
                ) from None
            except sqlite3.Error:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        self._last += len(rows)
        self._next += len(lines)

    def entry(self, customer: str, moment: str) -> Entry | None:
        """The entry of this moment, or ``None``."""
        with self._asked():
            person = self._vault.of(customer)
            if person is None:
                return None
            name = person.moment(moment)
            row = self._database.execute(
                "SELECT position, data FROM entries WHERE person = ? AND moment = ?", (person.pseudonym, name)
            ).fetchone()
        return _opened(person, row[0], name, row[1]) if row is not None else None

    def of(self, customer: str) -> Iterator[Entry]:
        """The customer's entries, oldest first."""
        with self._asked():
            person = self._vault.of(customer)
            if person is None:
                return
            rows = self._database.execute(
                "SELECT position, moment, data FROM entries WHERE person = ? ORDER BY position", (person.pseudonym,)
            ).fetchall()
        for position, moment, data in rows:
            yield _opened(person, position, moment, data)

    def scan(self, after: int = 0) -> Iterator[tuple[int, Entry | WorldEntry]]:
        """Every entry after this position, read as it goes."""
        with self._asked():
            cursor = self._database.execute(
                "SELECT position, person, moment, data FROM entries WHERE position > ? AND position <= ? ORDER BY"
                " position",
                (after, self._last),
            )
        while rows := cursor.fetchmany(FETCH):
            for position, pseudonym, moment, data in rows:
                if data:
                    yield (
                        position,
                        (
                            decode_world(data)
                            if pseudonym is None
                            else _opened(self._vault.under(pseudonym), position, moment, data)
                        ),
                    )

    def amend(self, customer: str, entries: Mapping[str, Entry | None]) -> None:
        """The rows, sealed anew where they lie, then the traces of what they held."""
        with self._asked():
            emptied(self._database)  # whoever reads now would keep what is replaced: then nothing is begun
            person = self._vault.of(customer)
            if person is None:
                return
            gone = 0
            try:
                self._database.execute("BEGIN IMMEDIATE")
                for moment, entry in entries.items():
                    name = person.moment(moment)
                    row = self._database.execute(
                        "SELECT position FROM entries WHERE person = ? AND moment = ?", (person.pseudonym, name)
                    ).fetchone()
                    if row is None:
                        continue
                    if entry is None:
                        self._database.execute(
                            "UPDATE entries SET person = NULL, moment = NULL, data = x'', line = NULL WHERE"
                            " position = ?",
                            row,
                        )
                        gone += 1
                    else:
                        sealed = person.seal(encode(entry), _place(row[0], name), special=_is_special(entry))
                        self._database.execute("UPDATE entries SET data = ? WHERE position = ?", (sealed, row[0]))
                self._database.execute("UPDATE erased SET entries = entries + ?", (gone,))
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
            self._gone += gone
            emptied(self._database)

    def erase(self, customer: str, *, for_good: bool = True) -> int:
        """The tombstone, the rows, their traces, then the keys."""
        with self._asked():
            emptied(self._database)  # whoever reads now would keep what is deleted: then nothing is begun
            self._vault.bury(customer, datetime.now(UTC), for_good=for_good)
            person = self._vault.of(customer)
            deleted = 0
            if person is not None:
                try:
                    self._database.execute("BEGIN IMMEDIATE")
                    deleted = self._overwrite(person.pseudonym)
                    self._database.execute("COMMIT")
                finally:
                    if self._database.in_transaction:
                        self._database.execute("ROLLBACK")
                self._gone += deleted
                try:
                    emptied(self._database)
                finally:  # also when a file could not be cut yet: whoever may come again gets other keys
                    self._vault.shred(customer)
            else:
                self._vault.shred(customer)
        return deleted

    def lines(self, start: int, stop: int) -> Sequence[bytes]:
        """These lines of the ledger."""
        with self._asked():
            found = self._database.execute(
                "SELECT line FROM ledger WHERE number >= ? AND number < ? ORDER BY number", (start, stop)
            ).fetchall()
        return [line for (line,) in found]

    def lines_of(self, customer: str) -> Iterator[tuple[int, bytes]]:
        """The person's own: those from where each of their entries points, as far as their key knows them."""
        with self._asked():
            person = self._vault.of(customer)
            if person is None:
                return
            rows = self._database.execute(
                "SELECT position, line FROM entries WHERE person = ? AND line IS NOT NULL ORDER BY position",
                (person.pseudonym,),
            ).fetchall()
        number = -1
        for position, masked in rows:
            number = max(number, person.masked(masked, position))
            while (found := self.lines(number, number + 1)) and read(found[0]).is_of(person.audit_key):
                yield number, found[0]
                number += 1

    def audit_key(self, customer: str) -> bytes:
        """What they are known by."""
        with self._asked():
            person = self._vault.of(customer)
        return person.audit_key if person is not None else b""

    def erased(self, customer: str) -> bool:
        """Whether this person was erased."""
        return self._vault.erased(customer)

    def __len__(self) -> int:
        """How many entries."""
        with self._asked():
            self._database.execute("SELECT 1")
        return self._last - self._gone

    def close(self) -> None:
        """Give the files back."""
        self._database.close()
        self._vault.close()

    def _overwrite(self, pseudonym: int) -> int:
        """Empty this person's rows where they lie (``rights.database`` says why), and say how many.

        Their positions stay taken.
        """
        rows = self._database.execute(
            "UPDATE entries SET person = NULL, moment = NULL, data = x'', line = NULL WHERE person = ?", (pseudonym,)
        ).rowcount
        if rows:
            self._database.execute("UPDATE erased SET entries = entries + ?", (rows,))
        return rows

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise Unavailable("This log is closed.", advice="Open it again.") from None
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The log cannot be used: {error}.", advice="Is the disk full?") from None


def _is_special(entry: Entry) -> bool:
    """Whether this entry holds data of a special category: what happened, or what a decision read."""
    return entry.moment.category in SPECIAL or any(not SPECIAL.isdisjoint(use.categories) for use in entry.uses)


def _opened(person: PersonKey, position: int, moment: int, data: bytes) -> Entry:
    return decode(person.open(data, _place(position, moment)))
