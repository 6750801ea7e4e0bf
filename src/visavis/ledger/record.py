"""The records of the ledger: one for each use of a person's data, each notice served and each choice made."""
# Everyone may read the day, the role, the purpose, its legal basis, the categories and the outcome. Only the person's
# **audit key** identifies their records, and verifies the commitment to the details. The key is shredded with the
# person; the record stays, verifies, and identifies nobody. No two records of one person share anything that others can
# see.
# A *line* is a record's exact bytes: a JSON array in the order of :class:`LedgerRecord`, hashed as a leaf of the Merkle
# tree.

import hmac
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Final

import msgspec
from msgspec import Struct

from visavis.consent.confirmation import OWN
from visavis.model.consent import OVERSIGHT, RIGHTS, Purpose
from visavis.model.decision import Show
from visavis.model.entry import Entry, Use, WorldEntry
from visavis.model.errors import Invalid
from visavis.model.moment import Consented, Moment, Noticed, Objected, Restricted, UsedTogether, Withdrew
from visavis.ports import UseLog

FORM: Final = 1
NONCE_BYTES: Final = 16
MARK_BYTES: Final = NONCE_BYTES + 16 + 32
SERVICE: Final = "service"
PERSON: Final = "person"
DUTY: Final = "duty"
"""The legal basis of uses that the law requires whatever the strategy says: a person's copy, and oversight."""
DUTIES: Final = frozenset({RIGHTS, OVERSIGHT})
ELSEWHERE: Final = "elsewhere"
"""Stands for a purpose that the strategy does not know: its own name is a sender's, and could say anything."""
_INNER: Final = bytes([byte ^ 0x36 for byte in range(256)])
_OUTER: Final = bytes([byte ^ 0x5C for byte in range(256)])
_CHOICES: Final = frozenset({Noticed, Consented, Withdrew, Objected, Restricted})


