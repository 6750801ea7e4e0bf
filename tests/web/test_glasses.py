"""The glasses page in a real browser: one card, one gesture, and a network that comes and goes."""

import gzip

import pytest
from playwright.sync_api import Page, expect

from support.site import EVERYTHING, Site
from support.waiting import soon
from visavis.model.moment import Answered, Displayed
from web.conftest import Opener, violations


def answers(site: Site, person: str = "camille") -> list[str]:
    return [e.moment.answer for e in site.entries(person) if isinstance(e.moment, Answered)]


def shown(page: Page) -> None:
    expect(page.locator("#title")).to_be_visible()


def card_of(site: Site) -> str:
    """Camille comes in, and has a card."""
    site.person("camille", *EVERYTHING)
    card = site.enters("camille")
    assert card is not None
    return card.id


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(("width", "height"), [(640, 360), (454, 454), (390, 844)])
def test_a_card_fits_its_screen_and_axe_finds_nothing(
    site: Site, opened: Opener, language: str, width: int, height: int
) -> None:
    card_of(site)
    page = opened(f"/glasses?language={language}", "device", "camille", width=width, height=height)

    shown(page)

    assert violations(page) == []
    assert page.evaluate(
        """[...document.querySelectorAll('#card *')].every(e => {
        const b = e.getBoundingClientRect();
        return b.right <= innerWidth && b.bottom <= innerHeight;
    })"""
    )
    yes, no = page.locator("#yes").bounding_box(), page.locator("#no").bounding_box()
    assert yes is not None
    assert no is not None
    assert round(yes["height"]) == round(no["height"])


def test_a_link_pairs_the_glasses_and_leaves_the_address(site: Site, opened: Opener) -> None:
    page = opened("/glasses")
    expect(page.locator("#hint")).to_have_text("Ouvrez le lien de ces lunettes.")
    assert violations(page) == []
    decision = card_of(site)

    page.goto(f"{site.url}/glasses#key={site.key('device', 'camille')}")

    shown(page)
    assert page.url == f"{site.url}/glasses"
    soon(
        lambda: any(isinstance(e.moment, Displayed) and e.moment.decision == decision for e in site.entries("camille")),
        page,
    )


@pytest.mark.parametrize(
    ("key", "answer"), [("ArrowRight", "yes"), ("Enter", "yes"), ("ArrowLeft", "no"), ("Escape", "no")]
)
def test_one_key_answers(site: Site, opened: Opener, key: str, answer: str) -> None:
    card_of(site)
    page = opened("/glasses", "device", "camille", width=640, height=360)
    shown(page)

    page.keyboard.press(key)

    expect(page.locator("#card")).to_be_hidden()
    soon(lambda: answers(site) == [answer], page)


@pytest.mark.parametrize("how", ["withdraws", "time is over", "answered elsewhere"])
def test_a_recalled_card_leaves_nothing(site: Site, opened: Opener, how: str) -> None:
    decision = card_of(site)
    page = opened("/glasses", "device", "camille", width=640, height=360)
    shown(page)
    title = page.locator("#title").inner_text()

    if how == "withdraws":
        site.withdraws("camille", "reminders")
    elif how == "time is over":
        site.passes(601)
    else:
        site.answers("camille", decision)

    expect(page.locator("#card")).to_be_hidden()
    assert title not in page.content()


def test_after_a_reload_the_card_is_there_again_and_after_its_answer_it_is_not(site: Site, opened: Opener) -> None:
    card_of(site)
    page = opened("/glasses", "device", "camille", width=640, height=360)
    shown(page)
    page.reload()
    shown(page)

    page.click("#no")
    soon(lambda: answers(site) == ["no"], page)
    page.reload()
    page.wait_for_timeout(400)

    expect(page.locator("#card")).to_be_hidden()


