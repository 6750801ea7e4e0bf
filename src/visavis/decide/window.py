"""When the outcome of a decision counts, and when it is booked."""

from datetime import date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from visavis.model.decision import Window
from visavis.model.moment import Moment
from visavis.strategy.read import Strategy


def outcome_window(strategy: Strategy, objective_id: str, moment: Moment, received_s: float) -> Window:
    """The window of this objective, opened now: this visit, or the local days that follow, from midnight to midnight.

    It is booked when the objective's grace is over too, so that what is reported some hours later still counts.
    """
    objective, place = strategy.objectives[objective_id], moment.at.place if moment.at is not None else ""
    visit, grace_s = objective.window == "visit", objective.grace_hours * 3600.0
    if visit:
        opens_at, until = received_s, received_s + objective.hours * 3600.0
    else:
        zone = _zone(strategy, moment)
        today = datetime.fromtimestamp(received_s, zone).date()
        opens_at, until = [_midnight(today + timedelta(days=days), zone) for days in (1, 1 + objective.days)]
    return Window(objective.id, opens_at, until, until + grace_s, visit, objective.outcome, place if visit else "")


def _midnight(day: date, zone: tzinfo) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def _zone(strategy: Strategy, moment: Moment) -> tzinfo:
    """The zone in which the gate read the moment's local time: that of its place, or of the brand, or an offset."""
    spot, brand = moment.at, ZoneInfo(strategy.brand.zone)
    if spot is None:
        return brand
    if (place := strategy.places.get(spot.place)) is not None:
        return ZoneInfo(place.zone)
    local_min = (spot.local_day * 24.0 + spot.local_hour) * 60.0
    offset = timedelta(minutes=round(local_min) - moment.occurred_at.timestamp() // 60)
    return brand if moment.occurred_at.astimezone(brand).utcoffset() == offset else timezone(offset)
