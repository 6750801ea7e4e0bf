"""The desk where people exercise their rights.

Every request is noted, with the day by which it is answered, carried out, and said to be.

Nothing here decides anything by itself: what was corrected, restricted or reviewed is a moment of the person's own,
folded like all others; the two exceptions, erasing and bringing in, are told by what is in the log afterwards.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from hashlib import blake2b
from secrets import token_hex
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.jwk import OKPKey
from msgspec import Struct
from msgspec.structs import asdict, replace

from visavis.cards.replies import contestable_action
from visavis.consent.notices import MARKETING, SHARING
from visavis.customers.rights import recipients
from visavis.delivery.webhooks import ERASED, Webhooks
from visavis.model.customer import Customer
from visavis.model.decoding import from_builtins
from visavis.model.entry import FORM, Effect, Entry
from visavis.model.errors import Invalid, Refused
from visavis.model.ids import decision_id
from visavis.model.moment import Corrected, Moment, Objected, Requested, Restricted
from visavis.model.request import MONTHS, MONTHS_MORE, NEXT, REASONED, STATUS_TERMS, Request, Review, months_after
from visavis.rights.erasure import Erased, Holds, Unfinished, both, erase
from visavis.rights.export import Export, export, opened
from visavis.rights.receipts import ALGORITHM, public_key
from visavis.rights.rectification import EVIDENCE, amended, corrected
from visavis.rights.suppression_list import SuppressionList
from visavis.runtime.loop import KEPT as KEPT_OBJECTION
from visavis.runtime.loop import Loop
from visavis.runtime.writer import Writer

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


class UnknownPerson(Refused):
    """Nothing is held of this person: they never were here, or were erased; both are answered alike."""


class Acknowledged(Struct, frozen=True):
    """What a person gets at once: their request by its number, where it stands, and by when it is answered."""

    request: str
    right: str
    status: str
    term: str
    asked_at: datetime
    expected_at: datetime


class ErasureReceipt(Struct, frozen=True):
    """What an erasure deleted, what is kept and why, and who else is told.

    ``subject`` is a pseudonym made for this receipt only.
    """

    form: str
    subject: str
    erased: Erased
    kept: dict[str, dict[str, str]]
    recipients: tuple[str, ...]


class OpenReview(Struct, frozen=True):
    """A contested decision in the brand's queue."""

    customer: str
    decision: str
    review: Review
    overdue: bool


class PendingErasure(Struct, frozen=True):
    """An erasure from when it is asked until all of it is done."""

    cause: str
    names: tuple[str, ...]
    told: tuple[str, ...]
    opposed: bool
    notices: tuple[Entry, ...]
    done: Erased | None = None


class OpenRequest(Struct, frozen=True):
    """A person's request in the brand's queue: what they asked, and by when it is answered."""

    customer: str
    request: str
    right: str
    status: str
    asked_at: datetime
    expected_at: datetime
    overdue: bool
    of: str
    instead: dict[str, Any] | None


