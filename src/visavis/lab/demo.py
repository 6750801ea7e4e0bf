"""``visavis demo``: the mission, live.

An embedded server, real households, the brand's stories played through HTTP, and the stage that shows it.

Around the server stands whom a brand has in the world: a supplier, who receives signed orders and says that they were
placed. Everything that is seen is the running engine; only the moments are written down.
"""

import asyncio
import re
import sys
import unicodedata
import webbrowser
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory
from time import perf_counter, time
from typing import Any, Final

import httpx
import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from visavis.config import Settings
from visavis.delivery.webhook_targets import Target, verify
from visavis.lab.stage.stage import StageAccess, routes
from visavis.lab.stories.actors import Actors, instant
from visavis.lab.stories.headless import Scene
from visavis.lab.stories.households import Extract
from visavis.lab.stories.play import Player
from visavis.lab.stories.simulated_population import HOLDOUT_SHARE, PopulationResult, SimulatedPopulation
from visavis.listen import bound_at, listening, until_told
from visavis.model.errors import Invalid, VisavisError
from visavis.runtime.clock import TurnedClock
from visavis.strategy.story import Played, Story, stories
from visavis.wiring import Server, build, root_key

SUPPLIER: Final = "/supplier/orders"
DICE: Final = b"the dice of every demo, number 3"
"""PopulationResult's demo rolls the same dice, with which the first household is held out of nothing.

Some of the others are, and the stage says so.
"""
YEAR_S: Final = 60.0
ANOTHER: Final = {"fr": "Pour un second navigateur :", "en": "For a second browser:"}
INVITATION: Final = {
    "fr": "La scène est prête. Ouvrez cette adresse (elle ne sert qu'une fois ; Ctrl-C pour finir) :",
    "en": "The stage is ready. Open this address (it opens once; Ctrl-C ends it):",
}


class Demo:
    """What is on the stage. One world, whoever looks: two browsers see the same."""

    def __init__(
        self,
        server: Server,
        client: httpx.AsyncClient,
        extract: Extract,
        stories: list[Story],
        everybody: Callable[[AsyncExitStack], Awaitable[SimulatedPopulation]],
    ) -> None:
        self.server = server
        self.stories = stories
        self.base = str(client.base_url)
        self.households = list(extract.households)
        self.household = self.households[0]
        self.changed: set[asyncio.Event] = set()
        self.played: list[Played] = []
        self.scene = 0
        self._client = client
        self._extract = extract
        self._players: dict[str, Player] = {}
        self._busy = asyncio.Lock()
        self._make = everybody
        self._elsewhere = AsyncExitStack()
        self._crowd: SimulatedPopulation | None = None
        self._living: asyncio.Task[None] | None = None

    @property
    def player(self) -> Player:
        """Who plays the household on the stage."""
        if self.household not in self._players:
            now = self.server.loop.clock.now().timestamp()
            cast = Actors(
                self._extract, self.household, self.server.strategy.brand.zone, now, self.server.strategy.never_push
            )
            self._players[self.household] = Player(
                self._client, self.server.access_keys.issue, cast, plain(self.household), self._now
            )
        return self._players[self.household]

    @property
    def person(self) -> str:
        """The customer on the stage."""
        return self.player.person

    @property
    def place(self) -> str:
        """The shop of the adviser."""
        return self.player.place

    @property
    def running(self) -> bool:
        """Whether a step is being played."""
        return self._busy.locked()

    @property
    def total_steps(self) -> int:
        """How many steps this scene has."""
        return len(self.stories[self.scene].steps) if self.scene < len(self.stories) else 0

    def keys(self) -> dict[str, str]:
        """The keys with which the two screens of the stage enter."""
        return {role: self.player.key(role) for role in ("device", "adviser")}

    async def choose(self, household: str) -> None:
        """Put another household on the stage, at the beginning of the scene."""
        self.household = household if household in self.households else self.refuse(household)
        await self.go(self.scene)

    @property
    def following(self) -> str:
        """Who is on the stage when everything begins again: somebody else, whose choices are still to be made."""
        return self.households[(self.households.index(self.household) + 1) % len(self.households)]

    async def again(self) -> None:
        """Begin again, with somebody else: what was refused stays refused."""
        self.household = self.following
        await self.go(0)

    async def go(self, scene: int) -> None:
        """Put this scene on the stage and play its first step; the one after the last story is everybody's year."""
        if not 0 <= scene <= len(self.stories):
            raise Invalid("There is no such scene.", advice=f"Scenes go from 0 to {len(self.stories)}.")
        async with self._busy:
            self.scene, self.played = scene, []
            if scene == len(self.stories):
                await self._live_everybody()
            else:
                await self.player.begin(self.stories[scene])
                self.played.append(await self.player.play(self.stories[scene], 0))
        self.tell()

    async def step(self) -> bool:
        """Play the next step; ``False`` when the scene is over."""
        async with self._busy:
            if len(self.played) >= self.total_steps:
                return False
            self.played.append(await self.player.play(self.stories[self.scene], len(self.played)))
        self.tell()
        return True

    async def switch(self, purpose: str, *, on: bool) -> None:
        """Her own switch, pressed on the stage."""
        headers = {"authorization": f"Bearer {self.player.key('device')}"}
        answer = await self._client.put(
            f"/v1/people/{self.person}/purposes/{purpose}", json={"on": on}, headers=headers
        )
        if answer.status_code != 200:
            raise Invalid("This choice was not kept.", advice=str(answer.json().get("detail", "")))
        self.tell()

    def crowd(self) -> SimulatedPopulation | None:
        """PopulationResult's year, as far as it is lived."""
        return self._crowd

    def refuse(self, household: str) -> str:
        """Nobody of this name."""
        raise Invalid(f"There is no household `{household}`.", advice=f"Choose one of: {', '.join(self.households)}.")

    async def everybody(self) -> PopulationResult:
        """Live everybody's year to its end, and say what came of it."""
        await self.go(len(self.stories))
        assert self._living is not None
        assert self._crowd is not None
        await self._living
        return PopulationResult.of(self._crowd)

    def tell(self) -> None:
        """Wake those who look."""
        for event in self.changed:
            event.set()

    async def stop(self) -> None:
        """Leave everybody's year where it is."""
        if self._living is not None:
            self._living.cancel()
            with suppress(asyncio.CancelledError):
                await self._living
        await self._elsewhere.aclose()

    async def _live_everybody(self) -> None:
        if self._living is not None and not self._living.done():
            return
        await self._elsewhere.aclose()
        self._elsewhere = AsyncExitStack()
        self._crowd = await self._make(self._elsewhere)
        self._living = asyncio.get_running_loop().create_task(self._crowd.run(changed=self.tell))

    def _now(self) -> float:
        return self.server.loop.clock.now().timestamp()


