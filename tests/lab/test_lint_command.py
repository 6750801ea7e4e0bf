"""``visavis lint`` at the command line, and the commands that open a server's data folder."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from support.command import printed
from support.house import House
from support.people import BRANDS, NOON, a_history, enters, lines, says_yes
from visavis.cli import app, example
from visavis.model.moment import Bought, Linked
from visavis.strategy.faults import Finding

GROCERY = example("grocery")


@pytest.fixture
def brand(tmp_path: Path) -> Path:
    """A copy of the example."""
    return Path(shutil.copytree(GROCERY, tmp_path / "brand"))


def lint(*arguments: str) -> tuple[int, str]:
    ran = CliRunner().invoke(app, ["lint", *arguments])
    return ran.exit_code, ran.stdout


def test_a_clean_strategy_is_said_in_sentences_of_both_languages() -> None:
    english, french = printed("lint", str(GROCERY)), printed("lint", str(GROCERY), "--language", "fr")

    assert "Save the trip back for something forgotten.\n  reminder-till · reminders: No more trips back" in english
    assert "For the customer, when the person is at the till, about a product with the number of days" in english
    assert "“Out of {family} · {product}, delivered tomorrow?” A yes sends the order." in english
    assert "Éviter de revenir pour un oubli.\n  reminder-till · reminders" in french
    assert "Pour le conseiller, quand la personne s’annonce." in french
    assert english.splitlines()[-1].startswith("Le Marché du Coin: 10 actions, 64 products, version ")


def test_dates_and_days_are_said(brand: Path) -> None:
    action = brand / "actions" / "reminder-door.toml"
    dated = 'from = 2026-12-01\nuntil = 2099-12-24\ndays = ["friday"]\n'
    action.write_text(action.read_text().replace("top = 4\n", f"top = 4\n{dated}"))

    assert "comes in, from December 1, 2026, until December 24, 2099, on Friday." in printed("lint", str(brand))
    french = printed("lint", str(brand), "--language", "fr")
    assert "entre, à partir du 1 décembre 2026, jusqu’au 24 décembre 2099, le vendredi." in french


def test_warnings_end_well_and_errors_do_not(brand: Path) -> None:
    (brand / "shop.jpg").write_bytes(b"x")

    assert lint(str(brand))[0] == 0
    assert "shop.jpg:1: warning: nothing reads this file." in lint(str(brand))[1]

    (brand / "segment.toml").write_text("")
    code, text = lint(str(brand))
    assert code == 1
    assert "segment.toml:1: error: nothing reads this file. Did you mean `segments.toml`?" in text
    assert text.endswith("1 error, 1 warning\n")


def test_json_lists_what_was_found(brand: Path) -> None:
    assert json.loads(lint(str(brand), "--json")[1]) == []
    (brand / "segments.toml").write_text('light = "worth.trips > 3"\n')

    code, text = lint(str(brand), "--json")

    assert code == 1
    listed = json.loads(text)
    assert {tuple(one) for one in listed} == {Finding.__struct_fields__}
    assert {(one["file"], one["line"], one["severity"], one["key"]) for one in listed} == {
        ("actions/thank-you.toml", 8, "error", "when")
    }


def test_a_server_s_folder_is_replayed_explained_and_compared(tmp_path: Path, brand: Path) -> None:
    with House(tmp_path / "house") as house:
        known = Linked(id="card", customer="ada", occurred_at=NOON, identifier="card-1")
        house.process([known, *a_history("ada"), *says_yes("ada", "place-moment", "reminders", at=NOON)])
        elsewhere = Bought(id="b", customer="ada", occurred_at=NOON, place="s9", lines=lines("4006381333931"))
        answers = house.process([elsewhere, enters("ada")])
        entry = answers[1].entry
        assert entry is not None
        decision = entry.decisions[0].id
    told = tmp_path / "visavis.toml"
    told.write_text(f'root_key = "{tmp_path / "house" / "root.key"}"\n')
    data, settings = str(tmp_path / "house" / "data"), ("--settings", str(told))

    assert "entries folded into 1 customers" in printed("replay", data, *settings)
    assert " 0 differences" in printed("replay", data, "--verify", *settings)
    assert "reminder-door" in printed("why", decision, "--log", data, *settings)
    assert CliRunner().invoke(app, ["lint", str(brand), "--log", data, *settings]).exit_code == 0

    door = brand / "actions" / "reminder-door.toml"
    door.write_text(door.read_text().replace("top = 4\n", 'top = 4\nwhen = "worth.trips > 9000"\n'))
    products = brand / "products.csv"
    moved = products.read_text().replace("FLUID MILK WHITE ONLY", "YOGURT NOT MULTI-PACKS", 1)
    products.write_text(moved)
    _, text = lint(str(brand), "--log", data, *settings)

    assert "the place `s9` is not in this file (recorded 1×)" in text
    assert "the product `04006381333931` is not in this file" in text
    assert "reminder-door.toml:9: warning: `when` held for nobody in 1 recorded moments. Most often (1)" in text
    assert f"the product `{BRANDS[0]}` is recorded 10 times in the family `FLUID MILK WHITE ONLY`" in text
    assert "refill.toml:6: warning: no recorded moment could wake this action" in text
