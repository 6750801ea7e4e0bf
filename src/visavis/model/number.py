"""One of a person's own numbers: litres of water, steps, minutes; for their own eyes."""

from msgspec import Struct


class Number(Struct, frozen=True, array_like=True, gc=False):
    """The sum of one local day, the person's daily goal (0 when none), and when each was last given (epoch seconds).

    ``back_at`` is when it was last reported again after it had not been for too long (epoch seconds).
    """

    today: float
    local_day: int
    goal: float
    unit: str
    at: float
    goal_at: float = 0.0
    back_at: float = 0.0
