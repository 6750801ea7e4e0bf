"""The one writer, asynchronous: whatever arrived during the last commit is the next group, and nothing is answered before it is durable.

Moments wait in one bounded queue; when it is full the door says so at once (:class:`Busy`) instead of letting everyone wait. The clock wakes
those whose time has come. Stopping refuses what comes, finishes what is there, and leaves nothing half-done.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from traceback import extract_tb
from typing import Final, TypeVar

from msgspec import Struct

from visavis.model.entry import Entry
from visavis.model.errors import Unavailable, VisavisError
from visavis.model.moment import Moment
from visavis.model.world import WorldChange
from visavis.runtime.loop import Answer, Loop

QUEUE_LIMIT: Final = 4096
GROUP_LIMIT: Final = 256
"""How many moments one commit may hold: enough to hide an fsync, few enough that nobody waits long for the others' decisions."""
LEARN_S: Final = 1.0
log = logging.getLogger("visavis.writer")
T = TypeVar("T")


class Busy(Unavailable):
    """More moments wait than can be served soon; come back after ``retry_after_s``."""

    retry_after_s: Final = 1


class Lived(Struct, frozen=True):
    """The answer to one moment, and how long its step took."""

    answer: Answer
    us: float


class Writer:
    """Runs a :class:`Loop` for many senders. ``committed`` hears of every group once it is durable, before anyone is answered."""

    def __init__(self, loop: Loop, *, committed: Callable[[list[tuple[Entry, float]]], None] = lambda _: None, queue_limit: int = QUEUE_LIMIT) -> None:
        self.loop = loop
        self._committed = committed
        self._queue_limit = queue_limit
        self._waiting: deque[tuple[Moment, asyncio.Future[Lived]]] = deque()
        self._asked: deque[tuple[Callable[[], object], asyncio.Future[object]]] = deque()
        self._bell = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="visavis-log")
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._learnt_at = 0.0

    @property
    def waiting(self) -> int:
        """How many moments wait."""
        return len(self._waiting)

    def start(self) -> None:
        """Begin to serve, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def stop(self) -> None:
        """Refuse what comes, finish what waits, then return."""
        self._stopping = True
        self._bell.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    def put(self, moment: Moment) -> asyncio.Future[Lived]:
        """Queue one moment; its answer comes when it is durable. :class:`Busy` when too many wait."""
        if self._stopping:
            raise Unavailable("The server is stopping.", advice="Send it again in a few seconds, with the same id.")
        if len(self._waiting) >= self._queue_limit:
            raise Busy("Too many moments are waiting.", advice="Send it again after a second, with the same id.")
        answer: asyncio.Future[Lived] = asyncio.get_running_loop().create_future()
        self._waiting.append((moment, answer))
        self._bell.set()
        return answer

    async def live(self, moment: Moment) -> Lived:
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
            await self._group()
            while self._asked:
                what, answer = self._asked.popleft()
                try:
                    found = what()
                except Exception as error:  # noqa: BLE001  whoever asked hears of it
                    _fail(answer, error)
                else:
                    _tell(answer, found)

    async def _ring(self) -> None:
        """Sleep until something comes, or until somebody's time has come."""
        due = self.loop.next_due_at
        try:
            # A turned clock is nudged; the machine's is looked at again at the latest every minute.
            seconds = None if due is None else min(60.0, max(0.0, due - self.loop.clock.now().timestamp()))
            await asyncio.wait_for(self._bell.wait(), seconds)
        except TimeoutError:
            pass

    async def _group(self) -> None:
        told: list[tuple[asyncio.Future[Lived], Lived]] = []
        us: dict[tuple[str, str], float] = {}
        while self._waiting and len(told) < GROUP_LIMIT:
            moment, future = self._waiting.popleft()
            started = perf_counter()
            try:
                answer = self.loop.take(moment)
            except Exception as error:  # noqa: BLE001
                # One moment that cannot be lived must not take the others with it.
                told_of = {"kind": type(moment).__name__, "reason": type(error).__name__, "where": _where(error)}
                log.error("a moment could not be lived: %(reason)s at %(where)s", told_of, extra=told_of)  # noqa: TRY400  an error's words may be a person's
                _fail(future, error if isinstance(error, VisavisError) else Unavailable("This moment could not be lived.", advice="It was not kept."))
                continue
            spent = (perf_counter() - started) * 1e6
            us[moment.customer, moment.id] = spent
            told.append((future, Lived(answer, spent)))
        self.loop.wake()
        group = self.loop.sealed()
        if group.entries:
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self.loop.log.commit, group.entries)
            except VisavisError as error:
                self.loop.drop(group)
                log.error("a group could not be written", extra={"entries": len(group.entries), "reason": type(error).__name__})  # noqa: TRY400  told, not traced
                for future, _ in told:
                    _fail(future, error)
                return
            self.loop.remember(group)
            self._committed([(entry, us.get((entry.customer, entry.moment.id), 0.0)) for entry in group.entries])
        for future, lived in told:
            _tell(future, lived)
        now = perf_counter()
        if now - self._learnt_at > LEARN_S:
            self._learnt_at = now
            self.loop.learn()


def _where(error: Exception) -> str:
    """The lines that an error went through, without what it said."""
    return " > ".join([f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in extract_tb(error.__traceback__)])


def _tell(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
