"""The one writer, asynchronous.

Whatever arrived during the last commit is the next group, and nothing is answered before it is durable.

Moments wait in one bounded queue; when it is full the door says so at once (:class:`Busy`) instead of letting everyone
wait. The clock wakes those whose time has come. Whatever fails (one moment, a commit, somebody who listens), the writer
lives on. Stopping refuses what comes, finishes what is there, and leaves nothing half-done.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from math import inf
from time import perf_counter
from typing import Final, TypeVar

from msgspec import Struct

from visavis.model.entry import Entry
from visavis.model.errors import Refused, Unavailable, VisavisError
from visavis.model.moment import Moment
from visavis.model.world import WorldChange
from visavis.runtime.loop import Group, Loop, StepResult

QUEUE_LIMIT: Final = 4096
GROUP_LIMIT: Final = 256
"""How many moments one commit may hold.

Enough to hide an fsync, few enough that nobody waits long for the others' decisions.
"""
LEARN_S: Final = 1.0
COMMIT_BACKOFF_S: Final = 1.0
"""How long nobody is woken after a commit failed: a full disk must not be asked a thousand times a second."""
RETRY_S: Final = 3_600.0
"""When the clock's own work is tried again, after it failed."""
log = logging.getLogger("visavis.writer")
T = TypeVar("T")


class Busy(Unavailable):
    """More moments wait than can be served soon; come back after ``retry_after_s``."""

    retry_after_s: Final = 1


class Processed(Struct, frozen=True):
    """The answer to one moment, and how long its step took."""

    answer: StepResult
    us: float


Waiting = tuple[Moment, asyncio.Future[Processed]]


