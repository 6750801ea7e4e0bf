"""The adviser's page.

The briefs of one place, on glasses or a tablet, for as long as their persons are there and agree.

The stream says what is on this place's screens *now*, as a whole: a new connection begins with it, and what must leave
is simply not in the next state. One brief is on the screen; the others are names to pick, and nothing else of them is
sent. Each is a reading by the key that it goes to, and is written down as a use before anything of it is sent; its
first answer takes it off every screen of the place.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import msgspec
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from visavis.cards.brief import brief
from visavis.delivery.screens import OnScreen, Screens
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.bodies import AdvisersAnswer, Settled, ShownBrief, Token
from visavis.http.requests import HEARTBEAT_S, STREAM, json_body, key_of, with_cookie
from visavis.http.routes import Operation, page_route, route
from visavis.model.card import Brief
from visavis.model.entry import Entry
from visavis.model.errors import Invalid, Refused, VisavisError
from visavis.model.ids import version_of
from visavis.model.moment import Answered, Displayed
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
HEALTH_TIMEOUT_S: Final = 1.0


def routes(writer: Writer, access: AccessKeys, screens: Screens) -> list[Route]:
    """The page, its stream, its briefs as JSON, and what it sends back."""
    strategy = writer.processor.strategy

    def adviser(request: Request) -> AccessKey:
        return key_of(request, access, "adviser", cookie=COOKIE)

    async def page(request: Request) -> Response:
        language = pages.language_of(request, strategy)
        try:
            place = strategy.places.get(adviser(request).subject)
        except Refused:
            return pages.page("adviser.html", language, framed=True, path=PATH, place=None, layout="")
        layout = request.query_params.get("as", "")
        return pages.page(
            "adviser.html",
            language,
            framed=True,
            path=PATH,
            place=place.name if place is not None else strategy.brand.name,
            layout=layout if layout in LAYOUTS else "",
        )

    async def enter(request: Request) -> Response:
        token = str((await json_body(request)).get("key", ""))
        if access.check(token).role != "adviser":
            raise Refused("This is not an adviser's key.", advice="Make one: visavis key adviser PLACE.")
        return with_cookie(request, Response(status_code=204), COOKIE, token, PATH)

    async def read(key: AccessKey, already: set[str]) -> None:
        """Write down that this key reads every brief of its place; when it returns, there is none that was not."""
        while new := [one for one in screens.briefs(key.subject) if one.show.id not in already]:
            for one in new:
                decision, now = one.show.id, writer.processor.clock.now()
                await writer.process(
                    Displayed(
                        id=f"seen-{decision}-{key.id}"[:128],
                        customer=one.entry.customer,
                        occurred_at=now,
                        decision=decision,
                    )
                )
                already.add(decision)

    async def briefs(request: Request) -> Response:
        key, language = adviser(request), pages.language_of(request, strategy)
        await read(key, set())
        found = [
            asdict(_said(strategy, one, language)) | {"lasts_s": screens.lasts_s(one.show)}
            for one in screens.briefs(key.subject)
        ]
        return Response(
            msgspec.json.encode(found), media_type="application/json", headers={"cache-control": "no-store"}
        )

    async def stream(request: Request) -> Response:
        key, language = adviser(request), pages.language_of(request, strategy)

        picked, last = request.query_params.get("pick", ""), request.headers.get("last-event-id", "")
        return StreamingResponse(_events(strategy, screens, read, language, picked, last, access, key), headers=STREAM)

    async def answer(request: Request) -> Response:
        key, body = adviser(request), await json_body(request)
        decision, said, about = str(body.get("decision", "")), str(body.get("answer", "")), str(body.get("about", ""))
        if said not in ("done", "later", "wrong"):
            raise Invalid("The answer is done, later or wrong.")
        found = here(key, decision)
        if about and (
            said != "wrong" or about not in [fact.subject for fact in found.show.facts if fact.kind == "need"]
        ):
            raise Invalid(
                "`about` names no fact of this brief that can be wrong.", advice="Send the `about` of one of its facts."
            )
        # One id a brief: of two advisers who answer, the first received wins, and the second hears what was settled.
        moment = Answered(
            id=f"answer-{decision}"[:128],
            customer=found.entry.customer,
            occurred_at=writer.processor.clock.now(),
            decision=decision,
            answer=said,
            about=about,
        )
        entry = (await writer.process(moment)).answer.entry
        settled = entry.moment.answer if entry is not None and isinstance(entry.moment, Answered) else ""
        return Response(msgspec.json.encode({"answer": settled}), media_type="application/json")

    def here(key: AccessKey, decision: str) -> OnScreen:
        """The brief of this decision, of someone who is still looked after at this place and still lets advisers know."""
        for name in screens.checked_in(key.subject):
            found = screens.brief_of(name)
            if found is not None and found.show.id == decision and screens.open_to(name, found.show.purpose):
                return found
        raise Refused("There is no such brief at this place.")

    return [
        page_route(PATH, page),
        route(ENTER, enter),
        route(BRIEFS, briefs),
        route(STREAM_OF_BRIEFS, stream),
        route(ANSWER, answer),
    ]


def state(strategy: Strategy, screens: Screens, place: str, language: str, picked: str) -> tuple[str, dict[str, Any]]:
    """What is on this place's screens now, for its template, under a name that changes when it does."""
    found = screens.briefs(place)
    at = next((i for i, one in enumerate(found) if one.show.id == picked), 0)
    others = [(one.show.id, _said(strategy, one, language).who) for one in (*found[at + 1 :], *found[:at])]
    greeting, nobody = not found and screens.greeting(place), not screens.checked_in(place)
    name = version_of(
        *[part.encode() for part in (*[one.show.id for one in found], str(at), str(greeting), str(nobody))]
    )
    values: dict[str, Any] = {"brief": None, "others": others, "greeting": greeting, "nobody": nobody}
    if found:
        top = found[at]
        values |= {
            "brief": _said(strategy, top, language),
            "lasts_s": round(screens.lasts_s(top.show), 2),
            "at": _when(top.entry, language),
            "named": any(fact.kind == "name" and fact.subject for fact in top.show.facts),
        }
    return name, values


