"""What the shell must provide, as guarantees; ``testing.check_*`` proves an implementation."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from visavis.model.entry import Entry, WorldEntry


class Log(Protocol):
    """The order in which things happened. Batch first: one at a time is a batch of one."""

    def commit(self, entries: Sequence[Entry | WorldEntry]) -> None:
        """Append all of them, in this order, durably, or none. A (customer, moment id) already there raises :class:`Refused`, and nothing is appended."""

    def entry(self, customer: str, moment: str) -> Entry | None:
        """The entry of this moment of this customer; what a retry is answered with."""

    def of(self, customer: str) -> Iterator[Entry]:
        """The customer's entries, oldest first."""

    def scan(self, after: int = 0) -> Iterator[tuple[int, Entry | WorldEntry]]:
        """Every entry with its position (1, 2, …), in the order of commits; only those committed when the scan began are promised."""

    def __len__(self) -> int:
        """How many entries there are."""

    def close(self) -> None:
        """Give back what is held; afterwards every call raises :class:`Unavailable`."""


class Clock(Protocol):
    """The time, for the shell only."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC; it never goes back."""
