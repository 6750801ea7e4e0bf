"""The mission's scenes, played through HTTP against a running server, and what a story file may not say."""

import asyncio
import json
import tomllib
from pathlib import Path

import pytest

from support.full import sample
from visavis.cli import example, grocery, main
from visavis.lab import demo
from visavis.lab.stories.actors import Actors
from visavis.lab.stories.headless import Scene
from visavis.lab.stories.households import Extract
from visavis.lab.stories.play import checked, on_screens
from visavis.lab.stories.simulated_population import PopulationResult
from visavis.model.errors import Invalid
from visavis.strategy.story import Expected, stories

HOUSEHOLDS = example("households")
OFF_THE_SCRIPT = ("Inès", "Léa", "Rose", "Bérénice")


@pytest.fixture(scope="module")
def told() -> demo.HeadlessReport:
    return asyncio.run(demo.headless(grocery(), HOUSEHOLDS, "Solène", crowd=False))


def test_every_scene_comes_out_as_its_story_expects(told: demo.HeadlessReport) -> None:
    wrong = [scene.text("en") for scene in told.scenes if not scene.as_expected]

    assert len(told.scenes) == 8
    assert not wrong, "\n".join(wrong)
    assert told.as_expected


def test_both_screens_share_the_work(told: demo.HeadlessReport) -> None:
    checked_in = next(one for one in told.scenes[1].played if one.sent.get("kind") == "checked_in")

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


@pytest.mark.parametrize("household", OFF_THE_SCRIPT)
def test_whoever_plays_nothing_breaks(household: str) -> None:
    told = asyncio.run(demo.headless(grocery(), HOUSEHOLDS, household, crowd=False))

    played = [one for scene in told.scenes for one in scene.played]
    assert all(one.status in (0, 200, 403) for one in played)
    assert [
        scene.story.id
        for scene in told.scenes
        if scene.story.id in ("1-in-front", "8-says-no") and not scene.as_expected
    ] == []


def test_who_does_not_come_often_or_is_held_out_makes_no_difference_and_leaves_what_needs_the_card_unplayed() -> None:
    for household, reason, scene in (("Camille", "condition_false", 3), ("Nora", "holdout", 1)):
        told = asyncio.run(demo.headless(grocery(), HOUSEHOLDS, household, crowd=False)).scenes[scene]

        assert told.as_expected, told.text("en")
        assert told.played[-1].excused == reason
        assert any(one.skipped for one in told.played)
        assert not any(check.what == "card" for one in told.played for check in one.checks)


async def _in_another_order(order: list[int]) -> list[Scene]:
    async with demo.running(grocery(), Extract(HOUSEHOLDS)) as stage:
        scenes = []
        for scene in order:
            await stage.go(scene)
            while await stage.step():
                pass
            scenes.append(Scene(stage.stories[scene], tuple(stage.played)))
        return scenes


def test_scenes_stand_alone_in_any_order() -> None:
    scenes = asyncio.run(_in_another_order([5, 4, 2, 0, 3]))

    assert [scene.text("en") for scene in scenes if not scene.as_expected] == []


def test_who_said_no_in_the_middle_stays_obeyed() -> None:
    async def withdrawing() -> tuple[str, int, bool]:
        async with demo.running(grocery(), Extract(HOUSEHOLDS)) as stage:
            await stage.go(1)
            await stage.step()
            before = stage.played[-1].adviser
            await stage.switch("adviser-brief", on=False)
            await stage.go(1)
            while await stage.step():
                pass
            briefs = sum([bool(one.adviser) for one in stage.played])
            return stage.household, briefs, bool(before)

    household, briefs, before = asyncio.run(withdrawing())
    assert household == "Solène"
    assert before
    assert briefs == 0


