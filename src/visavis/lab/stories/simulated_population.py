"""A simulated year of all the households at once, through the public API.

Visits and what was paid for are real. Answers are simulated: a card's product is added to the basket with probability
:data:`RESPONSE_SHARE`. So the true uplift is known, and the measurement must find it, or say that it cannot yet.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from msgspec import Struct

from visavis.lab.stories.actors import instant
from visavis.lab.stories.households import WEEK_S, Basket, HouseholdExtract
from visavis.measurement.objectives import ObjectiveResult
from visavis.measurement.uplift import Uplift
from visavis.model.errors import Unavailable

RESPONSE_SHARE: Final = 0.25
HOLDOUT_SHARE: Final = 0.5
LEAD_S: Final = 1_200.0
PURPOSES: Final = ("place-moment", "reminders", "tailored-offers")
FEED_LENGTH: Final = 8


class FeedItem(Struct, frozen=True):
    """One decision: when, for whom, its action (or the reason of the silence), and the product that it was about."""

    at: float
    household: str
    action: str
    reason: str
    product: str


class PopulationResult(Struct, frozen=True):
    """What came of the simulated year."""

    visits: int
    expected_visits: int
    moments: int
    cards: int
    silences: int
    objectives: tuple[ObjectiveResult, ...]

    @property
    def complete(self) -> bool:
        """Whether every visit of the year was played, and there were both cards and silences."""
        return self.visits == self.expected_visits and self.cards > 0 and self.silences > 0

    def fields(self, language: str) -> dict[str, Any]:
        """One JSON object; answers are simulated, and it says so."""
        happened = {"visits": self.visits, "moments": self.moments, "cards": self.cards, "silences": self.silences}
        return {
            "scene": "9-everybody",
            "as_expected": self.complete,
            "expected": {"visits": self.expected_visits},
            "happened": happened,
            "answers": f"simulated: a card persuades {RESPONSE_SHARE:.0%} of those who had not taken the product",
            "objectives": [_objective(one, one.effect, language) for one in self.objectives if one.effect is not None],
        }

    def text(self, language: str) -> str:
        """The same in lines."""
        counted = f"{self.visits} visits, {self.moments} moments, {self.cards} cards, {self.silences} silences"
        lines = [f"{counted}; answers are simulated."]
        for one in self.fields(language)["objectives"]:
            interval = f"{one['uplift']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]"
            lines.append(f"  {one['why']} {interval}, {one['verdict']}")
        return "\n".join(lines) + "\n"


def _objective(one: ObjectiveResult, effect: Uplift, language: str) -> dict[str, Any]:
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
    """Plays the year in ``year_s`` seconds; ``console`` is the address of its own server's console."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        key: str,
        extract: HouseholdExtract,
        *,
        objectives: Callable[[], list[ObjectiveResult]],
        year_s: float,
        console: str = "",
        seed: int = 1,
    ) -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {key}"}
        self._extract = extract
        self._year_s = year_s
        self.objectives = objectives
        self.console = console
        self._random = random.Random(seed)  # noqa: S311  simulated people, not secrets
        self.at = 0.0
        self.households = len(extract.households)
        self.visits = self.moments = self.cards = self.silences = self.added = 0
        self.feed: list[FeedItem] = []
        self.expected_visits = sum([len(household.baskets) for household in extract.households.values()])
        self.done = False

    def result(self) -> PopulationResult:
        """What came of the year so far."""
        counts = (self.visits, self.expected_visits, self.moments, self.cards, self.silences)
        return PopulationResult(*counts, tuple(self.objectives()))

    async def run(self, *, changed: Callable[[], None] = lambda: None) -> None:
        """From the first visit of the year to the last, all households interleaved."""
        first = min(household.baskets[0].at for household in self._extract.households.values())
        shift_s = max(0, -int((first - LEAD_S - datetime.now(UTC).timestamp()) // WEEK_S)) * WEEK_S
        households = self._extract.households.items()
        visits = [(basket.at + shift_s, name, basket) for name, one in households for basket in one.baskets]
        visits.sort(key=lambda visit: visit[:2])
        time = asyncio.get_running_loop().time
        started, begin, end = time(), visits[0][0], visits[-1][0]
        await self._set_clock(begin - 86_400.0)
        for name in self._extract.households:
            await self._consent(name)
        for at, name, basket in visits:
            ahead_s = (at - begin) / max(1.0, end - begin) * self._year_s - (time() - started)
            await asyncio.sleep(max(0.0, ahead_s))
            await self._visit(at, name, basket)
            self.visits += 1
            changed()
        self.done = True
        changed()

    async def _consent(self, name: str) -> None:
        await self._send({"kind": "linked", "id": "card", "identifier": f"card of {name}"}, name)
        for purpose in PURPOSES:
            await self._request("PUT", f"/v1/people/{name}/purposes/{purpose}", {"on": True})

    async def _visit(self, at: float, name: str, basket: Basket) -> None:
        """The entrance, then the till, each with a decision and perhaps a response to it; then the purchase."""
        lines = [[line.product, line.quantity, line.price_cents] for line in basket.lines]
        await self._set_clock(max(self.at, at - LEAD_S))
        await self._decide({"kind": "entered", "id": f"in-{at}", "place": basket.place}, name, lines)
        await self._set_clock(max(self.at, at))
        await self._decide({"kind": "paying", "id": f"till-{at}", "place": basket.place, "lines": lines}, name, lines)
        await self._send({"kind": "bought", "id": f"paid-{at}", "place": basket.place, "lines": lines}, name)

    async def _decide(self, moment: dict[str, Any], name: str, lines: list[list[Any]]) -> None:
        reply = await self._send(moment, name)
        for decision in reply.get("decisions", []):
            shown, product = decision["result"] == "show", decision.get("product", "")
            self.cards, self.silences = self.cards + shown, self.silences + (not shown)
            item = FeedItem(self.at, name, decision.get("action", ""), decision.get("reason", ""), product)
            self.feed = [item, *self.feed][:FEED_LENGTH]
            if not shown:
                continue
            shown_id = decision["decision"]
            await self._send({"kind": "displayed", "id": f"seen-{shown_id}", "decision": shown_id}, name)
            if product and all(line[0] != product for line in lines) and self._random.random() < RESPONSE_SHARE:
                lines.append([product, 1, self._extract.products[product].price_cents])
                self.added += 1

    async def _send(self, moment: dict[str, Any], name: str) -> dict[str, Any]:
        sent = {**moment, "customer": name, "occurred_at": instant(self.at)}
        answer = await self._request("POST", "/v1/moments", sent)
        self.moments += 1
        found: dict[str, Any] = answer.json()
        return found

    async def _set_clock(self, at: float) -> None:
        self.at = at
        await self._request("PUT", "/v1/clock", {"at": at})

    async def _request(self, method: str, path: str, body: object) -> httpx.Response:
        answer = await self._client.request(method, path, headers=self._headers, json=body)
        if answer.status_code >= 500:
            raise Unavailable(f"The server answered {answer.status_code}.", advice="Look at its log.")
        return answer
