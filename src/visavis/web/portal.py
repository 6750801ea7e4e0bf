"""A person's own page: choices, why each card was shown, who read their data, copy, objection, restriction, erasure."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from secrets import token_hex
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from visavis.cards.typography import typeset
from visavis.consent.choices import Choice, choices, switched
from visavis.explain.accounts import Accounts
from visavis.explain.benefit import Benefit, benefits
from visavis.explain.counterfactual import Why, walk, why
from visavis.http.access_keys import AccessKeys
from visavis.http.bodies import MergeAnswer, OnOff, Token, json_response, read_body
from visavis.http.requests import PAGE, key_of
from visavis.http.routes import Operation, endpoint, page_route, routes_of
from visavis.http.sign_in import sign_in
from visavis.ledger.personal_view import USE_OUTCOMES, OwnLine, lines_of_person
from visavis.ledger.personal_view import use_text as line_text
from visavis.model.consent import OPENS
from visavis.model.decision import Show
from visavis.model.entry import Entry
from visavis.model.errors import Invalid, Refused
from visavis.model.moment import Moment
from visavis.rights.requests import Requests
from visavis.runtime.loop import Processor
from visavis.runtime.writer import Writer
from visavis.strategy.read import Strategy
from visavis.web import pages
from visavis.web.portal_merges import merge_row

COOKIE: Final = "visavis-me"
PATH: Final = "/me"
CARDS: Final = 5
LOOKS: Final = 12
CHANGES: Final = 3  # changes that the page names for one card; the API gives all
MONTH_DAYS: Final = 30.4
MARKETING: Final = "marketing"
LOCALES: Final = {"fr": "fr_FR", "en": "en_GB"}
SignalReader = Callable[[Processor, str, str, Iterable[tuple[bytes, bytes]]], Moment | None]


class PurposeRow(Struct, frozen=True):
    """One use of data: protection, what is given and received, what that brought, and the present choice in words."""

    purpose: str
    name: str
    protects: str
    gives: str
    gets: str
    brought: str
    on: bool
    trial: bool
    refused: bool
    standing: str
    closed: str


class OwnChoice(Struct, frozen=True):
    """A choice on one's own page; a ``trial`` switches itself off."""

    purpose: str
    on: bool
    trial: bool = False


class Erasing(Struct, frozen=True):
    """The second press."""

    erase: Literal[True]


class ShownCard(Struct, frozen=True):
    """One card that was shown: its words, when, why, and what would have changed it."""

    decision: str
    title: str
    when: str
    why: str
    changes: tuple[str, ...]


def routes(
    writer: Writer, access: AccessKeys, accounts: Accounts, requests: Requests, *, objection_in: SignalReader
) -> list[Route]:
    """The page and its endpoints; ``objection_in`` reads the objection that a browser's headers make, if any."""
    portal = Portal(writer, access, accounts, requests, objection_in)
    return [page_route(PATH, portal.page), *routes_of(portal)]


def _gesture(name: str, summary: str, *, method: str = "POST", **more: Any) -> Operation:
    more = {"response": "text/html", "errors": (404, 503)} | more
    return Operation(method, f"{PATH}/{name}", summary, ("device",), COOKIE, **more)


