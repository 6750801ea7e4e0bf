"""The stage in real browsers: real households, every moment through HTTP."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from support.people import ROOT, STRATEGY, grocery
from visavis.decide.explain import SENTENCES
from visavis.lab.demo import running
from visavis.lab.stage.decision_panel import WIDTH_PX, decision_panel
from visavis.lab.stage.pages import WORDS
from visavis.lab.stage.population_panel import feed_line
from visavis.lab.stage.routes import StageAccess, routes
from visavis.lab.stage.stage_person import StagePerson, possessive, typeset_inline
from visavis.lab.stories.households import HouseholdExtract
from visavis.lab.stories.session import StorySession
from visavis.lab.stories.simulated_population import FeedItem
from visavis.model.customer import Customer
from visavis.model.decision import Scored, Silence
from visavis.web.pages import LANGUAGES
from web.conftest import violations

WALKS_IN, FRIDGE, SAYS_NO, SIMULATED_YEAR = 1, 2, 7, 8


class StageThread:
    """The session in a thread of its own; ``does`` runs something of it there."""

    def __init__(self) -> None:
        self.access = StageAccess(b"tests")
        self._unused: list[str] = []

    def start(self, port: int = 0) -> None:
        self.session: StorySession | None = None
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(port,), daemon=True)
        self._thread.start()
        until = monotonic() + 20
        while not self.url and monotonic() < until:
            sleep(0.01)
        assert self.url

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(20)
        self._loop.close()

    def _run(self, port: int) -> None:
        self._loop.run_until_complete(self._serve(port))

    async def _serve(self, port: int) -> None:
        extract = HouseholdExtract(ROOT / "examples" / "households")
        pages = lambda server, session: routes(server.writer, server.screens, session, self.access, pace_s=0.2)  # noqa: E731
        async with running(grocery(), extract, port=port, pages=pages) as self.session:
            self._unused = self.session.households[1:]
            self.url = self.session.base
            await self._over.wait()

    def does(self, what: Callable[[StorySession], Any]) -> Any:
        session = self.session
        assert session is not None
        return asyncio.run_coroutine_threadsafe(what(session), self._loop).result(20)

    def go(self, scene: int, *, steps: int = 0) -> None:
        self.does(lambda session: session.go(scene))
        for _ in range(steps):
            self.does(lambda session: session.step())

    def anew(self, scene: int, *, steps: int = 0) -> str:
        """The name of a household that did not play yet, and for whom this scene comes out as its story expects."""
        assert self.session is not None
        while self._unused:
            name = self._unused.pop(0)
            self.session.scene = scene
            self.does(lambda session: session.choose(name))  # noqa: B023  awaited at once
            for _ in range(steps):
                self.does(lambda session: session.step())
            checks = [check for played in self.session.played for check in played.checks]
            silent = any(said["result"] == "silence" for said in self.session.played[0].reply.get("decisions", []))
            if all(check.holds for check in checks) and not silent:
                return name
        raise AssertionError("No household is left.")

    def address(self, language: str = "fr") -> str:
        return f"{self.url}/stage?language={language}&token={self.access.token()}"


@pytest.fixture(scope="module")
def played(browser: Browser) -> Iterator[StageThread]:
    found = StageThread()
    found.start()
    yield found
    found.stop()


Opener = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, played: StageThread) -> Iterator[Opener]:
    """Open the stage in its own browser; no foreign request and no unprovoked error may remain at the end."""
    contexts: list[BrowserContext] = []
    urls: list[str] = []
    errors: list[str] = []

    def open_one(
        language: str = "fr", *, width: int = 1360, height: int = 860, dark: bool = False, noisy: bool = False
    ) -> Page:
        context = browser.new_context(
            locale="fr-FR",
            timezone_id="Europe/Paris",
            reduced_motion="reduce",
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        context.set_default_timeout(8_000)
        page = context.new_page()
        page.on("request", lambda request: urls.append(request.url))
        if not noisy:
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(played.address(language))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert {urlsplit(url).netloc for url in urls if url.startswith("http")} <= {urlsplit(played.url).netloc}
    assert errors == []


def hers(page: Page) -> FrameLocator:
    return page.frame_locator("[data-screen=customer]")


def his(page: Page) -> FrameLocator:
    return page.frame_locator("[data-screen=adviser]")


def test_nobody_comes_in_without_a_token_and_a_token_opens_once(browser: Browser, played: StageThread) -> None:
    context = browser.new_context()
    page = context.new_page()

    assert page.goto(f"{played.url}/stage").status == 401  # type: ignore[union-attr]
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    address = played.address()
    page.goto(address)
    expect(page).to_have_url(f"{played.url}/stage?language=fr")

    other = browser.new_context()
    assert other.new_page().goto(address).status == 401  # type: ignore[union-attr]
    context.close()
    other.close()


def test_gestures_need_the_stage_s_own_cookie_and_page_and_make_sense(browser: Browser, played: StageThread) -> None:
    context = browser.new_context()
    context.new_page().goto(played.address())
    cookies = {cookie["name"]: cookie["value"] for cookie in context.cookies(f"{played.url}/stage")}
    context.close()

    with httpx.Client(base_url=played.url, cookies=cookies) as client:
        for name in ("go", "restart", "step", "play", "choose", "switch"):
            assert httpx.post(f"{played.url}/stage/{name}", json={}).status_code in (401, 403)
            assert client.post(f"/stage/{name}", json={}, headers={"sec-fetch-site": "cross-site"}).status_code in (
                401,
                403,
            )
        for name, body in (
            ("go", {"scene": 9}),
            ("go", {"scene": True}),
            ("go", {}),
            ("choose", {"household": "Nobody"}),
            ("switch", {"purpose": "home"}),
        ):
            assert client.post(f"/stage/{name}", json=body).status_code == 422, (name, body)
        assert client.get("/stage/screen/kitchen").status_code == 422
        assert httpx.get(f"{played.url}/stage/stream").status_code in (401, 403)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_scene_is_reached_by_its_number_and_titled_in_the_language(
    opened: Opener, played: StageThread, language: str
) -> None:
    page = opened(language)
    assert played.session is not None

    for number, story in enumerate(played.session.stories, 1):
        page.keyboard.press(str(number))
        expect(page.get_by_role("heading", level=1)).to_have_text(
            story.title[language].replace("'", "’") if language == "fr" else story.title[language]
        )
        expect(page.locator(f"#scene-{number}")).to_have_attribute("aria-current", "step")
        expect(page.locator("html"), f"scene {number}").not_to_have_attribute("aria-busy", "true")


def test_the_two_screens_are_the_pages_of_those_devices(opened: Opener, played: StageThread) -> None:
    played.anew(WALKS_IN, steps=1)

    page = opened()

    expect(hers(page).locator("#yes")).to_be_visible()
    expect(his(page).get_by_role("button", name="Fait")).to_be_visible()
    expect(page.locator("[data-part=adviser_why]")).to_contain_text("Pourquoi")
    assert {urlsplit(frame.url).path for frame in page.frames} == {"/stage", "/glasses", "/adviser"}


def test_a_button_pressed_in_a_screen_is_the_real_answer(opened: Opener, played: StageThread) -> None:
    played.anew(FRIDGE, steps=2)
    page = opened()

    hers(page).locator("#yes").click()

    expect(page.locator("[data-part=customer_why]")).to_contain_text("la commande est partie")
    expect(page.locator("[data-part=known]")).to_contain_text("Commande")
    expect(hers(page).locator("#card")).to_be_hidden()


def test_a_switch_takes_the_card_away_and_says_why_and_the_focus_stays(opened: Opener, played: StageThread) -> None:
    played.anew(WALKS_IN, steps=1)
    page = opened()
    expect(his(page).get_by_role("button", name="Fait")).to_be_visible()
    switch = page.get_by_role("switch", name="Ma fiche")

    switch.focus()
    page.keyboard.press("Space")

    expect(switch).not_to_be_checked()
    expect(switch).to_be_focused()
    expect(page.locator(".just [role=switch]")).to_have_id("is-adviser-brief")
    expect(page.locator("[data-part=adviser_why]")).to_contain_text("ne sait pas pourquoi")
    expect(his(page).get_by_role("button", name="Fait")).to_be_hidden()
    page.keyboard.press("Space")
    expect(switch).to_be_checked()


def test_she_says_no_and_both_screens_are_silent_with_their_reasons(opened: Opener, played: StageThread) -> None:
    name = played.anew(SAYS_NO)
    page = opened()

    for step in (2, 3, 4):
        expect(page.locator(".step")).to_contain_text(f"Étape {step - 1} sur 4")
        page.keyboard.press("ArrowRight")
        expect(page.locator(".step")).to_contain_text(f"Étape {step} sur 4")

    expect(page.locator("[data-part=customer_label]")).to_contain_text("rien")
    expect(page.locator("[data-part=customer_why]")).to_contain_text(f"{name} a coupé « Mes achats »")
    expect(page.locator("[data-part=known]")).to_contain_text("fermés")
    expect(page.locator("[data-part=engine] circle")).to_have_count(1)
    expect(page.locator("#next")).to_have_text("Scène suivante")


def test_everything_plays_by_itself_until_it_is_paused(opened: Opener, played: StageThread) -> None:
    played.go(0)
    page = opened("en")
    page.locator("h1").click()

    page.keyboard.press("Space")

    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#scene-2")).to_have_attribute("aria-current", "step", timeout=15_000)
    page.locator("#play").click()
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")


def test_another_household_comes_on_the_stage_in_every_browser_and_a_reload_keeps_it(
    opened: Opener, played: StageThread
) -> None:
    played.go(WALKS_IN)
    one, other = opened(), opened("en", dark=True)

    one.get_by_label("Ce que voit").select_option("Zoé")

    for page, words in ((one, "Ce que Zoé donne"), (other, "What Zoé gives")):
        expect(page.get_by_role("heading", name=words)).to_be_visible()
    one.reload()
    expect(one.get_by_role("heading", name="Ce que Zoé donne")).to_be_visible()
    expect(one.locator("#scene-2")).to_have_attribute("aria-current", "step")
    other.close()


def test_a_lost_network_is_said_and_the_stage_resumes_by_itself(opened: Opener, played: StageThread) -> None:
    played.go(0)
    page = opened(noisy=True)
    expect(page.locator("[data-off]")).to_be_hidden()

    page.context.set_offline(True)
    page.keyboard.press("2")
    expect(page.locator("[data-off]")).to_be_visible()
    played.go(FRIDGE)
    page.context.set_offline(False)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # a browser's own retry may take its time

    expect(page.locator("#scene-3")).to_have_attribute("aria-current", "step")
    expect(page.locator("[data-off]")).to_be_hidden()


def test_a_gesture_that_was_lost_while_the_stream_held_is_forgotten_once_one_arrives(
    opened: Opener, played: StageThread
) -> None:
    played.go(0)
    page = opened(noisy=True)
    expect(page.locator("#next")).to_be_visible()
    page.route("**/stage/step", lambda route: route.abort())
    page.locator("#next").click()
    expect(page.locator("[data-off]")).to_be_visible()

    page.unroute("**/stage/step")
    page.locator("#next").click()

    expect(page.locator("[data-off]")).to_be_hidden()


def test_a_restarted_server_is_found_again_with_both_screens(opened: Opener, played: StageThread) -> None:
    played.go(0)
    page = opened(noisy=True)
    port = urlsplit(played.url).port
    assert port is not None

    played.stop()
    expect(page.locator("[data-off]")).to_be_visible()
    played.start(port)
    played.anew(FRIDGE, steps=2)

    expect(page.locator("#scene-3")).to_have_attribute("aria-current", "step", timeout=10_000)
    expect(page.locator("[data-off]")).to_be_hidden()
    expect(hers(page).locator("#yes")).to_be_visible()


def test_the_tablet_is_a_choice_that_a_reload_keeps(opened: Opener, played: StageThread) -> None:
    played.go(WALKS_IN, steps=1)
    page = opened()

    page.get_by_role("button", name="Tablette").click()
    page.reload()

    expect(page.get_by_role("button", name="Tablette")).to_have_attribute("aria-pressed", "true")
    assert (
        page.frame_locator("[data-screen=adviser]")
        .locator("body")
        .evaluate("() => location.search")
        .startswith("?as=tablet")
    )


def test_the_simulated_year_is_labelled_as_simulated(opened: Opener, played: StageThread) -> None:
    page = opened()

    page.keyboard.press("9")

    expect(page.locator(".simulated")).to_contain_text("Réponses simulées")
    expect(page.locator(".population .row.shown").first).to_be_visible(timeout=15_000)
    expect(page.locator("iframe").first).to_be_hidden()
    expect(page.get_by_text("make year")).to_be_visible()
    with page.expect_popup() as console:
        page.get_by_role("link", name="console").click()
    expect(console.value.get_by_role("main")).to_be_visible()
    assert urlsplit(console.value.url).netloc != urlsplit(played.url).netloc
    console.value.close()
    assert violations(page) == []
    assert played.session is not None
    before, following = played.session.household, played.session.next_household
    expect(page.locator("#next")).to_contain_text(following)
    page.locator("#next").click()
    expect(page.locator("#scene-1")).to_have_attribute("aria-current", "step")
    expect(page.locator("iframe").first).to_be_visible()
    assert played.session.household == following != before, "whoever said no in the last scene is not asked again"
    played.session.household = before


@pytest.mark.parametrize(
    ("size", "language", "dark", "scene", "steps"),
    [
        ((360, 640), "fr", False, WALKS_IN, 1),
        ((640, 360), "en", True, SAYS_NO, 3),
        ((768, 1024), "fr", True, FRIDGE, 2),
        ((1360, 860), "fr", False, WALKS_IN, 1),
        ((1360, 860), "en", True, SAYS_NO, 3),
    ],
)
def test_every_size_reads_well_and_axe_finds_nothing(
    opened: Opener, played: StageThread, size: tuple[int, int], language: str, dark: bool, scene: int, steps: int
) -> None:
    width, height = size
    played.go(scene, steps=steps)
    page = opened(language, width=width, height=height, dark=dark)
    expect(page.locator(".step")).to_be_visible()
    page.wait_for_timeout(300)

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    if width == 1360:
        assert page.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0
    for name in ("#next", "#scene-9", ".tongues a", "[role=switch]"):
        box = page.locator(name).first.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["height"] >= 24


def test_the_page_weighs_at_most_twenty_five_kilobytes_without_its_screens(opened: Opener, played: StageThread) -> None:
    played.go(WALKS_IN, steps=1)
    page = opened()
    page.wait_for_timeout(300)

    sizes = page.evaluate(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].map(e => [e.name,"
        " e.transferSize])"
    )

    weights = {urlsplit(name).path: size for name, size in sizes if "/screen/" not in name and "/stream" not in name}
    assert set(weights) == {"/stage", "/static/style.css", "/stage/static/stage.css", "/stage/static/stage.js"}
    assert sum(weights.values()) <= 25_000, weights


def leaves(words: Any, path: str = "") -> set[str]:
    return (
        {path}
        if isinstance(words, str)
        else {leaf for name, one in vars(words).items() for leaf in leaves(one, f"{path}.{name}")}
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_stage_has_words_for_every_reason_purpose_and_action(language: str) -> None:
    words = WORDS[language].stage

    assert leaves(words) == leaves(WORDS["fr"].stage)
    assert {name for name, one in vars(words.reasons).items() if one.short and one.why} == set(SENTENCES)
    assert set(vars(words.purposes)) == {
        purpose.key for purpose in STRATEGY.purposes.values() if purpose.basis == "consent"
    }
    assert set(vars(words.actions)) == set(STRATEGY.actions)
    assert set(vars(words.because)) == {
        action.id for action in STRATEGY.actions.values() if action.audience == "customer"
    }


@given(st.text(), st.sampled_from(LANGUAGES))
def test_printing_keeps_the_case_of_the_first_letter_and_printing_twice_changes_nothing(
    text: str, language: str
) -> None:
    once = typeset_inline(text, language)

    assert typeset_inline(once, language) == once
    if text[:1].islower():
        assert once[0] == text[0]


@given(st.text(min_size=1))
def test_whose_it_is_names_the_person(name: str) -> None:
    assert name in possessive(name, "fr")
    assert name in possessive(name, "en")


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=3))
def test_no_bar_leaves_its_drawing_and_silence_is_a_point(nets: list[int]) -> None:
    from datetime import UTC, datetime

    from visavis.delivery.screens import Recent
    from visavis.model.customer import newborn
    from visavis.model.entry import FORM, Entry
    from visavis.model.moment import Entered

    at = datetime(2026, 11, 24, tzinfo=UTC)
    scored = tuple([Scored("reminder-door", f"family {i}", net, 0.1) for i, net in enumerate(nets)])
    silence = Silence("d", "customer", "reminders", "silence_better", 1.0, scored, (), (), None)
    entry = Entry(FORM, "bo", at, Entered(id="m", customer="bo", occurred_at=at, place="s1"), (silence,))
    person = StagePerson(
        STRATEGY, newborn("bo"), "Bo", at.timestamp(), at.timestamp(), (Recent(1, entry, 1.0),), frozenset(), None, "fr"
    )

    bars = decision_panel(person, None).bars

    assert [bar.dot for bar in bars] == [True] + [False] * len(nets)
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH_PX + 0.1 for bar in bars)


def test_a_story_that_a_person_s_choice_turned_says_which_choice(opened: Opener, played: StageThread) -> None:
    name = played.anew(SAYS_NO, steps=1)
    played.go(WALKS_IN, steps=1)

    page = opened()

    expect(page.locator(".step strong")).to_have_text(f"autrement\u00a0: {name} a fermé «\u00a0Mes achats\u00a0»")


@pytest.mark.parametrize(
    ("language", "said"), [("fr", "Rappel à l’entrée : lait"), ("en", "Reminder at the door: milk")]
)
def test_the_live_feed_names_what_the_card_was_about_in_the_language_of_who_looks(language: str, said: str) -> None:
    item = FeedItem(0.0, "Bo", "reminder-door", "", "2000000000015")
    person = StagePerson(STRATEGY, Customer("bo", "bo"), "Bo", 0.0, 0.0, (), frozenset(), None, language)

    line = feed_line(item, person)

    assert line.what.replace("\u00a0", " ").replace("\u202f", " ") == said
