"""Reads of a person's data by the brand's staff: each is in the person's log and the ledger before anything is sent.

An endpoint about a person says which categories its answer tells staff (``Operation.reads``); :func:`recorded` records
each such answer. What an endpoint knows better, or answers about many people, it records itself.
"""

from collections.abc import Iterable
from secrets import token_hex
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from visavis.http.access_keys import AccessKeys
from visavis.http.requests import key_of
from visavis.http.routes import STAFF, ApiRoute, route
from visavis.model.entry import Entry
from visavis.model.errors import Refused
from visavis.model.ids import own_id
from visavis.model.moment import Consulted
from visavis.runtime.writer import Writer

TELLING: Final = frozenset({200, 201, 202})
"""The statuses of answers with a body that is about the person."""


def recorded(writer: Writer, access: AccessKeys, one: BaseRoute) -> BaseRoute:
    """The route, which records each of its answers that tells staff of a person who is known here."""
    if not isinstance(one, ApiRoute) or not one.operation.reads:
        return one
    operation, answering, about = one.operation, one.endpoint, one.operation.path.split("/")[4]

    async def answer(request: Request) -> Response:
        response: Response = await answering(request)
        if response.status_code in TELLING:
            key = key_of(request, access, *operation.roles, cookie=operation.cookie)
            if key.role in STAFF:
                await record_staff_access(writer, str(request.path_params["person"]), about, operation.reads or ())
        return response

    return route(operation, answer)


def entry_categories(entry: Entry) -> set[str]:
    """The categories of data that this entry holds."""
    return {entry.moment.category}.union(*[use.categories for use in entry.uses])


async def record_entry_read(writer: Writer, entry: Entry) -> None:
    """Record that this entry is read, of each person whose data it holds, with the categories of these data."""
    await record_staff_access(writer, entry.customer, entry.moment.id, sorted(entry_categories(entry)))
    for used in await writer.ask(lambda: writer.processor.used_of_others(entry)):
        await record_staff_access(writer, used.customer, used.id, used.categories)


async def record_reads(writer: Writer, people: Iterable[str], about: str, categories: Iterable[str]) -> None:
    """Record that each of these people is named in an answer about many."""
    for name in dict.fromkeys(people):
        await record_staff_access(writer, name, about, categories)


async def record_staff_access(writer: Writer, customer: str, about: str, categories: Iterable[str]) -> None:
    """Record a read of ``about``, durably, unless nobody is known by this name.

    :class:`Refused` when nothing is kept of the person any more.
    """
    if not writer.processor.customer(customer).entries:
        return
    name, now = own_id("read", token_hex(8)), writer.processor.clock.now()
    access = Consulted(id=name, customer=customer, occurred_at=now, about=about, categories=tuple(categories))
    if (await writer.process(access)).answer.entry is None:
        raise Refused("Nothing is kept of this person any more.", advice="There is nothing to read.")
