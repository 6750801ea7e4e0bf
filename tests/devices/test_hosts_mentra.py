"""A Mentra miniapp against a host of ours that speaks the documented protocol (the vendor's is not available)."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from support.devices.hosting import Hosting, a_hosting, soon
from visavis.devices.hosts.page import carried

# What a phone's WebView gives a miniapp: a way out (texts), events in, the connection acknowledged a little later,
# every request answered.
HOST = """
window.told = []; window.mute = false;
const answers = {miniapp_speak: {audioUrl: null, durationMs: 0}, miniapp_storage_get: {value: null}};
window.push = message => window.dispatchEvent(new MessageEvent('message',
  {data: typeof message === 'string' ? message : JSON.stringify(message)}));
window.ReactNativeWebView = {postMessage(text) {
  const {payload, requestId} = JSON.parse(text); told.push({payload, requestId});
  if (window.mute) return;
  if (payload.type === 'miniapp_connect') setTimeout(() => push({payload: {type: 'miniapp_connect_ack',
    userId: 'u', packageName: payload.packageName, capabilities: null, visibility: 'foreground', colorScheme: 'dark',
    permissions: {}, auth: {}, configuration: {}}}), 150);
  else if (requestId) setTimeout(() => push({payload: {type: 'miniapp_request_result',
    ok: true, data: answers[payload.type] ?? null}, requestId}), 5);
}};
"""
Miniapp = Callable[..., tuple[Page, str]]


@pytest.fixture(scope="module")
def hosting() -> Iterator[Hosting]:
    with a_hosting() as found:
        yield found


@pytest.fixture
def miniapp(browser: Browser, hosting: Hosting) -> Iterator[Miniapp]:
    """The packed page in the host, paired for somebody with this profile."""
    pages: list[Page] = []
    errors: list[str] = []

    def open_one(profile: str, *, voice: bool = False) -> tuple[Page, str]:
        name = hosting.somebody()
        hosting.elsewhere.html = carried(
            "mentra", "fr", root=hosting.site.url, profile=profile, package="com.example.visavis", voice=voice
        )
        page = browser.new_context().new_page()
        pages.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.add_init_script(HOST)
        page.goto(f"{hosting.elsewhere.url}/index.html#key={hosting.paired(name, profile)}")
        page.wait_for_function("told.some(o => o.payload.type === 'miniapp_subscribe')")
        return page, name

    yield open_one
    for page in pages:
        page.context.close()
    assert errors == []


def sent(page: Page, kind: str) -> list[dict[str, Any]]:
    return [one["payload"] for one in page.evaluate("told") if one["payload"]["type"] == kind]


def waited(page: Page, what: Callable[[], Any]) -> Any:
    return soon(what, pause=lambda seconds: page.wait_for_timeout(seconds * 1e3))


def event(page: Page, stream: str, **data: object) -> None:
    page.evaluate(
        "message => push(message)", {"payload": {"type": "miniapp_event", "streamType": stream, "data": data}}
    )


def test_it_connects_first_and_hears_nothing_that_was_not_asked_for(miniapp: Miniapp) -> None:
    page, _ = miniapp("vuzix-z100")

    first = page.evaluate("told[0]")
    assert first["payload"] == {"type": "miniapp_connect", "packageName": "com.example.visavis"}
    assert isinstance(first["requestId"], str)
    [asked] = sent(page, "miniapp_subscribe")
    assert asked["subscriptions"] == ["button_press", "touch_event"]


@pytest.mark.parametrize(("profile", "columns", "rows"), [("vuzix-z100", 40, 7), ("even-g1", 48, 5)])
def test_a_card_is_a_wall_of_exact_lines_and_goes_when_it_is_recalled(
    hosting: Hosting, miniapp: Miniapp, profile: str, columns: int, rows: int
) -> None:
    page, name = miniapp(profile)
    shown = hosting.card(name)

    wall = waited(page, lambda: sent(page, "miniapp_display"))[-1]
    lines = wall["layout"]["text"].split("\n")
    assert (wall["view"], wall["layout"]["layoutType"]) == ("main", "text_wall")
    assert len(lines) == rows
    assert max(len(line) for line in lines) <= columns
    assert profile != "even-g1" or wall["layout"]["text"].isascii()
    assert 0 < wall["durationMs"] <= 600_000
    waited(page, lambda: hosting.displayed(name) == [shown.id])

    hosting.site.withdraws(name, shown.purpose)
    waited(page, lambda: sent(page, "miniapp_display")[-1]["layout"] == {"layoutType": "clear_view"})


@pytest.mark.parametrize(
    ("stream", "data", "answer"),
    [
        ("button_press", {"buttonId": "b", "pressType": "short"}, "yes"),
        ("button_press", {"buttonId": "b", "pressType": "long"}, "no"),
        ("touch_event", {"kind": "click"}, "yes"),
        ("touch_event", {"kind": "scroll_bottom"}, "no"),
        ("transcription:fr-FR", {"text": "Oui.", "isFinal": True, "language": "fr-FR"}, "yes"),
        ("transcription:fr-FR", {"text": "Non merci !", "isFinal": True, "language": "fr-FR"}, "no"),
        ("transcription", {"text": "the answer on the card", "isFinal": True}, "yes"),
    ],
)
def test_a_button_a_touch_or_a_word_answers(
    hosting: Hosting, miniapp: Miniapp, stream: str, data: dict[str, object], answer: str
) -> None:
    page, name = miniapp("vuzix-z100", voice=True)
    assert "transcription:auto" in sent(page, "miniapp_subscribe")[0]["subscriptions"]
    hosting.card(name)
    waited(page, lambda: sent(page, "miniapp_display"))

    for other in ({"kind": "double_click"}, {"kind": "scroll_top"}):
        event(page, "touch_event", **other)
    event(page, "transcription:fr-FR", text="oui", isFinal=False, language="fr-FR")
    for words in ("non mais oui", "", "ouistiti", "Noël", "?", "est-ce que oui"):
        event(page, "transcription:fr-FR", text=words, isFinal=True, language="fr-FR")
    event(page, "accel_data", x=1)
    page.wait_for_timeout(50)
    assert hosting.answers(name) == []
    spoken: object = (
        str(page.text_content("#yes")).upper() if data.get("text") == "the answer on the card" else data.get("text")
    )
    event(page, stream, **data | {"text": spoken})

    waited(page, lambda: hosting.answers(name) == [answer])


def test_glasses_without_a_display_are_spoken_to(hosting: Hosting, miniapp: Miniapp) -> None:
    page, name = miniapp("mentra-live")
    shown = hosting.card(name)

    [spoken] = waited(page, lambda: sent(page, "miniapp_speak"))
    assert 0 < len(spoken["text"].split()) <= 25
    waited(page, lambda: hosting.displayed(name) == [shown.id])
    event(page, "button_press", pressType="long")
    waited(page, lambda: hosting.answers(name) == ["no"])


def test_what_the_glasses_did_not_take_was_not_displayed(hosting: Hosting, miniapp: Miniapp) -> None:
    page, name = miniapp("vuzix-z100")
    page.evaluate("window.mute = true")
    hosting.card(name)
    [asked] = waited(
        page, lambda: [one for one in page.evaluate("told") if one["payload"]["type"] == "miniapp_display"]
    )

    refusal = {
        "type": "miniapp_request_result",
        "ok": False,
        "error": {"code": "NOT_CONNECTED", "message": "no glasses"},
    }
    page.evaluate("message => push(message)", {"payload": refusal, "requestId": asked["requestId"]})
    page.wait_for_timeout(300)

    assert hosting.displayed(name) == []


def test_a_ping_is_answered_and_what_is_no_message_is_ignored(miniapp: Miniapp) -> None:
    page, _ = miniapp("vuzix-z100")
    before = len(page.evaluate("told"))

    for hostile in [
        "",
        "{",
        "[]",
        "null",
        "1",
        '"x"',
        '{"payload": 1}',
        '{"payload": []}',
        '{"payload": {"type": "miniapp_ping"}, "requestId": 7}',
        '{"payload": {"type": "unknown"}}',
        '{"payload": {"type": "miniapp_request_result"}, "requestId": "none"}',
        '{"payload": {"type": "miniapp_event"}}',
        '{"payload": {"type": "miniapp_event", "streamType": "constructor"}}',
    ]:
        page.evaluate("text => push(text)", hostile)
    page.evaluate("window.dispatchEvent(new MessageEvent('message', {data: {payload: {type: 'miniapp_ping'}}}))")
    assert len(page.evaluate("told")) == before
    page.evaluate("push({payload: {type: 'miniapp_ping', more: 1}, requestId: 'p1'})")

    assert page.evaluate("told.at(-1)") == json.loads('{"payload": {"type": "miniapp_pong"}, "requestId": "p1"}')
