"""The console.

What the server is living now, any decision explained, what each objective brought, what went out, and who holds a key.

For the brand's own people, behind a brand's key. The feed is thinned when moments come faster than eyes; the log is
not, and answers for any moment.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from math import isfinite
from time import perf_counter
from typing import Any, Final

import msgspec
from babel.numbers import format_percent
from markupsafe import Markup
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from visavis.cards.answer import said
from visavis.cards.typography import typeset
from visavis.cards.words import amount
from visavis.delivery.screens import EVERYBODY, Screens
from visavis.delivery.webhooks import Webhooks
from visavis.explain.accounts import Accounts
from visavis.http import problems
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.access_log import record_entry_read
from visavis.http.event_stream import HEARTBEAT_S, Look, ServerEvent, streamed, watch
from visavis.http.requests import PAGE, guarded, json_body, key_of, with_cookie
from visavis.measurement.objectives import ObjectiveResult, ObjectiveTallies
from visavis.model.errors import Invalid, Refused
from visavis.model.moment import KINDS
from visavis.runtime.writer import Writer
from visavis.web import charts, pages
from visavis.web.explained import explained
from visavis.web.feed import Filter, mark, rows

COOKIE: Final = "visavis-console"
PATH: Final = "/console"
ROWS: Final = 40
PARCELS: Final = 12
PACE_S: Final = 0.25
"""How often the feed is written at most: many moments come as one event."""
SIDES_S: Final = 1.0
"""How often what stands beside it is counted again at most."""


class ObjectiveRow(Struct, frozen=True):
    """One objective as the console tells it: what it showed, on whom it is measured, and the honest effect so far."""

    id: str
    why: str
    shown: int
    closed: int
    people: int
    held_out: int
    share: str
    verdict: str
    points: str
    between: str
    bar: Markup


def routes(
    writer: Writer,
    access: AccessKeys,
    screens: Screens,
    outbox: Webhooks,
    objectives: ObjectiveTallies,
    benefits: Accounts,
) -> list[Route]:
    """The page, its stream, its fragments, and one decision as JSON."""
    strategy = writer.loop.strategy

    def brand(request: Request) -> AccessKey:
        return key_of(request, access, "brand", cookie=COOKIE)

    def language_of(request: Request) -> str:
        return pages.language_of(request, strategy)

    def sides(language: str) -> dict[str, Any]:
        """What stands beside the feed."""
        return {
            "books": {
                name: amount(abs(cents), strategy.brand.currency, language) for name, cents in benefits.books.items()
            },
            "objectives": [standing(one, language) for one in objectives.standings()],
            "parcels": [(one, mark(one.customer)) for one in islice(reversed(outbox.parcels.values()), PARCELS)],
            "world": writer.loop.world.version,
            "people": writer.loop.people,
            "lived": screens.recent[-1].number if screens.recent else 0,
            "waiting": writer.waiting + outbox.waiting,
        }

    async def page(request: Request) -> Response:
        language = language_of(request)
        try:
            key = brand(request)
        except Refused:
            return pages.page("console.html", language, path=PATH, own=None, brand=strategy.brand.name)
        values = sides(language) | {
            "own": key.id,
            "keys": access.listed(),
            "kinds": sorted(set(KINDS) - {"located"}),
            "brand": strategy.brand.name,
        }
        return pages.page("console.html", language, path=PATH, **values)

    async def enter(request: Request) -> Response:
        token = str((await json_body(request)).get("key", ""))
        if access.check(token).role != "brand":
            raise Refused("This is not a brand's key.", advice="Make one: visavis key brand.")
        return with_cookie(request, Response(status_code=204), COOKIE, token, PATH)

    async def stream(request: Request) -> Response:
        key, asked = brand(request), request.query_params
        wanted = Filter(asked.get("kind", ""), asked.get("result", ""), asked.get("mark", ""))
        language = language_of(request)
        look = _look(screens, told_rows(wanted, language), told_sides(language))
        last = request.headers.get("last-event-id", "") or asked.get("after", "")
        return streamed(watch(screens, EVERYBODY, look, holds=lambda: access.holds(key), last_id=last, settle_s=PACE_S))

    def told_rows(wanted: Filter, language: str) -> Callable[[int], str]:
        def text(after: int) -> str:
            new = (one for one in reversed(screens.recent) if one.number > after)
            found = list(islice(rows(strategy, new, wanted, pages.WORDS[language].console, language), ROWS))
            return pages.rendered("_rows.html", language, rows=found) if found else ""

        return text

    def told_sides(language: str) -> Callable[[], str]:
        return lambda: pages.rendered("_sides.html", language, **sides(language))

    async def moment(request: Request) -> Response:
        brand(request)
        number, language = request.query_params.get("number", ""), language_of(request)
        found = next((one for one in screens.recent if str(one.number) == number), None)
        if found is None:
            raise Invalid(
                "This moment is not among the latest.", advice="Ask for it: /v1/people/PERSON/moments/MOMENT."
            )
        entry = found.entry
        await record_entry_read(writer, entry)
        kind = getattr(pages.WORDS[language].console.kinds, entry.moment.kind)
        told = pages.rendered(
            "_explained.html",
            language,
            entry=entry,
            kind=kind,
            us=round(found.us),
            decisions=explained(strategy, entry, language),
        )
        return HTMLResponse(told, headers=PAGE)

    async def decision(request: Request) -> Response:
        key_of(request, access, "brand")
        name = str(request.path_params["decision"])
        for entry in [recent.entry for recent in reversed(screens.recent)]:
            for one in entry.decisions:
                if one.id == name:
                    await record_entry_read(writer, entry)
                    return Response(
                        msgspec.json.encode(said(strategy, entry, one, language_of(request))),
                        media_type="application/json",
                    )
        advice = "Ask for its moment: /v1/people/PERSON/moments/MOMENT."
        return problems.response(problems.problem(404, "This decision is not among the latest.", advice=advice))

    async def revoke(request: Request) -> Response:
        own = brand(request)
        name = str(request.path_params["key"])
        if name == own.id:
            raise Refused("This is the key that you are using.", advice="Enter with another one, then revoke it.")
        access.revoke(name)
        screens.look_again()
        return HTMLResponse(
            pages.rendered("_keys.html", language_of(request), keys=access.listed(), own=own.id), headers=PAGE
        )

    return [
        Route(PATH, page),
        Route("/v1/decisions/{decision}", guarded(decision)),
        Route(f"{PATH}/enter", guarded(enter), methods=["POST"]),
        Route(f"{PATH}/stream", guarded(stream)),
        Route(f"{PATH}/moment", guarded(moment)),
        Route(f"{PATH}/keys/{{key}}/revoke", guarded(revoke), methods=["POST"]),
    ]


def standing(one: ObjectiveResult, language: str) -> ObjectiveRow:
    """One objective in words and figures; no figure where none can be claimed."""
    found = one.effect
    verdict: str = (
        "no_holdout" if one.objective.holdout_share == 0.0 else "nothing_closed" if found is None else found.verdict
    )
    points = between = ""
    bar = Markup()
    if found is not None and isfinite(found.uplift) and found.enough:
        points = pages.signed(100.0 * found.uplift, language)
        between = f"{pages.signed(100.0 * found.low, language)} … {pages.signed(100.0 * found.high, language)}"
        bar = charts.interval(found.low, found.uplift, found.high)
        verdict = "no_difference" if verdict == "not_enough_evidence" else verdict
    return ObjectiveRow(
        one.objective.id,
        typeset(one.objective.why[language], language),
        one.shown,
        one.closed,
        one.people,
        one.held_out,
        format_percent(one.objective.holdout_share, locale=language),
        verdict,
        points,
        between,
        bar,
    )


def _look(screens: Screens, told_rows: Callable[[int], str], told_sides: Callable[[], str]) -> Look:
    """The rows since the last event, and what stands beside them."""
    after, sides_at = -1, 0.0

    async def look(last: str) -> tuple[Sequence[ServerEvent], float]:
        nonlocal after, sides_at
        events = []
        newest = screens.recent[-1].number if screens.recent else 0
        if after < 0:
            after = int(last) if last.isascii() and last.isdigit() and int(last) <= newest else 0
        if newest > after:
            if text := told_rows(after):
                events.append(ServerEvent("rows", text, str(newest)))
            after = newest
        if (started := perf_counter()) >= sides_at:
            events.append(ServerEvent("sides", told_sides()))
            # Counting many people takes long: it never takes more than a fiftieth of the server's time.
            sides_at = started + max(SIDES_S, 50.0 * (perf_counter() - started))
        return events, HEARTBEAT_S

    return look
