"""A brand's purposes as files: what may never be one, what one must say, and what it may not be used for."""

from typing import get_args

import pytest

from support.people import NOON, STRATEGY, grocery
from support.sabotage import mutate
from visavis.http.access_keys import AccessKey, permits
from visavis.model.consent import Basis, hash_of, notice_text
from visavis.model.decoding import from_builtins
from visavis.model.dpv import BASIS_TERMS, CATEGORY_TERMS, IRIS, iri
from visavis.model.errors import Invalid
from visavis.model.moment import Consented, Withdrew
from visavis.strategy import lint
from visavis.strategy.read import read

PURPOSES = "purposes.toml"


def fault(*changes: tuple[str, str, str]) -> str:
    files = grocery()
    for path, given, changed in changes:
        assert given.encode() in files[path], given
        files[path] = files[path].replace(given.encode(), changed.encode(), 1)
    with pytest.raises(Invalid) as raised:
        read(files)
    return str(raised.value)


@pytest.mark.parametrize(
    "name",
    [
        "dpv:SellDataToThirdParties",
        "dpv:SellData",
        "https://w3id.org/dpv#PersonnelPerformanceMonitoring",
        "dpv:PersonnelBehaviourMonitoring",
        "tech:EmotionRecognition",
        "dpv:BiometricCategorisation",
        "eu-aiact:SocialScoring",
        "tech:FacialRecognition",
    ],
)
def test_what_may_never_be_a_purpose_is_refused(name: str) -> None:
    assert "may never be a purpose" in fault((PURPOSES, 'iri = "dpv:PersonalisedBenefits"', f'iri = "{name}"'))


@pytest.mark.parametrize("key", ["sell-data", "emotion-at-the-till", "biometric_categories", "face-recognition"])
def test_nor_is_one_that_only_hides_behind_another_term(key: str) -> None:
    assert f"`{key}` may never be a purpose" in fault((PURPOSES, "[recognition]", f"[{key}]"))


@pytest.mark.parametrize(
    ("given", "changed", "said"),
    [
        ('iri = "dpv:PersonalisedBenefits"', 'iri = "dpv:Analytics"', "is not a purpose of DPV that we know"),
        ('iri = "dpv:PersonalisedBenefits"', "iri = []", "is not a purpose of DPV that we know"),
        ('iri = "dpv:PersonalisedBenefits"\n', "", "`iri` is missing"),
        (
            'categories = ["places"]\ndpia_id = "2026-04"',
            'categories = ["places"]',
            "`place-moment` has no impact assessment",
        ),
        ('categories = ["numbers"]', 'categories = ["numbers", "places"]', "mixes health with other data"),
        ('categories = ["home", "purchases"]', 'categories = ["home", "faces"]', "faces: no such category"),
        ('iri = "dpv:AccountManagement"', 'iri = "dpv:DirectMarketing"', "`account` needs a consent"),
        ('offer_kinds = ["general"]', 'offer_kinds = ["tailored"]', "place-moment serves no general offer"),
        ('offer_kinds = ["general"]', 'offer_kinds = ["free"]', "offer_kinds"),
    ],
)
def test_a_purpose_that_says_too_little_is_one_clear_fault(given: str, changed: str, said: str) -> None:
    assert said in fault((PURPOSES, given, changed))


def check_that_health_needs_a_yes() -> None:
    """No other basis carries health, whatever the purpose is for."""
    for basis in set(get_args(Basis)) - {"consent"}:
        assert "`own-numbers` needs a consent" in fault(
            (PURPOSES, 'basis = "consent"\ncategories = ["numbers"]', f'basis = "{basis}"\ncategories = ["numbers"]')
        )


def test_health_needs_a_yes() -> None:
    check_that_health_needs_a_yes()


def test_health_on_another_basis_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(
        monkeypatch,
        lint,
        "(purpose.marketing or purpose.sharing or purpose.categories & SENSITIVE)",
        "(purpose.marketing or purpose.sharing)",
    )
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check_that_health_needs_a_yes()


def test_a_disabled_purpose_needs_no_assessment_and_opens_nothing() -> None:
    files = grocery()
    files[PURPOSES] = files[PURPOSES].replace(
        b'categories = ["places"]\ndpia_id = "2026-04"', b'categories = ["places"]\nenabled = false', 1
    )

    assert not read(files).purposes["place-moment"].enabled


def test_an_outcome_that_reads_what_its_purpose_may_not_is_a_fault() -> None:
    said = fault(("actions/welcome.toml", 'objective = "acquaintance"', 'objective = "loyalty"'))
    assert "the outcome of loyalty reads purchases, which place-moment may not" in said


def test_a_general_offer_is_not_filtered_by_what_was_consented() -> None:
    any_offer = 'dpia_id = "2026-04"\nbenefit = { fr = "Être reconnu'
    said = fault(
        ("actions/thank-you.toml", 'offer = "tailored"', 'offer = "general"'),
        (PURPOSES, 'dpia_id = "2026-04"\noffer_kinds = ["tailored"]\nbenefit = { fr = "Être reconnu', any_offer),
    )
    assert "filters a general offer by what was consented" in said


def test_health_is_for_the_persons_own_eyes() -> None:
    assert "own eyes" in fault(("actions/own-water.toml", 'audience = "customer"', 'audience = "adviser"'))


def test_every_term_that_our_purposes_use_is_in_the_list() -> None:
    for purpose in STRATEGY.purposes.values():
        terms = [
            *purpose.iris,
            BASIS_TERMS[purpose.basis_term],
            *[CATEGORY_TERMS[category] for category in purpose.categories],
        ]
        assert {iri(term) for term in terms} <= IRIS
    assert STRATEGY.purposes["own-numbers"].basis_term == "explicit"


def test_a_notice_is_named_by_its_words_and_scope() -> None:
    names = {
        hash_of(notice_text(purpose, language)) for purpose in STRATEGY.purposes.values() for language in ("fr", "en")
    }
    assert len(names) == 2 * len(STRATEGY.purposes)


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"kind": "consented", "purpose": "home", "notice": "1"}, True),
        ({"kind": "consented", "purpose": "home", "notice": "1", "by": "guardian"}, False),
        ({"kind": "withdrew", "purpose": "home"}, True),
        ({"kind": "withdrew", "purpose": "home", "how": "revoked"}, False),
        ({"kind": "objected", "about": "marketing"}, True),
        ({"kind": "restricted"}, True),
        ({"kind": "born", "birth_date": "2000-01-01"}, False),
    ],
)
def test_a_device_speaks_for_its_person_and_for_nobody_else(fields: dict[str, str], allowed: bool) -> None:
    moment = from_builtins(
        {"id": "m", "customer": "bo", "occurred_at": NOON, **fields}
        | ({"birth_date": NOON.date()} if "birth_date" in fields else {}),
        received_at=NOON,
    )
    assert (not permits(AccessKey("k", "device", "bo"), moment)) is allowed
    assert not permits(AccessKey("k", "brand"), moment)
    assert isinstance(moment, Consented | Withdrew) or fields["kind"] in ("objected", "restricted", "born")
