"""One line of the ledger: that somebody's data were used, told so that only that somebody can tell whose.

What everyone may read: the day, who looked (a role), for which purpose and on which ground, which categories, what came
of it. What only the person's **audit key** opens: whose it is, and a commitment to the moment, the instant, the place
and the decisions. The key is shredded with the person; what stays then is true, verifies, and leads to nobody. No two
lines of one person have anything in common that others can see.

The exact bytes (a JSON array in one line, in the order of :class:`LedgerRecord`) are the leaf of the tree;
:mod:`~visavis.ledger.personal_view` reads them back.
"""

import hmac
from binascii import b2a_base64
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from visavis.model.consent import OVERSIGHT, RIGHTS, Purpose
from visavis.model.decision import Show
from visavis.model.entry import Entry, Use
from visavis.model.errors import Invalid
from visavis.model.moment import Consented, Moment, Noticed, Objected, Restricted, Withdrew

if TYPE_CHECKING:
    from hashlib import _Hash as HASH

FORM: Final = 1
Begun = tuple[blake2b, "HASH", "HASH"]
"""What :func:`begin` gives: every line of one person goes on from copies of these."""
NONCE_BYTES: Final = 16
MARK_BYTES: Final = NONCE_BYTES + 16 + 32
SERVICE: Final = "service"
PERSON: Final = "person"
DUTY: Final = "duty"
"""The ground of what we must do whatever the strategy says.

Give people a copy of their own data, and account for what was decided.
"""
DUTIES: Final = frozenset({RIGHTS, OVERSIGHT})
ELSEWHERE: Final = "elsewhere"
"""The purpose of a use that another strategy knew: its own name is in the person's entries, and could say anything."""
_INNER: Final = bytes([byte ^ 0x36 for byte in range(256)])
_OUTER: Final = bytes([byte ^ 0x5C for byte in range(256)])
_CHOICES: Final = frozenset({Noticed, Consented, Withdrew, Objected, Restricted})


class LedgerRecord(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The line that everyone may read.

    ``notice`` is the version that was served or agreed to; no ``purpose`` means all.

    ``mark`` is a nonce of this line only (16 bytes), then two keyed hashes that begin with it: whose line it is (16),
    and the sealed details (32).
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
        """What makes this line like no other."""
        return self.mark[:NONCE_BYTES]

    def is_of(self, audit_key: bytes) -> bool:
        """Whether it tells of the person whose key this is."""
        return self.mark[NONCE_BYTES : 2 * NONCE_BYTES] == whose(audit_key, self.nonce)

    def opens(self, audit_key: bytes, details: bytes) -> bool:
        """Whether it was sealed over these details."""
        return self.mark[2 * NONCE_BYTES :] == hmac.digest(audit_key, self.nonce + details, "sha256")


class Details(Struct, frozen=True, array_like=True):
    """What a line is sealed over.

    At which moment of the person's own data it was, by whom exactly, and what was decided then.
    """

    moment: str
    received_at: datetime
    by: str
    decisions: tuple[str, ...]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LedgerRecord).decode


def leaves(
    entry: Entry, purposes: Mapping[str, Purpose], audit_key: bytes, *, since: int = 0, begun: Begun | None = None
) -> list[bytes]:
    """The lines of one entry, as they are stored: one for each notice served, choice made and use.

    Same arguments, same bytes.

    ``purposes`` are the strategy's. One that it does not know is never written down: a sender could have put anything
    there. ``since`` is the day (an ordinal) of the line before: what came before it, in a life that was brought in, is
    told on that day. ``begun`` are the hashes under that key (:func:`begin`), when whoever asks keeps them.
    """
    moment = entry.moment
    choice = type(moment) in _CHOICES
    if not choice and not entry.uses:
        return []
    day = max(entry.received_at.toordinal(), since)
    said = _chosen(day, moment, purposes) if choice else []
    if entry.uses:
        shown = {decision.purpose for decision in entry.decisions if type(decision) is Show}
        said += [_used(day, use, use.purpose in shown, purposes.get(use.purpose)) for use in entry.uses]
    known, inner, outer = begun if begun is not None else begin(audit_key)
    by, sealed = None, b""
    found = []
    for actor, line, nonce in zip(actors(entry), said, nonces_of(audit_key, moment.id, len(said)), strict=True):
        if not line:
            continue
        if actor != by:
            by, sealed = actor, details(entry, actor)
        who, seal, over = known.copy(), inner.copy(), outer.copy()
        who.update(nonce)
        seal.update(nonce + sealed)
        over.update(seal.digest())
        mark = nonce + who.digest() + over.digest()
        found.append(line + b2a_base64(mark, newline=False) + b'"]')
    return found


