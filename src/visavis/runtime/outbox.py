"""The outbox: what must happen outside, delivered at least once to hosts that were allowed by name, and never after its consent was withdrawn.

An effect is in the log, in the same commit as the yes that caused it; what was delivered is kept beside. After a restart, whatever is in the log and not
marked as done is sent again, under the same idempotency key. Messages are signed as Standard Webhooks 1.0 asks (HMAC-SHA-256 of id, time and body).

Reference: Standard Webhooks, *specification 1.0.0*, 2023 (headers ``webhook-id``, ``webhook-timestamp``, ``webhook-signature``).
"""

import asyncio
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from hmac import compare_digest
from hmac import new as hmac
from pathlib import Path
from time import time
from typing import Final, Literal
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from visavis.model.entry import Effect, Entry
from visavis.model.errors import Invalid, Refused
from visavis.rights.database import emptied, opened

TIMEOUT_S: Final = 5.0
BACKOFF_S: Final = (1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 3600.0, 3600.0, 3600.0)
"""How long after each failure the next attempt comes; after the last one the effect is given up, and the console says so."""
TOLERANCE_S: Final = 300.0
log = logging.getLogger("visavis.outbox")

Status = Literal["waiting", "delivered", "withdrawn", "given_up", "no_target"]


class Target(Struct, frozen=True):
    """Where effects of one kind go. ``secret`` is ``whsec_`` and the base64 of at least 24 random bytes."""

    url: str
    secret: str


class Parcel(Struct, frozen=True):
    """One effect on its way."""

    customer: str
    effect: Effect
    status: Status = "waiting"
    attempts: int = 0
    next_at: float = 0.0
    trouble: str = ""


def checked(targets: Mapping[str, Target], hosts: frozenset[str]) -> dict[str, Target]:
    """The targets, or :class:`Invalid`: a target must be https at an allowed host (http only on this machine), with a proper secret."""
    for kind, target in targets.items():
        url = urlsplit(target.url)
        local = url.hostname in ("127.0.0.1", "localhost", "::1")
        if url.hostname is None or (url.scheme != "https" and not (url.scheme == "http" and local)) or url.username:
            raise Invalid(f"The webhook of `{kind}` is not an https address.", advice="Write https://host/path.")
        if url.hostname not in hosts:
            raise Invalid(f"The host `{url.hostname}` of the webhook `{kind}` is not allowed.", advice="Add it to `hosts`, on purpose.")
        if len(_secret(target.secret)) < 24:
            raise Invalid(f"The secret of the webhook `{kind}` is too short.", advice="Use whsec_ and the base64 of 24 random bytes or more.")
    return dict(targets)


