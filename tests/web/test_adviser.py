"""The adviser's page in a real browser."""

import pytest
from playwright.sync_api import expect

from support.people import BRANDS
from support.site import EVERYTHING, Site
from support.waiting import soon
from visavis.model.decision import Show
from visavis.model.entry import Entry
from visavis.model.moment import Answered, Displayed
from visavis.strategy.screens import DEVICES
from web.conftest import Opener, violations

TABLET = DEVICES["tablet"]
SIZES = [(360, 740), (640, 360), (768, 1024), (TABLET.width_px, TABLET.height_px), (1360, 860)]


def said(site: Site, person: str) -> list[tuple[str, str]]:
    """Every answer that was kept of this person's briefs."""
    return [
        (e.moment.answer, e.moment.about)
        for e in site.entries(person)
        if isinstance(e, Entry) and isinstance(e.moment, Answered)
    ]


def readings(site: Site, person: str) -> list[Entry]:
    return [e for e in site.entries(person) if isinstance(e.moment, Displayed) and e.uses]


def camille(site: Site, **given: tuple[str, ...]) -> str:
    return site.person("camille", *EVERYTHING, first_name="Camille", **given)


@pytest.mark.parametrize(("language", "dark"), [("fr", False), ("en", True)])
def test_a_brief_fits_every_screen_and_axe_finds_nothing(site: Site, opened: Opener, language: str, dark: bool) -> None:
    card = site.enters(camille(site, products=tuple(BRANDS[2:8])))
    assert card is not None
    site.answers("camille", card.id, "no")
    site.checks_in("camille")
    key = site.key("adviser", "s1")

    for width, height in SIZES:
        page = opened("/adviser", key=key, width=width, height=height, language=language, dark=dark)
        expect(page.locator("h1")).to_have_text("Camille")
        expect(page.locator("ol li")).to_have_count(3)
        expect(page.locator(".avoid")).to_be_visible()

        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, height)
        if (width, height) == (640, 360):
            assert page.locator("html").get_attribute("data-as") == "glasses"
            assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        boxes = [box for one in page.locator("#answers button").all() if (box := one.bounding_box())]
        assert len({(round(box["width"]), round(box["height"])) for box in boxes}) == 1, "three equal answers"
        largest = page.evaluate(
            "Math.max(...[...document.querySelectorAll('.action, li, .avoid')].map(e =>"
            " parseFloat(getComputedStyle(e).fontSize)))"
        )
        assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.action')).fontSize)") == largest
        assert violations(page) == []


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_longest_lines_that_a_brief_may_hold_still_fit(site: Site, opened: Opener, width: int, height: int) -> None:
    card = site.enters(camille(site, products=tuple(BRANDS[2:8])))
    assert card is not None
    site.answers("camille", card.id, "no")
    site.checks_in("camille")
    page = opened("/adviser", "adviser", "s1", width=width, height=height)
    expect(page.locator("ol li")).to_have_count(3)

    page.evaluate("""() => {
        const forty = 'Croquettes de pommes de terre surgelées';
        document.querySelector('.action').textContent = forty;
        document.querySelector('.action').classList.add('longest');
        for (const one of document.querySelectorAll('.what, .avoid b')) one.firstChild.textContent = forty;
        document.querySelector('h1').textContent = 'Une personne qui s’est annoncée au magasin';
    }""")

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if height == 360:
        assert page.evaluate(
            "[...document.querySelectorAll('#brief *')].every(e => e.getBoundingClientRect().bottom <= innerHeight)"
        )


@pytest.mark.parametrize("gesture", ["click", "key", "swipe"])
def test_one_gesture_answers_and_the_brief_leaves_every_screen_of_the_place(
    site: Site, opened: Opener, gesture: str
) -> None:
    site.checks_in(camille(site))
    first, second = opened("/adviser", "adviser", "s1", width=640, height=360), opened("/adviser", "adviser", "s1")
    for page in (first, second):
        expect(page.locator("#brief")).to_be_visible()
        page.wait_for_timeout(400)

    if gesture == "click":
        first.click("#done")
    elif gesture == "key":
        first.keyboard.press("ArrowRight")
    else:
        first.mouse.move(200, 160)
        first.mouse.down()
        first.mouse.move(330, 165)
        first.mouse.up()

    for page in (first, second):
        expect(page.locator("#brief")).to_have_count(0)
    soon(lambda: said(site, "camille") == [("done", "")], first)


