"""The Mirror API refuses other persons' keys, hostile addresses and too many bytes; one card costs few bytes."""

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from support.devices.mirror_site import PNG, Listener, Mirrored, a_mirror
from support.people import NOON, STRATEGY
from visavis.delivery.screens import OnScreen
from visavis.devices.mirror.callbacks import origin
from visavis.devices.mirror.cards import item
from visavis.devices.mirror.uploads import BODY_LIMIT, FIELDS_LIMIT, MEDIA_LIMIT, SESSIONS_LIMIT
from visavis.model.errors import Invalid
from visavis.model.moment import Entered, Spot, Worn

API = "/mirror/v1"
LONGEST = max(STRATEGY.places.values(), key=lambda place: len(place.name))
HOSTILE = [
    "http://example.org/x",
    "https://evil.example/x",
    "https://127.0.0.1/x",
    "http://127.0.0.1:22/x",
    "http://user:pass@{host}/x",
    "http://{host}@evil.example/x",
    "http://{host}.evil.example/x",
    "https://{host}/x",
    "file:///etc/passwd",
    "gopher://{host}/x",
    "//{host}/x",
    "",
    "x",
    "http://[::1]/x",
    "http://169.254.169.254/",
    "http://localhost:{port}/x",
    "http://0.0.0.0:{port}/",
    "http://{host}\\@evil.example/",
    "http://evil.example#@{host}/",
    "javascript:alert(1)",
    "http://127.0.0.1:99999999/",
]


class Who:
    """One person with a Glass, seen as bare HTTP."""

    def __init__(self, mirror: Mirrored) -> None:
        self.mirror = mirror
        self.name, self.token = mirror.somebody()
        self.http = httpx.Client(
            base_url=mirror.site.url, headers={"authorization": f"Bearer {self.token}"}, timeout=20
        )

    def insert(self, **fields: Any) -> dict[str, Any]:
        answer = self.http.post(f"{API}/timeline", json=fields)
        assert answer.status_code == 201
        return dict(answer.json())

    def photo(self) -> dict[str, Any]:
        answer = self.http.post(
            f"/upload{API}/timeline?uploadType=media", content=PNG, headers={"content-type": "image/png"}
        )
        assert answer.status_code == 201
        return dict(answer.json())


@pytest.fixture(scope="module")
def mirror() -> Iterator[Mirrored]:
    with a_mirror() as found:
        yield found


@pytest.fixture
def who(mirror: Mirrored) -> Iterator[Who]:
    found = Who(mirror)
    yield found
    found.http.close()


def test_nothing_opens_without_a_key_of_a_device(mirror: Mirrored) -> None:
    other = {
        role: mirror.site.key(role, subject)
        for role, subject in (("brand", ""), ("till", "s1"), ("adviser", "s1"), ("sensor", "camille"))
    }
    cookie = {"cookie": f"visavis-glass={mirror.site.key('device', 'x')}"}
    bare = httpx.Client(base_url=mirror.site.url)
    for path in (
        "/timeline",
        "/contacts",
        "/subscriptions",
        "/locations",
        "/settings/locale",
        "/timeline/x",
        "/timeline/x/attachments",
    ):
        for token, status in (("", 401), ("wrong", 401), *[(one, 403) for one in other.values()]):
            answer = bare.get(API + path, headers={"authorization": f"Bearer {token}".strip()})
            assert answer.status_code == status, path
            assert answer.json()["error"]["code"] == status
        assert bare.get(API + path, headers=cookie).status_code == 401, "the page's cookie is for the page"
    bare.close()


def test_a_key_that_was_revoked_opens_nothing_more(mirror: Mirrored, who: Who) -> None:
    access = mirror.site.server.access_keys
    assert who.http.get(f"{API}/timeline").status_code == 200

    mirror.site.call(lambda: access.revoke(access.check(who.token).id))

    assert who.http.get(f"{API}/timeline").status_code == 401


