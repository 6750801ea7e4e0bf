"""E-mail: the way that is left when no device can be reached.

Only for cards that last, only to persons who opened the purpose of it, and stopped by one click.

A letter holds the few words of the card, plain and as HTML, a link to answer and one to stop (RFC 8058: the mail
program's own button, a POST without a page). It loads nothing, and nobody learns whether it was opened. Opening a link
changes nothing either, since mail filters open links: answers and stops are POSTs. What a letter says cannot be taken
back; its page is judged anew at each look.

References: RFC 5321 and 5322 (mail), RFC 2369 and 8058 (``List-Unsubscribe``), RFC 3834 (``Auto-Submitted``).
"""

import asyncio
import re
import smtplib
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from visavis.cards.compose import compose
from visavis.config import Mail
from visavis.delivery.addresses import Addresses
from visavis.delivery.screens import Screens
from visavis.devices.mail.words import page, words
from visavis.http import bodies
from visavis.http.access_keys import AccessKeys
from visavis.http.requests import json_body, key_of
from visavis.http.routes import Operation, route
from visavis.model.card import Card
from visavis.model.errors import Invalid
from visavis.model.moment import Answered, Withdrew
from visavis.ports import DeliveryResult, Message
from visavis.runtime.writer import Writer
from visavis.strategy.read import Strategy
from visavis.strategy.tables import ID_LIMIT

