"""The routes of the stage: two real screens, and beside them choices, what is known, decisions and their reasons.

The screens are framed pages opened with those devices' own keys, so a button pressed there is a real answer.
"""

from collections.abc import Awaitable, Callable
from hashlib import blake2b
from secrets import compare_digest, token_urlsafe
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from visavis.delivery.screens import Screens
from visavis.devices import glasses
from visavis.http.event_stream import streamed
from visavis.http.requests import guarded, json_body, with_cookie
from visavis.lab.stage.pages import TEMPLATES, static_files
from visavis.lab.stage.stage_view import StageView
from visavis.lab.stories.session import StorySession
from visavis.model.errors import Invalid, Refused
from visavis.runtime.writer import Writer
from visavis.web import adviser
from visavis.web.pages import language_of

COOKIE: Final = "visavis-stage"
PATH: Final = "/stage"
SCREENS: Final = {
    "customer": ("device", glasses.COOKIE, glasses.PATH),
    "adviser": ("adviser", adviser.COOKIE, adviser.PATH),
}
"""Each screen's role, the cookie of its page, and its path."""
PACE_S: Final = 4.0

Endpoint = Callable[[Request], Awaitable[Response]]


class StageAccess:
    """A token opens the stage once and leaves a cookie, which ``secret`` keeps good after a restart."""

    def __init__(self, secret: bytes) -> None:
        self._session = blake2b(b"the stage", key=secret[:64], digest_size=24).hexdigest()
        self._tokens: set[str] = set()

    def token(self) -> str:
        """A new token, good once."""
        made = token_urlsafe(18)
        self._tokens.add(made)
        return made

    def admit(self, request: Request, token: str, response: Response) -> bool:
        """Use a token up, and leave the cookie in this response; ``False`` when it is none."""
        if token not in self._tokens:
            return False
        self._tokens.discard(token)
        with_cookie(request, response, COOKIE, self._session, PATH)
        return True

    def allows(self, request: Request) -> bool:
        """Whether this browser has the cookie, and a gesture comes from our own page."""
        own = request.method == "GET" or request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
        return own and compare_digest(request.cookies.get(COOKIE, "").encode(), self._session.encode())

    def guard(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint for browsers that are allowed."""

        async def checked(request: Request) -> Response:
            if not self.allows(request):
                raise Refused(
                    "This browser has not opened the stage.", advice="Open the address that `visavis demo` printed."
                )
            return await endpoint(request)

        return guarded(checked)


def routes(
    writer: Writer, screens: Screens, session: StorySession, access: StageAccess, *, pace_s: float = PACE_S
) -> list[BaseRoute]:
    """The page, its stream, the way into the two screens, and the gestures."""
    view = StageView(writer, screens, session, pace_s=pace_s)

    async def page(request: Request) -> Response:
        language = language_of(request, session.server.strategy)
        if token := request.query_params.get("token", ""):
            inside = RedirectResponse(f"{PATH}?language={language}", 303)
            if access.admit(request, token, inside) or access.allows(request):
                return inside
        if not access.allows(request):
            return TEMPLATES.page("locked.html", language, status=401, path=PATH)
        parts, frames = view.parts(language), view.frames(language)
        return TEMPLATES.page("stage.html", language, path=PATH, parts=parts, frames=frames)

    async def stream(request: Request) -> Response:
        return streamed(view.stream(language_of(request, session.server.strategy)))

    async def screen(request: Request) -> Response:
        """The way into a screen: its own key in its own cookie."""
        name = str(request.path_params["screen"])
        if name not in SCREENS:
            raise Invalid("There is no such screen.", advice=f"There are: {', '.join(SCREENS)}.")
        role, cookie, path = SCREENS[name]
        tablet = request.query_params.get("as") == "tablet"
        shape = f"as={'tablet' if tablet else 'glasses'}&" if name == "adviser" else ""
        address = f"{path}?{shape}language={language_of(request, session.server.strategy)}"
        inside = RedirectResponse(address, 303, headers={"cache-control": "no-store"})
        return with_cookie(request, inside, cookie, session.player.key(role), path)

    return [
        static_files(),
        Route(PATH, page),
        Route(f"{PATH}/stream", access.guard(stream)),
        Route(f"{PATH}/screen/{{screen}}", access.guard(screen)),
        *_gestures(view, session, access),
    ]


def _gestures(view: StageView, session: StorySession, access: StageAccess) -> list[Route]:
    """What can be done on the stage; everything but a switch and the automatic play pauses that play."""

    async def go(request: Request) -> None:
        scene = (await json_body(request)).get("scene")
        if not isinstance(scene, int) or isinstance(scene, bool):
            raise Invalid("A scene has a number.", advice='Send {"scene": 0}.')
        view.pause()
        await session.go(scene)

    async def step(_: Request) -> None:
        view.pause()
        await session.step()

    async def restart(_: Request) -> None:
        view.pause()
        await session.restart()

    async def play(_: Request) -> None:
        view.toggle_play()

    async def choose(request: Request) -> None:
        household = str((await json_body(request)).get("household"))
        view.pause()
        await session.choose(household)

    async def switch(request: Request) -> None:
        body = await json_body(request)
        purpose, on = body.get("purpose"), body.get("on")
        if not isinstance(purpose, str) or not isinstance(on, bool):
            raise Invalid("A switch has a purpose, and is on or off.", advice='Send {"purpose": "home", "on": true}.')
        await session.switch(purpose, on=on)

    def gesture(perform: Callable[[Request], Awaitable[None]]) -> Endpoint:
        async def answer(request: Request) -> Response:
            await perform(request)
            session.notify()
            return Response(status_code=204)

        return access.guard(answer)

    return [
        Route(f"{PATH}/{perform.__name__}", gesture(perform), methods=["POST"])
        for perform in (go, step, restart, play, choose, switch)
    ]