class Portal:
    """The page, its key, and the gestures on it."""

    def __init__(
        self, writer: Writer, access: AccessKeys, accounts: Accounts, requests: Requests, objection_in: SignalReader
    ) -> None:
        self._writer = writer
        self._loop = writer.processor
        self._access = access
        self._accounts = accounts
        self._requests = requests
        self._objection_in = objection_in

    async def page(self, request: Request) -> Response:
        """The whole page; without a key, the form that asks for one."""
        try:
            name = self._person(request)
        except Refused:
            return pages.page("portal.html", pages.language_of(request, self._loop.strategy), path=PATH, me=None)
        language = self._language(request, name)
        return pages.page("portal.html", language, path=PATH, me=await self._values(name, language))

    @endpoint(
        Operation("POST", f"{PATH}/enter", "Sign in to one's own page.", request=Token, status=204, errors=(401, 403))
    )
    async def enter(self, request: Request) -> Response:
        """Keep the person's key in the page's cookie."""
        return await sign_in(request, self._access, "device", COOKIE, PATH, error=Refused)

    @endpoint(_gesture("choose", "Say yes or no to one purpose.", request=OwnChoice, errors=(503,)))
    async def choose(self, request: Request) -> Response:
        """Process a choice, after the objection that the browser's signal makes."""
        name, choice = self._person(request), await read_body(request, OwnChoice)
        purpose = self._loop.strategy.purposes.get(choice.purpose)
        if purpose is None or purpose.basis != "consent":
            raise Invalid("This is no purpose that can be chosen.", advice="Send the key of a purpose of the page.")
        at, cause, language = self._loop.clock.now(), f"me-{token_hex(6)}", self._language(request, name)
        if (signal := self._objection_in(self._loop, name, cause, request.headers.raw)) is not None:
            await self._writer.process(signal)
        gesture = {"on": choice.on, "trial": choice.trial}
        for moment in switched(self._loop.strategy, name, purpose.key, language=language, id=cause, at=at, **gesture):
            await self._writer.process(moment)
        return await self._current(request, name)

    @endpoint(_gesture("merge", "Say whether another customer is the same person.", request=MergeAnswer))
    async def merge(self, request: Request) -> Response:
        """Confirm or refuse a merge that waits."""
        name, sent = self._person(request), await read_body(request, MergeAnswer)
        await self._requests.merges.answer(name, sent.merge, yes=sent.yes)
        return await self._current(request, name)

    @endpoint(_gesture("object", "Object to marketing, or take it back.", request=OnOff))
    async def object(self, request: Request) -> Response:
        """Object to marketing, or lift the objection."""
        name = self._person(request)
        await self._requests.object(name, MARKETING, on=(await read_body(request, OnOff)).on)
        return await self._current(request, name)

    @endpoint(_gesture("restrict", "Pause everything, or go on.", request=OnOff))
    async def restrict(self, request: Request) -> Response:
        """Restrict processing, or lift the restriction."""
        name = self._person(request)
        await self._requests.restrict(name, on=(await read_body(request, OnOff)).on)
        return await self._current(request, name)

    @endpoint(_gesture("copy", "A copy of everything that is kept.", method="GET", response=dict[str, Any]))
    async def copy(self, request: Request) -> Response:
        """The copy, as a file to save."""
        found = json_response(await self._requests.export(self._person(request)))
        found.headers["content-disposition"] = 'attachment; filename="my-data.json"'
        found.headers["x-content-type-options"] = "nosniff"
        return found

    @endpoint(_gesture("erase", "Erase everything that is kept.", request=Erasing))
    async def erase(self, request: Request) -> Response:
        """Erase this person, and say what is kept and why."""
        name, language = self._person(request), pages.language_of(request, self._loop.strategy)
        await read_body(request, Erasing)
        receipt = await self._requests.erasures.erase(name)
        kept = [words[language] for words in receipt.kept.values()]
        return HTMLResponse(pages.rendered("_erased.html", language, erased=receipt.erased, kept=kept), headers=PAGE)

    def _person(self, request: Request) -> str:
        return key_of(request, self._access, "device", cookie=COOKIE).subject

    def _language(self, request: Request, name: str) -> str:
        return pages.language_of(request, self._loop.strategy, self._loop.customer(name))

    async def _current(self, request: Request, name: str) -> Response:
        language = self._language(request, name)
        html = pages.rendered("_portal.html", language, me=await self._values(name, language))
        return HTMLResponse(html, headers=PAGE)

    async def _values(self, name: str, language: str) -> dict[str, Any]:
        loop, ask = self._loop, self._writer.ask
        entries, lines = await ask(lambda: (loop.entries_of(name), lines_of_person(loop.log, loop.names(name))))
        merges = [merge_row(loop.strategy, one, language) for one in self._requests.merges.waiting(name)]
        values = await asyncio.to_thread(page_values, loop, self._accounts, name, entries, lines, language)
        return values | {"merges": merges}


