"""The glasses page: cards by server-sent events with resume, recall, and both ways back (``displayed``, ``answered``).

Any browser is a screen.

The stream says what is on the person's screen *now*: after a reload, a lost network or a restart of the server it
begins with that, so no card is shown after its time, twice, or after it was withdrawn. A device's key opens one
person's stream, and only for cards decided for that device.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from visavis.cards.compose import compose
from visavis.cards.text import speech
from visavis.delivery.screens import OnScreen, Screens
from visavis.devices.hosts.page import HOSTS, opened, policy
from visavis.devices.text_screen import lines
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.bodies import OwnAnswer, Seen, Settled, Token
from visavis.http.requests import HEARTBEAT_S, STREAM, json_body, key_of, with_cookie
from visavis.http.routes import Operation, page_route, route
from visavis.model.card import HudCard
from visavis.model.catalogue import Device
from visavis.model.errors import Invalid, Refused
from visavis.model.moment import Answered, Displayed
from visavis.runtime.writer import Writer
from visavis.strategy.read import Strategy

COOKIE: Final = "visavis-glasses"
PATH: Final = "/glasses"
_KEY: Final[dict[str, Any]] = {"roles": ("device",), "cookie": COOKIE}
ENTER: Final = Operation(
    "POST",
    f"{PATH}/enter",
    "Sign in on these glasses: the key goes into the page's cookie.",
    request=Token,
    status=204,
    errors=(401,),
)
SCREEN: Final = Operation(
    "GET",
    f"{PATH}/screen",
    "The card that is on the glasses now; 204 when there is none.",
    response=HudCard,
    other_responses={204: ""},
    **_KEY,
)
STREAM_OF_CARDS: Final = Operation(
    "GET", f"{PATH}/stream", "The same as a stream of events.", response="text/event-stream", **_KEY
)
DISPLAYED: Final = Operation(
    "POST",
    f"{PATH}/displayed",
    "Report that the card is on the screen.",
    request=Seen,
    status=204,
    errors=(503,),
    **_KEY,
)
ANSWER: Final = Operation(
    "POST", f"{PATH}/answer", "Answer the card.", request=OwnAnswer, response=Settled, errors=(503,), **_KEY
)
AGO_LIMIT_S: Final = 7 * 86_400.0
"""How long an answer that was given without a network may wait to be sent."""
WAIT_LIMIT_S: Final = 30.0
"""How long who asks for the screen may be kept waiting until something changes on it."""
BY: Final[dict[str, dict[str, str]]] = {
    "fr": {
        "home": "d’après votre frigo",
        "numbers": "pour vos yeux seuls",
        "purchases": "d’après vos achats",
        "sight": "d’après ce que vous regardez",
        "places": "parce que vous êtes là",
    },
    "en": {
        "home": "from your fridge",
        "numbers": "for your eyes only",
        "purchases": "from your purchases",
        "sight": "from what you look at",
        "places": "because you are here",
    },
}
"""The few words of why that a glance has room for, by the kind of data that says most.

