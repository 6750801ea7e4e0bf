"""What lies in the files of a server, read from a copy: a server keeps its files to itself while it runs."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

from visavis.store.keys import KeyStore


@contextmanager
def copied(folder: Path) -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield copytree(folder, Path(name) / "data")


def rows(folder: Path, file: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    """What this query finds in ``file`` of the data folder."""
    with copied(folder) as copy, closing(sqlite3.connect(copy / f"{file}.sqlite")) as database:
        return database.execute(query, values).fetchall()


def change(folder: Path, file: str, statement: str, *values: object) -> None:
    """Change ``file`` of a data folder that nobody has open."""
    with closing(sqlite3.connect(folder / f"{file}.sqlite")) as database, database:
        database.execute(statement, values)


def sealed_of(folder: Path, name: str, root: bytes) -> tuple[list[bytes], list[bytes]]:
    """The entries of this person as they lie in the log, and what the key table holds of them."""
    with copied(folder) as copy, closing(KeyStore(copy / "vault.sqlite", root, copy / "erased")) as keys:
        person = keys.of(name)
    assert person is not None
    entries = rows(folder, "log", "SELECT data FROM entries WHERE person = ?", person.pseudonym)
    wrapped = rows(folder, "vault", "SELECT key, special, name FROM people WHERE pseudonym = ?", person.pseudonym)
    return [data for (data,) in entries], [piece for row in wrapped for piece in row]
