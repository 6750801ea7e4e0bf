"""What a person's own page asks of the brand: their choices, and what was decided at one of their moments."""

from collections.abc import Iterable
from secrets import token_hex

import msgspec
from msgspec import Struct
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.api.signals import objection, opted_out
from visavis.cards.answer import reply
from visavis.consent.choices import choices, switched
from visavis.http import problems
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.access_log import record_entry_read, record_staff_access
from visavis.http.requests import guarded, json_body, key_of
from visavis.model.consent import OPENS
from visavis.model.errors import Invalid, Refused
from visavis.runtime.writer import Writer


def routes(writer: Writer, access: AccessKeys) -> list[Route]:
    """``GET /v1/people/{person}/purposes``, ``PUT …/purposes/{purpose}``, ``PUT …/categories/{category}``, ``GET …/wallet``, ``GET …/moments/{moment}``."""

    def language_of(request: Request, name: str) -> str:
        asked = request.query_params.get("language", "")
        return writer.loop.strategy.language_for(writer.loop.customer(name), asked)

    async def purposes(request: Request) -> Response:
        name, _ = person(request, access)
        now = writer.loop.clock.now().timestamp()
        return _json(choices(writer.loop.strategy, writer.loop.customer(name), language_of(request, name), now))

    async def choose(request: Request) -> Response:
        name, key = person(request, access)
        purpose = str(request.path_params["purpose"])
        said = await json_body(request)
        on, trial = said.get("on"), said.get("trial", False)
        known = writer.loop.strategy.purposes.get(purpose)
        if not isinstance(on, bool) or not isinstance(trial, bool):
            raise Invalid("`on` and `trial` are true or false.", advice='Send {"on": true}.')
        if known is None or known.basis != "consent":
            raise Invalid("This is no purpose that can be chosen.", advice="GET …/purposes lists them.")
        at = writer.loop.clock.now()
        cause = f"choice-{token_hex(6)}"
        if opted_out(request.headers.raw) and (heard := objection(writer.loop, name, cause)) is not None:
            await writer.process(heard)
        spoken, by_brand = language_of(request, name), key.role == "brand"
        for moment in switched(
            writer.loop.strategy, name, purpose, on=on, trial=trial, language=spoken, id=cause, at=at, told=by_brand
        ):
            await writer.process(moment)
        return await purposes(request)

    async def close(request: Request) -> Response:
        name, key = person(request, access)
        category = str(request.path_params["category"])
        reading = [
            purpose.key
            for purpose in writer.loop.strategy.purposes.values()
            if purpose.basis == "consent" and category in purpose.categories
        ]
        if (await json_body(request)).get("on") is not False or not reading:
            raise Invalid(
                "A category of data can only be closed here.",
                advice='Send {"on": false}; each purpose is opened by itself, under its own notice.',
            )
        at, chosen = writer.loop.clock.now(), writer.loop.customer(name).consents
        for purpose in reading:
            if purpose in chosen and chosen[purpose].status in OPENS:
                cause, by_brand = f"choice-{token_hex(6)}", key.role == "brand"
                for moment in switched(
                    writer.loop.strategy, name, purpose, on=False, language="", id=cause, at=at, told=by_brand
                ):
                    await writer.process(moment)
        return await purposes(request)

    async def moment(request: Request) -> Response:
        name, key = person(request, access)
        entry = await writer.ask(lambda: writer.loop.entry(name, str(request.path_params["moment"])))
        if entry is None:
            return problems.response(problems.problem(404, "There is no such moment of this person."))
        if key.role == "brand":
            await record_entry_read(writer, entry)
        return _json(reply(writer.loop.strategy, entry, language_of(request, name), key.role, retried=True))

    async def wallet(request: Request) -> Response:
        name, key = person(request, access)
        customer = writer.loop.customer(name)
        if key.role == "brand" and customer.entries:
            await record_staff_access(writer, name, "wallet", ("orders",))
        return _json({"orders": _named(customer.orders), "rewards": _named(customer.rewards)})

    return [
        Route("/v1/people/{person}/wallet", guarded(wallet)),
        Route("/v1/people/{person}/purposes", guarded(purposes)),
        Route("/v1/people/{person}/purposes/{purpose}", guarded(choose), methods=["PUT"]),
        Route("/v1/people/{person}/categories/{category}", guarded(close), methods=["PUT"]),
        Route("/v1/people/{person}/moments/{moment:path}", guarded(moment)),
    ]


def person(request: Request, access: AccessKeys) -> tuple[str, AccessKey]:
    """Whom this request is about, when its key may speak for them: their own device's, or the brand's."""
    key = key_of(request, access, "brand", "device")
    name = str(request.path_params["person"])
    if key.role == "device" and key.subject != name:
        raise Refused("This key speaks for another person.", advice="Use that person's own key.")
    return name, key


def _named(records: Iterable[Struct]) -> list[dict[str, object]]:
    """Records that are arrays in the log, as objects for whoever reads them."""
    return [asdict(record) for record in records]


def _json(found: object) -> Response:
    return Response(msgspec.json.encode(found), media_type="application/json", headers={"cache-control": "no-store"})
