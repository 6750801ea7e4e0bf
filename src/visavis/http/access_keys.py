"""Access keys: each of one role, for one person, home or place (the brand's for anyone), revocable at once.

A key is 192 random bits, so one fast hash is enough, which is all that is kept; it is shown once.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes, token_urlsafe
from time import monotonic, time
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from visavis.model.entry import Entry, Origin
from visavis.model.errors import Invalid, Refused
from visavis.model.ids import check_identity
from visavis.model.moment import Answered, Consented, Displayed, Moment, Role, Withdrew
from visavis.store.keys import Cipher
from visavis.store.sqlite_file import open_database, truncate_wal

NOTICED_S: Final = 0.5  # how soon a server notices a key that another process made or revoked
ROLES: Final[tuple[Role, ...]] = get_args(Role)

_OTHERS: Final = frozenset({"revoked", "invalidated"})


class InvalidKey(Refused):
    """The request has no key, or one that is not valid any more."""


class AccessKey(Struct, frozen=True, forbid_unknown_fields=True):
    """``subject``: the person (device, sensor) or place (till, adviser); ``until``: epoch seconds (0: no end)."""

    id: str
    role: Role
    subject: str = ""
    profile: str = ""
    revoked: bool = False
    until: float = 0.0

    def origin(self, surface: str, method: str = "") -> Origin:
        """Who acts with this key, and where."""
        return Origin(self.role, self.id, surface, method)


PEOPLES: Final = frozenset({"device", "sensor"})  # the roles whose subject is a person
_key = msgspec.msgpack.Decoder(AccessKey)


class AccessKeys:
    """The keys, in one SQLite file (``:memory:`` for tests) encrypted under ``secret``; ``now`` gives epoch seconds."""

    name = "access_keys"

    def __init__(self, path: Path | str, secret: bytes | None = None, *, now: Callable[[], float] = time) -> None:
        if secret is None and path != ":memory:":
            raise Invalid("Keys on disk are sealed.", advice="Give the secret: vault.derived(root, 'access').")
        self._now = now
        self._lock = Cipher(secret or token_bytes(32))
        self._database = open_database(path)
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS keys (number INTEGER PRIMARY KEY, hash BLOB UNIQUE, key BLOB, made_at TEXT)"
            " STRICT"
        )
        self._keys: dict[bytes, AccessKey] = {}
        self._held: set[str] = set()
        self._version = 0
        self._read()

    def issue(self, role: str, subject: str = "", *, profile: str = "", until: float = 0.0) -> str:
        """Make a key; only its hash is kept. :class:`Invalid` for an unknown role, or a missing or unusable subject."""
        if role not in ROLES:
            raise Invalid(f"`{role}` is no role.", advice=f"Roles: {', '.join(ROLES)}.")
        if (role == "brand") is bool(subject):
            fault = "This role needs a subject." if role != "brand" else "The brand's key has no subject."
            raise Invalid(fault, advice="A person for device and sensor, a place for till and adviser.")
        if role in PEOPLES:
            check_identity(subject, "subject")
        token = f"vv_{role}_{token_urlsafe(24)}"
        digest = _hash(token)
        profile = profile or ("glasses" if role == "device" else "")
        key = AccessKey(digest.hex()[:12], role, subject, profile, until=until)
        made_at = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="seconds")
        self._database.execute("INSERT INTO keys VALUES (NULL, ?, ?, ?)", (digest, self._sealed(digest, key), made_at))
        self._keys[digest] = key
        self._held.add(key.id)
        return token

    def check(self, token: str) -> AccessKey:
        """The key of this token; :class:`InvalidKey` when there is none, or it was revoked or has ended."""
        self._glance()
        key = self._keys.get(_hash(token))
        if key is None or key.revoked or self._over(key):
            raise InvalidKey("This key is not valid.", advice="Ask for a new one: visavis key ROLE.")
        return key

    def holds(self, key: AccessKey) -> bool:
        """Whether this key is still valid; streams ask it before each event."""
        self._glance()
        return self._is_valid(key)

    def revoke(self, key_id: str) -> None:
        """End this key, from the next check on; in other processes within :data:`NOTICED_S`."""
        self._read()
        for digest, key in self._keys.items():
            if key.id == key_id:
                revoked = replace(key, revoked=True)
                row = (self._sealed(digest, revoked), digest)
                self._database.execute("UPDATE keys SET key = ? WHERE hash = ?", row)
                self._keys[digest] = revoked
                self._held.discard(key.id)
                return
        raise Invalid("There is no such key.", advice="The console lists the keys and their ids.")

    def erase_personal_data(self, names: Collection[str], _entries: Sequence[Entry] = ()) -> int:
        """Destroy every key that speaks for this person, from the next check on; how many there were."""
        self._read()
        gone = [digest for digest, key in self._keys.items() if key.role in PEOPLES and key.subject in names]
        for digest in gone:
            self._held.discard(self._keys.pop(digest).id)
        # Emptied where they lie: a row taken out would make SQLite move its neighbours, and leave stale copies of them.
        emptied = "UPDATE keys SET hash = NULL, key = NULL, made_at = NULL WHERE hash = ?"
        self._database.executemany(emptied, [(digest,) for digest in gone])
        truncate_wal(self._database)
        return len(gone)

    def export_personal_data(self, names: Collection[str]) -> list[dict[str, Any]]:
        """Every key that speaks for this person: its id, role, when it was made and until when it is one; no secret."""
        self._read()
        rows = self._database.execute("SELECT hash, made_at FROM keys WHERE hash IS NOT NULL ORDER BY number")
        known = [(self._keys[digest], made_at) for digest, made_at in rows.fetchall() if digest in self._keys]
        mine = [one for one in known if one[0].role in PEOPLES and one[0].subject in names]
        return [{"of": key.subject, **asdict(key), "made_at": made_at} for key, made_at in mine]

    def speaks_for(self, name: str) -> bool:
        """Whether some key, even a revoked one, speaks for this person: they have, or had, a device or a home."""
        return any(key.role in PEOPLES and key.subject == name for key in self._keys.values())

    def has_device(self, name: str) -> bool:
        """Whether this person has a device of their own now, on which they read their page."""
        self._glance()
        return any(key.role == "device" and key.subject == name and self._is_valid(key) for key in self._keys.values())

    def people(self) -> set[str]:
        """Everyone whom a key speaks for."""
        return {key.subject for key in self._keys.values() if key.role in PEOPLES}

    def _is_valid(self, key: AccessKey) -> bool:
        return key.id in self._held and not self._over(key)

    def _over(self, key: AccessKey) -> bool:
        return 0.0 < key.until <= self._now()

    def _glance(self) -> None:
        if monotonic() - self._read_at > NOTICED_S:
            self._read()

    def _read(self) -> None:
        """Read the file again when another process (the command line) has changed it."""
        self._read_at = monotonic()
        (version,) = self._database.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            rows = self._database.execute("SELECT hash, key FROM keys WHERE hash IS NOT NULL ORDER BY number")
            self._keys = {digest: _key.decode(self._lock.open(sealed, digest)) for digest, sealed in rows.fetchall()}
            self._held = {key.id for key in self._keys.values() if not key.revoked}

    def listed(self) -> list[AccessKey]:
        """Every key, without its token."""
        self._read()
        return list(self._keys.values())

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _sealed(self, digest: bytes, key: AccessKey) -> bytes:
        return self._lock.seal(msgspec.msgpack.encode(key), digest)


def permits(key: AccessKey, moment: Moment) -> str:
    """Why this key may not send this moment; empty when it may. See :func:`about_own` for answers."""
    if key.role not in moment.senders:
        return f"A key of the role `{key.role}` may not send `{moment.kind}`."
    if key.role in ("device", "sensor") and moment.customer != key.subject:
        return "This key speaks for another person."
    by_other = isinstance(moment, Consented) and moment.by != "person"
    if key.role != "brand" and (by_other or (isinstance(moment, Withdrew) and moment.how in _OTHERS)):
        return "Only the brand says that someone else than the person chose."
    place = getattr(moment, "place", "")
    if key.role in ("till", "adviser") and place and place != key.subject:
        return "This key speaks for another place."
    return ""


def about_own(key: AccessKey, moment: Moment, audience: str | None, here: str) -> str:
    """Why this key may not answer a card for ``audience`` (``None``: no such card); empty when it may."""
    if not isinstance(moment, Displayed | Answered) or key.role == "brand":
        return ""
    if key.role == "device":
        return "" if audience in ("customer", None) else "This brief is the adviser's to answer."
    if audience != "adviser" or here != key.subject:
        return "There is no such brief at this place."
    return ""


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
