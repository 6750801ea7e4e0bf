"""Wire a server: settings and a strategy become its parts, joined in the order in which data flow."""

import gc
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from secrets import token_bytes
from typing import Any, Final, Self

from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from visavis.api import epcis, explanations, merges, monitoring, openapi, people, receipts, rights, signals
from visavis.api import ledger as public_ledger
from visavis.api.moments import Moments, Receive, Scope, Send
from visavis.config import Settings
from visavis.delivery.addresses import Addresses
from visavis.delivery.dispatcher import Dispatcher
from visavis.delivery.eligibility import may_do
from visavis.delivery.screens import Screens
from visavis.delivery.webhook_targets import checked
from visavis.delivery.webhooks import Webhooks
from visavis.devices import glasses, pairing
from visavis.devices.external_channels import ExternalChannels
from visavis.devices.home.home import Home
from visavis.devices.hosts import packages
from visavis.devices.hosts.cross_origin import cross_origin
from visavis.devices.mirror.mirror import Mirror
from visavis.explain.accounts import Accounts
from visavis.http import problems
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.access_log import recorded
from visavis.http.routes import with_encoded_slashes
from visavis.learning.online import OnlineLearner
from visavis.ledger.checkpoint import CheckpointSigner
from visavis.ledger.log import Ledger, checkpoint_folder, last_checkpoint
from visavis.measurement.objectives import ObjectiveTallies
from visavis.model.entry import Entry
from visavis.model.errors import Invalid
from visavis.model.world import Learned
from visavis.ports import Clock, Log, PersonalDataStore, Projection
from visavis.rights.erasure import Erasures, resume
from visavis.rights.merges import Merges
from visavis.rights.people import People
from visavis.rights.receipts import signing_key
from visavis.rights.requests import Requests
from visavis.rights.retention import Retention
from visavis.rights.suppression_list import SuppressionList, restore_objections
from visavis.runtime.clock import SystemClock
from visavis.runtime.loop import Processor
from visavis.runtime.metrics import Metrics
from visavis.runtime.population import Population
from visavis.runtime.projections import Projections
from visavis.runtime.unknown_codes import UnknownCodes
from visavis.runtime.warm_up import warm_up
from visavis.runtime.worlds import pending_changes
from visavis.runtime.writer import Writer
from visavis.store.keys import KeyStore, derived
from visavis.store.memory import MemoryEntryLog
from visavis.store.sqlite import SqliteEntryLog
from visavis.strategy.read import Strategy, read, with_targets
from visavis.web import adviser, console, pages, portal

KEY_BYTES: Final = 32
DICE: Final = "dice"
"""The use of the root key that gives the randomization key."""
Asgi = Callable[[Scope, Receive, Send], Any]


class Storage(Struct, frozen=True):
    """Where a server's files lie, and the secrets that seal them; with ``memory`` nothing is written to disk."""

    settings: Settings
    root: bytes
    memory: bool

    @classmethod
    def open(cls, settings: Settings, key: bytes | None, *, memory: bool) -> Self:
        """The folder, made when there is none, and its root key: ``key``, or that of the settings' file."""
        if not memory:
            settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = key if key is not None else root_key(settings.key_file, data=settings.folder)
        return cls(settings, root, memory)

    def secret(self, use: str) -> bytes:
        """The secret for this use."""
        return derived(self.root, use)

    def file(self, name: str) -> Path | str:
        """The database of this name."""
        return ":memory:" if self.memory else self.settings.folder / f"{name}.sqlite"

    def log(self) -> Log:
        """The log, opened; opening it completes every erasure that was decided."""
        if self.memory:
            return MemoryEntryLog()
        folder = self.settings.folder
        keys = KeyStore(folder / "vault.sqlite", self.root, self.settings.tombstones)
        return SqliteEntryLog(folder / "log.sqlite", keys)

    def ledger(self, log: Log) -> Ledger:
        """The ledger of uses in this log, with the checkpoints that were signed before."""
        checkpoints = self.settings.kept_checkpoints
        signer = CheckpointSigner(self.settings.ledger, self.secret("ledger"))
        keep = (lambda _size, _note: None) if self.memory else checkpoint_folder(checkpoints)
        signed = None if self.memory else last_checkpoint(checkpoints, signer.verifier)
        return Ledger(log, signer, cadence_s=self.settings.checkpoint_s, keep=keep, signed=signed)


@dataclass(kw_only=True)
class Derived:
    """What is derived from entries: the customers, and beside them the projections."""

    population: Population
    suppression_list: SuppressionList
    learner: OnlineLearner
    webhooks: Webhooks
    objectives: ObjectiveTallies
    accounts: Accounts
    screens: Screens
    dispatcher: Dispatcher
    external_channels: ExternalChannels
    unknown_codes: UnknownCodes

    def projections(self) -> list[Projection]:
        """The one list: in this order they take entries in, at start and live, are copied, and are erased."""
        return [
            self.suppression_list,
            self.learner,
            self.webhooks,
            self.objectives,
            self.accounts,
            self.screens,
            self.dispatcher,
        ]


