"""Codes as GS1 writes them: the same trade item, however it is written; and nothing from what is no code."""

from datetime import date
from urllib.parse import quote

import biip
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.people import NOON, STRATEGY, a_loop, camille
from visavis.model.errors import Invalid
from visavis.model.gs1 import Item, check_digit, gtin, product_of, read, spellings
from visavis.model.moment import RanOut, Saw

SIGNS = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
numbers = st.integers(min_value=1, max_value=10**13 - 1).map(
    lambda number: (body := f"{number:013d}") + check_digit(body)
)
days = st.dates(min_value=date(1977, 1, 1), max_value=date(2076, 12, 31))
texts = st.text(SIGNS, min_size=1, max_size=20)
pairs = st.permutations(["10", "21", "22"]).flatmap(
    lambda keys: st.lists(texts, min_size=1, max_size=3).map(lambda found: list(zip(keys, found, strict=False)))
)
"""Lot, serial number and variant, in any order."""


@given(
    numbers, pairs, days, st.sampled_from(["https://id.gs1.org", "HTTPS://Shop.Example/01/x"]), st.sampled_from("&;")
)
def test_a_digital_link_names_its_item_whatever_follows_it(
    number: str, more: list[tuple[str, str]], expires: date, start: str, separator: str
) -> None:
    path = "".join([f"/{key}/{quote(text, safe='')}" for key, text in more])
    link = f"{start}/01/{number}{path}?linkType=all{separator}15=270230{separator}17={expires:%y%m%d}"

    assert read(link) == Item(number, expires=expires)
    assert read(f"{start}/gtin/{number}{path}/10") == Item(number)


@given(numbers, pairs, days)
def test_an_element_string_names_its_item_as_another_reader_finds_it(
    number: str, more: list[tuple[str, str]], expires: date
) -> None:
    last = "\x1d".join([key + text for key, text in more])
    raw = f"01{number}17{expires:%y%m%d}{last}"
    message = biip.parse(f"]d2{raw}").gs1_message
    assert message is not None
    told = {element.ai.ai: element.value for element in message.element_strings}

    assert told["01"] == number
    for written in (raw, f"]d2{raw}", f"]C1{raw}", f"\x1d{raw}", f"]d217{expires:%y%m%d}01{number}{last}"):
        assert read(written) == Item(number, expires=expires)
    assert read(f"(17){expires:%y%m%d}(01){number}(10)LOT(21)S/1") == Item(number, expires=expires)


@given(numbers)
def test_every_length_of_a_number_is_the_same_item(number: str) -> None:
    written = [number[-length:] for length in (8, 12, 13, 14) if not number[:-length].strip("0")]

    assert {gtin(one) for one in written} == {number}
    assert set(spellings(number)) == set(written)
    assert all(
        product_of({one: "x"}, other) == one
        for one in written
        for other in [*written, f"http://e.example/01/{number}/21/S", f"(01){number}(21)S", f" {number}\n"]
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
        "https://id.gs1.org/01/09506000134351",
        "https://id.gs1.org/00/095060001343520000",
        "https:///01/09506000134352",
        "urn:epc:id:sscc:0614141.1234567890",
        "urn:epc:id:sgtin:06141419.107346.1",
        "3017620422004",
        "3.017620422003E+12",
        "(10)LOT",
        "]d210LOT",
        "٣٠١٧٦٢٠٤٢٢٠٠٣",  # digits, of another script
        "1" * 100_000,
    ],
)
def test_a_code_that_breaks_a_rule_names_nothing(code: str) -> None:
    with pytest.raises(Invalid):
        read(code)


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("urn:epc:id:sgtin:0614141.107346.2018", "10614141073464"),
        ("URN:EPC:id:sgtin:0614141.107346.a%2Fb", "10614141073464"),
        ("urn:epc:class:lgtin:4012345.012345.998877", "04012345123456"),
        ("urn:epc:idpat:sgtin:4012345.066666.*", "04012345666663"),
    ],
)
def test_an_epc_of_one_item_of_a_lot_or_of_a_class_names_its_product(code: str, number: str) -> None:
    assert read(code) == Item(number)


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
    assert kept("p7") == ("p7", "p7")


def test_every_code_of_the_example_is_one() -> None:
    assert [gtin(product) for product in STRATEGY.products] == [product.zfill(14) for product in STRATEGY.products]