class Writer:
    """Runs a :class:`Loop` for many senders.

    ``committed`` hears of every group once it is durable, before anyone is answered; ``answered`` afterwards.

    ``aged`` is called when the instant has come that it last returned (epoch seconds; first at once): for what the
    clock alone brings about. ``aside``: commits wait for a disk, so they run on a thread of their own, and the next
    group gathers meanwhile.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        committed: Callable[[list[tuple[Entry, float]]], None] = lambda _: None,
        answered: Callable[[], None] = lambda: None,
        aged: Callable[[], float] = lambda: inf,
        queue_limit: int = QUEUE_LIMIT,
        aside: bool = True,
    ) -> None:
        self.loop = loop
        self._committed = committed
        self._answered = answered
        self._aged = aged
        self._ages_at = 0.0
        self._queue_limit = queue_limit
        self._waiting: deque[Waiting] = deque()
        self._asked: deque[tuple[Callable[[], object], asyncio.Future[object]]] = deque()
        self._bell = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="visavis-log") if aside else None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._resting = False
        self._learnt_at = 0.0

    @property
    def waiting(self) -> int:
        """How many moments wait."""
        return len(self._waiting)

    @property
    def behind(self) -> bool:
        """Whether somebody's time has come and they are about to be woken; not while the log refuses."""
        due = self.loop.next_due_at
        return due is not None and not self._resting and due <= self.loop.clock.now().timestamp()

    def start(self) -> None:
        """Begin to serve, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def stop(self) -> None:
        """Refuse what comes, finish what waits, then return."""
        self._stopping = True
        self._bell.set()
        if self._task is not None:
            await self._task
        if self._thread is not None:
            self._thread.shutdown()

    def put(self, moment: Moment) -> asyncio.Future[Processed]:
        """Queue one moment; its answer comes when it is durable. :class:`Busy` when too many wait."""
        if self._stopping:
            raise Unavailable("The server is stopping.", advice="Send it again in a few seconds, with the same id.")
        if len(self._waiting) >= self._queue_limit:
            raise Busy("Too many moments are waiting.", advice="Send it again after a second, with the same id.")
        answer: asyncio.Future[Processed] = asyncio.get_running_loop().create_future()
        self._waiting.append((moment, answer))
        self._bell.set()
        return answer

    async def process(self, moment: Moment) -> Processed:
        """Live one moment and wait until it is durable."""
        return await self.put(moment)

    async def ask(self, what: Callable[[], T]) -> T:
        """Run this between two groups, when nothing is being written: for reading the log."""
        if self._stopping:
            raise Unavailable("The server is stopping.", advice="Ask again in a few seconds.")
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._asked.append((what, answer))
        self._bell.set()
        return await answer  # type: ignore[return-value]

    async def enact(self, changes: Iterable[WorldChange]) -> None:
        """Let the world change, between two groups."""
        await self.ask(lambda: self.loop.enact(changes))

    def nudge(self) -> None:
        """Look at the clock again: it was turned."""
        self._bell.set()

    async def _serve(self) -> None:
        while True:
            if not self._waiting and not self._asked:
                if self._stopping:
                    break
                await self._ring()
            self._bell.clear()
            await self._group([self._waiting.popleft() for _ in range(min(GROUP_LIMIT, len(self._waiting)))])
            while self._asked:
                what, answer = self._asked.popleft()
                try:
                    found = what()
                except Exception as error:  # noqa: BLE001  whoever asked hears of it
                    _fail(answer, error)
                else:
                    _tell(answer, found)
            self._age()

    async def _ring(self) -> None:
        """Sleep until something comes, or until somebody's time has come."""
        due, alarm = self.loop.next_due_at, None
        due = min(self._ages_at, due if due is not None else inf)
        if due < inf:
            # A turned clock is nudged; the machine's is looked at again at the latest every minute.
            seconds = COMMIT_BACKOFF_S if self._resting else min(60.0, due - self.loop.clock.now().timestamp())
            alarm = asyncio.get_running_loop().call_later(seconds, self._bell.set)
        await self._bell.wait()
        if alarm is not None:
            alarm.cancel()

    async def _group(self, batch: list[Waiting]) -> None:
        """Live these moments and whoever's time has come, make all of it durable, and only then answer."""
        told = self._taken(batch)
        try:
            try:
                group = await self._durable()
            except Refused:
                # An id that the log holds came again under a later time: it is found now, and the others are lived as
                # if it had not come.
                told = self._taken(batch, look=True)
                group = await self._durable()
        except Exception as error:
            self._resting = True
            log.exception("a group could not be written", extra={"moments": len(batch)})
            refused = (
                error
                if isinstance(error, Unavailable)
                else Unavailable("This moment could not be written.", advice="Send it again, with the same id.")
            )
            for future, _ in told:
                _fail(future, refused)
            return
        self._resting = False
        if group.entries:
            us = {
                (one.answer.entry.customer, one.answer.entry.moment.id): one.us
                for _, one in told
                if one.answer.entry is not None
            }
            try:
                self._committed([(entry, us.get((entry.customer, entry.moment.id), 0.0)) for entry in group.entries])
            except Exception:
                log.exception("what is durable could not be passed on")
        for future, lived in told:
            _tell(future, lived)
        if group.entries:
            await asyncio.sleep(0)  # the answers go first
            try:
                self._answered()
            except Exception:
                log.exception("what follows a commit could not be done")
        self._learn()

    def _taken(self, batch: list[Waiting], *, look: bool = False) -> list[tuple[asyncio.Future[Processed], Processed]]:
        """Step these moments, then wake those whose time has come.

        One that cannot be lived does not take the others with it.
        """
        told: list[tuple[asyncio.Future[Processed], Processed]] = []
        for moment, future in batch:
            started = perf_counter()
            try:
                answer = self.loop.take(moment, look=look)
            except Exception as error:
                log.exception("a moment could not be lived", extra={"kind": moment.kind})
                _fail(
                    future,
                    error
                    if isinstance(error, VisavisError)
                    else Unavailable("This moment could not be lived.", advice="It was not kept."),
                )
            else:
                told.append((future, Processed(answer, (perf_counter() - started) * 1e6)))
        try:
            self.loop.wake(GROUP_LIMIT)
        except Exception:
            log.exception("a moment could not be lived", extra={"kind": "due"})
        return told

    async def _durable(self) -> Group:
        """Commit the open group; when that fails it never was."""
        group = self.loop.sealed()
        if group.entries:
            try:
                if self._thread is None:
                    self.loop.write(group.entries)
                else:
                    await asyncio.get_running_loop().run_in_executor(self._thread, self.loop.write, group.entries)
            except BaseException:
                self.loop.drop(group)
                raise
            self.loop.remember(group)
        return group

    def _age(self) -> None:
        if self._ages_at <= (now := self.loop.clock.now().timestamp()):
            try:
                self._ages_at = self._aged()
            except Exception:
                self._ages_at = now + RETRY_S
                log.exception("what the clock asks for could not be done")

    def _learn(self) -> None:
        now = perf_counter()
        if now - self._learnt_at > LEARN_S:
            self._learnt_at = now
            try:
                self.loop.learn()
            except Exception:
                log.exception("a lesson could not be written")


def _tell(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
