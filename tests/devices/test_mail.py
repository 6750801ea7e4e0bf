"""Letters through a real local mail server: content, recipients, one-click stop, and nothing sent twice."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from hypothesis import given
from hypothesis import strategies as st

from support.cards import the_card
from support.devices.authority import Authority
from support.people import NOON, grocery
from support.site import Site, a_site
from visavis.config import Mail
from visavis.delivery.addresses import Addresses
from visavis.devices.mail.address import checked
from visavis.devices.mail.letters import Letters
from visavis.model.decision import Show
from visavis.model.errors import Invalid
from visavis.model.moment import Answered, Consented, Noticed, Restricted, Withdrew
from visavis.ports import Message
from visavis.strategy.read import read
from visavis.testing import check_channel

PURPOSE = """
[by-mail]
basis = "consent"
iri = "dpv:DirectMarketing"
dpia_id = "DPIA-mail-1"
categories = ["orders"]
[by-mail.benefit]
fr = "Vos cartes par courriel."
en = "Your cards by e-mail."
[by-mail.notice]
version = "by-mail-1"
[by-mail.notice.text]
fr = "Nous vous écrivons quand aucun de vos écrans n'est là."
en = "We write to you when none of your screens is there."
"""

URL = "https://visavis.example"


def strategy() -> dict[str, bytes]:
    files = grocery()
    return files | {"purposes.toml": files["purposes.toml"] + PURPOSE.encode()}


class Post:
    """The mail server's own half: it keeps letters, and answers what the test says."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.to: list[str] = []
        self.rcpt: list[str] = []
        self.data: list[str] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        envelope.rcpt_tos.append(address)
        return self.rcpt.pop(0) if self.rcpt else "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.raw.append(envelope.content)
        found = message_from_bytes(envelope.content, policy=policy.SMTP)
        assert isinstance(found, EmailMessage)
        self.letters.append(found)
        self.to += envelope.rcpt_tos
        answer = self.data.pop(0) if self.data else "250 OK"
        if answer == "cut":
            server.transport.abort()
        return answer


@pytest.fixture
def post() -> Iterator[Post]:
    found = Post()
    controller = Controller(found, hostname="127.0.0.1", port=_free())
    controller.start()
    found.port = controller.port  # type: ignore[attr-defined]
    yield found
    controller.stop()


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def settings(post: Any, **changed: Any) -> Mail:
    given = {
        "host": "127.0.0.1",
        "port": post.port,
        "security": "none",
        "sender": "cartes@example.org",
        "purpose": "by-mail",
        "least_s": 60.0,
        "url": URL,
    }
    return Mail(**given | changed)


@pytest.fixture
def site(post: Post) -> Iterator[Site]:
    with a_site(files=strategy(), mail=settings(post)) as found:
        yield found


def opens(site: Site, name: str) -> None:
    at = site.clock.now()
    site.process(
        Noticed(
            id=site.id("notice"), customer=name, occurred_at=at, purpose="by-mail", notice="by-mail-1", language="fr"
        ),
        Consented(id=site.id("yes"), customer=name, occurred_at=at, purpose="by-mail", notice="by-mail-1"),
    )


def brand(site: Site, method: str, path: str, **body: Any) -> httpx.Response:
    return httpx.request(
        method, f"{site.url}{path}", headers={"authorization": f"Bearer {site.key('brand')}"}, json=body or None
    )


def written_to(site: Site, post: Post, name: str = "camille") -> tuple[Show, EmailMessage]:
    """Somebody who opened the purpose, whose address the brand told; and the letter of the card at the door."""
    site.person(name, "place-moment", "reminders")
    opens(site, name)
    assert brand(site, "PUT", f"/v1/people/{name}/mail", address=f"{name}@example.net").status_code == 204
    show = site.enters(name)
    assert show is not None
    settled(site)
    return show, post.letters[-1]


def settled(site: Site) -> None:
    """Wait until nothing is on its way."""
    from support.devices.far_ends import until

    until(lambda: not site.call(lambda: bool(site.server.dispatcher.under_way) or site.server.dispatcher.waiting))


