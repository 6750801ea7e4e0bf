"""The loop: one writer per person; a group of moments is stepped, committed once, and only then answered.

Idempotent by (customer, moment id): a retry gets the stored entry. Memory advances at each step; when a commit fails, what was stepped is
discarded and the log stays the truth. A moment refused at the door leaves no row, key or cache entry.
"""

from collections.abc import Iterable
from heapq import heappop, heappush

from msgspec import Struct

from visavis.engine import NotAdmitted, admit, step
from visavis.model.customer import Customer, newborn
from visavis.model.entry import Entry, WorldEntry
from visavis.model.moment import Due, Moment
from visavis.model.world import World, WorldChange
from visavis.ports import Clock, Log
from visavis.runtime.replay import State, rebuild
from visavis.runtime.teacher import Teacher
from visavis.runtime.worlds import change
from visavis.strategy.read import Strategy


class Answer(Struct, frozen=True):
    """What the sender gets: the entry, or the door's no; ``retried`` when this moment had been lived before."""

    entry: Entry | None
    refused: NotAdmitted | None = None
    retried: bool = False


class Loop:
    """Live moments. ``state`` is what the log adds up to (rebuilt from it when not given); not safe for threads: one loop, one thread."""

    def __init__(self, log: Log, strategy: Strategy, dice_key: bytes, clock: Clock, *, state: State | None = None) -> None:
        self.log = log
        self.strategy = strategy
        self.dice_key = dice_key
        self.clock = clock
        state = state if state is not None else rebuild(log)
        self.world: World = state.world
        self.customers: dict[str, Customer] = state.customers
        self.teacher: Teacher = state.teacher
        self._due: list[tuple[float, str]] = []
        for customer in self.customers.values():
            if (due := customer.next_due_at) is not None:
                heappush(self._due, (due, customer.id))

    def live(self, moments: Iterable[Moment]) -> list[Answer]:
        """Step each moment in order, commit them as one group, and answer. Nothing is answered before all of it is durable."""
        answers: list[Answer] = []
        entries: list[Entry | WorldEntry] = []
        ahead: dict[str, Customer] = {}
        lived: dict[tuple[str, str], Entry] = {}
        received_at = self.clock.now()
        for moment in moments:
            name = moment.customer
            stored = lived.get((name, moment.id)) or self.log.entry(name, moment.id)
            if stored is not None:
                answers.append(Answer(stored, retried=True))
                continue
            customer = ahead.get(name) or self.customers.get(name) or newborn(name)
            admitted = admit(self.strategy, customer, moment, received_at)
            if isinstance(admitted, NotAdmitted):
                answers.append(Answer(None, admitted))
                continue
            entry, ahead[name] = step(self.strategy, self.world, customer, admitted, received_at, self.dice_key)
            entries.append(entry)
            lived[name, moment.id] = entry
            answers.append(Answer(entry))
        if entries:
            self.log.commit(entries)
            self._advance(ahead, lived.values())
        return answers

    def wake(self) -> list[Answer]:
        """Wake everyone whose time has come: one ``due`` moment each closes everything past."""
        now = self.clock.now()
        now_s = now.timestamp()
        moments: list[Moment] = []
        woken: set[str] = set()
        while self._due and self._due[0][0] <= now_s:
            due, name = heappop(self._due)
            customer = self.customers.get(name)
            if customer is None or name in woken or customer.next_due_at is None or customer.next_due_at > now_s:
                continue
            woken.add(name)
            moments.append(Due(id=f"due-{due:.0f}-{customer.entries}", customer=name, occurred_at=now))
        return self.live(moments) if moments else []

    @property
    def next_due_at(self) -> float | None:
        """When :meth:`wake` has something to do next (epoch seconds)."""
        return self._due[0][0] if self._due else None

    def learn(self) -> None:
        """Let the world change by what outcomes taught, when a lesson is due."""
        self.enact(self.teacher.lessons(self.world, self.clock.now()))

    def enact(self, changes: list[WorldChange]) -> None:
        """Log these changes of the world, in order, then see by them."""
        for what in changes:
            entry, world = change(self.world, what, self.clock.now())
            self.log.commit([entry])
            self.world = world

    def _advance(self, ahead: dict[str, Customer], entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.teacher.digest(entry, self.world)
        for name, customer in ahead.items():
            before = self.customers.get(name)
            self.customers[name] = customer
            due = customer.next_due_at
            if due is not None and (before is None or before.next_due_at != due):
                heappush(self._due, (due, name))