class Supplier:
    """Receives orders as any supplier would.

    Checks the signature, answers, then says over the API that the order was placed.
    """

    def __init__(self, secret: str, client: httpx.AsyncClient, key: str, now: Callable[[], float]) -> None:
        self._secret = secret
        self._client = client
        self._headers = {"authorization": f"Bearer {key}"}
        self._now = now
        self._placing: set[asyncio.Task[None]] = set()

    async def take(self, request: Request) -> Response:
        """Take one order; the same one twice is one order."""
        body = await request.body()
        try:
            verify(self._secret, request.headers, body, now=time())
        except VisavisError:
            return Response(status_code=401)
        order = msgspec.json.decode(body)["data"]
        task = asyncio.get_running_loop().create_task(self._place(order))
        self._placing.add(task)
        task.add_done_callback(self._placing.discard)
        return Response(status_code=202)

    async def _place(self, order: dict[str, Any]) -> None:
        await self._client.post(
            "/v1/moments",
            headers=self._headers,
            json={
                "kind": "ordered",
                "id": f"ordered-{order['key']}",
                "customer": order["customer"],
                "occurred_at": instant(self._now()),
                "order": order["key"],
                "product": order["product"],
            },
        )


@asynccontextmanager
async def running(
    files: Mapping[str, bytes],
    extract: Extract,
    *,
    port: int = 0,
    data: Path | None = None,
    pages: Callable[[Server, Demo], Iterable[BaseRoute]] = lambda *_: (),
    year_s: float = YEAR_S,
) -> AsyncIterator[Demo]:
    """The demo's server on this port of this machine (0: a free one), its supplier and its stage, until left.

    With ``data`` it goes on from there.
    """
    bound = bound_at("127.0.0.1", port)
    port = bound.getsockname()[1]
    base, secret = f"http://127.0.0.1:{port}", f"whsec_{b64encode(token_bytes(32)).decode()}"
    clock = TurnedClock(runs=True)
    clock.turn(time())
    stage: list[Demo] = []

    async def everybody(elsewhere: AsyncExitStack) -> SimulatedPopulation:
        return await _elsewhere(elsewhere, files, extract, year_s)

    def extra(server: Server) -> Iterable[BaseRoute]:
        supplier = Supplier(
            secret, client, server.access_keys.issue("brand"), lambda: server.loop.clock.now().timestamp()
        )
        stage.append(Demo(server, client, extract, stories(files), everybody))
        return [Route(SUPPLIER, supplier.take, methods=["POST"]), *pages(server, stage[0])]

    async with AsyncExitStack() as stack:
        stack.enter_context(bound)
        folder = (
            data if data is not None else Path(stack.enter_context(TemporaryDirectory(prefix="visavis-demo-"))) / "data"
        )
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=base, timeout=30.0))
        settings = Settings(
            data=str(folder), port=port, webhooks={"order": Target(base + SUPPLIER, secret)}, hosts=("127.0.0.1",)
        )
        server = build(extract.stocked(files), settings, clock=clock, dice=DICE, learned=extract.learned, extra=extra)
        clock.turn(max([customer.last_received_at for customer in server.loop.customers.values()], default=0.0))
        await stack.enter_async_context(listening(server, port, bound=bound))
        stack.push_async_callback(stage[0].stop)
        yield stage[0]


