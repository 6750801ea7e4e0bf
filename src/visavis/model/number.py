"""One of a person's own numbers: litres of water, steps, minutes; for their own eyes."""

from msgspec import Struct


class Number(Struct, frozen=True, array_like=True, gc=False):
    """Written by ``measured``.

    The sum of one local day, what the person aims at in a day (0 when nothing), and when (epoch seconds).
    """

    today: float
    local_day: int
    goal: float
    unit: str
    at: float