@dataclass(kw_only=True)
class Server(Derived):
    """Everything that runs, joined; the lifespan of the ASGI application ``app`` calls ``start`` and ``stop``."""

    strategy: Strategy
    log: Log
    ledger: Ledger
    access_keys: AccessKeys
    metrics: Metrics
    writer: Writer
    mirror: Mirror
    home: Home | None
    requests: Requests
    storage: InitVar[Storage]
    app: Asgi = field(init=False)
    routes: list[BaseRoute] = field(init=False)

    def __post_init__(self, storage: Storage) -> None:
        """Join the routes into one application; what is added to ``routes`` is served too."""
        identifiers, count = storage.secret("identifiers"), self.metrics.count_moment
        moments = Moments(self.writer, self.access_keys, identifiers, count=count)
        pages_app = _pages(self, moments, storage.secret)
        self.routes = pages_app.routes
        self.app = cross_origin(_app(moments, pages_app), storage.settings.origins)

    @property
    def processor(self) -> Processor:
        """The processor that the writer runs."""
        return self.writer.processor

    def look_again(self) -> None:
        """The clock was turned: judge again what is on screens, and what waits to be delivered."""
        self.screens.look_again()
        self.dispatcher.nudge()

    def start(self) -> None:
        """Begin to serve, in the running event loop."""
        warm_up(self.processor)
        # What was rebuilt stays: the collector need not look at it again while people wait.
        gc.collect()
        gc.freeze()
        self.writer.start()
        self.webhooks.start()
        self.dispatcher.start()
        if self.home is not None:
            self.home.start()

    async def stop(self) -> None:
        """Let what is under way end, and close every file."""
        if self.home is not None:
            await self.home.stop()
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
    randomization_key: bytes | None = None,
    learned: Learned | None = None,
) -> Server:
    """Wire a server; ``memory`` writes no file; keys replace the file's or the derived one."""
    files = with_targets(files, settings.webhooks)
    strategy, time = read(files), clock or SystemClock()
    storage = Storage.open(settings, key, memory=memory)
    randomization_key = randomization_key or derived(storage.root, DICE)

    # What lies on disk.
    log = storage.log()
    ledger = storage.ledger(log)
    access = AccessKeys(storage.file("keys"), storage.secret("access"), now=lambda: time.now().timestamp())

    # What is derived from entries; the processor rebuilds it from the log.
    parts, metrics = _derived(storage, strategy, randomization_key, time, log, access), Metrics()
    processor = Processor(
        log,
        strategy,
        randomization_key,
        time,
        population=parts.population,
        projections=Projections(parts.projections(), failed=metrics.count_failure),
        objections_of=parts.suppression_list.of,
    )
    with _closed_if_refused(access, log):
        processor.enact(pending_changes(processor.world, strategy, files, learned))

    # Moments come in through the writer; what is durable is measured, shown and covered by a checkpoint.
    writer = _writer(processor, metrics, parts, ledger, threaded=not memory)
    screens, timelines = parts.screens, storage.file("timelines")
    mirror = Mirror(writer, access, screens, timelines, storage.secret("timelines"), settings.callbacks)
    mqtt, count = settings.mqtt, metrics.count_moment
    home = Home(mqtt, writer, access, screens, count=count) if mqtt is not None else None

    return Server(
        **vars(parts),
        strategy=strategy,
        log=log,
        ledger=ledger,
        access_keys=access,
        metrics=metrics,
        writer=writer,
        mirror=mirror,
        home=home,
        requests=_requests(storage, writer, parts, access, mirror, metrics),
        storage=storage,
    )


@contextmanager
def _closed_if_refused(*files: AccessKeys | Log) -> Iterator[None]:
    """Close these files when the strategy is refused, so that the next start finds them free."""
    try:
        yield
    except Invalid:
        for file in files:
            file.close()
        raise


def _derived(
    storage: Storage, strategy: Strategy, randomization_key: bytes, clock: Clock, log: Log, access: AccessKeys
) -> Derived:

    def now() -> float:
        return clock.now().timestamp()

    def holds(device: str) -> bool:
        return access.holds(AccessKey(device, "device"))

    settings, file, secret, population = storage.settings, storage.file, storage.secret, Population(access.speaks_for)
    person = population.customer
    screens = Screens(strategy, person, clock.now)
    addresses = Addresses(file("addresses"), secret("addresses"), erased=log.erased)
    channels = ExternalChannels(settings, addresses, secret, strategy, screens, holds, now)
    return Derived(
        population=population,
        suppression_list=SuppressionList(None if storage.memory else settings.opposition, secret("opposition")),
        learner=OnlineLearner(person, strategy.purposes),
        webhooks=Webhooks(
            file("outbox"),
            checked(settings.webhooks, frozenset(settings.hosts)),
            covered=lambda name, effect: may_do(strategy, person(name), effect, now()),
            erased=log.erased,
            secret=secret("outbox"),
        ),
        objectives=ObjectiveTallies(
            strategy, randomization_key, randomization_unit=lambda name: person(name).randomization_unit
        ),
        accounts=Accounts(strategy),
        screens=screens,
        dispatcher=Dispatcher(file("delivery"), channels.channels, strategy, screens, person, now, secret("delivery")),
        external_channels=channels,
        unknown_codes=UnknownCodes(strategy),
    )