def test_another_persons_key_reaches_nothing_of_mine(mirror: Mirrored, who: Who) -> None:
    item, card = who.photo(), mirror.site.enters(who.name)
    assert card is not None
    who.http.post(f"{API}/contacts", json={"id": "c", "displayName": "C", "imageUrls": ["https://example.org/c.png"]})
    made = who.http.post(
        f"{API}/subscriptions", json={"collection": "timeline", "callbackUrl": mirror.listener.url}
    ).json()
    started = who.http.post(
        f"/upload{API}/timeline?uploadType=resumable", json={}, headers={"x-upload-content-type": "image/png"}
    )
    place = urlsplit(started.headers["location"])
    attachment = f"{API}/timeline/{item['id']}/attachments/{item['attachments'][0]['id']}"
    thief = Who(mirror)

    mine, subscription = f"{API}/timeline/{item['id']}", f"{API}/subscriptions/{made['id']}"
    deeds = [
        {"itemId": item["id"], "userActions": [{"type": "DELETE"}]},
        {"itemId": card.id, "userActions": [{"type": "CUSTOM", "payload": "yes"}]},
    ]
    asked = {"collection": "timeline", "callbackUrl": mirror.listener.url}
    tried = [
        *[thief.http.request(verb, mine, json={}) for verb in ("GET", "PUT", "PATCH", "DELETE")],
        *[thief.http.request(verb, f"{API}/timeline/{card.id}") for verb in ("GET", "DELETE")],
        *[thief.http.request(verb, attachment) for verb in ("GET", "DELETE")],
        thief.http.get(attachment + "?alt=media"),
        thief.http.get(f"{API}/contacts/c"),
        thief.http.put(subscription, json=asked),
        thief.http.delete(subscription),
        thief.http.put(f"{place.path}?{place.query}", content=PNG),
        thief.http.get(f"/glass/face?item={item['id']}"),
        *[thief.http.post("/glass/act", json=deed) for deed in deeds],
    ]
    lists = [
        thief.http.get(f"{API}/{name}").json()["items"]
        for name in ("timeline?includeDeleted=true", "contacts", "subscriptions", "locations")
    ]
    thief.http.close()

    assert {answer.status_code for answer in tried} <= {404, 422}, [answer.status_code for answer in tried]
    assert lists == [[], [], [], []]
    assert len(who.http.get(f"{API}/timeline").json()["items"]) == 2
    assert who.http.get(attachment + "?alt=media").content == PNG


def test_the_timeline_holds_the_cards_decided_for_that_screen_and_no_others(mirror: Mirrored, who: Who) -> None:
    site = mirror.site
    site.process(Worn(id="on", customer=who.name, occurred_at=site.clock.now(), device="g1", profile="google-glass-xe"))
    paired = site.call(lambda: site.server.access_keys.issue("device", who.name, profile="google-glass-xe"))
    card = site.enters(who.name)
    assert card is not None

    on_glass = who.http.get(f"{API}/timeline", headers={"authorization": f"Bearer {paired}"}).json()["items"]
    elsewhere = who.http.get(f"{API}/timeline").json()["items"]

    assert card.device == "google-glass-xe"
    assert [one["id"] for one in on_glass] == [card.id]
    assert elsewhere == []


def test_a_callback_goes_to_an_allowed_origin_or_nowhere(mirror: Mirrored, who: Who) -> None:
    parts = urlsplit(mirror.listener.url)
    for address in HOSTILE:
        url = address.replace("{host}", parts.netloc).replace("{port}", str(parts.port))
        for body in (
            {"collection": "timeline", "callbackUrl": url},
            {"collection": "locations", "callbackUrl": url, "verifyToken": "s"},
        ):
            assert who.http.post(f"{API}/subscriptions", json=body).status_code == 400, url
    assert who.http.get(f"{API}/subscriptions").json()["items"] == []
    made = who.http.post(
        f"{API}/subscriptions", json={"collection": "timeline", "callbackUrl": mirror.listener.url}
    ).json()
    assert (
        who.http.put(
            f"{API}/subscriptions/{made['id']}", json={"collection": "timeline", "callbackUrl": "https://evil.example/"}
        ).status_code
        == 400
    )


@given(
    st.text(max_size=40)
    | st.builds("{}://{}".format, st.sampled_from(["http", "https", "ftp", "HTTPS"]), st.text(max_size=30))
)
def test_an_address_is_an_origin_that_may_be_called_or_is_refused_in_words(address: str) -> None:
    try:
        found = origin(address)
    except Invalid as error:
        assert error.advice
    else:
        assert found.startswith("https://") or urlsplit(found).hostname in ("127.0.0.1", "localhost", "::1")


def test_a_redirect_of_a_callback_is_not_followed(mirror: Mirrored, who: Who) -> None:
    elsewhere = Listener()
    mirror.listener.status, mirror.listener.elsewhere = 307, elsewhere.url + "/stolen"
    item = who.insert(text="a", menuItems=[{"action": "DELETE"}])
    who.http.post(f"{API}/subscriptions", json={"collection": "timeline", "callbackUrl": mirror.listener.url + "/mine"})
    mirror.listener.heard.clear()

    who.http.post("/glass/act", json={"itemId": item["id"], "userActions": [{"type": "DELETE"}]})
    told = mirror.listener.wait()
    mirror.listener.status, mirror.listener.elsewhere = 200, ""
    elsewhere.close()

    assert [one["operation"] for one in told] == ["DELETE"]
    assert elsewhere.heard == []


