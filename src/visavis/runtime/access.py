"""Who may say what: one key a role, scoped to one person or one place, kept as a hash, revocable at once.

A device speaks for one person only; a till and an adviser's screen for one place; a sensor tells what is at home and nothing else; the brand's own
servers speak for anyone. A key is 192 random bits, so one fast hash is enough; it is shown once, when it is made.
"""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from time import monotonic, time
from typing import Final, Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from visavis.model.errors import Invalid, Refused
from visavis.model.moment import KIND, KINDS, Answered, Displayed, Moment

NOTICED_S: Final = 0.5
"""How soon a server hears of a key that another process made or revoked."""
Role = Literal["brand", "till", "device", "adviser", "sensor"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

_ACCOUNT: Final = frozenset({"noticed", "consented", "withdrew", "linked", "unlinked"})
_HOME: Final = frozenset({"stocked", "consumed", "ran_out"})
SAYS: Final[dict[Role, frozenset[str]]] = {
    "brand": frozenset(KINDS) - {"due"},
    "till": frozenset({"paying", "bought", "redeeming", "reversed", "returned", "checked_in"}),
    "device": frozenset({
        "located", "entered", "dwelled", "left", "saw", "checked_in", "asked", "shared", "displayed", "answered", "declared", "measured", "proposed",
        "voted", "worn",
    }) | _ACCOUNT | _HOME,
    "adviser": frozenset({"displayed", "answered"}),
    "sensor": _HOME | {"measured"},
}  # fmt: skip
"""The kinds of moment that each role may send."""


class NoKey(Refused):
    """Who asks has no key, or one that is none any more."""


class Key(Struct, frozen=True):
    """What a key allows. ``subject`` is the person (device, sensor) or the place (till, adviser); empty for the brand. ``profile`` is a screen's.

    From ``until`` on (epoch seconds; 0: never) it opens nothing: an adviser's glasses are theirs for a shift.
    """

    id: str
    role: Role
    subject: str = ""
    profile: str = ""
    revoked: bool = False
    until: float = 0.0


class Access:
    """The keys, in one small SQLite file (``:memory:`` for tests). ``now`` gives epoch seconds."""

    def __init__(self, path: Path | str, *, now: Callable[[], float] = time) -> None:
        self._now = now
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS keys (hash BLOB PRIMARY KEY, id TEXT, role TEXT, subject TEXT, profile TEXT, made_at TEXT, revoked INTEGER,"
            " until REAL NOT NULL DEFAULT 0) STRICT"
        )
        if "until" not in [row[1] for row in self._database.execute("PRAGMA table_info(keys)")]:
            self._database.execute("ALTER TABLE keys ADD COLUMN until REAL NOT NULL DEFAULT 0")
        self._keys: dict[bytes, Key] = {}
        self._revoked: set[str] = set()
        self._version = 0
        self._read()

    def issue(self, role: str, subject: str = "", *, profile: str = "", until: float = 0.0) -> str:
        """Make a key and return it; only its hash is kept. :class:`Invalid` for a role that is none, or one without the subject that it needs."""
        if role not in ROLES:
            raise Invalid(f"`{role}` is no role.", advice=f"Roles: {', '.join(ROLES)}.")
        if (role == "brand") is bool(subject):
            told = "This role needs a subject." if role != "brand" else "The brand's key has no subject."
            raise Invalid(told, advice="A person for device and sensor, a place for till and adviser.")
        token = f"vv_{role}_{token_urlsafe(24)}"
        digest = _hash(token)
        key = Key(digest.hex()[:12], role, subject, profile or ("glasses" if role == "device" else ""), until=until)
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        row = (digest, key.id, key.role, key.subject, key.profile, made_at, until)
        self._database.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, 0, ?)", row)
        self._keys[digest] = key
        return token

    def check(self, token: str) -> Key:
        """The key of this token; :class:`NoKey` when there is none, when it was revoked, or when its time is over."""
        self._glance()
        key = self._keys.get(_hash(token))
        if key is None or key.revoked or self._over(key):
            raise NoKey("This key is not valid.", advice="Ask for a new one: visavis key ROLE.")
        return key

    def holds(self, key: Key) -> bool:
        """Whether this key is still one: what streams ask before they go on."""
        self._glance()
        return key.id not in self._revoked and not self._over(key)

    def revoke(self, key_id: str) -> None:
        """From the next check on, this key opens nothing; in other processes within :data:`NOTICED_S`."""
        self._read()
        for digest, key in self._keys.items():
            if key.id == key_id:
                self._database.execute("UPDATE keys SET revoked = 1 WHERE hash = ?", (digest,))
                self._keys[digest] = replace(key, revoked=True)
                self._revoked.add(key.id)
                return
        raise Invalid("There is no such key.", advice="`visavis keys` lists them.")

    def _over(self, key: Key) -> bool:
        return 0.0 < key.until <= self._now()

    def _glance(self) -> None:
        if monotonic() - self._read_at > NOTICED_S:
            self._read()

    def _read(self) -> None:
        """Take in what another process (the command line) has made or revoked."""
        self._read_at = monotonic()
        (version,) = self._database.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            rows = self._database.execute("SELECT hash, id, role, subject, profile, revoked, until FROM keys").fetchall()
            self._keys = {row[0]: Key(row[1], row[2], row[3], row[4], bool(row[5]), row[6]) for row in rows}
            self._revoked = {key.id for key in self._keys.values() if key.revoked}

    def listed(self) -> list[Key]:
        """Every key, without its secret."""
        self._read()
        return list(self._keys.values())

    def close(self) -> None:
        """Give the file back."""
        self._database.close()


def permits(key: Key, moment: Moment) -> str:
    """Why this key may not send this moment; empty when it may. Whose decision an answer is about is judged by :func:`about_own`."""
    kind = KIND[type(moment)]
    if kind not in SAYS[key.role]:
        return f"A key of the role `{key.role}` may not send `{kind}`."
    if key.role in ("device", "sensor") and moment.customer != key.subject:
        return "This key speaks for another person."
    place = getattr(moment, "place", "")
    if key.role in ("till", "adviser") and place and place != key.subject:
        return "This key speaks for another place."
    return ""


def about_own(key: Key, moment: Moment, audience: str | None, here: str) -> str:
    """Why this key may not answer this card; ``audience`` is whom it was for (``None``: the person has no such card), ``here`` where the person is."""
    if not isinstance(moment, Displayed | Answered) or key.role == "brand" or (audience is None and key.role == "device"):
        return ""
    if key.role == "device":
        return "" if audience == "customer" else "This brief is the adviser's to answer."
    if audience != "adviser" or here != key.subject:
        return "There is no such brief at this place."
    return ""


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
