"""What the stage shows now, part by part, and the automatic play. One for all browsers that watch."""

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
from visavis.delivery.screens import EVERYBODY, OnScreen, Screens
from visavis.http.event_stream import HEARTBEAT_S, ServerEvent, watch
from visavis.lab.stage.decision_panel import decision_panel, why_adviser, why_customer
from visavis.lab.stage.pages import TEMPLATES, WORDS
from visavis.lab.stage.person_panels import known, switches
from visavis.lab.stage.population_panel import population_values
from visavis.lab.stage.stage_person import StagePerson
from visavis.lab.stories.session import StorySession
from visavis.model.consent import OPENS
from visavis.runtime.writer import Writer
from visavis.strategy.story import Check, PlayedStep, Words, text_in
from visavis.web import pages

SETTLE_S: Final = 0.08
"""How long a stream waits before it renders again: what happens together is rendered together."""


class StageView:
    """Renders the session for the page and its stream; played by itself, a step stays ``pace_s`` seconds."""

    def __init__(self, writer: Writer, screens: Screens, session: StorySession, *, pace_s: float) -> None:
        self._writer = writer
        self._screens = screens
        self._pace_s = pace_s
        self._autoplay: asyncio.Task[None] | None = None
        self._run = token_urlsafe(6)  # after a restart the frames are entered again
        self._session = session

    @property
    def playing(self) -> bool:
        """Whether everything is being played by itself."""
        return self._autoplay is not None and not self._autoplay.done()

    def pause(self) -> None:
        """Stop playing by itself."""
        if self._autoplay is not None:
            self._autoplay.cancel()
        self._autoplay = None

    def toggle_play(self) -> None:
        """Play by itself from here to the end; again, and it pauses."""
        if self.playing:
            self.pause()
        else:
            self._autoplay = asyncio.get_running_loop().create_task(self._play())
        self._session.notify()

    async def _play(self) -> None:
        session = self._session
        if session.story is None:
            await session.restart()
            await asyncio.sleep(self._pace_s)
        while True:
            if not await session.step():
                if session.story is None:
                    break
                await session.go(session.scene + 1)
            await asyncio.sleep(self._pace_s)
        session.notify()

    def person(self, language: str) -> StagePerson:
        """The person of the scene, and what happened in it."""
        session, loop = self._session, self._writer.processor
        begun = next((str(step.sent["occurred_at"]) for step in session.played if "occurred_at" in step.sent), "")
        since = datetime.fromisoformat(begun).timestamp() if begun else 0.0
        recent = [
            one
            for one in reversed(self._screens.recent)
            if begun and one.entry.customer == session.person and one.entry.moment.occurred_at.timestamp() >= since
        ]
        card, story = self._card(), session.story
        shown = [one.show.id for one in ([card] if card is not None else []) + self._screens.briefs(session.place)]
        name = WORDS[language].stage.stranger if story is not None and story.stranger else session.household
        customer, now = loop.customer(session.person), loop.clock.now().timestamp()
        return StagePerson(loop.strategy, customer, name, now, since, tuple(recent), frozenset(shown), story, language)

    def parts(self, language: str) -> dict[str, str]:
        """Every part of the page as it is now."""
        session, person = self._session, self.person(language)
        stories = [story.title for story in session.stories]
        titles = [*[_typeset(title, language) for title in stories], WORDS[language].stage.population]
        values = {"session": session, "playing": self.playing, "titles": titles}
        parts = {"controls": values, "scenes": values, "header": values | self._header(person)}
        if person.story is None:
            parts["population"] = population_values(session.population, person)
        else:
            refused = self._refused_step(person)
            parts |= {
                "customer_label": values | {"card": self._card(), "stranger": person.story.stranger},
                "customer_why": {"why": why_customer(person, self._screens, refused)},
                "adviser_why": {"why": why_adviser(person, self._screens, session.place)},
                "choices": {"person": person, "switches": switches(person)},
                "known": {"person": person, "known": known(person)},
                "engine": {"person": person, "panel": decision_panel(person, refused)},
            }
        return {name: TEMPLATES.rendered(f"{name}.html", language, **given) for name, given in parts.items()}

    def frames(self, language: str) -> dict[str, Any]:
        """Where the two screens are entered; another address when they are another person's or place's."""
        subjects = {"customer": self._session.person, "adviser": self._session.place}
        addresses = {
            screen: f"/stage/screen/{screen}?language={language}&run={self._run}&of={_pseudonym(subject)}"
            for screen, subject in subjects.items()
        }
        return {"population": self._session.story is None, **addresses}

    def stream(self, language: str) -> AsyncIterator[bytes]:
        """The parts, each sent again when it has changed."""
        sent: dict[str, str] = {}

        async def look(_: str) -> tuple[Sequence[ServerEvent], float]:
            nonlocal sent
            before, card = sent, self._card()
            sent = {"frames": msgspec.json.encode(self.frames(language)).decode(), **self.parts(language)}
            events = [ServerEvent(name, text) for name, text in sent.items() if before.get(name) != text]
            return events, self._screens.ends_in_s(card.show) if card is not None else HEARTBEAT_S

        return watch(self._screens, EVERYBODY, look, settle_s=SETTLE_S, bells=self._session.changed)

    def _card(self) -> OnScreen | None:
        return self._screens.card(self._session.person) if self._session.story is not None else None

    def _header(self, person: StagePerson) -> dict[str, Any]:
        """Where and when; the step, and how it came out."""
        story, language, strategy = person.story, person.language, person.strategy
        if story is None:
            return {"promise": person.say("population_promise"), "where": ""}
        place = strategy.places.get(self._session.place)
        at = datetime.fromtimestamp(
            person.recent[0].entry.moment.occurred_at.timestamp() if person.recent else person.now,
            ZoneInfo(place.zone if place is not None else strategy.brand.zone),
        )
        time = pages.clock(at.hour + at.minute / 60, language)
        shop = [strategy.brand.name, place.name if place is not None else ""]
        where = [person.word("where_home")] if story.at == "morning" else shop
        where.append(f"{format_date(at, 'EEEE', locale=language)} {time}")
        header = {"promise": _typeset(story.promise, language), "where": " · ".join([part for part in where if part])}
        if not self._session.played:
            return header | {"say": "", "granted": "", "checks": [], "differs": []}
        last = self._session.played[-1]
        step = story.steps[last.number]
        kind = person.say("kinds", str(last.sent.get("kind", "")))
        return header | {
            "say": _typeset(step.say, language) if step.say else typeset(kind, language),
            "granted": person.say("granted", str((last.reply.get("granted") or {}).get("reason", ""))),
            "checks": last.checks,
            "differs": _differences(person, last),
        }

    def _refused_step(self, person: StagePerson) -> PlayedStep | None:
        """The last step, when its moment was refused and nothing has come in since."""
        last = self._session.played[-1] if self._session.played else None
        if last is None or last.status != 403 or "kind" not in last.sent:
            return None
        came = person.recent[0].entry.moment.occurred_at if person.recent else None
        return last if came is None or came <= datetime.fromisoformat(str(last.sent["occurred_at"])) else None