def test_a_callback_that_fails_is_tried_again(mirror: Mirrored, who: Who) -> None:
    item = who.insert(text="a")
    who.http.post(f"{API}/subscriptions", json={"collection": "timeline", "callbackUrl": mirror.listener.url})
    mirror.listener.status = 500
    mirror.listener.heard.clear()

    who.http.post("/glass/act", json={"itemId": item["id"], "userActions": [{"type": "LAUNCH"}]})
    mirror.listener.wait(1)
    mirror.listener.status = 200
    told = mirror.listener.wait(2)

    assert len(told) == 2
    assert told[0] == told[1]


def test_hostile_html_never_comes_back(who: Who) -> None:
    item = who.insert(
        html=(
            "<article onload=x><script>1</script><img src=//evil/x><iframe src=x>y</iframe><p"
            " style='background:url(//evil)'>ok</p></article>"
        )
    )

    face = who.http.get(f"/glass/face?item={item['id']}")

    assert item["html"] == "<article><img><p>ok</p></article>"
    assert "evil" not in face.text
    assert face.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_a_picture_is_shown_as_data_and_never_as_a_page(who: Who) -> None:
    body = (
        b'--b\r\nContent-Type: application/json\r\n\r\n{"html": "<img src=\\"attachment:0\\"><img'
        b' src=\\"attachment:7\\"><img src=\\"cid:../../x\\">"}\r\n'
    )
    body += b"--b\r\nContent-Type: image/svg+xml\r\n\r\n<svg onload='x'/>\r\n--b--"
    item = who.http.post(
        f"/upload{API}/timeline?uploadType=multipart",
        content=body,
        headers={"content-type": "multipart/related; boundary=b"},
    ).json()

    face = who.http.get(f"/glass/face?item={item['id']}").text
    media = who.http.get(f"{API}/timeline/{item['id']}/attachments/{item['attachments'][0]['id']}?alt=media")

    assert face.count("data:image/svg+xml;base64,") == 1
    assert "onload" not in face
    assert (media.headers["content-security-policy"], media.headers["x-content-type-options"]) == ("sandbox", "nosniff")
    assert media.headers["content-disposition"] == "attachment"