def test_of_two_advisers_the_first_received_wins_and_the_second_is_told(site: Site, opened: Opener) -> None:
    site.checks_in(camille(site))
    first, second = opened("/adviser", "adviser", "s1"), opened("/adviser", "adviser", "s1")
    for page in (first, second):
        expect(page.locator("#brief")).to_be_visible()
        page.wait_for_timeout(400)

    at_once = "([id, at]) => setTimeout(() => document.getElementById(id).click(), at - Date.now())"
    at = first.evaluate("Date.now() + 600")
    first.evaluate(at_once, ["done", at])
    second.evaluate(at_once, ["later", at])

    soon(lambda: len(said(site, "camille")) == 1, first)
    loser = second if said(site, "camille") == [("done", "")] else first
    expect(loser.locator("#said")).to_have_text("Un collègue a déjà répondu.")
    for page in (first, second):
        expect(page.locator("#brief")).to_have_count(0)


def test_wrong_names_one_fact_by_the_keyboard_alone(site: Site, opened: Opener) -> None:
    brief = site.checks_in(camille(site))
    assert brief is not None
    needs = [fact.subject for fact in brief.facts if fact.kind == "need"]
    assert len(needs) == 2
    page = opened("/adviser", "adviser", "s1", width=640, height=360)
    expect(page.locator("#brief")).to_be_visible()
    page.wait_for_timeout(400)

    page.keyboard.press("ArrowDown")
    expect(page.locator("#which button").first).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("#wrong")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    soon(lambda: said(site, "camille") == [("wrong", needs[1])], page)
    assert site.server.processor.customer("camille").service.wrong == (needs[1],)


@pytest.mark.parametrize("how", ["withdraws", "leaves", "goes elsewhere", "time is over"])
def test_the_brief_is_gone_at_once_and_nothing_of_it_is_left(site: Site, opened: Opener, how: str) -> None:
    brief = site.checks_in(camille(site))
    assert isinstance(brief, Show)
    page = opened("/adviser", "adviser", "s1", width=640, height=360)
    expect(page.locator("h1")).to_have_text("Camille")

    match how:
        case "withdraws":
            site.withdraws("camille", "adviser-brief")
        case "leaves":
            site.leaves("camille")
        case "goes elsewhere":
            site.enters("camille", "s2")
        case _:
            site.passes(601)

    expect(page.locator("#brief")).to_have_count(0)
    content = page.content()
    assert "Camille" not in content
    assert brief.id not in content
    greeted = how in ("withdraws", "time is over")
    expect(page.locator(".quiet", has_text="Pas de fiche. Un bonjour suffit.")).to_have_count(1 if greeted else 0)
    for word in ("refus", "retir", "consent"):
        assert word not in content.lower()


def test_nobody_is_greeted_as_one_who_refused_and_another_place_sees_nothing(site: Site, opened: Opener) -> None:
    site.person("lea", "place-moment")
    camille(site)
    page, elsewhere = opened("/adviser", "adviser", "s1"), opened("/adviser", "adviser", "s2")
    expect(page.locator(".quiet")).to_have_text("Personne ne s’est annoncé.")

    site.checks_in("lea")
    expect(page.locator(".quiet")).to_have_text("Pas de fiche. Un bonjour suffit.")
    assert violations(page) == []
    site.checks_in("camille")
    expect(page.locator("h1")).to_have_text("Camille")

    expect(elsewhere.locator(".quiet")).to_have_text("Personne ne s’est annoncé.")
    assert "Camille" not in elsewhere.content()


def test_the_latest_is_on_top_the_others_are_names_and_each_is_read_before_it_is_sent(
    site: Site, opened: Opener
) -> None:
    camille(site)
    site.person("bo", *EVERYTHING, first_name="Bo")
    site.checks_in("bo")
    site.passes(5)
    site.checks_in("camille")

    page = opened("/adviser", "adviser", "s1")
    expect(page.locator("h1")).to_have_text("Camille")
    assert len(readings(site, "camille")) == len(readings(site, "bo")) == 1
    assert readings(site, "camille")[0].uses[0].purpose == "adviser-brief"
    assert "bananes" not in page.content().lower().replace(page.locator("#brief").inner_html().lower(), "")

    page.locator("nav button").press("Enter")
    expect(page.locator("h1")).to_have_text("Bo")
    expect(page.locator("nav button")).to_have_text("Camille")
    page.reload()
    expect(page.locator("h1")).to_have_text("Camille")
    page.wait_for_timeout(300)
    assert len(readings(site, "camille")) == 1, "the same screen that shows it again is the same reading"


def test_a_tap_that_falls_just_after_another_brief_came_answers_neither(site: Site, opened: Opener) -> None:
    camille(site)
    site.person("bo", *EVERYTHING, first_name="Bo")
    site.checks_in("bo")
    page = opened("/adviser", "adviser", "s1")
    expect(page.locator("h1")).to_have_text("Bo")
    page.evaluate(
        """new MutationObserver(() => document.querySelector('h1')?.textContent === 'Camille'
        && document.getElementById('done').click())
        .observe(document.getElementById('screen'), { childList: true })"""
    )

    site.checks_in("camille")
    expect(page.locator("h1")).to_have_text("Camille")
    page.wait_for_timeout(200)

    assert said(site, "camille") == said(site, "bo") == []