class LedgerRecord(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What everyone may read of one use.

    ``notice`` is the version that was served or agreed to; an empty ``purpose`` means all. ``mark`` is a nonce (16
    bytes), the owner's tag (16, a keyed hash of the nonce) and the commitment to the details (32, an HMAC).
    """

    form: int
    day: str
    by: str
    purpose: str
    basis: str
    categories: tuple[str, ...]
    outcome: str
    notice: str
    mark: bytes = b""

    @property
    def nonce(self) -> bytes:
        """Random to everyone without the audit key."""
        return self.mark[:NONCE_BYTES]

    def is_of(self, audit_key: bytes) -> bool:
        """Whether it is about the person with this key."""
        return self.mark[NONCE_BYTES : 2 * NONCE_BYTES] == owner_tag(audit_key, self.nonce)

    def commits_to(self, audit_key: bytes, details: bytes) -> bool:
        """Whether its commitment is to these details."""
        return self.mark[2 * NONCE_BYTES :] == hmac.digest(audit_key, self.nonce + details, "sha256")


class Details(Struct, frozen=True, array_like=True):
    """What a record commits to: at which moment it was, by whom exactly, and what was decided then."""

    moment: str
    received_at: datetime
    by: str
    decisions: tuple[str, ...]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LedgerRecord).decode


def prepare_lines(
    uses: UseLog, entries: Sequence[Entry | WorldEntry], purposes: Mapping[str, Purpose]
) -> list[list[bytes]]:
    """The ledger lines of each of these entries, for one commit; creates missing keys. Days never go back."""
    uses.create_keys([entry.customer for entry in entries if isinstance(entry, Entry)])
    last = uses.last_line()
    day = date.fromisoformat(read(last).day).toordinal() if last else 0
    found: list[list[bytes]] = []
    for entry in entries:
        lines: list[bytes] = []
        if isinstance(entry, Entry):
            lines = entry_lines(entry, purposes, uses.audit_key(entry.customer), since=day)
            day = max(day, entry.received_at.toordinal()) if lines else day
        found.append(lines)
    return found


def entry_lines(entry: Entry, purposes: Mapping[str, Purpose], audit_key: bytes, *, since: int = 0) -> list[bytes]:
    """One line for each notice served, choice made and use; unknown purposes unnamed, days from ``since`` on."""
    moment = entry.moment
    choice = type(moment) in _CHOICES
    if not choice and not entry.uses:
        return []
    day = max(entry.received_at.toordinal(), since)
    public = _choice_records(day, moment, purposes, chooser(entry)) if choice else []
    if entry.uses:
        shown = {decision.purpose for decision in entry.decisions if type(decision) is Show}
        if isinstance(moment, UsedTogether) and moment.shown:
            shown.add(moment.purpose)
        public += [_use_record(day, use, use.purpose in shown, purposes.get(use.purpose)) for use in entry.uses]
    by, hidden, commitment = None, b"", hmac_sha256(audit_key)
    found = []
    for actor, line, nonce in zip(actors(entry), public, nonces(audit_key, moment.id, len(public)), strict=True):
        if not line:
            continue
        if actor != by:
            by, hidden = actor, details(entry, actor)
        mark = nonce + owner_tag(audit_key, nonce) + commitment(nonce + hidden)
        found.append(line + b2a_base64(mark, newline=False) + b'"]')
    return found


def actors(entry: Entry) -> list[str]:
    """Who acts in each line of this entry: of a choice who made or recorded it, of all else the service (empty)."""
    moment, used = entry.moment, [use.by for use in entry.uses]
    if type(moment) not in _CHOICES:
        return used
    if isinstance(moment, Objected):
        return [chooser(entry)] * len(moment.purposes) + used
    return ["" if isinstance(moment, Noticed) else chooser(entry), *used]


def chooser(entry: Entry) -> str:
    """Who made this choice: the person, or else the role whose key recorded it for them."""
    return PERSON if entry.origin.role in OWN else str(entry.origin.role)


def details(entry: Entry, by: str) -> bytes:
    """The details that the lines of this entry by this actor commit to: JSON."""
    decisions = tuple([decision.id for decision in entry.decisions])
    return _encode(Details(entry.moment.id, entry.received_at, by, decisions))


def read(line: bytes) -> LedgerRecord:
    """The record of this line; :class:`Invalid` when it is none of this form."""
    try:
        record = _decode(line)
        date.fromisoformat(record.day)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Invalid("This is not a line of a ledger.") from None
    if record.form != FORM or len(record.mark) != MARK_BYTES:
        raise Invalid("This line has a form that this version does not read.")
    return record


def nonces(audit_key: bytes, moment: str, count: int) -> list[bytes]:
    """The nonces of a moment's lines, in order: random to others, computed again with the key."""
    name = moment.encode("utf-8", "surrogatepass")
    blocks = range(-(-count * NONCE_BYTES // blake2b.MAX_DIGEST_SIZE))
    drawn = b"".join([blake2b(name, key=audit_key, salt=block.to_bytes(2)).digest() for block in blocks])
    return [drawn[i : i + NONCE_BYTES] for i in range(0, count * NONCE_BYTES, NONCE_BYTES)]


def owner_tag(audit_key: bytes, nonce: bytes) -> bytes:
    """The tag by which the holder of the key, and nobody else, recognises a record as theirs."""
    return blake2b(nonce, key=audit_key, digest_size=NONCE_BYTES).digest()


def hmac_sha256(key: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA-256 under this key (of at most 64 bytes), hashed once for many messages: half the time for each.

    >>> hmac_sha256(b"key")(b"message") == hmac.digest(b"key", b"message", "sha256")
    True
    """
    block = key.ljust(64, b"\0")
    keyed_inner, keyed_outer = sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))

    def digest(message: bytes) -> bytes:
        inner, outer = keyed_inner.copy(), keyed_outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()

    return digest


def _use_record(day: int, use: Use, shown: bool, known: Purpose | None) -> bytes:
    outcome = ("copied" if use.by == PERSON else "read") if use.by else "shown" if shown else "silent"
    role = use.by.partition("@")[0] if use.by else SERVICE
    purpose = use.purpose if known is not None or use.purpose in DUTIES else ELSEWHERE
    return _public(day, role, purpose, known.basis if known is not None else DUTY, use.categories, outcome, "")


def _choice_records(day: int, moment: Moment, purposes: Mapping[str, Purpose], by: str) -> list[bytes]:
    """One for each purpose of a notice, or a choice ``by`` somebody; empty when unknown. A restriction closes all."""
    match moment:
        case Noticed():
            found = [(moment.purpose, SERVICE, moment.categories, "served", moment.notice if moment.categories else "")]
        case Consented():
            found = [(moment.purpose, by, moment.categories, "agreed", moment.notice if moment.categories else "")]
        case Withdrew():
            found = [(moment.purpose, by, (), "withdrawn", "")]
        case Objected():
            found = [(purpose, by, (), "objected" if moment.on else "allowed", "") for purpose in moment.purposes]
        case Restricted():
            return [_public(day, by, "", "", (), "restricted" if moment.on else "released", "")]
        case _:
            return []
    return [
        _public(day, who, purpose, purposes[purpose].basis, categories, outcome, notice) if purpose in purposes else b""
        for purpose, who, categories, outcome, notice in found
    ]


@lru_cache(maxsize=4096)
def _public(
    day: int, by: str, purpose: str, basis: str, categories: tuple[str, ...], outcome: str, notice: str
) -> bytes:
    """A line up to its mark; many people share it on one day."""
    record = LedgerRecord(FORM, date.fromordinal(day).isoformat(), by, purpose, basis, categories, outcome, notice)
    return _encode(record)[: -len(b'"]')]
