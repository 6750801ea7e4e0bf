"""The one file that knows everybody: it takes settings and a strategy, and gives a running server's parts, joined.

Data flow, as it reads below: the log is folded once (customers, screens, outbox), then moments come in by the doors,
through the one writer, and what is durable goes out to screens, webhooks and pages.
"""

import gc
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_bytes
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from visavis.api import epcis, explanations, openapi, people, receipts, signals
from visavis.api import ledger as ledger_doors
from visavis.api import monitoring as operations
from visavis.api import rights as rights_doors
from visavis.api.moments import Moments, Receive, Scope, Send
from visavis.cards.replies import reply
from visavis.config import Settings
from visavis.consent.choices import switched
from visavis.delivery.dispatcher import Dispatcher
from visavis.delivery.eligibility import may_do
from visavis.delivery.screens import Screens
from visavis.delivery.webhook_targets import checked
from visavis.delivery.webhooks import ERASED, Webhooks
from visavis.devices import glasses, pairing
from visavis.devices.external_channels import ExternalChannels
from visavis.devices.home.home import Home
from visavis.devices.hosts import packages
from visavis.devices.hosts.cross_origin import cross_origin
from visavis.devices.mirror.mirror import Mirror
from visavis.engine import NotAdmitted, admit, step
from visavis.explain.accounts import Accounts
from visavis.http import problems
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.insight.need import prior
from visavis.ledger.checkpoint import CheckpointSigner
from visavis.ledger.log import Ledger, kept_in, last_kept
from visavis.measurement.objectives import ObjectiveTallies
from visavis.model.customer import Customer, newborn
from visavis.model.entry import Effect, Entry
from visavis.model.errors import Invalid
from visavis.model.moment import Bought, CheckedIn, Entered, Line, Moment, Paying
from visavis.model.world import Learned, ParametersLearned, StrategyLoaded, WorldChange
from visavis.ports import Clock, Log
from visavis.rights.erasure import Erased, erase, resume
from visavis.rights.receipts import signing_key
from visavis.rights.requests import Requests, reconciled
from visavis.rights.retention import Retention
from visavis.rights.suppression_list import SuppressionList
from visavis.runtime.clock import SystemClock
from visavis.runtime.loop import Loop
from visavis.runtime.metrics import Metrics
from visavis.runtime.replay import rebuild
from visavis.runtime.writer import Writer
from visavis.store.keys import KeyStore, derived
from visavis.store.memory import MemoryLog
from visavis.store.sqlite import SqliteLog
from visavis.strategy.read import Strategy, read
from visavis.web import adviser, console, pages, portal

KEY_BYTES: Final = 32


class Server(Struct):
    """Everything that runs, joined.

    ``app`` is the ASGI application (``routes`` are those of its router); its lifespan starts it, and calls ``stop``.
    """

    strategy: Strategy
    log: Log
    writer: Writer
    access_keys: AccessKeys
    screens: Screens
    webhooks: Webhooks
    metrics: Metrics
    objectives: ObjectiveTallies
    mirror: Mirror
    home: Home | None
    external_channels: ExternalChannels
    dispatcher: Dispatcher
    accounts: Accounts
    requests: Requests
    ledger: Ledger
    app: Callable[[Scope, Receive, Send], Any]
    routes: list[BaseRoute] = []

    @property
    def loop(self) -> Loop:
        """The loop that the writer runs."""
        return self.writer.loop

    async def erase(self, customer: str) -> Erased:
        """Erase this person everywhere, between two groups of moments; what was deleted."""
        return await self.writer.ask(lambda: erase(self.loop.names(customer), self.loop, **self.requests.held))

    async def stop(self) -> None:
        """Let what is under way end, and give every file back."""
        self.screens.close()
        await self.writer.stop()
        await self.webhooks.stop()
        await self.mirror.stop()
        await self.dispatcher.stop()
        await self.external_channels.stop()
        self.access_keys.close()
        self.log.close()


