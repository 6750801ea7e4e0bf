"""The processor steps a group of moments, commits it once, then answers; idempotent by (customer, moment id).

When a commit fails, what was stepped is discarded. A moment that is not admitted leaves no row, key or cache entry.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import reduce
from heapq import merge
from itertools import chain
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from visavis.consent.gate import same_content
from visavis.customers.fold import fold
from visavis.customers.identity import addressed, own_names, side
from visavis.customers.reordered import reordered
from visavis.engine import NotAdmitted, admit, step
from visavis.learning.online import OnlineLearner
from visavis.ledger.record import prepare_lines
from visavis.model.customer import Customer, bounded, newborn
from visavis.model.decoding import CLOCK_SKEW
from visavis.model.entry import SERVER, Entry, Origin
from visavis.model.errors import Refused, VisavisError
from visavis.model.ids import check_identity, own_id
from visavis.model.moment import Due, Linked, Located, Merging, Moment, Objected
from visavis.model.world import WorldChange
from visavis.ports import Clock, Log
from visavis.runtime.linking import NOTHING, Linking, Named, uses_together
from visavis.runtime.population import Changes, Population
from visavis.runtime.positions import Positions
from visavis.runtime.projections import Projections
from visavis.runtime.replay import WORLDS, rebuild
from visavis.runtime.worlds import change
from visavis.strategy.read import Strategy

NOWHERE: Final = "This position is in none of the brand's places; it was not kept."
REMEMBERED: Final = "kept"  # the method of an objection entered from the suppression list
SKEW_S: Final = CLOCK_SKEW.total_seconds()


class StepResult(Struct, frozen=True):
    """What the sender gets: the entry, or why it was not admitted; neither for a position there that changed nothing.

    ``retried`` when the log held it already; ``conflict`` when what the log holds under this id says something else.
    """

    entry: Entry | None
    refused: NotAdmitted | None = None
    retried: bool = False
    conflict: bool = False


class Group(Struct, frozen=True):
    """What was stepped and is not durable yet: its entries in order, and how they change the population."""

    entries: list[Entry]
    changes: Changes


class Processor:
    """Steps moments, commits them in groups, wakes who is due, changes the world; one a log, one thread.

    ``objections_of`` gives objections kept under these names or identifiers (also of erased persons), entered first.
    """

    def __init__(
        self,
        log: Log,
        strategy: Strategy,
        randomization_key: bytes,
        clock: Clock,
        *,
        population: Population | None = None,
        projections: Projections | None = None,
        objections_of: Callable[[Iterable[str]], Iterable[str]] = lambda _names: (),
    ) -> None:
        self.log = log
        self.strategy = strategy
        self.randomization_key = randomization_key
        self.clock = clock
        self.population = population if population is not None else Population()
        learner = OnlineLearner(self.population.customer, strategy.purposes)
        self.projections = projections if projections is not None else Projections([learner])
        self._objections_of = objections_of
        self.positions = Positions()
        self.linking = Linking(self.population, randomization_key)
        self._entries: dict[tuple[str, str], Entry] = {}
        state = rebuild(log, self.population, self.projections)
        self.world = state.world
        self.worlds = state.worlds

    # What is known.

    def customer(self, name: str) -> Customer:
        """The person of this name as of the last step, all facts in order; a newborn when nothing is known of them."""
        customer = self.population.customer(name)
        if customer.out_of_order:
            before, customer = customer, reordered(customer, self._stepped_entries)
            self.population.put_in_order(before, customer)
        return customer

    def _stepped_entries(self, name: str) -> Iterator[Entry]:
        return chain(self.log.of(name), [entry for entry in self._entries.values() if entry.customer == name])

    def side(self, name: str) -> Customer:
        """What is this one's own: without those with whom they were merged, but with the bare cards that are theirs."""
        found = side(self.customer(name), name)
        return reordered(found, self._stepped_entries) if found.out_of_order else found

    def names(self, name: str) -> tuple[str, ...]:
        """The names that are this one's own: one, unless bare cards are theirs."""
        return own_names(self.population.customer(name), name)

    def entries_of(self, name: str) -> list[Entry]:
        """The entries that are this one's own, oldest first."""
        return list(merge(*[self.log.of(one) for one in self.names(name)], key=lambda entry: entry.received_at))

    def entry(self, customer: str, moment: str) -> Entry | None:
        """The entry of this moment, if it is this one's own."""
        found = (self.log.entry(name, moment) for name in self.names(customer))
        return next((entry for entry in found if entry is not None), None)

    # Step, then commit.

    def process(self, moments: Iterable[Moment]) -> list[StepResult]:
        """Step each moment in order and commit them as one group: nothing is answered before all of it is durable."""
        answers = [self.step(moment) for moment in moments]
        self.commit()
        return answers

    def step(
        self, moment: Moment, origin: Origin = SERVER, named: Named = NOTHING, *, check_log: bool = False
    ) -> StepResult:
        """Step one moment into the open group; it must not be answered before :meth:`commit` has returned.

        The log is not asked about a moment that occurred after all that was received of its person, unless
        ``check_log``: an id repeated under a later time makes the commit fail with :class:`Refused`. ``named`` is whom
        else the sender may mean.
        """
        name = self.linking.customer_of(moment.customer, named)
        identifier = named.customer if name != moment.customer else ""
        moment = replace(moment, customer=name) if identifier else moment
        customer = self._after_due(moment)
        moment = addressed(customer, moment)
        if check_log or moment.occurred_at.timestamp() - SKEW_S <= customer.last_received_at:
            stored = self._stored(customer, moment)
            if stored is not None:
                return stored
        if isinstance(moment, Linked):
            found = self.linking.resolved(customer, moment, named, self.clock.now())
            if isinstance(found, NotAdmitted):
                return StepResult(None, found)
            moment = found
        return self._enter(customer, moment, origin, identifier)

    def _stored(self, customer: Customer, moment: Moment) -> StepResult | None:
        """The first answer to this moment, under whichever of the person's names it was given."""
        name = moment.customer
        mine = own_names(customer, name)
        for one in (name, *[other for other in customer.names if other != name]):
            entry = self._entries.get((one, moment.id)) or self.log.entry(one, moment.id)
            if entry is not None:
                same = same_content(self.strategy, replace(entry.moment, customer=name), moment)
                if same or one in mine:
                    return StepResult(entry, retried=True, conflict=not same)
        return None

    def _enter(self, customer: Customer, moment: Moment, origin: Origin = SERVER, identifier: str = "") -> StepResult:
        """Step one moment whose customer and links are settled."""
        received_at, name = self.clock.now(), moment.customer
        remembered = isinstance(moment, Objected) and moment.method == REMEMBERED and origin.surface == ""
        if (not customer.entries or isinstance(moment, Linked)) and not remembered:
            customer = self._restore_objections(customer, moment)
        admitted = admit(self.strategy, customer, moment, received_at, origin)
        if not customer.entries and not isinstance(admitted, NotAdmitted) and self.log.erased(name):
            admitted = NotAdmitted(moment.kind, moment.category, "Nothing is kept under this name.")
        if moment.category == "account" or isinstance(admitted, NotAdmitted):
            self.positions.forget(customer.names)  # what was known of their place is not carried over a choice
        if isinstance(admitted, Located):
            transition = self.positions.follow(self.strategy, customer, admitted)
            if transition is None:
                nowhere = self.strategy.place_index.find(admitted.longitude, admitted.latitude) is None
                return StepResult(None, NotAdmitted(moment.kind, moment.category, NOWHERE) if nowhere else None)
            admitted = admit(self.strategy, customer, transition, received_at, origin)
        if isinstance(admitted, NotAdmitted):
            return StepResult(None, admitted)
        if not admitted.late:  # a late moment decides nothing: a history that is brought in is put in order once
            customer = self.customer(name) if customer.out_of_order else customer
        entry, after = step(self.strategy, self.world, customer, admitted, received_at, self.randomization_key, origin)
        entry = replace(entry, identifier=identifier) if identifier else entry
        self._entries[name, moment.id] = entry
        self.population.apply(entry, after)
        self._follow(entry, after)
        return StepResult(entry)

    def _after_due(self, moment: Moment) -> Customer:
        """The person of this moment, after the windows that are over were closed."""
        customer = self.population.customer(moment.customer)
        if (due_at := customer.next_due_at) is None or isinstance(moment, Due):
            return customer
        now = self.clock.now()
        if due_at > now.timestamp():
            return customer
        self.step(self._due(customer, now))
        return self.population.customer(moment.customer)

    def _follow(self, entry: Entry, after: Customer) -> None:
        """Enter what this entry brings about under other names of the person, or of whom they are linked to."""
        moment = entry.moment
        if isinstance(moment, Objected) and moment.on:
            self._object_as_each(after, moment, replace(entry.origin, surface=""))
        elif isinstance(moment, Linked | Merging) and (next_one := self.linking.following(moment, entry.received_at)):
            self._enter(self.population.customer(next_one.customer), next_one)
        for used in uses_together(entry, after):
            self._enter(self.population.customer(used.customer), used)

    def _restore_objections(self, customer: Customer, moment: Moment) -> Customer:
        """Enter again what was objected to under this name or identifier; the customer after it."""
        name = customer.id
        names = (name, moment.identifier) if isinstance(moment, Linked) else (name,)
        for about in self._objections_of(names):
            if about not in customer.objections and not self.log.erased(name):
                cause = own_id("remembered", str(len(customer.objections)), moment.id)
                at = moment.occurred_at
                self.step(Objected(id=cause, customer=name, occurred_at=at, about=about, method=REMEMBERED))
                customer = self.population.customer(name)
        return customer

    def _object_as_each(self, person: Customer, objection: Objected, origin: Origin) -> None:
        """Enter a merged person's objection under each of their names, since they may be parted again."""
        for profile in person.profiles:
            if objection.about not in profile.objections:
                cause = own_id("opposed", objection.id)  # it enters itself under the next name in turn
                self.step(replace(objection, id=cause, customer=profile.id, method=REMEMBERED), origin)
                return

    def commit(self) -> None:
        """Make the open group durable; if the log refuses, it is discarded."""
        group = self.close_group()
        if group.entries:
            try:
                position = self.write(group.entries)
            except VisavisError:
                self.discard_group(group)
                raise
            self.apply_group(group, position)

    def close_group(self) -> Group:
        """The open group; the next step opens another. It is to be written, then applied, or else discarded."""
        group = Group(list(self._entries.values()), self.population.take_changes())
        self._entries = {}
        return group

    def write(self, entries: Sequence[Entry]) -> int:
        """Make these entries durable, with their lines of the ledger; the position of the last. Any thread may."""
        return self.log.commit(entries, prepare_lines(self.log, entries, self.strategy.purposes))

    def discard_group(self, group: Group) -> None:
        """Forget a group that could not be made durable."""
        self.population.discard(group.changes)
        self.positions.forget(group.changes.customers)

    def apply_group(self, group: Group, position: int, *, live: bool = True) -> None:
        """Let the population and the projections follow a durable group, whose last entry is at this position."""
        self.population.commit(group.changes)
        first = position - len(group.entries) + 1
        self.projections.advance(list(enumerate(group.entries, first)), self.log, self.population.customer, live=live)

    # What the clock brings about.

    @property
    def next_due_at(self) -> float | None:
        """When :meth:`wake` has something to do next (epoch seconds)."""
        return self.population.next_due_at

    def wake(self, limit: int | None = None) -> list[StepResult]:
        """Step one ``due`` moment, which closes everything past, for everyone who is due (at most ``limit``)."""
        now = self.clock.now()
        answers: list[StepResult] = []
        while (limit is None or len(answers) < limit) and (due := self.population.pop_due(now.timestamp())):
            answers.append(self.step(self._due(due, now)))
        return answers

    def _due(self, customer: Customer, now: datetime) -> Due:
        """The moment that closes this person's windows that are over; named by the first, which closes once."""
        assert customer.awaited is not None
        stale_s, worked = self.strategy.brand.stale_after("till"), self.population.tills.worked
        over = [one for one in customer.service.open if one.closes_at <= now.timestamp() and one.needs_till]
        blind = [one.decision for one in over if not worked(one.place, one.opens_at, one.until, stale_s)]
        return Due(
            id=own_id("due", customer.awaited.decision), customer=customer.id, occurred_at=now, unobserved=tuple(blind)
        )

    def learn(self) -> None:
        """Let the world change by what was learned, when a change is due."""
        if changes := self.projections.changes(self.world, self.clock.now()):
            self.enact(changes)

    def enact(self, changes: Iterable[WorldChange]) -> None:
        """Enter these changes of the world, after the open group; the next step sees them."""
        self.commit()
        for what in changes:
            entry, world = change(self.world, what, self.clock.now())
            position = self.log.commit([entry])
            self.world = world
            self.worlds = bounded(self.worlds, world.version, world, limit=WORLDS)
            self.projections.advance([(position, entry)], self.log, self.population.customer)

    # What people may ask. Each comes after all that was stepped before.

    def amend(self, customer: str, entries: Mapping[str, Entry | None]) -> None:
        """Put these in the place of the entries of the same moments (``None``: it goes), and fold the person again."""
        self.commit()
        replaced = [entry for entry in self.log.of(customer) if entry.moment.id in entries]
        self.log.amend(customer, entries)
        now = list(self.log.of(customer))
        before = self.customer(customer)
        if before.profiles:  # whether they are still merged follows from everyone's entries, in order
            again = rebuild(self.log).population
            self.population.replace([again.customer(name) for name in before.names], again.holders())
        else:
            after = reduce(fold, now, newborn(customer))
            lost = {*before.identifiers}.difference(after.identifiers)
            holders = {key: name for key, name in self.population.holders().items() if key not in lost}
            self.population.replace([after], holders)
        if replaced:
            self.projections.amend(self.customer(customer), replaced, now)

    def adopt(self, entries: Sequence[Entry]) -> None:
        """Take in a person's entries from elsewhere, all or none; :class:`Refused` if such a name is, or was, known."""
        self.commit()
        names, log = {entry.customer for entry in entries}, self.log
        for name in names:
            check_identity(name, "customer")
        if any(self.customer(one).entries or log.erased(one) or any(True for _ in log.of(one)) for one in names):
            advice = "Bring a person in before anything of theirs is processed here."
            raise Refused("This name is taken here, or nothing may be kept under it.", advice=advice)
        if any(entry.received_at > self.clock.now() for entry in entries):
            advice = "Check the clock of who exported them, and ours."
            raise Refused("Some of these entries are of the future.", advice=advice)
        newcomers = Population()
        for entry in entries:
            newcomers.fold(entry)
        if any(self.population.holder(identifier) for identifier in newcomers.holders()):
            advice = "Two customers are not joined this way."
            raise Refused("An identifier in this export belongs to another customer.", advice=advice)
        position = self.write(entries)
        self.population.replace(newcomers, self.population.holders() | newcomers.holders())
        self.apply_group(Group(list(entries), Changes()), position, live=False)

    def erase(self, customer: str, *, for_good: bool = True) -> list[Entry]:
        """Erase this name (they may come again unless ``for_good``) and return its entries; repeated, it completes."""
        self.commit()
        entries = list(self.log.of(customer))
        try:
            self.log.erase(customer, for_good=for_good)
        finally:
            # Decided, even when a file could not be cut yet: memory holds nothing of them meanwhile.
            if self.log.erased(customer) or (not for_good and not any(True for _ in self.log.of(customer))):
                self.population.remove(customer)
        return entries
