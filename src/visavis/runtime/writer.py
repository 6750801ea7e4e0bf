"""The one asynchronous writer: what arrives during a commit is the next group; it is answered once durable.

One bounded queue (:class:`Busy` when full). It goes on after any failure; stopping finishes what waits.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import inf
from time import perf_counter
from typing import Final, TypeVar

from msgspec import Struct

from visavis.model.entry import SERVER, Entry, Origin
from visavis.model.errors import Refused, Unavailable, VisavisError
from visavis.model.moment import Moment
from visavis.model.world import WorldChange
from visavis.runtime.linking import NOTHING, Named
from visavis.runtime.loop import Group, Processor, StepResult

QUEUE_LIMIT: Final = 4096
GROUP_LIMIT: Final = 256  # moments in one commit: enough to hide an fsync, few enough to wait for
LEARN_S: Final = 1.0
COMMIT_BACKOFF_S: Final = 1.0  # how long nobody is woken after a commit failed
RETRY_S: Final = 3_600.0  # when a job that failed is run again
log = logging.getLogger("visavis.writer")
T = TypeVar("T")


class Busy(Unavailable):
    """More moments wait than can be served soon; come back after ``retry_after_s``."""

    retry_after_s: Final = 1


class Processed(Struct, frozen=True):
    """The answer to one moment, and how long its step took."""

    answer: StepResult
    us: float


class ScheduledJob(Struct):
    """What the clock alone brings about: ``run`` returns when to run it again (epoch seconds)."""

    run: Callable[[], float]
    next_at: float = 0.0


Waiting = tuple[Moment, Origin, Named, asyncio.Future[Processed]]


class Writer:
    """Runs a :class:`Processor` for many senders.

    ``observed`` is called with every durable group before its answers: its entries, and how long their steps took (µs);
    ``answered`` afterwards. With ``threaded``, commits run on a thread, and the next group gathers meanwhile.
    """

    def __init__(
        self,
        processor: Processor,
        *,
        observed: Callable[[list[tuple[Entry, float]]], None] = lambda _: None,
        answered: Callable[[], None] = lambda: None,
        queue_limit: int = QUEUE_LIMIT,
        threaded: bool = True,
    ) -> None:
        self.processor = processor
        self._observed = observed
        self._answered = answered
        self._jobs: list[ScheduledJob] = []
        self.queue_limit = queue_limit
        self._waiting: deque[Waiting] = deque()
        self._asked: deque[tuple[Callable[[], object], asyncio.Future[object]]] = deque()
        self._bell = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="visavis-log") if threaded else None
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
        """Whether somebody is due and about to be woken; not while the log refuses."""
        due = self.processor.next_due_at
        return due is not None and not self._resting and due <= self.processor.clock.now().timestamp()

    def schedule(self, job: Callable[[], float]) -> None:
        """Run this between two groups, at first at once, then whenever the instant has come that it last returned."""
        self._jobs.append(ScheduledJob(job))

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

    def put(self, moment: Moment, origin: Origin = SERVER, named: Named = NOTHING) -> asyncio.Future[Processed]:
        """Queue one moment of this origin, of whom else it may be ``named``; answered once durable.

        :class:`Busy` when too many wait.
        """
        if self._stopping:
            raise Unavailable("The server is stopping.", advice="Send it again in a few seconds, with the same id.")
        if len(self._waiting) >= self.queue_limit:
            raise Busy("Too many moments are waiting.", advice="Send it again after a second, with the same id.")
        answer: asyncio.Future[Processed] = asyncio.get_running_loop().create_future()
        self._waiting.append((moment, origin, named, answer))
        self._bell.set()
        return answer

    async def process(self, moment: Moment, origin: Origin = SERVER) -> Processed:
        """Process one moment and wait until it is durable."""
        return await self.put(moment, origin)

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
        await self.ask(lambda: self.processor.enact(changes))

    def nudge(self) -> None:
        """Read the clock again: it was changed."""
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
                except Exception as error:  # noqa: BLE001  it is raised where it was asked for
                    _reject(answer, error)
                else:
                    _resolve(answer, found)
            self._run_jobs()

    async def _ring(self) -> None:
        due, alarm = self.processor.next_due_at, None
        due = min([due if due is not None else inf, *[job.next_at for job in self._jobs]])
        if due < inf:
            # A turned clock is nudged; the machine's is looked at again at the latest every minute.
            seconds = COMMIT_BACKOFF_S if self._resting else min(60.0, due - self.processor.clock.now().timestamp())
            alarm = asyncio.get_running_loop().call_later(seconds, self._bell.set)
        await self._bell.wait()
        if alarm is not None:
            alarm.cancel()

    async def _group(self, batch: list[Waiting]) -> None:
        """Step these moments and wake who is due, make all of it durable, and only then answer."""
        stepped = self._stepped(batch)
        try:
            try:
                group = await self._commit()
            except Refused:
                # An id that the log holds came again under a later time: the others are stepped as if it had not come.
                stepped = self._stepped(batch, check_log=True)
                group = await self._commit()
        except Exception as error:
            self._resting = True
            log.exception("a group could not be written", extra={"moments": len(batch)})
            unwritten = Unavailable("This moment could not be written.", advice="Send it again, with the same id.")
            for future, _ in stepped:
                _reject(future, error if isinstance(error, Unavailable) else unwritten)
            return
        self._resting = False
        if group.entries:
            self._observe(group, [one for _, one in stepped])
        for future, one in stepped:
            _resolve(future, one)
        if group.entries:
            await asyncio.sleep(0)  # the answers go first
            with _logged("what follows a commit could not be done"):
                self._answered()
        self._learn()

    def _stepped(
        self, batch: list[Waiting], *, check_log: bool = False
    ) -> list[tuple[asyncio.Future[Processed], Processed]]:
        """Step these moments, then wake who is due; one that fails does not take the others with it."""
        stepped: list[tuple[asyncio.Future[Processed], Processed]] = []
        for moment, origin, named, future in batch:
            started = perf_counter()
            try:
                answer = self.processor.step(moment, origin, named, check_log=check_log)
            except Exception as error:
                log.exception("a moment could not be processed", extra={"kind": moment.kind})
                failed = Unavailable("This moment could not be processed.", advice="It was not kept.")
                _reject(future, error if isinstance(error, VisavisError) else failed)
            else:
                stepped.append((future, Processed(answer, (perf_counter() - started) * 1e6)))
        with _logged("a moment could not be processed", kind="due"):
            self.processor.wake(GROUP_LIMIT)
        return stepped

    async def _commit(self) -> Group:
        group = self.processor.close_group()
        if group.entries:
            try:
                if self._thread is None:
                    position = self.processor.write(group.entries)
                else:
                    loop = asyncio.get_running_loop()
                    position = await loop.run_in_executor(self._thread, self.processor.write, group.entries)
            except BaseException:
                self.processor.discard_group(group)
                raise
            self.processor.apply_group(group, position)
        return group

    def _observe(self, group: Group, stepped: list[Processed]) -> None:
        entries = [(one.answer.entry, one.us) for one in stepped if one.answer.entry is not None]
        us = {(entry.customer, entry.moment.id): us for entry, us in entries}
        with _logged("what is durable could not be observed"):
            self._observed([(entry, us.get((entry.customer, entry.moment.id), 0.0)) for entry in group.entries])

    def _run_jobs(self) -> None:
        now = self.processor.clock.now().timestamp()
        for job in self._jobs:
            if job.next_at <= now:
                try:
                    job.next_at = job.run()
                except Exception:
                    job.next_at = now + RETRY_S
                    log.exception("a job failed")

    def _learn(self) -> None:
        now = perf_counter()
        if now - self._learnt_at > LEARN_S:
            self._learnt_at = now
            with _logged("a change of the world could not be written"):
                self.processor.learn()


@contextmanager
def _logged(failure: str, **extra: str) -> Iterator[None]:
    try:
        yield
    except Exception:
        log.exception(failure, extra=extra)


def _resolve(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _reject(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