def page_values(
    loop: Processor, accounts: Accounts, name: str, entries: list[Entry], lines: list[OwnLine], language: str
) -> dict[str, Any]:
    """The values of the template ``_portal.html`` for this person, now."""
    strategy, person, own, now = loop.strategy, loop.customer(name), loop.side(name), loop.clock.now()
    counted = {one.purpose: one for one in benefits(loop, accounts, name, entries, language)}
    looks = [line for line in lines if line.record.outcome in USE_OUTCOMES and line.record.categories][-LOOKS:]
    every = choices(strategy, person, language, now.timestamp(), name)
    chosen = [choice for choice in every if choice.basis == "consent"]
    return {
        "brand": strategy.brand.name,
        "rows": [_row(strategy, choice, counted[choice.purpose], language) for choice in chosen],
        "open": sum([choice.on for choice in chosen]),
        "cards": list(_cards(loop, entries, language)),
        "looks": [line_text(line, strategy, language) for line in reversed(looks)],
        "merges": [],
        "merged": len(person.sides) > 1,
        "objected": MARKETING in own.objections,
        "restricted": own.restricted,
        "entries": len(entries),
    }


def _row(strategy: Strategy, choice: Choice, brought: Benefit, language: str) -> PurposeRow:
    words, purpose, status = pages.WORDS[language].portal, strategy.purposes[choice.purpose], choice.status
    short_name = getattr(pages.WORDS[language].data_given, choice.purpose, "")
    readers = ", ".join([strategy.brand.name, *choice.recipients])
    closed = choice.closed_by.partition(":")[0]
    return PurposeRow(
        choice.purpose,
        short_name or choice.benefit.rstrip("."),
        typeset(words.protects.format(months=round(purpose.duration_days / MONTH_DAYS), who=readers), language),
        typeset(choice.notice_text, language),
        typeset(choice.benefit, language),
        brought.text,
        status in OPENS and not choice.trial,
        status in OPENS and choice.trial,
        status in ("refused", "withdrawn"),
        _standing(choice, words, ZoneInfo(strategy.brand.zone), language),
        getattr(words.closed, closed) if closed else "",
    )


def _standing(choice: Choice, words: Any, zone: ZoneInfo, language: str) -> str:
    if choice.status in ("unknown", "requested"):
        return ""
    text, at = words.no_since, choice.since
    if choice.status == "expired":
        text, at = words.expired, choice.until
    elif choice.status in OPENS:
        text, at = (words.trial_until, choice.until) if choice.trial else (words.yes_since, choice.since)
    day = format_date(datetime.fromtimestamp(at, zone), "long", locale=LOCALES[language])
    return str(text.format(day=day))


def _cards(loop: Processor, entries: list[Entry], language: str) -> Iterable[ShownCard]:
    zone = ZoneInfo(loop.strategy.brand.zone)
    walked = deque((one for one in walk(entries) if any(isinstance(made, Show) for made in one[1].decisions)), CARDS)
    last = [(*one, made) for one in reversed(walked) for made in one[1].decisions if isinstance(made, Show)]
    for before, entry, decision in last[:CARDS]:
        world = loop.worlds.get(entry.world)
        explained = why(loop.strategy, world, before, entry, decision.id, loop.randomization_key, language)
        when = format_datetime(entry.received_at.astimezone(zone), "d MMMM, HH:mm", locale=LOCALES[language])
        title = explained.title or pages.WORDS[language].portal.brief
        yield ShownCard(decision.id, title, when, explained.plain[language], _changes(explained))


def _changes(explained: Why) -> tuple[str, ...]:
    counted = [one for one in explained.used if one.without and one.change != "same"]
    finer = {one.category for one in counted if one.datum}
    return tuple([one.without for one in counted if one.datum or one.category not in finer][:CHANGES])
