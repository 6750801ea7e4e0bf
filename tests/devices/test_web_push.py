"""Web Push: what a push service reads on the wire, what a browser decrypts by the RFC alone, the published example."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from time import time
from typing import Any

import http_ece  # type: ignore[import-untyped]
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey
from msgspec.structs import replace
from pywebpush import WebPusher  # type: ignore[import-untyped]

from support.cards import the_card
from support.devices.far_ends import Browser, PushService, data_of, decrypted, text, until
from support.site import Site, a_site
from visavis.config import Push
from visavis.delivery.addresses import Addresses
from visavis.devices.phone.web_push import WebPush
from visavis.model.card import BODY_LIMIT, TITLE_LIMIT
from visavis.model.decision import Show
from visavis.model.errors import Invalid
from visavis.ports import Message
from visavis.testing import check_channel

CONTACT = "mailto:push@example.org"
PUSH = Push(contact=CONTACT, hosts=("127.0.0.1",))
VECTOR = {
    "plain": b"When I grow up, I want to be a watermelon",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    "salt": "DGv6ra1nlYgDCS1FRnbzlw",
    "ua_private": "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
    "ua_public": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "as_private": "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
    "body": (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXz"
        "tLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    ),
}


def key_of(private: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(data_of(private), "big"), ec.SECP256R1())


@pytest.fixture
def service() -> Iterator[PushService]:
    found = PushService()
    yield found
    found.close()


class Phone:
    """Somebody's phone: its key, its browser, and what it asks of the server."""

    def __init__(self, site: Site, service: PushService, name: str = "camille", *, profile: str = "phone") -> None:
        self.site, self.service, self.name, self.browser = site, service, name, Browser()
        if not site.entries(name):
            site.person(name, "place-moment", "reminders")
        self.key: str = site.call(lambda: site.server.access_keys.issue("device", name, profile=profile))

    def asks(self, method: str, path: str, **body: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.request(method, f"{self.site.url}/phone/{path}", headers=headers, json=body or None, timeout=10)

    def subscribes(self, endpoint: str = "") -> httpx.Response:
        return self.asks(
            "POST", "subscription", **self.browser.subscription(endpoint or f"{self.service.origin}/push/{self.name}")
        )

    def enters(self) -> Show:
        show = self.site.enters(self.name)
        assert show is not None
        assert show.device == "phone"
        return show


def test_the_published_example_is_read_and_written_byte_for_byte() -> None:
    body = data_of(str(VECTOR["body"]))
    theirs = key_of(str(VECTOR["ua_private"]))

    assert decrypted(body, theirs, data_of(str(VECTOR["auth"]))) == VECTOR["plain"]
    written = http_ece.encrypt(
        VECTOR["plain"],
        salt=data_of(str(VECTOR["salt"])),
        private_key=key_of(str(VECTOR["as_private"])),
        dh=data_of(str(VECTOR["ua_public"])),
        auth_secret=data_of(str(VECTOR["auth"])),
        version="aes128gcm",
    )
    assert text(written) == VECTOR["body"]
    ours = WebPusher({"endpoint": "https://x", "keys": {"p256dh": VECTOR["ua_public"], "auth": VECTOR["auth"]}}).encode(
        VECTOR["plain"], "aes128gcm"
    )
    assert ours is not None
    assert decrypted(ours["body"], theirs, data_of(str(VECTOR["auth"]))) == VECTOR["plain"], (
        "what we send is read the same way"
    )


def test_a_card_reaches_the_browser_in_few_bytes_signed_encrypted_and_without_a_word_about_the_person(
    service: PushService,
) -> None:
    with a_site(push=PUSH) as site:
        phone = Phone(site, service)
        assert phone.subscribes().status_code == 201
        show = phone.enters()
        (heard,) = service.waits(1)

        told = phone.browser.reads(heard.body)
        assert (told["id"], told["place"]) == (show.id, "Rue Haute")
        assert told["title"]
        assert told["yes"]
        assert told["no"]
        assert set(told) == {"id", "title", "body", "place", "yes", "no", "lang", "lasts_s"}
        assert "camille" not in json.dumps(told)
        assert 0 < int(heard.headers["ttl"]) <= 600
        assert heard.headers["topic"] == show.id
        assert len(show.id) <= 32
        assert heard.headers["urgency"] == "high"
        assert heard.headers["content-encoding"] == "aes128gcm"
        assert heard.wire_bytes <= 1200, f"{heard.wire_bytes} bytes on the wire"

        said = dict(part.split("=", 1) for part in heard.headers["authorization"].removeprefix("vapid ").split(","))
        assert site.server.external_channels.push is not None
        assert said["k"] == site.server.external_channels.push.public_key
        point = data_of(said["k"])
        public = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": text(point[1:33]), "y": text(point[33:])})
        claims = jwt.decode(said["t"], public, algorithms=["ES256"]).claims
        assert (claims["aud"], claims["sub"]) == (service.origin, CONTACT)
        assert time() < claims["exp"] <= time() + 86_400

        assert phone.asks("POST", "displayed", decision=show.id).status_code == 204
        assert phone.asks("POST", "answer", decision=show.id, answer="yes", ago_s=2.5).json() == {"answer": "yes"}
        service.waits(1)  # answered on the phone itself: nothing is recalled
        kinds = [type(entry.moment).__name__ for entry in site.entries("camille")]
        assert kinds[-2:] == ["Displayed", "Answered"]


def test_the_longest_card_at_the_longest_address_of_todays_services_is_still_small(service: PushService) -> None:
    push = WebPush(PUSH, Addresses(":memory:", b"k" * 32), b"s" * 32)
    push.subscribe(
        "camille", "d1", "phone", Browser().subscription(f"{service.origin}/fcm/send/{'a' * 22}:{'b' * 140}")
    )
    card = replace(
        the_card("fr"),
        decision="0" * 24,
        title="é" * TITLE_LIMIT,
        body="à" * BODY_LIMIT,
        yes="Dans mon panier",
        no="Une autre fois",
    )
    asyncio.run(push.deliver(Message("camille", "phone", card, "Rue de la République, devant", time() + 600, 600.0)))
    assert service.waits(1)[0].wire_bytes <= 1200


def test_an_answer_on_another_screen_recalls_it_and_the_waiting_message_is_replaced(service: PushService) -> None:
    with a_site(push=PUSH) as site:
        phone = Phone(site, service)
        phone.subscribes()
        show = phone.enters()
        service.waits(1)
        site.answers("camille", show.id)
        heard = service.waits(2)[1]
        assert phone.browser.reads(heard.body) == {"recall": show.id}
        assert heard.headers["topic"] == show.id


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_is_gone_is_deleted(service: PushService, status: int) -> None:
    with a_site(push=PUSH) as site:
        phone = Phone(site, service)
        phone.subscribes()
        service.answers = [(status, {})]
        phone.enters()
        service.waits(1)
        until(lambda: not site.call(lambda: site.server.external_channels.addresses.has("camille", "web_push")))


def test_a_busy_service_is_asked_again_when_it_said_and_a_cut_line_never(service: PushService) -> None:
    with a_site(push=PUSH) as site:
        phone = Phone(site, service)
        phone.subscribes()
        service.answers = [(429, {"retry-after": "30"}), "cut"]
        show = phone.enters()
        service.waits(1)
        until(lambda: site.call(lambda: site.server.dispatcher.parcels[show.id].reason) != "")
        site.passes(10.0)
        site.call(site.server.dispatcher.nudge)
        service.waits(1)
        site.passes(25.0)
        site.call(site.server.dispatcher.nudge)
        service.waits(2)
        for _ in range(3):
            site.passes(60.0)
            site.call(site.server.dispatcher.nudge)
        service.waits(2)


def test_a_restart_sends_nothing_twice_and_keeps_the_subscription_sealed(service: PushService, tmp_path: Path) -> None:
    with a_site(tmp_path, push=PUSH) as site:
        phone = Phone(site, service)
        phone.subscribes()
        key = site.server.external_channels.push.public_key if site.server.external_channels.push is not None else ""
        phone.enters()
        service.waits(1)
        site.stop()
        site.start()
        assert site.server.external_channels.push is not None
        assert site.server.external_channels.push.public_key == key, "browsers know the server by its key"
        service.waits(1)
        assert service.origin.encode() not in b"".join(
            path.read_bytes() for path in (tmp_path / "data").glob("addresses*")
        )


def test_who_revokes_a_phone_or_presses_off_is_sent_nothing_more(service: PushService) -> None:
    with a_site(push=PUSH) as site:
        lost, quiet = Phone(site, service, "ana"), Phone(site, service, "bo")
        lost.subscribes()
        quiet.subscribes()
        site.call(lambda: site.server.access_keys.revoke(site.server.access_keys.check(lost.key).id))
        assert quiet.asks("DELETE", "subscription").status_code == 204
        lost.enters()
        assert site.enters("bo") is None, "the phone was the only device, and is not one any more"
        site.passes(5.0)
        service.waits(0)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.example/push",
        "http://169.254.169.254/latest",
        "https://127.0.0.1.evil.example/",
        "ftp://127.0.0.1/x",
        "https://u:p@127.0.0.1/x",
        "file:///etc/passwd",
        "https://127.0.0.1:999999/",
        "//127.0.0.1/x",
        "http://[::ffff:169.254.169.254]/",
        "https://fcm.googleapis.com@evil.example/",
        "",
    ],
)
def test_a_hostile_address_is_refused(endpoint: str) -> None:
    push = WebPush(
        Push(contact=CONTACT, hosts=("127.0.0.1", "*.push.apple.com")), Addresses(":memory:", b"k" * 32), b"s" * 32
    )

    with pytest.raises(Invalid) as caught:
        push.subscribe("camille", "d1", "phone", Browser().subscription(endpoint))
    assert endpoint == "" or endpoint not in str(caught.value)
    assert not push.reaches("camille", "phone")


