"""Caps, gaps, cool-downs and the attention budget of one person, over all devices, from the cards that were shown."""
# A card counts from its decision; one that no device confirmed as displayed within :data:`RESERVED_S` stops counting.

from collections.abc import Iterable
from typing import Final, get_args

from visavis.model.action import Action, Weekday
from visavis.model.decision import Refusal
from visavis.model.habit import DAY_S
from visavis.model.moment import EPOCH_DAY
from visavis.model.shown import Service, Shown
from visavis.strategy.read import Brand

RESERVED_S: Final = 600.0
WEEKDAYS: Final = get_args(Weekday)


def counting_cards(service: Service, now: float) -> list[Shown]:
    """The cards that count now: displayed, or still reserved."""
    return [card for card in service.shown if card.displayed or now - card.at < RESERVED_S]


def exceeded(action: Action, shown: Iterable[Shown], now: float) -> Refusal | None:
    """The first limit of its own that this action would break: the gap since its last card, or its cap a day."""
    today = 0
    for card in shown:
        if card.action != action.id:
            continue
        age = now - card.at
        if age < action.limits.gap_s:
            return Refusal(action.id, "gap", f"{age:.0f} s of {action.limits.gap_s:.0f}")
        today += age < DAY_S
    if today >= action.limits.per_day:
        return Refusal(action.id, "cap", f"{action.limits.per_day} a day")
    return None


def cooling_down(action: Action, shown: Iterable[Shown], now: float) -> set[str]:
    """The families that this action may not name again yet, whichever action named them last."""
    since = now - action.limits.cool_down_days * DAY_S
    return {card.family for card in shown if card.family and card.at > since}


def units_left(brand: Brand, shown: Iterable[Shown], now: float) -> float:
    """Attention left of the person's daily budget: what was shown in the last 24 hours is spent."""
    return brand.attention_units_per_day - sum([card.units for card in shown if now - card.at < DAY_S])


def on_its_days(action: Action, local_day: int) -> bool:
    """Whether the action may be shown on this local day (since 1970-01-01): by its dates, and its days of the week.

    >>> from datetime import date
    >>> from types import SimpleNamespace
    >>> lent = SimpleNamespace(first_day=date(2027, 2, 10), last_day=date(2027, 3, 27), days=("friday",))
    >>> [on_its_days(lent, 20_860 + i) for i in (0, 1, 2)]  # Thursday 11 to Saturday 13 February 2027
    [False, True, False]
    """
    first, last = action.first_day, action.last_day
    return (
        (first is None or local_day >= first.toordinal() - EPOCH_DAY)
        and (last is None or local_day <= last.toordinal() - EPOCH_DAY)
        and (not action.days or WEEKDAYS[(local_day + 3) % 7] in action.days)
    )


def quiet(brand: Brand, hour: float | None) -> bool:
    """Whether these are quiet hours where the person is; an unknown hour is not quiet.

    >>> from types import SimpleNamespace
    >>> night = SimpleNamespace(quiet_from_h=22, quiet_until_h=7)
    >>> quiet(night, 23.5), quiet(night, 6.0), quiet(night, 12.0)  # type: ignore[arg-type]
    (True, True, False)
    """
    if hour is None:
        return False
    start, end = brand.quiet_from_h, brand.quiet_until_h
    return start <= hour < end if start <= end else hour >= start or hour < end
