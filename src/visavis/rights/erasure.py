"""Erase a person everywhere.

1. Make the notices to recipients of the person's data durable, since nothing knows the recipients afterwards.
2. Between two groups of moments, the log sets a tombstone, overwrites the rows and destroys the keys.
3. Delete what lies beside the log, in each holder of personal data, whatever another one does.
4. Send the notices, and give a receipt: what was deleted, what is kept and why.

Aggregates that were learned stay. If a file is being read, all else is deleted, :class:`Unfinished` is raised, and
asking again completes it. After a crash or a restored backup, opening the log and :func:`resume` complete it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from secrets import token_hex
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from visavis.customers.rights import recipients
from visavis.delivery.webhooks import ERASED, Webhooks
from visavis.model.entry import FORM, Effect, Entry
from visavis.model.errors import Unavailable, VisavisError
from visavis.model.ids import decision_id
from visavis.model.moment import Requested
from visavis.ports import EntryLog, PersonalDataHolder, PersonalDataStore
from visavis.rights.people import People
from visavis.rights.suppression_list import SuppressionList
from visavis.runtime.loop import Processor

KEPT: Final[dict[str, dict[str, str]]] = {
    "tombstone": {
        "fr": "Une empreinte à clé de votre nom et la date, pour qu’aucune sauvegarde ne vous fasse revenir.",
        "en": "A keyed fingerprint of your name and the date, so that no backup brings you back.",
    },
    "ledger": {
        "fr": "Les lignes du registre des usages, sans lien possible avec vous : votre clé est détruite.",
        "en": "The lines of the ledger of uses, which lead to nobody: your key is destroyed.",
    },
    "learned": {
        "fr": (
            "Des moyennes apprises de beaucoup de réponses ensemble : rien de vous ne s’y lit, ni n’y entre plus. Elles"
            " ne sont pas recalculées."
        ),
        "en": (
            "Averages learned from many answers together, in which nothing of you can be read. They are not rebuilt;"
            " nothing more of you enters them."
        ),
    },
    "opposition": {
        "fr": "Une empreinte à clé de votre opposition, pour ne plus jamais vous solliciter.",
        "en": "A keyed fingerprint of your objection, so that you are never approached again.",
    },
}


class Erased(Struct, frozen=True):
    """What was deleted: entries of the log, and things beside it, by the name of their holder."""

    asked_at: datetime
    done_at: datetime
    entries: int
    deleted: dict[str, int]


class Unfinished(Unavailable):
    """Not all of it could be done now: somebody reads a file. What was done is ``done``; asking again does the rest."""

    def __init__(self, done: Erased, why: VisavisError) -> None:
        text = "Not everything could be erased yet: somebody is reading a file of it."
        super().__init__(text, advice="Ask again once the backup is made.")
        self.done = done
        self.__cause__ = why


class ErasureReceipt(Struct, frozen=True):
    """What an erasure deleted, what is kept and why, and who is notified; ``subject`` is a one-time pseudonym."""

    form: str
    subject: str
    erased: Erased
    kept: dict[str, dict[str, str]]
    recipients: tuple[str, ...]


class PendingErasure(Struct, frozen=True):
    """An erasure from when it is asked until all of it is done."""

    cause: str
    names: tuple[str, ...]
    recipients: tuple[str, ...]
    opposed: bool
    notices: tuple[Entry, ...]
    done: Erased | None = None


class Erasures:
    """Erasures as people ask for them; ``secret`` keys the pseudonyms of receipts."""

    def __init__(self, people: People, webhooks: Webhooks, suppression_list: SuppressionList, secret: bytes) -> None:
        self._people = people
        self._webhooks = webhooks
        self._suppression_list = suppression_list
        self._secret = secret
        self._pending: dict[str, PendingErasure] = {}

    async def erase(self, name: str) -> ErasureReceipt:
        """Erase this person everywhere; :class:`Unfinished` when a file is being read: ask again under this name."""
        processor = self._people.processor
        pending = self._pending.get(name) or self._announce(name)
        try:
            done = await self._people.writer.ask(lambda: erase(pending.names, processor, self._people.holders))
        except Unfinished as error:
            if processor.log.erased(name):
                self._pending[name] = replace(pending, done=_sum(pending.done, error.done))
            raise
        self._pending.pop(name, None)
        for notice in pending.notices:
            self._webhooks.take_effects(notice)
        return self._receipt(pending, _sum(pending.done, done))

    def _announce(self, name: str) -> PendingErasure:
        customer, now, cause = self._people.find(name), self._people.now(), token_hex(8)
        whom = tuple(recipients(self._people.processor.strategy.purposes, customer))
        notices: list[Entry] = []
        asked = Requested(id=cause, customer="", occurred_at=now, request=cause, right="erasure", status="fulfilled")
        for known in customer.names:
            moment = replace(asked, customer=known)
            effects = tuple([Effect(decision_id(self._secret, known, cause, one), ERASED, "", one) for one in whom])
            notices.append(Entry(FORM, known, now, moment, effects=effects))
            self._webhooks.announce(notices[-1])
        opposed = bool(self._suppression_list.of((*customer.names, *customer.identifiers)))
        # The name that was asked for goes last: until then the others are found by it.
        names = tuple(sorted(customer.names, key=lambda one: one == name))
        return PendingErasure(cause, names, whom, opposed, tuple(notices))

    def _receipt(self, pending: PendingErasure, erased: Erased) -> ErasureReceipt:
        subject = "p_" + blake2b(pending.cause.encode(), key=self._secret, digest_size=12).hexdigest()
        kept = {key: words for key, words in KEPT.items() if key != "opposition" or pending.opposed}
        return ErasureReceipt("visavis-erasure/1", subject, erased, kept, pending.recipients)


def erase(names: Iterable[str], processor: Processor, holders: Sequence[PersonalDataHolder]) -> Erased:
    """Erase the person of these names, known or not, in the log, then every holder, between two groups of moments."""
    asked_at, decided, entries = processor.clock.now(), list[str](), list[Entry]()
    failed: VisavisError | None = None
    for name in names:
        try:
            entries += processor.erase(name)
        except VisavisError as error:
            failed = error
            if not processor.log.erased(name):
                continue
        decided.append(name)
    deleted: dict[str, int] = {}
    for holder in holders if decided else ():
        try:
            deleted[holder.name] = holder.erase_personal_data(decided, entries)
        except VisavisError as error:  # the others need not wait for it
            failed = error
    done = Erased(asked_at, processor.clock.now(), len(entries), deleted)
    if failed is not None:
        raise Unfinished(done, failed)
    return done


def resume(log: EntryLog, stores: Iterable[PersonalDataStore]) -> None:
    """After opening: delete what an interrupted erasure left, or a backup brought back, beside the log."""
    for store in stores:
        if gone := [name for name in store.people() if log.erased(name)]:
            store.erase_personal_data(gone, ())


def _sum(one: Erased | None, other: Erased) -> Erased:
    if one is None:
        return other
    deleted = {name: one.deleted.get(name, 0) + many for name, many in other.deleted.items()}
    return Erased(one.asked_at, other.done_at, one.entries + other.entries, one.deleted | deleted)
