"""The phone page: installable, receives cards by Web Push, shows the card of now, and answers, also without a network.

A device's key opens it for one person. A phone gets push messages once its owner pressed the button and the browser
asked; the same button stops them. A phone that subscribed counts as one of the person's devices.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.cards.typography import typeset
from visavis.delivery.answers import Answers
from visavis.delivery.screens import Screens
from visavis.devices.glasses import answered, displayed, hud
from visavis.devices.phone.icon import icon
from visavis.devices.registry import worn_moment
from visavis.devices.words import by_language
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.bodies import PhonesAnswer, Seen, Settled, Subscribed, Token, json_response
from visavis.http.inline_page import SELF, InlinePage
from visavis.http.requests import json_body, key_of
from visavis.http.routes import Operation, page_route, route
from visavis.http.sign_in import sign_in
from visavis.model.card import HudCard
from visavis.model.errors import Invalid, Refused, Unavailable
from visavis.runtime.writer import Writer

COOKIE: Final = "visavis-phone"
PATH: Final = "/phone"
_KEY: Final[dict[str, Any]] = {"roles": ("device",), "cookie": COOKIE}
_ENTERS: Final = _KEY | {"errors": (503,)}
PASS_FILE: Final = Operation(
    "GET",
    f"{PATH}/pass.pkpass",
    "This device's pass for Apple Wallet.",
    response="application/vnd.apple.pkpass",
    errors=(503,),
    query=("language",),
    **_KEY,
)
ICON: Final = Operation("GET", f"{PATH}/icon-{{size:int}}.png", "The page's icon.", response="image/png", errors=(422,))
ENTER: Final = Operation("POST", f"{PATH}/enter", "Sign in on this phone.", request=Token, status=204, errors=(401,))
CARD: Final = Operation(
    "GET",
    f"{PATH}/card",
    "The card of the moment; 204 when there is none.",
    response=HudCard,
    other_responses={204: ""},
    **_KEY,
)
DISPLAYED: Final = Operation(
    "POST", f"{PATH}/displayed", "Report that the card is on the screen.", request=Seen, status=204, **_ENTERS
)
ANSWER: Final = Operation(
    "POST", f"{PATH}/answer", "Answer the card.", request=PhonesAnswer, response=Settled, **_ENTERS
)
SUBSCRIBE: Final = Operation(
    "POST", f"{PATH}/subscription", "Receive cards here.", request=Subscribed, status=201, **_ENTERS
)
UNSUBSCRIBE: Final = Operation("DELETE", f"{PATH}/subscription", "Stop receiving cards here.", status=204, **_ENTERS)
ICONS: Final = (180, 192, 512)
PAGE: Final = InlinePage(Path(__file__).with_name("phone.html"))
POLICY: Final = dict.fromkeys(("connect-src", "img-src", "manifest-src", "worker-src"), SELF)
WORKER: Final = Path(__file__).with_name("worker.js").read_bytes()
_NOTE: Final = (
    (
        "Sur iPhone : ajoutez d'abord cette page à l'écran d'accueil. Peu de cartes, sans bruit, et jamais rien sur"
        " vous dans le message."
    ),
    (
        "On an iPhone: add this page to the Home Screen first. Few cards, no sound, and never anything about you in"
        " the message."
    ),
)
_DENIED: Final = (
    "Les notifications sont bloquées dans les réglages du navigateur.",
    "Notifications are blocked in the browser's settings.",
)
WORDS: Final = by_language(
    {
        "none": ("Rien pour l'instant.", "Nothing for now."),
        "on": ("Recevoir les cartes sur ce téléphone", "Receive cards on this phone"),
        "off": ("Ne plus les recevoir ici", "Stop receiving them here"),
        "note": _NOTE,
        "offline": ("Hors ligne.", "Offline."),
        "hint": ("Ouvrez le lien de ce téléphone.", "Open this phone's link."),
        "unset": ("L'envoi vers les téléphones n'est pas encore ouvert.", "Sending to phones is not open yet."),
        "subscribed": ("Ce téléphone reçoit vos cartes.", "This phone receives your cards."),
        "unable": ("Ce navigateur ne sait pas recevoir de cartes.", "This browser cannot receive cards."),
        "apple": ("Ajouter à Cartes d'Apple, et à sa montre", "Add to Apple Wallet, and to its watch"),
        "google": ("Ajouter à Google Wallet", "Add to Google Wallet"),
        "denied": _DENIED,
        "failed": ("Cela n'a pas marché. Réessayez plus tard.", "That did not work. Try again later."),
    }
)


class Pushing(Protocol):
    """What the page needs of Web Push."""

    public_key: str

    def subscribe(self, person: str, device: str, profile: str, fields: dict[str, Any]) -> None:
        """Keep this subscription."""

    def unsubscribe(self, person: str, device: str) -> None:
        """Delete it."""

    def subscribed(self, person: str, device: str) -> bool:
        """Whether there is one."""

    def answered_here(self, decision: str) -> None:
        """Note that this card needs no recall."""


def routes(
    writer: Writer, access: AccessKeys, screens: Screens, push: Pushing | None, passes: Mapping[str, str]
) -> list[Route]:
    """The page, its worker, and what both send back."""
    return Phone(writer, access, screens, push, passes).routes()


class Phone:
    """The page of all persons; ``passes`` are the addresses of wallet passes, by the names of their words."""

    def __init__(
        self, writer: Writer, access: AccessKeys, screens: Screens, push: Pushing | None, passes: Mapping[str, str]
    ) -> None:
        self._writer = writer
        self._strategy = writer.processor.strategy
        self._access = access
        self._screens = screens
        self._push = push
        self._passes = passes
        self._answers = Answers(writer)

    def routes(self) -> list[Route]:
        """The page, its worker, and what both send back."""
        return [
            page_route(PATH, self._page),
            page_route(f"{PATH}/worker.js", _worker),
            page_route(f"{PATH}/manifest.webmanifest", self._manifest),
            route(ICON, self._icon),
            route(ENTER, self._enter),
            route(CARD, self._card),
            route(DISPLAYED, self._displayed),
            route(ANSWER, self._answer),
            route(SUBSCRIBE, self._subscribe),
            route(UNSUBSCRIBE, self._unsubscribe),
        ]

    def _key(self, request: Request) -> AccessKey:
        return key_of(request, self._access, "device", cookie=COOKIE)

    async def _page(self, request: Request) -> Response:
        try:
            key = self._key(request)
        except Refused:
            key = None
        customer = self._writer.processor.customer(key.subject) if key is not None else None
        language = self._strategy.language_for(customer, request.query_params.get("language", ""))
        return PAGE.response(
            POLICY,
            language=language,
            brand=self._strategy.brand.name,
            words={name: typeset(text, language) for name, text in WORDS[language].items()},
            server=self._push.public_key if self._push is not None else "",
            known=key is not None,
            subscribed=key is not None and self._push is not None and self._push.subscribed(key.subject, key.id),
            passes=self._passes if key is not None else {},
        )

    async def _enter(self, request: Request) -> Response:
        return await sign_in(request, self._access, "device", COOKIE, PATH)

    async def _card(self, request: Request) -> Response:
        key = self._key(request)
        found = self._screens.card(key.subject, key.profile)
        if found is None:
            return Response(status_code=204, headers={"cache-control": "no-store"})
        language = self._strategy.language_for(self._writer.processor.customer(key.subject))
        return json_response(hud(self._strategy, self._screens, found, language))

    async def _displayed(self, request: Request) -> Response:
        return await displayed(request, self._key(request), self._answers)

    async def _answer(self, request: Request) -> Response:
        note = self._push.answered_here if self._push is not None else lambda _: None
        return await answered(request, self._key(request), self._answers, PhonesAnswer, note)

    async def _subscribe(self, request: Request) -> Response:
        key = self._key(request)
        if self._push is None:
            raise Unavailable(
                "Web Push is not set up on this server.",
                advice="Give `contact` in the settings' `push`, and install visavis[push].",
            )
        self._push.subscribe(key.subject, key.id, key.profile, await json_body(request))
        await self._writer.process(worn_moment(key, self._writer.processor.clock.now(), worn=True), key.origin("phone"))
        return Response(status_code=201)

    async def _unsubscribe(self, request: Request) -> Response:
        key = self._key(request)
        if self._push is not None and self._push.subscribed(key.subject, key.id):
            self._push.unsubscribe(key.subject, key.id)
            await self._writer.process(
                worn_moment(key, self._writer.processor.clock.now(), worn=False), key.origin("phone")
            )
        return Response(status_code=204)

    async def _manifest(self, _: Request) -> Response:
        name = self._strategy.brand.name
        icons = [{"src": f"{PATH}/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"} for size in ICONS]
        manifest = {
            "id": PATH,
            "name": name,
            "short_name": name[:12].rstrip(),
            "start_url": PATH,
            "scope": PATH,
            "display": "standalone",
            "background_color": "#000000",
            "theme_color": "#000000",
            "icons": icons,
        }
        headers = {"content-type": "application/manifest+json", "cache-control": "no-cache"}
        return Response(msgspec.json.encode(manifest), headers=headers)

    async def _icon(self, request: Request) -> Response:
        size = request.path_params["size"]
        if size not in ICONS:
            raise Invalid("There is no icon of this size.", advice=f"Sizes: {', '.join(map(str, ICONS))}.")
        data = icon(self._strategy.brand.name, size, size)
        return Response(data, media_type="image/png", headers={"cache-control": "max-age=86400"})


async def _worker(_: Request) -> Response:
    headers = {
        "content-type": "text/javascript; charset=utf-8",
        "cache-control": "no-cache",
        "service-worker-allowed": PATH,
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; connect-src 'self'",
    }
    return Response(WORKER, headers=headers)