def link(letter: EmailMessage, what: str) -> str:
    plain = letter.get_body(("plain",))
    assert plain is not None
    (found,) = [word for word in plain.get_content().split() if f"/mail/{what}/" in word]
    return str(found)


def test_a_letter_holds_the_few_words_of_the_card_twice_and_loads_nothing(site: Site, post: Post) -> None:
    show, letter = written_to(site, post)

    assert post.to == ["camille@example.net"]
    assert str(letter["From"]) == "Le Marché du Coin <cartes@example.org>"
    assert letter["Message-ID"] == f"<{show.id}@example.org>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["List-Unsubscribe"].startswith(f"<{URL}/mail/off/")
    plain, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert html is not None
    title = str(letter["Subject"])
    assert title
    assert title in plain.get_content()
    assert title in unescape(html.get_content())
    for loads in ("<img", "src=", "url(", "<link", "<script", "http-equiv", "background"):
        assert loads not in html.get_content()
    assert html.get_content().count("href=") == 2
    assert "camille" not in link(letter, "off") + link(letter, "card")
    assert max(len(line) for line in post.raw[-1].split(b"\r\n")) <= 998


def test_one_click_stops_letters_without_a_page_a_cookie_or_a_key(site: Site, post: Post) -> None:
    _, letter = written_to(site, post)
    address = letter["List-Unsubscribe"].strip("<>").replace(URL, site.url)
    seen = httpx.get(address)
    assert (seen.status_code, "<form" in seen.text) == (200, True)
    assert not [entry for entry in site.entries("camille") if isinstance(entry.moment, Withdrew)], (
        "a filter that opens links stops nothing"
    )

    for _ in range(2):
        done = httpx.post(
            address, content="List-Unsubscribe=One-Click", headers={"content-type": "application/x-www-form-urlencoded"}
        )
        assert (done.status_code, "location" in done.headers) == (200, False)
    (entry,) = [entry for entry in site.entries("camille") if isinstance(entry.moment, Withdrew)]
    assert isinstance(entry.moment, Withdrew)
    assert entry.moment.purpose == "by-mail"
    assert entry.moment.method == "mail", "a withdrawal says by which way it came"
    assert not site.call(lambda: site.server.external_channels.addresses.has("camille", "mail"))
    site.passes(3600.0)
    site.leaves("camille")
    site.enters("camille")
    settled(site)
    assert len(post.letters) == 1


def test_one_click_is_a_no_also_while_all_is_restricted(site: Site, post: Post) -> None:
    _, letter = written_to(site, post)
    site.process(Restricted(id=site.id("pause"), customer="camille", occurred_at=site.clock.now()))
    httpx.post(letter["List-Unsubscribe"].strip("<>").replace(URL, site.url))

    assert site.call(lambda: site.server.processor.customer("camille").consents["by-mail"].status) == "withdrawn"


def test_an_answer_is_a_button_on_a_page_and_opening_it_says_nothing(site: Site, post: Post) -> None:
    show, letter = written_to(site, post)
    address = link(letter, "card").replace(URL, site.url)
    page = httpx.get(address)
    assert page.text.count("<form") == 2
    assert str(letter["Subject"]) in page.text, "who answers sees to what"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    kinds = [type(entry.moment).__name__ for entry in site.entries("camille")]
    assert "Displayed" not in kinds
    assert "Answered" not in kinds
    assert httpx.get(f"{address}/yes").status_code == 405
    assert httpx.post(f"{address}/perhaps").status_code == 422
    assert httpx.post(f"{address}/yes").status_code == 200
    (entry,) = [entry for entry in site.entries("camille") if isinstance(entry.moment, Answered)]
    assert isinstance(entry.moment, Answered)
    assert (entry.moment.decision, entry.moment.answer) == (show.id, "yes")
    assert "plus d’actualité" in unescape(httpx.get(address).text)
    assert httpx.post(f"{address}/no").status_code == 200
    assert len([entry for entry in site.entries("camille") if isinstance(entry.moment, Answered)]) == 1


