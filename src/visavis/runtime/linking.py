"""Whose an identifier is, and what linking one does: a bare card is added to its owner, two persons are asked."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from visavis.consent.confirmation import WAITS_DAYS
from visavis.customers.identity import REASONS, is_bare, own_names, refusal
from visavis.engine import NotAdmitted
from visavis.ledger.record import DUTIES
from visavis.model.customer import Customer
from visavis.model.decision import Show
from visavis.model.entry import Entry
from visavis.model.ids import decision_id, draw_id, own_id
from visavis.model.moment import Displayed, Linked, Merging, UsedTogether
from visavis.runtime.population import Population

TAKEN: Final = "This identifier is the id of another customer, and ids come first: it cannot be linked."
log = logging.getLogger("visavis.identity")


class Named(Struct, frozen=True):
    """Whom a till or the brand may mean: ``customer`` hashed as an identifier, the ``identifier`` to link as sent."""

    customer: str = ""
    identifier: str = ""


NOTHING: Final = Named()


class WaitingMerge(Struct, frozen=True):
    """A merge that waits for this person, or for the other one after they confirmed."""

    merge: str
    asked_at: float
    until: float
    confirmed: bool


class Linking:
    """Resolves identifiers and links among the people of one brand; ``key`` makes the numbers of merges."""

    def __init__(self, population: Population, key: bytes) -> None:
        self._population = population
        self._key = key[:64]

    def customer_of(self, name: str, named: Named) -> str:
        """The customer whom this name means: who has this id, else who holds it as an identifier, else a new one."""
        if not named.customer or self._population.customer(name).entries:
            return name
        holder = self._population.holder(named.customer)
        return holder if holder and not self._population.has_key(name) else name

    def resolved(self, customer: Customer, moment: Linked, named: Named, now: datetime) -> Linked | NotAdmitted:
        """The link with how it is made written into it."""
        moment = replace(moment, how="linked", merge="", card="", owner="", until=None)
        holder = self._population.holder(moment.identifier)
        if not holder and self._is_known(named.identifier):
            holder = named.identifier
            if holder not in customer.names and not self._is_bare(self._population.customer(holder)):
                return NotAdmitted("linked", "account", f"{TAKEN} Link the number of a card.")
        if not holder or holder in customer.names:
            return moment
        other = self._population.customer(holder)
        reason = refusal(customer, other, now.timestamp())
        if reason is None and self._is_bare(other):
            return replace(moment, how="extended", card=holder, owner=moment.customer)
        if reason is None and self._is_bare(customer):
            return replace(moment, how="extended", card=moment.customer, owner=holder)
        if reason is not None:
            log.warning("two customers were not merged", extra={"reason": reason, "advice": REASONS[reason]})
        return self._waiting(customer.profile(moment.customer), moment, now)

    def following(self, moment: Linked | Merging, now: datetime) -> Linked | Merging | None:
        """What this link or answer brings about: a question to the other person, or the merge of two who agreed."""
        if isinstance(moment, Linked):
            return self._asked(moment) if moment.how == "waiting" else None
        return self._agreed(moment, now) if moment.step == "confirmed" else None

    def _asked(self, moment: Linked) -> Merging | None:
        """The question to who holds the identifier, unless they were asked before."""
        holder = self._population.holder(moment.identifier)
        if moment.merge in self._population.customer(holder).profile(holder).merges:
            return None
        name = own_id("merge", moment.merge)
        fields = {"merge": moment.merge, "identifier": moment.identifier, "until": moment.until}
        return Merging(id=name, customer=holder, occurred_at=moment.occurred_at, step="asked", **fields)  # type: ignore[arg-type]

    def _agreed(self, moment: Merging, now: datetime) -> Linked | None:
        """The link of two who both confirmed in time and may be merged."""
        found = self._both(moment.merge)
        if found is None:
            return None
        one, other = found
        sides = [person.profile(name).merges[moment.merge] for name, person in (one, other)]
        if not all(side.by and now.timestamp() < side.until for side in sides):
            return None
        if (reason := refusal(one[1], other[1], now.timestamp())) is not None:
            log.warning("two customers were not merged", extra={"reason": reason, "advice": REASONS[reason]})
            return None
        fields = {"identifier": sides[0].identifier, "how": "merged", "merge": moment.merge}
        return Linked(id=own_id("merged", moment.merge), customer=one[0], occurred_at=moment.occurred_at, **fields)  # type: ignore[arg-type]

    def waiting(self, name: str, now: float) -> list[WaitingMerge]:
        """The merges that wait for this one, or after they confirmed for the other."""
        found = []
        for number, merge in self._population.customer(name).profile(name).merges.items():
            if not merge.refused and now < merge.until and self._both(number) is not None:
                found.append(WaitingMerge(number, merge.at, merge.until, bool(merge.by)))
        return found

    def _both(self, merge: str) -> tuple[tuple[str, Customer], tuple[str, Customer]] | None:
        """Who asked and who was asked, by the name that it concerns; ``None`` when they are one, or one is gone."""
        people, asker = self._population, self._population.holder(merge)
        one = people.customer(asker)
        asked = one.profile(asker).merges.get(merge)
        if asked is None:
            return None
        other = people.customer(people.holder(asked.identifier))
        name = next((name for name in other.names if merge in other.profile(name).merges), "")
        return ((asker, one), (name, other)) if name and name not in one.names else None

    def _waiting(self, profile: Customer, moment: Linked, now: datetime) -> Linked:
        again = [
            (number, merge)
            for number, merge in profile.merges.items()
            if merge.asker and merge.identifier == moment.identifier and now.timestamp() < merge.until
        ]
        if again:  # asked before, and not answered or refused: nobody is asked twice
            number, merge = again[0]
            until = datetime.fromtimestamp(merge.until, now.tzinfo)
            return replace(moment, how="waiting", merge=number, until=until)
        number = decision_id(self._key, moment.customer, moment.id, "merge")
        return replace(moment, how="waiting", merge=number, until=now + timedelta(days=WAITS_DAYS))

    def _is_known(self, name: str) -> bool:
        return bool(name) and (bool(self._population.customer(name).entries) or self._population.has_key(name))

    def _is_bare(self, customer: Customer) -> bool:
        return is_bare(customer) and not any(self._population.has_key(name) for name in customer.names)


def uses_together(entry: Entry, person: Customer) -> Iterator[UsedTogether]:
    """For each use of a merged person's data, one moment under each other one's profile whose data were read."""
    sides = person.sides
    if not entry.uses or len(sides) < 2 or isinstance(entry.moment, UsedTogether):
        return
    own = own_names(person, entry.customer)
    shown = {decision.purpose for decision in entry.decisions if isinstance(decision, Show)}
    decided = bool(entry.decisions) or isinstance(entry.moment, Displayed)
    for number, use in enumerate(entry.uses if decided else ()):
        for profile in person.profiles:
            read = tuple([one for one in use.categories if _has(profile, one)])
            if profile.id in own or not read or use.purpose in DUTIES:
                continue
            yield UsedTogether(
                id=used_id(entry, number),
                customer=profile.id,
                occurred_at=entry.moment.occurred_at,
                purpose=use.purpose,
                categories=read,
                by=use.by,
                shown=use.purpose in shown,
            )


def used_id(entry: Entry, number: int) -> str:
    """The id of what notes, under another's profile, the use of this number in the entry."""
    return own_id("used", draw_id(entry.customer, entry.moment.id, "used"), str(number))


def _has(profile: Customer, category: str) -> bool:
    """Whether a merged person has something of this category by this profile; health is never merged."""
    match category:
        case "purchases":
            return bool(profile.purchases.trips)
        case "places":
            return profile.places.at > 0
        case "home":
            return bool(profile.home)
        case "preferences":
            return bool(profile.preferences)
        case "orders":
            return bool(profile.orders or profile.rewards)
        case _:
            return False
