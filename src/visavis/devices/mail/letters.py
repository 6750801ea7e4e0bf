"""E-mail: the channel when no device can be reached; only to persons who opened its purpose, stopped by one click.

A letter has the words of the card, plain and as HTML, a link to answer and one to stop (RFC 8058, a POST). It loads
nothing, and since mail filters open links, only a POST changes anything. It cannot be recalled; the page behind its
link shows only a card that may still be shown.
References: RFC 5321 and 5322 (mail), RFC 2369 and 8058 (``List-Unsubscribe``), RFC 3834 (``Auto-Submitted``).
"""

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from starlette.routing import Route

from visavis.config import Mail
from visavis.delivery.addresses import Addresses
from visavis.delivery.outgoing import LOCAL
from visavis.delivery.screens import Screens
from visavis.devices.mail.address import checked
from visavis.devices.mail.pages import LetterPages
from visavis.devices.mail.words import words
from visavis.http.access_keys import AccessKeys
from visavis.http.inline_page import InlinePage
from visavis.model.errors import Invalid
from visavis.ports import DeliveryResult, Message
from visavis.runtime.writer import Writer
from visavis.strategy.read import Strategy

KIND: Final = "mail"
TIMEOUT_S: Final = 8.0
LETTER: Final = InlinePage(Path(__file__).with_name("letter.html"))


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
        return await asyncio.to_thread(self._sent, self.letter(message, to), to)

    async def recall(self, person: str, device: str, decision: str) -> None:
        """A letter cannot be recalled; the page behind its link no longer shows the card."""

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
        html = LETTER.rendered(card=card, place=message.place, words=also, on=on, off=off)
        letter.add_alternative(html, subtype="html", cte="quoted-printable")
        return letter

    def _sent(self, letter: EmailMessage, to: str) -> DeliveryResult:
        """Send the letter by SMTP: before its data nothing was sent, after them only an answer decides."""
        server: smtplib.SMTP | None = None
        try:
            try:
                server = self._connected()
                for code, _ in (server.mail(self._sender.addr_spec), server.rcpt(to)):
                    if code >= 300:
                        return _not_taken(code)
            except (smtplib.SMTPException, OSError) as error:
                return DeliveryResult("not_sent", type(error).__name__)
            try:
                code, _ = server.data(letter.as_bytes())
            except smtplib.SMTPDataError as error:
                return _not_taken(error.smtp_code)
            except (smtplib.SMTPException, OSError) as error:
                return DeliveryResult("unsure", type(error).__name__)
            return DeliveryResult("taken") if code < 300 else _not_taken(code)
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
        """The brand sets an address; the person answers or stops, by the links of a letter."""
        return LetterPages(writer, access, self._screens, self._addresses, self._mail.purpose).routes()


def _not_taken(code: int) -> DeliveryResult:
    return DeliveryResult("refused" if code >= 500 else "not_sent", f"the mail server answered {code}")