class HeadlessReport(Struct, frozen=True):
    """Everything that was played without a browser; ``crowd`` is everybody's year, when it was lived."""

    scenes: tuple[Scene, ...]
    crowd: PopulationResult | None
    first_scene_s: float

    @property
    def as_expected(self) -> bool:
        """Whether everything came out as the stories expect, and everybody's year was lived whole."""
        return all(scene.as_expected for scene in self.scenes) and (self.crowd is None or self.crowd.whole)

    def fields(self, language: str) -> dict[str, Any]:
        """One JSON object."""
        everybody = [] if self.crowd is None else [self.crowd.fields(language)]
        scenes = [scene.fields(language) for scene in self.scenes] + everybody
        return {"as_expected": self.as_expected, "first_scene_s": round(self.first_scene_s, 3), "scenes": scenes}

    def text(self, language: str) -> str:
        """The same in lines."""
        return "\n".join([scene.text(language) for scene in self.scenes]) + (
            "" if self.crowd is None else "\n" + self.crowd.text(language)
        )


async def headless(
    files: Mapping[str, bytes],
    households: Path,
    household: str,
    *,
    port: int = 0,
    data: Path | None = None,
    only: str = "",
    crowd: bool = True,
) -> HeadlessReport:
    """Play every story (or ``only`` one) through HTTP, without a browser, then live everybody's year at full speed."""
    started = perf_counter()
    async with running(files, Extract(households), port=port, data=data, year_s=0.0) as stage:
        scenes: list[Scene] = []
        first_s = 0.0
        stage.household = household if household in stage.households else stage.refuse(household)
        for scene, story in enumerate(stage.stories):
            if only and story.id != only:
                continue
            await stage.go(scene)
            first_s = first_s or perf_counter() - started
            while await stage.step():
                pass
            scenes.append(Scene(story, tuple(stage.played)))
        if only and not scenes:
            raise Invalid(
                f"There is no story `{only}`.", advice=f"There are: {', '.join([story.id for story in stage.stories])}."
            )
        return HeadlessReport(tuple(scenes), await stage.everybody() if crowd else None, first_s)


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
    doors: list[StageAccess] = []

    def pages(server: Server, demo: Demo) -> Iterable[BaseRoute]:
        doors.append(
            StageAccess(root_key(data.with_name(f"{data.name}.door")) if data is not None else token_bytes(32))
        )
        return routes(server.writer, server.screens, demo, doors[0])

    async with running(files, Extract(households), port=port, data=data, pages=pages) as stage:
        stage.household = household if household in stage.households else stage.refuse(household)
        await stage.go(0)
        address, another = [f"{stage.base}/stage?language={language}&token={doors[0].token()}" for _ in range(2)]
        sys.stdout.write(f"{INVITATION[language]}\n\n  {address}\n\n{ANOTHER[language]} {another}\n")
        sys.stdout.flush()
        if browser:
            await asyncio.get_running_loop().run_in_executor(None, webbrowser.open, address)
        await until_told()


async def _elsewhere(
    stack: AsyncExitStack, files: Mapping[str, bytes], extract: Extract, year_s: float
) -> SimulatedPopulation:
    """PopulationResult's year has a world of its own, so that what simulated people teach never reaches the stage."""
    held = re.sub(rb"holdout_share = [0-9.]+", f"holdout_share = {HOLDOUT_SHARE}".encode(), files["objectives.toml"])
    clock, bound = TurnedClock(), stack.enter_context(bound_at("127.0.0.1", 0))
    port = bound.getsockname()[1]
    clock.turn(time())
    settings = Settings(port=port)
    strategy = extract.stocked({**files, "objectives.toml": held})
    server = build(
        strategy, settings, memory=True, clock=clock, key=token_bytes(32), dice=DICE, learned=extract.learned
    )
    await stack.enter_async_context(listening(server, port, bound=bound))
    client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30.0))
    key = server.access_keys.issue("brand")
    return SimulatedPopulation(
        client,
        key,
        extract,
        standings=server.objectives.standings,
        year_s=year_s,
        console=f"{client.base_url}/console#key={key}",
    )


def plain(name: str) -> str:
    """A name as an identifier.

    >>> plain("Solène")
    'solene'
    """
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