def build(
    files: Mapping[str, bytes],
    settings: Settings,
    *,
    memory: bool = False,
    clock: Clock | None = None,
    key: bytes | None = None,
    dice: bytes | None = None,
    learned: Learned | None = None,
    extra: Callable[[Server], Iterable[BaseRoute]] = lambda _: (),
) -> Server:
    """Join everything. With ``memory`` nothing is written to disk; ``extra`` adds pages of its own (the stage).

    ``key`` replaces the root key's file, ``dice`` the secret of which the key of the dice is made.
    """
    strategy = read(files)
    folder = settings.folder
    if not memory:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    root = key if key is not None else root_key(settings.key_file, data=folder)
    log: Log = (
        MemoryLog()
        if memory
        else SqliteLog(folder / "log.sqlite", KeyStore(folder / "vault.sqlite", root, settings.tombstones))
    )
    signer = CheckpointSigner(settings.ledger, derived(root, "ledger"))
    keep = (lambda _size, _note: None) if memory else kept_in(settings.kept_checkpoints)
    signed = None if memory else last_kept(settings.kept_checkpoints, signer.verifier)
    ledger = Ledger(log, signer, cadence_s=settings.checkpoint_s, keep=keep, signed=signed)
    time = clock or SystemClock()

    def instant() -> float:
        return time.now().timestamp()

    def person(name: str) -> Customer:
        return loop.customers.get(name) or newborn(name)

    def covered(name: str, effect: Effect) -> bool:
        if effect.kind == ERASED:
            return log.erased(name)
        return may_do(strategy, person(name), effect, instant())

    screens = Screens(strategy, person, time.now)
    outbox = Webhooks(
        ":memory:" if memory else folder / "outbox.sqlite",
        checked(settings.webhooks, frozenset(settings.hosts)),
        covered=covered,
        secret=derived(root, "outbox"),
    )

    randomization_key = derived(dice if dice is not None else root, "dice")
    objectives = ObjectiveTallies(
        strategy, randomization_key, randomization_unit=lambda name: person(name).randomization_unit
    )
    access = AccessKeys(":memory:" if memory else folder / "keys.sqlite", derived(root, "access"), now=instant)
    accounts = ExternalChannels(
        settings,
        ":memory:" if memory else folder / "addresses.sqlite",
        lambda name: derived(root, name),
        strategy,
        screens,
        lambda device: access.holds(AccessKey(device, "device")),
        instant,
        erased=log.erased,
    )
    delivery = Dispatcher(
        ":memory:" if memory else folder / "delivery.sqlite",
        accounts.channels,
        strategy,
        screens,
        person,
        instant,
        derived(root, "delivery"),
    )
    benefits = Accounts(strategy)

    def passing(entry: Entry) -> None:
        screens.passing(entry)
        outbox.passing(entry)
        objectives.passing(entry)
        delivery.passing(entry)
        benefits.passing(entry)

    state = rebuild(log, passing=passing)
    opposition = SuppressionList(None if memory else settings.opposition, derived(root, "opposition"))
    loop = Loop(log, strategy, randomization_key, time, state=state, opposed=opposition.of)
    loop.enact(_news(loop, strategy, files, learned))

    def counted_anew(name: str) -> None:
        for one in (benefits, objectives):
            one.forget(name)
            for entry in log.of(name):
                one.passing(entry)

    loop.erased += [benefits.forget, objectives.forget]
    loop.amended.append(counted_anew)
    metrics = Metrics(lambda: writer.waiting, lambda: outbox.waiting)

    def committed(lived: list[tuple[Entry, float]]) -> None:
        for entry, us in lived:
            opposition.passing(entry, person(entry.customer))
            outbox.passing(entry)
            objectives.passing(entry)
            benefits.passing(entry)
            metrics.processed(entry, us)
        screens.committed(lived)
        for entry, _ in lived:
            delivery.passing(entry)

    def answered() -> None:
        ledger.follow()
        if not ledger.forked:
            ledger.checkpoint(instant())

    def aged() -> float:
        return retention.look()

    writer = Writer(loop, committed=committed, answered=answered, aged=aged, aside=not memory)
    mirror = Mirror(
        writer,
        access,
        screens,
        ":memory:" if memory else folder / "timelines.sqlite",
        derived(root, "timelines"),
        settings.callbacks,
    )
    resume(log, (access, accounts.addresses, mirror))
    reconciled(loop, opposition)
    desk = Requests(
        writer,
        screens=screens,
        outbox=outbox,
        access=access,
        delivery=delivery,
        addresses=accounts.addresses,
        mirror=mirror,
        opposition=opposition,
        key=signing_key(derived(root, "receipts")),
        secret=derived(root, "subjects"),
        brought=lambda names: {purpose: asdict(one) for purpose, one in benefits.of(names).brought.items()},
    )
    retention = Retention(loop, desk.held, told=metrics.lapsed)
    home = Home(settings.mqtt, writer, access, screens, count=metrics.heard) if settings.mqtt is not None else None
    server = Server(
        strategy,
        log,
        writer,
        access,
        screens,
        outbox,
        metrics,
        objectives,
        mirror,
        home,
        accounts,
        delivery,
        benefits,
        desk,
        ledger,
        _nobody,
    )
    server.app = cross_origin(_app(server, root, extra), settings.origins)
    return server


def keys(settings: Settings, root: bytes | None = None) -> AccessKeys:
    """The keys of the server that has these settings: what it and the command line open."""
    return AccessKeys(
        settings.folder / "keys.sqlite",
        derived(root if root is not None else root_key(settings.key_file, data=settings.folder), "access"),
    )


