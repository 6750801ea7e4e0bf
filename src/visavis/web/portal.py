"""A person's own page: choices, why each card was shown, who read their data, copy, objection, restriction, erasure."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from secrets import token_hex
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from visavis.cards.typography import typeset
from visavis.consent.choices import PurposeSwitch, choices
from visavis.consent.confirmation import waiting
from visavis.explain.accounts import Accounts
from visavis.explain.benefit import benefits
from visavis.explain.counterfactual import Why, walk, why
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.bodies import MergeAnswer, OnOff, Token, json_response, read_body
from visavis.http.requests import PAGE, key_of
from visavis.http.routes import Operation, endpoint, page_route, routes_of
from visavis.http.sign_in import sign_in
from visavis.ledger.personal_view import USE_OUTCOMES, OwnLine, lines_of_person
from visavis.ledger.personal_view import use_text as line_text
from visavis.model.customer import Customer
from visavis.model.decision import Show
from visavis.model.entry import Entry
from visavis.model.errors import Refused
from visavis.model.ids import own_id
from visavis.model.moment import Moment
from visavis.rights.choosing import choose, confirm
from visavis.rights.requests import Requests
from visavis.runtime.loop import Processor
from visavis.runtime.writer import Writer
from visavis.strategy.freshness import stale_sources
from visavis.web import pages
from visavis.web.portal_choices import LOCALES, long_day, noted, purpose_row, waiting_row
from visavis.web.portal_merges import merge_row

COOKIE: Final = "visavis-me"
PATH: Final = "/me"
CARDS: Final = 5
LOOKS: Final = 12
CHANGES: Final = 3  # changes that the page names for one card; the API gives all
MARKETING: Final = "marketing"
SignalReader = Callable[[Processor, str, str, Iterable[tuple[bytes, bytes]]], Moment | None]


class OwnChoice(Struct, frozen=True):
    """A choice on one's own page; a ``trial`` switches itself off."""

    purpose: str
    on: bool
    trial: bool = False


class Answering(Struct, frozen=True):
    """The answer to what the moment ``of`` asks for."""

    of: str
    yes: bool


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
        key, choice = self._key(request), await read_body(request, OwnChoice)
        name, language, origin = key.subject, self._language(request, key.subject), key.origin("own page", "switch")
        cause = own_id("me", token_hex(6))
        if (signal := self._objection_in(self._loop, name, cause, request.headers.raw)) is not None:
            await self._writer.process(signal, key.origin("own page", "Sec-GPC"))
        switch = PurposeSwitch(on=choice.on, trial=choice.trial)
        await choose(self._writer, name, choice.purpose, switch, origin, language)
        return await self._current(request, name)

    @endpoint(_gesture("confirm", "Answer what somebody else asked for and only the person may do.", request=Answering))
    async def confirm(self, request: Request) -> Response:
        """Do it as the person, or leave all as it is."""
        key, sent = self._key(request), await read_body(request, Answering)
        name, origin = key.subject, key.origin("own page", "confirmation")
        await confirm(self._requests, name, sent.of, origin, self._language(request, name), yes=sent.yes)
        return await self._current(request, name)

    @endpoint(_gesture("merge", "Say whether another customer is the same person.", request=MergeAnswer))
    async def merge(self, request: Request) -> Response:
        """Confirm or refuse a merge that waits."""
        key, sent = self._key(request), await read_body(request, MergeAnswer)
        await self._requests.merges.answer(key.subject, sent.merge, key.origin("own page"), yes=sent.yes)
        return await self._current(request, key.subject)

    @endpoint(_gesture("object", "Object to marketing, or take it back.", request=OnOff))
    async def object(self, request: Request) -> Response:
        """Object to marketing, or lift the objection."""
        key, on = self._key(request), (await read_body(request, OnOff)).on
        await self._requests.object(key.subject, MARKETING, on=on, origin=key.origin("own page", "objection"))
        return await self._current(request, key.subject)

    @endpoint(_gesture("restrict", "Pause everything, or go on.", request=OnOff))
    async def restrict(self, request: Request) -> Response:
        """Restrict processing, or lift the restriction."""
        key, on = self._key(request), (await read_body(request, OnOff)).on
        await self._requests.restrict(key.subject, on=on, origin=key.origin("own page", "restriction"))
        return await self._current(request, key.subject)

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

    def _key(self, request: Request) -> AccessKey:
        return key_of(request, self._access, "device", cookie=COOKIE)

    def _person(self, request: Request) -> str:
        return self._key(request).subject

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
    recorded = {entry.moment.id: entry for entry in entries}
    counted = {one.purpose: one for one in benefits(loop, accounts, name, entries, language)}
    looks = [line for line in lines if line.record.outcome in USE_OUTCOMES and line.record.categories][-LOOKS:]
    every = choices(strategy, person, language, now.timestamp(), name)
    chosen = [choice for choice in every if choice.basis == "consent"]
    return {
        "brand": strategy.brand.name,
        "rows": [
            purpose_row(strategy, choice, counted[choice.purpose], noted(person, choice, recorded, language), language)
            for choice in chosen
        ],
        "waiting": [
            waiting_row(strategy, one, recorded.get(one.of), language) for one in waiting(own, now.timestamp())
        ],
        "open": sum([choice.on for choice in chosen]),
        "cards": list(_cards(loop, entries, language)),
        "looks": [line_text(line, strategy, language) for line in reversed(looks)],
        "merges": [],
        "merged": len(person.sides) > 1,
        "unknown": list(_unknown(loop, own, now.timestamp(), language)),
        "objected": MARKETING in own.objections,
        "restricted": own.restricted,
        "entries": len(entries),
    }


def _unknown(loop: Processor, person: Customer, now: float, language: str) -> Iterator[str]:
    """What is not known any more of this person, each since when."""
    strategy, words = loop.strategy, pages.WORDS[language].portal
    for one in stale_sources(strategy.brand, person, now):
        name = one.name
        if one.source == "device":
            profile = person.devices[one.name].profile
            device = strategy.devices.get(profile)
            name = (device.name if device is not None else "") or profile
        day = long_day(one.since, strategy.brand.zone, language)
        yield typeset(str(getattr(words.unknown, one.source)).format(name=name, day=day), language)


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
