"""Rewards, orders, and the books of rewards in integer cents."""
# A yes grants a reward under a keyed code; a till *asks* to redeem it and the entry holds the answer: the first wins.

from base64 import b32encode
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from visavis.model.customer import NAMES_LIMIT, Customer, Order, Reward
from visavis.model.entry import Effect, Entry, Granted
from visavis.model.moment import Fulfilled, Moment, Ordered, Redeeming, Returned, Reversed

LIABILITY: Final = "rewards owed"
COST: Final = "rewards granted"
TILL: Final = "redeemed at tills"
_STATUS: Final[dict[str, Literal["ordered", "fulfilled", "returned"]]] = {
    "ordered": "ordered",
    "fulfilled": "fulfilled",
    "returned": "returned",
}


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
        case Ordered() | Fulfilled() | Returned():
            customer = replace(customer, orders=_orders(customer.orders, moment))
        case _:
            pass
    return customer


def _orders(orders: tuple[Order, ...], moment: Ordered | Fulfilled | Returned) -> tuple[Order, ...]:
    """The orders after this; what is older than the status of its order, or the placing of a known one, keeps it."""
    at, product = moment.occurred_at.timestamp(), moment.product if isinstance(moment, Ordered) else ""
    status = _STATUS[moment.kind]
    found = next((order for order in orders if order.key == moment.order), None)
    if found is None:
        return (*orders[-NAMES_LIMIT + 1 :], Order(moment.order, product, status, at))
    if status == "ordered":
        after = replace(found, product=found.product or product)
    elif found.status == "ordered" or at >= found.at:
        after = replace(found, status=status, at=max(at, found.at))
    else:
        return orders
    return tuple([after if order is found else order for order in orders])


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
