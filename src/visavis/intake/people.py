"""What a person's own page asks of the brand: their choices, and what was decided at one of their moments."""

from collections.abc import Awaitable, Callable
from secrets import token_hex

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.cards.answer import reply
from visavis.consent.choices import choices, switched
from visavis.intake import problems
from visavis.intake.signals import objection, opted_out
from visavis.model.errors import Invalid, Refused, VisavisError
from visavis.runtime.access import Access, Key
from visavis.runtime.entrance import key_of, told
from visavis.runtime.writer import Writer

Answering = Callable[[Request], Awaitable[Response]]


def routes(writer: Writer, access: Access) -> list[Route]:
    """``GET /v1/people/{person}/purposes``, ``PUT …/purposes/{purpose}``, ``GET …/moments/{moment}``."""

    def language_of(request: Request, name: str) -> str:
        spoken = writer.loop.strategy.brand.languages
        asked = request.query_params.get("language", "") or writer.loop.customer(name).language
        return asked if asked in spoken else spoken[0]

    async def purposes(request: Request) -> Response:
        name, _ = person(request, access)
        now = writer.loop.clock.now().timestamp()
        return _json(choices(writer.loop.strategy, writer.loop.customer(name), language_of(request, name), now))

    async def choose(request: Request) -> Response:
        name, _ = person(request, access)
        purpose = str(request.path_params["purpose"])
        said = await told(request)
        on, trial = said.get("on"), said.get("trial", False)
        known = writer.loop.strategy.purposes.get(purpose)
        if not isinstance(on, bool) or not isinstance(trial, bool):
            raise Invalid("`on` and `trial` are true or false.", advice='Send {"on": true}.')
        if known is None or known.basis != "consent":
            raise Invalid("This is no purpose that can be chosen.", advice="GET …/purposes lists them.")
        at = writer.loop.clock.now()
        cause = f"choice-{token_hex(6)}"
        if opted_out(request.headers.raw) and (heard := objection(writer.loop, name, cause)) is not None:
            await writer.live(heard)
        for moment in switched(writer.loop.strategy, name, purpose, on=on, trial=trial, language=language_of(request, name), id=cause, at=at):
            await writer.live(moment)
        return await purposes(request)

    async def moment(request: Request) -> Response:
        name, key = person(request, access)
        entry = await writer.ask(lambda: writer.loop.log.entry(name, str(request.path_params["moment"])))
        if entry is None:
            return _problem(problems.problem(404, "There is no such moment of this person."))
        return _json(reply(writer.loop.strategy, entry, language_of(request, name), key.role, retried=True))

    return [
        Route("/v1/people/{person}/purposes", guarded(purposes)),
        Route("/v1/people/{person}/purposes/{purpose}", guarded(choose), methods=["PUT"]),
        Route("/v1/people/{person}/moments/{moment:path}", guarded(moment)),
    ]


def person(request: Request, access: Access) -> tuple[str, Key]:
    """Whom this request is about, when its key may speak for them: their own device's, or the brand's."""
    key = key_of(request, access, "brand", "device")
    name = str(request.path_params["person"])
    if key.role == "device" and key.subject != name:
        raise Refused("This key speaks for another person.", advice="Use that person's own key.")
    return name, key


def guarded(answering: Answering) -> Answering:
    """The same answer, with everything that we raise on purpose told as a problem."""

    async def answer(request: Request) -> Response:
        try:
            return await answering(request)
        except VisavisError as error:
            said = problems.of_error(error)
            if isinstance(error, Refused) and "not valid" in Exception.__str__(error):
                said = problems.problem(401, Exception.__str__(error), advice="Send `Authorization: Bearer KEY`.")
            return _problem(said)

    return answer


def _json(found: object) -> Response:
    return Response(msgspec.json.encode(found), media_type="application/json", headers={"cache-control": "no-store"})


def _problem(said: dict[str, object]) -> Response:
    status = said["status"]
    return Response(problems.body(said), status if isinstance(status, int) else 500, media_type="application/problem+json")
