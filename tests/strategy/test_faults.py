"""Each fault of a strategy, alone: one message, on the line where it stands."""

import pytest

from support.people import grocery
from visavis.model.errors import Invalid
from visavis.strategy.lines import key_lines
from visavis.strategy.read import read

DOOR, BRAND, PURPOSES, OBJECTIVES, PLACES, PRODUCTS = (
    "actions/reminder-door.toml",
    "brand.toml",
    "purposes.toml",
    "objectives.toml",
    "places.geojson",
    "products.csv",
)


NEWLINE = b"\n"


def faults(files: dict[str, bytes]) -> list[str]:
    with pytest.raises(Invalid) as caught:
        read(files)
    return str(caught.value).splitlines()[1:]


def line_of(text: bytes, part: bytes) -> int:
    return text[: text.index(part)].count(b"\n") + 1


@pytest.mark.parametrize(
    ("path", "given", "changed", "said"),
    [
        (DOOR, b"top = 4", b"top = 0", "`top` must be between 1 and 32"),
        (DOOR, b"lever = 1.0", b"lever = nan", "`lever` is not a finite number"),
        (DOOR, b"gap_s = 600", b"gap_s = -1", "`gap_s` must be between"),
        (DOOR, b'woken_by = ["entered"]', b"woken_by = []", "at least one kind of moment"),
        (DOOR, b'woken_by = ["entered"]', b'woken_by = ["entered", "entered"]', "each once"),
        (DOOR, b'about = "need"', b'about = "seen"', "what is about seen reads sight, which reminders may not"),
        (DOOR, b'title = "{family}?"', b'title = "{family.__class__}?"', "{family.__class__} is not a placeholder"),
        (DOOR, b'title = "{family}?"', b'title = "{0}?"', "{0} is not a placeholder"),
        (DOOR, b'title = "{family}?"', b'title = "{family!r:>99}?"', "is not a placeholder"),
        (DOOR, b'title = "{family}?"', b'title = "{family?"', "a brace too many or too few"),
        (DOOR, b'yes = "Noted"', b'yes = "{family}"', "{family} is not a placeholder. An answer has none"),
        (DOOR, b'no = "No need"', b'noo = "No need"', "`noo` is not known here"),
        (DOOR, b'yes = "Noted"', b"yes = 3", "`yes`: expected `str`, got `int`"),
        (BRAND, b'zone = "America/New_York"', b'zone = "America/New_Yrok"', "is not a time zone"),
        (BRAND, b'zone = "America/New_York"', b'zone = "../../etc/passwd"', "is not a time zone"),
        (BRAND, b'currency = "USD"', b'currency = "dollars"', "is not a currency"),
        (BRAND, b"attention_units_per_day = 12.0", b"attention_units_per_day = -12.0", "must be between 0 and 1,000"),
        (BRAND, b'place_ids = ["s#"]', b'place_ids = ["@@@@@#"]', "`@@@@@#` is no form of ids"),
        (BRAND, b'place_ids = ["s#"]', b'place_ids = ["here"]', "`here` is no form of ids"),
        (BRAND, b'place_ids = ["s#"]', b'place_ids = ["(a+)+#"]', "`(a+)+#` is no form of ids"),
        (BRAND, b'values = ["S", "M", "L"]', b'values = [""]', "a value or unit of `size` has not 1 to 40 characters"),
        (BRAND, b"steps = []", b"Anger = []", "`Anger` cannot name one of the measures"),
        (BRAND, b'fr = "Taille"', b'fr = ""', "`size` has no fr words"),
        (BRAND, b'default_device = "glasses"', b'default_device = "monocle"', "is not a device"),
        (
            PURPOSES,
            b'iri = "dpv:PersonalisedBenefits"',
            b'iri = "https://w3id.org/dpv#SellDataToThirdParties"',
            "may never be a purpose",
        ),
        (
            PURPOSES,
            b'iri = "dpv:PersonalisedBenefits"',
            b'iri = "dpv:PersonnelBehaviourMonitoring"',
            "may never be a purpose",
        ),
        (PURPOSES, b'categories = ["places"]', b'categories = ["places", "faces"]', "faces: no such category"),
        (OBJECTIVES, b', en = "That everyone finds what they need." }', b" }", "`needs-met` has no en why"),
        (OBJECTIVES, b"value_cents = 30", b"value_cents = -30", "`value_cents` must be between"),
        (OBJECTIVES, b"days = 3", b"days = 0", "`days` must be between"),
        (PLACES, b'"radius_m": 40', b'"radius_m": -40', "a Point needs a radius_m above 0"),
        (PLACES, b'"radius_m": 40', b'"radius_m": 40, "raduis": 3', "unknown field `raduis`"),
        (
            PLACES,
            b'"zone": "America/New_York", "radius_m": 40',
            b'"zone": "Nowhere", "radius_m": 40',
            "is not a time zone",
        ),
        (PLACES, b'"id": "s1-front"', b'"id": "s1"', "the place `s1` is there twice"),
        ("segments.toml", b"heavy = ", b'very-heavy = "customer.known"\nheavy = ', "cannot be named in a condition"),
        ("segments.toml", b"heavy = ", b"light = 3\nheavy = ", "segment `light` must be a text"),
        (
            "segments.toml",
            b"heavy = ",
            b'light = "segment.heavy"\nheavy = ',
            "`segment.heavy` is not a segment. There are none. Segments are defined in segments.toml, above",
        ),
    ],
)
def test_one_fault_is_one_message_on_its_line(path: str, given: bytes, changed: bytes, said: str) -> None:
    files = grocery()
    files[path] = files[path].replace(given, changed, 1)

    found = faults(files)

    assert len(found) == 1, found
    expected = line_of(grocery()[path], given)
    assert found[0].startswith(f"{path}:{expected}: ")
    assert said in found[0]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b"own-butter,x,x,BANANAS,1,5.0,1", "the price or margin"),
        (b"own-butter,x,x,BANANAS,1,nan,1", "the price or margin"),
        (b"own-butter,x,x,BANANAS,-1,0.1,1", "the price or margin"),
        (b"own-butter", "this line has 1 cells, not 7"),
        (b"own-butter,x,x,BANANAS,1,0.1,1,,,", "this line has 10 cells, not 7"),
        (b"29999\x0099999,x,x,BANANAS,1,0.1,1", "is not a name of 1 to 128 characters"),
        (b",x,x,BANANAS,1,0.1,1", "is not a name of 1 to 128 characters"),
        (b"2000000000015,x,x,BANANAS,1,0.1,1", "is there twice"),
        (b"2E+12,x,x,BANANAS,1,0.1,1", "is a number, no code"),
        (b"2.00000000002E+12,x,x,BANANAS,1,0.1,1", "is a number, no code"),
        (b"12345678905,x,x,BANANAS,1,0.1,1", "lacks a zero in front"),
        (b"3017620422004,x,x,BANANAS,1,0.1,1", "its last digit does not fit"),
        (b"'3017620422003,x,x,BANANAS,1,0.1,1", "a sign of a spreadsheet"),
        (b"own-butter," + b"x" * 200_000 + b",x,BANANAS,1,0.1,1", "this is not CSV"),
    ],
)
def test_a_bad_row_is_named_by_the_line_it_ends_on(row: bytes, said: str) -> None:
    files = grocery()
    before = files[PRODUCTS] + b'own-cheese,"on two\nlines",x,BANANAS,1,0.1,1\n\n'
    files[PRODUCTS] = before + row + NEWLINE

    found = faults(files)

    assert len(found) == 1, found
    assert found[0].startswith(f"{PRODUCTS}:{before.count(NEWLINE) + 1}: ")
    assert said in found[0]


