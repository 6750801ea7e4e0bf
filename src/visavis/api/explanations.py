"""Why, on demand: one decision explained to the person whom it was about, or to the brand that answers for it."""

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.api.people import person
from visavis.explain.counterfactual import Why, find, why
from visavis.http import problems
from visavis.http.access_keys import AccessKeys
from visavis.http.access_log import record_entry_read
from visavis.http.requests import guarded
from visavis.model.entry import Entry
from visavis.runtime.writer import Writer


def routes(writer: Writer, access: AccessKeys) -> list[Route]:
    """``GET /v1/people/{person}/decisions/{decision}/why``."""

    async def one(request: Request) -> Response:
        name, key = person(request, access)
        asked = request.query_params.get("language", "")
        language = writer.loop.strategy.language_for(writer.loop.customer(name), asked)
        found = await explained(writer, name, str(request.path_params["decision"]), language)
        if found is None:
            return problems.response(problems.problem(404, "There is no such decision about this person."))
        entry, told = found
        if key.role == "brand":
            await record_entry_read(writer, entry)
        return Response(msgspec.json.encode(told), media_type="application/json", headers={"cache-control": "no-store"})

    return [Route("/v1/people/{person}/decisions/{decision}/why", guarded(one))]


async def explained(writer: Writer, name: str, decision: str, language: str) -> tuple[Entry, Why] | None:
    """Explain this decision, with the entry that holds it; ``None`` when there is none.

    Only reading the log is done where moments are lived.
    """
    loop = writer.loop
    entries = await writer.ask(lambda: loop.life(name))

    def told() -> tuple[Entry, Why] | None:
        found = find(entries, decision)
        if found is None:
            return None
        before, entry = found
        return entry, why(
            loop.strategy, loop.worlds.get(entry.world), before, entry, decision, loop.randomization_key, language
        )

    return await asyncio.to_thread(told)
