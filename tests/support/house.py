"""A whole server on disk without its sockets, opened and closed as often as a test likes, its clock turned by hand."""

import asyncio
import base64
from collections.abc import Coroutine, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from zlib import crc32

from support.people import BRANDS, NOON, a_history, grocery, lines, says_yes
from visavis.config import Settings
from visavis.delivery.webhook_targets import Target
from visavis.learning.online import OnlineLearner
from visavis.model.entry import SERVER
from visavis.model.gs1 import check_digit
from visavis.model.moment import (
    Answered,
    Asked,
    Bought,
    CheckedIn,
    Declared,
    Dwelled,
    Entered,
    Linked,
    Measured,
    Moment,
    Ordered,
    Proposed,
    RanOut,
    Saw,
    Shared,
    Stocked,
    Voted,
    Worn,
)
from visavis.rights.erasure import Erased, erase
from visavis.runtime.clock import TurnedClock
from visavis.runtime.loop import StepResult
from visavis.runtime.projections import Projections
from visavis.runtime.replay import rebuild
from visavis.wiring import Server, build

ROOT_KEY = bytes(range(32))
"""Always the same, and so are the dice."""
FIELDS = (
    "linked",
    "declared",
    "proposed",
    "asked",
    "device",
    "order",
    "saw",
    "shared",
    "stocked",
    "moment",
    "bought",
    "voted",
)


CODES = ("saw", "shared", "stocked", "bought")
"""The fields that hold a product."""
T = TypeVar("T")


