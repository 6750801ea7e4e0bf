"""Outcomes teach nothing of an erased person or under a purpose closed since; memory never knows more than the log.

Each property is a function that a sabotaged product must fail; the sabotages are run below it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.house import House
from support.people import BRANDS, NOON, a_history, lines, says_yes
from visavis.decide.policy import PRIOR, learn
from visavis.learning import online as teacher
from visavis.learning.online import OnlineLearner
from visavis.model.moment import Bought, Entered, Moment, Withdrew
from visavis.model.world import Belief, OutcomesLearned, Recalibrated, World

PURPOSES = ("place-moment", "reminders", "tailored-offers")


def lived(house: House, *names: str, days: int = 25) -> None:
    """These people come in and pay, day after day: windows open and close; the last one stays open."""
    for name in names:
        house.process([*says_yes(name, *PURPOSES, at=NOON - timedelta(days=80)), *a_history(name)])
    for day in range(1, days):
        at = NOON + timedelta(days=day)
        house.clock.turn(at.timestamp())
        told: list[Moment] = [Entered(id=f"in-{day}", customer=name, occurred_at=at, place="s1") for name in names]
        house.process(told)
        house.process(
            [
                Bought(id=f"paid-{day}", customer=name, occurred_at=at, place="s1", lines=lines(*BRANDS[: 1 + day % 4]))
                for name in names
            ]
        )
    at = NOON + timedelta(days=days)
    house.clock.turn(at.timestamp())
    house.process([Entered(id="last", customer=name, occurred_at=at, place="s1") for name in names])


def waiting(learner: OnlineLearner, name: str, until: str = "") -> list[dict[str, Any]]:
    """What this person's decisions have not taught yet, and wait for."""
    return [one for one in learner.export_personal_data({name}) if until in ("", one["waits"])]


def check_who_is_erased_teaches_nothing_more(root: Path) -> None:
    with House(root) as house:
        lived(house, "ada", "bo")
        held = house.server.learner
        assert all(waiting(held, "ada", until) for until in ("outcome", "recalibration", "beliefs")), (
            "this proves nothing"
        )
        before = waiting(held, "bo")
        house.erase("ada")
        assert not waiting(held, "ada"), "who was erased still teaches"
        assert waiting(held, "bo") == before, "somebody else is forgotten"
        assert waiting(house.rebuilt_learner(), "bo") == before, "memory and log teach two things"


def test_who_is_erased_teaches_nothing_more(tmp_path: Path) -> None:
    check_who_is_erased_teaches_nothing_more(tmp_path)


def test_a_learner_that_remembers_the_erased_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OnlineLearner, "erase_personal_data", lambda *_: 0)
    with pytest.raises(AssertionError, match="still teaches"):
        check_who_is_erased_teaches_nothing_more(tmp_path)


def check_a_closed_purpose_teaches_nothing(root: Path, patch: pytest.MonkeyPatch) -> None:
    """What a person's answers would have taught is not learned once they closed the card's purpose."""
    patch.setattr(teacher, "OUTCOMES_A_CHANGE", 10_000)
    with House(root) as house:
        lived(house, "ada", "bo")
        held, at = house.server.learner, house.clock.now()
        hers = waiting(held, "ada", "beliefs")
        assert hers, "this proves nothing"
        house.process(
            [
                Withdrew(id=f"no-{one}", customer="ada", occurred_at=at, purpose=one)
                for one in sorted({one["purpose"] for one in hers})
            ]
        )
        before = house.server.processor.world.beliefs
        expected: dict[str, Belief] = {}
        for one in waiting(held, "bo", "beliefs"):
            action = one["action"]
            belief = expected.get(action) or before.get(action, PRIOR)
            expected[action] = learn(belief, one["p"], shown=True, happened=one["happened"])
        assert waiting(held, "ada", "beliefs") == hers
        assert expected, "this proves nothing"
        patch.setattr(teacher, "OUTCOMES_A_CHANGE", 1)
        house.server.processor.learn()
        [lesson] = [
            entry for _, entry in house.server.log.scan() if isinstance(getattr(entry, "change", None), OutcomesLearned)
        ]
        assert lesson.change.beliefs == expected, "a closed purpose still teaches"  # type: ignore[union-attr]
        for name in ("ada", "bo"):
            assert waiting(held, name) == waiting(house.rebuilt_learner(), name), "memory and log teach two things"


def test_a_closed_purpose_teaches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_a_closed_purpose_teaches_nothing(tmp_path, monkeypatch)


def test_a_teacher_that_does_not_ask_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OnlineLearner, "_may_teach", lambda *_: True)
    with pytest.raises(AssertionError, match="still teaches"):
        check_a_closed_purpose_teaches_nothing(tmp_path, monkeypatch)


def test_labels_of_a_closed_purpose_correct_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher, "LABELS_NEEDED", 1)
    with House(tmp_path) as house:
        lived(house, "ada")
        held, at = house.server.learner, house.clock.now()
        hers = waiting(held, "ada", "recalibration")

        def corrected() -> bool:
            """Whether the next weekly recalibration corrects anything."""
            changes = held.changes(World(), at + timedelta(days=8))
            [weekly] = [one for one in changes if isinstance(one, Recalibrated)]
            return bool(weekly.calibrations)

        assert hers
        assert corrected()
        house.process(
            [
                Withdrew(id=f"no-{one}", customer="ada", occurred_at=at, purpose=one)
                for one in sorted({one["purpose"] for one in hers})
            ]
        )
        assert not corrected()
