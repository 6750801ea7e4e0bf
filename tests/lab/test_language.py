"""Everything that is played in a language is shown in it: cards, briefs, reasons, and the stage's own texts."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import pytest

from visavis.cards.words import family_name
from visavis.cli import example, grocery, main
from visavis.lab import demo
from visavis.lab.stage.stage_view import StageView
from visavis.lab.stories.households import HouseholdExtract
from visavis.lab.stories.report import PlayReport
from visavis.lab.stories.session import StorySession
from visavis.strategy.read import read

HOUSEHOLDS = example("households")
ORIGINS = {"fr": {"déclaré", "déduit", "observé"}, "en": {"declared", "inferred", "observed"}}


def french_words() -> Iterator[str]:
    """Texts of the strategy's cards in French, up to their first variable, that are not English too."""
    for action in read(grocery()).actions.values():
        french, english = action.card["fr"], action.card["en"]
        for name in ("title", "body", "why", "yes", "no"):
            text = getattr(french, name, "").partition("{")[0].strip().replace("'", "’")
            if len(text) > 3 and text not in getattr(english, name, ""):
                yield text


@pytest.fixture(scope="module")
def reports() -> dict[str, PlayReport]:
    def play(language: str) -> PlayReport:
        return asyncio.run(demo.play(grocery(), HOUSEHOLDS, "Solène", language=language))

    return {language: play(language) for language in ("fr", "en")}


def test_an_english_play_shows_english_cards_and_reasons(reports: dict[str, PlayReport]) -> None:
    texts = {language: report.text(language).replace("'", "’") for language, report in reports.items()}
    found = {language: [word for word in french_words() if word in text] for language, text in texts.items()}

    assert len(found["fr"]) >= 5
    assert found["en"] == []
    assert "Rien n’a été affiché" in texts["fr"]
    assert "Rien n’a été affiché" not in texts["en"]
    assert "Nothing was shown" in texts["en"]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_briefs_are_in_the_language_of_the_play(reports: dict[str, PlayReport], language: str) -> None:
    lines = [line for story in reports[language].stories for step in story.steps for line in step.adviser]
    origins = {found[1] for line in lines if (found := re.search(r"\((\w+)\)$", line))}

    assert origins
    assert origins <= ORIGINS[language]


def test_both_languages_come_out_as_expected(reports: dict[str, PlayReport]) -> None:
    assert [report.as_expected for report in reports.values()] == [True, True]


def test_the_command_plays_in_the_language_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["visavis", "play", str(example("grocery")), "--story", "3-fridge", "--language", "en"]
    monkeypatch.setattr("sys.argv", command)

    with pytest.raises(SystemExit) as stopped:
        main()

    assert stopped.value.code == 0
    assert "Out of milk" in capsys.readouterr().out


def test_the_stage_in_english_shows_no_french_card_or_product_whatever_language_is_played() -> None:
    strategy = read(grocery())
    families = [family for family in strategy.families if len(family_name(strategy, family, "fr")) > 4]
    french = {family_name(strategy, family, "fr") for family in families} - {
        word for family in families for word in family_name(strategy, family, "en").split()
    }

    async def parts() -> list[str]:
        async with demo.running(grocery(), HouseholdExtract(HOUSEHOLDS), language="fr") as session:
            return [text async for text in every_step(session)]

    async def every_step(session: StorySession) -> AsyncIterator[str]:
        view = StageView(session.server.writer, session.server.screens, session, pace_s=0.0)
        for scene in range(len(session.stories)):
            await session.go(scene)
            yield "\n".join(view.parts("en").values())
            while await session.step():
                yield "\n".join(view.parts("en").values())

    shown = asyncio.run(parts())
    assert len(shown) > 30
    for text in shown:
        assert not [word for word in french_words() if word in text]
        assert not [word for word in french if re.search(rf"\b{re.escape(word)}\b", text)]
