"""The glasses page: any browser as a screen. Cards by server-sent events or long polling, and their answers.

The stream begins with what is on the person's screen now, so no card is shown late, twice, or after its withdrawal.
A device's key opens one person's stream, and only for cards decided for that profile.
"""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.cards.text import speech
from visavis.delivery.answers import Answers
from visavis.delivery.screens import OnScreen, Screens
from visavis.devices.hosts.page import HOSTS, served
from visavis.devices.text_screen import lines
from visavis.devices.words import by_language
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.bodies import OwnAnswer, PhonesAnswer, Seen, Settled, Token, json_response, read_body
from visavis.http.event_stream import HEARTBEAT_S, ServerEvent, rings, streamed, watch
from visavis.http.header_fields import has_already
from visavis.http.requests import key_of
from visavis.http.routes import Operation, page_route, route
from visavis.http.sign_in import sign_in
from visavis.model.card import HudCard
from visavis.model.catalogue import Device
from visavis.model.errors import Refused
from visavis.runtime.writer import Writer
from visavis.strategy.read import Strategy

COOKIE: Final = "visavis-glasses"
PATH: Final = "/glasses"
_KEY: Final[dict[str, Any]] = {"roles": ("device",), "cookie": COOKIE}
_ENTERS: Final = _KEY | {"errors": (503,)}
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
    "POST", f"{PATH}/displayed", "Report that the card is on the screen.", request=Seen, status=204, **_ENTERS
)
ANSWER: Final = Operation("POST", f"{PATH}/answer", "Answer the card.", request=OwnAnswer, response=Settled, **_ENTERS)
WAIT_LIMIT_S: Final = 30.0
"""How long a request for the screen may be held until something changes on it."""
BY: Final = by_language(
    {
        "home": ("d’après votre frigo", "from your fridge"),
        "numbers": ("pour vos yeux seuls", "for your eyes only"),
        "purchases": ("d’après vos achats", "from your purchases"),
        "sight": ("d’après ce que vous regardez", "from what you look at"),
        "places": ("parce que vous êtes là", "because you are here"),
    }
)
"""The few words of why for a glance, by the category of data that explains most (in full on the person's own page)."""
ABOUT: Final = {"home": "home", "seen": "sight"}
"""The category of a card that is about the very thing that woke it."""
HOME: Final = {"fr": "À la maison", "en": "At home"}


def routes(writer: Writer, access: AccessKeys, screens: Screens) -> list[Route]:
    """The page, its stream, and what it sends back."""
    return Glasses(writer, access, screens).routes()


