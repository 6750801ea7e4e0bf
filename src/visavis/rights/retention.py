"""Retention: data of a person are deleted so many days after their last active contact occurred.

A category is kept as long as the longest purpose that names it, of those chosen about or on another basis; the rest as
long as the longest of all; notices and choices, as proof, :data:`PROOF_DAYS` longer. When all is over the person is
erased, and may come again. What is over already when it arrives goes at the next run, within a day. Restricted data are
left alone. Whatever is interrupted is done at the next run.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from heapq import heappop, heappush
from math import inf
from typing import Final

from visavis.model.consent import CATEGORIES, Purpose
from visavis.model.customer import Customer
from visavis.model.entry import Entry
from visavis.model.ids import own_id
from visavis.model.moment import PROOF, Lapsed
from visavis.ports import PersonalDataHolder
from visavis.rights.rectification import without_categories
from visavis.runtime.loop import Processor

PROOF_DAYS: Final = 1826  # how much longer than everything else the proof of a choice is kept: five years
DEFAULT_DAYS: Final = 1095  # how long everything is kept by a brand that names no purpose
DAY_S: Final = 86_400.0
RETRY_S: Final = 3_600.0  # when it is tried again after a file was being read
AT_ONCE: Final = 16  # people processed between two groups of moments
log = logging.getLogger("visavis.retention")


def kept_until(purposes: Mapping[str, Purpose], customer: Customer) -> dict[str, float]:
    """Until when each thing that is held of this person is kept (epoch seconds), by its name in ``Customer.held``."""
    longest = max([purpose.retention_days for purpose in purposes.values()], default=DEFAULT_DAYS)
    days = dict.fromkeys(customer.held, longest)
    if PROOF in days and customer.consents:
        days[PROOF] += PROOF_DAYS
    chosen = [one for one in purposes.values() if one.basis != "consent" or one.key in customer.consents]
    for category in days.keys() & set(CATEGORIES):
        days[category] = max([one.retention_days for one in chosen if category in one.categories], default=longest)
    return {what: customer.kept_from + many * DAY_S for what, many in days.items()}


class Retention:
    """Deletes what is over, in the log and in ``holders``; ``deleted`` gets how many people and entries."""

    def __init__(
        self,
        processor: Processor,
        holders: Sequence[PersonalDataHolder],
        *,
        deleted: Callable[[int, int], None] = lambda _people, _entries: None,
    ) -> None:
        self._processor = processor
        self._holders = holders
        self._deleted = deleted
        self._coming: list[tuple[float, str]] = []
        self._awaited: dict[str, float] = {}
        self._seen_at = -inf

    def run(self) -> float:
        """Delete what is over now (everyone is looked through once a day); when to run again (epoch seconds)."""
        processor, now = self._processor, self._processor.clock.now()
        now_s, gone = now.timestamp(), list[tuple[int, int]]()
        if now_s - self._seen_at >= DAY_S:
            for person in processor.population:
                if person.id not in self._awaited or person.last_received_at >= self._seen_at:
                    self._await(person.id, min(kept_until(processor.strategy.purposes, person).values(), default=inf))
            self._seen_at = now_s
        while self._coming and self._coming[0][0] <= now_s and len(gone) < AT_ONCE:
            at, name = heappop(self._coming)
            if self._awaited.get(name) != at:
                continue
            person = processor.customer(name)
            del self._awaited[name]
            if person.entries and person.id == name:
                self._await(name, self._delete(person, now, gone))
        if gone:
            people, entries = [sum(column) for column in zip(*gone, strict=True)]
            log.info("what was kept long enough is gone", extra={"people": people, "entries": entries})
            self._deleted(people, entries)
        return min(self._seen_at + DAY_S, self._coming[0][0] if self._coming else inf)

    def _await(self, name: str, at: float) -> None:
        if at < inf:
            heappush(self._coming, (at, name))
            self._awaited[name] = at

    def _delete(self, person: Customer, now: datetime, gone: list[tuple[int, int]]) -> float:
        """Delete what is over of this person, noting in ``gone`` how much that was; when the next thing is over."""
        until = kept_until(self._processor.strategy.purposes, person)
        over = {what for what, at in until.items() if at <= now.timestamp()}
        if over and person.restricted:
            return now.timestamp() + DAY_S
        try:
            if over == until.keys():
                gone.append((1, self._delete_person(person)))
            elif over:
                gone.append((0, self._delete_part(person, over, now, last=until.keys() - over <= {PROOF})))
        except Exception:
            log.exception("what was kept long enough could not go yet")
            return now.timestamp() + RETRY_S
        return min([at for what, at in until.items() if what not in over], default=inf)

    def _delete_person(self, person: Customer) -> int:
        """Erase the person. The log comes last: until then it says that there is something left to do."""
        entries = self._entries(person)
        for holder in self._holders:
            holder.erase_personal_data(person.names, entries)
        names = sorted(person.names, key=lambda name: name == person.id)
        return sum([len(self._processor.erase(name, for_good=False)) for name in names])

    def _entries(self, person: Customer) -> list[Entry]:
        """Every entry of this person, also of those with whom they were merged."""
        return [entry for names in person.sides for entry in self._processor.entries_of(names[0])]

    def _delete_part(self, person: Customer, over: set[str], now: datetime, *, last: bool) -> int:
        """Remove these categories and what derives from them; with the ``last``, also what lies beside the log."""
        processor, changes = self._processor, {name: dict[str, Entry | None]() for name in person.names}
        entries = self._entries(person)
        for entry, after in without_categories(entries, over):
            changes[entry.customer][entry.moment.id] = after
        categories, contact_at = tuple(sorted(over)), datetime.fromtimestamp(person.kept_from, UTC)
        for name in person.names:  # named by what it is about: after a crash it is there already
            cause = own_id("lapsed", *categories, f"{contact_at:%Y%m%dT%H%M%S%f}")
            moment = Lapsed(id=cause, customer=name, occurred_at=now, categories=categories, contact_at=contact_at)
            processor.step(moment, check_log=True)
        processor.commit()
        if last:
            for holder in self._holders:
                holder.erase_personal_data(person.names, entries)
        for name, changed in changes.items():
            processor.amend(name, changed)
        return sum([after is None for changed in changes.values() for after in changed.values()])
