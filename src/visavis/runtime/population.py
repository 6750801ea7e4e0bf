"""All known customers by each of their names, the holders of identifiers, the tills, and who is due next; in memory."""

from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush

from msgspec import Struct

from visavis.customers.fold import fold
from visavis.customers.identity import apply_entry, reunited
from visavis.model.customer import Customer, newborn
from visavis.model.entry import Entry
from visavis.runtime.tills import Tills


class Changes(Struct, frozen=True):
    """What is not durable yet, committed or discarded whole: customers by name, holders of identifiers ("": nobody)."""

    customers: dict[str, Customer] = {}
    holders: dict[str, str] = {}


class Population:
    """The customers of one brand, and what all entries together tell of its ``tills``.

    ``has_key`` says whether a device or a home has a key that speaks for this name.
    """

    def __init__(self, has_key: Callable[[str], bool] = lambda _name: False) -> None:
        self.has_key = has_key
        self.tills = Tills()
        self._customers: dict[str, Customer] = {}
        self._holders: dict[str, str] = {}
        self._changes = Changes()
        self._due: list[tuple[float, str]] = []

    def __iter__(self) -> Iterator[Customer]:
        """Every person once, whatever names they have."""
        return iter([person for name, person in self._customers.items() if name == person.id])

    def __len__(self) -> int:
        """How many persons."""
        return sum([name == person.id for name, person in self._customers.items()])

    def __contains__(self, name: object) -> bool:
        """Whether somebody is known by this name."""
        return name in self._customers

    def customer(self, name: str) -> Customer:
        """The person of this name as folded so far, perhaps out of order; a newborn when nothing is known of them."""
        return self._changes.customers.get(name) or self._customers.get(name) or newborn(name)

    def holder(self, identifier: str) -> str:
        """The name of the person who holds this identifier; empty for nobody."""
        return self._changes.holders.get(identifier, self._holders.get(identifier, ""))

    def by_name(self) -> dict[str, Customer]:
        """Every customer by each of their names."""
        return dict(self._customers)

    def holders(self) -> dict[str, str]:
        """Who holds each identifier that was ever linked; "" for nobody."""
        return dict(self._holders)

    def apply(self, entry: Entry, after: Customer) -> None:
        """Note that the person is ``after`` this entry; it may merge two customers, or part them."""
        self.tills.note(entry)
        before = self.customer(entry.customer)
        people = ChainMap(self._changes.customers, self._customers)
        for person in apply_entry(people, ChainMap(self._changes.holders, self._holders), entry, after):
            self._await(person, before if person is after else None)

    def put_in_order(self, before: Customer, after: Customer) -> None:
        """Put the person in the place of what they were ``before``, wherever that is still what is known of them."""
        for name in before.names:
            for people in (self._changes.customers, self._customers):
                if people.get(name) is before:
                    people[name] = after

    def fold(self, entry: Entry) -> None:
        """Take in an entry of the log; after the last one, :meth:`schedule`."""
        self.tills.note(entry)
        apply_entry(self._customers, self._holders, entry, fold(self.customer(entry.customer), entry))

    def schedule(self) -> None:
        """Find when each person is due."""
        self._due = [(person.next_due_at, person.id) for person in self if person.next_due_at is not None]
        heapify(self._due)

    def take_changes(self) -> Changes:
        """What was applied since the last time, no longer seen until it is committed."""
        changes, self._changes = self._changes, Changes()
        return changes

    def commit(self, changes: Changes) -> None:
        """These changes are durable."""
        self._customers.update(changes.customers)
        self._holders.update(changes.holders)

    def discard(self, changes: Changes) -> None:
        """These changes were not written; who was due before is due again."""
        for name in changes.customers:
            self._await(self.customer(name), None)

    def replace(self, people: Iterable[Customer], holders: dict[str, str]) -> None:
        """These people were folded again, each under the names that they had; ``holders`` are those of everyone."""
        for person in people:
            before = self.customer(person.id)
            self._customers.update(dict.fromkeys(person.names, person))
            self._await(person, before)
        self._holders = holders

    def remove(self, name: str) -> None:
        """Forget this name; the others of which the person was merged stay."""
        person = self._customers.pop(name, None)
        left = [profile for profile in person.profiles if profile.id != name] if person is not None else []
        if left:
            rest = reunited(left)
            self._customers.update(dict.fromkeys(rest.names, rest))
            self._await(rest, None)
        kept = {identifier: profile.id for profile in left for identifier in profile.identifiers}
        self._holders = {
            identifier: kept.get(identifier, holder)
            for identifier, holder in self._holders.items()
            if holder != name or identifier in kept
        }
        self._due = [(due, one) for due, one in self._due if one != name]
        heapify(self._due)

    @property
    def next_due_at(self) -> float | None:
        """When somebody is due next (epoch seconds); ``None`` when nobody is."""
        return self._due[0][0] if self._due else None

    def pop_due(self, now: float) -> Customer | None:
        """Who is due next, by now; ``None`` when nobody is."""
        while self._due and self._due[0][0] <= now:
            due, name = heappop(self._due)
            if (customer := self.customer(name)).next_due_at == due:
                return customer
        return None

    def _await(self, customer: Customer, before: Customer | None) -> None:
        due = customer.next_due_at
        if due is not None and (before is None or before.next_due_at != due):
            heappush(self._due, (due, customer.id))
