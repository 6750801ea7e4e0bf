"""The index equals the plain reading in all three values, on rare cases too; conditions in words."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.conditions_drawn import a_condition, facts
from visavis.model.attributes import ATTRIBUTES
from visavis.strategy.conditions import ConditionError, Value, evaluate, parse
from visavis.strategy.rules import Index, masks
from visavis.strategy.sentences import CLAIMS


@settings(max_examples=300)
@given(st.lists(a_condition, min_size=1, max_size=8), st.lists(facts, min_size=1, max_size=8))
def test_true_unknown_and_false_are_the_same_three_values(texts: list[str], people: list[dict[str, Value]]) -> None:
    conditions = [parse(text) for text in texts]
    index = Index(conditions)

    for person in people:
        true, unknown = index.match(person)
        for i, condition in enumerate(conditions):
            held = evaluate(condition.tree, person)
            assert (true >> i & 1, unknown >> i & 1) == (held is True, held is None)
            if held is not True:
                predicate, reason = index.why_not(i, person)
                assert reason == ("condition_unknown" if held is None else "condition_false")
                assert evaluate(parse(predicate).tree, person) is held


@settings(max_examples=200)
@given(a_condition, st.lists(facts, min_size=1, max_size=6))
def test_masks_are_the_plain_reading_row_by_row(text: str, rows: list[dict[str, Value]]) -> None:
    condition = parse(text)
    columns = {path: [row.get(path) for row in rows] for path in ATTRIBUTES}
    numbers = {
        path: np.array([np.nan if row.get(path) is None else row[path] for row in rows], dtype=np.float64)
        for path, attribute in ATTRIBUTES.items()
        if attribute.type == "number"
    }

    expected = [evaluate(condition.tree, row) is True for row in rows]

    assert masks(condition, columns, size=len(rows)).tolist() == expected
    assert masks(condition, {**columns, **numbers}, size=len(rows)).tolist() == expected


def test_what_has_no_column_at_all_is_unknown_in_every_row() -> None:
    assert masks(parse("need.p_forgotten > 0.1"), {}, size=3).tolist() == [False] * 3


def test_many_conditions_at_once_are_still_the_plain_reading() -> None:
    random = Random(1)
    paths = ["worth.trips", "moment.hour", "basket.lines", "device.battery"]

    def predicate() -> str:
        return f"{random.choice(paths)} {random.choice(['<', '<=', '>', '>=', '==', '!='])} {random.randint(0, 6) / 2}"

    conditions = [parse(f"({predicate()} or {predicate()}) and {predicate()}") for _ in range(200)]
    index = Index(conditions)
    for _ in range(50):
        person: dict[str, Value] = {path: random.randint(-1, 7) / 2 for path in paths if random.random() < 0.8}
        held = [evaluate(condition.tree, person) for condition in conditions]
        assert index.match(person) == (
            sum(1 << i for i, one in enumerate(held) if one is True),
            sum(1 << i for i, one in enumerate(held) if one is None),
        )


@pytest.mark.parametrize("threshold", [9007199254740990, -9007199254740990, 5e-324, 0])
def test_a_threshold_at_the_edge_of_what_a_number_can_say(threshold: float) -> None:
    for operator in ("<", "<=", ">", ">=", "==", "!="):
        condition = parse(f"worth.trips {operator} {threshold!r}")
        for x in (
            -np.inf,
            float(threshold),
            np.nextafter(threshold, np.inf),
            np.nextafter(threshold, -np.inf),
            5.0,
            np.inf,
        ):
            assert bool(Index([condition]).match({"worth.trips": float(x)})[0]) is evaluate(
                condition.tree, {"worth.trips": float(x)}
            )


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("worth.trips >", 14),
        ("worth.trips = 3", 13),
        ('place.kind == "é" and worth.tripz > 3', 23),
        ("customer.known and (worth.trips > 'a')", 35),
    ],
)
def test_a_fault_says_at_which_character(text: str, column: int) -> None:
    with pytest.raises(ConditionError, match=rf"^At column {column}: "):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        'customer.known in ("a",)',
        'customer.tags in ("a",)',
        "(customer.known\r and customer.known)",
        'place.kind == "\ud800',
        "worth.trips > 1j",
    ],
)
def test_a_wrong_type_or_a_second_line_is_refused(text: str) -> None:
    with pytest.raises(ConditionError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "french", "english"),
    [
        ("", "toujours", "always"),
        ("not customer.known", "la personne n'est pas connue de la marque", "the person is not known to the brand"),
        (
            "worth.spend_28d_cents >= 123456789",
            "les achats des 28 derniers jours\u00a0: au moins 1\u00a0234\u00a0567,89",
            "the spend of the last 28 days: at least 1,234,567.89",
        ),
        (
            "not (need.p7 < 0.35 or device.battery is None)",
            (
                "la probabilité d'en avoir besoin sous 7 jours\u00a0: au moins 35\u00a0% et la batterie\u00a0: avec une"
                " valeur"
            ),
            "the chance of needing it within 7 days: at least 35% and the battery: with a value",
        ),
        (
            "moment.weekday in (5, 6)",
            "le jour de la semaine\u00a0: samedi ou dimanche",
            "the day of the week: Saturday or Sunday",
        ),
        (
            '"vegan" not in customer.tags',
            "les préférences déclarées\u00a0: sans «\u00a0vegan\u00a0»",
            "the declared preferences: without “vegan”",
        ),
    ],
)
def test_a_condition_in_words(text: str, french: str, english: str) -> None:
    assert parse(text).sentence("fr") == french
    assert parse(text).sentence("en") == english


def test_every_flag_is_a_claim_in_both_languages() -> None:
    assert CLAIMS.keys() == {path for path, attribute in ATTRIBUTES.items() if attribute.type == "flag"}
    assert all(len(claims) == 2 for words in CLAIMS.values() for claims in words.values())