The whole sentence is on the person's own page.
"""
ABOUT: Final = {"home": "home", "seen": "sight"}
"""What a card is about when it was woken by that very thing."""
HOME: Final = {"fr": "À la maison", "en": "At home"}


def routes(writer: Writer, access: AccessKeys, screens: Screens) -> list[Route]:
    """The page, its stream, and what it sends back."""
    strategy = writer.processor.strategy

    def device(request: Request) -> AccessKey:
        return key_of(request, access, "device", cookie=COOKIE)

    def language_of(request: Request, person: str) -> str:
        return strategy.language_for(writer.processor.customer(person), request.query_params.get("language", ""))

    async def page(request: Request) -> Response:
        host = request.query_params.get("host", "")
        language = strategy.language_for(None, request.query_params.get("language", ""))
        try:
            known = bool(device(request))
        except Refused:
            known = False
        html = opened(host if host in HOSTS else "", language, known=known)
        return HTMLResponse(html, headers=policy(html))

    async def enter(request: Request) -> Response:
        token = str((await json_body(request)).get("key", ""))
        if access.check(token).role != "device":
            raise Invalid("This is not a device's key.", advice="Make one: visavis key device PERSON.")
        return with_cookie(request, Response(status_code=204), COOKIE, token, PATH)

    async def screen(request: Request) -> Response:
        key, seen = device(request), request.headers.get("if-none-match", "")
        until = monotonic() + _seconds(request.query_params.get("wait_s", ""))
        with screens.watching(key.subject) as bell:
            while True:
                bell.clear()
                found = screens.card(key.subject, key.profile)
                tag = f'"{found.show.id if found is not None else ""}"'
                wait = min(until - monotonic(), HEARTBEAT_S if found is None else screens.lasts_s(found.show) + 0.05)
                if tag != seen or wait <= 0 or screens.closed:
                    break
                try:
                    async with asyncio.timeout(wait):
                        await bell.wait()
                except TimeoutError:
                    pass
                device(request)  # a key that was revoked meanwhile gets nothing
        headers = {"etag": tag, "cache-control": "no-store"}
        if tag == seen:
            return Response(status_code=304, headers=headers)
        if found is None:
            return Response(status_code=204, headers=headers)
        return Response(msgspec.json.encode(card(request, key, found)), media_type="application/json", headers=headers)

    def card(request: Request, key: AccessKey, found: OnScreen) -> HudCard:
        host = HOSTS.get(request.query_params.get("host", ""))
        text_on = strategy.devices.get(key.profile) if host is not None and host.walled else None
        return hud(strategy, screens, found, language_of(request, key.subject), text_on=text_on)

    async def stream(request: Request) -> Response:
        key = device(request)
        last = request.headers.get("last-event-id", "")
        return StreamingResponse(
            _events(screens, access, key, lambda found: card(request, key, found), last), headers=STREAM
        )

    async def displayed(request: Request) -> Response:
        key, body = device(request), await json_body(request)
        decision = str(body.get("decision", ""))
        own(key, decision)
        await writer.process(
            Displayed(id=f"seen-{decision}"[:128], customer=key.subject, occurred_at=when(body), decision=decision)
        )
        return Response(status_code=204)

    async def answer(request: Request) -> Response:
        key, body = device(request), await json_body(request)
        decision, said = str(body.get("decision", "")), str(body.get("answer", ""))
        if said not in ("yes", "no", "later", "wrong"):
            raise Invalid("The answer is yes, no, later or wrong.")
        own(key, decision)
        # One id a card: of two screens that answer, the first received wins, and the second gets the settled state.
        moment = Answered(
            id=f"answer-{decision}"[:128], customer=key.subject, occurred_at=when(body), decision=decision, answer=said
        )
        lived = await writer.process(moment)
        entry = lived.answer.entry
        settled = entry.moment.answer if entry is not None and isinstance(entry.moment, Answered) else ""
        return Response(msgspec.json.encode({"answer": settled}), media_type="application/json")

    def when(body: dict[str, Any]) -> datetime:
        """When it happened: ``ago_s`` before it could be sent.

        A yes given in time counts, however long the network was away.
        """
        ago_s = body.get("ago_s", 0.0)
        known = isinstance(ago_s, int | float) and not isinstance(ago_s, bool) and 0.0 <= ago_s <= AGO_LIMIT_S
        return writer.processor.clock.now() - timedelta(seconds=ago_s if known else 0.0)

    def own(key: AccessKey, decision: str) -> None:
        customer = writer.processor.customer(key.subject)
        card = next((card for card in customer.service.shown if card.decision == decision), None)
        action = strategy.actions.get(card.action) if card is not None else None
        if action is None or action.audience != "customer":
            raise Invalid("There is no such card on this person's screens.")

    return [
        page_route(PATH, page),
        route(ENTER, enter),
        route(SCREEN, screen),
        route(STREAM_OF_CARDS, stream),
        route(DISPLAYED, displayed),
        route(ANSWER, answer),
    ]


def hud(
    strategy: Strategy, screens: Screens, found: OnScreen, language: str, *, text_on: Device | None = None
) -> HudCard:
    """The card in the person's language, with the time that is left to it.

    With its lines and spoken words for the device ``text_on``.
    """
    show, spot = found.show, found.entry.moment.at
    card = compose(strategy, show, language, place=spot.place if spot is not None else "")
    place = strategy.places.get(spot.place) if spot is not None else None
    kicker = (
        place.name
        if place is not None
        else HOME[language]
        if strategy.actions[show.action].about == "home"
        else strategy.brand.name
    )
    return HudCard(
        show.id,
        kicker,
        card.title,
        card.body,
        BY[language].get(_first_read(found, strategy.actions[show.action].about), card.why),
        card.yes,
        card.no,
        round(screens.lasts_s(show), 2),
        strategy.actions[show.action].ttl_s,
        lines(card, text_on) if text_on is not None else [],
        speech(card) if text_on is not None else "",
    )


def _first_read(found: OnScreen, about: str) -> str:
    if about in ABOUT:
        return ABOUT[about]
    read = {category for use in found.entry.uses if use.purpose == found.show.purpose for category in use.categories}
    return next((category for category in BY["en"] if category in read), "")


async def _events(
    screens: Screens, access: AccessKeys, key: AccessKey, card: Callable[[OnScreen], HudCard], last: str
) -> AsyncIterator[bytes]:
    on_page = last
    yield b"retry: 1000\n\n"
    with screens.watching(key.subject) as bell:
        while not screens.closed and access.holds(key):
            bell.clear()
            found = screens.card(key.subject, key.profile)
            wait = HEARTBEAT_S
            if found is not None:
                wait = min(wait, screens.lasts_s(found.show) + 0.05)
                if found.show.id != on_page:
                    on_page = found.show.id
                    data = msgspec.json.encode(card(found))
                    yield f"event: card\nid: {on_page}\ndata: ".encode() + data + b"\n\n"
            elif on_page:
                on_page = ""
                yield b"event: recall\nid: \ndata: {}\n\n"
            try:
                async with asyncio.timeout(wait):
                    await bell.wait()
            except TimeoutError:
                yield b": still here\n\n"
    if not screens.closed:
        yield b"event: shut\ndata: {}\n\n"


def _seconds(text: str) -> float:
    """So many seconds, within the limit; none when it is no number."""
    return min(float(text), WAIT_LIMIT_S) if text.isascii() and text.isdecimal() else 0.0
