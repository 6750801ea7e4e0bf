"""A person's own page in a real browser: choices, reasons, looks and rights; a no costs no more than a yes."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from support.people import BRANDS
from support.site import EVERYTHING, Site
from visavis.consent.gate import open_categories
from visavis.model.moment import Consented, Displayed, Linked, Withdrew
from web.conftest import Opener, violations

SIZES = [(360, 740), (768, 1024), (1360, 860)]
LIMIT = 25_000
MARK = "[aria-pressed='true']"


def camille(site: Site) -> str:
    site.person("camille", *EVERYTHING, first_name="Camille", products=tuple(BRANDS[2:8]))
    site.enters("camille")
    return "camille"


def is_open(site: Site, purpose: str, person: str = "camille") -> bool:
    strategy, now = site.server.strategy, site.clock.now().timestamp()
    return bool(open_categories(site.server.processor.customer(person), strategy.purposes[purpose], now))


@pytest.mark.parametrize(("language", "dark"), [("fr", False), ("en", True)])
def test_the_page_fits_every_screen_in_both_languages_and_axe_finds_nothing(
    site: Site, opened: Opener, language: str, dark: bool
) -> None:
    brief = site.checks_in(camille(site))
    assert brief is not None
    site.process(Displayed(id="looked", customer="camille", occurred_at=site.clock.now(), decision=brief.id))
    key = site.key("device", "camille")
    words = {
        "fr": ("Mes choix", "un conseiller", "Pourquoi ces cartes"),
        "en": ("My choices", "an adviser", "Why these cards"),
    }[language]

    for width, height in SIZES:
        page = opened("/me", key=key, width=width, height=height, language=language, dark=dark)
        expect(page.locator("h1")).to_have_text(words[0])
        expect(page.locator(".looks")).to_contain_text(words[1])
        expect(page.locator("#why")).to_have_text(words[2])
        numbers = {int(one) for one in re.findall(r"(?:Ligne|Line) (\d+)", page.locator(".looks").inner_text())}
        assert numbers <= {number for number, _ in site.server.log.lines_of("camille")} != set()
        assert len(numbers) == page.locator(".looks li").count(), "each look is one line of the ledger"
        assert page.locator("html").get_attribute("lang") == language
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, height)
        assert page.evaluate("document.querySelector('main').getBoundingClientRect().width") <= 760
        assert violations(page) == []


def test_the_page_weighs_at_most_25_kb(site: Site, opened: Opener) -> None:
    camille(site)
    page = opened("/me", "device", "camille")
    session = page.context.new_cdp_session(page)
    weights: list[float] = []
    session.on("Network.loadingFinished", lambda told: weights.append(told["encodedDataLength"]))
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.reload(wait_until="networkidle")

    assert len(weights) >= 4
    assert sum(weights) <= LIMIT, sum(weights)


def test_no_words_of_models_are_on_the_page(site: Site, opened: Opener) -> None:
    camille(site)
    for language in ("fr", "en"):
        text = opened("/me", "device", "camille", language=language).locator("body").inner_text().lower()
        assert not [
            word
            for word in ("score", "propens", "segment", "uplift", "logit", "model", "modèle", "holdout", "{")
            if word in text
        ]


def test_a_card_is_explained_by_what_would_have_been_without_it(site: Site, opened: Opener) -> None:
    camille(site)
    page = opened("/me", "device", "camille")

    card = page.locator("section:has(#why) article").first
    expect(card.locator("p")).to_contain_text("Cette carte s’appuie sur")
    expect(card.locator("li").first).to_contain_text("Sans ")


# P6: a no costs no more than a yes.


def presses(page: Page, site: Site, path: list[str], purpose: str, *, want: bool) -> int:
    """How many presses until the choice stands, by the buttons of ``path`` in order."""
    for n, button in enumerate(path, start=1):
        if page.locator(f"#{button}").is_visible():
            page.locator(f"#{button}").click()
            page.wait_for_timeout(250)
        if is_open(site, purpose) is want:
            return n
    return len(path) + 1


def looks(button: Locator) -> tuple[object, ...]:
    """Size, type and colours of a button, as the browser drew it."""
    box = button.bounding_box()
    assert box is not None
    style = button.evaluate(
        "e => { const s = getComputedStyle(e); return [s.fontSize, s.fontWeight, s.color, s.backgroundColor,"
        " s.borderColor, s.opacity]; }"
    )
    return round(box["width"]), round(box["height"]), *style


def check_symmetric(page: Page, site: Site) -> None:
    purpose = "tailored-offers"
    no, yes = page.locator(f"#no-{purpose}"), page.locator(f"#yes-{purpose}")
    assert looks(no) == looks(yes), "before any choice they are alike"
    for_yes = presses(page, site, [f"yes-{purpose}"] * 2, purpose, want=True)
    on = looks(page.locator(f"#yes-{purpose}"))
    for_no = presses(page, site, [f"no-{purpose}"] * 2, purpose, want=False)
    assert for_no <= for_yes == 1
    assert looks(page.locator(f"#no-{purpose}")) == on, "a no that stands looks like a yes that stands"


@pytest.mark.parametrize("width", [360, 1360])
def test_a_no_is_one_press_and_looks_like_a_yes(site: Site, opened: Opener, width: int) -> None:
    camille(site)
    page = opened("/me", "device", "camille", width=width)
    assert page.locator("[id^=yes-]" + MARK).count() == len(EVERYTHING)
    assert page.locator("[id^=try-]" + MARK).count() == 0, "nothing is chosen before the person chose it"

    check_symmetric(page, site)


SMALLER_NO = "() => { for (const e of document.querySelectorAll('[id^=no-]')) e.style.flexBasis = '60px'; }"
PALER_NO = "() => { for (const e of document.querySelectorAll('[id^=no-]')) e.style.opacity = '0.5'; }"
CONFIRMED_NO = """() => document.addEventListener('click', e => {
    if (!e.target.id?.startsWith('no-') || e.target.dataset.sure) return;
    e.target.dataset.sure = '1';
    e.stopImmediatePropagation();
}, true)"""


@pytest.mark.parametrize(
    "mutant", [SMALLER_NO, PALER_NO, CONFIRMED_NO], ids=["a smaller no", "a paler no", "a no to confirm"]
)
def test_a_no_that_costs_more_is_caught(site: Site, opened: Opener, mutant: str) -> None:
    camille(site)
    page = opened("/me", "device", "camille", width=1360)
    page.evaluate(mutant)
    with pytest.raises(AssertionError):
        check_symmetric(page, site)


def test_choices_are_made_by_the_keyboard_alone_and_focus_stays(site: Site, opened: Opener) -> None:
    camille(site)
    page = opened("/me", "device", "camille")

    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "yes-home":
            break
    page.keyboard.press("Enter")

    expect(page.locator("#yes-home" + MARK)).to_have_count(1)
    assert page.evaluate("document.activeElement.id") == "yes-home"
    assert is_open(site, "home")
    said = [
        entry.moment
        for entry in site.entries("camille")
        if isinstance(entry.moment, Consented) and entry.moment.purpose == "home"
    ]
    assert len(said) == 1


def test_a_trial_says_when_it_ends_and_a_choice_survives_a_reload(site: Site, opened: Opener) -> None:
    camille(site)
    page = opened("/me", "device", "camille", language="en")
    page.click("#try-look")
    expect(page.locator("#try-look" + MARK)).to_have_count(1)
    page.reload()
    expect(page.locator("#try-look" + MARK)).to_have_count(1)
    expect(page.locator("article:has(#try-look)")).to_contain_text("On trial until")

    site.passes(31 * 86_400)
    page.reload()
    expect(page.locator("#try-look" + MARK)).to_have_count(0)
    assert not is_open(site, "look")


def test_objection_and_pause_are_one_press_each_way(site: Site, opened: Opener) -> None:
    camille(site)
    page = opened("/me", "device", "camille")

    page.click("#restrict")
    expect(page.locator("#restrict")).to_have_text("Reprendre")
    assert not is_open(site, "reminders")
    page.click("#restrict")
    expect(page.locator("#restrict")).to_have_text("Mettre en pause")
    assert is_open(site, "reminders")

    page.click("#object")
    expect(page.locator("#object")).to_have_text("Revenir dessus")
    assert "marketing" in site.server.processor.customer("camille").objections


def test_the_copy_is_a_file_of_everything(site: Site, opened: Opener, tmp_path: Path) -> None:
    camille(site)
    page = opened("/me", "device", "camille")
    with page.expect_download() as waiting:
        page.click("a[href='/me/copy']")
    waiting.value.save_as(tmp_path / "copy.json")

    assert BRANDS[2] in json.dumps(json.loads((tmp_path / "copy.json").read_text()))


def test_erasing_takes_two_presses_says_what_goes_and_the_key_opens_nothing_after(site: Site, opened: Opener) -> None:
    camille(site)
    page = opened("/me", "device", "camille")

    page.click("#erase")
    expect(page.locator("#sure")).to_contain_text("effacés pour toujours")
    assert page.evaluate("document.activeElement.id") == "keep", "what is safe has the focus"
    keep, gone = page.locator("#keep").bounding_box(), page.locator("#erase-all").bounding_box()
    assert keep is not None
    assert gone is not None
    assert (keep["width"], keep["height"]) == (gone["width"], gone["height"])
    page.keyboard.press("Escape")
    expect(page.locator("#sure")).to_be_hidden()
    assert site.entries("camille")

    page.click("#erase")
    page.click("#erase-all")

    expect(page.locator("h1")).to_have_text("C’est effacé")
    assert page.evaluate("document.activeElement.id") == "erased"
    assert site.entries("camille") == []
    assert site.server.accounts.of(["camille"]).brought == {}
    page.reload()
    expect(page.locator("#enter")).to_be_visible()


def test_another_persons_key_shows_their_own_page_and_no_key_shows_the_door(site: Site, opened: Opener) -> None:
    camille(site)
    other = opened("/me", "device", "dan")
    expect(other.locator("section:has(#why)")).to_contain_text("Aucune carte pour l’instant.")
    door = opened("/me")
    expect(door.locator("#enter")).to_be_visible()
    door.fill("#key", site.key("adviser", "s1"))
    door.click("#enter button")
    expect(door.locator("#refused")).to_be_visible()
    opened.forgives("403")
    other_choices = [entry for entry in site.entries("dan") if isinstance(entry.moment, Consented | Withdrew)]
    assert other_choices == []


def test_a_person_of_two_names_has_one_page_and_is_erased_under_both(site: Site, opened: Opener) -> None:
    camille(site)
    long_ago = site.clock.now() - timedelta(days=100)
    site.process(
        Linked(id="second", customer="cam", occurred_at=long_ago, identifier="another card"),
        Linked(id="one", customer="cam", occurred_at=site.clock.now(), identifier="card of camille"),
    )
    assert set(site.server.processor.names("camille")) == {"camille", "cam"}
    page = opened("/me", "device", "cam")
    expect(page.locator("section:has(#why) article").first).to_contain_text("s’appuie sur")

    page.click("#erase")
    page.click("#erase-all")

    expect(page.locator("h1")).to_have_text("C’est effacé")
    assert site.entries("camille") == site.entries("cam") == []


def test_a_browsers_signal_is_heard_before_the_gesture_that_it_came_with(site: Site, opened: Opener) -> None:
    camille(site)
    page = opened("/me", "device", "camille")
    page.context.set_extra_http_headers({"Sec-GPC": "1"})
    page.click("#yes-home")
    expect(page.locator("#yes-home" + MARK)).to_have_count(1)
    assert "sharing" in site.server.processor.customer("camille").objections
