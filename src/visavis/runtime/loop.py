"""The loop: one writer per person; a group of moments is stepped, committed once, and only then answered.

Idempotent by (customer, moment id): a retry gets the stored entry. Memory advances at each step; when a commit fails,
what was stepped is discarded and the log stays the truth. A moment refused at the door leaves no row, key or cache
entry.
"""

import logging
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from heapq import heapify, heappop, heappush, merge
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from visavis.consent.gate import open_categories
from visavis.customers.fold import fold
from visavis.customers.identity import REASONS, addressed, apply_entry, merged, refusal
from visavis.engine import NotAdmitted, admit, step
from visavis.learning.online import OnlineLearner
from visavis.model.customer import Customer, bounded, newborn
from visavis.model.decoding import CLOCK_SKEW
from visavis.model.entry import Entry
from visavis.model.errors import Refused, VisavisError
from visavis.model.moment import Due, Linked, Moment, Objected
from visavis.model.world import World, WorldChange
from visavis.ports import Clock, Log
from visavis.runtime.replay import WORLDS, State, rebuild
from visavis.runtime.worlds import change
from visavis.strategy.read import Strategy

DUE: Final = "due-"
"""How the ids of our own ``due`` moments begin: no sender may use it, or it could take the place of one."""
KEPT: Final = "kept"
"""How an objection was made that is said again because it was kept: nothing needs to come before it."""
SKEW_S: Final = CLOCK_SKEW.total_seconds()
log = logging.getLogger("visavis.identity")


class StepResult(Struct, frozen=True):
    """What the sender gets: the entry, or the door's no; ``retried`` when this moment had been apply_entry before."""

    entry: Entry | None
    refused: NotAdmitted | None = None
    retried: bool = False


class Group(Struct, frozen=True):
    """What was stepped and is not durable yet.

    Its entries in order, everyone concerned as they will be, and who will hold which identifier.
    """

    entries: list[Entry]
    customers: dict[str, Customer]
    identified: dict[str, str]