def test_an_answer_without_a_network_is_kept_and_counts_from_when_it_was_given(site: Site, opened: Opener) -> None:
    card_of(site)
    page = opened("/glasses", "device", "camille", width=640, height=360)
    shown(page)
    soon(lambda: any(isinstance(e.moment, Displayed) for e in site.entries("camille")), page)
    page.context.set_offline(True)
    expect(page.locator("#off")).to_be_visible()
    given_at = site.clock.now()

    page.keyboard.press("ArrowRight")
    expect(page.locator("#card")).to_be_hidden()
    page.wait_for_timeout(1500)
    assert answers(site) == []
    page.context.set_offline(False)

    soon(lambda: answers(site) == ["yes"], page)
    said = next(e.moment for e in site.entries("camille") if isinstance(e.moment, Answered))
    assert abs((said.occurred_at - given_at).total_seconds()) < 1.0
    expect(page.locator("#off")).to_be_hidden()
    opened.forgives("ERR_INTERNET_DISCONNECTED")


@pytest.mark.parametrize("site", ["on disk"], indirect=True)
def test_a_restart_between_a_card_and_its_answer_loses_neither(site: Site, opened: Opener) -> None:
    decision = card_of(site)
    page = opened("/glasses", "device", "camille", width=640, height=360)
    shown(page)

    site.restarts()
    page.keyboard.press("ArrowRight")

    soon(lambda: answers(site) == ["yes"], page, seconds=15)
    expect(page.locator("#card")).to_be_hidden()
    assert site.server.screens.card("camille") is None
    assert (
        next(
            card.answer for card in site.server.processor.customer("camille").service.shown if card.decision == decision
        )
        == "yes"
    )
    opened.forgives("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE")


def test_of_two_browsers_on_one_key_one_answer_wins(site: Site, opened: Opener) -> None:
    card_of(site)
    key = site.key("device", "camille")
    first, second = (
        opened("/glasses", key=key, width=640, height=360),
        opened("/glasses", key=key, width=640, height=360),
    )
    shown(first)
    shown(second)
    at = first.evaluate("Date.now() + 400")

    for page, button in ((first, "yes"), (second, "no")):
        page.evaluate(
            "([id, at]) => setTimeout(() => document.getElementById(id).click(), at - Date.now())", [button, at]
        )

    for page in (first, second):
        page.wait_for_timeout(500)
        expect(page.locator("#card")).to_be_hidden()
    assert len(answers(site)) == 1


def test_a_revoked_key_empties_the_screen(site: Site, opened: Opener) -> None:
    card_of(site)
    key = site.key("device", "camille")
    page = opened("/glasses", key=key, width=640, height=360)
    shown(page)

    site.revokes(key)

    expect(page.locator("#hint")).to_have_text("Ouvrez le lien de ces lunettes.")
    expect(page.locator("#card")).to_be_hidden()


def test_a_hidden_page_has_shown_nothing_yet(site: Site, opened: Opener) -> None:
    site.person("camille", *EVERYTHING)
    page = opened("/glasses", "device", "camille", width=640, height=360)
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => window.away ?? true, configurable: true })")
    site.enters("camille")
    shown(page)
    page.wait_for_timeout(300)
    assert not any(isinstance(e.moment, Displayed) for e in site.entries("camille"))

    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")

    soon(lambda: any(isinstance(e.moment, Displayed) for e in site.entries("camille")), page)


def test_the_page_is_one_light_request(site: Site, opened: Opener) -> None:
    page = opened("/glasses")
    answer = page.request.get(f"{site.url}/glasses", headers={"accept-encoding": "gzip"})
    head = sum([len(name) + len(value) + 4 for name, value in answer.headers.items()])
    weight = len(gzip.compress(answer.body())) + head

    assert answer.headers["content-encoding"] == "gzip"
    assert weight <= 5_000, weight
    assert "http" not in answer.text().replace("http-equiv", "")
    print(f"glasses: {weight} bytes on the wire, {len(answer.body())} unpacked")  # noqa: T201
