"""The adviser's page: the briefs of one place, on glasses or a tablet, while their persons are there and agree.

The stream sends the whole state of the place's screens: one brief, and the names of the others. Each read of a brief is
logged before it is sent; its first answer takes it off every screen of the place.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.cards.brief import brief
from visavis.delivery.answers import Answers
from visavis.delivery.screens import OnScreen, Screens
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.bodies import AdvisersAnswer, Settled, ShownBrief, Token, json_response, read_body
from visavis.http.event_stream import HEARTBEAT_S, ServerEvent, streamed, watch
from visavis.http.requests import key_of
from visavis.http.routes import Operation, page_route, route
from visavis.http.sign_in import sign_in
from visavis.model.card import Brief
from visavis.model.entry import Entry
from visavis.model.errors import Invalid, Refused
from visavis.model.ids import version_of
from visavis.runtime.writer import Writer
from visavis.strategy.read import Strategy
from visavis.web import pages

COOKIE: Final = "visavis-adviser"
PATH: Final = "/adviser"
_KEY: Final[dict[str, Any]] = {"roles": ("adviser",), "cookie": COOKIE}
ENTER: Final = Operation(
    "POST", f"{PATH}/enter", "Sign in to this place's screen.", request=Token, status=204, errors=(401, 403)
)
BRIEFS: Final = Operation(
    "GET", f"{PATH}/briefs", "The briefs of this place now.", response=list[ShownBrief], query=("language",), **_KEY
)
STREAM_OF_BRIEFS: Final = Operation(
    "GET",
    f"{PATH}/stream",
    "The same as a stream of events.",
    response="text/event-stream",
    query=("language", "pick"),
    **_KEY,
)
ANSWER: Final = Operation(
    "POST", f"{PATH}/answer", "Answer the brief.", request=AdvisersAnswer, response=Settled, errors=(503,), **_KEY
)
LAYOUTS: Final = ("glasses", "tablet")


def routes(writer: Writer, access: AccessKeys, screens: Screens) -> list[Route]:
    """The page, its stream, its briefs as JSON, and what it sends back."""
    return Adviser(writer, access, screens).routes()


class Adviser:
    """The page of all places, each with the keys of its advisers."""

    def __init__(self, writer: Writer, access: AccessKeys, screens: Screens) -> None:
        self._strategy = writer.processor.strategy
        self._access = access
        self._screens = screens
        self._answers = Answers(writer)

    def routes(self) -> list[Route]:
        """The page, its stream, its briefs as JSON, and what it sends back."""
        return [
            page_route(PATH, self._page),
            route(ENTER, self._enter),
            route(BRIEFS, self._briefs),
            route(STREAM_OF_BRIEFS, self._stream),
            route(ANSWER, self._answer),
        ]

    def _key(self, request: Request) -> AccessKey:
        return key_of(request, self._access, "adviser", cookie=COOKIE)

    def _language(self, request: Request) -> str:
        return pages.language_of(request, self._strategy)

    async def _page(self, request: Request) -> Response:
        layout = request.query_params.get("as", "")
        values: dict[str, Any] = {"place": None, "layout": ""}
        try:
            place = self._strategy.places.get(self._key(request).subject)
            name = place.name if place is not None else self._strategy.brand.name
            values = {"place": name, "layout": layout if layout in LAYOUTS else ""}
        except Refused:
            pass
        return pages.page("adviser.html", self._language(request), framed=True, path=PATH, **values)

    async def _enter(self, request: Request) -> Response:
        return await sign_in(request, self._access, "adviser", COOKIE, PATH, error=Refused)

    async def _read(self, key: AccessKey, already: set[str]) -> None:
        """Log that this key reads every brief of its place; when it returns, none was left out."""
        while new := [one for one in self._screens.briefs(key.subject) if one.show.id not in already]:
            for one in new:
                person, decision = one.entry.customer, one.show.id
                seen = self._answers.displayed(person, decision, audience="adviser", reader=key.id)
                await self._answers.enter(seen, key.origin("adviser"))
                already.add(decision)

    async def _briefs(self, request: Request) -> Response:
        key, language = self._key(request), self._language(request)
        await self._read(key, set())
        briefs = [(one, _brief(self._strategy, one, language)) for one in self._screens.briefs(key.subject)]
        return json_response([asdict(found) | {"lasts_s": self._screens.lasts_s(one.show)} for one, found in briefs])

    async def _stream(self, request: Request) -> Response:
        key, language, picked = self._key(request), self._language(request), request.query_params.get("pick", "")
        already = set[str]()

        async def look(last: str) -> tuple[Sequence[ServerEvent], float]:
            await self._read(key, already)  # when it cannot be logged, nothing is shown yet
            name, values = state(self._strategy, self._screens, key.subject, language, picked)
            ends = [self._screens.ends_in_s(one.show) for one in self._screens.briefs(key.subject)]
            text = pages.rendered("_brief.html", language, **values) if name != last else ""
            return [ServerEvent("screen", text, name)] if name != last else [], min([HEARTBEAT_S, *ends])

        place, last_id = f"place:{key.subject}", request.headers.get("last-event-id", "")
        return streamed(watch(self._screens, place, look, holds=lambda: self._access.holds(key), last_id=last_id))

    async def _answer(self, request: Request) -> Response:
        key, body = self._key(request), await read_body(request, AdvisersAnswer)
        found = self._brief_here(key, body.decision)
        needs = [fact.subject for fact in found.show.facts if fact.kind == "need"]
        if body.about and (body.answer != "wrong" or body.about not in needs):
            advice = "Send the `about` of one of its facts."
            raise Invalid("`about` names no fact of this brief that can be wrong.", advice=advice)
        person, about = found.entry.customer, body.about
        moment = self._answers.answered(person, body.decision, body.answer, audience="adviser", about=about)
        return json_response(Settled(await self._answers.enter(moment, key.origin("adviser"))))

    def _brief_here(self, key: AccessKey, decision: str) -> OnScreen:
        for name in self._screens.checked_in(key.subject):
            found = self._screens.brief_of(name)
            if found is not None and found.show.id == decision and self._screens.open_to(name, found.show.purpose):
                return found
        raise Refused("There is no such brief at this place.")


def state(strategy: Strategy, screens: Screens, place: str, language: str, picked: str) -> tuple[str, dict[str, Any]]:
    """What is on this place's screens now, for its template, with a version that changes when it does."""
    found = screens.briefs(place)
    at = next((i for i, one in enumerate(found) if one.show.id == picked), 0)
    others = [(one.show.id, _brief(strategy, one, language).who) for one in (*found[at + 1 :], *found[:at])]
    greeting, nobody = not found and screens.greeting(place), not screens.checked_in(place)
    parts = (*[one.show.id for one in found], str(at), str(greeting), str(nobody))
    name = version_of(*[part.encode() for part in parts])
    values: dict[str, Any] = {"brief": None, "others": others, "greeting": greeting, "nobody": nobody}
    if found:
        top = found[at]
        values |= {
            "brief": _brief(strategy, top, language),
            "lasts_s": round(screens.lasts_s(top.show), 2),
            "at": _when(top.entry, language),
            "named": any(fact.kind == "name" and fact.subject for fact in top.show.facts),
        }
    return name, values


def _brief(strategy: Strategy, found: OnScreen, language: str) -> Brief:
    spot = found.entry.moment.at
    return brief(strategy, found.show, language, today=spot.local_day if spot is not None else 0)


def _when(entry: Entry, language: str) -> str:
    spot = entry.moment.at
    return pages.wall_clock(spot.local_day, spot.local_hour, language) if spot is not None else ""
