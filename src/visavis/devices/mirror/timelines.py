"""The stored timelines: items, contacts and subscriptions of all persons, and the bytes of attachments, sealed.

Our own cards are not stored here. Everything is bounded per person; what is deleted is overwritten in the file.
"""

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from visavis.model.errors import Refused
from visavis.store.personal_items import PersonalItems

Collection = Literal["timeline", "contacts", "subscriptions"]
LIMITS: Final[dict[Collection, int]] = {"timeline": 500, "contacts": 100, "subscriptions": 10}
"""How many of each one person may have; of items the oldest are deleted, of the others no more are accepted."""
KEPT_S: Final = 10 * 86_400.0
"""An item that was not updated for so long is deleted."""
LOOKED_S: Final = 3600.0
"""How often old items of all persons are deleted; those of a person who adds one are deleted at once."""
MEDIA_LIMIT: Final = 40 << 20
"""How many bytes of attachments one person may have."""
MEDIA: Final = "media "
"""How the kind of an attachment begins; its item's id follows."""


class Media(Struct, frozen=True, forbid_unknown_fields=True):
    """The bytes of one attachment."""

    id: str
    type: str
    data: bytes


class Timelines:
    """The file (``:memory:`` for tests), sealed under ``secret``. Nothing is accepted of ``erased`` persons."""

    def __init__(
        self,
        path: Path | str,
        secret: bytes,
        now: Callable[[], float],
        *,
        erased: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._now = now
        self._shelf = PersonalItems(path, secret, erased=erased)
        self._looked_at = -inf

    def put(self, person: str, collection: Collection, name: str, body: bytes) -> None:
        """Keep this resource, or put it in the place of the one of that id."""
        known = self._names(person, collection)
        if collection != "timeline" and name not in known and len(known) >= LIMITS[collection]:
            raise Refused(f"This person has {len(known)} {collection} already.", advice="Delete one.")
        self._shelf.put(person, collection, name, body, self._now())
        if collection == "timeline":
            self._prune(person)

    def of(self, person: str, collection: Collection) -> dict[str, bytes]:
        """The person's resources by id, the last updated first."""
        found = {name: self._shelf.get(person, collection, name) for name in self._names(person, collection)}
        return {name: body for name, body in found.items() if body is not None}

    def get(self, person: str, collection: Collection, name: str) -> bytes | None:
        """The resource of this id."""
        return self._shelf.get(person, collection, name) if name in self._names(person, collection) else None

    def drop(self, person: str, collection: Collection, name: str) -> None:
        """Take this resource away."""
        self._shelf.drop(person, [(collection, name)])

    def attach(self, person: str, item: str, media: Media) -> None:
        """Keep these bytes with this item."""
        held = sum([place.size for (kind, _), place in self._shelf.of(person).items() if kind.startswith(MEDIA)])
        if held + len(media.data) > MEDIA_LIMIT:
            raise Refused(f"This person's attachments would be over {MEDIA_LIMIT:,} bytes.", advice="Delete some.")
        self._shelf.put(person, MEDIA + item, media.id, msgspec.msgpack.encode(media))

    def attached(self, person: str, item: str, name: str) -> Media | None:
        """The bytes of this attachment of this person's item."""
        data = self._shelf.get(person, MEDIA + item, name)
        return msgspec.msgpack.decode(data, type=Media) if data is not None else None

    def detach(self, person: str, item: str, name: str = "") -> None:
        """Take the bytes of this attachment away; without a name, of all of this item's."""
        places = [place for place in self._shelf.of(person) if place[0] == MEDIA + item and name in ("", place[1])]
        self._shelf.drop(person, places)

    def erase(self, person: str) -> int:
        """Leave nothing of this person in any file; how many things that was."""
        return self._shelf.forget(person)

    def export(self, person: str) -> list[dict[str, Any]]:
        """Everything that is kept for this person, also what leaves by itself soon; bytes of attachments in base64."""
        found: list[dict[str, Any]] = []
        for place, value in self._shelf.values(person):
            if place.kind.startswith(MEDIA):
                media = asdict(msgspec.msgpack.decode(value, type=Media))
                found.append({"collection": "attachments", "item": place.kind.removeprefix(MEDIA), **media})
            else:
                found.append({"collection": place.kind, "id": place.name, "content": msgspec.json.decode(value)})
        return found

    def people(self) -> set[str]:
        """Everyone of whom there is something."""
        return self._shelf.people()

    def close(self) -> None:
        """Give the file back."""
        self._shelf.close()

    def _names(self, person: str, collection: Collection) -> list[str]:
        """The ids of the person's resources, the last updated first; without items whose time is over."""
        after = self._now() - KEPT_S if collection == "timeline" else -inf
        found = [place for place in self._shelf.of(person).values() if place.kind == collection and place.at > after]
        return [place.name for place in sorted(found, key=lambda place: place.at)][::-1]

    def _prune(self, person: str) -> None:
        """Let the old items go, and the oldest of this person when there are too many; their attachments go too."""
        now = self._now()
        everybody = abs(now - self._looked_at) > LOOKED_S
        if everybody:
            self._looked_at = now
        for one in self.people() if everybody else (person,):
            kept = set(self._names(one, "timeline")[: LIMITS["timeline"]])
            for kind, item in self._shelf.of(one):
                if kind == "timeline" and item not in kept:
                    self.drop(one, "timeline", item)
                    self.detach(one, item)
