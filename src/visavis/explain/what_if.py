"""What a closed purpose would have brought: a person's last days, stepped again inside their own consent."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from math import inf
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from visavis.consent.gate import open_categories
from visavis.customers.fold import apply_moment
from visavis.engine import step
from visavis.explain.accounts import worth_milli
from visavis.explain.counterfactual import walk
from visavis.model.consent import Consent, Purpose
from visavis.model.customer import Customer
from visavis.model.decision import Decision, Show
from visavis.model.entry import Entry
from visavis.model.moment import Answered, Displayed
from visavis.model.world import World
from visavis.strategy.read import Strategy

DAYS: Final = 30
REPLAYED: Final = 150  # at most so many of the last moments are stepped again: a page does not wait for long


class WhatIf(Struct, frozen=True):
    """What a purpose would have brought in the last :data:`DAYS` days: moments it would have read, cards, cents."""

    moments: int
    cards: int
    cents: int


def recent(entries: Iterable[Entry], now: datetime) -> tuple[Customer, list[Entry]] | None:
    """The last days of this person, and who they were before; ``None`` when nothing happened in them."""
    kept = list(deque(walk(entries), REPLAYED))
    start = next((i for i, (_, entry) in enumerate(kept) if entry.received_at >= now - timedelta(days=DAYS)), None)
    return (kept[start][0], [entry for _, entry in kept[start:]]) if start is not None else None


def would(
    strategy: Strategy, world: World, days: tuple[Customer, list[Entry]], purpose: Purpose, key: bytes
) -> WhatIf | None:
    """Step these days with this purpose open too; answers count for the same card; ``None``: it would see nothing."""
    customer, entries = days
    moments = cards = cents_milli = 0
    real: dict[str, Decision] = {}
    imagined: dict[str, Decision] = {}
    for entry in entries:
        moment = entry.moment
        about = moment.decision if isinstance(moment, Displayed | Answered) else ""
        if about in real and _arm(real[about]) != _arm(imagined.get(about)):
            continue
        at = entry.received_at
        again, customer = step(strategy, world, _opened(strategy, customer, purpose, at), moment, at, key)
        real |= {one.id: one for one in entry.decisions}
        imagined |= {one.id: one for one in again.decisions}
        moments += any(use.purpose == purpose.key for use in again.uses)
        for decision in again.decisions:
            if isinstance(decision, Show) and _arm(decision) != _arm(real.get(decision.id)):
                # A card that never was is taken as seen: caps and cool-downs count it.
                displayed = Displayed(id="", customer=customer.id, occurred_at=at, decision=decision.id)
                customer, _ = apply_moment(customer, displayed, at)
            if isinstance(decision, Show) and decision.purpose == purpose.key:
                cards += 1
                cents_milli += worth_milli(strategy, decision)
    return WhatIf(moments, cards, round(cents_milli / 1000)) if moments else None


def _opened(strategy: Strategy, customer: Customer, purpose: Purpose, at: datetime) -> Customer:
    """The person as if this purpose were open, for those of its data that another purpose of theirs may read now."""
    others = [one for one in strategy.purposes.values() if one.basis == "consent" and one.key != purpose.key]
    shared = frozenset().union(*[open_categories(customer, one, at.timestamp()) for one in others])
    read, notice = tuple(sorted(purpose.categories & shared)), purpose.notice.version
    yes = Consent("given", read, notice, 0.0, inf, purpose.recipients, purpose.iris, by=("person",))
    return replace(customer, consents=customer.consents | {purpose.key: yes})


def _arm(decision: Decision | None) -> tuple[str, str, str]:
    return (decision.action, decision.family, decision.product) if isinstance(decision, Show) else ("", "", "")
