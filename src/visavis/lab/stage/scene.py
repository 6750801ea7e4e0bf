"""What is drawn on the stage now, part by part, and the hand that plays everything when it is asked to.

One for all who look.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from hashlib import blake2b
from secrets import token_urlsafe
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date

from visavis.cards.typography import typeset
from visavis.delivery.screens import EVERYBODY, Screens
from visavis.http.event_stream import HEARTBEAT_S, ServerEvent, watch
from visavis.lab.stage import population_panel as everybody
from visavis.lab.stage.onstage import Playing, StagePerson
from visavis.lab.stage.panels import known, switches
from visavis.lab.stage.thoughts import thought, why_adviser, why_customer
from visavis.model.consent import OPENS
from visavis.runtime.writer import Writer
from visavis.strategy.story import Check, Played
from visavis.web import pages

PARTS: Final = ("acts", "steps", "head", "her", "why_her", "why_his", "person", "known", "engine", "crowd")
SETTLE_S: Final = 0.08
"""How long a stream waits before it draws again: what happens together is drawn together."""
SCREENS: Final = ("customer", "adviser")


class Stage:
    """What is drawn, and the hand that plays everything when asked; one for all who look."""

    def __init__(self, writer: Writer, screens: Screens, playing: Playing, *, pace_s: float) -> None:
        self._writer = writer
        self._screens = screens
        self._pace_s = pace_s
        self._all: asyncio.Task[None] | None = None
        self._run = token_urlsafe(6)  # after a restart the screens enter anew
        self.playing = playing

    @property
    def running(self) -> bool:
        """Whether everything is being played."""
        return self._all is not None and not self._all.done()

    def pause(self) -> None:
        """Stop playing by itself."""
        if self._all is not None:
            self._all.cancel()
        self._all = None

    def play(self) -> None:
        """Play on by itself, from here to the end; again, and it pauses."""
        if self.running:
            self.pause()
        else:
            self._all = asyncio.get_running_loop().create_task(self._on())
        self.tell()

    async def _on(self) -> None:
        if self.playing.scene >= len(self.playing.stories):
            await self.playing.again()
            await asyncio.sleep(self._pace_s)
        while True:
            if not await self.playing.step():
                if self.playing.scene >= len(self.playing.stories):
                    break
                await self.playing.go(self.playing.scene + 1)
            await asyncio.sleep(self._pace_s)
        self.tell()

    def tell(self) -> None:
        """Wake everyone who looks."""
        for event in self.playing.changed:
            event.set()

    def person(self, language: str) -> StagePerson:
        """The person of the scene, and what happened in it."""
        playing, loop = self.playing, self._writer.loop
        begun = next((str(played.sent["occurred_at"]) for played in playing.played if "occurred_at" in played.sent), "")
        since = datetime.fromisoformat(begun).timestamp() if begun else 0.0
        recent = [
            one
            for one in reversed(self._screens.recent)
            if begun and one.entry.customer == playing.person and one.entry.moment.occurred_at.timestamp() >= since
        ]
        card = self._screens.card(playing.person)
        shown = frozenset(
            [one.show.id for one in ([card] if card is not None else []) + self._screens.briefs(playing.place)]
        )
        story = playing.stories[playing.scene] if playing.scene < len(playing.stories) else None
        name = pages.WORDS[language].stage.stranger if story is not None and story.stranger else playing.household
        return StagePerson(
            loop.strategy,
            loop.customer(playing.person),
            name,
            loop.clock.now().timestamp(),
            since,
            tuple(recent),
            shown,
            story,
            language,
        )

    def parts(self, language: str) -> dict[str, str]:
        """Every part of the page as it is now."""
        playing = self.playing
        person = self.person(language)
        crowded = playing.scene >= len(playing.stories)
        values = {
            "playing": playing,
            "running": self.running,
            "crowded": crowded,
            "titles": self._titles(language),
            "promise": self._promise(person),
        }
        drawn = {"acts": values, "steps": values, "head": values | self._head(person)}
        if crowded:
            drawn["crowd"] = self._everybody(person)
        else:
            door = self._door(person)
            card = self._screens.card(playing.person)
            drawn |= {
                "her": values | {"card": card, "stranger": person.story is not None and person.story.stranger},
                "why_her": {"why": why_customer(person, self._screens, door)},
                "why_his": {"why": why_adviser(person, self._screens, playing.place)},
                "person": {"person": person, "switches": switches(person)},
                "known": {"person": person, "known": known(person)},
                "engine": {"person": person, "thought": thought(person, door)},
            }
        return {name: pages.rendered(f"stage/{name}.html", language, **given) for name, given in drawn.items()}

    def frames(self, language: str) -> dict[str, Any]:
        """Where the two screens are entered; another address when they are another person's or place's."""
        playing = self.playing
        crowded = playing.scene >= len(playing.stories)
        whose = {"customer": playing.person, "adviser": playing.place}
        return {
            "crowded": crowded,
            **{
                screen: (
                    f"/stage/screen/{screen}?"
                    + "&".join([f"language={language}", f"run={self._run}", f"of={_slug(whose[screen])}"])
                )
                for screen in SCREENS
            },
        }

    def stream(self, language: str) -> AsyncIterator[bytes]:
        """The parts, each sent again when it has changed."""
        sent: dict[str, str] = {}

        async def look(_: str) -> tuple[Sequence[ServerEvent], float]:
            nonlocal sent
            before = sent
            sent = {"frames": msgspec.json.encode(self.frames(language)).decode(), **self.parts(language)}
            events = [ServerEvent(name, text) for name, text in sent.items() if before.get(name) != text]
            crowded = self.playing.scene >= len(self.playing.stories)
            card = None if crowded else self._screens.card(self.playing.person)
            return events, self._screens.ends_in_s(card.show) if card is not None else HEARTBEAT_S

        return watch(self._screens, EVERYBODY, look, settle_s=SETTLE_S, bells=self.playing.changed)

    def _everybody(self, person: StagePerson) -> dict[str, Any]:
        """Everybody's year, as far as it is lived."""
        crowd = self.playing.crowd()
        if crowd is None:
            return {"figures": []}
        return {
            "figures": everybody.figures(crowd, person),
            "feed": everybody.feed(crowd, person),
            "brought": everybody.brought(crowd, person),
            "truth": everybody.truth(person),
            "day": everybody.day(crowd, person),
            "done": crowd.done,
            "console": crowd.console,
        }

    def _titles(self, language: str) -> list[str]:
        return [
            *[typeset(_in(story.title, language), language) for story in self.playing.stories],
            pages.WORDS[language].stage.everybody,
        ]

    def _promise(self, person: StagePerson) -> str:
        if person.story is None:
            return person.say("everybody_promise")
        return typeset(_in(person.story.promise, person.language), person.language)

    def _head(self, person: StagePerson) -> dict[str, Any]:
        """Where and when, and the step as it was expected and as it came."""
        playing, strategy = self.playing, person.strategy
        place = strategy.places.get(playing.place)
        at = datetime.fromtimestamp(
            person.recent[0].entry.moment.occurred_at.timestamp() if person.recent else person.now,
            ZoneInfo(place.zone if place is not None else strategy.brand.zone),
        )
        when = (
            f"{format_date(at, 'EEEE', locale=person.language)}"
            f" {pages.clock(at.hour + at.minute / 60, person.language)}"
        )
        at_home = person.story is not None and person.story.at == "morning"
        spot = person.word("where_home") if at_home else place.name if place is not None else ""
        where = " · ".join([part for part in ("" if at_home else strategy.brand.name, spot, when) if part])
        if not playing.played or person.story is None:
            return {
                "where": "" if person.story is None else where,
                "say": "",
                "granted": "",
                "checks": [],
                "differs": [],
            }
        last = playing.played[-1]
        step = person.story.steps[last.number]
        said = _in(step.say, person.language) if step.say else person.say("kinds", str(last.sent.get("kind", "")))
        granted = last.reply.get("granted") or {}
        return {
            "where": where,
            "say": typeset(said, person.language),
            "granted": person.say("granted", str(granted.get("reason", ""))),
            "checks": last.checks,
            "differs": _differences(person, last),
        }

    def _door(self, person: StagePerson) -> Played | None:
        """The last step, when the door refused its moment and nothing has come in since."""
        last = self.playing.played[-1] if self.playing.played else None
        if last is None or last.status != 403 or "kind" not in last.sent:
            return None
        came = person.recent[0].entry.moment.occurred_at if person.recent else None
        return last if came is None or came <= datetime.fromisoformat(str(last.sent["occurred_at"])) else None