def root_key(path: Path, *, data: Path | None = None) -> bytes:
    """The root key of this file; made there, readable by its owner only, when there is none.

    Where there are ``data``, another key would open nothing.
    """
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        if data is not None and any(data.glob("*.sqlite")):
            advice = "Give the --settings of `visavis serve`, which name it, or put the file back."
            raise Invalid(
                f"{data.name} holds data, and there is no root key {path.name} that opens them.", advice=advice
            ) from None
        path.parent.mkdir(parents=True, exist_ok=True)
        found = token_bytes(KEY_BYTES)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(found)
            file.flush()
            os.fsync(file.fileno())
    if len(found) != KEY_BYTES:
        raise Invalid(
            f"{path.name} is not a root key: it holds {len(found)} bytes, not {KEY_BYTES}.",
            advice="Give back the file that was made.",
        )
    return found


def _news(loop: Loop, strategy: Strategy, files: Mapping[str, bytes], learned: Learned | None) -> list[WorldChange]:
    """What the world does not know yet.

    This strategy, and parameters (what was learned elsewhere, else a plain start).
    """
    news: list[WorldChange] = []
    if loop.world.strategy != strategy.version:
        news.append(StrategyLoaded(strategy.version, dict(files)))
    if loop.world.learned is None or (learned is not None and loop.world.learned.version != learned.version):
        news.append(ParametersLearned(learned if learned is not None else prior()))
    return news


def _app(
    server: Server, root: bytes, extra: Callable[[Server], Iterable[BaseRoute]]
) -> Callable[[Scope, Receive, Send], Any]:
    """The pages and the small routes under Starlette; the path of every moment raw, beside it."""
    writer, access = server.writer, server.access_keys

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        _warm(server.loop)
        # What was rebuilt lives on: the collector need not look at it again, and its pauses are what people would wait
        # for.
        gc.collect()
        gc.freeze()
        writer.start()
        server.webhooks.start()
        server.dispatcher.start()
        if server.home is not None:
            server.home.start()
        yield
        if server.home is not None:
            await server.home.stop()
        await server.stop()

    moments = Moments(writer, access, derived(root, "identifiers"), count=server.metrics.heard)
    pages_app = Starlette(
        routes=[
            moments.route,
            *people.routes(writer, access),
            *epcis.routes(writer, access),
            *rights_doors.routes(server.requests, access),
            *explanations.routes(writer, access),
            *signals.routes(),
            *openapi.routes(),
            *ledger_doors.routes(writer, server.ledger),
            *receipts.routes(writer, access, derived(root, "receipts")),
            *operations.routes(writer, access, server.metrics, _turned(server)),
            *glasses.routes(writer, access, server.screens),
            *packages.routes(server.strategy),
            *pairing.routes(writer, access, server.screens),
            *server.mirror.routes(),
            *server.external_channels.routes(writer, access, server.screens),
            *portal.routes(writer, access, server.accounts, server.requests, objection_in=signals.objection_in),
            *adviser.routes(writer, access, server.screens),
            *console.routes(writer, access, server.screens, server.webhooks, server.objectives, server.accounts),
            pages.static(),
            *extra(server),
        ],
        lifespan=lifespan,
        middleware=[Middleware(GZipMiddleware, minimum_size=1000)],  # streams of events are left alone
        exception_handlers={HTTPException: problems.unrouted},
    )
    server.routes = pages_app.routes

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == moments.route.path:
            await moments(scope, receive, send)
        else:
            await pages_app(scope, receive, send)

    return app


def _turned(server: Server) -> Callable[[], None]:
    """What a turned clock concerns: what is on screens, and what waits to be delivered."""

    def turned() -> None:
        server.screens.look_again()
        server.dispatcher.nudge()

    return turned


def _warm(loop: Loop) -> None:
    """Live one visit of nobody and forget it: what is computed once is computed before anyone waits for it."""
    strategy, at = loop.strategy, loop.clock.now()
    place = next(iter(strategy.places), "")
    lines = tuple([Line(product) for product in list(strategy.products)[:10]])
    moments: list[Moment] = []
    for purpose in strategy.purposes.values():
        if purpose.basis == "consent":
            moments += switched(
                strategy, "nobody", purpose.key, on=True, language=strategy.language_for(), id=purpose.key, at=at
            )
    if lines and place:
        moments.append(Bought(id="bought", customer="nobody", occurred_at=at, place=place, lines=lines))
    if place:
        moments += [
            one(id=one.__name__, customer="nobody", occurred_at=at, place=place) for one in (Entered, CheckedIn, Paying)
        ]
    nobody = newborn("nobody")
    for moment in moments:
        admitted = admit(strategy, nobody, moment, at)
        if not isinstance(admitted, NotAdmitted):
            entry, nobody = step(strategy, loop.world, nobody, admitted, at, loop.randomization_key)
            for language in strategy.brand.languages:
                reply(strategy, entry, language, "brand")


async def _nobody(scope: Scope, receive: Receive, send: Send) -> None:
    """The application before it is joined."""
    raise NotImplementedError
