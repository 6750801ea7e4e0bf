"""A whole server for the page tests: uvicorn in a thread on a free port, in memory, with a clock that turns."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import uvicorn

from support.people import BRANDS, NOON, a_history, grocery, says_yes
from visavis.config import Settings
from visavis.model.decision import Decision, Show
from visavis.model.entry import Entry
from visavis.model.moment import Answered, CheckedIn, Declared, Entered, Left, Linked, Moment, Withdrew
from visavis.runtime.clock import TurnedClock
from visavis.runtime.writer import Processed
from visavis.strategy.read import COLLECTED
from visavis.wiring import Server, build

LONG_AGO = NOON - timedelta(days=90)
T = TypeVar("T")
EVERYTHING = ("place-moment", "reminders", "adviser-brief")


class Site:
    """The server with its address, and people who live in it."""

    def __init__(self, making: Callable[[], Server], clock: TurnedClock) -> None:
        self._making = making
        self.clock = clock
        self.url = ""
        self.port = 0
        self._number = 0
        self._uvicorn: uvicorn.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self, port: int = 0) -> None:
        """Build and serve in a thread of their own, where SQLite wants to stay."""
        self._uvicorn = None
        self._thread = threading.Thread(target=self._run, args=(port,), daemon=True)
        self._thread.start()
        until = monotonic() + 10
        while (self._uvicorn is None or not self._uvicorn.started) and monotonic() < until:
            sleep(0.01)
        assert self._uvicorn is not None
        self.port = self._uvicorn.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        assert self._uvicorn is not None
        assert self._thread is not None
        self.call(self.server.screens.close)
        self._uvicorn.should_exit = True
        self._thread.join(10)

    def _run(self, port: int) -> None:
        self.server = self._making()
        config = uvicorn.Config(
            self.server.app,
            host="127.0.0.1",
            port=port,
            log_level="warning",
            lifespan="on",
            ws="none",
            timeout_graceful_shutdown=2,
        )
        self._uvicorn = uvicorn.Server(config)
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._uvicorn.serve())
        self._loop.close()

    def process(self, *moments: Moment) -> list[Decision]:
        """Live these moments in the running server, in order; what was decided at the last."""

        async def lived() -> list[Processed]:
            return [await self.server.writer.process(moment) for moment in moments]

        entry = self.run(lived())[-1].answer.entry
        return list(entry.decisions) if entry is not None else []

    def key(self, role: str, subject: str = "") -> str:
        """A key, made where the server's keys are used."""
        return self.call(lambda: self.server.access_keys.issue(role, subject))

    def restarts(self) -> None:
        """Stop, and start again from the log and the keys on disk, at the same address."""
        port = self.port
        self.stop()
        self.start(port)

    def revokes(self, token: str) -> None:
        def revoked() -> None:
            self.server.access_keys.revoke(self.server.access_keys.check(token).id)
            self.server.screens.look_again()

        self.call(revoked)

    def entries(self, person: str) -> list[Entry]:
        return self.call(lambda: list(self.server.log.of(person)))

    def call(self, what: Callable[[], T]) -> T:
        """Call it in the thread of the server."""

        async def called() -> T:
            return what()

        return self.run(called())

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        """Await it on the event loop of the server."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(20)

    def id(self, what: str) -> str:
        self._number += 1
        return f"{what}-{self._number}"

    def person(
        self, name: str, *purposes: str, first_name: str = "", products: tuple[str, ...] = tuple(BRANDS[:4])
    ) -> str:
        """Somebody with a history who chose these purposes long ago, back when their clock stood there."""
        moments: list[Moment] = [Linked(id="card", customer=name, occurred_at=LONG_AGO, identifier=f"card of {name}")]
        moments += says_yes(name, *purposes, at=LONG_AGO)
        moments += a_history(name, products=products)
        if first_name:
            moments.append(
                Declared(id="called", customer=name, occurred_at=LONG_AGO, trait="first_name", value=first_name)
            )
            moments.append(Declared(id="hurry", customer=name, occurred_at=LONG_AGO, trait="in_a_hurry", value=True))
        self.process(*moments)
        return name

    def checks_in(self, name: str, place: str = "s1") -> Show | None:
        """The brief of this check-in."""
        decisions = self.process(CheckedIn(id=self.id("in"), customer=name, occurred_at=self.clock.now(), place=place))
        return next((one for one in decisions if isinstance(one, Show) and one.audience == "adviser"), None)

    def enters(self, name: str, place: str = "s1") -> Show | None:
        """The card of this entrance."""
        decisions = self.process(Entered(id=self.id("door"), customer=name, occurred_at=self.clock.now(), place=place))
        return next((one for one in decisions if isinstance(one, Show)), None)

    def leaves(self, name: str, place: str = "s1") -> None:
        self.process(Left(id=self.id("out"), customer=name, occurred_at=self.clock.now(), place=place))

    def withdraws(self, name: str, purpose: str) -> None:
        self.process(Withdrew(id=self.id("off"), customer=name, occurred_at=self.clock.now(), purpose=purpose))

    def answers(self, name: str, decision: str, answer: str = "no") -> None:
        self.process(
            Answered(id=self.id("said"), customer=name, occurred_at=self.clock.now(), decision=decision, answer=answer)
        )

    def passes(self, seconds: float) -> None:
        """Time passes, and every screen looks again."""

        def turned() -> None:
            self.clock.turn(self.clock.now().timestamp() + seconds)
            self.server.writer.nudge()
            self.server.screens.look_again()

        self.call(turned)


@contextmanager
def a_site(folder: Path | None = None, *, files: dict[str, bytes] | None = None, **settings: Any) -> Iterator[Site]:
    """A server for one test, in memory or in ``folder`` (restartable), of ``files`` (grocery) and ``settings``."""
    clock = TurnedClock(runs=True)
    clock.turn(NOON.timestamp())
    where = {} if folder is None else {"data": str(folder / "data"), "root_key": str(folder / "key")}
    wanted = Settings(**where | settings)
    served = COLLECTED | dict(files or grocery())
    site = Site(lambda: build(served, wanted, memory=folder is None, clock=clock, key=b"t" * 32), clock)
    site.start()
    try:
        yield site
    finally:
        site.stop()
