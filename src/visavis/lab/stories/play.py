"""Play a story through the public API, as the devices, tills, sensors and advisers that it names, and check what comes
of it.

Nothing here looks into the engine: whatever a step expects is asked over HTTP with the key of whoever may know.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

import httpx
from msgspec import UNSET

from visavis.lab.stories.actors import Actors, instant
from visavis.model.errors import Unavailable
from visavis.strategy.story import Check, Expected, Played, Step, Story

CHUNK: Final = 500
HEALTH_TIMEOUT_S: Final = 5.0
OF_THE_CARD: Final = frozenset({"card", "on her glasses", "what not to do"})
"""What cannot be expected any more once the scene's card is rightly not there."""
ELSEWHERE_S: Final = 3_600.0
"""A scene that is further away in time is another visit, or at home."""
Issue = Callable[[str, str], str]
"""Make a key for a role and its subject."""


class Nothing(Exception):
    """What the story names is not there: no card to answer, no code to redeem. The step cannot be played."""


class Player:
    """Plays stories for one person. ``issue`` makes the keys of those who speak; ``now`` is the server's clock."""

    def __init__(
        self, client: httpx.AsyncClient, issue: Issue, cast: Actors, person: str, now: Callable[[], float]
    ) -> None:
        self._client = client
        self._issue = issue
        self._cast = cast
        self._now = now
        self._keys: dict[tuple[str, str], str] = {}
        self._number = 0
        self._known = False
        self._last: dict[str, Any] = {}
        self._missed = False
        self._excused = ""
        self._inside: dict[str, str] = {}
        self.household_person = person
        self.person = person
        self.place = cast.place

    def key(self, role: str) -> str:
        """The key with which this role speaks here: of the person on stage, or of the place."""
        subject = {"brand": "", "till": self.place, "adviser": self.place, "other-till": self.place}.get(
            role, self.person
        )
        if (role, subject) not in self._keys:
            self._keys[role, subject] = self._issue(role.removeprefix("other-"), subject)
        return self._keys[role, subject]

    async def begin(self, story: Story) -> None:
        """Bring the person to where the story begins.

        Known by their past, with the choices that the story gives unless they chose otherwise.
        """
        self._number += 1
        self._missed, self._excused, self._last = False, "", {}
        if story.stranger:
            self.person = f"passer-by-{self._number}"
        else:
            self.person = self.household_person
            if not self._known:
                self._known = True
                await self._tell(
                    [
                        {"kind": "linked", "id": "card", "identifier": f"card of {self.person}", **self._now_of()},
                        *self._cast.past(self.person),
                    ]
                )
        await self._come(story)
        asked = await self._asked("device", "GET", f"/v1/people/{self.person}/purposes")
        never = {choice["purpose"] for choice in asked.json() if choice["status"] in ("unknown", "requested")}
        for purpose in story.given:
            if purpose in never:
                await self._asked("device", "PUT", f"/v1/people/{self.person}/purposes/{purpose}", {"on": True})
        for trait, value in story.declared.items():
            said = self._cast.name if value == "@name" else value
            await self._asked(
                "device",
                "POST",
                "/v1/moments",
                {"kind": "declared", "id": f"says-{trait}", "trait": trait, "value": said, **self._now_of()},
            )

    async def play(self, story: Story, number: int) -> Played:
        """Play one step of a story and check it."""
        step = story.steps[number]
        before = perf_counter()
        try:
            sent, answer = await self._sent(story, step, number)
        except Nothing:
            return Played(
                story.id, number, self.person, dict(step.moment), 0, {}, (), skipped=True, excused=self._excused
            )
        us = (perf_counter() - before) * 1e6
        reply = answer.json() if answer is not None and answer.content else {}
        told = reply if isinstance(reply, dict) else {"choices": reply}
        status = answer.status_code if answer is not None else 200
        if step.expect.card and "decisions" not in told and "id" in sent:
            # a till does not hear what her glasses show; she may ask
            told = {
                **told,
                **(await self._asked("device", "GET", f"/v1/people/{self.person}/moments/{sent['id']}")).json(),
            }
        card, briefs = await self._look()
        self._excused = self._excused or excused(step.expect, told)
        checks = [*checked(step.expect, status, told), *on_screens(step.expect, card, briefs)]
        if self._excused:
            checks = [check for check in checks if check.what not in OF_THE_CARD]
        for kind, state in step.expect.wallet.items():
            checks.append(Check(f"her {kind}", state, await self._in_wallet(kind, state)))
        self._missed = (
            self._missed or bool(self._excused) or any(check.what == "card" and not check.holds for check in checks)
        )
        return Played(
            story.id,
            number,
            self.person,
            sent,
            status,
            told,
            tuple(checks),
            " · ".join([part for part in (card.get("title"), card.get("body")) if part]),
            _in_words(briefs[0]) if briefs else (),
            round(us, 1),
            excused=self._excused,
        )

    async def _sent(self, story: Story, step: Step, number: int) -> tuple[dict[str, Any], httpx.Response | None]:
        if step.pass_s:
            await self._turn(self._now() + step.pass_s)
            return {"pass_s": step.pass_s}, None
        if step.switch:
            return {"switch": step.switch, "on": step.on}, await self._asked(
                step.by, "PUT", f"/v1/people/{self.person}/purposes/{step.switch}", {"on": step.on}
            )
        if step.close:
            return {"close": step.close}, await self._asked(
                step.by, "PUT", f"/v1/people/{self.person}/categories/{step.close}", {"on": False}
            )
        if step.read:
            return {"read": step.read}, await self._asked(step.by, "GET", f"/v1/people/{self.person}/{step.read}")
        if step.again and not self._last:
            raise Nothing
        if not step.again:
            self._last = {}
            moment = {key: await self._meant(value) for key, value in step.moment.items()}
            self._last = {"id": f"{story.id}-{self._number}-{number}", **moment, **self._now_of()}
            if "place" in self._last:
                self._last["place"] = self._last["place"].replace("@here", self.place)
            if self._last["kind"] in ("entered", "checked_in"):
                self._inside[self.person] = self._last["place"]
        return self._last, await self._asked(step.by, "POST", "/v1/moments", self._last)

    async def _meant(self, value: Any) -> Any:
        """What a story only names."""
        if not isinstance(value, str) or not value.startswith("@") or value.startswith("@here"):
            return value
        if value in ("@reward", "@order"):
            wallet = (await self._asked("device", "GET", f"/v1/people/{self.person}/wallet")).json()
            found = wallet["rewards"][-1:] if value == "@reward" else wallet["orders"][-1:]
            return self._there("".join([one["code"] if value == "@reward" else one["key"] for one in found]))
        if value == "@new card":
            return f"card of {self.person}"
        if value == "@card" and self._missed:
            raise Nothing  # another card than the story's is the person's own to answer
        if value in ("@card", "@brief"):
            role, path = ("device", "/glasses/screen") if value == "@card" else ("adviser", "/adviser/briefs")
            answer = await self._asked(role, "GET", path)
            told = answer.json() if answer.status_code == 200 and answer.content else {}
            shown = told if isinstance(told, dict) else (told or [{}])[0]
            return self._there(shown.get("decision", ""))
        return self._there(self._cast.named(value))

    def _there(self, value: Any) -> Any:
        if not value:
            raise Nothing
        return value

    async def _look(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """What is on her glasses and on the adviser's.

        Whoever wears them sees it, and their pages say so, as the player does.
        """
        answer = await self._asked("device", "GET", "/glasses/screen")
        card: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        if card:
            await self._asked("device", "POST", "/glasses/displayed", {"decision": card["decision"]})
        briefs: list[dict[str, Any]] = (await self._asked("adviser", "GET", "/adviser/briefs")).json()
        return card, briefs

    async def _in_wallet(self, kind: str, state: str) -> str:
        """The state of the last order or reward; an order is on its way through a webhook, so it is waited for."""
        status = ""
        for _ in range(int(HEALTH_TIMEOUT_S / 0.05)):
            wallet = (await self._asked("device", "GET", f"/v1/people/{self.person}/wallet")).json()
            status = next((one["status"] for one in reversed(wallet[kind])), "none")
            if status == state:
                break
            await asyncio.sleep(0.05)
        return status

    async def _come(self, story: Story) -> None:
        """Turn the clock to where the story takes place, telling what was bought on the way."""
        between: list[dict[str, Any]] = []
        at = self._now()
        if story.at == "visit":
            at, between = self._cast.to_visit(at, self.household_person)
            self.place = self._cast.place
        elif story.at == "morning":
            at = self._cast.to_morning(at)
        if at - self._now() > ELSEWHERE_S:
            # The visit is over: who went home has left the shop.
            left = [
                {**self._now_of(), "kind": "left", "id": f"left-{self._number}", "customer": one, "place": place}
                for one, place in self._inside.items()
            ]
            self._inside = {}
            if left:
                await self._asked("brand", "POST", "/v1/moments", left)
        await self._turn(at)
        if between and self._known:
            await self._tell(between)

    async def _tell(self, moments: list[dict[str, Any]]) -> None:
        """Tell facts of the past, many at once."""
        for start in range(0, len(moments), CHUNK):
            answer = await self._asked("brand", "POST", "/v1/moments", moments[start : start + CHUNK])
            lost = (
                [one for one in answer.json() if not one.get("kept")] if answer.status_code == 200 else [answer.json()]
            )
            if lost:
                raise Unavailable(
                    f"{len(lost)} facts of the past were not kept: {lost[0].get('detail')}",
                    advice="Look at the strategy's purposes.",
                )

    async def _turn(self, at: float) -> None:
        if at > self._now():
            await self._asked("brand", "PUT", "/v1/clock", {"at": at})

    async def _asked(self, role: str, method: str, path: str, body: object = UNSET) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.key(role)}"}
        try:
            return await self._client.request(method, path, headers=headers, json=None if body is UNSET else body)
        except httpx.HTTPError as error:
            raise Unavailable(f"The server did not answer: {type(error).__name__}.", advice="Is it running?") from None

    def _now_of(self) -> dict[str, Any]:
        return {"customer": self.person, "occurred_at": instant(self._now())}


