"""One decision explained, to the person whom it was about or to the brand that answers for it."""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from visavis.api.people import about_person, person
from visavis.explain.counterfactual import Why, find, why
from visavis.http import problems
from visavis.http.access_keys import AccessKeys
from visavis.http.access_log import record_entry_read
from visavis.http.bodies import json_response
from visavis.http.routes import ApiRoute, route
from visavis.model.entry import Entry
from visavis.runtime.writer import Writer

OPERATION: Final = about_person(
    "GET",
    "decisions/{decision}/why",
    "Why, and what would have changed it.",
    reads=(),
    response=Why,
    query=("language",),
)


def routes(writer: Writer, access: AccessKeys) -> list[ApiRoute]:
    """``GET /v1/people/{person}/decisions/{decision}/why``."""

    async def one(request: Request) -> Response:
        name, key = person(request, access)
        asked = request.query_params.get("language", "")
        language = writer.processor.strategy.language_for(writer.processor.customer(name), asked)
        found = await explained(writer, name, str(request.path_params["decision"]), language)
        if found is None:
            return problems.response(problems.problem(404, "There is no such decision about this person."))
        entry, explanation = found
        if key.role == "brand":
            await record_entry_read(writer, entry)
        return json_response(explanation)

    return [route(OPERATION, one)]


async def explained(writer: Writer, name: str, decision: str, language: str) -> tuple[Entry, Why] | None:
    """The entry of this decision and its explanation, computed in a thread; ``None`` when there is none."""
    loop = writer.processor
    entries = await writer.ask(lambda: loop.entries_of(name))

    def compute() -> tuple[Entry, Why] | None:
        found = find(entries, decision)
        if found is None:
            return None
        before, entry = found
        world, key = loop.worlds.get(entry.world), loop.randomization_key
        return entry, why(loop.strategy, world, before, entry, decision, key, language)

    return await asyncio.to_thread(compute)