class House:
    """A brand's server in ``root/data``, key and tombstones beside; closing sets ``let_go``, for what is held back."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        root.mkdir(parents=True, exist_ok=True)
        (root / "root.key").write_bytes(ROOT_KEY)
        self.clock = TurnedClock()
        self.clock.turn(NOON.timestamp())
        self.received: list[bytes] = []
        self.let_go: list[asyncio.Event] = []
        self.ledger = "visavis.local/ledger"
        self._runner = asyncio.Runner()
        self._hook = self._runner.run(asyncio.start_server(self._hear, "127.0.0.1", 0))
        self.server = self._opened()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._hook.close()
        self._runner.run(self._hook.wait_closed())
        self._runner.close()

    def close(self) -> None:
        self.run(self._stopped())

    def reopen(self) -> None:
        """Stop and start again, as after a restart."""
        self.close()
        self.server = self._opened()

    def open(self) -> None:
        self.server = self._opened()

    def process(self, moments: Iterable[Moment]) -> list[StepResult]:
        async def all_of_them() -> list[StepResult]:
            waiting = [self.server.writer.put(moment) for moment in moments]  # they share a commit
            return [(await one).answer for one in waiting]

        return self.run(all_of_them())

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        """Await it on the event loop of the server."""
        return self._runner.run(what)

    def agree(self, *names: str) -> None:
        """Each of these confirms, on their own page, the merges that wait for them."""
        merges = self.server.requests.merges
        for name in names:
            for one in merges.waiting(name):
                self.run(merges.answer(name, one.merge, SERVER, yes=True))

    def erase(self, name: str) -> Erased:
        """Erase them in the log and in all that lies beside, without a receipt."""
        processor, holders = self.server.processor, self.server.requests.people.holders
        return self.run(self.server.writer.ask(lambda: erase(processor.names(name), processor, holders)))

    def rebuilt_learner(self) -> OnlineLearner:
        """What a replay of the log teaches."""
        learner = OnlineLearner(self.server.processor.customer, self.server.strategy.purposes)
        rebuild(self.server.log, projections=Projections([learner]))
        return learner

    def delivered(self) -> None:
        """Wait until the outbox has delivered what it can."""

        async def until_empty() -> None:
            async with asyncio.timeout(5):
                while self.server.webhooks.waiting:  # noqa: ASYNC110  the outbox rings for nobody
                    await asyncio.sleep(0.01)

        self.run(until_empty())

    def _opened(self) -> Server:
        port = self._hook.sockets[0].getsockname()[1]
        target = Target(f"http://127.0.0.1:{port}/orders", "whsec_" + base64.b64encode(bytes(range(32))).decode())
        told = Settings(
            data=str(self.data),
            root_key=str(self.root / "root.key"),
            webhooks={"order": target},
            hosts=("127.0.0.1",),
            ledger=self.ledger,
        )
        return self.run(self._started(told))

    async def _started(self, told: Settings) -> Server:
        server = build(grocery(), told, clock=self.clock)
        server.writer.start()
        server.webhooks.start()
        server.dispatcher.start()
        return server

    async def _stopped(self) -> None:
        await self.server.writer.stop()
        await self.server.webhooks.stop()
        for held in self.let_go:
            held.set()
        await self.server.mirror.stop()
        await self.server.dispatcher.stop()
        await self.server.external_channels.stop()
        self.server.access_keys.close()
        self.server.log.close()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        )
        self.received.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


def word(name: str, field: str) -> str:
    """What a person wrote into a field, or the code that stands in it: found nowhere else in the world."""
    if field not in CODES:
        return f"Ça {name} {field} 7f3a91"
    number = f"1{crc32(f'{name} {field}'.encode()):010d}42"
    return number + check_digit(number)


def words_of(name: str) -> list[str]:
    return [name, *[word(name, field) for field in FIELDS]]


def everything(name: str, *, at: datetime = NOON) -> list[Moment]:
    """A person who says yes to all, and whose every field holds a word of their own."""
    ago = at - timedelta(days=30)
    told: list[Moment] = [
        Linked(id="m-linked", customer=name, occurred_at=ago, identifier=word(name, "linked")),
        *says_yes(
            name,
            "place-moment",
            "reminders",
            "tailored-offers",
            "home",
            "look",
            "own-numbers",
            "recognition",
            "adviser-brief",
            at=ago,
        ),
        Worn(id="m-worn", customer=name, occurred_at=at, device=word(name, "device"), battery=0.9),
        Declared(id="m-declared", customer=name, occurred_at=at, trait="first_name", value=word(name, "declared")),
        Proposed(id="m-proposed", customer=name, occurred_at=at, proposal="p1", text=word(name, "proposed")),
        Voted(id="m-voted", customer=name, occurred_at=at, proposal=word(name, "voted"), vote=1),
        Bought(id="m-bought", customer=name, occurred_at=ago, place="s1", lines=lines(BRANDS[0], word(name, "bought"))),
        Entered(id=word(name, "moment"), customer=name, occurred_at=at, place="s1"),
        CheckedIn(id="m-in", customer=name, occurred_at=at, place="s1"),
        Dwelled(id="m-dwelled", customer=name, occurred_at=at, place="s1", dwell_s=60),
        Asked(id="m-asked", customer=name, occurred_at=at, about=word(name, "asked")),
        Saw(id="m-saw", customer=name, occurred_at=at, product=word(name, "saw")),
        Shared(id="m-shared", customer=name, occurred_at=at, product=word(name, "shared")),
        Stocked(id="m-stocked", customer=name, occurred_at=at, product=word(name, "stocked")),
        Ordered(id="m-ordered", customer=name, occurred_at=at, order=word(name, "order")),
        Measured(id="m-goal", customer=name, occurred_at=at, measure="water", goal=2.0),
        Measured(id="m-water", customer=name, occurred_at=at, measure="water", value=1.5),
    ]
    return told


def orders(house: House, name: str) -> None:
    """The fridge reports the usual milk used up until a card is drawn; its yes becomes a delivered order."""
    house.process(a_history(name, products=(BRANDS[0],)))
    for attempt in range(10):
        at = NOON + timedelta(days=2 * attempt + 1)
        house.clock.turn(at.timestamp())
        house.process([RanOut(id=f"out-{attempt}", customer=name, occurred_at=at, product=BRANDS[0])])
        shown = house.server.screens.card(name)
        if shown is not None and shown.show.action == "refill":
            house.process([Answered(id="m-yes", customer=name, occurred_at=at, decision=shown.show.id, answer="yes")])
            house.delivered()
            return
    raise LookupError("no card in ten draws")
