"""Requests of persons: entered with the day by which each is answered, carried out, and closed."""

from collections.abc import Mapping
from datetime import datetime
from secrets import token_hex
from typing import Any

import msgspec
from joserfc import jws
from joserfc.jwk import OKPKey
from msgspec import Struct
from msgspec.structs import asdict, replace

from visavis.consent.confirmation import sought
from visavis.consent.notices import MARKETING, SHARING
from visavis.explain.accounts import Accounts
from visavis.model.entry import SERVER, Entry, Origin
from visavis.model.errors import Invalid, Refused
from visavis.model.ids import own_id
from visavis.model.moment import Corrected, Objected, Requested, Restricted, Sought
from visavis.model.request import MONTHS, MONTHS_MORE, NEXT, REASONED, STATUS_TERMS, Request, months_after
from visavis.rights.erasure import Erasures
from visavis.rights.export import Export, export, opened
from visavis.rights.merges import Merges
from visavis.rights.people import People, UnknownPerson
from visavis.rights.receipts import ALGORITHM, public_key
from visavis.rights.rectification import EVIDENCE, amended, corrected
from visavis.rights.reviews import Reviews
from visavis.rights.suppression_list import SuppressionList, restore_objections


class Acknowledged(Struct, frozen=True):
    """What a person gets at once: their request by its number, where it stands, and by when it is answered."""

    request: str
    right: str
    status: str
    term: str
    asked_at: datetime
    expected_at: datetime


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
    """The requests of one server, with its ``erasures``, ``merges`` and ``reviews``; ``key`` signs what people keep."""

    def __init__(
        self,
        people: People,
        erasures: Erasures,
        merges: Merges,
        suppression_list: SuppressionList,
        accounts: Accounts,
        key: OKPKey,
    ) -> None:
        self.people = people
        self.erasures = erasures
        self.merges = merges
        self.reviews = Reviews(people)
        self.key = key
        self._suppression_list = suppression_list
        self._accounts = accounts

    async def acknowledge(
        self, name: str, right: str, *, of: str = "", instead: Mapping[str, Any] | None = None
    ) -> Acknowledged:
        """Note the request, durably; it is answered within a month."""
        self.people.find(name)
        now = self.people.now()
        request, expected_at = f"request-{token_hex(8)}", months_after(now, MONTHS)
        moment = Requested(id=own_id(request), customer=name, occurred_at=now, request=request, right=right, of=of)
        fields = dict(instead) if instead is not None else None
        await self.people.process(replace(moment, expected_at=expected_at, instead=fields))
        return Acknowledged(request, right, "acknowledged", STATUS_TERMS["acknowledged"], now, expected_at)

    async def move(self, name: str, request: str, status: str, reason: str = "", *, by: str = "person") -> Acknowledged:
        """Let a request move on, by the table; a delay and a rejection need a reason, a delay also the first month."""
        found = self.people.find(name).requests.get(request)
        if found is None:
            raise UnknownPerson("There is no such request of this person.", advice="GET …/requests lists them.")
        if status not in NEXT[found.status]:
            advice = f"Known: {', '.join(sorted(NEXT[found.status])) or 'none'}."
            raise Invalid(f"A request that is {found.status} does not become that.", advice=advice)
        if status in REASONED and not reason:
            raise Invalid("A delay and a rejection need a reason.", advice="Send `reason`.")
        now = self.people.now()
        expected_at = datetime.fromtimestamp(found.expected_at, now.tzinfo)
        if status == "delayed":
            if now > expected_at:
                raise Invalid("A request is delayed within its first month only.", advice="Answer now.")
            expected_at = months_after(expected_at, MONTHS_MORE)
        cause = own_id(request, status, token_hex(3))
        moment = Requested(id=cause, customer=name, occurred_at=now, request=request, right=found.right, status=status)
        await self.people.process(replace(moment, expected_at=expected_at, reason=reason, by=by))
        asked_at = datetime.fromtimestamp(found.asked_at, now.tzinfo)
        return Acknowledged(request, found.right, status, STATUS_TERMS[status], asked_at, expected_at)

    async def export(self, name: str, *, by: str = "person") -> Export:
        """A copy of everything; that it was taken, and ``by`` whom, is in the log, and so in the ledger, before."""
        asked = await self.acknowledge(name, "access")
        await self.move(name, asked.request, "fulfilled", by=by)

        def copied() -> Export:
            customer = self.people.find(name)
            brought = self._accounts.of(customer.names).brought
            return export(self.people.processor, customer, self.people.holders, brought)

        return await self.people.writer.ask(copied)

    async def bring_in(self, name: str, token: str | bytes, public: Mapping[str, Any] | None = None) -> int:
        """Take in a copy from elsewhere, all or nothing; how many entries. Objections kept here stand."""
        copy = opened(token, public if public is not None else public_key(self.key), name)
        processor = self.people.processor

        def adopted() -> None:
            processor.adopt(copy.entries)
            restore_objections(processor, self._suppression_list, processor.customer(name))
            for entry in processor.entries_of(name):
                self._suppression_list.apply(entry, processor.customer(name), True)

        await self.people.writer.ask(adopted)
        return len(copy.entries)

    async def correct(
        self, name: str, moment: str, instead: Mapping[str, Any] | None, *, by_brand: bool
    ) -> Acknowledged:
        """Correct this moment (``None``: it never happened); evidence for both sides waits for the brand."""
        processor, entry = self.people.processor, await self._entry(name, moment)
        if entry.moment.category in EVIDENCE and not by_brand:
            if instead is not None:
                corrected(processor.strategy, entry, instead)
            asked = await self.acknowledge(name, "rectification", of=moment, instead=instead)
            reason = "A purchase or an order is corrected by the brand, which was asked to."
            return await self.move(name, asked.request, "requires_action", reason)
        requests = self.people.find(name).requests.items() if by_brand else ()
        waiting = next((key for key, one in requests if one.open and one.of == moment), "")
        request = waiting or (await self.acknowledge(name, "rectification")).request

        def correct() -> None:
            entries = list(processor.log.of(entry.customer))
            wrong = next(one for one in entries if one.moment.id == moment)
            right = corrected(processor.strategy, wrong, instead) if instead is not None else None
            processor.amend(entry.customer, amended(entries, moment, right))

        try:
            await self.people.writer.ask(correct)
        except Invalid as error:
            if not waiting:  # what the brand wrote does not fit; the person's request goes on waiting
                await self._reject(name, request, error)
            raise
        await self._corrected(name, request, of=moment if instead is not None else "")
        return await self.move(name, request, "fulfilled")

    async def hide(self, name: str, family: str) -> Acknowledged:
        """Never again name a family that was wrongly concluded."""
        asked = await self.acknowledge(name, "rectification")
        await self._corrected(name, asked.request, family=family)
        return await self.move(name, asked.request, "fulfilled")

    async def restrict(self, name: str, *, on: bool, origin: Origin = SERVER) -> Acknowledged:
        """Keep the person's data and read none of it, or (``on = False``) let it be read again."""
        cause = own_id("restrict", token_hex(8))
        moment = Restricted(id=cause, customer=name, occurred_at=self.people.now(), on=on)
        return await self._chosen("restriction", moment, origin)

    async def object(self, name: str, about: str, *, on: bool, origin: Origin = SERVER) -> Acknowledged:
        """Note the objection, which stands at once and for good, until the person takes the same one back."""
        purposes, now = self.people.processor.strategy.purposes, self.people.now()
        if about not in (MARKETING, SHARING, *self.people.find(name).objections, *purposes):
            advice = "Write marketing, sharing, or a purpose: GET …/purposes lists them."
            raise Invalid("There is nothing to object to under this name.", advice=advice)
        cause = own_id("object", token_hex(8))
        moment = Objected(id=cause, customer=name, occurred_at=now, about=about, on=on, method="request")
        return await self._chosen("objection", moment, origin)

    async def _chosen(self, right: str, moment: Objected | Restricted, origin: Origin) -> Acknowledged:
        """Carry it out; what only the person may do waits on their own page, and is no request of theirs."""
        name, now = moment.customer, self.people.now()
        if sought(self.people.find(name), moment, now, origin) is not None:
            kept = await self.people.process(moment, origin)
            expected_at = kept.until if isinstance(kept, Sought) and kept.until is not None else now
            term = STATUS_TERMS["requires_action"]
            return Acknowledged(moment.id, right, "requires_action", term, now, expected_at)
        asked = await self.acknowledge(name, right)
        try:
            await self.people.process(moment, origin)
        except Refused as error:
            await self._reject(name, asked.request, error)
            raise
        return await self.move(name, asked.request, "fulfilled")

    def of(self, name: str) -> dict[str, Any]:
        """What this person asked, and where each request stands."""
        found = self.people.find(name).requests
        return {key: {**asdict(one), "term": STATUS_TERMS[one.status]} for key, one in found.items()}

    def open(self) -> list[OpenRequest]:
        """Every request that waits for the brand, the one that is due first at the head. Time closes none of them."""
        now = self.people.now()

        def listed(customer: str, request: str, one: Request) -> OpenRequest:
            asked_at, expected_at = [datetime.fromtimestamp(at, now.tzinfo) for at in (one.asked_at, one.expected_at)]
            return OpenRequest(
                customer, request, one.right, one.status, asked_at, expected_at, now > expected_at, one.of, one.instead
            )

        profiles = [one for person in self.people.processor.population for one in person.profiles or (person,)]
        found = [listed(who.id, name, one) for who in profiles for name, one in who.requests.items() if one.open]
        return sorted(found, key=lambda one: (one.expected_at, one.asked_at, one.customer))

    def signed(self, what: Struct, kind: str) -> str:
        """The record as a compact JWS of this type, for the person to keep."""
        header = {"alg": ALGORITHM, "typ": f"{kind}+jwt", "kid": self.key.thumbprint()}
        return jws.serialize_compact(header, msgspec.json.encode(what), self.key, algorithms=[ALGORITHM])

    async def _entry(self, name: str, moment: str) -> Entry:
        self.people.find(name)
        entry = await self.people.writer.ask(lambda: self.people.processor.entry(name, moment))
        if entry is None:
            raise UnknownPerson("There is no such moment of this person.", advice="GET …/export lists them.")
        return entry

    async def _corrected(self, name: str, request: str, *, of: str = "", family: str = "") -> None:
        now = self.people.now()
        moment = Corrected(id=own_id(request, "corrected"), customer=name, occurred_at=now, of=of, family=family)
        await self.people.process(moment)

    async def _reject(self, name: str, request: str, error: Exception) -> None:
        await self.move(name, request, "rejected", Exception.__str__(error)[:280])
