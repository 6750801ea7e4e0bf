"""Where persons can be reached (push subscription, phone pass, e-mail), sealed in one file, and tickets of links."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Final

from visavis.model.entry import Entry
from visavis.model.errors import Invalid, Refused
from visavis.store.keys import Cipher, derived
from visavis.store.personal_items import PersonalItems

LIMIT: Final = 10  # how many addresses of one kind a person may have


class Addresses:
    """The file (``:memory:`` for tests). An address has a kind, a name (a device's key, or none) and bytes."""

    name = "addresses"

    def __init__(self, path: Path | str, key: bytes, *, erased: Callable[[str], bool] = lambda _: False) -> None:
        self._tickets = Cipher(derived(key, "tickets"))
        self._items = PersonalItems(path, key, erased=erased)

    def keep(self, person: str, kind: str, name: str, data: bytes) -> None:
        """Add or replace this address; :class:`Refused` when the person has too many, or was erased."""
        known = [one for one in self._items.of(person) if one[0] == kind]
        if len(known) >= LIMIT and (kind, name) not in known:
            raise Refused(f"This person has {LIMIT} addresses of this kind already.", advice="Remove one.")
        self._items.put(person, kind, name, data)

    def of(self, person: str, kind: str) -> dict[str, bytes]:
        """The person's addresses of this kind, by name, the oldest first."""
        return {name: self._data(person, kind, name) for one, name in self._items.of(person) if one == kind}

    def has(self, person: str, kind: str) -> bool:
        """Whether the person has an address of this kind."""
        return any(one == kind for one, _ in self._items.of(person))

    def under(self, person: str, start: str, name: str) -> dict[str, bytes]:
        """The person's addresses of this name whose kinds begin so, by kind, the oldest first."""
        kinds = [kind for kind, one in self._items.of(person) if kind.startswith(start) and one == name]
        return {kind: self._data(person, kind, name) for kind in kinds}

    def named(self, kind: str) -> dict[str, str]:
        """The person of each address of this kind, by its name."""
        return dict(self._items.holders(kind))

    def whose(self, kind: str, name: str) -> str:
        """The person who has the address of this name; empty when nobody has."""
        return self._items.holder(kind, name)

    def drop(self, person: str, kind: str, name: str | None = None) -> None:
        """Remove this address, or every one of this kind."""
        self._items.drop(person, [one for one in self._items.of(person) if one[0] == kind and name in (None, one[1])])

    def export_personal_data(self, names: Collection[str]) -> list[dict[str, Any]]:
        """Every address of this person, as its channel keeps it."""
        return [
            {"of": name, "kind": place.kind, "name": place.name, "address": data.decode("utf-8", "replace")}
            for name in names
            for place, data in self._items.values(name)
        ]

    def erase_personal_data(self, names: Collection[str], _entries: Sequence[Entry] = ()) -> int:
        """Leave no address of this person in any file; how many there were."""
        return sum([self._items.forget(name) for name in names])

    def people(self) -> set[str]:
        """Everyone who has an address."""
        return self._items.people()

    def ticket(self, use: str, *parts: str) -> str:
        """These words sealed for a link: nobody else can make or read them, and they serve this use only."""
        return urlsafe_b64encode(self._tickets.seal("\0".join(parts).encode(), use.encode())).decode().rstrip("=")

    def read(self, use: str, ticket: str) -> tuple[str, ...]:
        """The words of a ticket of ours; :class:`Refused` for any other."""
        try:
            sealed = urlsafe_b64decode(ticket.encode("ascii") + b"=" * (-len(ticket) % 4))
            opened = self._tickets.open(sealed, use.encode())
        except (ValueError, Invalid):
            raise Refused("This link is not one of ours.", advice="Open it again from the message.") from None
        return tuple(opened.decode().split("\0"))

    def close(self) -> None:
        """Close the file."""
        self._items.close()

    def _data(self, person: str, kind: str, name: str) -> bytes:
        return self._items.get(person, kind, name) or b""
