"""Somebody of the brand looks at what was decided about a person.

It is in the person's log and in the ledger before anything of it is sent.
"""

from secrets import token_hex

from visavis.model.entry import Entry
from visavis.model.errors import Refused
from visavis.model.moment import Consulted
from visavis.runtime.writer import Writer


async def record_entry_read(writer: Writer, entry: Entry) -> None:
    """Enter that this entry is record_staff_access at, with the categories of data that it tells of."""
    categories = {entry.moment.category}.union(*[use.categories for use in entry.uses])
    await record_staff_access(writer, entry.customer, entry.moment.id, tuple(sorted(categories)))


async def record_staff_access(writer: Writer, customer: str, about: str, categories: tuple[str, ...]) -> None:
    """Enter that this is record_staff_access at, durably.

    :class:`Refused` when nothing is kept of the person any more.
    """
    reading = Consulted(
        id=f"record_entry_read-{token_hex(8)}",
        customer=customer,
        occurred_at=writer.loop.clock.now(),
        about=about,
        categories=categories,
    )
    if (await writer.process(reading)).answer.entry is None:
        raise Refused("Nothing is kept of this person any more.", advice="There is nothing to look at.")
