"""Play a story through the public API, as the devices, tills, sensors and advisers that it names, and check it.

Nothing here reads the engine's state: whatever a step expects is asked over HTTP, with the key of a role that may know.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

import httpx
from msgspec import UNSET

from visavis.lab.stories.actors import Actor, instant
from visavis.model.errors import Unavailable
from visavis.strategy.story import Check, Expected, PlayedStep, Step, Story

CHUNK: Final = 500
WALLET_TIMEOUT_S: Final = 5.0
OF_THE_CARD: Final = frozenset({"card", "on her glasses", "what not to do"})
"""What cannot be expected any more once the scene's card is rightly not there."""
ANOTHER_VISIT_S: Final = 3_600.0
"""A scene that is further away in time is another visit, or at home."""
IssueKey = Callable[[str, str], str]
"""Make a key for a role and its subject."""


class NotAvailable(Exception):
    """What the story names is not there: no card to answer, no code to redeem. The step cannot be played."""


class Player:
    """Plays stories for one person; ``issue`` makes the keys of reporters, ``now`` is the server's clock."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        issue: IssueKey,
        actor: Actor,
        person: str,
        now: Callable[[], float],
        *,
        language: str = "fr",
    ) -> None:
        self._client = client
        self._issue = issue
        self._actor = actor
        self._now = now
        self._query = {"language": language}
        self._keys: dict[tuple[str, str], str] = {}
        self._scenes = 0
        self._known = False
        self._last: dict[str, Any] = {}
        self._missed = False
        self._excused = ""
        self._inside: dict[str, str] = {}
        self.household_person = person
        self.person = person
        self.place = actor.place

    def key(self, role: str) -> str:
        """The key of this role: of the person who plays, or of the place."""
        of_place = dict.fromkeys(("till", "adviser", "other-till"), self.place)
        subject = ({"brand": ""} | of_place).get(role, self.person)
        if (role, subject) not in self._keys:
            self._keys[role, subject] = self._issue(role.removeprefix("other-"), subject)
        return self._keys[role, subject]

    async def begin(self, story: Story) -> None:
        """Bring the person to the story's beginning: their past, and its choices unless they chose otherwise."""
        self._scenes += 1
        self._missed, self._excused, self._last = False, "", {}
        if story.stranger:
            self.person = f"passer-by-{self._scenes}"
        else:
            self.person = self.household_person
            if not self._known:
                self._known = True
                card = {"kind": "linked", "id": "card", "identifier": f"card of {self.person}", **self._stamp()}
                await self._send_past([card, *self._actor.past_purchases(self.person)])
        await self._go_to(story)
        choices = (await self.request("device", "GET", f"/v1/people/{self.person}/purposes")).json()
        undecided = {choice["purpose"] for choice in choices if choice["status"] in ("unknown", "requested")}
        for purpose in story.given:
            if purpose in undecided:
                await self.switch(purpose, on=True)
        for trait, value in story.declared.items():
            declared = {"trait": trait, "value": self._actor.name if value == "@name" else value}
            moment = {"kind": "declared", "id": f"says-{trait}", **declared, **self._stamp()}
            await self.request("device", "POST", "/v1/moments", moment)

    async def play(self, story: Story, number: int) -> PlayedStep:
        """Play one step of a story and check it."""
        step = story.steps[number]
        before = perf_counter()
        try:
            sent, answer = await self._perform(story, step, number)
        except NotAvailable:
            moment, excused = dict(step.moment), self._excused
            return PlayedStep(story.id, number, self.person, moment, 0, {}, (), skipped=True, excused=excused)
        us = (perf_counter() - before) * 1e6
        reply = answer.json() if answer is not None and answer.content else {}
        reply = reply if isinstance(reply, dict) else {"choices": reply}
        status = answer.status_code if answer is not None else 200
        if step.expect.card and "decisions" not in reply and "id" in sent:
            # A till is not told what her glasses show; her own device may ask.
            own = await self.request("device", "GET", f"/v1/people/{self.person}/moments/{sent['id']}")
            reply |= own.json()
        card, briefs = await self._read_screens()
        self._excused = self._excused or excused_by(step.expect, reply)
        checks = [*answer_checks(step.expect, status, reply), *screen_checks(step.expect, card, briefs)]
        if self._excused:
            checks = [check for check in checks if check.what not in OF_THE_CARD]
        for kind, state in step.expect.wallet.items():
            checks.append(Check(f"her {kind}", state, await self._in_wallet(kind, state)))
        failed = any(check.what == "card" and not check.holds for check in checks)
        self._missed = self._missed or bool(self._excused) or failed
        return PlayedStep(
            story.id,
            number,
            self.person,
            sent,
            status,
            reply,
            tuple(checks),
            " · ".join([part for part in (card.get("title"), card.get("body")) if part]),
            _brief_lines(briefs[0]) if briefs else (),
            round(us, 1),
            excused=self._excused,
        )

    async def switch(self, purpose: str, *, on: bool, role: str = "device") -> httpx.Response:
        """Open or close a purpose of the person's."""
        return await self.request(role, "PUT", f"/v1/people/{self.person}/purposes/{purpose}", {"on": on})

    async def request(self, role: str, method: str, path: str, body: object = UNSET) -> httpx.Response:
        """One request with the key of this role, in the language of the play."""
        headers, json = {"authorization": f"Bearer {self.key(role)}"}, None if body is UNSET else body
        try:
            return await self._client.request(method, path, headers=headers, params=self._query, json=json)
        except httpx.HTTPError as error:
            raise Unavailable(f"The server did not answer: {type(error).__name__}.", advice="Is it running?") from None

    async def _perform(self, story: Story, step: Step, number: int) -> tuple[dict[str, Any], httpx.Response | None]:
        if step.pass_s:
            await self._set_clock(self._now() + step.pass_s)
            return {"pass_s": step.pass_s}, None
        person = f"/v1/people/{self.person}"
        if step.switch:
            sent = {"switch": step.switch, "on": step.on}
            return sent, await self.switch(step.switch, on=step.on, role=step.by)
        if step.close:
            path = f"{person}/categories/{step.close}"
            return {"close": step.close}, await self.request(step.by, "PUT", path, {"on": False})
        if step.read:
            return {"read": step.read}, await self.request(step.by, "GET", f"{person}/{step.read}")
        if step.again and not self._last:
            raise NotAvailable
        if not step.again:
            self._last = {}
            moment = {key: await self._resolve(value) for key, value in step.moment.items()}
            self._last = {"id": f"{story.id}-{self._scenes}-{number}", **moment, **self._stamp()}
            if "place" in self._last:
                self._last["place"] = self._last["place"].replace("@here", self.place)
            if self._last["kind"] in ("entered", "checked_in"):
                self._inside[self.person] = self._last["place"]
        return self._last, await self.request(step.by, "POST", "/v1/moments", self._last)

    async def _resolve(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith("@") or value.startswith("@here"):
            return value
        if value == "@new card":
            return f"card of {self.person}"
        if value == "@card" and self._missed:
            raise NotAvailable  # another card than the story's is the person's own to answer
        if value in ("@reward", "@order"):
            wallet = (await self.request("device", "GET", f"/v1/people/{self.person}/wallet")).json()
            items = wallet["rewards"] if value == "@reward" else wallet["orders"]
            found = items[-1]["code" if value == "@reward" else "key"] if items else ""
        elif value in ("@card", "@brief"):
            role, path = ("device", "/glasses/screen") if value == "@card" else ("adviser", "/adviser/briefs")
            answer = await self.request(role, "GET", path)
            shown = answer.json() if answer.status_code == 200 and answer.content else {}
            found = (shown if isinstance(shown, dict) else (shown or [{}])[0]).get("decision", "")
        else:
            found = self._actor.resolve(value)
        if not found:
            raise NotAvailable
        return found

    async def _read_screens(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The card on the glasses and the briefs on the adviser's, reported as displayed, as those pages do."""
        answer = await self.request("device", "GET", "/glasses/screen")
        card: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        if card:
            await self.request("device", "POST", "/glasses/displayed", {"decision": card["decision"]})
        briefs: list[dict[str, Any]] = (await self.request("adviser", "GET", "/adviser/briefs")).json()
        return card, briefs

    async def _in_wallet(self, kind: str, state: str) -> str:
        """The state of the last order or reward; an order is on its way through a webhook, so it is waited for."""
        status = ""
        for _ in range(int(WALLET_TIMEOUT_S / 0.05)):
            wallet = (await self.request("device", "GET", f"/v1/people/{self.person}/wallet")).json()
            status = wallet[kind][-1]["status"] if wallet[kind] else "none"
            if status == state:
                break
            await asyncio.sleep(0.05)
        return status

    async def _go_to(self, story: Story) -> None:
        """Turn the clock to when the story takes place, sending what was bought on the way."""
        between: list[dict[str, Any]] = []
        at = self._now()
        if story.at == "visit":
            at, between = self._actor.next_visit(at, self.household_person)
            self.place = self._actor.place
        elif story.at == "morning":
            at = self._actor.next_morning(at)
        if at - self._now() > ANOTHER_VISIT_S and self._inside:
            # The visit is over: who went home has left the shop.
            left = {**self._stamp(), "kind": "left", "id": f"left-{self._scenes}"}
            moments = [left | {"customer": person, "place": place} for person, place in self._inside.items()]
            await self.request("brand", "POST", "/v1/moments", moments)
            self._inside = {}
        await self._set_clock(at)
        if between and self._known:
            await self._send_past(between)

    async def _send_past(self, moments: list[dict[str, Any]]) -> None:
        for start in range(0, len(moments), CHUNK):
            answer = await self.request("brand", "POST", "/v1/moments", moments[start : start + CHUNK])
            results = answer.json() if answer.status_code == 200 else [answer.json()]
            if lost := [one for one in results if not one.get("kept")]:
                raise Unavailable(
                    f"{len(lost)} past purchases were not kept: {lost[0].get('detail')}",
                    advice="Look at the strategy's purposes.",
                )

    async def _set_clock(self, at: float) -> None:
        if at > self._now():
            await self.request("brand", "PUT", "/v1/clock", {"at": at})

    def _stamp(self) -> dict[str, Any]:
        return {"customer": self.person, "occurred_at": instant(self._now())}


def _brief_lines(brief: dict[str, Any]) -> tuple[str, ...]:
    facts = [f"{fact['what']} ({fact['origin']})" for fact in brief.get("facts", [])]
    lines = (brief.get("who", ""), brief.get("advice", ""), *facts, brief.get("avoid", ""))
    return tuple([line for line in lines if line])


def _customer_decision(reply: dict[str, Any]) -> dict[str, Any]:
    return next((one for one in reply.get("decisions") or [] if one["audience"] == "customer"), {})


def answer_checks(expected: Expected, status: int, reply: dict[str, Any]) -> list[Check]:
    """What was expected of the answer, beside what it holds."""
    found: list[Check] = []

    def check(what: str, wanted: object, got: object) -> None:
        found.append(Check(what, str(wanted), str(got)))

    decision = _customer_decision(reply)
    result = decision.get("action") or f"silence: {decision.get('reason', 'nothing was woken')}"
    if expected.status:
        check("status", expected.status, status)
    if expected.card:
        check("card", expected.card, result)
    if expected.silence:
        check("card", f"silence: {expected.silence}", result)
    if expected.device:
        check("device", expected.device, decision.get("device", ""))
    if expected.effect:
        check("effect", expected.effect, ", ".join([effect["kind"] for effect in reply.get("effects") or []]) or "none")
    if expected.granted:
        check("granted", expected.granted, (reply.get("granted") or {}).get("reason", "nothing"))
    choices = {choice["purpose"]: choice["on"] for choice in reply.get("choices", [])}
    for wanted, purposes in ((True, expected.on), (False, expected.off)):
        for purpose in purposes:
            check(f"{purpose} is on", wanted, choices.get(purpose))
    return found


def excused_by(expected: Expected, reply: dict[str, Any]) -> str:
    """The reason for which the expected card is rightly not there; empty when it is there, or when it should be.

    >>> refused = [{"action": "thanks", "reason": "condition_false"}]
    >>> reply = {"decisions": [{"audience": "customer", "action": "other", "refused": refused}]}
    >>> excused_by(Expected(card="thanks", or_silence=("condition_false",)), reply)
    'condition_false'
    >>> excused_by(Expected(card="thanks", or_silence=("holdout",)), reply)
    ''
    """
    decision = _customer_decision(reply)
    if not expected.card or decision.get("action") == expected.card:
        return ""
    refused = [one["reason"] for one in decision.get("refused") or [] if one["action"] == expected.card]
    reasons = refused or [decision.get("reason", "")]
    return next((reason for reason in reasons if reason in expected.or_silence), "")


def screen_checks(expected: Expected, card: dict[str, Any], briefs: list[dict[str, Any]]) -> list[Check]:
    """What was expected on the two screens, beside what they show."""
    found: list[Check] = []
    brief = briefs[0] if briefs else {}

    def check(what: str, wanted: object, got: object) -> None:
        found.append(Check(what, str(wanted), str(got)))

    if expected.on_glasses:
        check("on her glasses", expected.on_glasses, "a card" if card else "nothing")
    if expected.on_adviser >= 0:
        check("briefs on the adviser's glasses", expected.on_adviser, len(briefs))
    if expected.brief:
        check("brief", expected.brief, brief.get("action", "none"))
    if expected.facts_at_most >= 0:
        wanted, facts = f"1 to {expected.facts_at_most}", len(brief.get("facts", []))
        check("facts", wanted, wanted if 1 <= facts <= expected.facts_at_most else facts)
    if expected.avoid is not None:
        check("what not to do", expected.avoid, bool(brief.get("avoid")))
    for word in expected.untold:
        check(f"`{word}` is told to the adviser", False, word.lower() in str(brief).lower())
    return found
