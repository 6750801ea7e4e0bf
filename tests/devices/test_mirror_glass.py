"""The Glass in Chromium: what is on it, what is chosen in it, and how it looks in both languages.

``VISAVIS_ACCEPT=1 pytest tests/devices/test_mirror_glass.py`` takes the pictures again; look before a commit."""

import os
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Browser, Page

from support.cards import a_show
from support.devices.mirror_site import PNG, Mirrored, a_mirror
from support.people import STRATEGY
from visavis.cards.compose import compose
from visavis.devices.mirror import item_page
from visavis.devices.mirror.cards import card_html
from visavis.devices.mirror.resources import TimelineItem
from visavis.model.moment import Answered, Displayed, Noticed
from web.conftest import violations

GOLDEN = Path(__file__).parents[1] / "golden" / "mirror"
FAINT = 1.5
"""How far two pictures may differ on average, in levels of 255 (font engines differ at the edges of letters)."""
SAMPLE = {"fr": "Crème fraîche épaisse à 1,95 €, œufs « bio »", "en": "Thick cream at €1.95, “organic” eggs"}
Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def mirror(browser: Browser) -> Iterator[Mirrored]:
    with a_mirror() as found:
        yield found


@pytest.fixture
def glass(browser: Browser, mirror: Mirrored) -> Iterator[Opened]:
    """Open the Glass of the person of this key; any error of the page, and any request elsewhere, fails the test."""
    context = browser.new_context(
        viewport={"width": 640, "height": 360}, locale="fr-FR", timezone_id="Europe/Paris", reduced_motion="reduce"
    )
    errors: list[str] = []
    urls: list[str] = []

    def open_one(token: str) -> Page:
        page = context.new_page()
        page.on("request", lambda request: urls.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{mirror.site.url}/glass#key={token}")
        page.wait_for_function("() => !location.hash")
        page.wait_for_load_state("load")
        return page

    yield open_one
    context.close()
    assert errors == []
    assert not [url for url in urls if not url.startswith((mirror.site.url, "data:"))]


def insert(mirror: Mirrored, token: str, **fields: object) -> str:
    answer = httpx.post(
        f"{mirror.site.url}/mirror/v1/timeline", json=fields, headers={"authorization": f"Bearer {token}"}
    )
    return str(answer.raise_for_status().json()["id"])


def on_screen(page: Page, name: str) -> None:
    page.wait_for_selector(f"#face[src*='{name}']")
    page.frame_locator("#face").locator("body").wait_for()


def compare(name: str, page: Page) -> None:
    if "menu" not in name:
        page.evaluate("document.activeElement.blur()")
    picture, path = page.screenshot(), GOLDEN / f"{name}.png"
    if os.environ.get("VISAVIS_ACCEPT"):
        path.parent.mkdir(exist_ok=True)
        Image.open(BytesIO(picture)).convert("RGB").save(path, optimize=True)
    seen, found = Image.open(path).convert("RGB"), Image.open(BytesIO(picture)).convert("RGB")

    assert found.size == seen.size == (640, 360)
    assert max(ImageStat.Stat(ImageChops.difference(found, seen)).mean) <= FAINT


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_card_its_menu_and_the_item_beside_it_look_as_they_were_looked_at(
    mirror: Mirrored, glass: Opened, language: str
) -> None:
    name, token = mirror.somebody()
    notice = STRATEGY.purposes["reminders"].notice.version
    mirror.site.process(
        Noticed(
            id="in",
            customer=name,
            occurred_at=mirror.site.clock.now(),
            purpose="reminders",
            notice=notice,
            language=language,
        )
    )
    item = insert(
        mirror,
        token,
        text=SAMPLE[language],
        creator={"id": "l", "displayName": "Liste"},
        menuItems=[{"action": "TOGGLE_PINNED"}, {"action": "DELETE"}],
    )
    page = glass(token)
    decision = STRATEGY.actions["reminder-door"]
    shown = a_show("reminder-door", "FLUID MILK WHITE ONLY")
    card = card_html(compose(STRATEGY, shown, language, place="s1"))
    menu = [
        {"action": "CUSTOM", "id": one, "values": [{"displayName": label}]}
        for one, label in (("yes", decision.card[language].yes), ("no", decision.card[language].no))
    ]
    other = insert(
        mirror,
        token,
        html=card,
        notification={"level": "DEFAULT"},
        menuItems=[*menu, {"action": "READ_ALOUD"}],
        speakableText="x",
    )

    on_screen(page, other)
    compare(f"card-{language}", page)
    page.keyboard.press("Enter")
    compare(f"menu-{language}", page)
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    on_screen(page, item)
    compare(f"item-{language}", page)
    assert page.get_attribute("html", "lang") == language


def test_a_card_appears_by_itself_is_displayed_and_answered_by_two_keys(mirror: Mirrored, glass: Opened) -> None:
    name, token = mirror.somebody()
    page = glass(token)
    page.wait_for_selector("#home:not([hidden])")
    card = mirror.site.enters(name)
    assert card is not None

    on_screen(page, card.id)
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#home:not([hidden])")

    seen, said = [entry.moment for entry in mirror.site.entries(name) if isinstance(entry.moment, Displayed | Answered)]
    assert isinstance(seen, Displayed)
    assert isinstance(said, Answered)
    assert said.answer == "no"


def test_a_card_leaves_the_glass_when_its_purpose_is_closed(mirror: Mirrored, glass: Opened) -> None:
    name, token = mirror.somebody()
    page = glass(token)
    card = mirror.site.enters(name)
    assert card is not None
    on_screen(page, card.id)

    mirror.site.withdraws(name, card.purpose)

    page.wait_for_selector("#home:not([hidden])")


def test_a_bundle_shows_its_cover_and_opens(mirror: Mirrored, glass: Opened) -> None:
    _, token = mirror.somebody()
    inside = insert(mirror, token, text="first", bundleId="b")
    cover = insert(
        mirror, token, text="two messages", bundleId="b", isBundleCover=True, notification={"level": "DEFAULT"}
    )
    page = glass(token)

    on_screen(page, cover)
    assert page.locator("#dots i").count() == 2
    page.keyboard.press("Enter")
    on_screen(page, inside)
    page.keyboard.press("Escape")
    on_screen(page, cover)


def test_hostile_html_stays_in_its_frame_and_a_picture_is_drawn(
    mirror: Mirrored, glass: Opened, browser: Browser
) -> None:
    _, token = mirror.somebody()
    html = (
        "<article><img src='attachment:0'><img src='https://evil.example/x.png'><p"
        " onclick='x'>a</p><style>p{color:red}</style></article>"
    )
    body = (
        b'--b\r\nContent-Type: application/json\r\n\r\n{"html": "%s", "notification": {"level": "DEFAULT"}}'
        % html.encode()
    )
    body += b"\r\n--b\r\nContent-Type: image/png\r\n\r\n" + PNG + b"\r\n--b--"
    head = {"authorization": f"Bearer {token}", "content-type": "multipart/related; boundary=b"}
    item = (
        httpx.post(f"{mirror.site.url}/upload/mirror/v1/timeline?uploadType=multipart", content=body, headers=head)
        .raise_for_status()
        .json()["id"]
    )
    context = browser.new_context(viewport={"width": 640, "height": 360})
    page = context.new_page()
    urls: list[str] = []
    page.on("requestfinished", lambda request: urls.append(request.url))

    page.goto(f"{mirror.site.url}/glass#key={token}")
    on_screen(page, item)
    picture = page.frame_locator("#face").locator("img").first
    picture.wait_for()

    assert picture.evaluate("one => one.naturalWidth") == 1
    assert page.frame_locator("#face").locator("p").evaluate("one => getComputedStyle(one).color") == "rgb(255, 0, 0)"
    assert not [url for url in urls if "evil" in url]
    context.close()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_card_of_the_brand_is_cut_on_a_glass(browser: Browser, language: str) -> None:
    page = browser.new_page(viewport={"width": 640, "height": 360})
    long = sorted(STRATEGY.families.values(), key=lambda family: -len(getattr(family, f"name_{language}")))[:6]
    cut = []
    for key, action in STRATEGY.actions.items():
        if action.audience != "customer":
            continue
        for family in ["", *[one.key for one in long]] if action.about != "none" else [""]:
            shown = a_show(key, family)
            page.set_content(
                item_page.document(
                    TimelineItem(html=card_html(compose(STRATEGY, shown, language, place="s1"))),
                    language,
                    lambda _: None,
                )
            )
            room = page.evaluate(
                "(() => { const s = document.querySelector('section'), f ="
                " document.querySelector('footer').getBoundingClientRect();const low ="
                " Math.max(...[...s.children].map(e => e.getBoundingClientRect().bottom));const wide ="
                " Math.max(...[...s.children].map(e => e.scrollWidth));return [Math.round(f.top - low), 560 - wide, 360"
                " - Math.round(f.bottom)] })()"
            )
            if min(room) < 0:
                cut.append((key, family, room))
    page.close()

    assert cut == []