def sign(secret: str, message: str, at: int, body: bytes) -> str:
    """The signature of a message, as its ``webhook-signature`` header holds it.

    >>> sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = hmac(_secret(secret), f"{message}.{at}.".encode() + body, sha256).digest()
    return f"v1,{b64encode(signed).decode()}"


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: float) -> str:
    """The id of a message that really comes from who holds the secret, and is not older than five minutes; else :class:`Refused`."""
    message, at, given = headers.get("webhook-id", ""), headers.get("webhook-timestamp", ""), headers.get("webhook-signature", "")
    if not at.isascii() or not at.isdigit() or abs(now - int(at)) > TOLERANCE_S:
        raise Refused("This message is too old, or has no time.", advice="Check the clocks.")
    expected = sign(secret, message, int(at), body)
    if not any(compare_digest(expected.encode(), one.encode()) for one in given.split(" ")):
        raise Refused("This signature is not right.", advice="Check the secret.")
    return message


class Outbox:
    """Deliver effects. ``open_to`` tells whether the purpose of an action is still open for a person, asked just before each attempt.

    The file holds keyed hashes (under ``secret``) and what became of them, nothing else.
    """

    def __init__(
        self, path: Path | str, targets: Mapping[str, Target], *, open_to: Callable[[str, str], bool], client: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time, secret: bytes = b"",
    ) -> None:  # fmt: skip
        self._targets = dict(targets)
        self._open_to = open_to
        self._client = client if client is not None else httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False)
        self._clock = clock
        self._database = opened(path)
        self._database.execute("CREATE TABLE IF NOT EXISTS parcels (key BLOB PRIMARY KEY, status TEXT, attempts INTEGER, at TEXT) STRICT")
        self._secret = secret
        self._done: dict[bytes, Status] = dict(self._database.execute("SELECT key, status FROM parcels").fetchall())
        self._unheard = set(self._done)
        self.parcels: dict[str, Parcel] = {}
        self._bell = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many effects are still to be delivered."""
        return sum([parcel.status == "waiting" for parcel in self.parcels.values()])

    def passing(self, entry: Entry) -> None:
        """Take in the effects of one entry of the log; those done before are not sent again."""
        for effect in entry.effects:
            name = self._name(effect.key)
            self._unheard.discard(name)
            status: Status = self._done.get(name) or ("waiting" if effect.kind in self._targets else "no_target")
            self.parcels[effect.key] = Parcel(entry.customer, effect, status)
            self._bell.set()
        while len(self.parcels) > 10_000:
            oldest = next((key for key, parcel in self.parcels.items() if parcel.status != "waiting"), None)
            if oldest is None:
                break
            del self.parcels[oldest]

    def forget(self, customer: str, entries: Sequence[Entry]) -> int:
        """Neither deliver nor remember anything of an erased person, whose entries were these; say how many parcels that was."""
        keys = {effect.key for entry in entries for effect in entry.effects} | {key for key, parcel in self.parcels.items() if parcel.customer == customer}
        for key in keys:
            self.parcels.pop(key, None)
        self._drop({self._name(key) for key in keys})
        return len(keys)

    def settle(self) -> None:
        """Once the whole log has passed: drop what is remembered of effects that it does not hold (a person was erased, a backup was put back)."""
        self._drop(self._unheard)
        self._unheard = set()

    def start(self) -> None:
        """Begin to deliver, in the running event loop, once the whole log has passed."""
        self.settle()
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def stop(self) -> None:
        """Stop; an attempt under way may be made again after the next start: at least once."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._client.aclose()
        self._database.close()

    async def _serve(self) -> None:
        while True:
            self._bell.clear()
            now = self._clock()
            ready = [key for key, parcel in self.parcels.items() if parcel.status == "waiting" and parcel.next_at <= now]
            # Each target has its own time: one that hangs does not hold the others back.
            await asyncio.gather(*[self._attempt(key) for key in ready])
            coming = [parcel.next_at for parcel in self.parcels.values() if parcel.status == "waiting"]
            try:
                await asyncio.wait_for(self._bell.wait(), max(0.0, min(coming) - self._clock()) if coming else None)
            except TimeoutError:
                continue

    async def _attempt(self, key: str) -> None:
        parcel = self.parcels.get(key)
        if parcel is None:
            return
        if not self._open_to(parcel.customer, parcel.effect.action):
            self._finish(key, replace(parcel, status="withdrawn"))
            return
        trouble = await self._sent(parcel)
        if key not in self.parcels:
            return  # its person was erased meanwhile
        attempts = parcel.attempts + 1
        if not trouble:
            self._finish(key, replace(parcel, status="delivered", attempts=attempts, trouble=""))
        elif attempts > len(BACKOFF_S):
            log.error("a webhook was given up", extra={"kind": parcel.effect.kind, "reason": trouble})
            self._finish(key, replace(parcel, status="given_up", attempts=attempts, trouble=trouble))
        else:
            log.warning("a webhook failed", extra={"kind": parcel.effect.kind, "reason": trouble, "attempt": attempts})
            self.parcels[key] = replace(parcel, attempts=attempts, next_at=self._clock() + BACKOFF_S[attempts - 1], trouble=trouble)

    def _drop(self, names: set[bytes]) -> None:
        for name in names:
            self._done.pop(name, None)
        self._database.executemany("DELETE FROM parcels WHERE key = ?", [(name,) for name in names])
        emptied(self._database)

    def _name(self, key: str) -> bytes:
        """What an effect is known by at rest: a keyed hash, because its key names a decision, and so a person to who can guess."""
        return blake2b(key.encode(), key=self._secret, digest_size=16).digest()

    async def _sent(self, parcel: Parcel) -> str:
        """Send it once; what went wrong, or nothing."""
        effect = parcel.effect
        target = self._targets[effect.kind]
        at = int(time())
        body = msgspec.json.encode({
            "type": effect.kind, "timestamp": datetime.fromtimestamp(at, UTC).isoformat(),
            "data": {"key": effect.key, "customer": parcel.customer, "action": effect.action, "product": effect.product},
        })  # fmt: skip
        headers = {
            "content-type": "application/json", "idempotency-key": effect.key, "webhook-id": effect.key, "webhook-timestamp": str(at),
            "webhook-signature": sign(target.secret, effect.key, at, body),
        }  # fmt: skip
        try:
            async with asyncio.timeout(TIMEOUT_S), self._client.stream("POST", target.url, content=body, headers=headers) as answer:
                status = answer.status_code
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            return type(error).__name__
        if 200 <= status < 300:
            return ""
        return f"redirected ({status}), which is not followed" if 300 <= status < 400 else f"answered {status}"

    def _finish(self, key: str, parcel: Parcel) -> None:
        self.parcels[key] = parcel
        name = self._name(key)
        self._done[name] = parcel.status
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self._database.execute("INSERT OR REPLACE INTO parcels VALUES (?, ?, ?, ?)", (name, parcel.status, parcel.attempts, at))


def _secret(secret: str) -> bytes:
    try:
        return b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return b""
