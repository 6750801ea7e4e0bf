"""`visavis demo`: a server on this machine, real households, the brand's stories played through HTTP, and the stage.

A supplier receives signed orders and reports them placed. Only the moments are in stories; the rest is the engine's.
"""

import asyncio
import re
import sys
import webbrowser
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory
from time import perf_counter, time
from typing import Final

import httpx
from starlette.routing import BaseRoute, Route

from visavis.config import Settings
from visavis.delivery.webhook_targets import Target
from visavis.lab.stage.routes import StageAccess, routes
from visavis.lab.stories.households import HouseholdExtract
from visavis.lab.stories.report import PlayReport, StoryResult
from visavis.lab.stories.session import StorySession
from visavis.lab.stories.simulated_population import HOLDOUT_SHARE, SimulatedPopulation
from visavis.lab.stories.supplier import Supplier
from visavis.listen import bound_at, listening, until_stopped
from visavis.model.errors import Invalid
from visavis.runtime.clock import TurnedClock
from visavis.strategy.read import COLLECTED, read
from visavis.strategy.story import stories
from visavis.wiring import Server, build, root_key

SUPPLIER: Final = "/supplier/orders"
RANDOMIZATION_KEY: Final = bytes.fromhex("7da8fedfb706b7871c3a4a9ef1742e3b3eb7682defdc261d677538b51d89c451")
"""Every demo draws the same, so that the first household is held out of nothing; some others are."""
YEAR_S: Final = 60.0
TIMEOUT_S: Final = 30.0
INVITATION: Final = {
    "fr": "La scène est prête. Ouvrez cette adresse (elle ne sert qu'une fois ; Ctrl-C pour finir) :\n\n  {}\n\n"
    "Pour un second navigateur : {}\n",
    "en": "The stage is ready. Open this address (it opens once; Ctrl-C ends it):\n\n  {}\n\n"
    "For a second browser: {}\n",
}
StagePages = Callable[[Server, StorySession], Iterable[BaseRoute]]


@asynccontextmanager
async def running(
    files: Mapping[str, bytes],
    extract: HouseholdExtract,
    *,
    port: int = 0,
    data: Path | None = None,
    pages: StagePages = lambda *_: (),
    year_s: float = YEAR_S,
    language: str = "fr",
) -> AsyncIterator[StorySession]:
    """A server here (port 0: a free one) and a session of stories on it, until left; ``data`` is kept if given."""
    if not read(files, live=True).products:
        advice = "Write some into products.csv: each line a gtin and its family."
        raise Invalid("This strategy has no products, and stories are about products.", advice=advice)
    bound = bound_at("127.0.0.1", port)
    port = bound.getsockname()[1]
    base, secret = f"http://127.0.0.1:{port}", f"whsec_{b64encode(token_bytes(32)).decode()}"
    clock = TurnedClock(runs=True)
    clock.turn(time())

    async def start_population(stack: AsyncExitStack) -> SimulatedPopulation:
        return await _population(stack, files, extract, year_s)

    async with AsyncExitStack() as stack:
        stack.enter_context(bound)
        if data is None:
            data = Path(stack.enter_context(TemporaryDirectory(prefix="visavis-demo-"))) / "data"
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=base, timeout=TIMEOUT_S))
        webhooks = {"order": Target(base + SUPPLIER, secret)}
        settings = Settings(data=str(data), port=port, webhooks=webhooks, hosts=("127.0.0.1",))
        server = build(
            extract.with_products(files),
            settings,
            clock=clock,
            randomization_key=RANDOMIZATION_KEY,
            learned=extract.learned,
        )
        key = server.access_keys.issue("brand")
        supplier = Supplier(secret, client, key, lambda: server.processor.clock.now().timestamp())
        session = StorySession(server, client, extract, stories(files), start_population, language=language)
        server.routes += [Route(SUPPLIER, supplier.receive, methods=["POST"]), *pages(server, session)]
        clock.turn(max([customer.last_received_at for customer in server.processor.population], default=0.0))
        await stack.enter_async_context(listening(server, port, bound=bound))
        stack.push_async_callback(session.stop)
        yield session