class Glasses:
    """The page of all persons, each with the key of a device of theirs."""

    def __init__(self, writer: Writer, access: AccessKeys, screens: Screens) -> None:
        self._loop = writer.processor
        self._strategy = writer.processor.strategy
        self._access = access
        self._screens = screens
        self._answers = Answers(writer)

    def routes(self) -> list[Route]:
        """The page, its stream, and what it sends back."""
        return [
            page_route(PATH, self._page),
            route(ENTER, self._enter),
            route(SCREEN, self._screen),
            route(STREAM_OF_CARDS, self._stream),
            route(DISPLAYED, self._displayed),
            route(ANSWER, self._answer),
        ]

    def _key(self, request: Request) -> AccessKey:
        return key_of(request, self._access, "device", cookie=COOKIE)

    async def _page(self, request: Request) -> Response:
        asked = request.query_params
        try:
            known = bool(self._key(request))
        except Refused:
            known = False
        language = self._strategy.language_for(None, asked.get("language", ""))
        return served(asked.get("host", ""), language, known=known)

    async def _enter(self, request: Request) -> Response:
        return await sign_in(request, self._access, "device", COOKIE, PATH)

    async def _screen(self, request: Request) -> Response:
        """The card of now; with ``wait_s``, as soon as it is another than that of ``If-None-Match``."""
        key = self._key(request)
        until = monotonic() + _seconds(request.query_params.get("wait_s", ""))
        with self._screens.watching(key.subject) as bell:
            while True:
                bell.clear()
                found = self._screens.card(key.subject, key.profile)
                tag = f'"{found.show.id if found is not None else ""}"'
                wait_s = min(until - monotonic(), self._changes_in_s(found))
                unchanged = has_already(request, tag)
                if not unchanged or wait_s <= 0 or self._screens.closed:
                    break
                await rings(bell, wait_s)
                self._key(request)  # a key that was revoked meanwhile gets nothing
        if not unchanged and found is not None:
            response = json_response(self._card(request, key, found))
            response.headers["etag"] = tag
            return response
        headers = {"etag": tag, "cache-control": "no-store"}
        return Response(status_code=304 if unchanged else 204, headers=headers)

    async def _stream(self, request: Request) -> Response:
        key = self._key(request)

        async def look(last: str) -> tuple[Sequence[ServerEvent], float]:
            found = self._screens.card(key.subject, key.profile)
            events = []
            if found is not None and found.show.id != last:
                data = msgspec.json.encode(self._card(request, key, found)).decode()
                events = [ServerEvent("card", data, found.show.id)]
            elif found is None and last:
                events = [ServerEvent("recall", "{}", "")]
            return events, self._changes_in_s(found)

        last_id = request.headers.get("last-event-id", "")
        return streamed(watch(self._screens, key.subject, look, holds=lambda: self._access.holds(key), last_id=last_id))

    async def _displayed(self, request: Request) -> Response:
        return await displayed(request, self._key(request), self._answers)

    async def _answer(self, request: Request) -> Response:
        return await answered(request, self._key(request), self._answers, OwnAnswer)

    def _card(self, request: Request, key: AccessKey, found: OnScreen) -> HudCard:
        asked = request.query_params
        host = HOSTS.get(asked.get("host", ""))
        text_on = self._strategy.devices.get(key.profile) if host is not None and host.has_lines else None
        language = self._strategy.language_for(self._loop.customer(key.subject), asked.get("language", ""))
        return hud(self._strategy, self._screens, found, language, text_on=text_on)

    def _changes_in_s(self, found: OnScreen | None) -> float:
        return HEARTBEAT_S if found is None else self._screens.ends_in_s(found.show)


async def displayed(request: Request, key: AccessKey, answers: Answers) -> Response:
    """Enter that the card of the request's body was displayed to the key's person."""
    body = await read_body(request, Seen)
    await answers.enter(answers.displayed(key.subject, body.decision, ago_s=body.ago_s), key.origin(key.profile))
    return Response(status_code=204)


async def answered(
    request: Request,
    key: AccessKey,
    answers: Answers,
    kind: type[OwnAnswer | PhonesAnswer],
    note: Callable[[str], None] = lambda _: None,
) -> Response:
    """Enter the answer of the request's body, and return the one that counts; ``note`` gets the decision before."""
    body = await read_body(request, kind)
    moment = answers.answered(key.subject, body.decision, body.answer, ago_s=body.ago_s)
    note(body.decision)
    return json_response(Settled(await answers.enter(moment, key.origin(key.profile))))


def hud(
    strategy: Strategy, screens: Screens, found: OnScreen, language: str, *, text_on: Device | None = None
) -> HudCard:
    """The card in this language, with the time that it has left; for ``text_on``, also its lines and spoken words."""
    show, action = found.show, strategy.actions[found.show.action]
    card, place = found.card(strategy, language), found.place(strategy)
    return HudCard(
        decision=show.id,
        kicker=HOME[language] if place is None and action.about == "home" else found.place_name(strategy),
        title=card.title,
        body=card.body,
        why=BY[language].get(_source(found, action.about), card.why),
        yes=card.yes,
        no=card.no,
        lasts_s=round(screens.lasts_s(show), 2),
        ttl_s=action.ttl_s,
        lines=lines(card, text_on) if text_on is not None else [],
        speech=speech(card) if text_on is not None else "",
    )


def _source(found: OnScreen, about: str) -> str:
    """The category of data that explains this card best."""
    if about in ABOUT:
        return ABOUT[about]
    read = {category for use in found.entry.uses if use.purpose == found.show.purpose for category in use.categories}
    return next((category for category in BY["en"] if category in read), "")


def _seconds(text: str) -> float:
    """The number of seconds in this text, within the limit; 0 when it is none."""
    return min(float(text), WAIT_LIMIT_S) if text.isascii() and text.isdecimal() else 0.0
