"""What is kept for the timelines of all persons: their items, contacts and subscriptions, and the bytes of attachments. One small SQLite file.

Our own cards are not in here: they are read from what is on the person's screens. Everything is bounded for each person, old items leave by themselves,
and what is deleted is overwritten: nothing readable of it remains in the file.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from visavis.model.errors import Refused

Collection = Literal["timeline", "contacts", "subscriptions"]
LIMITS: Final[dict[Collection, int]] = {"timeline": 500, "contacts": 100, "subscriptions": 10}
"""How many of each one person may have; of items the oldest leave, of the others no more are taken."""
KEPT_S: Final = 10 * 86_400.0
"""An item that was not updated for so long is deleted."""
MEDIA_LIMIT: Final = 40 << 20
"""How many bytes of attachments one person may have."""


class Media(Struct, frozen=True):
    """The bytes of one attachment."""

    id: str
    type: str
    data: bytes


class Timelines:
    """The file. ``:memory:`` for tests."""

    def __init__(self, path: Path | str, now: Callable[[], float]) -> None:
        self._now = now
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript("""
            PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;
            CREATE TABLE IF NOT EXISTS resources (person TEXT, collection TEXT, id TEXT, updated REAL, body BLOB, PRIMARY KEY (person, collection, id)) STRICT;
            CREATE TABLE IF NOT EXISTS media (person TEXT, item TEXT, id TEXT, type TEXT, data BLOB, PRIMARY KEY (person, item, id)) STRICT;
        """)

    def put(self, person: str, collection: Collection, name: str, body: bytes) -> None:
        """Keep this resource, or put it in the place of the one of that id."""
        known = self.of(person, collection)
        if collection != "timeline" and name not in known and len(known) >= LIMITS[collection]:
            raise Refused(f"This person has {len(known)} {collection} already.", advice="Delete one.")
        self._database.execute("INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?, ?)", (person, collection, name, self._now(), body))
        if collection == "timeline":
            self._prune(person)

    def of(self, person: str, collection: Collection) -> dict[str, bytes]:
        """The person's resources by id, the last updated first."""
        rows = self._database.execute(
            "SELECT id, body FROM resources WHERE person = ? AND collection = ? AND updated > ? ORDER BY updated DESC, rowid DESC",
            (person, collection, self._now() - KEPT_S if collection == "timeline" else -1.0),
        )
        return dict(rows.fetchall())

    def get(self, person: str, collection: Collection, name: str) -> bytes | None:
        """The resource of this id."""
        return self.of(person, collection).get(name)

    def drop(self, person: str, collection: Collection, name: str) -> None:
        """Take this resource away."""
        self._database.execute("DELETE FROM resources WHERE person = ? AND collection = ? AND id = ?", (person, collection, name))

    def attach(self, person: str, item: str, media: Media) -> None:
        """Keep these bytes with this item."""
        (held,) = self._database.execute("SELECT coalesce(sum(length(data)), 0) FROM media WHERE person = ?", (person,)).fetchone()
        if held + len(media.data) > MEDIA_LIMIT:
            raise Refused(f"This person's attachments would be over {MEDIA_LIMIT:,} bytes.", advice="Delete some.")
        self._database.execute("INSERT INTO media VALUES (?, ?, ?, ?, ?)", (person, item, media.id, media.type, media.data))

    def attached(self, person: str, item: str, name: str) -> Media | None:
        """The bytes of this attachment of this person's item."""
        row = self._database.execute("SELECT id, type, data FROM media WHERE person = ? AND item = ? AND id = ?", (person, item, name)).fetchone()
        return Media(*row) if row is not None else None

    def detach(self, person: str, item: str, name: str = "") -> None:
        """Take the bytes of this attachment away; without a name, of all of this item's."""
        self._database.execute("DELETE FROM media WHERE person = ? AND item = ? AND (id = ? OR ? = '')", (person, item, name, name))

    def forget(self, person: str) -> None:
        """Erase all of this person, from the file and from its journal."""
        self._database.execute("DELETE FROM resources WHERE person = ?", (person,))
        self._database.execute("DELETE FROM media WHERE person = ?", (person,))
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def _prune(self, person: str) -> None:
        """Let the old items go, of everybody, and the oldest of this person when there are too many; their attachments go too."""
        gone = self._database.execute(
            "DELETE FROM resources WHERE collection = 'timeline' AND (updated <= ?1 OR (person = ?2 AND id IN ("
            "SELECT id FROM resources WHERE person = ?2 AND collection = 'timeline' ORDER BY updated DESC, rowid DESC LIMIT -1 OFFSET ?3))) "
            "RETURNING person, id",
            (self._now() - KEPT_S, person, LIMITS["timeline"]),
        ).fetchall()
        for one, item in gone:
            self.detach(one, item)