class Requests:
    """``secret`` keys the pseudonyms of receipts, ``key`` signs. ``held`` is what an erasure empties beside the log.

    ``brought`` tells what each purpose brought the person of these names.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        screens: Holds,
        outbox: Webhooks,
        access: Holds,
        delivery: Holds,
        addresses: Holds,
        mirror: Holds,
        opposition: SuppressionList,
        key: OKPKey,
        secret: bytes,
        brought: Callable[[Iterable[str]], Mapping[str, Any]],
    ) -> None:
        self.writer = writer
        self.key = key
        self.held: dict[str, Holds] = {
            "screens": screens,
            "outbox": outbox,
            "access": access,
            "delivery": delivery,
            "addresses": addresses,
            "mirror": mirror,
        }
        self._outbox = outbox
        self._opposition = opposition
        self._secret = secret
        self._brought = brought
        self._begun: dict[str, PendingErasure] = {}

    def person(self, name: str) -> Customer:
        """Whom it is about; :class:`UnknownPerson` when nothing is held of them."""
        customer = self.writer.loop.customer(name)
        if not customer.entries and not any(one.told(name) for one in self.held.values()):
            raise UnknownPerson("Nothing is held of this person.", advice="Check the name.")
        return customer

    async def acknowledge(
        self, name: str, right: str, *, of: str = "", instead: Mapping[str, Any] | None = None
    ) -> Acknowledged:
        """Note the request, durably; it is answered within a month."""
        self.person(name)
        now = self.writer.loop.clock.now()
        request, expected_at = f"request-{token_hex(8)}", months_after(now, MONTHS)
        said = Requested(
            id=request,
            customer=name,
            occurred_at=now,
            request=request,
            right=right,
            expected_at=expected_at,
            of=of,
            instead=dict(instead) if instead is not None else None,
        )
        await self._process(said)
        return Acknowledged(request, right, "acknowledged", STATUS_TERMS["acknowledged"], now, expected_at)

    async def move(self, name: str, request: str, status: str, reason: str = "", *, by: str = "person") -> Acknowledged:
        """Let a request move on, by the table.

        A delay is said inside the first month, and with its reason, as a rejection is.
        """
        found = self.person(name).requests.get(request)
        if found is None:
            raise UnknownPerson("There is no such request of this person.", advice="GET …/requests lists them.")
        if status not in NEXT[found.status]:
            raise Invalid(
                f"A request that is {found.status} does not become that.",
                advice=f"Known: {', '.join(sorted(NEXT[found.status])) or 'none'}.",
            )
        if status in REASONED and not reason:
            raise Invalid("A delay and a rejection are said with a reason.", advice="Send `reason`.")
        now = self.writer.loop.clock.now()
        expected_at = datetime.fromtimestamp(found.expected_at, now.tzinfo)
        if status == "delayed":
            if now > expected_at:
                raise Invalid("A delay is said inside the first month.", advice="Answer now.")
            expected_at = months_after(expected_at, MONTHS_MORE)
        said = {
            "kind": "requested",
            "id": f"{request}-{status}-{token_hex(3)}",
            "customer": name,
            "occurred_at": now.isoformat(),
            "request": request,
            "right": found.right,
            "status": status,
            "expected_at": expected_at.isoformat(),
            "reason": reason,
            "by": by,
        }
        await self._process(from_builtins(said, received_at=now))
        return Acknowledged(
            request,
            found.right,
            status,
            STATUS_TERMS[status],
            datetime.fromtimestamp(found.asked_at, now.tzinfo),
            expected_at,
        )

    async def export(self, name: str, *, by: str = "person") -> Export:
        """A copy of everything.

        That it was taken, and ``by`` whom, is in the log, and so in the ledger, before it goes out.
        """
        asked = await self.acknowledge(name, "access")
        await self.move(name, asked.request, "fulfilled", by=by)
        loop = self.writer.loop

        def told() -> Export:
            names = loop.names(name)
            lines = sorted([line for one in names for line in loop.log.lines_of(one)])
            return export(
                loop.strategy,
                loop.world,
                self.person(name),
                loop.life(name),
                loop.clock.now(),
                loop.randomization_key,
                brought=self._brought(names),
                audit_keys={one: loop.log.audit_key(one) for one in names},
                ledger=[line for _, line in lines],
                kept={
                    holder: [{"of": one, **thing} for one in names for thing in held.told(one)]
                    for holder, held in self.held.items()
                },
            )

        return await self.writer.ask(told)

    async def bring_in(self, name: str, token: str | bytes, public: Mapping[str, Any] | None = None) -> int:
        """Let a person come in with the life that they had elsewhere: all of it or nothing; how many entries.

        Objections kept here go on standing.
        """
        copy = opened(token, public if public is not None else public_key(self.key), name)
        await self.writer.ask(lambda: self._adopted(name, copy))
        return len(copy.entries)

    def _adopted(self, name: str, copy: Export) -> None:
        loop = self.writer.loop
        loop.adopt(copy.entries)
        objecting(loop, self._opposition, loop.customer(name))
        for entry in loop.life(name):
            self._opposition.passing(entry, loop.customer(name))

    async def correct(
        self, name: str, moment: str, instead: Mapping[str, Any] | None, *, by_brand: bool
    ) -> Acknowledged:
        """Put right what this moment said (``None``: it never happened).

        What is evidence for both sides waits for the brand, whose correction answers it.
        """
        loop, entry = self.writer.loop, await self._entry(name, moment)
        if entry.moment.category in EVIDENCE and not by_brand:
            if instead is not None:
                corrected(loop.strategy, entry, instead)
            asked = await self.acknowledge(name, "rectification", of=moment, instead=instead)
            return await self.move(
                name,
                asked.request,
                "requires_action",
                "A purchase or an order is put right by the brand, which was asked to.",
            )
        waiting = next(
            (key for key, one in self.person(name).requests.items() if by_brand and one.open and one.of == moment), ""
        )
        request = waiting or (await self.acknowledge(name, "rectification")).request

        def put_right() -> None:
            entries = list(loop.log.of(entry.customer))
            wrong = next(one for one in entries if one.moment.id == moment)
            changes = amended(
                entries, moment, corrected(loop.strategy, wrong, instead) if instead is not None else None
            )
            loop.amend(entry.customer, changes)
            for one in changes.values():
                if one is not None and one.effects:
                    self._outbox.passing(one)

        try:
            await self.writer.ask(put_right)
        except Invalid as error:
            if not waiting:  # what the brand wrote does not fit; the person's request goes on waiting
                await self.move(name, request, "rejected", Exception.__str__(error)[:280])
            raise
        now = loop.clock.now()
        await self._process(
            Corrected(
                id=f"{request}-corrected", customer=name, occurred_at=now, of=moment if instead is not None else ""
            )
        )
        return await self.move(name, request, "fulfilled")

    async def hide(self, name: str, family: str) -> Acknowledged:
        """Never again name a family that was wrongly concluded."""
        asked = await self.acknowledge(name, "rectification")
        await self._process(
            Corrected(
                id=f"{asked.request}-corrected", customer=name, occurred_at=self.writer.loop.clock.now(), family=family
            )
        )
        return await self.move(name, asked.request, "fulfilled")

    async def erase(self, name: str) -> ErasureReceipt:
        """Erase this person everywhere; the receipt says what was deleted, and what is kept and why.

        Their recipients are told.

        :class:`Unfinished` when somebody was reading; asking again under the same name does the rest.
        """
        loop = self.writer.loop
        begun = self._begun.get(name) or self._leaving(name)
        try:
            gone = await self.writer.ask(lambda: erase(begun.names, loop, **self.held))
        except Unfinished as error:
            done = both(begun.done, error.done)
            if loop.log.erased(name):
                self._begun[name] = replace(begun, done=done)
            raise
        self._begun.pop(name, None)
        for one in begun.notices:
            self._outbox.passing(one)
        subject = "p_" + blake2b(begun.cause.encode(), key=self._secret, digest_size=12).hexdigest()
        kept = {key: words for key, words in KEPT.items() if key != "opposition" or begun.opposed}
        return ErasureReceipt("visavis-erasure/1", subject, both(begun.done, gone), kept, begun.told)

    def _leaving(self, name: str) -> PendingErasure:
        """What is to be known of a person once nothing of them is.

        Their recipients' notices are durable before anything is deleted.
        """
        loop, customer = self.writer.loop, self.person(name)
        told = tuple(recipients(loop.strategy.purposes, customer))
        cause, now, notices = token_hex(8), loop.clock.now(), list[Entry]()
        for known in customer.names:
            effects = tuple([Effect(decision_id(known, cause, one), ERASED, "", one) for one in told])
            notice = Requested(
                id=cause, customer=known, occurred_at=now, request=cause, right="erasure", status="fulfilled"
            )
            notices.append(Entry(FORM, known, now, notice, effects=effects))
            self._outbox.announce(notices[-1])
        opposed = bool(self._opposition.of((*customer.names, *customer.identifiers)))
        return PendingErasure(
            cause, tuple(sorted(customer.names, key=lambda one: one == name)), told, opposed, tuple(notices)
        )

    async def restrict(self, name: str, *, on: bool) -> Acknowledged:
        """Keep the person's data and read none of it, or (``on = False``) let it be read again."""
        asked = await self.acknowledge(name, "restriction")
        await self._process(
            Restricted(id=f"{asked.request}-restricted", customer=name, occurred_at=self.writer.loop.clock.now(), on=on)
        )
        return await self.move(name, asked.request, "fulfilled")

    async def object(self, name: str, about: str, *, on: bool) -> Acknowledged:
        """Note the objection, which stands at once and for good, until the person takes the same one back."""
        if about not in (MARKETING, SHARING, *self.person(name).objections, *self.writer.loop.strategy.purposes):
            raise Invalid(
                "There is nothing to object to under this name.",
                advice="Write marketing, sharing, or a purpose: GET …/purposes lists them.",
            )
        asked = await self.acknowledge(name, "objection")
        try:
            moment = Objected(
                id=f"{asked.request}-objected",
                customer=name,
                occurred_at=self.writer.loop.clock.now(),
                about=about,
                on=on,
                method="request",
            )
            await self._process(moment)
        except Refused as error:
            await self.move(name, asked.request, "rejected", Exception.__str__(error)[:280])
            raise
        return await self.move(name, asked.request, "fulfilled")

    async def contest(self, name: str, decision: str, view: str) -> Review:
        """Let a person look again at an automated decision, with the person's own view.

        What is not tagged for it is refused.
        """
        customer = self.person(name)
        if decision in customer.reviews:
            return customer.reviews[decision]
        entries = await self.writer.ask(lambda: self.writer.loop.life(name))
        found = next(
            (one for entry in entries for one in entry.decisions if one.id == decision and one.audience == "customer"),
            None,
        )
        if found is None:
            raise UnknownPerson("There is no such decision about this person.", advice="GET …/export lists them.")
        action = contestable_action(self.writer.loop.strategy, found)
        if not action:
            raise Invalid(
                "This decision is not one that somebody reviews.",
                advice="Only those about a price, eligibility, credit or a refusal are.",
            )
        now = self.writer.loop.clock.now()
        said = {
            "kind": "contested",
            "id": f"contested-{decision}",
            "customer": name,
            "occurred_at": now.isoformat(),
            "decision": decision,
            "view": view,
            "action": action,
            "about": self.writer.loop.strategy.actions[action].review,
            "due_at": months_after(now, MONTHS).isoformat(),
        }
        await self._process(from_builtins(said, received_at=now))
        return self.person(name).reviews[decision]

    async def review(self, name: str, decision: str, outcome: str, reasons: str) -> Review:
        """A person at the brand confirms the decision or changes it, with reasons that the person reads."""
        found = self.person(name).reviews.get(decision)
        if found is None:
            raise UnknownPerson(
                "Nobody contested this decision.", advice="GET /v1/reviews lists those that somebody did."
            )
        if not found.open:
            raise Invalid("This decision was reviewed already.", advice="A review is answered once.")
        now = self.writer.loop.clock.now()
        said = {
            "kind": "reviewed",
            "id": f"reviewed-{decision}",
            "customer": name,
            "occurred_at": now.isoformat(),
            "decision": decision,
            "outcome": outcome,
            "reasons": reasons,
        }
        await self._process(from_builtins(said, received_at=now))
        return self.person(name).reviews[decision]

    def reviews(self) -> list[OpenReview]:
        """The queue: every decision that waits for somebody, the one that is due first at the head.

        Time closes none of them.
        """
        now = self.writer.loop.clock.now().timestamp()
        found = [
            OpenReview(customer.id, decision, review, overdue=now > review.due_at)
            for customer in self._everybody()
            if customer.reviews
            for decision, review in customer.reviews.items()
            if review.open
        ]
        return sorted(found, key=lambda one: (one.review.due_at, one.customer, one.decision))

    def queue(self) -> list[OpenRequest]:
        """Every request that waits for the brand, the one that is due first at the head. Time closes none of them."""
        now = self.writer.loop.clock.now()

        def asked(customer: str, request: str, one: Request) -> OpenRequest:
            asked_at, expected_at = [datetime.fromtimestamp(at, now.tzinfo) for at in (one.asked_at, one.expected_at)]
            return OpenRequest(
                customer, request, one.right, one.status, asked_at, expected_at, now > expected_at, one.of, one.instead
            )

        found = [
            asked(person.id, name, one)
            for person in self._everybody()
            for name, one in person.requests.items()
            if one.open
        ]
        return sorted(found, key=lambda one: (one.expected_at, one.asked_at, one.customer))

    def _everybody(self) -> list[Customer]:
        return [person for name, person in list(self.writer.loop.customers.items()) if name == person.id]

    def signed(self, what: Struct, kind: str) -> str:
        """The record as a compact JWS of this type, for the person to keep."""
        header = {"alg": ALGORITHM, "typ": f"{kind}+jwt", "kid": self.key.thumbprint()}
        return jws.serialize_compact(header, msgspec.json.encode(what), self.key, algorithms=[ALGORITHM])

    def requests(self, name: str) -> dict[str, Any]:
        """What this person asked, and where each stands."""
        return {
            key: {**asdict(one), "term": STATUS_TERMS[one.status]} for key, one in self.person(name).requests.items()
        }

    async def _entry(self, name: str, moment: str) -> Entry:
        self.person(name)
        entry = await self.writer.ask(lambda: self.writer.loop.entry(name, moment))
        if entry is None:
            raise UnknownPerson("There is no such moment of this person.", advice="GET …/export lists them.")
        return entry

    async def _process(self, moment: Moment) -> None:
        lived = await self.writer.process(moment)
        if lived.answer.entry is None:
            assert lived.answer.refused is not None
            raise Refused("This was not kept.", advice=lived.answer.refused.advice)


def reconciled(loop: Loop, opposition: SuppressionList) -> None:
    """After opening.

    Whoever objected, and whom a backup that was put back shows otherwise, objects again before anything is done with
    them.
    """
    for customer in list(loop.customers.values()):
        objecting(loop, opposition, customer)


def objecting(loop: Loop, opposition: SuppressionList, customer: Customer) -> None:
    """The person objects to what they are known to have objected to."""
    for about in opposition.of((*customer.names, *customer.identifiers)):
        if about not in customer.objections:
            loop.process(
                [
                    Objected(
                        id=f"opposed-{token_hex(6)}",
                        customer=customer.id,
                        occurred_at=loop.clock.now(),
                        about=about,
                        method=KEPT_OBJECTION,
                    )
                ]
            )
