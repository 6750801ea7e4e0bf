"""The pages behind the links of a letter, to answer its card or to stop letters; and setting a person's address."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.delivery.addresses import Addresses
from visavis.delivery.answers import Answers
from visavis.delivery.screens import Screens
from visavis.devices.mail.address import checked
from visavis.devices.mail.words import words
from visavis.http.access_keys import AccessKeys
from visavis.http.bodies import Address, read_body
from visavis.http.inline_page import SELF, InlinePage
from visavis.http.requests import key_of, person_in
from visavis.http.routes import Operation, route
from visavis.model.card import Card
from visavis.model.consent import OPENS
from visavis.model.entry import Origin
from visavis.model.errors import Invalid
from visavis.model.ids import own_id
from visavis.model.moment import Withdrew
from visavis.runtime.writer import Writer

KIND: Final = "mail"
PAGE: Final = InlinePage(Path(__file__).with_name("page.html"))
_PATH: Final = "/v1/people/{person}/mail"
ADDRESS: Final = Operation(
    "PUT", _PATH, "Where letters go, until the person stops them.", ("brand",), reads=(), request=Address, status=204
)
NO_ADDRESS: Final = Operation("DELETE", _PATH, "Stop letters.", ("brand",), reads=(), status=204)
# What a letter links to: its ticket is the key, and only this server can read whose it is.
ASK_STOP: Final = Operation(
    "GET", "/mail/off/{ticket}", "Whether to stop letters.", response="text/html", errors=(403,)
)
STOP: Final = Operation("POST", "/mail/off/{ticket}", "Stop letters.", response="text/html", errors=(403, 503))
LINKED_CARD: Final = Operation(
    "GET", "/mail/card/{ticket}", "The card of a letter.", response="text/html", errors=(403,)
)
LINKED_ANSWER: Final = Operation(
    "POST", "/mail/card/{ticket}/{answer}", "Answer it.", response="text/html", errors=(403, 422, 503)
)
METHOD: Final = "mail"
LINK: Final = Origin("person", surface="mail", method="link")
"""The ``method`` of a withdrawal made by the link of a letter."""


class LetterPages:
    """The routes; ``purpose`` is the one under which letters are sent."""

    def __init__(
        self, writer: Writer, access: AccessKeys, screens: Screens, addresses: Addresses, purpose: str
    ) -> None:
        self._writer = writer
        self._strategy = writer.processor.strategy
        self._access = access
        self._screens = screens
        self._addresses = addresses
        self._purpose = purpose
        self._answers = Answers(writer)

    def routes(self) -> list[Route]:
        """A person's address, and the pages."""
        return [
            route(ADDRESS, self._set_address),
            route(NO_ADDRESS, self._delete_address),
            route(ASK_STOP, self._stop_page),
            route(STOP, self._stop),
            route(LINKED_CARD, self._card_page),
            route(LINKED_ANSWER, self._answer),
        ]

    async def _set_address(self, request: Request) -> Response:
        key_of(request, self._access, "brand")
        person = person_in(request)
        address = checked((await read_body(request, Address)).address)
        self._addresses.keep(person, KIND, "", address.encode())
        return Response(status_code=204)

    async def _delete_address(self, request: Request) -> Response:
        key_of(request, self._access, "brand")
        self._addresses.drop(person_in(request), KIND)
        return Response(status_code=204)

    async def _stop_page(self, request: Request) -> Response:
        (person,) = self._addresses.read("off", request.path_params["ticket"])
        also = words(self._language(person))
        return self._page(person, also["stop_ask"], [(request.url.path, also["stop_do"])])

    async def _stop(self, request: Request) -> Response:
        (person,) = self._addresses.read("off", request.path_params["ticket"])
        choice = self._writer.processor.side(person).consents.get(self._purpose)
        if choice is not None and choice.status in OPENS:
            at = self._writer.processor.clock.now()
            name = own_id("unsubscribed", f"{at:%Y%m%d%H%M%S%f}")
            await self._writer.process(
                Withdrew(id=name, customer=person, occurred_at=at, purpose=self._purpose, method=METHOD), LINK
            )
        self._addresses.drop(person, KIND)
        return self._page(person, words(self._language(person))["stopped"])

    async def _card_page(self, request: Request) -> Response:
        person, card = self._card(request)
        if card is None:
            return self._page(person, words(self._language(person))["over"])
        forms = [(f"{request.url.path}/{answer}", label) for answer, label in (("yes", card.yes), ("no", card.no))]
        return self._page(person, card.title, [form for form in forms if form[1]])

    async def _answer(self, request: Request) -> Response:
        person, card = self._card(request)
        answer, also = request.path_params["answer"], words(self._language(person))
        if answer not in ("yes", "no"):
            raise Invalid("The answer is yes or no.")
        if card is None:
            return self._page(person, also["over"])
        await self._answers.enter(self._answers.answered(person, card.decision, answer), LINK)
        return self._page(person, also["answered"])

    def _card(self, request: Request) -> tuple[str, Card | None]:
        """The person of this ticket, and its card if it may still be shown."""
        person, decision = self._addresses.read("card", request.path_params["ticket"])
        found = self._screens.card(person)
        if found is None or found.show.id != decision:
            return person, None
        return person, found.card(self._strategy, self._language(person))

    def _language(self, person: str) -> str:
        return self._strategy.language_for(self._writer.processor.customer(person))

    def _page(self, person: str, sentence: str, forms: Sequence[tuple[str, str]] = ()) -> Response:
        """A page of one sentence, with a button for each form: (address, label)."""
        language, brand = self._language(person), self._strategy.brand.name
        return PAGE.response({"form-action": SELF}, language=language, brand=brand, sentence=sentence, forms=forms)
