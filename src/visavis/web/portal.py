"""A person's own page: my choices, why each card, who looked, take away, erase.

One column, plain words, and a no as near as a yes.

Everything is rendered here, from the person's own entries; each gesture sends one request and gets the page as it is
then.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from secrets import token_hex
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
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
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.requests import PAGE, guarded, json_body, key_of, with_cookie
from visavis.ledger.personal_view import LOOKED, OwnLine, lines_of
from visavis.ledger.personal_view import told as said
from visavis.model.consent import OPENS
from visavis.model.decision import Show
from visavis.model.entry import Entry
from visavis.model.errors import Invalid, Refused
from visavis.model.moment import Moment
from visavis.rights.requests import Requests
from visavis.runtime.loop import Loop
from visavis.runtime.writer import Writer
from visavis.strategy.read import Strategy
from visavis.web import pages

COOKIE: Final = "visavis-me"
PATH: Final = "/me"
CARDS: Final = 5
LOOKS: Final = 12
CHANGES: Final = 3
"""How many data of one card are told with what would have been without them: the others are one request away."""
MONTH_DAYS: Final = 30.4
MARKETING: Final = "marketing"
LOCALES: Final = {"fr": "fr_FR", "en": "en_GB"}
Hearing = Callable[[Loop, str, str, Iterable[tuple[bytes, bytes]]], Moment | None]


class PurposeRow(Struct, frozen=True):
    """One use of data: how it is protected, what is given, what is received and what that brought.

    ``said`` is the choice that stands, in words.
    """

    purpose: str
    name: str
    protects: str
    gives: str
    gets: str
    brought: str
    on: bool
    trial: bool
    refused: bool
    said: str
    closed: str


class ShownCard(Struct, frozen=True):
    """One card that was shown: its words, when, why, and what would have changed it."""

    decision: str
    title: str
    when: str
    why: str
    changes: tuple[str, ...]


def routes(writer: Writer, access: AccessKeys, everybody: Accounts, desk: Requests, *, heard: Hearing) -> list[Route]:
    """The page, its key, and the gestures on it.

    ``heard`` is what a browser says for its person besides, before the gesture.
    """
    loop = writer.loop

    def own(request: Request) -> AccessKey:
        return key_of(request, access, "device", cookie=COOKIE)

    def language_of(request: Request, name: str) -> str:
        return pages.language_of(request, loop.strategy, loop.customer(name))

    async def page(request: Request) -> Response:
        try:
            name = own(request).subject
        except Refused:
            return pages.page("portal.html", pages.language_of(request, loop.strategy), path=PATH, me=None)
        language = language_of(request, name)
        return pages.page("portal.html", language, path=PATH, me=await me(name, language))

    async def me(name: str, language: str) -> dict[str, Any]:
        entries, lines = await writer.ask(lambda: (loop.life(name), lines_of(loop.log, loop.names(name))))
        return await asyncio.to_thread(seen, loop, everybody, name, entries, lines, language)

    async def now(request: Request, name: str) -> Response:
        language = language_of(request, name)
        return HTMLResponse(pages.rendered("_portal.html", language, me=await me(name, language)), headers=PAGE)

    async def enter(request: Request) -> Response:
        token = str((await json_body(request)).get("key", ""))
        if access.check(token).role != "device":
            raise Refused("This is not a person's own key.", advice="Make one: visavis key device PERSON.")
        return with_cookie(request, Response(status_code=204), COOKIE, token, PATH)

    async def choose(request: Request) -> Response:
        name, body = own(request).subject, await json_body(request)
        purpose, on, trial = (
            loop.strategy.purposes.get(str(body.get("purpose", ""))),
            body.get("on"),
            body.get("trial", False),
        )
        if purpose is None or purpose.basis != "consent" or not isinstance(on, bool) or not isinstance(trial, bool):
            raise Invalid(
                "This is no choice.", advice='Send {"purpose": KEY, "on": true}, with "trial": true to try it.'
            )
        at, cause = loop.clock.now(), f"me-{token_hex(6)}"
        if (signal := heard(loop, name, cause, request.headers.raw)) is not None:
            await writer.process(signal)
        for moment in switched(
            loop.strategy, name, purpose.key, on=on, trial=trial, language=language_of(request, name), id=cause, at=at
        ):
            await writer.process(moment)
        return await now(request, name)

    async def objects(request: Request) -> Response:
        name = own(request).subject
        await desk.object(name, MARKETING, on=_on(await json_body(request)))
        return await now(request, name)

    async def restrict(request: Request) -> Response:
        name = own(request).subject
        await desk.restrict(name, on=_on(await json_body(request)))
        return await now(request, name)

    async def copy(request: Request) -> Response:
        found = await desk.export(own(request).subject)
        headers = {
            "cache-control": "no-store",
            "content-disposition": 'attachment; filename="my-data.json"',
            "x-content-type-options": "nosniff",
        }
        return Response(msgspec.json.encode(found), media_type="application/json", headers=headers)

    async def erase(request: Request) -> Response:
        name, language = own(request).subject, pages.language_of(request, loop.strategy)
        if (await json_body(request)).get("erase") is not True:
            raise Invalid("Nothing was erased.", advice='Send {"erase": true}.')
        receipt = await desk.erase(name)
        kept = [words[language] for words in receipt.kept.values()]
        return HTMLResponse(pages.rendered("_erased.html", language, erased=receipt.erased, kept=kept), headers=PAGE)

    return [
        Route(PATH, page),
        *[
            Route(f"{PATH}/{name}", guarded(endpoint), methods=[method])
            for name, endpoint, method in (
                ("enter", enter, "POST"),
                ("choose", choose, "POST"),
                ("object", objects, "POST"),
                ("restrict", restrict, "POST"),
                ("copy", copy, "GET"),
                ("erase", erase, "POST"),
            )
        ],
    ]


def seen(
    loop: Loop, everybody: Accounts, name: str, entries: list[Entry], lines: list[OwnLine], language: str
) -> dict[str, Any]:
    """Everything on the page of this person now."""
    strategy, person, now = loop.strategy, loop.customer(name), loop.clock.now()
    counted = {
        one.purpose: one
        for one in benefits(
            strategy, loop.world, everybody, loop.customer, name, entries, loop.randomization_key, now, language
        )
    }
    looked = [line for line in lines if line.leaf.outcome in LOOKED and line.leaf.categories][-LOOKS:]
    chosen = [choice for choice in choices(strategy, person, language, now.timestamp()) if choice.basis == "consent"]
    return {
        "brand": strategy.brand.name,
        "rows": [_row(strategy, choice, counted[choice.purpose], language) for choice in chosen],
        "open": sum([choice.on for choice in chosen]),
        "cards": list(_cards(loop, entries, language)),
        "looks": [said(line, strategy, language) for line in reversed(looked)],
        "objected": MARKETING in person.objections,
        "restricted": person.restricted,
        "entries": len(entries),
    }


def _row(strategy: Strategy, choice: Choice, brought: Benefit, language: str) -> PurposeRow:
    words, purpose = pages.WORDS[language].portal, strategy.purposes[choice.purpose]
    called = getattr(getattr(pages.WORDS[language].stage.purposes, choice.purpose, None), "gives", "")
    readers = ", ".join([strategy.brand.name, *choice.recipients])
    zone, status = ZoneInfo(strategy.brand.zone), choice.status

    def day(at: float) -> str:
        return format_date(datetime.fromtimestamp(at, zone), "long", locale=LOCALES[language])

    said = ""
    if status in OPENS:
        said = (words.trial_until if choice.trial else words.yes_since).format(
            day=day(choice.until if choice.trial else choice.since)
        )
    elif status == "expired":
        said = words.expired.format(day=day(choice.until))
    elif status not in ("unknown", "requested"):
        said = words.no_since.format(day=day(choice.since))
    closed = choice.closed_by.partition(":")[0]
    return PurposeRow(
        choice.purpose,
        called or choice.benefit.rstrip("."),
        typeset(words.protects.format(months=round(purpose.duration_days / MONTH_DAYS), who=readers), language),
        typeset(choice.notice_text, language),
        typeset(choice.benefit, language),
        brought.text,
        status in OPENS and not choice.trial,
        status in OPENS and choice.trial,
        status in ("refused", "withdrawn"),
        said,
        getattr(words.closed, closed) if closed else "",
    )


def _cards(loop: Loop, entries: list[Entry], language: str) -> Iterable[ShownCard]:
    """The last cards and briefs about this person, each explained."""
    zone = ZoneInfo(loop.strategy.brand.zone)
    walked = deque(
        ((before, entry) for before, entry in walk(entries) if any(isinstance(one, Show) for one in entry.decisions)),
        CARDS,
    )
    last = [
        (before, entry, one) for before, entry in reversed(walked) for one in entry.decisions if isinstance(one, Show)
    ][:CARDS]
    for before, entry, decision in last:
        told = why(
            loop.strategy, loop.worlds.get(entry.world), before, entry, decision.id, loop.randomization_key, language
        )
        when = format_datetime(entry.received_at.astimezone(zone), "d MMMM, HH:mm", locale=LOCALES[language])
        yield ShownCard(
            decision.id, told.title or pages.WORDS[language].portal.brief, when, told.plain[language], _changes(told)
        )


def _changes(told: Why) -> tuple[str, ...]:
    """What would have changed it; a datum says more than its kind."""
    counted = [one for one in told.used if one.without and one.change != "same"]
    finer = {one.category for one in counted if one.datum}
    return tuple([one.without for one in counted if one.datum or one.category not in finer][:CHANGES])


def _on(body: dict[str, Any]) -> bool:
    on = body.get("on")
    if not isinstance(on, bool):
        raise Invalid("`on` is true or false.", advice='Send {"on": true}.')
    return on