def _differences(person: StagePerson, last: PlayedStep) -> list[str]:
    """How this step differs from what its story expects; only the closed choices where it relies on them."""
    found = [_difference(person, check) for check in last.checks if not check.holds]
    found = [person.say("skipped")] if last.skipped else found
    chosen = person.customer.consents
    given = person.story.given if person.story is not None else ()
    closed = [purpose for purpose in given if purpose in chosen and chosen[purpose].status not in OPENS]
    if found and closed:
        return [person.say("chose", purpose=person.quoted(closed[0]))]
    if not found and last.excused:
        return [person.say("rightly", reason=person.word("reasons", last.excused, "short"))]
    return found[:1] + ([f"+{len(found) - 1}"] if len(found) > 1 else [])


def _difference(person: StagePerson, check: Check) -> str:
    """What was expected and what happened instead, in words where there are some."""
    expected, found = [
        person.word("found", value) or person.word("actions", value) or value for value in (check.expected, check.found)
    ]
    what = person.word("checks", check.what) or check.what
    return person.say("differs", what=what, expected=expected, found=found)


def _typeset(words: Words, language: str) -> str:
    return typeset(text_in(words, language), language)


def _pseudonym(name: str) -> str:
    """A name that tells two people apart in an address, and says nothing of them."""
    return blake2b(name.encode(), digest_size=6).hexdigest()
