"""The glasses page on each host: browsers of every size and key, other origins, a display with its own rules."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from threading import Timer

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, BrowserContext, Page

from support.cards import a_show
from support.devices.hosting import Elsewhere, Hosting, a_hosting, soon
from support.people import STRATEGY
from visavis.cards.compose import compose
from visavis.cards.text import cells
from visavis.config import Settings
from visavis.devices.hosts.cross_origin import checked
from visavis.devices.hosts.packages import PACKAGE, even, mentra
from visavis.devices.hosts.page import HOSTS, carried
from visavis.devices.text_screen import WIDTHS_PX, even_g2_px, lines
from visavis.model.card import Card
from visavis.model.errors import Invalid
from visavis.strategy.screens import DEVICES
from visavis.wiring import build
from web.conftest import violations

Opened = Callable[..., Page]
BROWSERS = ("vuzix-m100", "vuzix-blade", "vuzix-m400", "vuzix-m4000", "laster", "telepathy-one")
CUT = """() => [...document.querySelectorAll('#card *')].filter(e => e.offsetParent).filter(e => {
    const b = e.getBoundingClientRect();
    return b.right > innerWidth + 1 || b.bottom > innerHeight + 1 || b.left < 0 || b.top < 0
    || e.scrollWidth > e.clientWidth + 1 }).map(e => e.id)"""
OVERLAPPING = """() => { const boxes = [...document.querySelectorAll('#kicker,#title,#body,#yes,#no,#why')]
    .filter(e => e.textContent && e.offsetParent).map(e => [e.id, e.getBoundingClientRect()]);
    return boxes.flatMap(([a, x], i) => boxes.slice(i + 1)
    .filter(([, y]) => x.left < y.right - 1 && y.left < x.right - 1 && x.top < y.bottom - 1
    && y.top < x.bottom - 1).map(([b]) => a + ' on ' + b)) }"""


@pytest.fixture(scope="module")
def hosting() -> Iterator[Hosting]:
    with a_hosting() as found:
        yield found


@pytest.fixture
def opened(browser: Browser, hosting: Hosting) -> Iterator[Opened]:
    """Open a device's page by key: ``opened(key, "?host=meta", width=…, height=…, before=script)``; errors fail."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_one(
        key: str, query: str = "", *, width: int = 640, height: int = 360, before: str = "", url: str = ""
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale="fr-FR", reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
        if before:
            page.add_init_script(before)
        page.goto((url or f"{hosting.site.url}/glasses") + query + (f"#key={key}" if key else ""))
        if key:
            page.wait_for_function("() => !location.hash")
            page.wait_for_load_state("load")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_card_is_whole_on_every_glasses_with_a_browser(hosting: Hosting, opened: Opened, language: str) -> None:
    name = hosting.somebody()
    hosting.card(name)
    page = opened(hosting.site.key("device", name), f"?language={language}")
    page.wait_for_selector("#title:not(:empty)")

    for device in [DEVICES[profile] for profile in BROWSERS]:
        page.set_viewport_size({"width": device.width_px, "height": device.height_px})
        assert page.evaluate(CUT) == [], device.profile
        assert page.evaluate(OVERLAPPING) == [], device.profile
        assert page.evaluate("[scrollX, scrollY, document.documentElement.scrollWidth > innerWidth]") == [
            0,
            0,
            False,
        ], device.profile


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["ArrowDown", "Enter"], "yes"),
        (["ArrowDown", "ArrowDown", "Enter"], "no"),
        (["ArrowDown", "ArrowUp", "ArrowDown", "Enter"], "yes"),
        (["PageDown"], "yes"),
        (["PageUp"], "no"),
        (["MediaTrackNext"], "yes"),
        (["BrowserBack"], "no"),
        (["GoBack"], "no"),
        (list("Oui"), "yes"),
        (list("non"), "no"),
        (list("yes"), "yes"),
    ],
    ids="-".join,
)
def test_the_keys_of_a_pad_a_ring_or_a_voice_answer(
    hosting: Hosting, opened: Opened, keys: list[str], answer: str
) -> None:
    name = hosting.somebody()
    hosting.card(name)
    page = opened(hosting.site.key("device", name))
    page.wait_for_selector("#title:not(:empty)")

    for key in keys:
        if key in (
            "GoBack",
            "BrowserBack",
            "MediaTrackNext",
        ):  # no keyboard has them: what a remote sends is an event all the same
            page.evaluate(
                "key => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}))", key
            )
        else:
            page.keyboard.press(key)

    soon(lambda: hosting.answers(name) == [answer], pause=lambda seconds: page.wait_for_timeout(seconds * 1e3))


