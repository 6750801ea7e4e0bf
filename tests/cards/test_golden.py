"""The words of every action of the grocery example, as reviewed (``·`` narrow and ``~`` wide no-break spaces).

``VISAVIS_ACCEPT=1 pytest tests/cards/test_golden.py`` writes the golden files again; read them before a commit."""

import os
from pathlib import Path

import pytest

from support.cards import FACTS, MILK, MILK_1L, a_show
from visavis.cards.brief import brief
from visavis.cards.compose import compose
from visavis.cards.layout import BODY_SCALE, fit, headed, room_px
from visavis.cards.text import speech, text_screen
from visavis.model.decision import Known
from visavis.strategy.read import Strategy

GOLDEN = Path(__file__).parents[1] / "golden" / "cards"
ACTIONS = sorted(path.stem for path in (Path(__file__).parents[2] / "examples" / "grocery" / "actions").glob("*.toml"))
KNOWN = (
    Known(MILK, MILK_1L, 0.62),
    Known("BANANAS", "2000000000039", 0.48),
    Known("POTATO CHIPS", "", 0.31),
    Known("BUTTER", "", 0.3),
)


def told(strategy: Strategy, action: str, family: str, product: str, language: str) -> list[str]:
    decision = a_show(action, family, product, strategy=strategy, known=KNOWN, facts=FACTS)
    if decision.audience == "adviser":
        said = brief(strategy, decision, language, today=20_003)
        return [
            f"who    {said.who}",
            f"since  {said.since}",
            *[f"fact   {fact.what} ({fact.origin}) {fact.detail}" for fact in said.facts],
            f"advice {said.advice}",
            f"avoid  {said.avoid}",
            f"why    {said.why}",
        ]
    card = compose(strategy, decision, language, place="s1")
    lines = [f"| {line} |" for line in text_screen(card, 36, 6)]
    for profile in ("glasses", "watch"):
        device = strategy.devices[profile]
        width, font_px = room_px(device), device.font_px
        title, _ = headed(card.title, width=width, font_px=font_px, lines=device.lines) or ((), 0)
        body = fit(card.body, width=width, font_px=round(font_px * BODY_SCALE), lines=device.lines - len(title)) or ()
        lines.append(f"{profile:8}{' / '.join([*title, *body])}")
    return [*lines, f"speech  {speech(card)}", f"why     {card.why}"]


@pytest.mark.parametrize("action", ACTIONS)
def test_the_words_are_those_that_were_looked_at(strategy: Strategy, action: str) -> None:
    long = max(strategy.families.values(), key=lambda family: (len(family.name_fr), family.key)).key
    subjects = [("", "")] if strategy.actions[action].about == "none" else [(MILK, MILK_1L), (long, "")]
    parts = [
        "\n".join([f"{action}, {language}", "", *told(strategy, action, family, product, language)])
        for language in strategy.brand.languages
        for family, product in subjects
    ]
    text = "\n\n\n".join(parts).replace("\u202f", "·").replace("\u00a0", "~") + "\n"
    path = GOLDEN / f"{action}.txt"
    if os.environ.get("VISAVIS_ACCEPT"):
        path.write_text(text, encoding="utf-8")

    assert path.read_text(encoding="utf-8") == text
