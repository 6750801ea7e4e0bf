"""The person whom a request is about, and moments that a request makes."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from visavis.model.customer import Customer
from visavis.model.decoding import from_builtins
from visavis.model.entry import SERVER, Origin
from visavis.model.errors import Refused
from visavis.model.moment import Moment
from visavis.ports import PersonalDataHolder
from visavis.runtime.loop import Processor
from visavis.runtime.writer import Writer


class UnknownPerson(Refused):
    """Nothing is held of this person: they never were here, or were erased; both are answered alike."""


class People:
    """The people of one server; ``holders`` are all that keep something of them beside the log, in order."""

    def __init__(self, writer: Writer, holders: Sequence[PersonalDataHolder]) -> None:
        self.writer = writer
        self.holders = holders

    @property
    def processor(self) -> Processor:
        """The processor of their moments."""
        return self.writer.processor

    def now(self) -> datetime:
        """The present instant."""
        return self.processor.clock.now()

    def find(self, name: str) -> Customer:
        """What is held of the one who has this name; :class:`UnknownPerson` when that is nothing."""
        customer = self.processor.side(name)
        if not customer.entries and not any(one.export_personal_data(customer.names) for one in self.holders):
            raise UnknownPerson("Nothing is held of this person.", advice="Check the name.")
        return customer

    async def process(self, moment: Moment, origin: Origin = SERVER) -> Moment:
        """Process a moment of our own, and return what was kept of it; :class:`Refused` if it was not."""
        within_limits = from_builtins(msgspec.to_builtins(moment), received_at=self.now(), our_own=True)
        answer = (await self.writer.process(within_limits, origin)).answer
        if answer.entry is None:
            raise Refused("This was not kept.", advice=answer.refused.advice if answer.refused is not None else "")
        return answer.entry.moment