def test_other_words_are_no_answer(hosting: Hosting, opened: Opened) -> None:
    name = hosting.somebody()
    hosting.card(name)
    page = opened(hosting.site.key("device", name))
    page.wait_for_selector("#title:not(:empty)")

    page.keyboard.type("nuit youpi Émoi 5?")
    page.keyboard.press("Control+o")
    page.wait_for_timeout(100)

    assert page.locator("#card").is_visible()
    assert hosting.answers(name) == []


def test_a_browser_without_streams_asks_and_is_told_at_once(hosting: Hosting, opened: Opened) -> None:
    name = hosting.somebody()
    page = opened(hosting.site.key("device", name), before="delete window.EventSource")
    page.wait_for_timeout(300)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    shown = hosting.card(name)
    page.wait_for_selector("#title:not(:empty)", timeout=2_000)
    soon(lambda: hosting.displayed(name) == [shown.id], pause=lambda seconds: page.wait_for_timeout(seconds * 1e3))
    hosting.site.withdraws(name, shown.purpose)
    page.wait_for_selector("#card", state="hidden", timeout=2_000)

    assert page.locator("#title").text_content() == ""
    assert len(asked) <= 4, "it waits for the answer instead of asking again and again"


def test_what_cannot_be_asked_is_marked_and_the_answer_is_kept(hosting: Hosting, opened: Opened) -> None:
    name = hosting.somebody()
    hosting.card(name)
    page = opened(hosting.site.key("device", name), before="delete window.EventSource")
    page.wait_for_selector("#title:not(:empty)")

    page.context.set_offline(True)
    page.wait_for_selector("#off.on")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(100)
    assert hosting.answers(name) == []
    page.context.set_offline(False)

    soon(lambda: hosting.answers(name) == ["yes"], pause=lambda seconds: page.wait_for_timeout(seconds * 1e3))


# ---- Asking for the screen over HTTP.


def ask(hosting: Hosting, key: str, query: str = "", *, tag: str = "", origin: str = "") -> httpx.Response:
    headers = (
        {"authorization": f"Bearer {key}"}
        | ({"if-none-match": tag} if tag else {})
        | ({"origin": origin} if origin else {})
    )
    return httpx.get(f"{hosting.site.url}/glasses/screen{query}", headers=headers, trust_env=False)


def test_the_screen_has_a_tag_and_what_did_not_change_costs_nothing(hosting: Hosting) -> None:
    name = hosting.somebody()
    key = hosting.site.key("device", name)

    empty = ask(hosting, key)
    assert (empty.status_code, empty.headers["etag"]) == (204, '""')
    assert ask(hosting, key, tag='""').status_code == 304
    shown = hosting.card(name)
    full = ask(hosting, key, tag='""')
    assert (full.status_code, full.json()["decision"], full.headers["etag"]) == (200, shown.id, f'"{shown.id}"')
    assert "lines" not in full.json()
    for tag in (full.headers["etag"], f"W/{full.headers['etag']}", f'"other" ,W/{full.headers["etag"]}', "*"):
        same = ask(hosting, key, tag=tag)
        assert (same.status_code, same.content) == (304, b""), tag
    assert ask(hosting, key, tag=f'"other{shown.id}"').status_code == 200
    hosting.site.answers(name, shown.id)
    assert ask(hosting, key, tag=full.headers["etag"]).status_code == 204


