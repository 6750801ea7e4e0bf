"""Which addresses may be called, whoever gave them, and what a response means for a card."""

import httpx
import pytest

from support.people import NOON
from visavis.delivery.outgoing import address_of, of_error, of_status, retry_after_s, surest
from visavis.devices.mirror.callbacks import origin
from visavis.model.errors import Invalid
from visavis.ports import DeliveryResult

REFUSED = [
    "",
    "shop.example",
    "http://shop.example/",
    "ftp://shop.example/",
    "https://",
    "https://me:pass@shop.example/",
    "https://shop.example:0/",
    "https://shop.example:99999/",
    "https://[::",
    "https://shop.example\n/",
    "javascript:1",
]


@pytest.mark.parametrize(
    "address", ["https://shop.example/in", "https://shop.example:8443/", "http://127.0.0.1:9000/in"]
)
def test_https_may_be_called_and_this_machine_without_it(address: str) -> None:
    assert str(address_of(address, "The callback")) == address


@pytest.mark.parametrize("address", REFUSED)
def test_nothing_else_may(address: str) -> None:
    for asked in (lambda: address_of(address, "The callback"), lambda: origin(address)):
        with pytest.raises(Invalid, match="The callback is not an https address"):
            asked()


@pytest.mark.parametrize(
    ("status", "handed"),
    [(201, "taken"), (302, "refused"), (400, "refused"), (429, "not_sent"), (503, "not_sent"), (500, "unsure")],
)
def test_only_what_was_certainly_not_sent_may_be_sent_again(status: int, handed: str) -> None:
    assert of_status(status).handed == handed
    assert of_status(503, 30.0).after_s == 30.0


@pytest.mark.parametrize(
    ("text", "pause_s"),
    [
        ("30", 30.0),
        (" 30 ", 30.0),
        ("Tue, 24 Nov 2026 17:30:00 GMT", 1800.0),
        ("Tue, 24 Nov 2026 16:30:00 GMT", 0.0),
        ("9" * 500, 86_400.0),
        ("Tue, 24 Nov", 0.0),
        ("-5", 0.0),
        ("٣٠", 0.0),
        ("", 0.0),
    ],
)
def test_the_pause_that_a_receiver_asks_for_is_seconds_or_a_date_and_at_most_a_day(text: str, pause_s: float) -> None:
    assert retry_after_s(text, NOON.timestamp()) == pause_s


def test_a_request_that_never_connected_was_not_sent_and_one_that_was_cut_may_have_been() -> None:
    assert of_error(httpx.ConnectError("x")) == DeliveryResult("not_sent", "ConnectError")
    assert of_error(httpx.ReadTimeout("x")) == DeliveryResult("unsure", "ReadTimeout")


def test_of_several_results_the_surest_counts() -> None:
    assert (
        surest([DeliveryResult("refused"), DeliveryResult("unsure"), DeliveryResult("not_sent")], "").handed == "unsure"
    )
    assert surest([], "no phone") == DeliveryResult("nobody", "no phone")
