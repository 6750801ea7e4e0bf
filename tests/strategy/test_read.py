import pytest

from support.people import STRATEGY, grocery
from visavis.model.errors import Invalid
from visavis.strategy.read import read

NEWLINE = b"\n"


def test_the_example_reads_without_a_fault() -> None:
    assert {action.id for woken in STRATEGY.woken_by("entered", "customer").values() for action in woken.actions} == {
        "reminder-door",
        "tailored-offer",
        "thank-you",
        "welcome",
    }
    assert "CIGARETTES" in STRATEGY.never_push
    assert "BEERALEMALT LIQUORS" in STRATEGY.never_push


def test_the_same_files_have_the_same_version_and_others_another() -> None:
    files = grocery()

    assert read(files).version == STRATEGY.version
    assert read(
        {**files, "segments.toml": b""}
        | {"actions/thank-you.toml": files["actions/thank-you.toml"].replace(b" and segment.heavy", b"")}
    ).version != (STRATEGY.version)


def test_all_faults_are_listed_with_file_and_line() -> None:
    files = grocery()
    files["brand.toml"] = (
        files["brand.toml"].replace(b"zone = ", b"zones = ").replace(b'currency = "USD"', b"currency = 3")
    )
    files["objectives.toml"] = files["objectives.toml"].replace(b'credit = "uplift"', b'credit = "magic"')
    files["purposes.toml"] = files["purposes.toml"].replace(
        b'iri = "dpv:PersonalisedBenefits"', b'iri = "dpv:SellDataToThirdParties"'
    )
    files["actions/refill.toml"] = files["actions/refill.toml"].replace(
        b'woken_by = ["ran_out"]', b'woken_by = ["ran_out", "measured", "sneezed"]'
    )
    files["actions/thank-you.toml"] = files["actions/thank-you.toml"].replace(b"customer.known", b"measure.value > 3")
    files["actions/welcome.toml"] = files["actions/welcome.toml"].replace(
        b"Bienvenue !", b"Bienvenue dans notre grand magasin de la rue Haute !"
    )
    files["products.csv"] += b"2000000000015,x,x,BANANAS,abc,,\n"

    wrong = 1 + next(i for i, line in enumerate(files["objectives.toml"].decode().splitlines()) if "magic" in line)
    with pytest.raises(Invalid) as caught:
        read(files)

    listed = str(caught.value).splitlines()
    for fault in (
        "brand.toml:3: `zones` is not known here",
        "brand.toml:4: `currency`",
        f"objectives.toml:{wrong}: `credit`",
        "dpv:SellDataToThirdParties",
        "actions/refill.toml:6: `measured` carries numbers",
        "`sneezed` is no kind of moment",
        "actions/thank-you.toml:8: `measure.value` reads numbers",
        "`title` is longer than 32 characters",
        f"products.csv:{files['products.csv'].count(NEWLINE)}: ",
    ):
        assert any(fault in line for line in listed), f"{fault} not in\n" + "\n".join(listed)


@pytest.mark.parametrize("path", sorted(grocery()))
def test_a_truncated_or_binary_file_is_a_fault_and_never_a_crash(path: str) -> None:
    files = grocery()
    for broken in (files[path][: len(files[path]) // 2], b"\xff\xfe" + files[path], b"= nonsense ["):
        try:
            read({**files, path: broken})
        except Invalid as error:
            assert ":" in str(error)


def test_a_point_lies_in_the_places_around_it_and_a_place_in_the_larger_ones() -> None:
    def found(longitude: float, latitude: float) -> list[str]:
        return [place.id for place in STRATEGY.place_index.containing(longitude, latitude)]

    assert found(-84.512, 39.1031) == ["s1", "s1-front"]
    assert found(-84.5129, 39.1031) == ["s1-front"]
    assert found(-84.4952, 39.1074) == ["s2", "s2-front"]
    assert found(2.35, 48.85) == []
    assert STRATEGY.within == {"s1": ("s1-front",), "s2": ("s2-front",)}