@pytest.mark.parametrize("wait", ["-1", "nan", "1e9", "x", "²"])
def test_a_strange_wait_is_none(hosting: Hosting, wait: str) -> None:
    key = hosting.site.key("device", hosting.somebody())

    assert ask(hosting, key, f"?wait_s={wait}", tag='""').elapsed.total_seconds() < 1


def test_a_key_revoked_while_it_waits_gets_no_card(hosting: Hosting) -> None:
    name = hosting.somebody()
    token = hosting.paired(name, "even-g2")
    known = httpx.get(
        f"{hosting.site.url}/v1/devices", headers={"authorization": f"Bearer {token}"}, trust_env=False
    ).json()
    brand = {"authorization": f"Bearer {hosting.site.key('brand')}"}
    with httpx.Client(trust_env=False) as waiting, httpx.Client(trust_env=False) as other:
        headers = {"authorization": f"Bearer {token}", "if-none-match": '""'}
        revoking = Timer(0.3, lambda: other.delete(f"{hosting.site.url}/v1/devices/{known[0]['id']}", headers=brand))
        revoking.start()
        answer = waiting.get(f"{hosting.site.url}/glasses/screen?wait_s=5", headers=headers)
        revoking.join()

    assert answer.status_code == 401


# ---- Other origins.


def test_an_application_at_an_allowed_address_is_paired_by_a_code_and_answers(hosting: Hosting, opened: Opened) -> None:
    name = hosting.somebody()
    hosting.elsewhere.html = carried(
        "", "fr", root=hosting.site.url, profile="vuzix-m400", package="com.example.v", voice=False
    )
    page = opened("", url=f"{hosting.elsewhere.url}/index.html")
    page.locator("#code").fill(hosting.code(name))
    page.keyboard.press("Enter")
    page.wait_for_selector("form", state="detached")

    shown = hosting.card(name)
    page.wait_for_selector("#title:not(:empty)")
    page.keyboard.press("ArrowLeft")

    assert shown.device == "vuzix-m400"
    soon(lambda: hosting.answers(name) == ["no"], pause=lambda seconds: page.wait_for_timeout(seconds * 1e3))
    assert page.context.cookies() == []


def test_a_hostile_address_gets_nothing_even_with_a_key(hosting: Hosting, opened: Opened, browser: Browser) -> None:
    name = hosting.somebody()
    shown = hosting.card(name)
    key = hosting.site.key("device", name)
    hostile = Elsewhere()
    hostile.html = "<!doctype html><title>x</title>"
    page = browser.new_page()
    page.goto(f"{hostile.url}/index.html")
    tried = page.evaluate(
        """async ([root, key, decision]) => { const method = 'POST', body = JSON.stringify({decision, answer: 'yes'});
        const tries = [['screen', {}], ['answer', {method, body}],
            ['answer', {method, body, mode: 'no-cors', credentials: 'include'}]];
        const headers = {Authorization: 'Bearer ' + key};
        return Promise.all(tries.map(([path, more]) => fetch(root + '/glasses/' + path, {headers, ...more})
            .then(r => r.status, () => 'refused'))) }""",
        [hosting.site.url, key, shown.id],
    )
    page.close()
    hostile.close()

    # Without its headers (no-cors) a request gets through to be refused: it carries no key.
    assert tried[:2] == ["refused", "refused"]
    assert hosting.answers(name) == []


@pytest.mark.parametrize("path", ["/v1/devices", "/v1/people/h1", "/adviser", "/glasses/enter", "/glasses/stream"])
def test_only_the_doors_of_a_device_answer_other_origins(hosting: Hosting, path: str) -> None:
    answer = httpx.options(
        hosting.site.url + path,
        headers={"origin": hosting.elsewhere.url, "access-control-request-method": "GET"},
        trust_env=False,
        timeout=5,
    )

    assert "access-control-allow-origin" not in answer.headers


