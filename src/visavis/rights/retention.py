"""Kept no longer than was said.

What is held of a person goes so many days after their last active contact, as their receipts and their copies promise.

A category of data is kept as long as the longest of the purposes that name it: those that they chose about, and those
on another basis. The rest of a life here (what was shown, devices, requests) as long as the longest of all; notices and
choices :data:`PROOF_DAYS` longer, since they prove what was agreed to. When all of it is over the person is erased, and
may come again as somebody of whom nothing is known. Who asked that their data be kept and not read is left alone.

Everything follows from the log: whatever is interrupted is done at the next look, also when a backup was put back.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from heapq import heappop, heappush
from math import inf
from typing import Any, Final, Protocol

from visavis.model.consent import CATEGORIES, Purpose
from visavis.model.customer import Customer
from visavis.model.entry import Entry
from visavis.model.moment import PROOF, Lapsed, Moment
from visavis.ports import Clock, Log
from visavis.rights.erasure import Holds
from visavis.rights.rectification import parted_from
from visavis.strategy.read import Strategy

PROOF_DAYS: Final = 1826
"""How much longer than everything else the proof of a choice is kept: five years."""
UNSAID_DAYS: Final = 1095
"""How long a life is kept by a brand that names no purpose."""
DAY_S: Final = 86_400.0
RETRY_S: Final = 3_600.0
"""When it is tried again, after somebody was reading a file."""
AT_ONCE: Final = 16
"""So many people go between two groups of moments; nobody waits for more."""
log = logging.getLogger("visavis.retention")


class Lives(Protocol):
    """Who lives moments (``runtime.loop.Loop``)."""

    log: Log
    clock: Clock
    strategy: Strategy
    customers: dict[str, Customer]

    def customer(self, name: str) -> Customer:
        """The person as they are now."""

    def life(self, customer: str) -> list[Entry]:
        """Their entries, under each of their names."""

    def take(self, moment: Moment, *, look: bool = False) -> Any:
        """Step this moment."""

    def commit(self) -> None:
        """Make durable what was stepped."""

    def amend(self, customer: str, entries: Mapping[str, Entry | None]) -> None:
        """Put these in the place of what their moments said."""

    def erase(self, customer: str, *, for_good: bool = True) -> list[Entry]:
        """Forget this person."""


def kept_until(purposes: Mapping[str, Purpose], customer: Customer) -> dict[str, float]:
    """Until when each thing that is held of this person is kept (epoch seconds), by its name in ``Customer.held``."""
    longest = max([purpose.retention_days for purpose in purposes.values()], default=UNSAID_DAYS)
    days = dict.fromkeys(customer.held, longest)
    if PROOF in days and customer.consents:
        days[PROOF] += PROOF_DAYS
    for category in days.keys() & set(CATEGORIES):
        named = [
            one
            for one in purposes.values()
            if category in one.categories and (one.basis != "consent" or one.key in customer.consents)
        ]
        days[category] = max([one.retention_days for one in named], default=longest)
    return {what: customer.kept_from + many * DAY_S for what, many in days.items()}


class Retention:
    """Looks daily, and at the instant when the next thing is over; between two looks it costs nothing.

    ``held`` is what is emptied beside the log.

    ``told`` hears how many people went, and how many entries. Nobody's time comes sooner than was found for them,
    unless something was added since, which is kept for a day at least: it is found by the next look.
    """

    def __init__(
        self,
        loop: Lives,
        held: Mapping[str, Holds],
        *,
        told: Callable[[int, int], None] = lambda _people, _entries: None,
    ) -> None:
        self._loop = loop
        self._held = held
        self._told = told
        self._coming: list[tuple[float, str]] = []
        self._awaited: dict[str, float] = {}
        self._seen_at = -inf

    def look(self) -> float:
        """Let go what is over now; when to look again (epoch seconds)."""
        loop, now = self._loop, self._loop.clock.now()
        now_s, gone = now.timestamp(), list[tuple[int, int]]()
        if now_s - self._seen_at >= DAY_S:
            for name, person in loop.customers.items():
                if name == person.id and (name not in self._awaited or person.last_received_at >= self._seen_at):
                    self._await(name, min(kept_until(loop.strategy.purposes, person).values(), default=inf))
            self._seen_at = now_s
        while self._coming and self._coming[0][0] <= now_s and len(gone) < AT_ONCE:
            at, name = heappop(self._coming)
            if self._awaited.get(name) != at:
                continue
            person = loop.customer(name)
            del self._awaited[name]
            if person.entries and person.id == name:
                self._await(name, self._ended(person, now, gone))
        if gone:
            people, entries = [sum(column) for column in zip(*gone, strict=True)]
            log.info("what was kept long enough is gone", extra={"people": people, "entries": entries})
            self._told(people, entries)
        return min(self._seen_at + DAY_S, self._coming[0][0] if self._coming else inf)

    def _await(self, name: str, at: float) -> None:
        if at < inf:
            heappush(self._coming, (at, name))
            self._awaited[name] = at

    def _ended(self, person: Customer, now: datetime, gone: list[tuple[int, int]]) -> float:
        """Let go what is over of this person, noting in ``gone`` how much that was; when the next thing is."""
        until = kept_until(self._loop.strategy.purposes, person)
        over = {what for what, at in until.items() if at <= now.timestamp()}
        if over and person.restricted:
            return now.timestamp() + DAY_S
        try:
            if over == until.keys():
                gone.append((1, self._whole(person)))
            elif over:
                gone.append((0, self._part(person, over, now, last=until.keys() - over <= {PROOF})))
        except Exception:
            log.exception("what was kept long enough could not go yet")
            return now.timestamp() + RETRY_S
        return min([at for what, at in until.items() if what not in over], default=inf)

    def _whole(self, person: Customer) -> int:
        """Erase the person. The log is the last: until then it tells that there is something left to do."""
        entries = 0
        for name in sorted(person.names, key=lambda name: name == person.id):
            self._emptied(name, list(self._loop.log.of(name)), self._held)
            entries += len(self._loop.erase(name, for_good=False))
        return entries

    def _part(self, person: Customer, over: set[str], now: datetime, *, last: bool) -> int:
        """Take these out of their life, and what had followed from them.

        With the ``last`` of it goes what is beside the log. That it was done stays.
        """
        loop, changes = self._loop, {name: dict[str, Entry | None]() for name in person.names}
        life = loop.life(person.id)
        for entry, after in parted_from(life, over):
            changes[entry.customer][entry.moment.id] = after
        categories, contact_at = tuple(sorted(over)), datetime.fromtimestamp(person.kept_from, UTC)
        for name in person.names:  # named by what it is about: after a crash it is there already
            cause = f"lapsed-{'-'.join(categories)}-{contact_at:%Y%m%dT%H%M%S%f}"
            loop.take(
                Lapsed(id=cause, customer=name, occurred_at=now, categories=categories, contact_at=contact_at),
                look=True,
            )
        loop.commit()
        for name, changed in changes.items():
            self._emptied(
                name,
                [entry for entry in life if entry.moment.id in changed and entry.customer == name],
                self._held if last else ("screens",),
            )
            loop.amend(name, changed)
        return sum([after is None for changed in changes.values() for after in changed.values()])

    def _emptied(self, name: str, entries: Sequence[Entry], held: Iterable[str]) -> None:
        for one in held:
            self._held[one].forget(name, entries)