async def headless(
    files: Mapping[str, bytes],
    households: Path,
    household: str,
    *,
    language: str = "fr",
    port: int = 0,
    data: Path | None = None,
) -> PlayReport:
    """Play every story through HTTP without a browser, then the simulated year at full speed."""
    started = perf_counter()
    extract = HouseholdExtract(households)
    async with running(files, extract, port=port, data=data, year_s=0.0, language=language) as session:
        results, first_at = await _play(session, household)
        return PlayReport(results, await session.run_year(), first_at - started)


async def play(
    files: Mapping[str, bytes], households: Path, household: str, *, language: str = "fr", only: str = ""
) -> PlayReport:
    """Play every story (or ``only`` one) through HTTP without a browser."""
    started = perf_counter()
    async with running(files, HouseholdExtract(households), year_s=0.0, language=language) as session:
        results, first_at = await _play(session, household, only)
        return PlayReport(results, None, first_at - started)


async def _play(session: StorySession, household: str, only: str = "") -> tuple[tuple[StoryResult, ...], float]:
    """What each story showed, and when (by :func:`perf_counter`) the first one was on stage."""
    session.select(household)
    names = [story.id for story in session.stories]
    if not names:
        raise Invalid("This strategy has no stories.", advice="Write one as stories/NAME.toml: see docs/stories.md.")
    if only and only not in names:
        raise Invalid(f"There is no story `{only}`.", advice=f"There are: {', '.join(names)}.")
    results: list[StoryResult] = []
    first_at = 0.0
    for scene, story in enumerate(session.stories):
        if only in ("", story.id):
            await session.go(scene)
            first_at = first_at or perf_counter()
            while await session.step():
                pass
            results.append(StoryResult(story, tuple(session.played)))
    return tuple(results), first_at


async def show(
    files: Mapping[str, bytes],
    households: Path,
    household: str,
    *,
    language: str,
    port: int,
    data: Path | None,
    browser: bool,
) -> None:
    """Serve the stage until interrupted; print its address, which opens once, and open it where there is a browser."""
    secret = root_key(data.with_name(f"{data.name}.stage")) if data is not None else token_bytes(32)
    access = StageAccess(secret)

    def pages(server: Server, session: StorySession) -> Iterable[BaseRoute]:
        return routes(server.writer, server.screens, session, access)

    extract = HouseholdExtract(households)
    async with running(files, extract, port=port, data=data, pages=pages, language=language) as session:
        await session.choose(household)
        address, second = [f"{session.base}/stage?language={language}&token={access.token()}" for _ in range(2)]
        sys.stdout.write(INVITATION[language].format(address, second))
        sys.stdout.flush()
        if browser:
            await asyncio.get_running_loop().run_in_executor(None, webbrowser.open, address)
        await until_stopped()


async def _population(
    stack: AsyncExitStack, files: Mapping[str, bytes], extract: HouseholdExtract, year_s: float
) -> SimulatedPopulation:
    """The simulated population on a server of its own, so that what simulated people teach never reaches the stage."""
    share = f"holdout_share = {HOLDOUT_SHARE}".encode()
    held_out = re.sub(rb"holdout_share = [0-9.]+", share, files["objectives.toml"])
    clock, bound = TurnedClock(), stack.enter_context(bound_at("127.0.0.1", 0))
    port = bound.getsockname()[1]
    clock.turn(time())
    server = build(
        extract.with_products({**files, "objectives.toml": held_out, **COLLECTED}),
        Settings(port=port),
        memory=True,
        clock=clock,
        key=token_bytes(32),
        randomization_key=RANDOMIZATION_KEY,
        learned=extract.learned,
    )
    await stack.enter_async_context(listening(server, port, bound=bound))
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_S)
    await stack.enter_async_context(client)
    key = server.access_keys.issue("brand")
    console = f"{client.base_url}/console#key={key}"
    return SimulatedPopulation(
        client, key, extract, objectives=server.objectives.results, year_s=year_s, console=console
    )
