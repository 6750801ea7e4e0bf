"""Callbacks of the Mirror API: a POST to a person's own programs at each change of their timeline.

The origin (scheme, host, port) must be in the server's settings, at the subscription and at each attempt. No redirect,
no proxy, no response body. The protocol has no signature: the receiver compares the ``verifyToken`` that it chose.
Reference: Google, *Mirror API: Subscriptions*, 2014.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

import httpx
import msgspec
from msgspec import Struct

from visavis.delivery import outgoing
from visavis.delivery.outgoing import address_of
from visavis.devices.mirror.resources import MirrorSubscription
from visavis.devices.mirror.timelines import Timelines
from visavis.model.errors import Invalid

TIMEOUT_S: Final = 5.0
BACKOFF_S: Final = (1.0, 5.0, 30.0)
WAITING_LIMIT: Final = 1_000
AT_ONCE: Final = 16
log = logging.getLogger("visavis.mirror")


class UserAction(Struct, frozen=True):
    """What the person did; of ``CUSTOM`` the payload is the menu item's id."""

    type: str
    payload: str = ""


class MirrorNotification(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What is posted."""

    collection: str
    item_id: str
    operation: str
    user_token: str = ""
    verify_token: str = ""
    user_actions: tuple[UserAction, ...] = ()


def origin(address: str) -> str:
    """The scheme, host and port of an address that may be called, else :class:`Invalid`.

    >>> origin("https://Shop.example/glass?x=1"), origin("http://127.0.0.1:9000/in")
    ('https://shop.example:443', 'http://127.0.0.1:9000')
    """
    url = address_of(address, "The callback")
    return f"{url.scheme}://{url.host}:{url.port or {'https': 443, 'http': 80}[url.scheme]}"


class Callbacks:
    """Notifies subscribers. ``allowed`` are the origins that may be called."""

    def __init__(self, timelines: Timelines, allowed: Iterable[str], client: httpx.AsyncClient | None = None) -> None:
        self._timelines = timelines
        self._allowed = frozenset([origin(one) for one in allowed])
        self._client = client if client is not None else outgoing.client(TIMEOUT_S)
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(AT_ONCE)

    def checked(self, subscription: MirrorSubscription) -> MirrorSubscription:
        """The subscription, when its address may be called."""
        if origin(subscription.callback_url) not in self._allowed:
            raise Invalid(
                "This callback's host is not allowed.",
                advice="The server's settings name those that are, in `callbacks`.",
            )
        return subscription

    def notify(
        self, person: str, collection: str, item: str, operation: str, actions: tuple[UserAction, ...] = ()
    ) -> None:
        """Notify everyone who subscribed to this, without waiting for them."""
        asked = {operation, "MENU_ACTION"} if any(action.type == "CUSTOM" for action in actions) else {operation}
        for name, data in self._timelines.of(person, "subscriptions").items():
            one = msgspec.json.decode(data, type=MirrorSubscription)
            if one.collection != collection or (one.operation and not asked.intersection(one.operation)):
                continue
            if len(self._tasks) >= WAITING_LIMIT:
                log.warning("a callback was not tried: too many wait")
                return
            posted = MirrorNotification(collection, item, operation, one.user_token, one.verify_token, actions)
            delivery = self._delivered(person, name, msgspec.json.encode(posted))
            task = asyncio.get_running_loop().create_task(delivery)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Stop; what was not delivered is lost: a client lists the timeline to catch up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def _delivered(self, person: str, name: str, body: bytes) -> None:
        for pause in (0.0, *BACKOFF_S):
            await asyncio.sleep(pause)
            data = self._timelines.get(person, "subscriptions", name)
            if data is None:
                return
            try:
                url = self.checked(msgspec.json.decode(data, type=MirrorSubscription)).callback_url
                sending = self._client.stream("POST", url, content=body, headers={"content-type": "application/json"})
                async with self._places, asyncio.timeout(TIMEOUT_S), sending as answer:
                    status = answer.status_code
            except Invalid:
                return
            except outgoing.ERRORS as error:
                log.warning("a callback failed", extra={"reason": type(error).__name__})
                continue
            if status < 400:
                return
            log.warning("a callback failed", extra={"reason": f"answered {status}"})
