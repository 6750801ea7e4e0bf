"""The phone's page and service worker in Chromium: a real push, a silent notification, answers without a network."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from devices.test_web_push import PUSH, Phone
from support.devices.far_ends import PushService, until
from support.site import Site, a_site
from visavis.model.decision import Show
from visavis.model.moment import Answered, Displayed
from web.conftest import AXE

LISTED = """self.registration.getNotifications().then(all => all.map(n => ({
  title: n.title, body: n.body, tag: n.tag, silent: n.silent, actions: n.actions.map(a => [a.action, a.title]),
})))"""
COUNT = "self.registration.getNotifications().then(all => all.length)"
CLICKED = """async ([tag, action]) => {
  const [notification] = await self.registration.getNotifications({tag});
  const event = new NotificationEvent('notificationclick', {notification, action});
  let done; event.waitUntil = promise => done = promise;
  self.dispatchEvent(event); await done;
}"""


@pytest.fixture
def service() -> Iterator[PushService]:
    found = PushService()
    yield found
    found.close()


@pytest.fixture
def site(service: PushService) -> Iterator[Site]:
    with a_site(push=PUSH) as found:
        yield found


class Held:
    """Camille's phone: the browser that holds the page, and a browser's keys for the push service of the tests."""

    def __init__(self, browser: Browser, site: Site, service: PushService, *, language: str = "fr") -> None:
        self.site, self.service = site, service
        self.phone = Phone(site, service)
        self.context: BrowserContext = browser.new_context(
            viewport={"width": 390, "height": 844}, locale="fr-FR", reduced_motion="reduce"
        )
        self.context.grant_permissions(["notifications"], origin=site.url)
        # A browser without a network never subscribes: what it would say is put in its mouth, and the rest is real.
        told = json.dumps(self.phone.browser.subscription(f"{service.origin}/push/1"))
        self.context.add_init_script(
            "PushManager.prototype.subscribe = async o => { window.asked = o.applicationServerKey.length; return"
            f" {{toJSON: () => ({told})}} }}"
        )
        self.left = False
        self.errors: list[str] = []
        self.urls: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("request", lambda request: self.urls.append(request.url))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.set_default_timeout(5_000)
        self.page.goto(f"{site.url}/phone?language={language}#key={self.phone.key}")
        self.page.wait_for_function("() => !location.hash && navigator.serviceWorker.controller")

    def pushed(self, told: dict[str, Any]) -> None:
        """A push event as Chromium's own code fires it."""
        cdp = self.context.new_cdp_session(self.page)
        found: list[Any] = []
        cdp.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(event["registrations"]))
        cdp.send("ServiceWorker.enable")
        while not found:
            self.page.wait_for_timeout(20)
        cdp.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": self.site.url, "registrationId": found[-1]["registrationId"], "data": json.dumps(told)},
        )
        cdp.detach()

    def clicks(self, tag: str, action: str) -> None:
        self.context.service_workers[0].evaluate(CLICKED, [tag, action])

    def leaves(self) -> None:
        """Something else is on the screen: a page that the worker has nothing to do with."""
        self.page.goto(f"{self.site.url}/discovery/v1/apis/mirror/v1/rest")
        self.left = True

    def moments(self, kind: type[Any]) -> list[Any]:
        return [entry.moment for entry in self.site.entries("camille") if isinstance(entry.moment, kind)]

    def closes(self) -> None:
        self.context.close()
        assert {url for url in self.urls if url.startswith("http") and not url.startswith(self.site.url)} == set()
        assert [
            error for error in self.errors if not (self.left and "404" in error)
        ] == []  # the other page has no icon


@pytest.fixture
def held(browser: Browser, site: Site, service: PushService) -> Iterator[Held]:
    found = Held(browser, site, service)
    yield found
    found.closes()


def subscribed(held: Held) -> Show:
    """The button was pressed; then Camille entered the shop."""
    held.page.get_by_role("button", name="Recevoir les cartes").click()
    held.page.get_by_text("Ce téléphone reçoit vos cartes.").wait_for()
    return held.phone.enters()


def test_the_button_subscribes_and_what_the_server_sends_becomes_one_silent_notification_with_two_answers(
    held: Held,
) -> None:
    show = subscribed(held)
    assert held.page.evaluate("window.asked") == 65, "the server's key is an uncompressed point"
    told = held.phone.browser.reads(held.service.waits(1)[0].body)
    held.leaves()
    worker = held.context.service_workers[0]
    held.pushed(told)
    until(lambda: bool(worker.evaluate(COUNT)))
    (one,) = worker.evaluate(LISTED)
    assert (one["title"], one["tag"], one["silent"]) == (told["title"], show.id, True)
    assert one["body"].endswith("Rue Haute")
    assert one["actions"] == [["yes", told["yes"]], ["no", told["no"]]]
    until(lambda: held.moments(Displayed) != [])

    held.clicks(show.id, "no")
    until(lambda: held.moments(Answered) != [])
    assert held.moments(Answered)[0].answer == "no"
    assert worker.evaluate(COUNT) == 0
    held.service.waits(1)