def test_more_bytes_than_are_taken_are_refused_and_leave_nothing(who: Who) -> None:
    def flood(size: int) -> Iterator[bytes]:
        for _ in range(size // 65_536 + 1):
            yield b"0" * 65_536

    image, related = {"content-type": "image/png"}, {"content-type": "multipart/related; boundary=b"}
    resumable = f"/upload{API}/timeline?uploadType=resumable"
    tried = [
        who.http.post(f"{API}/timeline", content=flood(FIELDS_LIMIT), headers={"content-type": "application/json"}),
        who.http.post(f"/upload{API}/timeline?uploadType=media", content=flood(MEDIA_LIMIT), headers=image),
        who.http.post(f"/upload{API}/timeline?uploadType=multipart", content=flood(BODY_LIMIT), headers=related),
        who.http.post(
            resumable,
            json={},
            headers={"x-upload-content-type": "image/png", "x-upload-content-length": str(MEDIA_LIMIT + 1)},
        ),
    ]
    place = who.http.post(resumable, json={}, headers={"x-upload-content-type": "image/png"}).headers["location"]
    tried.append(who.http.put(place, content=flood(MEDIA_LIMIT)))

    assert [answer.status_code for answer in tried] == [413] * 5
    assert {answer.json()["error"]["errors"][0]["reason"] for answer in tried} == {"uploadTooLarge"}
    assert who.http.get(f"{API}/timeline").json()["items"] == []


def test_uploads_that_are_never_finished_are_few(who: Who) -> None:
    head = {"x-upload-content-type": "image/png"}
    started = [
        who.http.post(f"/upload{API}/timeline?uploadType=resumable", json={}, headers=head).status_code
        for _ in range(SESSIONS_LIMIT + 1)
    ]

    assert started == [200] * SESSIONS_LIMIT + [403]


def test_a_piece_that_does_not_follow_is_not_taken_and_the_last_one_may_come_twice(who: Who) -> None:
    place = who.http.post(
        f"/upload{API}/timeline?uploadType=resumable",
        json={"text": "a"},
        headers={"x-upload-content-type": "image/png"},
    ).headers["location"]

    def piece(told: str, data: bytes = b"") -> tuple[int, str]:
        answer = who.http.put(place, content=data, headers={"content-range": told})
        return answer.status_code, answer.headers.get("range", "")

    assert piece("bytes 5-9/10", b"56789") == (308, "")
    assert piece("bytes 0-4/*", b"01234") == (308, "bytes=0-4")
    assert piece("bytes 0-4/10", b"01234") == (308, "bytes=0-4")
    assert piece("bytes */10") == (308, "bytes=0-4")
    assert piece("bytes 5-9/10", b"567") == (308, "bytes=0-4")
    assert piece("bites 5-9/10", b"56789") == (400, "")
    first = who.http.put(place, content=b"56789", headers={"content-range": "bytes 5-9/10"})
    again = who.http.put(place, content=b"56789", headers={"content-range": "bytes 5-9/10"})

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    [item] = who.http.get(f"{API}/timeline").json()["items"]
    assert who.http.get(urlsplit(item["attachments"][0]["contentUrl"]).path + "?alt=media").content == b"0123456789"


@pytest.mark.parametrize(
    ("verb", "path", "content", "status"),
    [
        *[
            ("POST", "/timeline", body, 400)
            for body in (
                b"[1]",
                b"{",
                b'{"text": 1}',
                b"[" * 9999,
                b'{"menuItems": [{"action": "CUSTOM"}]}',
                b'{"menuItems": [{"action": "ZAP"}]}',
                b'{"displayTime": "tomorrow"}',
                b'{"text": "\xff"}',
            )
        ],
        *[
            ("GET", f"/timeline?{query}", b"", 400)
            for query in ("pageToken=zz", "maxResults=-1", "orderBy=x", "fields=((")
        ],
        *[
            ("POST", "/locations", body, 400)
            for body in (
                b'{"latitude": 1}',
                b'{"latitude": 91, "longitude": 0}',
                b'{"latitude": 1, "longitude": 0, "timestamp": "2999-01-01T00:00:00Z"}',
            )
        ],
        ("GET", "/timeline/%00", b"", 404),
        ("POST", "/subscriptions", b"{}", 400),
        ("PUT", "/contacts/none", b"{}", 404),
    ],
)
def test_what_is_wrong_is_told_in_googles_form_without_repeating_it(
    who: Who, verb: str, path: str, content: bytes, status: int
) -> None:
    answer = who.http.request(verb, API + path, content=content)

    assert answer.status_code == status
    assert answer.json()["error"]["errors"][0]["domain"] == "global"
    assert "tomorrow" not in answer.text
    assert "ZAP" not in answer.text


def test_who_has_it_already_is_sent_nothing(who: Who) -> None:
    who.insert(text="a")
    first = who.http.get(f"{API}/timeline")

    again = who.http.get(f"{API}/timeline", headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


def test_one_card_is_at_most_1500_bytes_on_the_wire_whatever_it_says(mirror: Mirrored, who: Who) -> None:
    card = mirror.site.enters(who.name)
    assert card is not None
    host = urlsplit(mirror.site.url)

    with socket.create_connection((host.hostname or "", host.port or 0)) as line:
        line.sendall(
            f"GET {API}/timeline HTTP/1.1\r\nhost: glass\r\nauthorization: Bearer {who.token}\r\nconnection:"
            " close\r\n\r\n".encode()
        )
        head, _, body = b"".join(iter(lambda: line.recv(65_536), b"")).partition(b"\r\n\r\n")
    frame = (
        len(head)
        + 4
        + len(msgspec.json.encode({"kind": "mirror#timeline", "items": []}))
        + len("https://glasses.example.com")
        - len("http://glass")
    )

    assert card.id.encode() in body
    [shown] = msgspec.json.decode(body)["items"]
    links = len(msgspec.json.encode({"displayTime": shown["displayTime"], "selfLink": shown["selfLink"]}))
    entry = replace(
        mirror.site.entries(who.name)[-1],
        moment=Entered(
            id="d", customer=who.name, occurred_at=NOON, at=Spot(LONGEST.id, "shop", 1, 1.0), place=LONGEST.id
        ),
    )
    figures = {"today": 1.25, "goal": 1.5, "left": 0.5}
    for key, action in STRATEGY.actions.items():
        if action.audience != "customer":
            continue
        for family in STRATEGY.families if action.about != "none" else [""]:
            for language in STRATEGY.brand.languages:
                told = item(
                    STRATEGY, OnScreen(replace(card, action=key, family=family, figures=figures), entry), language
                )
                assert frame + links + len(msgspec.json.encode(told)) <= 1_500, (key, family, language)


def test_a_reply_is_a_new_item_that_names_the_first(mirror: Mirrored, who: Who) -> None:
    item = who.insert(text="a", creator={"id": "x", "displayName": "X"}, menuItems=[{"action": "REPLY"}])
    mirror.listener.heard.clear()
    who.http.post(
        f"{API}/subscriptions",
        json={"collection": "timeline", "callbackUrl": mirror.listener.url, "operation": ["INSERT"]},
    )

    who.http.post("/glass/act", json={"itemId": item["id"], "userActions": [{"type": "REPLY"}], "text": "du lait"})
    [told] = mirror.listener.wait()
    reply = who.http.get(f"{API}/timeline/{told['itemId']}").json()

    assert (reply["text"], reply["inReplyTo"], told["operation"]) == ("du lait", item["id"], "INSERT")
