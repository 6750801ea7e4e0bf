"""The mission's scenes, played through HTTP against a running server, and what a story file may not say."""

import asyncio
import json
import tomllib
from pathlib import Path

import pytest

from support.doors import client
from support.full import sample
from visavis.cli import example, grocery, main
from visavis.lab import demo
from visavis.lab.stories.actors import Actor
from visavis.lab.stories.households import HouseholdExtract
from visavis.lab.stories.play import answer_checks, screen_checks
from visavis.lab.stories.report import PlayReport, StoryResult
from visavis.lab.stories.simulated_population import PopulationResult
from visavis.model.errors import Invalid
from visavis.strategy.story import Expected, stories

HOUSEHOLDS = example("households")
OFF_THE_SCRIPT = ("Inès", "Léa", "Rose", "Bérénice")


@pytest.fixture(scope="module")
def report() -> PlayReport:
    return asyncio.run(demo.play(grocery(), HOUSEHOLDS, "Solène"))


def test_every_scene_comes_out_as_its_story_expects(report: PlayReport) -> None:
    wrong = [scene.text("en") for scene in report.stories if not scene.as_expected]

    assert len(report.stories) == 8
    assert not wrong, "\n".join(wrong)
    assert report.as_expected


def test_both_screens_share_the_work(report: PlayReport) -> None:
    checked_in = next(one for one in report.stories[1].steps if one.sent.get("kind") == "checked_in")

    _, advice, *facts = checked_in.adviser
    named = checked_in.glasses.split()[0].lower()
    assert 1 <= len(facts) <= 3
    assert named not in advice.lower(), "what her glasses say, the adviser does not repeat"


def test_a_story_says_nothing_that_the_engine_should_say() -> None:
    for path, content in grocery().items():
        if path.startswith("stories/"):
            text = content.decode()
            assert not {"title", "body", "facts", "why"} & {
                key for step in tomllib.loads(text)["steps"] for key in step
            }, path


@pytest.mark.parametrize("household", sample(OFF_THE_SCRIPT[:2], OFF_THE_SCRIPT))
def test_whoever_plays_nothing_breaks(household: str) -> None:
    report = asyncio.run(demo.play(grocery(), HOUSEHOLDS, household))

    played = [one for scene in report.stories for one in scene.steps]
    assert all(one.status in (0, 200, 403) for one in played)
    assert [
        scene.story.id
        for scene in report.stories
        if scene.story.id in ("1-in-front", "8-says-no") and not scene.as_expected
    ] == []


def test_who_does_not_come_often_or_is_held_out_makes_no_difference_and_leaves_what_needs_the_card_unplayed() -> None:
    for household, reason, scene in (("Camille", "condition_false", 3), ("Nora", "holdout", 1)):
        report = asyncio.run(demo.play(grocery(), HOUSEHOLDS, household)).stories[scene]

        assert report.as_expected, report.text("en")
        assert report.steps[-1].excused == reason
        assert any(one.skipped for one in report.steps)
        assert not any(check.what == "card" for one in report.steps for check in one.checks)


async def _in_another_order(order: list[int]) -> list[StoryResult]:
    async with demo.running(grocery(), HouseholdExtract(HOUSEHOLDS)) as session:
        scenes = []
        for scene in order:
            await session.go(scene)
            while await session.step():
                pass
            scenes.append(StoryResult(session.stories[scene], tuple(session.played)))
        return scenes


def test_scenes_stand_alone_in_any_order() -> None:
    scenes = asyncio.run(_in_another_order([5, 4, 2, 0, 3]))

    assert [scene.text("en") for scene in scenes if not scene.as_expected] == []


def test_who_said_no_in_the_middle_stays_obeyed() -> None:
    async def withdrawing() -> tuple[str, int, bool]:
        async with demo.running(grocery(), HouseholdExtract(HOUSEHOLDS)) as session:
            await session.go(1)
            await session.step()
            before = session.played[-1].adviser
            await session.switch("adviser-brief", on=False)
            await session.go(1)
            while await session.step():
                pass
            briefs = sum([bool(one.adviser) for one in session.played])
            return session.household, briefs, bool(before)

    household, briefs, before = asyncio.run(withdrawing())
    assert household == "Solène"
    assert before
    assert briefs == 0


