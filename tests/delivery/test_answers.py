"""What comes back of a card is judged alike on every screen."""

from collections.abc import Iterator

import httpx
import pytest

from support.site import EVERYTHING, Site, a_site
from visavis.delivery.answers import LATE_LIMIT_S
from visavis.model.decision import Show
from visavis.model.moment import Answered, Displayed

SCREENS = ["/glasses", "/phone"]


@pytest.fixture
def site() -> Iterator[Site]:
    with a_site() as found:
        yield found


@pytest.fixture
def card(site: Site) -> Show:
    site.person("camille", *EVERYTHING)
    found = site.enters("camille")
    assert found is not None
    return found


def sends(site: Site, path: str, **body: object) -> httpx.Response:
    key = site.key("device", "camille")
    return httpx.post(f"{site.url}{path}", json=body, headers={"authorization": f"Bearer {key}"})


def came(site: Site, kind: type[Answered | Displayed]) -> list[Answered | Displayed]:
    return [entry.moment for entry in site.entries("camille") if isinstance(entry.moment, kind)]


@pytest.mark.parametrize("ago_s", [LATE_LIMIT_S + 1, -1, "1", True, None, float("1e308")])
@pytest.mark.parametrize("screen", SCREENS)
def test_an_answer_that_is_too_late_or_has_no_time_is_refused_and_not_kept(
    site: Site, card: Show, screen: str, ago_s: object
) -> None:
    for path, body in (("displayed", {}), ("answer", {"answer": "yes"})):
        response = sends(site, f"{screen}/{path}", decision=card.id, ago_s=ago_s, **body)

        assert response.status_code == 422, response.text
        assert "ago_s" in response.json()["detail"]
    assert came(site, Answered) == came(site, Displayed) == []


@pytest.mark.parametrize("screen", SCREENS)
def test_an_answer_that_waited_for_a_network_occurred_when_it_was_given(site: Site, card: Show, screen: str) -> None:
    before = site.clock.now().timestamp()

    assert sends(site, f"{screen}/answer", decision=card.id, answer="no", ago_s=30.0).json() == {"answer": "no"}

    (answer,) = came(site, Answered)
    assert answer.occurred_at.timestamp() == pytest.approx(before - 30.0, abs=5.0)


def test_of_answers_on_two_screens_the_first_counts(site: Site, card: Show) -> None:
    answers = [
        sends(site, f"{screen}/answer", decision=card.id, answer=answer).json()["answer"]
        for screen, answer in zip(SCREENS, ("no", "yes"), strict=True)
    ]

    assert answers == ["no", "no"]
    assert len(came(site, Answered)) == 1


@pytest.mark.parametrize("screen", SCREENS)
def test_nobody_answers_another_persons_card_or_the_brief_about_themselves(site: Site, card: Show, screen: str) -> None:
    site.person("bo", *EVERYTHING)
    others = site.enters("bo")
    brief = site.checks_in("camille")
    assert others is not None
    assert brief is not None

    for decision in (others.id, brief.id, "none"):
        assert sends(site, f"{screen}/answer", decision=decision, answer="yes").status_code == 422
    assert came(site, Answered) == []