def _in_words(brief: dict[str, Any]) -> tuple[str, ...]:
    facts = [f"{fact['what']} ({fact['origin']})" for fact in brief.get("facts", [])]
    return tuple(
        [line for line in (brief.get("who", ""), brief.get("advice", ""), *facts, brief.get("avoid", "")) if line]
    )


def checked(expected: Expected, status: int, reply: dict[str, Any]) -> list[Check]:
    """What was expected of the answer, beside what it says."""
    found: list[Check] = []

    def check(what: str, wanted: object, got: object) -> None:
        found.append(Check(what, str(wanted), str(got)))

    card: dict[str, Any] = next((one for one in reply.get("decisions") or [] if one["audience"] == "customer"), {})
    said = card.get("action") or f"silence: {card.get('reason', 'nothing was woken')}"
    if expected.status:
        check("status", expected.status, status)
    if expected.card:
        check("card", expected.card, said)
    if expected.silence:
        check("card", f"silence: {expected.silence}", said)
    if expected.device:
        check("device", expected.device, card.get("device", ""))
    if expected.effect:
        check("effect", expected.effect, ", ".join([effect["kind"] for effect in reply.get("effects") or []]) or "none")
    if expected.granted:
        check("granted", expected.granted, (reply.get("granted") or {}).get("reason", "nothing"))
    choices = {choice["purpose"]: choice["on"] for choice in reply.get("choices", [])}
    for wanted, purposes in ((True, expected.on), (False, expected.off)):
        for purpose in purposes:
            check(f"{purpose} is on", wanted, choices.get(purpose))
    return found