class Loop:
    """Live moments.

    ``state`` is what the log adds up to (rebuilt from it when not given); not safe for threads: one loop, one thread.

    ``erased`` and ``amended`` are called with the name of whose entries went, or changed. ``opposed`` tells what
    somebody of one of these names has objected to, here or in another life of theirs: it is said before anything else.
    """

    def __init__(
        self,
        log: Log,
        strategy: Strategy,
        randomization_key: bytes,
        clock: Clock,
        *,
        state: State | None = None,
        opposed: Callable[[Iterable[str]], Iterable[str]] = lambda _: (),
    ) -> None:
        self.log = log
        self.strategy = strategy
        self.randomization_key = randomization_key
        self.clock = clock
        self.opposed = opposed
        state = state if state is not None else rebuild(log)
        self.world: World = state.world
        self.worlds: dict[str, World] = state.worlds
        self.erased: list[Callable[[str], None]] = []
        self.amended: list[Callable[[str], None]] = []
        self.customers: dict[str, Customer] = state.customers
        self.teacher: OnlineLearner = state.teacher
        self._group: dict[tuple[str, str], Entry] = {}
        self._ahead: dict[str, Customer] = {}
        self._due: list[tuple[float, str]] = []
        self._identified: dict[str, str] = state.identified
        self._claimed: dict[str, str] = {}
        for name, customer in self.customers.items():
            if name == customer.id:
                self._await(customer, None)

    def process(self, moments: Iterable[Moment]) -> list[StepResult]:
        """Step each moment in order, commit them as one group, and answer.

        Nothing is answered before all of it is durable.
        """
        answers = [self.take(moment) for moment in moments]
        self.commit()
        return answers

    def take(self, moment: Moment, *, look: bool = False) -> StepResult:
        """Step one moment into the open group. Its answer must not go out before :meth:`commit` has returned.

        With ``look`` the log is always asked whether it was apply_entry before; without, only when that can be: a
        sender that repeats an id under a later time is found out by the commit, which is refused.
        """
        customer = self.customer(moment.customer)
        moment = addressed(customer, moment)
        name = moment.customer
        # A moment that occurred after all that was received of this person cannot have been apply_entry before: no need
        # to look.
        if look or moment.occurred_at.timestamp() - SKEW_S <= customer.last_received_at:
            stored = self._group.get((name, moment.id)) or self.log.entry(name, moment.id)
            if stored is not None:
                return StepResult(stored, retried=True)
        received_at = self.clock.now()
        if (
            isinstance(moment, Linked)
            and (refused := self._unmerged(customer, moment, received_at.timestamp())) is not None
        ):
            return StepResult(None, refused)
        if (not customer.entries or isinstance(moment, Linked)) and not (
            isinstance(moment, Objected) and moment.method == KEPT
        ):
            customer = self._recalled(customer, moment)
        admitted = admit(self.strategy, customer, moment, received_at)
        if not customer.entries and not isinstance(admitted, NotAdmitted) and self.log.erased(name):
            admitted = NotAdmitted(moment.kind, moment.category, "Nothing is kept under this name.")
        if isinstance(admitted, NotAdmitted):
            return StepResult(None, admitted)
        entry, after = step(self.strategy, self.world, customer, admitted, received_at, self.randomization_key)
        self._group[name, moment.id] = entry
        for person in apply_entry(
            ChainMap(self._ahead, self.customers), ChainMap(self._claimed, self._identified), entry, after
        ):
            self._await(person, customer if person is after else None)
        if isinstance(admitted, Objected) and admitted.on:
            # Whoever is one now may part: what they objected to as one is said under each of their names, one after the
            # other.
            silent = next((side.id for side in after.profiles if admitted.about not in side.objections), "")
            if silent:
                self.take(replace(admitted, id=f"opposed-{moment.id}"[:128], customer=silent, method=KEPT))
        return StepResult(entry)

    def _recalled(self, customer: Customer, moment: Moment) -> Customer:
        """The customer, once what they have objected to under this name or identifier is theirs again.

        Nothing comes before it.
        """
        name = customer.id
        names = (name, moment.identifier) if isinstance(moment, Linked) else (name,)
        for about in self.opposed(names):
            if about not in customer.objections and not self.log.erased(name):
                cause = f"opposed-{len(customer.objections)}-{moment.id}"[:128]
                self.take(Objected(id=cause, customer=name, occurred_at=moment.occurred_at, about=about, method=KEPT))
                customer = self.customer(name)
        return customer

    def _unmerged(self, customer: Customer, moment: Linked, now: float) -> NotAdmitted | None:
        """Why this identifier cannot be linked: another customer holds it, and the two may not be merged.

        One that nobody has extends the same customer.
        """
        holder = self._claimed.get(moment.identifier, self._identified.get(moment.identifier, ""))
        if not holder or holder in customer.names:
            return None
        reason = refusal(customer, self.customer(holder), now)
        if reason is None:
            return None
        log.warning("two customers were not merged", extra={"reason": reason})
        return NotAdmitted(
            "linked",
            "account",
            f"This identifier belongs to another customer, and the two were not merged. {REASONS[reason]}",
        )

    def customer(self, name: str) -> Customer:
        """The person as of the last moment taken; a newborn when nothing is known of them."""
        return self._ahead.get(name) or self.customers.get(name) or newborn(name)

    def names(self, customer: str) -> tuple[str, ...]:
        """Every name that speaks for this person: one, unless they were merged."""
        return self.customer(customer).names

    def life(self, customer: str) -> list[Entry]:
        """The entries of this person, under each of their :meth:`names`, oldest first."""
        return list(merge(*[self.log.of(name) for name in self.names(customer)], key=lambda entry: entry.received_at))

    def entry(self, customer: str, moment: str) -> Entry | None:
        """The entry of this moment of the person, under whichever of their :meth:`names` it was apply_entry."""
        return next(
            (entry for name in self.names(customer) if (entry := self.log.entry(name, moment)) is not None), None
        )

    @property
    def people(self) -> int:
        """How many persons are known; who was merged counts once."""
        return sum([name == person.id for name, person in self.customers.items()])

    def commit(self) -> None:
        """Make the open group durable, then let memory follow.

        When the log refuses, the group is discarded and memory stays as the log is.
        """
        group = self.sealed()
        if group.entries:
            try:
                self.write(group.entries)
            except VisavisError:
                self.drop(group)
                raise
            self.remember(group)

    def write(self, entries: Sequence[Entry]) -> None:
        """Make these entries durable, with their lines of the ledger; the writer runs it on a thread of its own."""
        self.log.commit(entries, self.strategy.purposes)

    def sealed(self) -> Group:
        """The open group, which is open no more: who takes it makes it durable, then calls :meth:`remember`.

        Or drops it, and it never was.
        """
        group = Group(list(self._group.values()), self._ahead, self._claimed)
        self._group, self._ahead, self._claimed = {}, {}, {}
        return group

    def drop(self, group: Group) -> None:
        """Forget a group that could not be made durable; whoever it had woken is to be woken again."""
        for name in group.customers:
            self._await(self.customer(name), None)

    def remember(self, group: Group) -> None:
        """Let memory follow a group that is durable."""
        self.customers.update(group.customers)
        self._identified.update(group.identified)
        for entry in group.entries:
            if entry.decisions or entry.closed:
                self.teacher.digest(entry, self.world)

    def amend(self, customer: str, entries: Mapping[str, Entry | None]) -> None:
        """Put these in the place of this person's entries of the same moments, after all that was taken before.

        Then they are who the log says.
        """
        self.commit()
        was = [entry for entry in self.log.of(customer) if entry.moment.id in entries]
        self.log.amend(customer, entries)
        before = self.customer(customer)
        if (
            before.profiles
        ):  # what was merged since, and whether it still is, follows from all entries, in the order in which they came
            state = rebuild(self.log)
            people = {name: state.customers.get(name) or newborn(name) for name in before.names}
            self._identified = state.identified
        else:
            after = reduce(fold, self.log.of(customer), newborn(customer))
            people = {customer: after}
            let_go = [identifier for identifier in before.identifiers if identifier not in after.identifiers]
            self._identified = {
                identifier: name for identifier, name in self._identified.items() if identifier not in let_go
            }
        for name, person in people.items():
            self.customers[name] = person
            if name == person.id:
                self._await(person, before)
        for entry in was:
            self.teacher.amended(entry, entries[entry.moment.id])
        for look_again in self.amended:
            look_again(customer)

    def adopt(self, entries: Sequence[Entry]) -> None:
        """Let a person come in with the life that they had elsewhere: all of it or nothing.

        :class:`Refused` when somebody is, or was, here by such a name.
        """
        self.commit()
        names = {entry.customer for entry in entries}
        if any(
            self.customer(name).entries or self.log.erased(name) or next(iter(self.log.of(name)), None) is not None
            for name in names
        ):
            raise Refused(
                "This name is taken here, or nothing may be kept under it.",
                advice="A life is brought in before anything of it was apply_entry here.",
            )
        if any(entry.received_at > self.clock.now() for entry in entries):
            raise Refused(
                "This life has not been apply_entry yet.", advice="Check the clock of who exported it, and ours."
            )
        people, identified = dict[str, Customer](), dict[str, str]()
        for entry in entries:
            apply_entry(people, identified, entry, fold(people.get(entry.customer) or newborn(entry.customer), entry))
        if any(self._identified.get(identifier) for identifier in identified):
            raise Refused(
                "An identifier in this export belongs to another customer.",
                advice="Two customers are not joined this way.",
            )
        self.write(entries)
        for name, person in people.items():
            if name == person.id:
                self._await(person, None)
        self.remember(Group(list(entries), people, identified))

    def erase(self, customer: str, *, for_good: bool = True) -> list[Entry]:
        """Forget this customer, after all that was taken before; return the entries that there were.

        Asked again, it completes what is left to do.

        Unless it is ``for_good``, they may come again. Only what was apply_entry under this name goes; a person who was
        merged is erased under each of their :meth:`names`.
        """
        self.commit()
        entries = list(self.log.of(customer))
        try:
            self.log.erase(customer, for_good=for_good)
        finally:
            # Decided, even when a file could not be cut yet: nobody lives on meanwhile.
            if self.log.erased(customer) or (not for_good and not any(True for _ in self.log.of(customer))):
                self._forget(customer, entries)
        return entries

    def _forget(self, customer: str, entries: Iterable[Entry]) -> None:
        person = self.customers.pop(customer, None)
        left = [side for side in person.profiles if side.id != customer] if person is not None else []
        if left:
            rest = reduce(merged, left)
            self.customers.update(dict.fromkeys(rest.names, rest))
            self._await(rest, None)
        names = {identifier: side.id for side in left for identifier in side.identifiers}
        self._identified = {
            identifier: names.get(identifier, name)
            for identifier, name in self._identified.items()
            if name != customer or identifier in names
        }
        self._due = [(due, name) for due, name in self._due if name != customer]
        heapify(self._due)
        for entry in entries:
            self.teacher.amended(entry, None)
        for forget in self.erased:
            forget(customer)

    @property
    def next_due_at(self) -> float | None:
        """When :meth:`wake` has something to do next (epoch seconds)."""
        return self._due[0][0] if self._due else None

    def wake(self, limit: int | None = None) -> list[StepResult]:
        """Wake everyone whose time has come (at most ``limit``), into the open group.

        One ``due`` moment each closes everything past.
        """
        now = self.clock.now()
        now_s = now.timestamp()
        answers: list[StepResult] = []
        while self._due and self._due[0][0] <= now_s and (limit is None or len(answers) < limit):
            due, name = heappop(self._due)
            customer = self.customer(name)
            window = customer.awaited
            if window is not None and window.closes_at == due:
                # Named by what is waited for, which closes once: neither a clock that stands nor what else was kept of
                # the person is told by it.
                answers.append(self.take(Due(id=f"{DUE}{window.decision}", customer=name, occurred_at=now)))
        return answers

    def learn(self) -> None:
        """Let the world change by what outcomes taught, when a lesson is due."""
        now = self.clock.now()
        lessons = self.teacher.lessons(
            self.world, now, lambda name, purpose: self._open(name, purpose, now.timestamp())
        )
        if lessons:
            self.enact(lessons)

    def enact(self, changes: Iterable[WorldChange]) -> None:
        """Log these changes of the world, after the open group, and see by them from now on."""
        self.commit()
        for what in changes:
            entry, world = change(self.world, what, self.clock.now())
            self.log.commit([entry])
            self.world = world
            self.worlds = bounded(self.worlds, world.version, world, limit=WORLDS)
            self.teacher.noted(entry)

    def _open(self, name: str, purpose: str, now: float) -> bool:
        known = self.strategy.purposes.get(purpose)
        return known is not None and bool(open_categories(self.customer(name), known, now))

    def _await(self, customer: Customer, before: Customer | None) -> None:
        due = customer.next_due_at
        if due is not None and (before is None or before.next_due_at != due):
            heappush(self._due, (due, customer.id))
