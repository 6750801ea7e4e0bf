"""Endpoints about one person: purposes and choices, wallet, and what was decided at one of their moments."""

from collections.abc import Callable
from secrets import token_hex
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response

from visavis.api.signals import objection_in
from visavis.cards.replies import Reply, reply
from visavis.consent.choices import Choice, PurposeSwitch, choices
from visavis.http import problems
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.access_log import record_entry_read
from visavis.http.bodies import json_response, read_body
from visavis.http.requests import key_of, person_in
from visavis.http.routes import PERSON, ApiRoute, Method, Operation, endpoint, routes_of
from visavis.model.consent import OPENS
from visavis.model.customer import Order, Reward
from visavis.model.errors import Invalid, Refused
from visavis.model.ids import own_id
from visavis.rights.choosing import choose
from visavis.runtime.writer import Writer

PATH: Final = "/v1/people/{person}"
_CHOICES: Final[dict[str, Any]] = {"response": list[Choice], "query": ("language",), "reads": ("account",)}
_MAY_WAIT: Final = _CHOICES | {"other_responses": {202: "application/json"}}


class Closing(Struct, frozen=True):
    """A whole category of data, closed."""

    on: Literal[False]


class OwnOrder(Order, frozen=True, array_like=False):
    """An order of the person."""


class OwnReward(Reward, frozen=True, array_like=False):
    """A reward of the person."""


class OwnWallet(Struct, frozen=True):
    """What was ordered and what was granted."""

    orders: tuple[OwnOrder, ...]
    rewards: tuple[OwnReward, ...]


def routes(writer: Writer, access: AccessKeys) -> list[ApiRoute]:
    """The routes under ``/v1/people/{person}`` beside those of explanations, receipts and rights."""
    return routes_of(PersonApi(writer, access))


def about_person(method: str, path: str, summary: str, **more: Any) -> Operation:
    """An operation of a person, or of the brand for them; unless ``more`` says otherwise, it asks the writer (503)."""
    return Operation(method, f"{PATH}/{path}", summary, **{"roles": PERSON, "errors": (503,)} | more)


def person_endpoint(method: str, path: str, summary: str, **more: Any) -> Callable[[Method], Method]:
    """Mark a method as the endpoint of such an operation."""
    return endpoint(about_person(method, path, summary, **more))


class PersonApi:
    """What a person's own page, or the brand for them, asks of this server."""

    def __init__(self, writer: Writer, access: AccessKeys) -> None:
        self._writer = writer
        self._access = access

    @person_endpoint("GET", "wallet", "Orders and rewards.", reads=("orders",), response=OwnWallet, errors=())
    async def wallet(self, request: Request) -> Response:
        """Orders and rewards."""
        name, _ = person(request, self._access)
        customer = self._writer.processor.side(name)
        orders = tuple([OwnOrder(**asdict(one)) for one in customer.orders])
        rewards = tuple([OwnReward(**asdict(one)) for one in customer.rewards])
        return json_response(OwnWallet(orders, rewards))

    @person_endpoint("GET", "purposes", "Every purpose, and what this person chose.", errors=(), **_CHOICES)
    async def purposes(self, request: Request) -> Response:
        """Every purpose and its choice, in the language that was asked for."""
        name, _ = person(request, self._access)
        return json_response(self._choices(request, name))

    @person_endpoint(
        "PUT", "purposes/{purpose}", "Say yes or no to one purpose, at once.", request=PurposeSwitch, **_MAY_WAIT
    )
    async def choose(self, request: Request) -> Response:
        """Process a choice, after the objection that the browser's signal makes; 202 when it waits for the person."""
        name, key = person(request, self._access)
        loop, purpose = self._writer.processor, str(request.path_params["purpose"])
        switch = await read_body(request, PurposeSwitch)
        if (signal := objection_in(loop, name, own_id("choice", token_hex(6)), request.headers.raw)) is not None:
            await self._writer.process(signal, key.origin("api", "Sec-GPC"))
        language = self._language(request, name)
        waits = await choose(self._writer, name, purpose, switch, key.origin("api", "switch"), language)
        return json_response(self._choices(request, name), 202 if waits else 200)

    @person_endpoint(
        "PUT",
        "categories/{category}",
        "Close every purpose that reads this category.",
        request=Closing,
        response=list[Choice],
        reads=("account",),
    )
    async def close(self, request: Request) -> Response:
        """Withdraw every open purpose that reads this category; each is opened by itself, under its own notice."""
        name, key = person(request, self._access)
        loop, category = self._writer.processor, str(request.path_params["category"])
        await read_body(request, Closing)
        purposes = [one for one in loop.strategy.purposes.values() if one.basis == "consent"]
        reading = [purpose.key for purpose in purposes if category in purpose.categories]
        if not reading:
            raise Invalid("No purpose that can be chosen reads this.", advice="GET …/purposes lists them.")
        chosen, origin = loop.side(name).consents, key.origin("api", "category")
        for purpose in reading:
            if purpose in chosen and chosen[purpose].status in OPENS:
                await choose(self._writer, name, purpose, PurposeSwitch(on=False), origin, "")
        return await self.purposes(request)

    @person_endpoint(
        "GET", "moments/{moment:path}", "What was decided at this moment, and why.", reads=(), response=Reply
    )
    async def moment(self, request: Request) -> Response:
        """The answer that this moment got; a read by the brand is recorded."""
        name, key = person(request, self._access)
        loop, moment = self._writer.processor, str(request.path_params["moment"])
        entry = await self._writer.ask(lambda: loop.entry(name, moment))
        if entry is None:
            return problems.response(problems.problem(404, "There is no such moment of this person."))
        if key.role == "brand":
            await record_entry_read(self._writer, entry)
        return json_response(reply(loop.strategy, entry, self._language(request, name), key.role, retried=True))

    def _choices(self, request: Request, name: str) -> list[Choice]:
        loop = self._writer.processor
        now = loop.clock.now().timestamp()
        return choices(loop.strategy, loop.customer(name), self._language(request, name), now, name)

    def _language(self, request: Request, name: str) -> str:
        loop = self._writer.processor
        return loop.strategy.language_for(loop.customer(name), request.query_params.get("language", ""))


def person(request: Request, access: AccessKeys) -> tuple[str, AccessKey]:
    """The person in the path, and the key of the request: the brand's, or that person's own device's."""
    key = key_of(request, access, "brand", "device")
    name = person_in(request)
    if key.role == "device" and key.subject != name:
        raise Refused("This key speaks for another person.", advice="Use that person's own key.")
    return name, key