async def _events(
    strategy: Strategy,
    screens: Screens,
    read: Callable[[AccessKey, set[str]], Awaitable[None]],
    language: str,
    picked: str,
    last: str,
    access: AccessKeys,
    key: AccessKey,
) -> AsyncIterator[bytes]:
    on_page, place, already = last, key.subject, set[str]()
    yield b"retry: 1000\n\n"
    with screens.watching(f"place:{place}") as bell:
        while not screens.closed and access.holds(key):
            bell.clear()
            try:
                await read(key, already)
            except VisavisError:  # it could not be written down, so it is not shown yet
                await asyncio.sleep(HEALTH_TIMEOUT_S)
                continue
            name, values = state(strategy, screens, place, language, picked)
            if name != on_page:
                on_page = name
                yield pages.event(pages.rendered("_brief.html", language, **values), name="screen", number=name)
            soon = [screens.lasts_s(one.show) + 0.05 for one in screens.briefs(place)]
            try:
                async with asyncio.timeout(min([HEARTBEAT_S, *soon])):
                    await bell.wait()
            except TimeoutError:
                # An event, not a comment: a page that hears nothing for too long takes its brief off by itself.
                yield pages.event(".", name="beat")
    if not screens.closed:
        yield pages.event(".", name="shut")


def _said(strategy: Strategy, found: OnScreen, language: str) -> Brief:
    spot = found.entry.moment.at
    return brief(strategy, found.show, language, today=spot.local_day if spot is not None else 0)


def _when(entry: Entry, language: str) -> str:
    """When the person announced themselves, by the clock on the wall there."""
    spot = entry.moment.at
    if spot is None:
        return ""
    return pages.wall_clock(spot.local_day, spot.local_hour, language)