def test_who_did_not_open_the_purpose_or_has_no_address_gets_no_letter(site: Site, post: Post) -> None:
    site.person("ana", "place-moment", "reminders")
    brand(site, "PUT", "/v1/people/ana/mail", address="ana@example.net")
    site.person("bo", "place-moment", "reminders")
    opens(site, "bo")
    site.person("cy", "place-moment", "reminders")
    opens(site, "cy")
    brand(site, "PUT", "/v1/people/cy/mail", address="cy@example.net")
    assert brand(site, "DELETE", "/v1/people/cy/mail").status_code == 204
    for name in ("ana", "bo", "cy"):
        assert site.enters(name) is not None
    settled(site)
    assert post.letters == []


@pytest.mark.parametrize(
    ("rcpt", "data", "letters", "again"),
    [
        (["450 later"], [], 1, True),
        ([], ["451 later"], 2, True),
        (["550 nobody"], [], 0, False),
        ([], ["554 no"], 1, False),
        ([], ["cut"], 1, False),
    ],
)
def test_a_letter_is_sent_again_only_when_the_server_said_that_it_was_not_taken(
    site: Site, post: Post, rcpt: list[str], data: list[str], letters: int, again: bool
) -> None:
    post.rcpt, post.data = [*rcpt], [*data]
    site.person("camille", "place-moment", "reminders")
    opens(site, "camille")
    brand(site, "PUT", "/v1/people/camille/mail", address="camille@example.net")
    show = site.enters("camille")
    assert show is not None
    from support.devices.far_ends import until

    until(
        lambda: (
            not site.call(lambda: site.server.dispatcher.under_way)
            and site.call(lambda: site.server.dispatcher.parcels[show.id].reason) != ""
        )
    )
    site.passes(5.0)
    site.call(site.server.dispatcher.nudge)
    settled(site)
    assert len(post.letters) == letters
    assert site.call(lambda: site.server.dispatcher.parcels[show.id].status) == (
        "taken" if again else "unsure" if data == ["cut"] else "given_up"
    )


def test_a_ticket_of_another_use_or_another_server_opens_nothing(site: Site, post: Post) -> None:
    _, letter = written_to(site, post)
    card, off = link(letter, "card").rsplit("/", 1)[1], link(letter, "off").rsplit("/", 1)[1]
    foreign = Addresses(":memory:", b"z" * 32).ticket("off", "camille")
    for ticket in (card, foreign, off[:-2] + "AA", "x", "%C3%A9", "A" * 4000):
        assert httpx.post(f"{site.url}/mail/off/{ticket}").status_code == 403
    assert httpx.get(f"{site.url}/mail/card/{off}").status_code == 403
    assert site.call(lambda: site.server.external_channels.addresses.has("camille", "mail"))


@given(st.text(max_size=40))
def test_no_address_carries_a_second_line_or_a_second_reader(text: str) -> None:
    for address in (text, f"{text}@example.org", f"a@{text}", f"a@example.org{text}"):
        try:
            found = checked(address)
        except Invalid as error:
            assert len(text) < 6 or text not in str(error)
        else:
            assert found == address
            assert not set(found) & set("\r\n\0 ,;<>\t")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "camille",
        "a@b",
        "Camille <a@example.org>",
        "a@example.org, b@example.org",
        "a@example.org\r\nBcc: b@x.org",
        None,
        7,
        "é@example.org",
    ],
)
def test_what_is_no_address_is_refused(site: Site, address: Any) -> None:
    told = brand(site, "PUT", "/v1/people/camille/mail", address=address)
    assert told.status_code == 422
    assert (
        httpx.put(
            f"{site.url}/v1/people/camille/mail",
            headers={"authorization": f"Bearer {site.key('device', 'camille')}"},
            json={},
        ).status_code
        == 403
    )


