"""What lint finds beyond types: each planted fault is one finding, on its line, with advice; nothing crashes it."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.conditions_drawn import a_condition, facts
from support.people import NOON, STRATEGY, grocery
from visavis.decide.facts import READERS
from visavis.files import SIZE_LIMIT_MB, other_files, strategy_files
from visavis.model.attributes import ATTRIBUTES
from visavis.model.customer import Stock
from visavis.model.errors import Invalid
from visavis.model.moment import Asked, Dwelled, Entered, Line, Measured, MomentBase, Paying, RanOut, Saw, Spot
from visavis.model.number import Number
from visavis.model.view import View
from visavis.strategy import contradictions
from visavis.strategy.check import check
from visavis.strategy.conditions import Value, evaluate, parse
from visavis.strategy.contradictions import BOUNDS, WHOLE, Names, carriers
from visavis.strategy.faults import Finding, Reading
from visavis.strategy.read import read
from visavis.strategy.warnings import looks_like

TODAY = date(2026, 12, 1)
THANKS, DOOR, REFILL, WELCOME, OFFER, BRIEF, LOOK, WATER, TILL = [
    f"{path}.toml"
    for path in (
        "actions/thank-you",
        "actions/reminder-door",
        "actions/refill",
        "actions/welcome",
        "actions/tailored-offer",
        "actions/adviser-suggestion",
        "actions/still-at-home",
        "actions/own-water",
        "stories/7-till",
    )
]
WHEN = "customer.known and segment.heavy"


def found(files: dict[str, bytes], *others: str) -> list[Finding]:
    return check(files, today=TODAY, others=others)[1]


def changed(path: str, given_text: str, text: str) -> tuple[dict[str, bytes], int]:
    """The example with one text instead of another, and the line of the former."""
    files = grocery()
    before, _, after = files[path].partition(given_text.encode())
    assert after, given_text
    return {**files, path: before + text.encode() + after}, before.count(b"\n") + 1


def test_the_example_is_clean() -> None:
    assert found(grocery()) == []


@pytest.mark.parametrize(
    ("condition", "said", "advice"),
    [
        ("worth.trips > 5 and worth.trips < 3", "exclude each other", "Correct"),
        ("worth.trips > 4 and worth.trips < 5", "exclude each other", "Correct"),
        ("worth.trips is None and worth.trips > 4", "exclude each other", "Correct"),
        ("moment.weekday in (5, 6) and moment.weekday == 3", "exclude each other", "Correct"),
        ("moment.hour >= 22 and moment.hour < 6", "exclude each other", "Correct"),
        ("not customer.known", "exclude each other", "Correct"),
        ("worth.trips == 2.5", "can never hold", "a whole number"),
        ("device.battery > 1", "can never hold", "50 % is 0.5"),
        ("moment.weekday == 7", "can never hold", "0 to 6"),
        ("basket.lines > 3", "when `entered` wakes it: `basket.lines` is not known then", "paying, bought"),
        ('moment.kind == \\"paying\\"', "it asks for `moment.kind == 'paying'`", "woken_by"),
        ('place.kind == \\"shopp\\"', "`place.kind` is never `shopp`", "Did you mean `shop`?"),
        ('device.profile == \\"glases\\"', "never `glases`", "Did you mean `glasses`?"),
        ('moment.kind == \\"entred\\"', "never `entred`", "Did you mean `entered`?"),
        ('customer.language == \\"de\\"', "never `de`", "Known: en, fr"),
        ("segment.hevy", "`segment.hevy` is not a segment", "Did you mean `heavy`?"),
        ("customer.knwon", "`customer.knwon` is not an attribute", "Did you mean `customer.known`?"),
        ("place.kind == shop", "`shop` is not a constant", '"shop"'),
    ],
)
def test_a_condition_that_can_never_hold_is_an_error(condition: str, said: str, advice: str) -> None:
    files, line = changed(THANKS, WHEN, f"{WHEN} and {condition}")

    only = found(files)

    assert [(one.file, one.line, one.severity) for one in only] == [(THANKS, line, "error")], only
    assert said in only[0].message
    assert advice in only[0].advice


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("(worth.trips > 3 or worth.trips == 2.5)", "can never hold"),
        ('place.kind in (\\"shop\\", \\"aisel\\")', "never `aisel`"),
        ('place.kind != \\"shopp\\"', "never `shopp`"),
        ('place.id != \\"s9\\"', "no file lists `s9`"),
        ("device.battery < 15", "always holds"),
    ],
)
def test_a_condition_that_can_still_hold_is_a_warning(condition: str, said: str) -> None:
    files, line = changed(THANKS, WHEN, f"{WHEN} and {condition}")

    only = found(files)

    assert [(one.file, one.line, one.severity) for one in only] == [(THANKS, line, "warning")], only
    assert said in only[0].message
    assert read(files, live=True).actions


@settings(max_examples=300)
@given(a_condition, facts)
def test_a_condition_that_somebody_meets_is_never_called_impossible(text: str, person: dict[str, Value]) -> None:
    condition, reading = parse(text), Reading({})
    for path, value in person.items():
        low, high = BOUNDS.get(path, (float("-inf"), float("inf")))
        if isinstance(value, float) and (not low <= value <= high or (path in WHOLE and not value.is_integer())):
            return

    possible = contradictions.check(reading, "x", "when", condition, Names())

    assert possible or evaluate(condition.tree, person) is not True
    assert possible is not bool(reading.listed())


BASE: dict[str, Any] = {"id": "m", "customer": "ada", "occurred_at": NOON}
SPOT = Spot("s1", "shop", 20_000, 12.0)
SAMPLES: list[MomentBase] = [
    Entered(**BASE, place="s1", at=SPOT),
    Dwelled(**BASE, place="s1", dwell_s=60.0, at=SPOT),
    Paying(**BASE, place="s1", lines=(Line("p", 1, 100),), at=SPOT),
    Saw(**BASE, product="p", family="MILK", at=SPOT),
    RanOut(**BASE, product="p", family="MILK", at=SPOT),
    Measured(**BASE, measure="water", value=1.0, at=SPOT),
    Asked(**BASE, about="opening"),
]


@pytest.mark.parametrize("moment", SAMPLES, ids=lambda moment: moment.kind)
def test_what_a_kind_of_moment_carries_is_what_decisions_read_of_it(moment: Any) -> None:
    view = View(
        categories=frozenset({"places", "purchases", "sight", "home", "numbers"}),
        moment=moment,
        now=NOON.timestamp(),
        known=True,
        language="en",
        devices={},
        home={"MILK": Stock(1.0, "p", NOON.timestamp())},
        numbers={"water": Number(1.0, 20_000, 2.0, "L", NOON.timestamp())},
    )
    paths = [path for path, one in ATTRIBUTES.items() if one.scope == "moment" and path != "saw.is_usual"]
    at = {"moment.hour", "moment.weekday", "place.id", "place.kind"} if moment.at is not None else set[str]()

    for path in paths:
        if path not in at:
            assert (READERS[path](view) is not None) is (moment.kind in carriers(path)), path
    assert all(READERS[path](view) is not None for path in at if moment.kind in carriers(path))


@pytest.mark.parametrize(
    ("path", "before", "after", "said", "advice"),
    [
        (BRIEF, '["checked_in"]', '["entered"]', "an adviser is never shown anything because of `entered`", "check-in"),
        (DOOR, '["entered"]', '["asked"]', "needs are not estimated when `asked` wakes it", "another kind"),
        (DOOR, '["entered"]', '["located"]', "`located` is never stored", '["entered"]'),
        (DOOR, '["entered"]', '["entred"]', "`entred` is no kind of moment", "Did you mean `entered`?"),
        (DOOR, '"needs-met"', '"need-met"', "`need-met` is not an objective", "Did you mean `needs-met`?"),
        (DOOR, '"reminders"', '"reminder"', "`reminder` is not a purpose", "Did you mean `reminders`?"),
        (DOOR, '"customer"', '"customers"', "`audience` cannot be `customers`", "Known: customer, adviser"),
        (DOOR, "per_day = 3", "perday = 3", "`perday` is not known here", "Did you mean `per_day`?"),
        (DOOR, 'about = "need"', 'about = "needs"', "`about` cannot be `needs`", "Known: need, seen, home, none"),
        (DOOR, 'objective = "needs-met"', "objective = needs-met", "this is not TOML", "between quotes"),
        (DOOR, "top = 4", 'days = ["fri"]', "`days` cannot be `fri`", "friday"),
        (DOOR, "top = 4", 'from = "soon"', "`from`", "Write a date without quotes"),
        (DOOR, "top = 4", "from = 2026-12-24\nuntil = 2026-12-01", "`until` is before `from`", "Swap"),
        (
            DOOR,
            "top = 4",
            'from = 2026-12-07\nuntil = 2026-12-08\ndays = ["sunday"]',
            "none of these days is between",
            "Name another",
        ),
        (DOOR, 'title = "{family}?"', 'title = "{today}?"', "{today} has no value when entered wakes it", "measured"),
        (WELCOME, 'title = "Welcome!"', 'title = "{family}!"', "{family} has no value", "about ="),
        (WELCOME, 'about = "none"', 'about = "none"\neffect = "order"', "this order has no product", "about"),
        (THANKS, "when = ", 'product_when = "need.times > 3"\nwhen = ', "`product_when` is not read", "when"),
        (THANKS, "reward_cents = 250\n", "", "this reward is worth nothing", "reward_cents"),
        (THANKS, 'effect = "reward"\n', "", "nothing grants this reward", "effect"),
        (REFILL, 'yes = "Commander"\n', "", "nobody can say yes", "yes"),
        (OFFER, "need.times >= 3", "need.p7 >= 35", "`need.p7 >= 35` can never hold", "50 % is 0.5"),
        (OFFER, "need.times >= 3", 'product.family == \\"BANANA\\"', "is never `BANANA`", "Did you mean `BANANAS`?"),
        ("segments.toml", "heavy = ", 'light = "worth.trips < 1 and worth.trips > 2"\nheavy = ', "exclude", "Correct"),
        ("brand.toml", '"fr", "en"', '"fr", "de"', "`de` is neither", "Known: fr, en"),
        ("brand.toml", '"donnees@marche.example"', '"donnees"', "is not an e-mail", "NAME@HOST"),
        ("purposes.toml", 'categories = ["places"]', 'categories = ["place"]', "no such category", "`places`"),
        ("products.csv", "2000000000015,", "2000000000015;", "has 6 cells, not 7", "comma"),
        (TILL, 'kind = "paying"', 'kind = "payng"', "`payng` is no kind of moment", "Did you mean `paying`?"),
        (TILL, '"place-moment", "reminders"', '"place-moment", "reminder"', "not a purpose", "`reminders`"),
        (TILL, 'lines = "@basket"', 'items = "@basket"', "`items` is not a field of paying", "`lines`"),
        (TILL, '"@basket"', '"@baskets"', "`@baskets` stands for nothing", "Did you mean `@basket`?"),
        (TILL, 'by = "till"', 'by = "sensor"', "`paying` does not come from", "brand, till"),
        (TILL, 'by = "till"', 'by = "cashier"', "`by` cannot be `cashier`", "till"),
        (TILL, "expect = { status", "expects = { status", "`expects` is not known here", "`expect`"),
        ("stories/5-water.toml", "first_name =", "nickname =", "`nickname` is not a trait of brand.toml", "first_name"),
        ("stories/5-water.toml", 'measure = "water"', 'measure = "watr"', "`watr` is not a measure", "`water`"),
        ("stories/8-says-no.toml", 'close = "purchases"', 'close = "purchase"', "not a category", "`purchases`"),
        ("brand.toml", 'name = "Le Marché du Coin"', 'name = ""', "`name` is empty", "Write"),
        ("places.geojson", '"features": [', '"features": [,', "not a GeoJSON collection", "FeatureCollection"),
        ("segments.toml", "heavy = ", "heavy ", "this is not TOML", "NAME = VALUE"),
        (TILL, 'card = "reminder-till"', 'card = "reminder-tilt"', "is not a customer's action", "`reminder-till`"),
        (TILL, '"silence_better"', '"silence"', "`silence` is not a reason", "`silence_better`"),
    ],
)
def test_a_planted_error_is_one_error_with_advice(path: str, before: str, after: str, said: str, advice: str) -> None:
    files, line = changed(path, before, after)

    only = found(files)

    assert [(one.file, one.severity) for one in only] == [(path, "error")], only
    assert abs(only[0].line - line) <= 4
    assert said in only[0].message
    assert advice in only[0].advice


@pytest.mark.parametrize(
    ("path", "before", "after", "said"),
    [
        (DOOR, "lever = 1.0", "lever = 0", "`lever` is 0"),
        (DOOR, "per_day = 3", "per_day = 0", "`per_day` is 0"),
        (DOOR, "top = 4", "until = 2026-11-30", "this action ended on 2026-11-30"),
        ("brand.toml", "attention_units_per_day = 12.0", "attention_units_per_day = 0", "never shown anything"),
        ("objectives.toml", "value_cents = 30", "value_cents = 0", "is worth 0"),
        (
            "objectives.toml",
            'credit = "uplift"\n\n[right',
            'credit = "response"\n\n[right',
            "pays cards for any purchase",
        ),
        ("segments.toml", "heavy = ", 'light = "worth.trips < 3"\nheavy = ', "no condition uses the segment `light`"),
        ("products.csv", "Bananes,Bananas,", ",,", "has no name"),
        ("products.csv", "Bananes,Bananas,", "Bananes,,", "has no name in en"),
        ("products.csv", "BANANAS,179", "BANANNAS,179", "the family `BANANNAS` is not in families.csv"),
        ("products.csv", "BANANAS,179", "BANANAS,99999999", "looks wrong: 99999999 cents"),
        ("products.csv", "BANANAS,179", "BANANAS,0", "looks wrong: 0 cents"),
        ("families.csv", "lait,milk,", "bière,beer,", "looks like alcohol"),
    ],
)
def test_a_planted_doubt_is_one_warning_and_the_strategy_can_be_used(
    path: str, before: str, after: str, said: str
) -> None:
    files, line = changed(path, before, after)

    only = found(files)

    assert [(one.file, one.severity) for one in only] == [(path, "warning")], only
    assert 0 <= only[0].line - line <= 2
    assert said in only[0].message
    assert only[0].advice
    assert read(files, live=True).actions


def test_what_could_never_be_of_use_does_not_serve_and_is_read_from_a_log() -> None:
    files, _ = changed(BRIEF, '["checked_in"]', '["entered"]')

    assert read(files).actions
    with pytest.raises(Invalid, match="an adviser is never shown anything"):
        read(files, live=True)


def test_one_cause_is_told_once() -> None:
    files = grocery()

    for sign in (b";", b"\t"):
        head, _, rest = files["products.csv"].partition(b"\n")
        whole = found({**files, "products.csv": files["products.csv"].replace(b",", sign)})
        body = found({**files, "products.csv": head + b"\n" + rest.replace(b",", sign)})
        assert [(one.line, one.severity) for one in whole] == [(1, "error")]
        assert [(one.line, one.severity) for one in body] == [(2, "error")]
    many = found({**files, "products.csv": files["products.csv"] + b"x,y\n" * 60})
    assert len(many) == 5
    assert "and 55 more like this" in many[-1].message


def test_files_that_nothing_reads_are_errors_where_they_were_meant_and_warnings_elsewhere() -> None:
    action = grocery()[DOOR]

    for path, advice in {
        "actions/spring/tea.toml": "Move it to actions/tea.toml",
        "action/tea.toml": "Move it to actions/tea.toml",
        "actions/tea.tml": "Rename it to actions/tea.toml",
        "actions.toml": "actions/NAME.toml",
        "segment.toml": "Did you mean `segments.toml`?",
    }.items():
        only = found({**grocery(), path: action})
        assert [(one.file, one.severity) for one in only] == [(path, "error")]
        assert advice in only[0].advice
    assert [one.severity for one in found(grocery(), "shop.jpg")] == ["warning"]


def test_a_strategy_without_actions_or_products_is_told_so() -> None:
    files = {path: content for path, content in grocery().items() if "/" not in path and path != "products.csv"}

    said = [one.message for one in found(files)]

    assert said == ["there is no action", "there are no products"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Bière blonde", "alcohol"),
        ("Vins rouges", "alcohol"),
        ("Whiskies", "alcohol"),
        ("Cigarettes", "tobacco"),
        ("E-liquide", "tobacco"),
        ("Médicaments", "medicine"),
        ("pain relief: ibuprofen", "medicine"),
        ("Vinaigre de vin", ""),
        ("Ginger ale", ""),
        ("Bière sans alcool", ""),
        ("Raisins", ""),
        ("Originals", ""),
        ("Rumsteck", ""),
    ],
)
def test_what_is_never_pushed_is_known_by_its_name(name: str, kind: str) -> None:
    assert looks_like([name]) == kind


SMALL = {**grocery(), "families.csv": b"\n".join(grocery()["families.csv"].split(b"\n")[:9])}


@settings(max_examples=60)
@given(st.sampled_from(sorted(SMALL)), st.integers(0, 3000), st.integers(0, 40), st.binary(max_size=12))
def test_no_bytes_crash_the_linter(path: str, at: int, length: int, instead: bytes) -> None:
    content = SMALL[path]
    at %= len(content)

    _, findings = check({**SMALL, path: content[:at] + instead + content[at + length :]}, today=TODAY)

    assert all(one.line >= 1 and one.message and one.advice for one in findings)
    assert all(one.text.isprintable() for one in findings)


def test_a_folder_gives_the_strategy_s_own_files_only(tmp_path: Path) -> None:
    for path, content in grocery().items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    for path in (".git/config", ".DS_Store", "photo.jpg", "actions/README.md", "notes/todo.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"x")

    assert strategy_files(tmp_path) == grocery()
    assert other_files(tmp_path) == ["actions/README.md", "notes/todo.txt", "photo.jpg"]
    assert read(strategy_files(tmp_path)).version == STRATEGY.version

    with (tmp_path / "products.csv").open("ab") as file:
        file.truncate((SIZE_LIMIT_MB + 1) * 1_000_000)
    with pytest.raises(Invalid, match=r"MB, most of it in products\.csv"):
        strategy_files(tmp_path)
