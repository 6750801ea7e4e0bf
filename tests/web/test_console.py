"""The console in a real browser, and its words."""

import tomllib
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from support.people import BRANDS, STRATEGY, lines
from support.site import EVERYTHING, Site
from support.waiting import soon
from visavis.decide.explain import SENTENCES
from visavis.http.access_keys import ROLES
from visavis.measurement.objectives import ObjectiveResult
from visavis.measurement.uplift import uplift
from visavis.model.decision import Show
from visavis.model.moment import KINDS, Paying
from visavis.web.console import standing
from visavis.web.feed import mark
from visavis.web.pages import HERE, LANGUAGES, WORDS
from web.conftest import Opener, violations


def a_day(site: Site) -> None:
    """Camille and Bo are looked after; Lea is not."""
    site.person("lea", "place-moment")
    for name in ("bo", "camille"):
        site.person(name, *EVERYTHING, first_name=name.title())
        site.enters(name)
        site.checks_in(name)
        site.process(
            Paying(id=site.id("till"), customer=name, occurred_at=site.clock.now(), place="s1", lines=lines(BRANDS[0]))
        )
    site.enters("lea")
    site.checks_in("lea")


def row(page: Page, person: str, kind: str) -> Any:
    return page.locator("#feed button", has_text=mark(person)).filter(has_text=kind).first


@pytest.mark.parametrize(("language", "dark"), [("fr", False), ("en", True)])
def test_the_console_fits_every_width_and_axe_finds_nothing(
    site: Site, opened: Opener, language: str, dark: bool
) -> None:
    a_day(site)
    key = site.key("brand")
    for width, height in [(360, 740), (640, 360), (768, 1024), (1360, 860)]:
        page = opened(
            f"/console?language={language}", key=key, width=width, height=height, language=language, dark=dark
        )
        row(page, "camille", WORDS[language].console.kinds.paying).click()
        expect(page.locator("#why article")).to_have_count(1)

        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        assert violations(page) == []


def test_a_decision_is_explained_as_it_was_taken(site: Site, opened: Opener) -> None:
    a_day(site)
    page = opened("/console", "brand")
    row(page, "camille", "entre").press("Enter")

    entry = next(e for e in site.entries("camille") if e.moment.id.startswith("door"))
    shown = entry.decisions[0]
    assert isinstance(shown, Show)
    why = page.locator("#why")
    expect(why.locator(".arms li")).to_have_count(len(shown.scored))
    expect(why.locator(".chosen")).to_have_count(1)
    expect(why.locator(".chosen")).to_contain_text("reminder-door")
    expect(why).to_contain_text(entry.world)
    expect(why).to_contain_text("reminders")
    expect(why).to_contain_text("µs")
    row(page, "lea", "s’annonce").click()
    expect(why.locator(".refused li", has_text="adviser-suggestion")).to_contain_text(
        "Autoriser cet usage le changerait."
    )


def test_the_feed_names_nobody_and_to_open_a_moment_is_a_look_that_the_person_can_read(
    site: Site, opened: Opener
) -> None:
    a_day(site)
    page = opened("/console", "brand")
    row(page, "camille", "entre").wait_for()
    told = page.content().lower()
    assert not [name for name in ("camille", "lea") if name in told]
    before = len(site.entries("camille"))

    row(page, "camille", "entre").click()
    expect(page.locator("#h-why")).to_contain_text("camille")

    look = site.entries("camille")[before:]
    assert [(type(entry.moment).__name__, use.by) for entry in look for use in entry.uses] == [
        ("Consulted", "brand@console")
    ]
    assert "l’équipe de la marque" in opened("/me", "device", "camille").locator(".looks").inner_text()


