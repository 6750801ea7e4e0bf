"""What a person asks of who answers for their data.

A right that they exercise, and a decision that they want somebody to look at again.

A request goes from *acknowledged* (with the day by which it is answered) to *fulfilled* or *rejected*, perhaps over
*requires_action* (somebody must look) or *delayed* (two months more, with reasons, said inside the first). A review is
open until a person confirms or changes the decision, with reasons: time never closes one.

Reference: DPV 2.3, ``dpv:RequestStatus``; GDPR art. 12(3) and 22(3).
"""

from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

Right = Literal["access", "rectification", "erasure", "restriction", "objection", "review"]
RequestStatus = Literal["acknowledged", "requires_action", "delayed", "rejected", "fulfilled"]
Tag = Literal["price", "eligibility", "credit", "refusal"]
NEXT: Final[dict[str, frozenset[str]]] = {
    "": frozenset({"acknowledged"}),
    "acknowledged": frozenset({"requires_action", "delayed", "rejected", "fulfilled"}),
    "requires_action": frozenset({"delayed", "rejected", "fulfilled"}),
    "delayed": frozenset({"requires_action", "rejected", "fulfilled"}),
    "rejected": frozenset(),
    "fulfilled": frozenset(),
}
"""Where a request may go from where it stands."""
REASONED: Final = frozenset({"delayed", "rejected"})
"""What is not said without a reason."""
STATUS_TERMS: Final = {
    "acknowledged": "dpv:RequestAcknowledged",
    "requires_action": "dpv:RequestRequiresAction",
    "delayed": "dpv:RequestActionDelayed",
    "rejected": "dpv:RequestRejected",
    "fulfilled": "dpv:RequestFulfilled",
}
MONTHS: Final = 1
MONTHS_MORE: Final = 2


class Request(Struct, frozen=True):
    """A right that the person exercises, and where that stands; to be answered by ``expected_at``.

    Times are epoch seconds.

    A correction that waits for the brand is about the moment ``of``, and what it should say ``instead`` (``None``: it
    never happened).
    """

    right: Right
    status: RequestStatus
    asked_at: float
    changed_at: float
    expected_at: float
    reason: str = ""
    of: str = ""
    instead: dict[str, Any] | None = None

    @property
    def open(self) -> bool:
        """Whether it is still to be answered."""
        return bool(NEXT[self.status])


class Review(Struct, frozen=True):
    """A decision that the person contests, in their own words, and what a person at the brand made of it by ``due_at`` (epoch seconds)."""

    action: str
    tag: Tag
    view: str
    asked_at: float
    due_at: float
    outcome: Literal["", "confirmed", "changed"] = ""
    reasons: str = ""
    reviewed_at: float = 0.0

    @property
    def open(self) -> bool:
        """Whether nobody has looked yet."""
        return not self.outcome


def months_after(at: datetime, months: int) -> datetime:
    """The same day so many months later, or the last of that month.

    >>> from datetime import UTC
    >>> months_after(datetime(2026, 1, 31, 9, tzinfo=UTC), 1).isoformat(), months_after(datetime(2026, 11, 24, tzinfo=UTC), 2).date().isoformat()
    ('2026-02-28T09:00:00+00:00', '2027-01-24')
    """
    year, month = at.year + (at.month - 1 + months) // 12, (at.month - 1 + months) % 12 + 1
    for day in (at.day, 30, 29):
        try:
            return at.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return at.replace(year=year, month=month, day=28)
