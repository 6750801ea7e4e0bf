"""A session of stories on a running server: which household plays, which scene, which step; and the simulated year.

The stage shows it and passes gestures on; without a browser, `visavis play` and `visavis demo --headless` drive it.
"""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

import httpx

from visavis.lab.stories.actors import Actor
from visavis.lab.stories.households import HouseholdExtract
from visavis.lab.stories.play import Player
from visavis.lab.stories.simulated_population import PopulationResult, SimulatedPopulation
from visavis.model.errors import Invalid
from visavis.strategy.story import PlayedStep, Story
from visavis.wiring import Server

StartPopulation = Callable[[AsyncExitStack], Awaitable[SimulatedPopulation]]
"""Make the simulated population with a server of its own, which is stopped when the stack closes."""


class StorySession:
    """Plays stories, then the simulated year, step by step; every event in ``changed`` is set at a change."""

    def __init__(
        self,
        server: Server,
        client: httpx.AsyncClient,
        extract: HouseholdExtract,
        stories: list[Story],
        start_population: StartPopulation,
        *,
        language: str = "fr",
    ) -> None:
        self.server = server
        self.stories = stories
        self.base = str(client.base_url)
        self.households = list(extract.households)
        self.household = self.households[0]
        self.changed: set[asyncio.Event] = set()
        self.played: list[PlayedStep] = []
        self.scene = 0
        self.population: SimulatedPopulation | None = None
        self._language = language
        self._client = client
        self._extract = extract
        self._players: dict[str, Player] = {}
        self._busy = asyncio.Lock()
        self._start_population = start_population
        self._population_server = AsyncExitStack()
        self._year: asyncio.Task[None] | None = None

    @property
    def player(self) -> Player:
        """The player of the present household."""
        if self.household not in self._players:
            strategy = self.server.strategy
            actor = Actor(self._extract, self.household, strategy.brand.zone, self._now(), strategy.never_push)
            issue, person = self.server.access_keys.issue, identifier(self.household)
            player = Player(self._client, issue, actor, person, self._now, language=self._language)
            self._players[self.household] = player
        return self._players[self.household]

    @property
    def person(self) -> str:
        """The customer who plays."""
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
    def story(self) -> Story | None:
        """The story of this scene; none while the simulated year is shown."""
        return self.stories[self.scene] if self.scene < len(self.stories) else None

    @property
    def total_steps(self) -> int:
        """How many steps this scene has."""
        return len(self.story.steps) if self.story is not None else 0

    @property
    def next_household(self) -> str:
        """Who plays when everything begins again: another household, whose choices are still to be made."""
        return self.households[(self.households.index(self.household) + 1) % len(self.households)]

    def select(self, household: str) -> None:
        """Let this household play; :class:`Invalid` lists the names."""
        self.household = self._extract.household(household).name

    async def choose(self, household: str) -> None:
        """Let this household play, from the beginning of the scene."""
        self.select(household)
        await self.go(self.scene)

    async def restart(self) -> None:
        """Begin again with another household: what this one refused stays refused."""
        self.household = self.next_household
        await self.go(0)

    async def go(self, scene: int) -> None:
        """Begin this scene and play its first step; the one after the last story is the simulated year."""
        if not 0 <= scene <= len(self.stories):
            raise Invalid("There is no such scene.", advice=f"Scenes go from 0 to {len(self.stories)}.")
        async with self._busy:
            self.scene, self.played = scene, []
            if self.story is None:
                await self._start_year()
            else:
                await self.player.begin(self.story)
                self.played.append(await self.player.play(self.story, 0))
        self.notify()

    async def step(self) -> bool:
        """Play the next step; ``False`` when the scene is over."""
        async with self._busy:
            if self.story is None or len(self.played) >= self.total_steps:
                return False
            self.played.append(await self.player.play(self.story, len(self.played)))
        self.notify()
        return True

    async def switch(self, purpose: str, *, on: bool) -> None:
        """Open or close a purpose, as the person who plays."""
        answer = await self.player.switch(purpose, on=on)
        if answer.status_code != 200:
            raise Invalid("This choice was not kept.", advice=str(answer.json().get("detail", "")))
        self.notify()

    async def run_year(self) -> PopulationResult:
        """Run the simulated year to its end."""
        await self.go(len(self.stories))
        assert self._year is not None
        assert self.population is not None
        await self._year
        return self.population.result()

    def notify(self) -> None:
        """Wake everyone who watches."""
        for event in self.changed:
            event.set()

    async def stop(self) -> None:
        """Stop the simulated year and its server."""
        if self._year is not None:
            self._year.cancel()
            with suppress(asyncio.CancelledError):
                await self._year
        await self._population_server.aclose()

    async def _start_year(self) -> None:
        if self._year is not None and not self._year.done():
            return
        await self._population_server.aclose()
        self._population_server = AsyncExitStack()
        self.population = await self._start_population(self._population_server)
        self._year = asyncio.get_running_loop().create_task(self.population.run(changed=self.notify))

    def _now(self) -> float:
        return self.server.processor.clock.now().timestamp()


def identifier(name: str) -> str:
    """A first name as an identifier.

    >>> identifier("Solène")
    'solene'
    """
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
