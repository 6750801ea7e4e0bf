"""The glasses page: cards by server-sent events with resume, recall, and both ways back (``displayed``, ``answered``). Any browser is a screen.

The stream says what is on the person's screen *now*: after a reload, a lost network or a restart of the server it begins with that, so no card is shown
after its time, twice, or after it was withdrawn. A device's key opens one person's stream, and only for cards decided for that device.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from visavis.cards.compose import compose
from visavis.model.card import HudCard
from visavis.model.errors import Invalid, Refused
from visavis.model.moment import Answered, Displayed
from visavis.runtime.access import Access, Key
from visavis.runtime.entrance import BEAT_S, STREAM, admitted, guarded, key_of, told
from visavis.runtime.screens import OnScreen, Screens
from visavis.runtime.writer import Writer
from visavis.strategy.read import Strategy

COOKIE: Final = "visavis-glasses"
PATH: Final = "/glasses"
PAGE: Final = (Path(__file__).parent / "glasses.html").read_text(encoding="utf-8")
OFFLINE: Final = {"fr": "hors ligne", "en": "offline"}
HINT: Final = {"fr": "Ouvrez le lien de ces lunettes.", "en": "Open the link of these glasses."}
AGO_LIMIT_S: Final = 7 * 86_400.0
"""How long an answer that was given without a network may wait to be sent."""
HOME: Final = {"fr": "À la maison", "en": "At home"}


def routes(writer: Writer, access: Access, screens: Screens) -> list[Route]:
    """The page, its stream, and what it sends back."""
    strategy = writer.loop.strategy

    def device(request: Request) -> Key:
        return key_of(request, access, "device", cookie=COOKIE)

    def language_of(request: Request, person: str) -> str:
        asked = request.query_params.get("language", "") or writer.loop.customer(person).language
        return asked if asked in strategy.brand.languages else strategy.brand.languages[0]

    async def page(request: Request) -> Response:
        language = request.query_params.get("language", "")
        language = language if language in OFFLINE else strategy.brand.languages[0]
        try:
            known = bool(device(request))
        except Refused:
            known = False
        html = PAGE
        for name, words in (("lang", language), ("offline", OFFLINE[language]), ("in", "1" if known else ""), ("hint", "" if known else HINT[language])):
            html = html.replace("{{" + name + "}}", words)
        return HTMLResponse(html, headers=_headers(html))

    async def enter(request: Request) -> Response:
        token = str((await told(request)).get("key", ""))
        if access.check(token).role != "device":
            raise Invalid("This is not a device's key.", advice="Make one: visavis key device PERSON.")
        return admitted(Response(status_code=204), COOKIE, token, PATH)

    async def screen(request: Request) -> Response:
        key = device(request)
        found = screens.card(key.subject, key.profile)
        if found is None:
            return Response(status_code=204)
        return Response(msgspec.json.encode(hud(strategy, screens, found, language_of(request, key.subject))), media_type="application/json")

    async def stream(request: Request) -> Response:
        key = device(request)
        last = request.headers.get("last-event-id", "")
        return StreamingResponse(_events(strategy, screens, access, key, language_of(request, key.subject), last), headers=STREAM)

    async def displayed(request: Request) -> Response:
        key, body = device(request), await told(request)
        decision = str(body.get("decision", ""))
        own(key, decision)
        await writer.live(Displayed(id=f"seen-{decision}"[:128], customer=key.subject, occurred_at=when(body), decision=decision))
        return Response(status_code=204)

    async def answer(request: Request) -> Response:
        key, body = device(request), await told(request)
        decision, said = str(body.get("decision", "")), str(body.get("answer", ""))
        if said not in ("yes", "no", "later", "wrong"):
            raise Invalid("The answer is yes, no, later or wrong.")
        own(key, decision)
        # One id a card: of two screens that answer, the first received wins, and the second gets the settled state.
        moment = Answered(id=f"answer-{decision}"[:128], customer=key.subject, occurred_at=when(body), decision=decision, answer=said)
        lived = await writer.live(moment)
        entry = lived.answer.entry
        settled = entry.moment.answer if entry is not None and isinstance(entry.moment, Answered) else ""
        return Response(msgspec.json.encode({"answer": settled}), media_type="application/json")

    def when(body: dict[str, Any]) -> datetime:
        """When it happened: ``ago_s`` before it could be sent. A yes given in time counts, however long the network was away."""
        ago_s = body.get("ago_s", 0.0)
        known = isinstance(ago_s, int | float) and not isinstance(ago_s, bool) and 0.0 <= ago_s <= AGO_LIMIT_S
        return writer.loop.clock.now() - timedelta(seconds=ago_s if known else 0.0)

    def own(key: Key, decision: str) -> None:
        customer = writer.loop.customer(key.subject)
        card = next((card for card in customer.service.shown if card.decision == decision), None)
        action = strategy.actions.get(card.action) if card is not None else None
        if action is None or action.audience != "customer":
            raise Invalid("There is no such card on this person's screens.")

    return [
        Route(PATH, page),
        *[
            Route(f"{PATH}/{name}", guarded(endpoint), methods=[method])
            for name, endpoint, method in (
                ("enter", enter, "POST"), ("screen", screen, "GET"), ("stream", stream, "GET"), ("displayed", displayed, "POST"), ("answer", answer, "POST"),
            )
        ],
    ]  # fmt: skip


def hud(strategy: Strategy, screens: Screens, found: OnScreen, language: str) -> HudCard:
    """The card in the person's language, with the time that is left to it."""
    show, spot = found.show, found.entry.moment.at
    card = compose(strategy, show, language, place=spot.place if spot is not None else "")
    place = strategy.places.get(spot.place) if spot is not None else None
    kicker = place.name if place is not None else HOME[language] if strategy.actions[show.action].about == "home" else strategy.brand.name
    return HudCard(
        show.id, kicker, card.title, card.body, card.why, card.yes, card.no, round(screens.lasts_s(show), 2), strategy.actions[show.action].ttl_s,
    )  # fmt: skip


async def _events(strategy: Strategy, screens: Screens, access: Access, key: Key, language: str, last: str) -> AsyncIterator[bytes]:
    on_page = last
    yield b"retry: 1000\n\n"
    with screens.watching(key.subject) as bell:
        while not screens.closed and access.holds(key):
            bell.clear()
            found = screens.card(key.subject, key.profile)
            wait = BEAT_S
            if found is not None:
                wait = min(wait, screens.lasts_s(found.show) + 0.05)
                if found.show.id != on_page:
                    on_page = found.show.id
                    data = msgspec.json.encode(hud(strategy, screens, found, language))
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


def _headers(html: str) -> dict[str, str]:
    """The page is one file: its only script and its only style are named by their hashes. Our own stage may frame it."""
    script, style = [b64encode(sha256(_between(html, tag).encode()).digest()).decode() for tag in ("script", "style")]
    return {
        "content-security-policy": f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'",
        "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-store",
    }  # fmt: skip


def _between(html: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*)</{tag}>", html, re.DOTALL)
    return found[1] if found is not None else ""
