"""Actions that have dates or days of the week: shown on them only, by the place's calendar."""

from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from support.people import NOON, STRATEGY, a_loop, camille, enters, grocery, turn
from visavis.decide.explain import sentence
from visavis.decide.limits import on_its_days
from visavis.model.action import Weekday
from visavis.model.decision import Decision, Show
from visavis.model.moment import EPOCH_DAY
from visavis.strategy.read import read

DOOR = "actions/reminder-door.toml"
WEEKDAYS = get_args(Weekday)
EVENING = NOON + timedelta(hours=9, minutes=30)
"""21:30 on Tuesday 24 November at the shop in New York: Wednesday in Europe, and in UTC."""
dates = st.dates(date(2026, 1, 1), date(2028, 1, 1))


@given(st.none() | dates, st.none() | dates, st.sets(st.sampled_from(WEEKDAYS)), dates)
def test_an_action_is_shown_on_its_days_only(
    first: date | None, last: date | None, days: set[Weekday], today: date
) -> None:
    action = replace(STRATEGY.actions["reminder-door"], first_day=first, last_day=last, days=tuple(days))

    between = (first or today) <= today <= (last or today)
    assert on_its_days(action, today.toordinal() - EPOCH_DAY) is (
        between and (not days or WEEKDAYS[today.weekday()] in days)
    )


def decided(dated: str) -> Decision:
    """What the door decides in the evening, when the reminder has these dates."""
    files = grocery()
    files[DOOR] = files[DOOR].replace(b"top = 4", f"top = 4\n{dated}".encode())
    loop = a_loop()
    camille(loop, "reminders", "place-moment")
    loop.strategy = read(files)
    turn(loop, EVENING)
    entry = loop.process([enters(at=EVENING)])[0].entry
    assert entry is not None
    return entry.decisions[0]


@pytest.mark.parametrize(
    ("dated", "shown"),
    [
        ("from = 2026-11-24\nuntil = 2026-11-24", True),
        ('days = ["tuesday"]', True),
        ("from = 2026-11-25", False),
        ("until = 2026-11-23", False),
        ('days = ["wednesday"]', False),
    ],
)
def test_a_date_is_that_of_the_place(dated: str, shown: bool) -> None:
    decision = decided(dated)

    assert isinstance(decision, Show) is shown
    refused = {one.action: one.reason for one in decision.refusals}
    assert refused.get("reminder-door") == (None if shown else "dates")
    if not isinstance(decision, Show):
        assert decision.known == ()
        assert "dates" in (decision.reason, refused["reminder-door"])
        told = sentence(replace(decision, reason="dates"), "fr")
        assert told.startswith("Rien n'a été affiché : ce n'était pas un jour prévu")
