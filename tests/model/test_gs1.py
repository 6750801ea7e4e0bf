"""Codes as GS1 writes them: the same trade item, however it is written; and nothing from what is no code."""

from datetime import date
from typing import Any
from urllib.parse import quote

import biip
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.people import NOON, STRATEGY, a_loop, camille
from visavis.model.errors import Invalid
from visavis.model.gs1 import DATES, HOME, QUALIFIERS, Item, canonical, check_digit, gtin, product_of, read, spellings
from visavis.model.moment import RanOut, Saw

SIGNS = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
numbers = st.integers(min_value=1, max_value=10**13 - 1).map(
    lambda number: (body := f"{number:013d}") + check_digit(body)
)
days = st.dates(min_value=date(2000, 1, 1), max_value=date(2074, 12, 31))


@st.composite
def items(draw: st.DrawFn) -> Item:
    fields: dict[str, Any] = {
        field: draw(st.just("") | st.text(SIGNS, min_size=1, max_size=longest))
        for field, longest in QUALIFIERS.values()
    }
    return Item(draw(numbers), **fields | {field: draw(st.none() | days) for field in DATES.values()})


@given(items(), st.sampled_from(["https://id.gs1.org", "http://shop.example:8080/a/b", "HTTPS://Shop.Example/01/x"]))
def test_a_digital_link_is_read_as_it_was_written_at_any_address(item: Item, start: str) -> None:
    link = canonical(item)

    assert read(link) == item
    assert read(start + link.removeprefix(HOME)) == item
    assert canonical(read(link)) == link


@given(items())
def test_another_reader_finds_the_same_in_our_links(item: Item) -> None:
    shown = {"01": item.gtin, "22": item.variant, "10": item.lot, "21": item.serial, "235": item.third_party}
    link = biip.parse(canonical(item)).gs1_digital_link_uri
    assert link is not None
    told = {element.ai.ai: element.value for element in link.element_strings}

    assert {key: value for key, value in told.items() if key in shown} == {
        key: value for key, value in shown.items() if value
    }


@given(numbers)
def test_every_length_of_a_number_is_the_same_item(number: str) -> None:
    written = [number[-length:] for length in (8, 12, 13, 14) if not number[:-length].strip("0")]

    assert {gtin(one) for one in written} == {number}
    assert set(spellings(number)) == set(written)
    assert all(
        product_of({one: "x"}, other) == one
        for one in written
        for other in [*written, f"http://e.example/01/{number}/21/S"]
    )


@given(numbers, st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_found(number: str, at: int, more: int) -> None:
    wrong = number[:at] + str((int(number[at]) + more) % 10) + number[at + 1 :]

    with pytest.raises(Invalid):
        gtin(wrong)


@given(st.text(max_size=60) | st.text(SIGNS + "/01", max_size=80).map(lambda said: f"https://e.example/01/{said}"))
@example("https://[")
@example("https://e.example/01/%FF")
@example("urn:epc:id:sgtin:0614141.107346.%FF")
@example("https://e.example/01/09506000134352?17=261399")
def test_what_is_no_code_is_refused_in_words_and_stays_what_it_is(said: str) -> None:
    try:
        item = read(said)
    except Invalid as error:
        assert len(said) < 4 or said not in str(error)
        assert product_of({}, said) == said
    else:
        assert product_of({}, said) == item.gtin


@pytest.mark.parametrize(
    "code",
    [
        "https://id.gs1.org/01/09506000134352/21/S1/10/L1",  # qualifiers in another order
        "https://id.gs1.org/01/09506000134352/10/L1/10/L2",
        "https://id.gs1.org/01/09506000134352/10",
        "https://id.gs1.org/01/09506000134352/99/x",
        "https://id.gs1.org/01/09506000134351",
        "https://id.gs1.org/00/095060001343520000",
        "https://id.gs1.org/01/09506000134352/21/" + "x" * 21,
        "https:///01/09506000134352",
        "urn:epc:id:sscc:0614141.1234567890",
        "urn:epc:id:sgtin:06141419.107346.1",
        "3017620422004",
        "٣٠١٧٦٢٠٤٢٢٠٠٣",  # digits, of another script
        "1" * 100_000,
    ],
)
def test_a_code_that_breaks_a_rule_names_nothing(code: str) -> None:
    with pytest.raises(Invalid):
        read(code)


def test_epcs_of_one_item_of_a_lot_and_of_a_class_name_its_product() -> None:
    assert read("urn:epc:id:sgtin:0614141.107346.2018") == Item("10614141073464", serial="2018")
    assert read("urn:epc:class:lgtin:4012345.012345.998877") == Item("04012345123456", lot="998877")
    assert read("urn:epc:idpat:sgtin:4012345.066666.*") == Item("04012345666663")
    assert read(f"urn:epc:id:sgtin:0614141.107346.{quote('a/b', safe='')}").serial == "a/b"


@pytest.mark.parametrize("kind", [Saw, RanOut])
def test_the_door_keeps_the_product_of_a_code_and_neither_its_lot_nor_its_serial(
    kind: type[Saw] | type[RanOut],
) -> None:
    loop = a_loop()
    camille(loop, "look", "home")
    known = list(STRATEGY.products)[-1]

    def kept(code: str) -> tuple[str, str]:
        entry = loop.process([kind(id=f"m-{code}", customer="camille", occurred_at=NOON, product=code)])[0].entry
        assert entry is not None
        assert isinstance(entry.moment, kind)
        return entry.moment.product, entry.moment.family

    assert (
        kept(f"https://shop.example/01/0{known}/10/L1/21/S1") == kept(known) == (known, STRATEGY.products[known].family)
    )
    assert kept("https://shop.example/01/09506000134352/21/S1") == ("09506000134352", "09506000134352")
    assert kept("own-bread") == ("own-bread", "own-bread")


def test_every_code_of_the_example_is_one() -> None:
    assert [gtin(product) for product in STRATEGY.products] == [product.zfill(14) for product in STRATEGY.products]
