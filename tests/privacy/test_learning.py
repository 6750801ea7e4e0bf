"""What outcomes teach: nothing of whom was erased, nor under a purpose that was closed since.

And memory never knows more than the log.

Each property is a function that a sabotaged product must fail; the sabotages are run below it.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from support.house import House
from support.people import BRANDS, NOON, a_history, lines, says_yes
from visavis.decide.policy import PRIOR, learn
from visavis.learning import online as teacher
from visavis.learning.online import OnlineLearner
from visavis.model.entry import Entry
from visavis.model.moment import Bought, Entered, Moment, Withdrew
from visavis.model.world import Belief, OutcomesLearned, World

PURPOSES = ("place-moment", "reminders", "tailored-offers")
Sabotage = Callable[[pytest.MonkeyPatch], None]


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


def learnt(teacher: OnlineLearner) -> dict[str, object]:
    return {"waiting": teacher._open, "labels": teacher._labels, "outcomes": teacher._outcomes}


def of(teacher: OnlineLearner, name: str) -> list[str]:
    kept = [
        *teacher._open.values(),
        *[label.of for label in teacher._labels.values()],
        *[waiting for waiting, _ in teacher._outcomes.values()],
    ]
    return [one.customer for one in kept if one.customer == name]


def check_who_is_erased_teaches_nothing_more(root: Path) -> None:
    with House(root) as house:
        lived(house, "ada", "bo")
        held = house.server.learner
        assert held._outcomes, "this proves nothing"
        assert all(
            [one for one in kept.values() if "ada" in str(one)] for kept in (held._labels, held._outcomes, held._open)
        ), "this proves nothing"
        before = len(of(held, "bo"))
        house.erase("ada")
        assert not of(held, "ada"), "who was erased still teaches"
        assert len(of(held, "bo")) == before, "somebody else is forgotten"
        assert learnt(held) == learnt(house.rebuilt_learner()), "memory and log teach two things"


def test_who_is_erased_teaches_nothing_more(tmp_path: Path) -> None:
    check_who_is_erased_teaches_nothing_more(tmp_path)


@pytest.mark.parametrize("forgets", [("_outcomes",), ("_labels",), ("_open",)])
def test_a_teacher_that_remembers_the_erased_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgets: tuple[str]
) -> None:
    honest = OnlineLearner.erase_personal_data

    def careless(self: OnlineLearner, names: Collection[str], entries: Sequence[Entry]) -> int:
        kept = {name: dict(getattr(self, name)) for name in forgets}
        gone = honest(self, names, entries)
        for name, one in kept.items():
            setattr(self, name, one)
        return gone

    monkeypatch.setattr(OnlineLearner, "erase_personal_data", careless)
    with pytest.raises(AssertionError, match=r"still teaches|two things"):
        check_who_is_erased_teaches_nothing_more(tmp_path)


def check_a_closed_purpose_teaches_nothing(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Who said no since, under the purpose of the card.

    What their answers would have taught is not learned, not by anybody's belief.
    """
    patch.setattr(teacher, "OUTCOMES_A_CHANGE", 10_000)
    with House(root) as house:
        lived(house, "ada", "bo")
        held, at = house.server.learner, house.clock.now()
        purposes = {waiting.purpose for waiting, _ in held._outcomes.values() if waiting.customer == "ada"}
        assert purposes, "this proves nothing"
        hers = len(held._outcomes)
        house.process(
            [Withdrew(id=f"no-{one}", customer="ada", occurred_at=at, purpose=one) for one in sorted(purposes)]
        )
        before = house.server.processor.world.beliefs
        expected: dict[str, Belief] = {}
        for waiting, happened in held._outcomes.values():
            if waiting.customer == "bo":
                expected[waiting.action] = learn(
                    expected.get(waiting.action) or before.get(waiting.action, PRIOR),
                    waiting.p,
                    shown=True,
                    happened=happened,
                )
        assert len(held._outcomes) == hers
        assert expected, "this proves nothing"
        patch.setattr(teacher, "OUTCOMES_A_CHANGE", 1)
        house.server.processor.learn()
        [lesson] = [
            entry for _, entry in house.server.log.scan() if isinstance(getattr(entry, "change", None), OutcomesLearned)
        ]
        assert lesson.change.beliefs == expected, "a closed purpose still teaches"  # type: ignore[union-attr]
        assert learnt(held) == learnt(house.rebuilt_learner()), "memory and log teach two things"


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
        assert held._labels
        assert held._recalibrated({}, at.timestamp())
        purposes = {label.of.purpose for label in held._labels.values()}
        house.process(
            [Withdrew(id=f"no-{one}", customer="ada", occurred_at=at, purpose=one) for one in sorted(purposes)]
        )
        assert not held._recalibrated({}, at.timestamp())
        assert World().calibrations == {}