def test_the_feed_is_live_paused_filtered_and_goes_on_after_a_cut(site: Site, opened: Opener) -> None:
    a_day(site)
    page = opened("/console", "brand")
    row(page, "lea", "s’annonce").wait_for()
    before = page.locator("#feed li").count()

    page.click("#pause")
    site.leaves("lea")
    page.wait_for_timeout(600)
    assert page.locator("#feed li").count() == before
    page.click("#pause")
    row(page, "lea", "sort").wait_for()
    assert page.locator("#feed li").count() == before + 1

    page.select_option("[name=result]", "silent")
    expect(page.locator("#feed .pill.shown")).to_have_count(0)
    expect(page.locator("#feed li", has_text=mark("lea"))).not_to_have_count(0)
    page.select_option("[name=result]", "")
    page.fill("[name=mark]", mark("bo").upper())
    expect(page.locator("#feed li", has_text=mark("camille"))).to_have_count(0)
    expect(page.locator("#feed li", has_text=mark("bo"))).not_to_have_count(0)
    page.select_option("[name=kind]", "paying")
    expect(page.locator("#feed li")).to_have_count(1)

    page.context.set_offline(True)
    expect(page.locator("#off")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#off")).to_be_hidden()
    opened.forgives("ERR_INTERNET_DISCONNECTED")


def test_focus_stays_where_it_is_while_the_feed_moves(site: Site, opened: Opener) -> None:
    a_day(site)
    page = opened("/console", "brand")
    mine = row(page, "camille", "est à la caisse")
    mine.focus()
    focused = mine.get_attribute("id")

    site.leaves("bo")
    row(page, "bo", "sort").wait_for()

    assert page.evaluate("document.activeElement.id") == focused


def test_a_key_is_revoked_by_two_presses_and_opens_nothing_more(site: Site, opened: Opener) -> None:
    key = site.key("adviser", "s1")
    page = opened("/console", "brand")
    button = page.locator("[data-revoke]")

    button.press("Enter")
    expect(button).to_have_text("Vraiment\u202f?")
    assert httpx.get(f"{site.url}/adviser/briefs", headers={"authorization": f"Bearer {key}"}).status_code == 200
    button.press("Enter")

    expect(page.locator("[data-revoke]")).to_have_count(0)
    expect(page.locator("#h-keys")).to_be_focused()
    assert httpx.get(f"{site.url}/adviser/briefs", headers={"authorization": f"Bearer {key}"}).status_code == 401


def test_a_latest_decision_is_told_as_json_to_the_brand_alone(site: Site, opened: Opener) -> None:
    site.person("camille", *EVERYTHING)
    card = site.enters("camille")
    assert card is not None
    brand, device = ({"authorization": f"Bearer {site.key(*role)}"} for role in (("brand",), ("device", "camille")))

    told = httpx.get(f"{site.url}/v1/decisions/{card.id}", headers=brand).json()

    assert (told["decision"], told["result"], told["action"]) == (card.id, "show", card.action)
    assert httpx.get(f"{site.url}/v1/decisions/{card.id}", headers=device).status_code == 403
    assert httpx.get(f"{site.url}/v1/decisions/unknown", headers=brand).status_code == 404


def test_the_console_opens_with_a_brands_key_only(site: Site, opened: Opener) -> None:
    page = opened("/console")
    assert violations(page) == []
    page.fill("#key", site.key("adviser", "s1"))
    page.keyboard.press("Enter")
    expect(page.locator("#refused")).to_be_visible()
    opened.forgives("403")

    page.fill("#key", site.key("brand"))
    page.keyboard.press("Enter")

    expect(page.locator("#feed")).to_be_visible()


def test_the_console_is_light(site: Site, opened: Opener) -> None:
    a_day(site)
    page = opened("/console", "brand")
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    seen: list[float] = []
    session.on("Network.loadingFinished", lambda event: seen.append(event["encodedDataLength"]))

    page.reload()
    row(page, "camille", "entre").wait_for()

    weight = sum(seen) + len(page.locator("#feed").inner_html()) + len(page.locator("#summary").inner_html())
    assert 5_000 < weight <= 100_000, weight
    print(f"console: {weight:.0f} bytes")  # noqa: T201
    soon(lambda: page.locator("#feed li").count() > 5, page)


def test_no_figure_is_claimed_before_there_is_enough() -> None:
    objective = STRATEGY.objectives["needs-met"]
    few = uplift([1.0] * 19, [0.0], holdout_share=0.05, planned=1000)
    clear = uplift([2.0, 1.0] * 475, [1.0, 0.0] * 25, holdout_share=0.05, planned=1000)
    wrong = uplift([1.0, 0.0] * 500, [1.0, 0.0] * 500, holdout_share=0.05, planned=1000)

    told = [standing(ObjectiveResult(objective, 9, 9, 20, 1, effect), "fr") for effect in (None, few, clear, wrong)]

    assert [one.verdict for one in told] == ["nothing_closed", "not_enough_evidence", "more", "sample_ratio_mismatch"]
    assert [bool(one.points) for one in told] == [False, False, True, False]
    assert told[2].points == "+100,0"
    assert (
        standing(ObjectiveResult(STRATEGY.objectives["acquaintance"], 9, 9, 20, 0, None), "en").verdict == "no_holdout"
    )


def test_both_languages_have_the_same_words_and_every_word_that_the_pages_need() -> None:
    def keys(words: dict[str, Any], above: str = "") -> set[str]:
        found: set[str] = set()
        for name, one in words.items():
            found |= keys(one, f"{above}{name}.") if isinstance(one, dict) else {above + name}
        return found

    french, english = (keys(tomllib.loads((HERE / "words" / f"{one}.toml").read_text())) for one in LANGUAGES)

    assert french == english
    assert {f"console.kinds.{kind}" for kind in KINDS if kind != "located"} <= french
    assert {f"console.reasons.{reason}" for reason in SENTENCES} <= french
    assert {f"console.roles.{role}" for role in ROLES} <= french