def test_no_cookie_is_asked_of_another_origin(hosting: Hosting) -> None:
    answer = ask(hosting, hosting.site.key("device", hosting.somebody()), origin=hosting.elsewhere.url)

    assert answer.headers["access-control-allow-origin"] == hosting.elsewhere.url
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*",
        "null",
        "https://a.example/",
        "https://a.example/x",
        "http://a.example",
        "ftp://a.example",
        "a.example",
        "https://u@a.example",
        "",
    ],
)
def test_what_is_no_origin_is_refused_when_the_server_starts(origin: str) -> None:
    with pytest.raises(Invalid, match="not an origin"):
        checked((origin,))


def test_a_server_with_a_wrong_origin_does_not_start() -> None:
    from support.people import grocery

    with pytest.raises(Invalid, match="not an origin"):
        build(grocery(), Settings(origins=("https://a.example/x",)), memory=True, key=b"t" * 32)


# ---- The Meta display: its published rules, in Chromium at its size.


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_meta_display_gets_what_its_rules_ask_for(hosting: Hosting, opened: Opened, language: str) -> None:
    name = hosting.somebody()
    shown = hosting.card(name)
    key = hosting.paired(hosting.somebody(), "meta-rb-display")
    assert key
    page = opened(hosting.site.key("device", name), f"?host=meta&language={language}", width=600, height=600)
    page.wait_for_selector("#title:not(:empty)")
    asked: list[tuple[str, int]] = []
    page.on("response", lambda answer: asked.append((answer.url, int(answer.headers.get("content-length", 0)))))
    page.reload()
    page.wait_for_selector("#title:not(:empty)")
    meta = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('meta[name]')].map(m => [m.name, m.content]))"
    )

    assert meta["viewport"] == "width=600, height=600, initial-scale=1.0"
    assert meta["mrbd-web-app-capable"] == "yes"
    assert meta["description"]
    assert page.evaluate(CUT) == []
    assert page.evaluate(OVERLAPPING) == []
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [600, 600]
    sizes = page.evaluate(
        "Object.fromEntries(['title', 'body', 'yes', 'no', 'why'].map(i => [i,"
        " parseFloat(getComputedStyle(document.getElementById(i)).fontSize)]))"
    )
    assert sizes["title"] >= 28
    assert min(sizes["body"], sizes["why"]) >= 16
    assert min(sizes["yes"], sizes["no"]) >= 14
    box = page.evaluate("['yes', 'no'].map(i => document.getElementById(i).getBoundingClientRect().height)")
    assert min(box) >= 88
    edges = page.evaluate(
        "(b => [b.left, b.top, 600 - b.right, 600 - b.bottom])(document.getElementById('card').getBoundingClientRect())"
    )
    assert min(edges) >= 8
    assert violations(page) == []
    assert len(asked) < 10
    assert sum(size for _, size in asked) < 20_000
    icon = httpx.get(f"{hosting.site.url}/phone/icon-192.png", trust_env=False)
    assert icon.headers["content-type"] == "image/png"
    # Focus is where a pinch counts, it is seen, it goes round, and back is no.
    assert page.evaluate("document.activeElement.id") == "yes"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "4px"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "no"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.id") == "yes"
    page.keyboard.press("Escape")
    soon(lambda: hosting.answers(name) == ["no"], pause=lambda seconds: page.wait_for_timeout(seconds * 1e3))
    assert shown.id in hosting.displayed(name)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(0, 0, 0)", "silence is clear"


# ---- Lines of text, and applications to pack.

CARDS = st.builds(
    Card,
    st.just("d"),
    st.just("a"),
    st.sampled_from(["fr", "en"]),
    st.text(max_size=40),
    st.text(max_size=80),
    st.just("w"),
    st.just("s"),
    st.text(max_size=16),
    st.text(max_size=16),
)


@given(CARDS)
def test_no_line_is_wider_than_its_screen_nor_in_letters_that_it_lacks(card: Card) -> None:
    for profile in ("even-g2", "even-g1", "vuzix-z100", "brilliant-halo", "brilliant-frame"):
        device = DEVICES[profile]
        found = lines(card, device)
        assert len(found) == device.lines
        if profile == "even-g2":
            assert all(even_g2_px(line) <= device.width_px for line in found)
            assert {glyph for line in found for glyph in line} <= WIDTHS_PX.keys()
        else:
            assert all(cells(line) <= device.chars for line in found)
        if device.charset == "ascii":
            assert all(line.isascii() and line.isprintable() for line in found)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("profile", ["even-g2", "even-g1", "vuzix-z100", "brilliant-halo"])
