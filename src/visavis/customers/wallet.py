"""Rewards, orders, and the books of rewards in integer cents."""
# A yes grants a reward under a keyed code; a till *asks* to redeem it and the entry holds the answer: the first wins.

from base64 import b32encode
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from visavis.model.customer import NAMES_LIMIT, Customer, Order, Reward
from visavis.model.entry import Effect, Entry, Granted
from visavis.model.moment import Fulfilled, Moment, Ordered, Redeeming, Returned, Reversed

LIABILITY: Final = "rewards owed"
COST: Final = "rewards granted"
TILL: Final = "redeemed at tills"


def code_of(randomization_key: bytes, decision: str) -> str:
    """The code of the reward that this decision may grant: 60 bits of a keyed hash in base 32.

    >>> code_of(b"k", "d1") == code_of(b"k", "d1") != code_of(b"k", "d2"), len(code_of(b"k", "d1"))
    (True, 12)
    """
    digest = blake2b(f"reward/{decision}".encode(), key=randomization_key, digest_size=10).digest()
    return b32encode(digest).decode()[:12]


def granted(customer: Customer, moment: Moment, received_at: datetime) -> Granted | None:
    """The answer to a till, judged on the customer before this moment; ``None`` when the moment asks for no reward."""
    if not isinstance(moment, Redeeming | Reversed):
        return None
    found = next((reward for reward in customer.rewards if reward.code == moment.code), None)
    if found is None:
        return Granted(yes=False, reason="unknown_code")
    if isinstance(moment, Reversed):
        if found.status != "redeemed":
            return Granted(yes=False, reason="not_redeemed")
        return Granted(yes=True, reason="reversed", cents=found.cents)
    if found.status == "redeemed":
        return Granted(yes=False, reason="already_redeemed", cents=found.cents)
    if received_at.timestamp() > found.until:
        return Granted(yes=False, reason="expired", cents=found.cents)
    return Granted(yes=True, reason="redeemed", cents=found.cents)


def settled(
    customer: Customer, moment: Moment, effects: Iterable[Effect], answer: Granted | None, received_at: datetime
) -> Customer:
    """The wallet after this moment: rewards granted, redeemed or given back; orders placed, fulfilled or returned."""
    received_s = received_at.timestamp()
    for effect in effects:
        if effect.kind == "reward":
            reward = Reward(effect.key, effect.action, effect.cents, "granted", received_s, effect.until)
            customer = replace(customer, rewards=(*customer.rewards[-NAMES_LIMIT + 1 :], reward))
    match moment:
        case Redeeming() | Reversed() if answer is not None and answer.yes:
            now = "redeemed" if isinstance(moment, Redeeming) else "granted"
            old = customer.rewards
            rewards = [replace(one, status=now, at=received_s) if one.code == moment.code else one for one in old]
            customer = replace(customer, rewards=tuple(rewards))
        case Ordered() if all(order.key != moment.order for order in customer.orders):
            order = Order(moment.order, moment.product, "ordered", received_s)
            customer = replace(customer, orders=(*customer.orders[-NAMES_LIMIT + 1 :], order))
        case Fulfilled() | Returned():
            now = "fulfilled" if isinstance(moment, Fulfilled) else "returned"
            were = customer.orders
            orders = [replace(one, status=now, at=received_s) if one.key == moment.order else one for one in were]
            customer = replace(customer, orders=tuple(orders))
        case _:
            pass
    return customer


class Posting(Struct, frozen=True, array_like=True, gc=False):
    """One line of double entry: an account and the cents that it gains (or loses, below zero)."""

    account: str
    cents: int


def postings(entry: Entry) -> tuple[Posting, ...]:
    """What this entry writes into the books; the cents of one entry always add up to zero.

    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 11, 24, tzinfo=UTC)
    >>> till = Redeeming(id="m", customer="c", occurred_at=at, code="X")
    >>> entry = Entry(2, "c", at, till, granted=Granted(yes=True, reason="redeemed", cents=250))
    >>> [(posting.account, posting.cents) for posting in postings(entry)]
    [('rewards owed', -250), ('redeemed at tills', 250)]
    """
    found: list[Posting] = []
    for effect in entry.effects:
        if effect.kind == "reward":
            found += [Posting(COST, -effect.cents), Posting(LIABILITY, effect.cents)]
    if entry.granted is not None and entry.granted.yes and isinstance(entry.moment, Redeeming | Reversed):
        cents = entry.granted.cents if isinstance(entry.moment, Redeeming) else -entry.granted.cents
        found += [Posting(LIABILITY, -cents), Posting(TILL, cents)]
    return tuple(found)