@pytest.mark.parametrize(
    "keys",
    [
        {"p256dh": "", "auth": ""},
        {"p256dh": "BA" + "A" * 85, "auth": "c2l4dGVlbiBieXRlcyBvaw"},
        {"p256dh": 7, "auth": "x"},
        {"auth": "c2l4dGVlbiBieXRlcyBvaw"},
        {"p256dh": VECTOR["ua_public"], "auth": "c2hvcnQ"},
        {"p256dh": "é" * 87, "auth": "c2l4dGVlbiBieXRlcyBvaw"},
        None,
    ],
)
def test_keys_that_no_browser_makes_are_refused(keys: Any) -> None:
    push = WebPush(Push(contact=CONTACT), Addresses(":memory:", b"k" * 32), b"s" * 32)

    with pytest.raises(Invalid):
        push.subscribe("camille", "d1", "phone", {"endpoint": "https://fcm.googleapis.com/x", "keys": keys})


def test_the_hosts_of_todays_browsers_are_known_and_only_names_below_a_star() -> None:
    push = WebPush(Push(contact=CONTACT), Addresses(":memory:", b"k" * 32), b"s" * 32)

    for number, host in enumerate(
        (
            "fcm.googleapis.com",
            "updates.push.services.mozilla.com",
            "web.push.apple.com",
            "wns2-par02p.notify.windows.com",
        )
    ):
        push.subscribe("camille", f"d{number}", "phone", Browser().subscription(f"https://{host}/x"))
    with pytest.raises(Invalid):
        push.subscribe("camille", "d9", "phone", Browser().subscription("https://evilnotify.windows.com/x"))


