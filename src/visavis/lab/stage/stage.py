"""The stage.

Two real screens side by side, and beside them what was allowed, what is known, what the engine thought, and why.

What is played comes from elsewhere (:class:`~visavis.lab.stage.onstage.Playing`); this page only shows it and passes
gestures on. The two screens are the pages that those devices open, in frames, entered with those devices' own keys; so
a button pressed in one is the person's real answer.
"""

from collections.abc import Awaitable, Callable
from hashlib import blake2b
from secrets import compare_digest, token_urlsafe
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visavis.delivery.screens import Screens
from visavis.http.event_stream import streamed
from visavis.http.requests import guarded, json_body, with_cookie
from visavis.lab.stage.onstage import Playing
from visavis.lab.stage.scene import PARTS, Stage
from visavis.model.errors import Invalid, Refused
from visavis.runtime.writer import Writer
from visavis.web import adviser, pages

COOKIE: Final = "visavis-stage"
PATH: Final = "/stage"
DOORS: Final = {
    "customer": ("device", "visavis-glasses", "/glasses"),
    "adviser": ("adviser", adviser.COOKIE, adviser.PATH),
}
"""Each screen's role, the cookie of its page, and its path."""
PACE_S: Final = 4.0
"""How long a step stays on the stage while everything is played."""


class StageAccess:
    """The stage's own door: a token opens it once and leaves a cookie.

    ``secret`` makes the cookie good after a restart.
    """

    def __init__(self, secret: bytes) -> None:
        self._session = blake2b(b"the stage", key=secret[:64], digest_size=24).hexdigest()
        self._tokens: set[str] = set()

    def token(self) -> str:
        """A new token; each opens the door once."""
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

    def opened(self, request: Request) -> bool:
        """Whether this browser came in, and asks from our own page."""
        ours = request.method == "GET" or request.headers.get("sec-fetch-site", "same-origin") in (
            "same-origin",
            "none",
        )
        return ours and compare_digest(request.cookies.get(COOKIE, "").encode(), self._session.encode())


def routes(
    writer: Writer, screens: Screens, playing: Playing, door: StageAccess, *, pace_s: float = PACE_S
) -> list[Route]:
    """The page, its stream, the way into the two screens, and the gestures."""
    stage = Stage(writer, screens, playing, pace_s=pace_s)

    async def page(request: Request) -> Response:
        language = pages.language_of(request, writer.loop.strategy)
        if token := request.query_params.get("token", ""):
            inside = RedirectResponse(f"{PATH}?language={language}", 303)
            if door.admit(request, token, inside) or door.opened(request):
                return inside
        if not door.opened(request):
            return pages.page("stage_door.html", language, status=401, path=PATH)
        return pages.page(
            "stage.html",
            language,
            path=PATH,
            parts=stage.parts(language),
            names=PARTS,
            frames=stage.frames(language),
            person=stage.person(language),
        )

    async def stream(request: Request) -> Response:
        return streamed(stage.stream(pages.language_of(request, writer.loop.strategy)))

    async def screen(request: Request) -> Response:
        """The way into a screen: its own key in its own cookie, as if one put these glasses on."""
        name = str(request.path_params["screen"])
        if name not in DOORS:
            raise Invalid("There is no such screen.", advice=f"There are: {', '.join(DOORS)}.")
        role, cookie, path = DOORS[name]
        shape = (
            f"as={'tablet' if request.query_params.get('as') == 'tablet' else 'glasses'}&" if name == "adviser" else ""
        )
        inside = RedirectResponse(
            f"{path}?{shape}language={pages.language_of(request, writer.loop.strategy)}",
            303,
            headers={"cache-control": "no-store"},
        )
        return with_cookie(request, inside, cookie, playing.keys()[role], path)

    async def go(request: Request) -> None:
        scene = (await json_body(request)).get("scene")
        if not isinstance(scene, int) or isinstance(scene, bool) or not 0 <= scene <= len(playing.stories):
            raise Invalid("There is no such scene.", advice=f"Scenes go from 0 to {len(playing.stories)}.")
        stage.pause()
        await playing.go(scene)

    async def step(_: Request) -> None:
        stage.pause()
        await playing.step()

    async def again(_: Request) -> None:
        stage.pause()
        await playing.again()

    async def play(_: Request) -> None:
        stage.play()

    async def choose(request: Request) -> None:
        household = (await json_body(request)).get("household")
        if household not in playing.households:
            raise Invalid("There is no such household.", advice="Choose one of the list.")
        stage.pause()
        await playing.choose(str(household))

    async def switch(request: Request) -> None:
        said = await json_body(request)
        purpose, on = said.get("purpose"), said.get("on")
        if not isinstance(purpose, str) or not isinstance(on, bool):
            raise Invalid("A switch has a purpose, and is on or off.", advice='Send {"purpose": "home", "on": true}.')
        await playing.switch(purpose, on=on)

    def inside(answering: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if not door.opened(request):
                raise Refused(
                    "This browser has not come in by the stage's door.", advice="Open the address with its token."
                )
            return await answering(request)

        return guarded(answer)

    def gesture(doing: Callable[[Request], Awaitable[None]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            await doing(request)
            stage.tell()
            return Response(status_code=204)

        return inside(answer)

    gestures = {"go": go, "again": again, "step": step, "play": play, "choose": choose, "switch": switch}
    return [
        Route(PATH, page),
        Route(f"{PATH}/stream", inside(stream)),
        Route(f"{PATH}/screen/{{screen}}", inside(screen)),
        *[Route(f"{PATH}/{name}", gesture(doing), methods=["POST"]) for name, doing in gestures.items()],
    ]