def test_a_restart_between_a_card_and_its_answer_loses_nothing(tmp_path: Path) -> None:
    async def until_the_card() -> None:
        async with demo.running(grocery(), Extract(HOUSEHOLDS), data=tmp_path / "data") as stage:
            await stage.go(2)
            while not stage.played[-1].glasses:
                await stage.step()

    async def after_the_restart() -> tuple[str, str]:
        async with demo.running(grocery(), Extract(HOUSEHOLDS), data=tmp_path / "data") as stage:
            card = stage.server.screens.card("solene")
            assert card is not None
            key = {"authorization": f"Bearer {stage.server.access_keys.issue('device', 'solene')}"}
            answer = await stage.player._client.post(
                "/glasses/answer", json={"decision": card.show.id, "answer": "yes"}, headers=key
            )
            for _ in range(100):
                wallet = (await stage.player._client.get("/v1/people/solene/wallet", headers=key)).json()
                if wallet["orders"]:
                    break
                await asyncio.sleep(0.05)
            return answer.json()["answer"], wallet["orders"][0]["status"]

    asyncio.run(until_the_card())
    assert asyncio.run(after_the_restart()) == ("yes", "ordered")


def test_everybody_lives_a_whole_year_with_an_honest_effect() -> None:
    extract = Extract(HOUSEHOLDS)
    for name in list(extract.households)[sample(2, 4) :]:
        del extract.households[name]

    async def a_year() -> PopulationResult:
        async with demo.running(grocery(), extract, year_s=0.0) as stage:
            return await stage.everybody()

    lived = asyncio.run(a_year())
    fields = lived.fields("fr")
    assert lived.whole
    assert lived.visits == sum([len(one.baskets) for one in extract.households.values()])
    assert "simulated" in fields["answers"]
    for told in fields["objectives"]:
        assert told["verdict"] == "not_enough_evidence", "so few people prove nothing"


def test_the_past_of_a_household_is_moved_by_whole_weeks() -> None:
    extract = Extract(HOUSEHOLDS)
    for name, household in extract.households.items():
        cast = Actors(extract, name, "America/New_York", 1_800_000_000.0)
        past = list(cast.past(name))
        at, between = cast.to_visit(1_800_000_000.0, name)

        assert at > 1_800_000_000.0
        assert len(past) + len(between) < len(household.baskets)
        assert (cast._at(household.baskets[0]) - household.baskets[0].at) % (7 * 86_400) == 0


def test_a_story_that_is_no_story_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match=r"stories/x\.toml"):
        stories({"stories/x.toml": b"title = 3"})
    with pytest.raises(Invalid, match="unknown field `when`"):
        stories({"stories/x.toml": b'steps = []\nwhen = "now"\n[title]\nfr = ""\nen = ""\n[promise]\nfr = ""\nen = ""'})


def test_every_expectation_can_fail() -> None:
    assert not all(check.holds for check in checked(Expected(status=200), 403, {}))
    assert not all(check.holds for check in checked(Expected(card="welcome"), 200, {"decisions": []}))
    assert not all(
        check.holds
        for check in checked(
            Expected(silence="consent"), 200, {"decisions": [{"audience": "customer", "action": "welcome"}]}
        )
    )
    assert not all(check.holds for check in checked(Expected(effect="order"), 200, {}))
    assert not all(
        check.holds for check in checked(Expected(granted="redeemed"), 200, {"granted": {"reason": "unknown_code"}})
    )
    assert not all(
        check.holds for check in checked(Expected(on=("home",)), 200, {"choices": [{"purpose": "home", "on": False}]})
    )
    assert not all(
        check.holds for check in checked(Expected(off=("home",)), 200, {"choices": [{"purpose": "home", "on": True}]})
    )
    assert not all(check.holds for check in on_screens(Expected(on_glasses="nothing"), {"decision": "d"}, []))
    assert not all(check.holds for check in on_screens(Expected(on_adviser=0), {}, [{"who": "x"}]))
    assert not all(check.holds for check in on_screens(Expected(facts_at_most=3), {}, [{"facts": [1, 2, 3, 4]}]))
    assert not all(check.holds for check in on_screens(Expected(untold=("water",)), {}, [{"facts": ["Water: 1 L"]}]))
    assert not all(check.holds for check in on_screens(Expected(avoid=True), {}, [{}]))


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
    scene = asyncio.run(demo.headless(grocery(), HOUSEHOLDS, "Solène", only="4-heavy", crowd=False)).fields("en")
    assert scene["as_expected"]
    assert json.dumps(scene)