def test_a_page_that_is_looked_at_shows_the_card_itself_and_nothing_else_rings(held: Held) -> None:
    show = subscribed(held)
    told = held.phone.browser.reads(held.service.waits(1)[0].body)
    held.pushed(told)
    held.page.get_by_role("heading", name=told["title"]).wait_for()
    assert held.context.service_workers[0].evaluate(COUNT) == 0
    until(lambda: held.moments(Displayed) != [])
    assert held.page.locator("#yes").bounding_box()["height"] == held.page.locator("#no").bounding_box()["height"]  # type: ignore[index]
    held.page.evaluate(AXE + ";0")
    assert (
        held.page.evaluate(
            "axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join('|').slice(0, 200)))"
        )
        == []
    )

    held.page.locator("#title").click()
    held.page.keyboard.press("Tab")
    held.page.keyboard.press("Enter")
    until(lambda: held.moments(Answered) != [])
    assert (held.moments(Answered)[0].decision, held.moments(Answered)[0].answer) == (show.id, "yes")
    assert not held.page.locator("#card").is_visible()
    assert held.page.evaluate("navigator.serviceWorker.ready.then(r => r.scope)") == f"{held.site.url}/phone"


def test_an_answer_given_without_a_network_is_sent_when_it_is_back_and_the_page_says_so(held: Held) -> None:
    show = subscribed(held)
    held.service.waits(1)
    held.page.reload()
    held.page.locator("#card").wait_for()
    held.context.set_offline(True)
    held.page.locator("#no").click()
    held.page.wait_for_timeout(200)
    assert held.moments(Answered) == []
    held.page.reload()
    held.page.get_by_text("Hors ligne.").wait_for()
    held.context.set_offline(False)
    held.page.reload()
    until(lambda: held.moments(Answered) != [])
    assert held.moments(Answered)[0].decision == show.id
    held.errors = [error for error in held.errors if "ERR_INTERNET_DISCONNECTED" not in error]


def test_a_recall_empties_the_page_and_the_same_button_takes_the_subscription_back(held: Held) -> None:
    show = subscribed(held)
    held.service.waits(1)
    held.page.reload()
    held.page.locator("#card").wait_for()
    held.site.answers("camille", show.id)
    held.pushed(held.phone.browser.reads(held.service.waits(2)[1].body))
    held.page.get_by_text("Rien pour l’instant.").wait_for()

    held.page.get_by_role("button", name="Ne plus les recevoir ici").click()
    held.page.get_by_role("button", name="Recevoir les cartes").wait_for()
    assert not held.site.call(lambda: held.site.server.external_channels.addresses.has("camille", "web_push"))


def test_the_page_is_installable_small_and_worth_nothing_without_its_key(held: Held, site: Site) -> None:
    manifest = httpx.get(f"{site.url}/phone/manifest.webmanifest").json()
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == ("/phone", "/phone", "standalone")
    for icon in manifest["icons"]:
        assert httpx.get(site.url + icon["src"]).content.startswith(b"\x89PNG")
    worker = httpx.get(f"{site.url}/phone/worker.js")
    assert worker.headers["service-worker-allowed"] == "/phone"
    cdp = held.context.new_cdp_session(held.page)
    assert cdp.send("Page.getInstallabilityErrors")["installabilityErrors"] in (
        [],
        [{"errorId": "in-incognito", "errorArguments": []}],
    )
    bare = httpx.get(f"{site.url}/phone")
    assert len(bare.content) + len(worker.content) < 12_000
    for method, path in (
        ("GET", "card"),
        ("POST", "displayed"),
        ("POST", "answer"),
        ("POST", "subscription"),
        ("DELETE", "subscription"),
    ):
        assert (
            httpx.request(method, f"{site.url}/phone/{path}", json={} if method == "POST" else None).status_code == 401
        )
    brand = site.key("brand")
    assert httpx.post(f"{site.url}/phone/enter", json={"key": brand}).status_code == 422


@pytest.mark.parametrize("profile", ["phone", "apple-watch-46"])
def test_a_code_leads_a_phone_or_the_phone_of_a_watch_to_this_page(held: Held, site: Site, profile: str) -> None:
    offered = httpx.post(
        f"{site.url}/v1/devices/pairing",
        headers={"authorization": f"Bearer {site.key('brand')}"},
        json={"person": "camille"},
    ).json()
    page = held.context.new_page()
    page.goto(f"{site.url}/pair?profile={profile}#{offered['code']}")
    page.locator("form button").click()
    page.wait_for_url(f"{site.url}/phone?profile={profile}")
    page.get_by_role("button", name="Recevoir les cartes").wait_for()
    states = site.call(lambda: [*site.server.processor.customer("camille").devices.values()])
    assert any(state.profile == profile and state.worn for state in states)