def test_an_id_that_no_moment_could_name_has_no_address(site: Site) -> None:
    for length, status in ((128, 204), (129, 422), (4000, 422)):
        assert (
            brand(site, "PUT", f"/v1/people/{'x' * length}/mail", address="camille@example.net").status_code == status
        )
        assert site.server.external_channels.addresses.has("x" * length, "mail") is (status == 204)


class Everybody:
    """Screens of which the test needs one thing: that everything is open."""

    def open_to(self, person: str, purpose: str) -> bool:
        return True


def letters_of(mail: Mail, addresses: Addresses) -> Letters:
    return Letters(mail, read(strategy()), Everybody(), addresses, NOON.timestamp)  # type: ignore[arg-type]


def test_letters_keep_the_contract_of_a_channel(post: Post) -> None:
    addresses = Addresses(":memory:", b"k" * 32)
    addresses.keep("camille", "mail", "", b"camille@example.net")

    async def shown() -> list[str]:
        return [str(letter["Message-ID"]).strip("<>").split("@")[0] for letter in post.letters]

    message = Message("camille", "phone", the_card("fr"), "Rue Haute", NOON.timestamp() + 600, 600.0)
    addresses_ = addresses
    # What cannot be taken back stays, and its page says that it is over: each letter counts as shown.
    receipt = asyncio.run(check_channel(letters_of(settings(post), addresses_), message, shown))
    assert receipt.handed == "taken"


def test_a_letter_goes_only_over_a_line_whose_certificate_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl

    authority = Authority(tmp_path)
    certificate, key = authority.gives("post", signing=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    post = Post()
    controller = Controller(post, hostname="127.0.0.1", port=_free(), tls_context=context, require_starttls=True)
    controller.start()
    addresses = Addresses(":memory:", b"k" * 32)
    addresses.keep("camille", "mail", "", b"camille@example.net")
    message = Message("camille", "phone", the_card("fr"), "Rue Haute", NOON.timestamp() + 600, 600.0)
    mail = Mail("127.0.0.1", controller.port, "starttls", sender="cartes@example.org", purpose="by-mail", url=URL)
    try:
        refused = asyncio.run(letters_of(mail, addresses).deliver(message))
        assert (refused.handed, refused.reason) == ("not_sent", "SSLCertVerificationError")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert asyncio.run(letters_of(mail, addresses).deliver(message)).handed == "taken"
        assert len(post.letters) == 1
    finally:
        controller.stop()


def test_a_server_that_is_not_there_took_nothing_and_one_that_hangs_stops_nobody() -> None:
    addresses = Addresses(":memory:", b"k" * 32)
    addresses.keep("camille", "mail", "", b"camille@example.net")
    message = Message("camille", "phone", the_card("fr"), "Rue Haute", NOON.timestamp() + 600, 600.0)
    mail = Mail("127.0.0.1", _free(), "none", sender="cartes@example.org", purpose="by-mail", url=URL)

    async def beside() -> tuple[str, int]:
        ticks = 0
        sending = asyncio.create_task(letters_of(mail, addresses).deliver(message))
        while not sending.done():
            ticks += 1
            await asyncio.sleep(0.001)
        return (await sending).handed, ticks

    handed, ticks = asyncio.run(beside())
    assert handed == "not_sent"
    assert ticks >= 1
    assert threading.active_count() >= 1


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"purpose": "none"}, "purpose"),
        ({"purpose": "account"}, "purpose"),
        ({"host": "mail.example.org"}, "clear"),
        ({"url": "http://x"}, "url"),
        ({"sender": "nobody"}, "address"),
    ],
)
def test_settings_that_would_not_do_are_named(changed: dict[str, Any], named: str) -> None:
    mail = Mail(
        **{"host": "127.0.0.1", "security": "none", "sender": "a@example.org", "purpose": "by-mail", "url": URL}
        | changed
    )
    with pytest.raises(Invalid, match=named):
        letters_of(mail, Addresses(":memory:", b"k" * 32))
