"""The log on disk: one SQLite file in WAL mode, one row an entry, one transaction a group, one fsync a commit."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from visavis.model.entry import Entry, WorldEntry, decode, decode_world, encode
from visavis.model.errors import Invalid, Refused, Unavailable

APPLICATION: Final = 0x76697361  # "visa", in the file's header: what `file` and we recognise it by
FORM: Final = 2
FETCH: Final = 2048
_SCHEMA: Final = (
    "CREATE TABLE entries (position INTEGER PRIMARY KEY, customer TEXT, moment TEXT, data BLOB NOT NULL) STRICT",
    "CREATE UNIQUE INDEX moments ON entries (customer, moment) WHERE customer IS NOT NULL",
)


class SqliteLog:
    """A :class:`~visavis.ports.Log` in one file. One process writes at a time: the lock goes with it, also when it is killed.

    One call at a time, from whatever thread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = sqlite3.connect(path, isolation_level=None, timeout=0.2, check_same_thread=False)
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA cache_size = -16384")
            self._database.execute("BEGIN IMMEDIATE")
            self._found_or_made()
            self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The log {path.name} cannot be opened: {error}.", advice="Is another process writing it?") from None
        except sqlite3.DatabaseError as error:
            raise Invalid(f"{path.name} is not a log: {error}.", advice="Give the folder that an earlier run wrote.") from None
        row = self._database.execute("SELECT max(position) FROM entries").fetchone()
        self._length: int = row[0] or 0

    def _found_or_made(self) -> None:
        (application,) = self._database.execute("PRAGMA application_id").fetchone()
        (form,) = self._database.execute("PRAGMA user_version").fetchone()
        if self._database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,) and application == 0:
            self._database.execute(f"PRAGMA application_id = {APPLICATION}")
            self._database.execute(f"PRAGMA user_version = {FORM}")
            for statement in _SCHEMA:
                self._database.execute(statement)
        elif (application, form) != (APPLICATION, FORM):
            raise Invalid(f"{self._path.name} is not a log of this version.", advice="Give the folder that this version wrote.")

    def commit(self, entries: Sequence[Entry | WorldEntry]) -> None:
        """All of them durably, or none."""
        rows = []
        for position, entry in enumerate(entries, start=self._length + 1):
            named = (entry.customer, entry.moment.id) if isinstance(entry, Entry) else (None, None)
            rows.append((position, *named, encode(entry)))
        with self._asked():
            try:
                self._database.execute("BEGIN IMMEDIATE")
                self._database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", rows)
                self._database.execute("COMMIT")
            except sqlite3.IntegrityError:
                self._database.execute("ROLLBACK")
                raise Refused("A moment of this group is in the log already.", advice="Answer it with Log.entry.") from None
            except sqlite3.Error:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        self._length += len(rows)

    def entry(self, customer: str, moment: str) -> Entry | None:
        """The entry of this moment, or ``None``."""
        with self._asked():
            row = self._database.execute("SELECT data FROM entries WHERE customer = ? AND moment = ?", (customer, moment)).fetchone()
        return decode(row[0]) if row is not None else None

    def of(self, customer: str) -> Iterator[Entry]:
        """The customer's entries, oldest first."""
        with self._asked():
            rows = self._database.execute("SELECT data FROM entries WHERE customer = ? ORDER BY position", (customer,)).fetchall()
        for (data,) in rows:
            yield decode(data)

    def scan(self, after: int = 0) -> Iterator[tuple[int, Entry | WorldEntry]]:
        """Every entry after this position, read as it goes."""
        with self._asked():
            cursor = self._database.execute(
                "SELECT position, customer IS NULL, data FROM entries WHERE position > ? AND position <= ? ORDER BY position",
                (after, self._length),
            )
        while rows := cursor.fetchmany(FETCH):
            for position, of_world, data in rows:
                yield position, decode_world(data) if of_world else decode(data)

    def __len__(self) -> int:
        """How many entries."""
        with self._asked():
            self._database.execute("SELECT 1")
        return self._length

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise Unavailable("This log is closed.", advice="Open it again.") from None
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The log cannot be used: {error}.", advice="Is the disk full?") from None