def test_a_file_that_cannot_be_read_is_one_fault_and_not_one_for_each_of_its_users() -> None:
    for path in (BRAND, PURPOSES, OBJECTIVES):
        for broken in (b"= nonsense [", b"x = " + b"[" * 20_000, b"\xff\xfe"):
            assert len(found := faults({**grocery(), path: broken})) == 1, found
        files = grocery()
        del files[path]
        assert [one.split(".", 2)[1] for one in faults(files)] == ["toml:1: this file is missing"]


def test_a_misspelt_file_is_a_fault() -> None:
    assert faults({**grocery(), "segment.toml": b""})[0].startswith("segment.toml:1: nothing reads this file")


def test_segments_that_double_thirty_times_are_refused_at_once() -> None:
    bomb = b's0 = "customer.known"\n' + b"".join(
        f's{i} = "segment.s{i - 1} and segment.s{i - 1}"\n'.encode() for i in range(1, 31)
    )

    found = faults({**grocery(), "segments.toml": grocery()["segments.toml"] + bomb})

    assert "its segments written out" in found[0]


def test_a_byte_order_mark_and_windows_lines_are_no_fault() -> None:
    files = grocery()

    changed = {path: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n") for path, content in files.items()}

    assert read(changed).products == read(files).products


def test_keys_are_found_on_their_lines_whatever_stands_between() -> None:
    text = (
        'a = """\nb = 1\n"""\nb = [ # c = 2\n  "]", # ]\n]\n[table]\n"quoted key" = {x = 1}\nd.e = 1\n[[many.more]]\nb'
        " = '#'\n"
    )

    assert key_lines(text) == {
        ("a",): 1,
        ("b",): 4,
        ("table",): 7,
        ("table", "quoted key"): 8,
        ("table", "d"): 9,
        ("table", "d", "e"): 9,
        ("many",): 10,
        ("many", "more"): 10,
        ("many", "more", "0"): 10,
        ("many", "more", "0", "b"): 11,
    }


@pytest.mark.parametrize("path", [PRODUCTS, "families.csv"])
@pytest.mark.parametrize(
    ("said", "barred"),
    [(word, False) for word in ("", "0", "no", "NON", " false ", "n")]
    + [(word, True) for word in ("1", "oui", "alcohol")],
)
def test_a_family_is_never_pushed_unless_the_column_says_no(path: str, said: str, barred: bool) -> None:
    files, head = grocery(), b"gtin,family,never_push\n" if path == PRODUCTS else b"family,name_fr,name_en,never_push\n"
    row = "own-bread,BREADX," if path == PRODUCTS else "BREADX,pain,bread,"
    files[path] = head + f"{row}{said}\n".encode()

    assert ("BREADX" in read(files).never_push) is barred