def _differences(person: StagePerson, last: Played) -> list[str]:
    """How this step differs from what its story expects.

    When the person has closed what the story relies on, that alone.
    """
    found = (
        [person.say("skipped")]
        if last.skipped
        else [_differs(person, check) for check in last.checks if not check.holds]
    )
    chosen = person.customer.consents
    closed = [
        purpose
        for purpose in (person.story.given if person.story is not None else ())
        if purpose in chosen and chosen[purpose].status not in OPENS
    ]
    if found and closed:
        return [person.say("chose", purpose=person.quoted(closed[0]))]
    if not found and last.excused:
        return [person.say("rightly", reason=person.word("reasons", last.excused, "short"))]
    return found[:1] + ([f"+{len(found) - 1}"] if len(found) > 1 else [])


def _differs(person: StagePerson, check: Check) -> str:
    """What was expected and what happened instead, in words where there are some."""
    found = [person.word("found", one) or person.word("actions", one) or one for one in (check.expected, check.found)]
    return person.say(
        "differs", what=person.word("checks", check.what) or check.what, expected=found[0], found=found[1]
    )


def _in(words: Any, language: str) -> str:
    """These words in this language, else in the other one."""
    return str(words.get(language) or next(iter(words.values()), ""))


def _slug(name: str) -> str:
    """A name that tells two people apart in an address, and says nothing of them."""
    return blake2b(name.encode(), digest_size=6).hexdigest()
