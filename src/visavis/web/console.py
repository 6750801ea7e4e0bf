"""The console, behind a brand's key: latest moments, decisions explained, effects, webhooks, keys."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from math import isfinite
from time import perf_counter
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_percent
from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from visavis.cards.replies import DecisionReply, decision_reply
from visavis.cards.typography import typeset
from visavis.cards.words import amount
from visavis.delivery.screens import EVERYBODY, Screens
from visavis.delivery.webhooks import Webhooks
from visavis.explain.accounts import Accounts
from visavis.http import problems
from visavis.http.access_keys import PEOPLES, AccessKey, AccessKeys
from visavis.http.access_log import entry_categories, record_entry_read, record_staff_access
from visavis.http.bodies import Token, json_response
from visavis.http.event_stream import HEARTBEAT_S, Look, ServerEvent, streamed, watch
from visavis.http.requests import PAGE, key_of
from visavis.http.routes import Method, Operation, endpoint, page_route, routes_of
from visavis.http.sign_in import sign_in
from visavis.measurement.objectives import ObjectiveResult, ObjectiveTallies
from visavis.model.errors import Invalid, Refused
from visavis.model.moment import KINDS
from visavis.runtime.unknown_codes import UnknownCodes
from visavis.runtime.writer import Writer
from visavis.strategy.freshness import stale_sources
from visavis.web import charts, pages
from visavis.web.decision_details import details
from visavis.web.feed import Filter, mark, rows

COOKIE: Final = "visavis-console"
PATH: Final = "/console"
ROWS: Final = 40
PARCELS: Final = 12
CODES: Final = 12
PACE_S: Final = 0.25  # how often rows are sent at most: many moments come as one event
SUMMARY_S: Final = 1.0  # how often the summary beside it is counted again at most
ASK_MOMENT: Final = "Ask for its moment: /v1/people/PERSON/moments/MOMENT."


class ObjectiveRow(Struct, frozen=True):
    """One objective: how many cards it showed, on how many people it is measured, and its effect so far."""

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
    unobserved: int


def routes(
    writer: Writer,
    access: AccessKeys,
    screens: Screens,
    webhooks: Webhooks,
    objectives: ObjectiveTallies,
    accounts: Accounts,
    unknown_codes: UnknownCodes,
) -> list[Route]:
    """The page and its endpoints."""
    console = Console(writer, access, screens, webhooks, objectives, accounts, unknown_codes)
    return [page_route(PATH, console.page), *routes_of(console)]


def _own(method: str, path: str, summary: str, **more: Any) -> Callable[[Method], Method]:
    return endpoint(Operation(method, f"{PATH}/{path}", summary, ("brand",), COOKIE, **more))


class Console:
    """The page, its stream, its fragments, and one decision as JSON."""

    def __init__(
        self,
        writer: Writer,
        access: AccessKeys,
        screens: Screens,
        webhooks: Webhooks,
        objectives: ObjectiveTallies,
        accounts: Accounts,
        unknown_codes: UnknownCodes,
    ) -> None:
        self._writer = writer
        self._strategy = writer.processor.strategy
        self._access = access
        self._screens = screens
        self._webhooks = webhooks
        self._objectives = objectives
        self._accounts = accounts
        self._unknown_codes = unknown_codes

    async def page(self, request: Request) -> Response:
        """The whole page; without a key, the form that asks for one."""
        language, brand = self._language(request), self._strategy.brand.name
        try:
            key = self._key(request)
        except Refused:
            return pages.page("console.html", language, path=PATH, own=None, brand=brand)
        values = self._summary(language) | {"keys": self._keys(), "kinds": sorted(set(KINDS) - {"located"})}
        return pages.page("console.html", language, path=PATH, own=key.id, brand=brand, **values)

    @endpoint(
        Operation("POST", f"{PATH}/enter", "Sign in to the console.", request=Token, status=204, errors=(401, 403))
    )
    async def enter(self, request: Request) -> Response:
        """Keep the brand's key in the page's cookie."""
        return await sign_in(request, self._access, "brand", COOKIE, PATH, error=Refused)

    @_own(
        "GET",
        "stream",
        "Moments as they are processed.",
        response="text/event-stream",
        query=("kind", "result", "mark", "after"),
    )
    async def stream(self, request: Request) -> Response:
        """Rows of moments as they are processed, and the summary beside them, as server-sent events."""
        key, asked = self._key(request), request.query_params
        wanted = Filter(asked.get("kind", ""), asked.get("result", ""), asked.get("mark", "").strip().lower())
        last = request.headers.get("last-event-id", "") or asked.get("after", "")
        look = self._look(wanted, self._language(request), last)
        return streamed(watch(self._screens, EVERYBODY, look, holds=lambda: self._access.holds(key), settle_s=PACE_S))

    @_own("GET", "moment", "One moment explained.", response="text/html", errors=(422, 503), query=("number",))
    async def moment(self, request: Request) -> Response:
        """The explanation of one of the latest moments; the read is recorded."""
        self._key(request)
        number, language = request.query_params.get("number", ""), self._language(request)
        found = next((one for one in self._screens.recent if str(one.number) == number), None)
        if found is None:
            raise Invalid("This moment is not among the latest.", advice=ASK_MOMENT)
        entry = found.entry
        await record_entry_read(self._writer, entry)
        kind, us = getattr(pages.WORDS[language].console.kinds, entry.moment.kind), round(found.us)
        made = details(self._strategy, entry, language)
        html = pages.rendered("_moment.html", language, entry=entry, kind=kind, us=us, decisions=made)
        return HTMLResponse(html, headers=PAGE)

    @endpoint(
        Operation(
            "GET",
            "/v1/decisions/{decision}",
            "One of the latest decisions.",
            ("brand",),
            response=DecisionReply,
            query=("language",),
        )
    )
    async def decision(self, request: Request) -> Response:
        """One of the latest decisions as JSON; the read is recorded."""
        key_of(request, self._access, "brand")
        name = str(request.path_params["decision"])
        for entry in [recent.entry for recent in reversed(self._screens.recent)]:
            for one in entry.decisions:
                if one.id == name:
                    await record_entry_read(self._writer, entry)
                    return json_response(decision_reply(self._strategy, entry, one, self._language(request)))
        return problems.response(problems.problem(404, "This decision is not among the latest.", advice=ASK_MOMENT))

    @_own("POST", "keys/{key}/revoke", "Revoke a key.", response="text/html", errors=(422,))
    async def revoke(self, request: Request) -> Response:
        """Revoke a key, but for the one that asks."""
        own, name = self._key(request), str(request.path_params["key"])
        if name == own.id:
            raise Refused("This is the key that you are using.", advice="Enter with another one, then revoke it.")
        self._access.revoke(name)
        self._screens.look_again()
        html = pages.rendered("_keys.html", self._language(request), keys=self._keys(), own=own.id)
        return HTMLResponse(html, headers=PAGE)

    def _key(self, request: Request) -> AccessKey:
        return key_of(request, self._access, "brand", cookie=COOKIE)

    def _language(self, request: Request) -> str:
        return pages.language_of(request, self._strategy)

    def _summary(self, language: str) -> dict[str, Any]:
        books, currency, parcels = self._accounts.books, self._strategy.brand.currency, self._webhooks.parcels
        return {
            "stale": list(self._stale(language)),
            "books": {name: amount(abs(cents), currency, language) for name, cents in books.items()},
            "objectives": [standing(one, language) for one in self._objectives.results()],
            "parcels": [(one, mark(one.customer)) for one in islice(reversed(parcels.values()), PARCELS)],
            "codes": self._unknown_codes.latest()[:CODES],
            "world": self._writer.processor.world.version,
            "people": len(self._writer.processor.population),
            "processed": self._newest(),
            "no_target": ", ".join([action.id for action in self._strategy.without_target]),
            "waiting": self._writer.waiting + self._webhooks.waiting,
        }

    def _stale(self, language: str) -> Iterator[str]:
        """The sources that are silent, each since when; of people's own only how many, and the longest silence."""
        loop, brand, words = self._writer.processor, self._strategy.brand, pages.WORDS[language].console.stale
        now = loop.clock.now().timestamp()
        for place, at in loop.population.tills.stale(now, brand.stale_after("till")).items():
            known = self._strategy.places.get(place)
            name = known.name if known is not None else place
            yield typeset(words.till.format(name=name, since=self._when(at, language)), language)
        silent: dict[str, list[float]] = {}
        for person in loop.population:
            for one in stale_sources(brand, person, now):
                silent.setdefault(one.source, []).append(one.since)
        for source, times in sorted(silent.items()):
            text = getattr(words, source).format(n=len(times), since=self._when(min(times), language))
            yield typeset(text, language)

    def _when(self, at: float, language: str) -> str:
        local = datetime.fromtimestamp(at, ZoneInfo(self._strategy.brand.zone))
        return format_datetime(local, "d MMMM, HH:mm", locale=language)

    def _rows(self, wanted: Filter, language: str, after: int) -> str:
        new = (one for one in reversed(self._screens.recent) if one.number > after)
        found = list(islice(rows(self._strategy, new, wanted, pages.WORDS[language].console, language), ROWS))
        return pages.rendered("_rows.html", language, rows=found) if found else ""

    def _look(self, wanted: Filter, language: str, last: str) -> Look:
        after, summary_at = int(last) if last.isascii() and last.isdigit() else 0, 0.0
        after, followed = after if after <= self._newest() else 0, set[str]()

        async def look(_: str) -> tuple[Sequence[ServerEvent], float]:
            nonlocal after, summary_at
            events, newest = [], self._newest()
            if newest > after:
                if wanted.mark:
                    await self._follow(wanted, after, followed)
                if text := self._rows(wanted, language, after):
                    events.append(ServerEvent("rows", text, str(newest)))
                after = newest
            if (started := perf_counter()) >= summary_at:
                html = pages.rendered("_summary.html", language, **self._summary(language))
                events.append(ServerEvent("summary", html))
                # Counting many people takes long: it never takes more than a fiftieth of the server's time.
                summary_at = started + max(SUMMARY_S, 50.0 * (perf_counter() - started))
            return events, HEARTBEAT_S

        return look

    async def _follow(self, wanted: Filter, after: int, followed: set[str]) -> None:
        """Record, once a stream, the read of whoever is followed by their mark, before their first row is sent."""
        for entry in [one.entry for one in self._screens.recent if one.number > after and wanted.lets(one.entry)]:
            if entry.customer not in followed:
                followed.add(entry.customer)
                await record_staff_access(self._writer, entry.customer, "console", sorted(entry_categories(entry)))

    def _keys(self) -> list[AccessKey]:
        """The keys; a person's names them by their mark."""
        found = self._access.listed()
        return [replace(one, subject=mark(one.subject)) if one.role in PEOPLES else one for one in found]

    def _newest(self) -> int:
        return self._screens.recent[-1].number if self._screens.recent else 0


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
        one.unobserved,
    )
