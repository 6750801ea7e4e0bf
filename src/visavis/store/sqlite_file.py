"""Open SQLite files so that what is deleted is overwritten in place and cut from the write-ahead log."""
# Blanking a row (``UPDATE … SET value = NULL``) zeroes it in place; deleting one may leave stale copies of its
# neighbours. So tables with personal data are append-only and blanked. Indexes hold only hashes and random numbers.

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from visavis.model.errors import Invalid, Unavailable


def open_database(path: Path | str, *, exclusive: bool = False) -> sqlite3.Connection:
    """Open or create a WAL database readable by its owner only; ``secure_delete`` (builds differ) is set, checked."""
    if isinstance(path, Path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)  # SQLite gives the same mode to the files beside it
    database = sqlite3.connect(path, isolation_level=None, timeout=0.2, check_same_thread=False)
    try:
        if exclusive:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA temp_store = MEMORY")
        if database.execute("PRAGMA secure_delete = ON").fetchone() != (1,):
            what = "This build of SQLite does not overwrite what it deletes."
            raise Invalid(what, advice="Use one with SQLITE_SECURE_DELETE.")
        if exclusive:
            database.execute("BEGIN IMMEDIATE")  # takes the lock now; exclusive mode keeps it
            database.execute("COMMIT")
        truncate_wal(database)
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def open_exclusive(
    path: Path | str, what: str, *, failing: Callable[[], None] = lambda: None
) -> Iterator[sqlite3.Connection]:
    """Open for this process alone and check; on error close, call ``failing``, raise Unavailable or Invalid."""
    database = None
    try:
        database = open_database(path, exclusive=True)
        yield database
    except BaseException as error:
        if database is not None:
            database.close()
        failing()
        if isinstance(error, sqlite3.OperationalError):
            advice = "Is another process writing it?"
            raise Unavailable(f"The {what} cannot be opened: {error}.", advice=advice) from None
        if isinstance(error, sqlite3.DatabaseError):
            advice = "Give the folder that an earlier run wrote."
            raise Invalid(f"This file is not a {what}: {error}.", advice=advice) from None
        raise


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """One transaction, committed at the end of the ``with`` block and rolled back by any error."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")


@contextmanager
def translated_errors(what: str) -> Iterator[None]:
    """Raise SQLite's errors about a closed or unusable file as :class:`Unavailable`."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise Unavailable(f"This {what} is closed.", advice="Open it again.") from None
    except sqlite3.OperationalError as error:
        raise Unavailable(f"The {what} cannot be used: {error}.", advice="Is the disk full?") from None


def truncate_wal(database: sqlite3.Connection) -> None:
    """Copy the write-ahead log into the file and truncate it; :class:`Unavailable` while another reader is open."""
    advice = "Finish what is being read, then ask again."
    try:
        found = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        raise Unavailable(f"What was deleted is not gone yet: {error}.", advice=advice) from None
    if found not in ((0, 0, 0), (0, -1, -1)):  # (0, -1, -1): a database in memory has no write-ahead log
        raise Unavailable("What was deleted is not gone yet: somebody is reading it.", advice=advice)