def test_without_an_account_the_page_is_served_and_says_so() -> None:
    with a_site() as site:
        phone = Phone(site, None)  # type: ignore[arg-type]
        told = phone.asks("POST", "subscription", **phone.browser.subscription("https://fcm.googleapis.com/x"))
        assert (told.status_code, "contact" in told.json()["advice"]) == (503, True)
        assert httpx.get(f"{site.url}/phone").status_code == 200
    with pytest.raises(Invalid, match="contact"):
        WebPush(Push(contact="nobody"), Addresses(":memory:", b"k" * 32), b"s" * 32)


def test_web_push_keeps_the_contract_of_a_channel(service: PushService) -> None:
    push = WebPush(PUSH, Addresses(":memory:", b"k" * 32), b"s" * 32)
    browser = Browser()
    push.subscribe("camille", "d1", "phone", browser.subscription(f"{service.origin}/push/1"))

    async def shown() -> list[str]:
        on: list[str] = []
        for heard in service.heard:
            told = browser.reads(heard.body)
            on = [told["id"]] if "id" in told else [one for one in on if one != told["recall"]]
        return on

    message = Message("camille", "phone", the_card("fr"), "Rue Haute", time() + 600, 600.0)
    assert asyncio.run(check_channel(push, message, shown)).handed == "taken"