def actors(entry: Entry) -> list[str]:
    """By whom each line of this entry is.

    A choice is the person's, a notice and everything automatic the service's own (empty).
    """
    moment, used = entry.moment, [use.by for use in entry.uses]
    if type(moment) not in _CHOICES:
        return used
    if isinstance(moment, Objected):
        return [PERSON] * len(moment.purposes) + used
    return ["" if isinstance(moment, Noticed) else PERSON, *used]


def details(entry: Entry, by: str) -> bytes:
    """The details that the lines of this entry by this actor are sealed over: JSON."""
    return _encode(
        Details(entry.moment.id, entry.received_at, by, tuple([decision.id for decision in entry.decisions]))
    )


def _used(day: int, use: Use, shown: bool, known: Purpose | None) -> bytes:
    outcome = ("copied" if use.by == PERSON else "read") if use.by else "shown" if shown else "silent"
    role = use.by.partition("@")[0] if use.by else SERVICE
    purpose = use.purpose if known is not None or use.purpose in DUTIES else ELSEWHERE
    return _clear(day, role, purpose, known.basis if known is not None else DUTY, use.categories, outcome, "")


def _chosen(day: int, moment: Moment, purposes: Mapping[str, Purpose]) -> list[bytes]:
    """A notice names what it would open, a yes what it opens, both as the door wrote it.

    A no closes a purpose, an objection several, a restriction all.

    Empty where the purpose is not known.
    """
    match moment:
        case Noticed():
            found = [(moment.purpose, SERVICE, moment.categories, "served", moment.notice if moment.categories else "")]
        case Consented():
            found = [(moment.purpose, PERSON, moment.categories, "agreed", moment.notice if moment.categories else "")]
        case Withdrew():
            found = [(moment.purpose, PERSON, (), "withdrawn", "")]
        case Objected():
            found = [(purpose, PERSON, (), "objected" if moment.on else "allowed", "") for purpose in moment.purposes]
        case Restricted():
            return [_clear(day, PERSON, "", "", (), "restricted" if moment.on else "released", "")]
        case _:
            return []
    return [
        _clear(day, by, purpose, purposes[purpose].basis, categories, outcome, notice) if purpose in purposes else b""
        for purpose, by, categories, outcome, notice in found
    ]


@lru_cache(maxsize=4096)
def _clear(
    day: int, by: str, purpose: str, basis: str, categories: tuple[str, ...], outcome: str, notice: str
) -> bytes:
    """The part that everyone may read, up to the mark. Many people share it on one day, which is the point."""
    line = _encode(
        LedgerRecord(FORM, date.fromordinal(day).isoformat(), by, purpose, basis, categories, outcome, notice)
    )
    return line[: -len(b'"]')]


def read(line: bytes) -> LedgerRecord:
    """The line of these bytes; :class:`Invalid` when they are none of this form."""
    try:
        leaf = _decode(line)
        date.fromisoformat(leaf.day)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Invalid("This is not a line of a ledger.") from None
    if leaf.form != FORM or len(leaf.mark) != MARK_BYTES:
        raise Invalid("This line has a form that this version does not read.")
    return leaf


def nonces_of(audit_key: bytes, moment: str, count: int) -> list[bytes]:
    """The nonces of a moment's lines, in their order.

    Without the key they look random, with it the lines are found again.
    """
    said = moment.encode("utf-8", "surrogatepass")
    drawn = b"".join(
        [
            blake2b(said, key=audit_key, salt=block.to_bytes(2)).digest()
            for block in range(-(-count * NONCE_BYTES // blake2b.MAX_DIGEST_SIZE))
        ]
    )
    return [drawn[i : i + NONCE_BYTES] for i in range(0, count * NONCE_BYTES, NONCE_BYTES)]


def pads(audit_key: bytes) -> "tuple[HASH, HASH]":
    """HMAC-SHA-256 as far as the key goes, inside and outside.

    Begun once for all lines of a moment, each goes on from a copy.

    >>> inner, outer = pads(b"a key of at most 64 bytes")
    >>> inner.update(b"said")
    >>> outer.update(inner.digest())
    >>> outer.digest() == hmac.digest(b"a key of at most 64 bytes", b"said", "sha256")
    True
    """
    block = audit_key.ljust(64, b"\0")
    return sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))


def begin(audit_key: bytes) -> Begun:
    """What every line of one person begins with: the hash that knows their lines, and :func:`pads`.

    As secret as the key, and gone with it.
    """
    return blake2b(key=audit_key, digest_size=NONCE_BYTES), *pads(audit_key)


def whose(audit_key: bytes, nonce: bytes) -> bytes:
    """The mark by which the holder of the key, and nobody else, knows a line as theirs."""
    return blake2b(nonce, key=audit_key, digest_size=NONCE_BYTES).digest()
