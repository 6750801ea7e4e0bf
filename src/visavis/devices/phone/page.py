"""The phone.

An installable page that receives cards by Web Push, shows the one of the moment, and answers, with or without a
network.

A device's key opens it for one person. Nothing is sent to a phone before its owner has pressed the button and the
browser has asked them; the same button takes it back. The device's state follows: a phone that subscribed is one of the
person's devices.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from visavis.cards.typography import typeset
from visavis.delivery.screens import Screens
from visavis.devices.glasses import hud
from visavis.devices.phone.icon import icon
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.bodies import PhonesAnswer, Seen, Settled, Subscribed, Token
from visavis.http.requests import json_body, key_of, with_cookie
from visavis.http.routes import Operation, page_route, route
from visavis.model.card import HudCard
from visavis.model.errors import Invalid, Refused, Unavailable
from visavis.model.moment import Answered, Displayed, Worn
from visavis.runtime.writer import Writer

COOKIE: Final = "visavis-phone"
PATH: Final = "/phone"
_KEY: Final[dict[str, Any]] = {"roles": ("device",), "cookie": COOKIE}
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
    "POST",
    f"{PATH}/displayed",
    "Report that the card is on the screen.",
    request=Seen,
    status=204,
    errors=(503,),
    **_KEY,
)
ANSWER: Final = Operation(
    "POST", f"{PATH}/answer", "Answer the card.", request=PhonesAnswer, response=Settled, errors=(503,), **_KEY
)
SUBSCRIBE: Final = Operation(
    "POST", f"{PATH}/subscription", "Receive cards here.", request=Subscribed, status=201, errors=(503,), **_KEY
)
UNSUBSCRIBE: Final = Operation(
    "DELETE", f"{PATH}/subscription", "Stop receiving cards here.", status=204, errors=(503,), **_KEY
)
AGO_LIMIT_S: Final = 7 * 86_400.0
"""How long an answer that was given without a network may wait to be sent."""
ICONS: Final = (180, 192, 512)
PAGE: Final = (Path(__file__).parent / "phone.html").read_text(encoding="utf-8")
WORKER: Final = (Path(__file__).parent / "worker.js").read_bytes()
WORDS: Final[dict[str, dict[str, str]]] = {
    "fr": {
        "none": "Rien pour l'instant.",
        "on": "Recevoir les cartes sur ce téléphone",
        "off": "Ne plus les recevoir ici",
        "note": (
            "Sur iPhone : ajoutez d'abord cette page à l'écran d'accueil. Peu de cartes, sans bruit, et jamais rien sur"
            " vous dans le message."
        ),
        "offline": "Hors ligne.",
        "hint": "Ouvrez le lien de ce téléphone.",
        "unset": "L'envoi vers les téléphones n'est pas encore ouvert.",
        "subscribed": "Ce téléphone reçoit vos cartes.",
        "unable": "Ce navigateur ne sait pas recevoir de cartes.",
        "apple": "Ajouter à Cartes d'Apple, et à sa montre",
        "google": "Ajouter à Google Wallet",
        "denied": "Les notifications sont bloquées dans les réglages du navigateur.",
        "failed": "Cela n'a pas marché. Réessayez plus tard.",
    },
    "en": {
        "none": "Nothing for now.",
        "on": "Receive cards on this phone",
        "off": "Stop receiving them here",
        "note": (
            "On an iPhone: add this page to the Home Screen first. Few cards, no sound, and never anything about you in"
            " the message."
        ),
        "offline": "Offline.",
        "hint": "Open this phone's link.",
        "unset": "Sending to phones is not open yet.",
        "subscribed": "This phone receives your cards.",
        "unable": "This browser cannot receive cards.",
        "apple": "Add to Apple Wallet, and to its watch",
        "google": "Add to Google Wallet",
        "denied": "Notifications are blocked in the browser's settings.",
        "failed": "That did not work. Try again later.",
    },
}


class Pushing(Protocol):
    """What the page needs of Web Push."""

    public_key: str

    def subscribe(self, person: str, device: str, profile: str, told: dict[str, Any]) -> None:
        """Keep this subscription."""

    def unsubscribe(self, person: str, device: str) -> None:
        """Forget it."""

    def subscribed(self, person: str, device: str) -> bool:
        """Whether there is one."""

    def answered_here(self, decision: str) -> None:
        """Note that it needs no recall."""


def routes(
    writer: Writer, access: AccessKeys, screens: Screens, push: Pushing | None, passes: Mapping[str, str]
) -> list[Route]:
    """The page, its worker, and what both send back.

    Without ``push`` the page says so, and shows the card of the moment all the same.

    ``passes`` are the addresses of the passes that a phone can keep, by the words that lead there.
    """
    strategy = writer.processor.strategy

    def device(request: Request) -> AccessKey:
        return key_of(request, access, "device", cookie=COOKIE)

    def language_of(person: str, asked: str = "") -> str:
        return strategy.language_for(writer.processor.customer(person), asked)

    async def page(request: Request) -> Response:
        try:
            key = device(request)
        except Refused:
            key = None
        language = language_of(key.subject if key is not None else "", request.query_params.get("language", ""))
        words = {name: typeset(text, language) for name, text in WORDS[language].items()}
        subscribed = push is not None and key is not None and push.subscribed(key.subject, key.id)
        filled = {
            **{name: words[name] for name in ("none", "on", "off", "note")},
            "lang": language,
            "brand": escape(strategy.brand.name),
            "state": "",
            "words": msgspec.json.encode(words).decode(),
            "server": push.public_key if push is not None else "",
            "known": "true" if key is not None else "false",
            "subscribed": "true" if subscribed else "false",
            "passes": "".join(
                [
                    f'<a href="{address}?language={language}">{escape(words[name])}</a>'
                    for name, address in passes.items()
                    if key is not None
                ]
            ),
        }
        html = re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found[1]], PAGE)
        return HTMLResponse(html, headers=_headers(html))

    async def enter(request: Request) -> Response:
        token = str((await json_body(request)).get("key", ""))
        if access.check(token).role != "device":
            raise Invalid("This is not a device's key.", advice="Make one: visavis key device PERSON --profile phone.")
        return with_cookie(request, Response(status_code=204), COOKIE, token, PATH)

    async def card(request: Request) -> Response:
        key = device(request)
        found = screens.card(key.subject, key.profile)
        if found is None:
            return Response(status_code=204, headers={"cache-control": "no-store"})
        data = msgspec.json.encode(hud(strategy, screens, found, language_of(key.subject)))
        return Response(data, media_type="application/json", headers={"cache-control": "no-store"})

    async def displayed(request: Request) -> Response:
        key, body = device(request), await json_body(request)
        decision = own(key, body)
        await writer.process(
            Displayed(id=f"seen-{decision}"[:128], customer=key.subject, occurred_at=when(body), decision=decision)
        )
        return Response(status_code=204)

    async def answer(request: Request) -> Response:
        key, body = device(request), await json_body(request)
        decision, said = own(key, body), str(body.get("answer", ""))
        if said not in ("yes", "no", "later"):
            raise Invalid("The answer is yes, no or later.")
        if push is not None:
            push.answered_here(decision)
        # One id a card: of two screens that answer, the first received wins, and the second gets the settled state.
        lived = await writer.process(
            Answered(
                id=f"answer-{decision}"[:128],
                customer=key.subject,
                occurred_at=when(body),
                decision=decision,
                answer=said,
            )
        )
        entry = lived.answer.entry
        settled = entry.moment.answer if entry is not None and isinstance(entry.moment, Answered) else ""
        return Response(msgspec.json.encode({"answer": settled}), media_type="application/json")

    async def subscribe(request: Request) -> Response:
        key = device(request)
        if push is None:
            raise Unavailable(
                "Web Push is not set up on this server.",
                advice="Give `contact` in the settings' `push`, and install visavis[push].",
            )
        push.subscribe(key.subject, key.id, key.profile, await json_body(request))
        await is_worn(key, worn=True)
        return Response(status_code=201)

    async def unsubscribe(request: Request) -> Response:
        key = device(request)
        if push is not None and push.subscribed(key.subject, key.id):
            push.unsubscribe(key.subject, key.id)
            await is_worn(key, worn=False)
        return Response(status_code=204)

    async def is_worn(key: AccessKey, *, worn: bool) -> None:
        at = writer.processor.clock.now()
        name = f"{'on' if worn else 'off'}-{key.id}-{at:%Y%m%d%H%M%S%f}"
        await writer.process(
            Worn(id=name, customer=key.subject, occurred_at=at, device=key.id, profile=key.profile, worn=worn)
        )

    def own(key: AccessKey, body: dict[str, Any]) -> str:
        decision = str(body.get("decision", ""))
        shown = next(
            (one for one in writer.processor.customer(key.subject).service.shown if one.decision == decision), None
        )
        action = strategy.actions.get(shown.action) if shown is not None else None
        if action is None or action.audience != "customer":
            raise Invalid("There is no such card on this person's screens.")
        return decision

    def when(body: dict[str, Any]) -> datetime:
        ago_s = body.get("ago_s", 0.0)
        if not isinstance(ago_s, int | float) or not 0.0 <= ago_s <= AGO_LIMIT_S:
            raise Invalid("`ago_s` is not a number of seconds up to a week.")
        return writer.processor.clock.now() - timedelta(seconds=ago_s)

    async def worker(_: Request) -> Response:
        headers = {
            "content-type": "text/javascript; charset=utf-8",
            "cache-control": "no-cache",
            "service-worker-allowed": PATH,
        }
        return Response(
            WORKER,
            headers=headers
            | {
                "x-content-type-options": "nosniff",
                "content-security-policy": "default-src 'none'; connect-src 'self'",
            },
        )

    async def manifest(_: Request) -> Response:
        name = strategy.brand.name
        icons = [{"src": f"{PATH}/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"} for size in ICONS]
        found = {
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
        return Response(
            msgspec.json.encode(found),
            headers={"content-type": "application/manifest+json", "cache-control": "no-cache"},
        )

    async def picture(request: Request) -> Response:
        size = request.path_params["size"]
        if size not in ICONS:
            raise Invalid("There is no icon of this size.", advice=f"Sizes: {', '.join(map(str, ICONS))}.")
        return Response(
            icon(strategy.brand.name, size, size), media_type="image/png", headers={"cache-control": "max-age=86400"}
        )

    return [
        page_route(PATH, page),
        page_route(f"{PATH}/worker.js", worker),
        page_route(f"{PATH}/manifest.webmanifest", manifest),
        route(ICON, picture),
        route(ENTER, enter),
        route(CARD, card),
        route(DISPLAYED, displayed),
        route(ANSWER, answer),
        route(SUBSCRIBE, subscribe),
        route(UNSUBSCRIBE, unsubscribe),
    ]


def _headers(html: str) -> dict[str, str]:
    """The page is one file: its only script and its only style are named by their hashes."""
    script, style = [
        b64encode(sha256(re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)[0].encode()).digest()).decode()
        for tag in ("script", "style")
    ]
    return {
        "content-security-policy": (
            f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; connect-src 'self'; img-src"
            " 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors"
            " 'none'"
        ),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
