"""The outbox: effects delivered by webhook at least once, to allowed hosts only, while consent stands.

This file keeps their status; what is not done is sent again after a restart under the same idempotency key.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from time import time
from typing import Any, Final, Literal

import httpx
import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from visavis.delivery import outgoing
from visavis.delivery.webhook_targets import Target, sign
from visavis.model.customer import Customer
from visavis.model.entry import Effect, Entry, decode, encode
from visavis.model.moment import Objected, Restricted, Withdrew
from visavis.ports import Projection
from visavis.store.keys import Cipher, derived
from visavis.store.sqlite_file import open_database, truncate_wal

TIMEOUT_S: Final = 5.0
BACKOFF_S: Final = (1.0, 5.0, 30.0, 120.0, 600.0, *[3600.0] * 6, *[14_400.0] * 24)
"""The pause after each failure; after the last one, more than four days later, the effect is given up."""
GONE: Final = 410  # the receiver asks for no more
AT_ONCE: Final = 8  # how many effects of one kind may be on their way at once
KEPT: Final = 10_000
ERASED: Final = "erased"  # an announced erasure: not in the log, sealed here until delivered
log = logging.getLogger("visavis.outbox")

Status = Literal["waiting", "delivered", "withdrawn", "given_up", "no_target"]


class WebhookDelivery(Struct, frozen=True):
    """One effect on its way; ``made_at`` (epoch seconds) is when its entry was received."""

    customer: str
    effect: Effect
    made_at: float
    status: Status = "waiting"
    attempts: int = 0
    next_at: float = 0.0
    trouble: str = ""


class Webhooks(Projection):
    """Delivers effects while ``covered`` by consent, notices once ``erased``; ``secret`` keys what the file holds."""

    name = "webhooks"

    def __init__(
        self,
        path: Path | str,
        targets: Mapping[str, Target],
        *,
        covered: Callable[[str, Effect], bool],
        erased: Callable[[str], bool] = lambda _: True,
        client: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time,
        secret: bytes = b"",
    ) -> None:
        self._targets = dict(targets)
        self._covered = covered
        self._erased = erased
        self._client = client if client is not None else outgoing.client(TIMEOUT_S)
        self._clock = clock
        self._database = open_database(path)
        # What a power cut forgets is sent again under the same key: no need to wait for the disk.
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS parcels (key BLOB PRIMARY KEY, status TEXT, attempts INTEGER, at TEXT) STRICT"
        )
        self._database.execute("CREATE TABLE IF NOT EXISTS notices (key BLOB PRIMARY KEY, data BLOB NOT NULL) STRICT")
        self._secret = secret
        self._lock = Cipher(derived(secret, "notices"))
        self._done: dict[bytes, Status] = dict(self._database.execute("SELECT key, status FROM parcels").fetchall())
        self._unheard = set(self._done)
        self.parcels: dict[str, WebhookDelivery] = {}
        self._targetless: dict[str, WebhookDelivery] = {}
        self.under_way: dict[str, asyncio.Task[None]] = {}
        self._bell = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        for name, data in self._database.execute("SELECT key, data FROM notices WHERE data != x''").fetchall():
            notice = decode(self._lock.open(data, name))
            if all(effect.kind in self._targets for effect in notice.effects):  # else it waits for its target
                self.take_effects(notice)

    @property
    def waiting(self) -> int:
        """How many effects are still to be delivered."""
        return sum([parcel.status == "waiting" for parcel in self.parcels.values()])

    def apply(self, entry: Entry, _customer: Customer, _live: bool) -> None:
        """Take in an entry's effects; after a withdrawal, consent is checked again for what is on its way."""
        if isinstance(entry.moment, Withdrew | Objected | Restricted):
            for key, attempt in self.under_way.items():
                if self.parcels[key].customer == entry.customer:
                    attempt.cancel()
        self.take_effects(entry)

    def take_effects(self, entry: Entry) -> None:
        """Deliver this entry's effects, unless done before, or without a target when a server last ran."""
        for effect in entry.effects:
            name = self._name(effect.key)
            self._unheard.discard(name)
            status = self._done.get(name)
            made_at = entry.received_at.timestamp()
            if effect.kind not in self._targets and status is None:
                parcel = WebhookDelivery(entry.customer, effect, made_at, "no_target")
                if self._task is not None:
                    self._finish(effect.key, parcel)
                else:  # who only opens the outbox, as the command line does, settles nothing
                    self._targetless[effect.key] = self.parcels[effect.key] = parcel
            else:
                self.parcels[effect.key] = WebhookDelivery(entry.customer, effect, made_at, status or "waiting")
                self._bell.set()
        while len(self.parcels) > KEPT:
            oldest = next((key for key, parcel in self.parcels.items() if parcel.status != "waiting"), None)
            if oldest is None:
                break
            del self.parcels[oldest]

    def announce(self, notice: Entry) -> None:
        """Store the notices of an erasure before it begins: afterwards nothing else knows whom to notify."""
        self._database.execute("PRAGMA synchronous = FULL")
        for effect in notice.effects:
            if effect.kind in self._targets:
                name = self._name(effect.key)
                data = self._lock.seal(encode(replace(notice, effects=(effect,))), name)
                self._database.execute("INSERT OR REPLACE INTO notices VALUES (?, ?)", (name, data))
            else:
                trouble = "a recipient is not told of an erasure: no webhook is set up for it"
                log.warning(trouble, extra={"kind": effect.kind})
        self._database.execute("PRAGMA synchronous = NORMAL")

    def amend(self, _customer: Customer, replaced: Sequence[Entry], entries: Sequence[Entry]) -> None:
        """Deliver what corrected entries say now; what was delivered before is not sent again."""
        corrected = {entry.moment.id for entry in replaced}
        for entry in entries:
            if entry.moment.id in corrected:
                self.take_effects(entry)

    def erase_personal_data(self, names: Collection[str], entries: Sequence[Entry]) -> int:
        """Neither deliver nor remember any effect of this person; how many there were."""
        keys = {effect.key for entry in entries for effect in entry.effects}
        keys |= {key for key, parcel in self.parcels.items() if parcel.customer in names}
        for key in keys:
            self.parcels.pop(key, None)
            self._targetless.pop(key, None)
            if (attempt := self.under_way.pop(key, None)) is not None:
                attempt.cancel()
        self._drop({self._name(key) for key in keys})
        return len(keys)

    def export_personal_data(self, names: Collection[str]) -> list[dict[str, Any]]:
        """What became of each effect of this person's: which webhook, how often it was tried, what went wrong."""
        theirs = [one for one in self.parcels.values() if one.customer in names]
        fields = ("status", "attempts", "trouble")
        states = [(one, {key: getattr(one, key) for key in fields}) for one in theirs]
        return [{"of": one.customer, **asdict(one.effect), **state} for one, state in states]

    def settle(self) -> None:
        """Once the whole log was applied, drop the status of effects that are not in it (an erasure, a backup)."""
        self._drop(self._unheard)
        self._unheard = set()

    def nudge(self) -> None:
        """Read the clock again: it was changed."""
        self._bell.set()

    def start(self) -> None:
        """Begin to deliver, in the running event loop, after the whole log was applied."""
        self.settle()
        for key, parcel in self._targetless.items():
            self._finish(key, parcel)
        self._targetless.clear()
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def tried(self, kind: str) -> None:
        """Try every waiting effect of this kind once, now; what fails waits for its next time or start."""
        for key, parcel in self.parcels.items():
            if parcel.effect.kind == kind and parcel.status == "waiting" and key not in self.under_way:
                self.under_way[key] = asyncio.create_task(self._attempted(key))
        tasks = [task for key, task in self.under_way.items() if self.parcels[key].effect.kind == kind]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Stop; an attempt under way may be made again after the next start: at least once."""
        tasks = [*([self._task] if self._task is not None else []), *self.under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()
        self._database.close()

    async def _serve(self) -> None:
        while True:
            self._bell.clear()
            now = self._clock()
            coming: list[float] = []
            for key, parcel in self.parcels.items():
                if parcel.status != "waiting" or key in self.under_way:
                    continue
                # Each kind has its own places: a target that hangs does not hold the others back.
                if parcel.next_at <= now and self._busy(parcel.effect.kind) < AT_ONCE:
                    self.under_way[key] = asyncio.create_task(self._attempted(key))
                elif parcel.next_at > now:
                    coming.append(parcel.next_at - now)
            alarm = asyncio.get_running_loop().call_later(min(coming), self._bell.set) if coming else None
            try:
                await self._bell.wait()
            finally:
                if alarm is not None:
                    alarm.cancel()

    def _busy(self, kind: str) -> int:
        return sum([self.parcels[key].effect.kind == kind for key in self.under_way])

    async def _attempted(self, key: str) -> None:
        try:
            await self._attempt(key)
        except Exception:
            log.exception("a webhook could not be tried", extra={"kind": self.parcels[key].effect.kind})
            self._later(key, "could not be tried")
        finally:
            self.under_way.pop(key, None)
            self._bell.set()

    async def _attempt(self, key: str) -> None:
        parcel = self.parcels[key]
        announced = parcel.effect.kind == ERASED
        if not (self._erased(parcel.customer) if announced else self._covered(parcel.customer, parcel.effect)):
            self._finish(key, replace(parcel, status="withdrawn"))
            return
        try:
            status, retry_s = await self._sent(parcel)
        except outgoing.ERRORS as error:
            self._later(key, type(error).__name__)
            return
        if 200 <= status < 300:
            self._finish(key, replace(parcel, status="delivered", attempts=parcel.attempts + 1, trouble=""))
        else:
            trouble = f"redirected ({status}), which is not followed" if 300 <= status < 400 else f"answered {status}"
            self._later(key, trouble, retry_s=retry_s, gone=status == GONE)

    def _later(self, key: str, trouble: str, *, retry_s: float = 0.0, gone: bool = False) -> None:
        """Try again after the pause of this attempt, or the longer one that the receiver asks for; or give up."""
        parcel = self.parcels[key]
        attempts = parcel.attempts + 1
        log.warning("a webhook failed", extra={"kind": parcel.effect.kind, "reason": trouble, "attempt": attempts})
        if gone or attempts > len(BACKOFF_S):
            self._finish(key, replace(parcel, status="given_up", attempts=attempts, trouble=trouble))
        else:
            next_at = self._clock() + max(BACKOFF_S[attempts - 1], retry_s)
            self.parcels[key] = replace(parcel, attempts=attempts, next_at=next_at, trouble=trouble)

    def _drop(self, names: set[bytes]) -> None:
        for name in names:
            self._done.pop(name, None)
        self._database.executemany("DELETE FROM parcels WHERE key = ?", [(name,) for name in names])
        truncate_wal(self._database)

    def _name(self, key: str) -> bytes:
        """A keyed hash of the effect's key, since a key could be matched to a person by guessing."""
        return blake2b(key.encode(), key=self._secret, digest_size=16).digest()

    async def _sent(self, parcel: WebhookDelivery) -> tuple[int, float]:
        """The status of the response and the pause that it asks for; the body is the same at every attempt."""
        effect = parcel.effect
        target = self._targets[effect.kind]
        at = int(self._clock())
        data: dict[str, str | int] = {"key": effect.key, "customer": parcel.customer, "action": effect.action}
        data |= {"product": effect.product, "cents": effect.cents}
        timestamp = datetime.fromtimestamp(parcel.made_at, UTC).isoformat()
        body = msgspec.json.encode({"type": effect.kind, "timestamp": timestamp, "data": data})
        headers = {"content-type": "application/json", "idempotency-key": effect.key, "webhook-id": effect.key}
        headers |= {"webhook-timestamp": str(at), "webhook-signature": sign(target.secret, effect.key, at, body)}
        sending = self._client.stream("POST", target.url, content=body, headers=headers)
        async with asyncio.timeout(TIMEOUT_S), sending as answer:
            return answer.status_code, outgoing.retry_after_s(answer.headers.get("retry-after", ""), self._clock())

    def _finish(self, key: str, parcel: WebhookDelivery) -> None:
        self.parcels[key] = parcel
        if parcel.effect.kind == ERASED:
            del self.parcels[key]  # nothing is kept of this person
        name = self._name(key)
        self._done[name] = parcel.status
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="seconds")
        try:
            row = (name, parcel.status, parcel.attempts, at)
            self._database.execute("INSERT OR REPLACE INTO parcels VALUES (?, ?, ?, ?)", row)
            if parcel.effect.kind == ERASED:
                self._database.execute("UPDATE notices SET data = x'' WHERE key = ?", (name,))
        except sqlite3.Error:
            trouble = "what became of a webhook could not be written: it is sent again after a restart"
            log.exception(trouble, extra={"kind": parcel.effect.kind})
