"""Reads of a person's data by the brand's staff: each is in the person's log and the ledger before anything is sent."""

from secrets import token_hex

from visavis.model.entry import Entry
from visavis.model.errors import Refused
from visavis.model.ids import own_id
from visavis.model.moment import Consulted
from visavis.runtime.writer import Writer


async def record_entry_read(writer: Writer, entry: Entry) -> None:
    """Record that this entry is read, with the categories of data that it holds."""
    categories = {entry.moment.category}.union(*[use.categories for use in entry.uses])
    await record_staff_access(writer, entry.customer, entry.moment.id, tuple(sorted(categories)))


async def record_staff_access(writer: Writer, customer: str, about: str, categories: tuple[str, ...]) -> None:
    """Record a read of ``about``, durably; :class:`Refused` when nothing is kept of the person any more."""
    name, now = own_id("read", token_hex(8)), writer.processor.clock.now()
    access = Consulted(id=name, customer=customer, occurred_at=now, about=about, categories=categories)
    if (await writer.process(access)).answer.entry is None:
        raise Refused("Nothing is kept of this person any more.", advice="There is nothing to read.")