def test_a_restart_between_a_card_and_its_answer_loses_nothing(tmp_path: Path) -> None:
    async def until_the_card() -> None:
        async with demo.running(grocery(), HouseholdExtract(HOUSEHOLDS), data=tmp_path / "data") as session:
            await session.go(2)
            while not session.played[-1].glasses:
                await session.step()

    async def after_the_restart() -> tuple[str, str]:
        async with demo.running(grocery(), HouseholdExtract(HOUSEHOLDS), data=tmp_path / "data") as session:
            card = session.server.screens.card("solene")
            assert card is not None
            token = session.server.access_keys.issue("device", "solene")
            async with client(session.server, token) as device:
                answer = await device.post("/glasses/answer", json={"decision": card.show.id, "answer": "yes"})
                for _ in range(100):
                    wallet = (await device.get("/v1/people/solene/wallet")).json()
                    if wallet["orders"]:
                        break
                    await asyncio.sleep(0.05)
            return answer.json()["answer"], wallet["orders"][0]["status"]

    asyncio.run(until_the_card())
    assert asyncio.run(after_the_restart()) == ("yes", "ordered")


def test_the_simulated_year_runs_to_its_end_and_claims_no_uplift_from_few_people() -> None:
    extract = HouseholdExtract(HOUSEHOLDS)
    for name in list(extract.households)[sample(2, 4) :]:
        del extract.households[name]

    async def a_year() -> PopulationResult:
        async with demo.running(grocery(), extract, year_s=0.0) as session:
            return await session.run_year()

    result = asyncio.run(a_year())
    fields = result.fields("fr")
    assert result.complete
    assert result.visits == sum([len(one.baskets) for one in extract.households.values()])
    assert "simulated" in fields["answers"]
    for report in fields["objectives"]:
        assert report["verdict"] == "not_enough_evidence", "so few people prove nothing"


def test_the_past_of_a_household_is_moved_by_whole_weeks() -> None:
    extract = HouseholdExtract(HOUSEHOLDS)
    for name, household in extract.households.items():
        actor = Actor(extract, name, "America/New_York", 1_800_000_000.0)
        past = list(actor.past_purchases(name))
        at, between = actor.next_visit(1_800_000_000.0, name)

        assert at > 1_800_000_000.0
        assert len(past) + len(between) < len(household.baskets)
        assert (actor.at(household.baskets[0]) - household.baskets[0].at) % (7 * 86_400) == 0


def test_a_story_that_is_no_story_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match=r"stories/x\.toml"):
        stories({"stories/x.toml": b"title = 3"})
    with pytest.raises(Invalid, match="unknown field `when`"):
        stories({"stories/x.toml": b'steps = []\nwhen = "now"\n[title]\nfr = ""\nen = ""\n[promise]\nfr = ""\nen = ""'})


def test_every_expectation_can_fail() -> None:
    assert not all(check.holds for check in answer_checks(Expected(status=200), 403, {}))
    assert not all(check.holds for check in answer_checks(Expected(card="welcome"), 200, {"decisions": []}))
    assert not all(
        check.holds
        for check in answer_checks(
            Expected(silence="consent"), 200, {"decisions": [{"audience": "customer", "action": "welcome"}]}
        )
    )
    assert not all(check.holds for check in answer_checks(Expected(effect="order"), 200, {}))
    assert not all(
        check.holds
        for check in answer_checks(Expected(granted="redeemed"), 200, {"granted": {"reason": "unknown_code"}})
    )
    assert not all(
        check.holds
        for check in answer_checks(Expected(on=("home",)), 200, {"choices": [{"purpose": "home", "on": False}]})
    )
    assert not all(
        check.holds
        for check in answer_checks(Expected(off=("home",)), 200, {"choices": [{"purpose": "home", "on": True}]})
    )
    assert not all(check.holds for check in screen_checks(Expected(on_glasses="nothing"), {"decision": "d"}, []))
    assert not all(check.holds for check in screen_checks(Expected(on_adviser=0), {}, [{"who": "x"}]))
    assert not all(check.holds for check in screen_checks(Expected(facts_at_most=3), {}, [{"facts": [1, 2, 3, 4]}]))
    assert not all(check.holds for check in screen_checks(Expected(untold=("water",)), {}, [{"facts": ["Water: 1 L"]}]))
    assert not all(check.holds for check in screen_checks(Expected(avoid=True), {}, [{}]))


def test_the_command_says_in_json_what_was_expected_and_what_happened(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "sys.argv", ["visavis", "play", str(example("grocery")), "--story", "4-heavy", "--household", "Nobody"]
    )
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "There is no household `Nobody`" in capsys.readouterr().err
    scene = asyncio.run(demo.play(grocery(), HOUSEHOLDS, "Solène", only="4-heavy")).fields("en")
    assert scene["as_expected"]
    assert json.dumps(scene)
