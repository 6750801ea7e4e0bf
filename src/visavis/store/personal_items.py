"""A small encrypted store: items of persons in one SQLite file, each with a kind and a name."""
# Headers are read once, at opening. A row is a sealed header and a sealed value, bound to its number; rows are blanked,
# never deleted (:mod:`~visavis.store.sqlite_file`), and opening compacts a file of mostly blank rows.

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from visavis.model.entry import Entry
from visavis.model.errors import Refused
from visavis.store.keys import Cipher
from visavis.store.sqlite_file import open_database, transaction, truncate_wal

BLANK_LIMIT: Final = 1_000
"""The file is compacted only when more rows than this are blank."""


class ItemHeader(Struct, frozen=True, array_like=True):
    """Whose an item is, its kind and name, since when it is there, and its size in bytes."""

    person: str
    kind: str
    name: str
    at: float
    size: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ItemHeader).decode


class PersonalItems:
    """The file (``:memory:`` for tests), encrypted under ``secret``, for one process; stores nothing of the ``erased``.

    >>> items = PersonalItems(":memory:", bytes(32))
    >>> items.put("camille", "mail", "home", b"camille@example.net")
    >>> items.get("camille", "mail", "home"), items.forget("camille"), items.people()
    (b'camille@example.net', 1, set())
    """

    def __init__(self, path: Path | str, secret: bytes, *, erased: Callable[[str], bool] = lambda _: False) -> None:
        self._cipher = Cipher(secret)
        self._erased = erased
        self._people: dict[str, dict[tuple[str, str], tuple[int, ItemHeader]]] = {}
        self._holders: dict[str, dict[str, dict[str, None]]] = {}
        self._database = open_database(path)
        try:
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS items (number INTEGER PRIMARY KEY, header BLOB, value BLOB) STRICT"
            )
            blank, full = self._database.execute("SELECT count(*) - count(header), count(header) FROM items").fetchone()
            if blank > max(BLANK_LIMIT, full):
                self._database.execute("DELETE FROM items WHERE header IS NULL")
                self._database.execute("VACUUM")
                truncate_wal(self._database)
            (self._last,) = self._database.execute("SELECT coalesce(max(number), 0) FROM items").fetchone()
            for number, sealed in self._database.execute(
                "SELECT number, header FROM items WHERE header IS NOT NULL ORDER BY number"
            ):
                self._add(number, _decode(self._cipher.open(sealed, b"header %d" % number)))
        except BaseException:
            self._database.close()
            raise

    def put(self, person: str, kind: str, name: str, value: bytes, at: float = 0.0) -> None:
        """Store this item, replacing the one of that name; :class:`Refused` when the person was erased."""
        if self._erased(person):
            raise Refused("Nothing is kept under this name.")
        number, header = self._last + 1, ItemHeader(person, kind, name, at, len(value))
        sealed_header = self._cipher.seal(_encode(header), b"header %d" % number)
        row = (number, sealed_header, self._cipher.seal(value, b"value %d" % number))
        with transaction(self._database):
            self._database.execute("INSERT INTO items VALUES (?, ?, ?)", row)
            self._blank(person, [(kind, name)])
        self._last = number
        self._remove(person, [(kind, name)])
        self._add(number, header)

    def of(self, person: str) -> Mapping[tuple[str, str], ItemHeader]:
        """The headers of this person's items by kind and name, in the order in which they were put."""
        return {key: header for key, (_, header) in self._people.get(person, {}).items()}

    def get(self, person: str, kind: str, name: str) -> bytes | None:
        """The value; :class:`Invalid` when it was altered or moved."""
        number, _ = self._people.get(person, {}).get((kind, name), (0, None))
        row = self._database.execute("SELECT value FROM items WHERE number = ?", (number,)).fetchone()
        return self._cipher.open(row[0], b"value %d" % number) if row is not None else None

    def holders(self, kind: str) -> Mapping[str, str]:
        """Who has items of this kind, by the items' names; of one name, who put theirs last."""
        return {name: next(reversed(people)) for name, people in self._holders.get(kind, {}).items()}

    def holder(self, kind: str, name: str) -> str:
        """Who has the item of this name; empty when nobody has."""
        return next(reversed(self._holders.get(kind, {}).get(name, {"": None})))

    def drop(self, person: str, items: Iterable[tuple[str, str]]) -> None:
        """Delete these items, named by kind and name."""
        gone = list(items)
        with transaction(self._database):
            self._blank(person, gone)
        self._remove(person, gone)

    def forget(self, customer: str, _entries: Sequence[Entry] = ()) -> int:
        """Delete everything of this person from the files, and return how many items that was."""
        gone = list(self._people.get(customer, ()))
        self.drop(customer, gone)
        truncate_wal(self._database)
        return len(gone)

    def values(self, person: str) -> list[tuple[ItemHeader, bytes]]:
        """The person's items, in the order in which they were put."""
        found = [(header, self.get(person, header.kind, header.name)) for header in self.of(person).values()]
        return [(header, value) for header, value in found if value is not None]

    def people(self) -> set[str]:
        """Everyone who has items."""
        return set(self._people)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _blank(self, person: str, items: Iterable[tuple[str, str]]) -> None:
        mine = self._people.get(person, {})
        numbers = [(mine[item][0],) for item in items if item in mine]
        self._database.executemany("UPDATE items SET header = NULL, value = NULL WHERE number = ?", numbers)

    def _add(self, number: int, header: ItemHeader) -> None:
        self._people.setdefault(header.person, {})[header.kind, header.name] = number, header
        self._holders.setdefault(header.kind, {}).setdefault(header.name, {})[header.person] = None

    def _remove(self, person: str, items: Iterable[tuple[str, str]]) -> None:
        mine = self._people.get(person, {})
        for kind, name in items:
            if mine.pop((kind, name), None) is not None:
                named = self._holders[kind]
                del named[name][person]
                if not named[name]:
                    del named[name]
                if not named:
                    del self._holders[kind]
        if not mine:
            self._people.pop(person, None)
