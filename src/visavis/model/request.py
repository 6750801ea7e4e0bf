"""A person's requests to the controller: rights exercised, and reviews of automated decisions."""
# A request goes from *acknowledged* (with a due date) to *fulfilled* or *rejected*, perhaps over *requires_action* or
# *delayed* (two months more, with reasons given in the first). A review is open until a person at the brand confirms or
# changes the decision with reasons; time never closes it.
# Reference: DPV 2.3, ``dpv:RequestStatus``; GDPR art. 12(3) and 22(3).

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
"""The statuses that may follow each status."""
REASONED: Final = frozenset({"delayed", "rejected"})
"""The statuses that need a reason."""
STATUS_TERMS: Final = {
    "acknowledged": "dpv:RequestAcknowledged",
    "requires_action": "dpv:RequestRequiresAction",
    "delayed": "dpv:RequestActionDelayed",
    "rejected": "dpv:RequestRejected",
    "fulfilled": "dpv:RequestFulfilled",
}
MONTHS: Final = 1
MONTHS_MORE: Final = 2


class Request(Struct, frozen=True, gc=False):
    """A right that the person exercises and its status, to be answered by ``expected_at`` (times in epoch seconds).

    A correction is about the moment ``of``, whose fields become ``instead`` (``None``: it is deleted).
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


class Waiting(Struct, frozen=True, array_like=True, gc=False):
    """What somebody sought and the person has not answered: the moment ``of``, since when, until when it may be."""

    what: str
    about: str
    of: str
    at: float
    until: float


class Review(Struct, frozen=True, gc=False):
    """A decision that the person contests in their own words, and the brand's answer, due at ``due_at``."""

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
        """Whether the brand has not answered yet."""
        return not self.outcome


def months_after(at: datetime, months: int) -> datetime:
    """The same day so many months later, or the last of that month.

    >>> from datetime import UTC
    >>> months_after(datetime(2026, 1, 31, 9, tzinfo=UTC), 1).isoformat()
    '2026-02-28T09:00:00+00:00'
    """
    year, month = at.year + (at.month - 1 + months) // 12, (at.month - 1 + months) % 12 + 1
    for day in (at.day, 30, 29):
        try:
            return at.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return at.replace(year=year, month=month, day=28)