def test_focus_survives_a_new_state(site: Site, opened: Opener) -> None:
    camille(site)
    site.person("bo", *EVERYTHING, first_name="Bo")
    site.checks_in("camille")
    page = opened("/adviser", "adviser", "s1")
    expect(page.locator("#brief")).to_be_visible()
    page.locator("#later").focus()

    site.checks_in("bo")

    expect(page.locator("h1")).to_have_text("Bo")
    expect(page.locator("#later")).to_be_focused()


def test_every_control_is_reached_by_tab_in_the_order_of_the_page(site: Site, opened: Opener) -> None:
    camille(site)
    site.person("bo", *EVERYTHING, first_name="Bo")
    site.checks_in("bo")
    site.checks_in("camille")
    page = opened("/adviser", "adviser", "s1")
    expect(page.locator("#brief")).to_be_visible()

    walked = []
    for _ in range(4):
        page.keyboard.press("Tab")
        walked.append(page.evaluate("document.activeElement.dataset.pick ? 'pick' : document.activeElement.id"))

    assert walked == ["pick", "done", "later", "wrong"]


def test_an_answer_given_without_a_network_is_sent_when_it_is_back(site: Site, opened: Opener) -> None:
    site.checks_in(camille(site))
    page = opened("/adviser", "adviser", "s1")
    expect(page.locator("#brief")).to_be_visible()
    page.wait_for_timeout(400)

    page.context.set_offline(True)
    expect(page.locator("#off")).to_be_visible()
    page.click("#later")
    expect(page.locator("#brief")).to_have_count(0)
    assert said(site, "camille") == []
    page.context.set_offline(False)

    soon(lambda: said(site, "camille") == [("later", "")], page)
    expect(page.locator("#off")).to_be_hidden(timeout=10_000)
    opened.forgives("ERR_INTERNET_DISCONNECTED")


def test_without_a_key_the_page_asks_for_one_and_a_revoked_one_is_shut_out(site: Site, opened: Opener) -> None:
    page = opened("/adviser", language="en")
    expect(page.locator("h1")).to_have_text("Adviser’s briefs")
    assert violations(page) == []
    page.fill("#key", "vv_adviser_wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#refused")).to_be_visible()
    opened.forgives("401")

    key = site.key("adviser", "s1")
    page.fill("#key", key)
    page.keyboard.press("Enter")
    expect(page.locator(".place")).to_have_text("Rue Haute")
    assert key not in page.content() + page.url

    site.revokes(key)
    expect(page.locator("#key")).to_be_visible()


def test_the_page_is_light(site: Site, opened: Opener) -> None:
    site.checks_in(camille(site))
    page = opened("/adviser")
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    bytes_seen: list[float] = []
    session.on("Network.loadingFinished", lambda event: bytes_seen.append(event["encodedDataLength"]))
    key = site.key("adviser", "s1")
    page.evaluate(
        "key => fetch('/adviser/enter', {method: 'POST', headers: {'Content-Type': 'application/json'}, body:"
        " JSON.stringify({key})})",
        key,
    )
    bytes_seen.clear()

    page.reload()
    expect(page.locator("#brief")).to_be_visible()

    weight = sum(bytes_seen) + len(page.locator("#screen").inner_html())
    assert 2_000 < weight <= 25_000, weight
    print(f"adviser: {weight:.0f} bytes")  # noqa: T201


def test_what_she_has_just_refused_is_not_for_her_adviser_to_propose(site: Site) -> None:
    card = site.enters(camille(site, products=tuple(BRANDS[2:8])))
    assert card is not None
    site.answers("camille", card.id, "no")

    brief = site.checks_in("camille")

    assert brief is not None
    assert brief.family != card.family
    assert [fact.subject for fact in brief.facts if fact.kind == "avoid"] == [card.family]
    assert card.family not in [fact.subject for fact in brief.facts if fact.kind == "need"]


def test_who_announces_themselves_again_comes_first_and_only_once(site: Site) -> None:
    camille(site)
    site.person("bo", *EVERYTHING, first_name="Bo")
    for name in ("camille", "bo", "camille"):
        site.checks_in(name)
        site.passes(61)

    assert [one.entry.customer for one in site.server.screens.briefs("s1")] == ["camille", "bo"]
    site.enters("bo", "s2")
    assert [one.entry.customer for one in site.server.screens.briefs("s1")] == ["camille"]
    assert site.server.screens.briefs("s2") == []
