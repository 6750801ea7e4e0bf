"""Two customers who say that they are one person: each confirms on their own page, or by a one-time code.

A code is random, for one person, for two weeks and one use; a new one ends the one before. Only its keyed hash is kept.
It has 39 random bits; ten wrong codes about one person end the attempts for a day. The brand makes one only for who has
no device: whoever has one confirms on their own page, or makes the code there.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from hmac import compare_digest
from secrets import token_hex
from typing import Any, Final

from limits import RateLimitItemPerDay
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from msgspec import Struct

from visavis.consent.confirmation import OWN
from visavis.model.entry import Origin
from visavis.model.errors import Refused
from visavis.model.ids import own_id
from visavis.model.moment import Merging
from visavis.rights.one_time_codes import new_code, shown, typed
from visavis.rights.people import People, UnknownPerson
from visavis.runtime.linking import WaitingMerge

CODE_DAYS: Final = 14
WRONG_LIMIT: Final = RateLimitItemPerDay(10)
NOT_VALID: Final = "This code is not valid, or nothing waits for it."


class MergeCode(Struct, frozen=True):
    """A one-time code by which its holder agrees to be merged; it is shown this once."""

    code: str
    expires_at: datetime


class Merges:
    """The merges that wait for persons of one server; ``secret`` keys the hashes of codes.

    ``has_device`` says whether this customer has a device of their own.
    """

    def __init__(self, people: People, secret: bytes, has_device: Callable[[str], bool]) -> None:
        self._people = people
        self._secret = secret[:64]
        self._has_device = has_device
        self._attempts = FixedWindowRateLimiter(MemoryStorage())

    def waiting(self, name: str) -> list[WaitingMerge]:
        """The merges that wait for this one, or after they confirmed for the other."""
        return self._people.processor.linking.waiting(name, self._people.now().timestamp())

    async def answer(self, name: str, merge: str, origin: Origin, *, yes: bool) -> None:
        """Confirm or refuse, on one's own page; when both have confirmed, the two are merged."""
        if merge not in [one.merge for one in self.waiting(name)]:
            raise UnknownPerson("Nothing waits under this number.", advice="Look at your page again: it may be over.")
        await self._people.process(
            Merging(step="confirmed" if yes else "refused", merge=merge, method="page", **self._base(name)), origin
        )

    async def code(self, name: str, origin: Origin) -> MergeCode:
        """A new code for this one, who must be known; :class:`Refused` to the brand when they have a device."""
        self._people.find(name)
        own = origin.role in OWN
        if not own and self._confirms_alone(name):
            raise Refused("This person has a device.", advice="They confirm on their own page, or make the code there.")
        code = new_code()
        until = self._people.now() + timedelta(days=CODE_DAYS)
        made = Merging(
            step="coded", code=self._hashed(name, code, own=own), method="code", until=until, **self._base(name)
        )
        await self._people.process(made, origin)
        return MergeCode(shown(code), until)

    async def confirm_by_code(self, name: str, code: str, origin: Origin) -> None:
        """Confirm the one merge that waits for this one, by their code; :class:`Refused` alike whatever is wrong."""
        if not self._attempts.test(WRONG_LIMIT, name):
            raise Refused("Too many wrong codes.", advice="Try again tomorrow, or ask for confirmation on their page.")
        known, until = self._people.processor.customer(name).profile(name).code
        plain = typed(code)
        merges = [one.merge for one in self.waiting(name)]
        own = compare_digest(known, self._hashed(name, plain, own=True))
        given = compare_digest(known, self._hashed(name, plain, own=False)) and not self._confirms_alone(name)
        valid = (own or given) and self._people.now().timestamp() < until
        if not valid or len(merges) != 1:
            self._attempts.hit(WRONG_LIMIT, name)
            raise Refused(NOT_VALID, advice="Link the identifier first, then give the code as it was written.")
        await self._people.process(
            Merging(step="confirmed", merge=merges[0], method="code", **self._base(name)), origin
        )

    def _base(self, name: str) -> dict[str, Any]:
        return {"id": own_id("merging", token_hex(8)), "customer": name, "occurred_at": self._people.now()}

    def _confirms_alone(self, name: str) -> bool:
        return any(self._has_device(one) for one in self._people.processor.names(name))

    def _hashed(self, name: str, code: str, *, own: bool) -> str:
        """The hash of a code of this one, which they made on their ``own`` page, or the brand for them."""
        text = f"{'own' if own else 'given'}\0{name}\0{code}".encode("utf-8", "surrogatepass")
        return blake2b(text, key=self._secret, digest_size=16).hexdigest()
