"""A shelf: small things of persons in one SQLite file, each with a kind and a name, sealed whole.

The file tells of nobody, not even how they are named.

What is where is known in memory, read once at opening; the file holds numbered rows of two sealed pieces, the place and
the value, bound to their number. Rows are only added at the end and emptied where they lie (``rights.database`` says
why); when most are empty, opening writes the file anew.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from visavis.model.entry import Entry
from visavis.model.errors import Refused
from visavis.store.keys import Cipher
from visavis.store.sqlite_file import emptied, open_database

EMPTY_LIMIT: Final = 1_000
"""So many empty rows are let be."""


class ItemHeader(Struct, frozen=True, array_like=True):
    """Whose a thing is, what kind of thing, and its name; since when it is there, and how many bytes it has."""

    person: str
    kind: str
    name: str
    at: float
    size: int


_place = msgspec.msgpack.Decoder(ItemHeader)


class PersonalItems:
    """The file (``:memory:`` for tests), sealed under ``secret``; one process at a time.

    Of whom ``erased`` tells, nothing is taken.

    >>> shelf = PersonalItems(":memory:", bytes(32))
    >>> shelf.put("camille", "mail", "home", b"camille@example.net")
    >>> shelf.get("camille", "mail", "home"), shelf.forget("camille"), shelf.people()
    (b'camille@example.net', 1, set())
    """

    def __init__(self, path: Path | str, secret: bytes, *, erased: Callable[[str], bool] = lambda _: False) -> None:
        self._lock = Cipher(secret)
        self._erased = erased
        self._people: dict[str, dict[tuple[str, str], tuple[int, ItemHeader]]] = {}
        self._holders: dict[str, dict[str, dict[str, None]]] = {}
        self._database = open_database(path)
        try:
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS things (number INTEGER PRIMARY KEY, place BLOB, value BLOB) STRICT"
            )
            empty, full = self._database.execute("SELECT count(*) - count(place), count(place) FROM things").fetchone()
            if empty > max(EMPTY_LIMIT, full):
                self._database.execute("DELETE FROM things WHERE place IS NULL")
                self._database.execute("VACUUM")
                emptied(self._database)
            (self._last,) = self._database.execute("SELECT coalesce(max(number), 0) FROM things").fetchone()
            for number, sealed in self._database.execute(
                "SELECT number, place FROM things WHERE place IS NOT NULL ORDER BY number"
            ):
                self._note(number, _place.decode(self._lock.open(sealed, b"place %d" % number)))
        except BaseException:
            self._database.close()
            raise

    def put(self, person: str, kind: str, name: str, value: bytes, at: float = 0.0) -> None:
        """Keep this thing, or put it in the place of the one of that name.

        :class:`Refused` when the person was erased.
        """
        if self._erased(person):
            raise Refused("Nothing is kept under this name.")
        number, place = self._last + 1, ItemHeader(person, kind, name, at, len(value))
        sealed = (
            self._lock.seal(msgspec.msgpack.encode(place), b"place %d" % number),
            self._lock.seal(value, b"value %d" % number),
        )
        with self._database:  # both or neither
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("INSERT INTO things VALUES (?, ?, ?)", (number, *sealed))
            self._empty(person, [(kind, name)])
        self._last = number
        self._unnote(person, [(kind, name)])
        self._note(number, place)

    def of(self, person: str) -> Mapping[tuple[str, str], ItemHeader]:
        """What there is of this person, by kind and name, in the order in which it was put."""
        return {key: place for key, (_, place) in self._people.get(person, {}).items()}

    def get(self, person: str, kind: str, name: str) -> bytes | None:
        """The value; :class:`Invalid` when it was altered or moved."""
        number, _ = self._people.get(person, {}).get((kind, name), (0, None))
        row = self._database.execute("SELECT value FROM things WHERE number = ?", (number,)).fetchone()
        return self._lock.open(row[0], b"value %d" % number) if row is not None else None

    def holders(self, kind: str) -> Mapping[str, str]:
        """Who has things of this kind, by their names; of one name, who put theirs last."""
        return {name: next(reversed(people)) for name, people in self._holders.get(kind, {}).items()}

    def holder(self, kind: str, name: str) -> str:
        """Who has the thing of this name; empty when nobody has."""
        return next(reversed(self._holders.get(kind, {}).get(name, {"": None})))

    def drop(self, person: str, things: Iterable[tuple[str, str]]) -> None:
        """Take these things away."""
        gone = list(things)
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._empty(person, gone)
        self._unnote(person, gone)

    def forget(self, customer: str, _entries: Sequence[Entry] = ()) -> int:
        """Leave nothing of this erased person in any file, and say how many things that was."""
        gone = list(self._people.get(customer, ()))
        self.drop(customer, gone)
        emptied(self._database)
        return len(gone)

    def values(self, person: str) -> list[tuple[ItemHeader, bytes]]:
        """Everything there is of this person, in the order in which it was put."""
        found = [(place, self.get(person, place.kind, place.name)) for place in self.of(person).values()]
        return [(place, value) for place, value in found if value is not None]

    def people(self) -> set[str]:
        """Everyone of whom there is something."""
        return set(self._people)

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def _empty(self, person: str, things: Iterable[tuple[str, str]]) -> None:
        mine = self._people.get(person, {})
        numbers = [(mine[thing][0],) for thing in things if thing in mine]
        self._database.executemany("UPDATE things SET place = NULL, value = NULL WHERE number = ?", numbers)

    def _note(self, number: int, place: ItemHeader) -> None:
        self._people.setdefault(place.person, {})[place.kind, place.name] = number, place
        self._holders.setdefault(place.kind, {}).setdefault(place.name, {})[place.person] = None

    def _unnote(self, person: str, things: Iterable[tuple[str, str]]) -> None:
        mine = self._people.get(person, {})
        for kind, name in things:
            if mine.pop((kind, name), None) is not None:
                named = self._holders[kind]
                del named[name][person]
                if not named[name]:
                    del named[name]
                if not named:
                    del self._holders[kind]
        if not mine:
            self._people.pop(person, None)
