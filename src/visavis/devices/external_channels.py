"""The channels that need an account elsewhere (push services, Apple, Google, a mail server), as far as set up."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.config import Settings
from visavis.delivery.addresses import Addresses
from visavis.delivery.screens import Screens
from visavis.devices.mail.letters import Letters
from visavis.devices.phone import page as phone
from visavis.devices.phone.page import PASS_FILE
from visavis.devices.wallet import google as google_wallet
from visavis.http.access_keys import AccessKeys
from visavis.http.routes import route
from visavis.model.errors import Invalid, Unavailable
from visavis.ports import Channel
from visavis.runtime.writer import Writer
from visavis.strategy.read import Strategy


class ExternalChannels:
    """What the settings set up. ``now`` gives epoch seconds.

    ``key`` derives a key for one use; ``holds`` says whether a device's key is valid.
    """

    def __init__(
        self,
        settings: Settings,
        addresses: Addresses,
        key: Callable[[str], bytes],
        strategy: Strategy,
        screens: Screens,
        holds: Callable[[str], bool],
        now: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._key = key
        self._now = now
        self.addresses = addresses
        self.push = self.wallet = self.mail = None
        try:
            if settings.push.contact:
                from visavis.devices.phone.web_push import WebPush  # noqa: PLC0415  an extra

                self.push = WebPush(settings.push, self.addresses, key("push"), holds=holds)
            if settings.wallet.certificate:
                from visavis.devices.wallet.apple import Passes  # noqa: PLC0415  an extra

                self.wallet = Passes(settings.wallet, strategy, screens, self.addresses, key("wallet"), now, holds)
        except ImportError:
            raise Invalid(
                "Web Push and Apple Wallet need a package that is not installed.", advice="pip install visavis[push]"
            ) from None
        if settings.mail.host:
            self.mail = Letters(settings.mail, strategy, screens, self.addresses, now)

    @property
    def channels(self) -> list[Channel]:
        """Those that can deliver."""
        return [one for one in (self.push, self.wallet, self.mail) if one is not None]

    def routes(self, writer: Writer, access: AccessKeys, screens: Screens) -> list[Route]:
        """The phone page, and the routes of each channel; one that is not set up answers 503."""

        async def unset(_: Request) -> Response:
            raise Unavailable(
                "Apple Wallet is not set up on this server.",
                advice="Give pass_type, team, certificate, key, issuer and url in `wallet`.",
            )

        passes = {"apple": "/phone/pass.pkpass"} if self.wallet is not None else {}
        passes |= {"google": "/phone/google-pass"} if self._settings.google_wallet.account else {}
        return [
            *phone.routes(writer, access, screens, self.push, passes),
            *(self.wallet.routes(access) if self.wallet is not None else [route(PASS_FILE, unset)]),
            *google_wallet.routes(
                self._settings.google_wallet, writer.processor.strategy, self._key("wallet"), access, self._now
            ),
            *(self.mail.routes(writer, access) if self.mail is not None else []),
        ]

    async def stop(self) -> None:
        """Close what is open."""
        for one in (self.push, self.wallet):
            if one is not None:
                await one.stop()
        self.addresses.close()
