"""A SQLite file from which what is erased is gone: zeroed where it lay, and cut off the write-ahead log.

A row that is *emptied* (``UPDATE … SET value = NULL``) is zeroed in its place. One that is *deleted* is too, but its
neighbours may be moved to fill pages, and SQLite leaves stale copies of what it moves: so tables that hold something of
people only grow at their end, and are emptied, never thinned out. Indexes move their entries anyhow: they hold keyed
hashes and random numbers only.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from visavis.model.errors import Invalid, Unavailable


def open_database(path: Path | str, *, exclusive: bool = False) -> sqlite3.Connection:
    """The database of this path, in WAL mode, made for its owner's eyes only.

    What an earlier process left in its write-ahead log is in the file.

    ``secure_delete`` belongs to each connection and its default to each build, so it is set here and read back; nothing
    spills to a temporary file.
    """
    if isinstance(path, Path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)  # SQLite gives the same to the files beside it
    database = sqlite3.connect(path, isolation_level=None, timeout=0.2, check_same_thread=False)
    try:
        if exclusive:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA temp_store = MEMORY")
        if database.execute("PRAGMA secure_delete = ON").fetchone() != (1,):
            raise Invalid(
                "This build of SQLite does not overwrite what it deletes.", advice="Use one with SQLITE_SECURE_DELETE."
            )
        if exclusive:
            database.execute("BEGIN IMMEDIATE")  # the lock is taken now, and kept
            database.execute("COMMIT")
        emptied(database)
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def opening(path: Path | str, what: str, *, failing: Callable[[], None] = lambda: None) -> Iterator[sqlite3.Connection]:
    """The database, for one process alone.

    Whatever goes wrong while it is looked at closes it (then calls ``failing``), and is told as one of our errors.
    """
    database = None
    try:
        database = open_database(path, exclusive=True)
        yield database
    except BaseException as error:
        if database is not None:
            database.close()
        failing()
        if isinstance(error, sqlite3.OperationalError):
            raise Unavailable(
                f"The {what} cannot be open_database: {error}.", advice="Is another process writing it?"
            ) from None
        if isinstance(error, sqlite3.DatabaseError):
            raise Invalid(
                f"This file is not a {what}: {error}.", advice="Give the folder that an earlier run wrote."
            ) from None
        raise


def emptied(database: sqlite3.Connection) -> None:
    """Cut the write-ahead log to nothing, so that what was deleted is in no file.

    :class:`Unavailable` when somebody still reads what was there.
    """
    try:
        found = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        raise Unavailable(
            f"What was deleted is not gone yet: {error}.", advice="Finish what is being read, then ask again."
        ) from None
    # (0, -1, -1): a database in memory has no such log.
    if found not in ((0, 0, 0), (0, -1, -1)):
        raise Unavailable(
            "What was deleted is not gone yet: somebody is reading it.",
            advice="Finish what is being read, then ask again.",
        )