KIND: Final = "mail"
TIMEOUT_S: Final = 8.0
LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})
ADDRESS_LIMIT: Final = 254
_PATH: Final = "/v1/people/{person}/mail"
ADDRESS: Final = Operation(
    "PUT", _PATH, "Where letters go, until the person stops them.", ("brand",), request=bodies.Address, status=204
)
NO_ADDRESS: Final = Operation("DELETE", _PATH, "Stop letters.", ("brand",), status=204)
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
PLAIN: Final = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII | re.IGNORECASE
)
"""Letters, digits and the usual signs: what mail servers everywhere take. A quoted or accented name is refused."""
PAGE: Final = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Letters:
    """The channel. ``now`` gives epoch seconds."""

    name: Final = KIND

    def __init__(
        self, mail: Mail, strategy: Strategy, screens: Screens, addresses: Addresses, now: Callable[[], float]
    ) -> None:
        purpose = strategy.purposes.get(mail.purpose)
        if purpose is None or purpose.basis != "consent":
            raise Invalid(
                "`mail.purpose` is no purpose of the strategy that a person opens.",
                advice="Add one to purposes.toml, with its notice.",
            )
        if not mail.url.startswith("https://"):
            raise Invalid(
                "`mail.url` is not an https address.", advice="Give this server's public address: letters link to it."
            )
        if mail.security == "none" and mail.host not in LOCAL:
            raise Invalid("Letters would leave in clear.", advice="Set `mail.security` to starttls or tls.")
        self.least_s = mail.least_s
        self._mail = mail
        self._sender = Address(strategy.brand.name, addr_spec=checked(mail.sender))
        self._screens = screens
        self._addresses = addresses
        self._now = now

    def reaches(self, person: str, device: str) -> bool:  # noqa: ARG002  a letter is read anywhere
        """Whether this person gave an address, and may be written to now."""
        return self._screens.open_to(person, self._mail.purpose) and self._addresses.has(person, KIND)

    async def deliver(self, message: Message) -> DeliveryResult:
        """Hand the letter to the mail server."""
        to = self._addresses.of(message.person, KIND).get("", b"").decode()
        if not to or not self._screens.open_to(message.person, self._mail.purpose):
            return DeliveryResult("nobody", "no address, or not allowed")
        return await asyncio.to_thread(self._handed, self.letter(message, to), to)

    async def recall(self, person: str, device: str, decision: str) -> None:
        """A letter cannot be taken back; its page shows nothing of it from now on."""

    def letter(self, message: Message, to: str) -> EmailMessage:
        """The letter of this card."""
        card, also = message.card, words(message.card.language)
        off = f"{self._mail.url.rstrip('/')}/mail/off/{self._addresses.ticket('off', message.person)}"
        on = f"{self._mail.url.rstrip('/')}/mail/card/{self._addresses.ticket('card', message.person, card.decision)}"
        letter = EmailMessage(policy=SMTP)
        letter["From"], letter["To"], letter["Subject"] = self._sender, to, " ".join(card.title.splitlines())
        letter["Date"] = format_datetime(datetime.fromtimestamp(self._now(), UTC))
        letter["Message-ID"] = f"<{card.decision}@{self._sender.domain}>"
        letter["Content-Language"], letter["Auto-Submitted"] = card.language, "auto-generated"
        letter["Expires"] = format_datetime(datetime.fromtimestamp(message.until, UTC))
        letter["List-Unsubscribe"], letter["List-Unsubscribe-Post"] = f"<{off}>", "List-Unsubscribe=One-Click"
        lines = [message.place, "", card.title, card.body, "", card.why, "", also["answer"], on, "", also["stop"], off]
        letter.set_content("\n".join(lines) + "\n", cte="quoted-printable")
        html = (
            f'<!doctype html><html lang="{escape(card.language)}"><meta'
            f' charset="utf-8"><title>{escape(card.title)}</title><body style="font:16px/1.5'
            f' sans-serif;max-width:34em;margin:auto;padding:24px"><p>{escape(message.place)}</p><h1'
            f' style="font-size:24px">{escape(card.title)}</h1><p>{escape(card.body)}</p><p><a'
            f' href="{on}">{escape(also["answer"])}</a></p><p style="color:#555">{escape(card.why)}</p><p'
            f' style="color:#555"><a href="{off}">{escape(also["stop"])}</a></p></body></html>'
        )
        letter.add_alternative(html, subtype="html", cte="quoted-printable")
        return letter

    def _handed(self, letter: EmailMessage, to: str) -> DeliveryResult:
        """Speak to the mail server.

        Up to the letter itself nothing was sent, surely; once it is on its way, only an answer says what became of it.
        """
        server: smtplib.SMTP | None = None
        try:
            try:
                server = self._connected()
                for code, _ in (server.mail(self._sender.addr_spec), server.rcpt(to)):
                    if code >= 300:
                        return DeliveryResult(
                            "refused" if code >= 500 else "not_sent", f"the mail server answered {code}"
                        )
            except (smtplib.SMTPException, OSError) as error:
                return DeliveryResult("not_sent", type(error).__name__)
            try:
                code, _ = server.data(letter.as_bytes())
            except smtplib.SMTPDataError as error:
                return DeliveryResult(
                    "refused" if error.smtp_code >= 500 else "not_sent", f"the mail server answered {error.smtp_code}"
                )
            except (smtplib.SMTPException, OSError) as error:
                return DeliveryResult("unsure", type(error).__name__)
            return DeliveryResult(
                "taken" if code < 300 else "refused" if code >= 500 else "not_sent",
                "" if code < 300 else f"the mail server answered {code}",
            )
        finally:
            if server is not None:
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
                server.close()

    def _connected(self) -> smtplib.SMTP:
        mail = self._mail
        if mail.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                mail.host, mail.port, timeout=TIMEOUT_S, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT_S)
        try:
            if mail.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            server.ehlo_or_helo_if_needed()
            if mail.user:
                server.login(mail.user, mail.password)
        except BaseException:
            server.close()
            raise
        return server

    def routes(self, writer: Writer, access: AccessKeys) -> list[Route]:
        """The brand tells an address; the person answers or stops, by the links of a letter."""
        loop, strategy = writer.processor, writer.processor.strategy

        async def told_of(request: Request) -> Response:
            key_of(request, access, "brand")
            person = request.path_params["person"]
            if len(person) > ID_LIMIT:
                raise Invalid(
                    f"A person's id has at most {ID_LIMIT} characters.", advice="Send the one that their moments name."
                )
            self._addresses.keep(person, KIND, "", checked((await json_body(request)).get("address", "")).encode())
            return Response(status_code=204)

        async def untold(request: Request) -> Response:
            key_of(request, access, "brand")
            self._addresses.drop(request.path_params["person"], KIND)
            return Response(status_code=204)

        def language(person: str) -> str:
            return strategy.language_for(loop.customer(person))

        def about(person: str, said: str, forms: Sequence[tuple[str, str]] = ()) -> Response:
            spoken = language(person)
            return HTMLResponse(page(spoken, strategy.brand.name, words(spoken).get(said, said), forms), headers=PAGE)

        async def asks_off(request: Request) -> Response:
            (person,) = self._addresses.read("off", request.path_params["ticket"])
            return about(person, "stop_ask", [(request.url.path, words(language(person))["stop_do"])])

        async def off(request: Request) -> Response:
            (person,) = self._addresses.read("off", request.path_params["ticket"])
            if self._screens.open_to(person, self._mail.purpose):
                at = loop.clock.now()
                await writer.process(
                    Withdrew(
                        id=f"unsubscribed-{at:%Y%m%d%H%M%S%f}",
                        customer=person,
                        occurred_at=at,
                        purpose=self._mail.purpose,
                    )
                )
            self._addresses.drop(person, KIND)
            return about(person, "stopped")

        def card_of(request: Request) -> tuple[str, Card | None]:
            person, decision = self._addresses.read("card", request.path_params["ticket"])
            found = self._screens.card(person)
            if found is None or found.show.id != decision:
                return person, None
            spot = found.entry.moment.at
            return person, compose(strategy, found.show, language(person), place=spot.place if spot is not None else "")

        async def asks(request: Request) -> Response:
            person, card = card_of(request)
            if card is None:
                return about(person, "over")
            return about(
                person,
                card.title,
                [
                    (f"{request.url.path}/{answer}", said)
                    for answer, said in (("yes", card.yes), ("no", card.no))
                    if said
                ],
            )

        async def answer(request: Request) -> Response:
            person, card = card_of(request)
            said = request.path_params["answer"]
            if said not in ("yes", "no"):
                raise Invalid("The answer is yes or no.")
            if card is None:
                return about(person, "over")
            decision, at = card.decision, loop.clock.now()
            await writer.process(
                Answered(id=f"answer-{decision}"[:128], customer=person, occurred_at=at, decision=decision, answer=said)
            )
            return about(person, "answered")

        return [
            route(ADDRESS, told_of),
            route(NO_ADDRESS, untold),
            route(ASK_STOP, asks_off),
            route(STOP, off),
            route(LINKED_CARD, asks),
            route(LINKED_ANSWER, answer),
        ]


def checked(address: object) -> str:
    """The address, when a letter can go there: one plain address, no name, no line break.

    Else :class:`Invalid`, which does not repeat it.

    >>> checked("camille@example.org")
    'camille@example.org'
    """
    if isinstance(address, str) and len(address) <= ADDRESS_LIMIT and PLAIN.fullmatch(address):
        return address
    raise Invalid("This is not an e-mail address.", advice="Write one such as name@example.org.")
