"""An entry: everything that happened at one moment of one customer; one row of the log, written in one commit."""

from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec import Struct

from visavis.model.decision import Decision, Outcome
from visavis.model.moment import Moment, Role
from visavis.model.world import WorldChange

FORM: Final = 3


class Effect(Struct, frozen=True, array_like=True, gc=False):
    """What must happen outside (an order, a reward), at least once, by idempotency key; of consent ``epoch``."""

    key: str
    kind: str
    action: str
    product: str
    cents: int = 0
    until: float = 0.0
    epoch: int = 0


class Granted(Struct, frozen=True, array_like=True, gc=False):
    """The answer to a moment that asks: yes or no, why, and its worth in cents."""

    yes: bool
    reason: Literal[
        "redeemed", "reversed", "already_redeemed", "not_redeemed", "unknown_code", "expired", "answered", "silent"
    ]
    cents: int = 0


class Use(Struct, frozen=True, array_like=True, gc=False):
    """The data read for one purpose, ``by`` ``role@place``, ``person`` (their own copy) or "" (the service)."""

    purpose: str
    categories: tuple[str, ...]
    by: str = ""


class Origin(Struct, frozen=True, array_like=True, gc=False):
    """Who acted (``role``, and the short id of their ``key``) and where; the server writes it, no sender can.

    The role ``person`` is a person without a key, by a link of their own; none at all is the server itself.
    """

    role: Role | Literal["person", ""] = ""
    key: str = ""
    surface: str = ""
    method: str = ""


SERVER: Final = Origin()


class Entry(Struct, frozen=True, array_like=True, gc=False):
    """One row of the log; ``world`` is the version of the shared state at the decisions, ``form`` of this record.

    ``identifier`` is the hash of the identifier by which the sender named the customer, if not by their id.
    """

    form: int
    customer: str
    received_at: datetime
    moment: Moment
    decisions: tuple[Decision, ...] = ()
    closed: tuple[Outcome, ...] = ()
    effects: tuple[Effect, ...] = ()
    uses: tuple[Use, ...] = ()
    granted: Granted | None = None
    world: str = ""
    origin: Origin = SERVER
    identifier: str = ""


class WorldEntry(Struct, frozen=True, array_like=True, gc=False):
    """One row of the world's own log; ``version`` is the world's after it."""

    form: int
    received_at: datetime
    change: WorldChange
    version: str


_encoder = msgspec.msgpack.Encoder()
_entries = msgspec.msgpack.Decoder(Entry)
_world_entries = msgspec.msgpack.Decoder(WorldEntry)


def encode(entry: Entry | WorldEntry) -> bytes:
    """The entry's bytes; the same entry always has the same."""
    return _encoder.encode(entry)


def decode(data: bytes) -> Entry:
    """The entry of these bytes."""
    return _entries.decode(data)


def decode_world(data: bytes) -> WorldEntry:
    """The world entry of these bytes."""
    return _world_entries.decode(data)
