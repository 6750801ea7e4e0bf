"""When a place is open, written as on OpenStreetMap, in the part of it that shops use."""

import re
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

DAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
DAY_MIN: Final = 24 * 60
WEEK_MIN: Final = 7 * DAY_MIN
MARGIN_MIN: Final = 60
"""For so long before opening and after closing, who is inside may still be a customer."""
NIGHT_H: Final = (1.0, 5.0)
"""The night at a place whose opening hours are not known."""
_DAYS: Final = "(?:Mo|Tu|We|Th|Fr|Sa|Su)"
_RULE: Final = re.compile(rf"(?:({_DAYS}(?:-{_DAYS})?(?:,{_DAYS}(?:-{_DAYS})?)*) +)?(off|closed|[0-9][0-9:,\- ]*)")
_SPAN: Final = re.compile(r" *([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2}) *")

Spans = tuple[tuple[int, int], ...]
"""Half-open spans in minutes since Monday 00:00; one that goes on after Sunday ends beyond the week."""


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name."""
    return ZoneInfo(name)


@lru_cache(maxsize=4096)
def opening_hours(text: str) -> Spans:
    """When it is open each week; of two rules for one day the last holds; ``ValueError`` for what is not understood.

    >>> opening_hours("Mo-Fr 08:00-20:00; Fr off")[-1]
    (4800, 5520)

    Reference: https://wiki.openstreetmap.org/wiki/Key:opening_hours (without holidays, weeks, months and comments).
    """
    if text.strip() == "24/7":
        return ((0, WEEK_MIN),)
    week: list[list[tuple[int, int]]] = [[] for _ in DAYS]
    for rule in text.removesuffix(";").split(";"):
        found = _RULE.fullmatch(rule.strip())
        if found is None:
            raise ValueError(f"its opening_hours `{rule.strip()[:40]}` are not of the form `Mo-Sa 08:00-20:00; Su off`")
        spans = [] if found[2] in ("off", "closed") else [_span(part) for part in found[2].split(",")]
        for day in _days(found[1] or "Mo-Su"):
            week[day] = spans
    return tuple([(day * DAY_MIN + start, day * DAY_MIN + end) for day in range(7) for start, end in week[day]])


def is_open(text: str, weekday: int, hour: float, *, margin_min: int = 0) -> bool:
    """Whether it is open at this local time (Monday is 0), or will be or was within the margin; unknown is open."""
    if not text:
        return True
    minute = weekday * DAY_MIN + hour * 60.0
    return any(
        start - margin_min <= minute + week < end + margin_min
        for start, end in opening_hours(text)
        for week in (-WEEK_MIN, 0, WEEK_MIN)
    )


def is_night(text: str, weekday: int, hour: float) -> bool:
    """Whether nobody but who lives or works there is there at this local time."""
    if not text:
        return NIGHT_H[0] <= hour < NIGHT_H[1]
    return not is_open(text, weekday, hour, margin_min=MARGIN_MIN)


def _days(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        start, end = DAYS.index(first), DAYS.index(last or first)
        found += [day % 7 for day in range(start, end + 1 if end >= start else end + 8)]
    return found


def _span(text: str) -> tuple[int, int]:
    """Start and end in minutes; an end that is not later than the start is on the next day."""
    found = _SPAN.fullmatch(text)
    hours, minutes = (found[1], found[3]) if found else (), (found[2], found[4]) if found else ()
    if found is None or any(int(hour) > 24 for hour in hours) or any(int(minute) > 59 for minute in minutes):
        raise ValueError(f"its opening_hours `{text.strip()[:20]}` are not two times such as 08:00-20:00")
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    return start, end if end > start else end + DAY_MIN
