"""One line of the ledger: that somebody's data were used, told so that only that somebody can tell whose.

What everyone may read: the day, who looked (a role), for which purpose and on which ground, which categories, what came of it. What only the person's
**audit key** opens: whose it is, and a commitment to the moment, the instant, the decision, the place. The key is shredded with the person; what stays then
is true, verifies, and leads to nobody. No two lines of one person have anything in common that others can see.

The exact bytes (a JSON array in one line, in the order of :class:`Leaf`) are the leaf of the tree; :mod:`~visavis.rights.uses` reads them back.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from hmac import digest as hmac
from typing import Final

import msgspec
from msgspec import Struct

from visavis.model.consent import Purpose
from visavis.model.decision import Show
from visavis.model.entry import Entry, Use
from visavis.model.errors import Invalid
from visavis.model.moment import Consented, Noticed, Withdrew

FORM: Final = 1
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 16
SERVICE: Final = "service"
PERSON: Final = "person"
DUTY: Final = "duty"
"""The ground of what we must do ourselves whatever the strategy says: a copy of one's own data."""
_WHOSE: Final = b"visavis whose"
_NONCE: Final = b"visavis nonce"


class Leaf(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The line that everyone may read. ``notice`` is the version that was served or agreed to; only lines about a choice have one.

    ``nonce`` is of this line only; ``whose`` and ``sealed`` are keyed hashes that begin with it.
    """

    form: int
    day: str
    by: str
    purpose: str
    basis: str
    categories: tuple[str, ...]
    outcome: str
    notice: str
    nonce: bytes
    whose: bytes
    sealed: bytes


class Details(Struct, frozen=True, array_like=True):
    """What ``sealed`` commits to: enough to say which moment of the person's own data this use was made at, and what was decided with it."""

    moment: str
    received_at: datetime
    by: str
    decisions: tuple[str, ...]


class Line(Struct, frozen=True):
    """What one entry says for one line, before it is sealed."""

    purpose: str
    basis: str
    categories: tuple[str, ...]
    outcome: str
    by: str = ""
    notice: str = ""
    decisions: tuple[str, ...] = ()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Leaf).decode


def leaves(entry: Entry, purposes: Mapping[str, Purpose], audit_key: bytes) -> list[bytes]:
    """The lines of one entry, as they are stored: one for each use, or the one of a notice served or a choice made; the same arguments, the same bytes.

    ``purposes`` are the strategy's. A purpose that it does not know is never written down: a sender could have put anything there.
    """
    lines = lines_of(entry, purposes)
    if not lines:
        return []
    day = _day(entry.received_at.toordinal())
    found = []
    for i, line in enumerate(lines):
        nonce = nonce_of(audit_key, entry.moment.id, i)
        details = Details(entry.moment.id, entry.received_at, line.by, line.decisions)
        role = line.by.partition("@")[0] or SERVICE
        found.append(_encode(Leaf(
            FORM, day, role, line.purpose, line.basis, line.categories, line.outcome, line.notice, nonce, whose(audit_key, nonce),
            sealed(audit_key, nonce, details),
        )))  # fmt: skip
    return found


def lines_of(entry: Entry, purposes: Mapping[str, Purpose]) -> list[Line]:
    """What this entry has to say in the ledger."""
    moment = entry.moment
    if isinstance(moment, Noticed | Consented | Withdrew):
        known = purposes.get(moment.purpose)
        return [_choice(moment, known)] if known is not None else []
    return [_used(entry, use, purposes) for use in entry.uses]


def _used(entry: Entry, use: Use, purposes: Mapping[str, Purpose]) -> Line:
    known = purposes.get(use.purpose)
    served = [decision for decision in entry.decisions if decision.purpose == use.purpose]
    if use.by:
        outcome = "copied" if use.by == PERSON else "read"
    else:
        outcome = "shown" if any(isinstance(decision, Show) for decision in served) else "silent"
    return Line(
        use.purpose, known.basis if known is not None else DUTY, use.categories, outcome, use.by, decisions=tuple([decision.id for decision in served]),
    )  # fmt: skip


def _choice(moment: Noticed | Consented | Withdrew, purpose: Purpose) -> Line:
    """A notice names what the purpose would read; a yes what the notice served named (nothing, when it was not served); a withdrawal nothing."""
    if isinstance(moment, Withdrew):
        return Line(purpose.key, purpose.basis, (), "withdrawn", PERSON)
    notice = moment.notice if moment.notice == purpose.notice.version else ""
    if isinstance(moment, Consented):
        return Line(purpose.key, purpose.basis, moment.categories, "agreed", PERSON, notice)
    return Line(purpose.key, purpose.basis, tuple(sorted(purpose.categories)) if notice else (), "served", SERVICE, notice)


@lru_cache(maxsize=64)
def _day(ordinal: int) -> str:
    return datetime.fromordinal(ordinal).date().isoformat()


def read(line: bytes) -> Leaf:
    """The line of these bytes; :class:`Invalid` when they are none of this form."""
    try:
        leaf = _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Invalid("This is not a line of a ledger.") from None
    if leaf.form != FORM or len(leaf.nonce) != NONCE_BYTES:
        raise Invalid("This line has a form that this version does not read.")
    return leaf


def nonce_of(audit_key: bytes, moment: str, i: int) -> bytes:
    """The nonce of the i-th line of a moment: without the key it looks random, with it the line is found again."""
    return blake2b(b"%d/%b" % (i, moment.encode("utf-8", "surrogatepass")), key=audit_key, digest_size=NONCE_BYTES, person=_NONCE).digest()


def whose(audit_key: bytes, nonce: bytes) -> bytes:
    """The mark by which the holder of the key, and nobody else, knows the line as theirs."""
    return blake2b(nonce, key=audit_key, digest_size=NONCE_BYTES, person=_WHOSE).digest()


def sealed(audit_key: bytes, nonce: bytes, details: Details) -> bytes:
    """The commitment to these details: HMAC-SHA-256 of the nonce and of their JSON."""
    return hmac(audit_key, nonce + _encode(details), "sha256")
