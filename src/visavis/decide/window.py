"""When the outcome of a decision will be known."""

from visavis.model.action import Objective
from visavis.model.decision import Window
from visavis.model.moment import Moment


def outcome_window(objective: Objective, moment: Moment, received_s: float) -> Window:
    """The window of this objective, opened at this moment: this visit, or some local days after it."""
    spot = moment.at
    day = spot.local_day if spot is not None else int(received_s // 86_400)
    if objective.window == "visit":
        closes_at = received_s + objective.hours * 3600.0
        return Window(objective.id, closes_at, day, day + 1, visit=True, outcome=objective.outcome)
    left_h = 24.0 - (spot.local_hour if spot is not None else received_s % 86_400 / 3600.0)
    closes_at = float(round(moment.occurred_at.timestamp() + (left_h + 24.0 * objective.days) * 3600.0))
    return Window(objective.id, closes_at, day + 1, day + objective.days, visit=False, outcome=objective.outcome)