def _writer(processor: Processor, metrics: Metrics, parts: Derived, ledger: Ledger, *, threaded: bool) -> Writer:

    def observed(processed: list[tuple[Entry, float]]) -> None:
        for entry, us in processed:
            metrics.count_entry(entry, us)
            for what in parts.unknown_codes.note(entry):
                metrics.count_unknown_code(what)
        parts.screens.record_recent(processed)

    def answered() -> None:
        ledger.follow()
        if not ledger.forked:
            ledger.checkpoint(processor.clock.now().timestamp())

    writer = Writer(processor, observed=observed, answered=answered, threaded=threaded)
    metrics.watch("visavis_moments_waiting", "Moments that wait for the writer", lambda: writer.waiting)
    metrics.watch("visavis_effects_waiting", "Effects that wait to be delivered", lambda: parts.webhooks.waiting)
    clock, tills, counts = processor.clock, processor.population.tills, parts.objectives
    stale_s = processor.strategy.brand.stale_after("till")
    silent = "Places whose till has been silent for too long"
    metrics.watch("visavis_tills_stale", silent, lambda: len(tills.stale(clock.now().timestamp(), stale_s)))
    metrics.watch("visavis_windows_unobserved", "Outcome windows that no working till saw", counts.unobserved)
    metrics.watch("visavis_outcomes_too_late", "Purchases received after their window was closed", counts.too_late)
    return writer


def _requests(
    storage: Storage, writer: Writer, parts: Derived, access: AccessKeys, mirror: Mirror, metrics: Metrics
) -> Requests:
    processor = writer.processor
    stores: list[PersonalDataStore] = [access, parts.external_channels.addresses, mirror, processor.positions]
    resume(processor.log, stores)
    for customer in processor.population:
        restore_objections(processor, parts.suppression_list, customer)
    people = People(writer, [*parts.projections(), *stores])
    retention = Retention(processor, people.holders, deleted=metrics.count_lapsed)
    writer.schedule(retention.run)
    erasures = Erasures(people, parts.webhooks, parts.suppression_list, storage.secret("subjects"))
    merging, signer = Merges(people, storage.secret("merges")), signing_key(storage.secret("receipts"))
    return Requests(people, erasures, merging, parts.suppression_list, parts.accounts, signer)


def keys(settings: Settings, root: bytes | None = None) -> AccessKeys:
    """The keys of the server that has these settings: what it and the command line open."""
    root = root if root is not None else root_key(settings.key_file, data=settings.folder)
    return AccessKeys(settings.folder / "keys.sqlite", derived(root, "access"))


def root_key(path: Path, *, data: Path | None = None) -> bytes:
    """The root key of this file; made there, for its owner only, unless ``data`` is sealed by another."""
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        if data is not None and any(data.glob("*.sqlite")):
            text = f"{data.name} holds data, and there is no root key {path.name} that opens them."
            advice = "Give the --settings of `visavis serve`, which name it, or put the file back."
            raise Invalid(text, advice=advice) from None
        path.parent.mkdir(parents=True, exist_ok=True)
        found = token_bytes(KEY_BYTES)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(found)
            file.flush()
            os.fsync(file.fileno())
    if len(found) != KEY_BYTES:
        text = f"{path.name} is not a root key: it holds {len(found)} bytes, not {KEY_BYTES}."
        raise Invalid(text, advice="Give back the file that was made.")
    return found


def _pages(server: Server, moments: Moments, secret: Callable[[str], bytes]) -> Starlette:
    writer, access = server.writer, server.access_keys

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        server.start()
        yield
        await server.stop()

    routes = [
        moments.route,
        *people.routes(writer, access),
        *epcis.routes(writer, access),
        *rights.routes(server.requests, access),
        *merges.routes(server.requests, access),
        *explanations.routes(writer, access),
        *signals.routes(),
        *openapi.routes(),
        *public_ledger.routes(writer, server.ledger),
        *receipts.routes(writer, access, secret("receipts")),
        *monitoring.routes(writer, access, server.metrics, server.look_again),
        *glasses.routes(writer, access, server.screens),
        *packages.routes(server.strategy),
        *pairing.routes(writer, access, server.screens),
        *server.mirror.routes(),
        *server.external_channels.routes(writer, access, server.screens),
        *portal.routes(writer, access, server.accounts, server.requests, objection_in=signals.objection_in),
        *adviser.routes(writer, access, server.screens),
        *console.routes(
            writer, access, server.screens, server.webhooks, server.objectives, server.accounts, server.unknown_codes
        ),
        pages.static(),
    ]
    return Starlette(
        routes=[recorded(writer, access, one) for one in routes],
        lifespan=lifespan,
        middleware=[Middleware(GZipMiddleware, minimum_size=1000)],  # streams of events are left alone
        exception_handlers={HTTPException: problems.unrouted},
    )


def _app(moments: Moments, pages_app: Starlette) -> Asgi:

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == moments.route.path:
            await moments(scope, receive, send)
        else:
            await pages_app(with_encoded_slashes(scope), receive, send)

    return app