def excused(expected: Expected, reply: dict[str, Any]) -> str:
    """The reason for which the expected card is rightly not there; empty when it is there, or when it should be.

    >>> late = {"decisions": [{"audience": "customer", "action": "other", "refused": [{"action": "thanks", "reason": "condition_false"}]}]}
    >>> excused(Expected(card="thanks", or_silence=("condition_false",)), late), excused(Expected(card="thanks", or_silence=("holdout",)), late)
    ('condition_false', '')
    """
    said: dict[str, Any] = next((one for one in reply.get("decisions") or [] if one["audience"] == "customer"), {})
    if not expected.card or said.get("action") == expected.card:
        return ""
    reasons = [one["reason"] for one in said.get("refused") or [] if one["action"] == expected.card] or [
        said.get("reason", "")
    ]
    return next((reason for reason in reasons if reason in expected.or_silence), "")


def on_screens(expected: Expected, card: dict[str, Any], briefs: list[dict[str, Any]]) -> list[Check]:
    """What was expected on the two screens, beside what they show."""
    found: list[Check] = []
    told = briefs[0] if briefs else {}

    def check(what: str, wanted: object, got: object) -> None:
        found.append(Check(what, str(wanted), str(got)))

    if expected.on_glasses:
        check("on her glasses", expected.on_glasses, "a card" if card else "nothing")
    if expected.on_adviser >= 0:
        check("briefs on the adviser's glasses", expected.on_adviser, len(briefs))
    if expected.brief:
        check("brief", expected.brief, told.get("action", "none"))
    if expected.facts_at_most >= 0:
        wanted, facts = f"1 to {expected.facts_at_most}", len(told.get("facts", []))
        check("facts", wanted, wanted if 1 <= facts <= expected.facts_at_most else facts)
    if expected.avoid is not None:
        check("what not to do", expected.avoid, bool(told.get("avoid")))
    for word in expected.untold:
        check(f"`{word}` is told to the adviser", False, word.lower() in str(told).lower())
    return found
