"""PopulationResult at once.

The whole households, a year in a minute, through the public API, with answers that are simulated and labelled so.

Every visit is real: who came, when, where, and what was paid for. What is not real is the answer: when a card names a
product that is not in the basket, it is added with the stated probability :data:`PERSUADED`. So the truth is known, and
the holdout must find it, or say that it cannot yet.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from msgspec import Struct

from visavis.lab.stories.actors import instant
from visavis.lab.stories.households import WEEK_S, Basket, Extract
from visavis.measurement.objectives import ObjectiveResult
from visavis.model.errors import Unavailable

PERSUADED: Final = 0.25
HOLDOUT_SHARE: Final = 0.5
EARLY_S: Final = 1_200.0
PURPOSES: Final = ("place-moment", "reminders", "tailored-offers")
FEED: Final = 8


class Heard(Struct, frozen=True):
    """One line of the feed.

    When, who, what came of it (an action's id, or the reason of a silence), and the product that it was about.
    """

    at: float
    who: str
    action: str
    reason: str
    product: str


class PopulationResult(Struct, frozen=True):
    """What came of everybody's year."""

    visits: int
    expected_visits: int
    moments: int
    cards: int
    silences: int
    standings: tuple[ObjectiveResult, ...]

    @staticmethod
    def of(crowd: "SimulatedPopulation") -> "PopulationResult":
        """The year of this crowd, as far as it was lived."""
        return PopulationResult(
            crowd.visits, crowd.expected_visits, crowd.moments, crowd.cards, crowd.silences, tuple(crowd.standings())
        )

    @property
    def whole(self) -> bool:
        """Whether every visit of the year was lived, and cards and silences both came of them."""
        return self.visits == self.expected_visits and self.cards > 0 and self.silences > 0

    def fields(self, language: str) -> dict[str, Any]:
        """One JSON object; answers are simulated, and it says so."""
        return {
            "scene": "9-everybody",
            "as_expected": self.whole,
            "expected": {"visits": self.expected_visits},
            "happened": {
                "visits": self.visits,
                "moments": self.moments,
                "cards": self.cards,
                "silences": self.silences,
            },
            "answers": f"simulated: a card persuades {PERSUADED:.0%} of those who had not taken the product",
            "objectives": [_told(one, language) for one in self.standings if one.effect is not None],
        }

    def text(self, language: str) -> str:
        """The same in lines."""
        counted = f"{self.visits} visits, {self.moments} moments, {self.cards} cards, {self.silences} silences"
        lines = [f"{counted}; answers are simulated."]
        lines.extend(
            [
                f"  {told['why']} {told['uplift']:+.3f} [{told['low']:+.3f}, {told['high']:+.3f}], {told['verdict']}"
                for told in self.fields(language)["objectives"]
            ]
        )
        return "\n".join(lines) + "\n"


def _told(one: ObjectiveResult, language: str) -> dict[str, Any]:
    effect = one.effect
    assert effect is not None
    return {
        "objective": one.objective.id,
        "why": one.objective.why[language],
        "holdout_share": one.objective.holdout_share,
        "people": one.people,
        "held_out": one.held_out,
        "cards": one.shown,
        "uplift": effect.uplift,
        "low": effect.low,
        "high": effect.high,
        "verdict": effect.verdict,
    }


class SimulatedPopulation:
    """Lives the year; what happened so far can be read at any time.

    ``year_s`` is how long the year takes, ``console`` the address of its world's console.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        key: str,
        extract: Extract,
        *,
        standings: Callable[[], list[ObjectiveResult]],
        year_s: float,
        console: str = "",
        seed: int = 1,
    ) -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {key}"}
        self._extract = extract
        self._year_s = year_s
        self.standings = standings
        self.console = console
        self._dice = random.Random(seed)  # noqa: S311  simulated people, not secrets
        self.at = 0.0
        self.households = len(extract.households)
        self.moments = self.cards = self.silences = self.added = 0
        self.feed: list[Heard] = []
        self.visits = 0
        self.expected_visits = sum([len(household.baskets) for household in extract.households.values()])
        self.done = False

    async def run(self, *, changed: Callable[[], None] = lambda: None) -> None:
        """From the first visit of the year to the last, all households interleaved."""
        first = min(household.baskets[0].at for household in self._extract.households.values())
        shift_s = max(0, -int((first - EARLY_S - datetime.now(UTC).timestamp()) // WEEK_S)) * WEEK_S
        visits = sorted(
            [
                (basket.at + shift_s, name, basket)
                for name, one in self._extract.households.items()
                for basket in one.baskets
            ],
            key=lambda v: v[:2],
        )
        started, (begin, *_), (end, *_) = asyncio.get_running_loop().time(), visits[0], visits[-1]
        await self._turn(begin - 86_400.0)
        for name in self._extract.households:
            await self._choose(name)
        for at, name, basket in visits:
            ahead = (at - begin) / max(1.0, end - begin) * self._year_s - (asyncio.get_running_loop().time() - started)
            await asyncio.sleep(max(0.0, ahead))
            await self._visit(at, name, basket)
            self.visits += 1
            changed()
        self.done = True
        changed()

    async def _choose(self, name: str) -> None:
        await self._told({"kind": "linked", "id": "card", "identifier": f"card of {name}"}, name)
        for purpose in PURPOSES:
            await self._asked("PUT", f"/v1/people/{name}/purposes/{purpose}", {"on": True})

    async def _visit(self, at: float, name: str, basket: Basket) -> None:
        """In, a card or none, perhaps persuaded, to the till, the same, and out."""
        lines = [[line.product, line.quantity, line.price_cents] for line in basket.lines]
        await self._turn(max(self.at, at - EARLY_S))
        await self._decided({"kind": "entered", "id": f"in-{at}", "place": basket.place}, name, lines)
        await self._turn(max(self.at, at))
        await self._decided({"kind": "paying", "id": f"till-{at}", "place": basket.place, "lines": lines}, name, lines)
        await self._told({"kind": "bought", "id": f"paid-{at}", "place": basket.place, "lines": lines}, name)

    async def _decided(self, moment: dict[str, Any], name: str, lines: list[list[Any]]) -> None:
        reply = await self._told(moment, name)
        for said in reply.get("decisions", []):
            shown = said["result"] == "show"
            self.cards, self.silences = self.cards + shown, self.silences + (not shown)
            self.feed = [
                Heard(self.at, name, said.get("action", ""), said.get("reason", ""), said.get("product", "")),
                *self.feed,
            ][:FEED]
            if shown:
                await self._told(
                    {"kind": "displayed", "id": f"seen-{said['decision']}", "decision": said["decision"]}, name
                )
                product = said.get("product", "")
                if product and all(line[0] != product for line in lines) and self._dice.random() < PERSUADED:
                    lines.append([product, 1, self._extract.goods[product].price_cents])
                    self.added += 1

    async def _told(self, moment: dict[str, Any], name: str) -> dict[str, Any]:
        answer = await self._asked("POST", "/v1/moments", {**moment, "customer": name, "occurred_at": instant(self.at)})
        self.moments += 1
        found: dict[str, Any] = answer.json()
        return found

    async def _turn(self, at: float) -> None:
        self.at = at
        await self._asked("PUT", "/v1/clock", {"at": at})

    async def _asked(self, method: str, path: str, body: object) -> httpx.Response:
        answer = await self._client.request(method, path, headers=self._headers, json=body)
        if answer.status_code >= 500:
            raise Unavailable(f"The server answered {answer.status_code}.", advice="Look at its log.")
        return answer