def test_both_answers_of_every_card_of_the_brand_are_on_its_lines(profile: str, language: str) -> None:
    long = sorted(STRATEGY.families.values(), key=lambda family: -len(getattr(family, f"name_{language}")))[:6]
    for action in STRATEGY.actions.values():
        if action.audience != "customer":
            continue
        for family in [one.key for one in long] if action.about != "none" else [""]:
            shown = a_show(action.id, family)
            card = compose(STRATEGY, shown, language, place="s1")
            found = " ".join(lines(card, DEVICES[profile]))
            assert found.count("[") == bool(card.yes)
            assert found.count("(") >= bool(card.no)


def test_a_mentra_live_has_no_lines_and_is_spoken_to(hosting: Hosting) -> None:
    name = hosting.somebody()
    key = hosting.paired(name, "mentra-live")
    hosting.card(name)

    found = ask(hosting, key, "?host=mentra").json()

    assert "lines" not in found
    assert found["speech"]


@given(st.text(), st.text(max_size=60))
def test_what_is_packed_keeps_to_the_published_limits(brand: str, root: str) -> None:
    told = even("com.example.visavis", brand, root)
    assert len(str(told["name"])) <= 20
    assert 1 <= len(told["permissions"][0]["desc"]) <= 300  # type: ignore[index]
    assert told["permissions"][0]["whitelist"] == [root]  # type: ignore[index]
    assert mentra("com.example.visavis", brand, voice=False)["permissions"] == []
    assert [one["type"] for one in mentra("com.example.visavis", brand, voice=True)["permissions"]] == ["MICROPHONE"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("host", ["even", "mentra"])
def test_an_application_is_packed_for_this_server(hosting: Hosting, host: str) -> None:
    answer = httpx.get(f"{hosting.site.url}/glasses/{host}.zip?package=com.example.visavis", trust_env=False)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}

    html = files["index.html"].decode()
    assert files.keys() == {"index.html", "icon.png", "app.json" if host == "even" else "miniapp.json"}
    assert hosting.site.url in html
    assert "{{" not in html
    told = json.loads(files["app.json" if host == "even" else "miniapp.json"])
    assert PACKAGE.fullmatch(told["package_id" if host == "even" else "packageName"])
    assert answer.headers["content-disposition"] == 'attachment; filename="com.example.visavis-1.0.0.zip"'


@pytest.mark.parametrize(
    "query",
    ["", "package=x", "package=a.b%27;alert(1)", "package=A.b", "package=a.b&language=de", "package=a.b&profile=none"],
)
def test_what_cannot_be_packed_is_told(hosting: Hosting, query: str) -> None:
    assert httpx.get(f"{hosting.site.url}/glasses/even.zip?{query}", trust_env=False).status_code == 422
    assert httpx.get(f"{hosting.site.url}/glasses/none.zip?{query}", trust_env=False).status_code == 422


def test_a_made_up_address_is_not_packed(hosting: Hosting) -> None:
    answer = httpx.get(
        f"{hosting.site.url}/glasses/even.zip?package=a.b", headers={"host": "a';alert(1);'"}, trust_env=False
    )

    assert answer.status_code >= 400


@pytest.mark.parametrize("host", HOSTS)
def test_the_page_of_every_host_is_light(hosting: Hosting, host: str) -> None:
    answer = httpx.get(f"{hosting.site.url}/glasses?host={host}", trust_env=False)

    assert (
        len(gzip.compress(answer.content)) + sum(len(name) + len(value) + 4 for name, value in answer.headers.items())
        <= 5 * 1024
    )


def test_every_host_is_known_by_its_profile() -> None:
    assert {host.profile for host in HOSTS.values()} <= DEVICES.keys()
