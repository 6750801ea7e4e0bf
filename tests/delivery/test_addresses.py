"""Addresses are sealed, bounded, and gone when forgotten; a ticket is readable by its maker, for one use."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.delivery.addresses import LIMIT, Addresses
from visavis.model.errors import Invalid, Refused

KEY = b"k" * 32


def test_nothing_readable_is_on_disk_before_or_after_an_address_is_forgotten(tmp_path: Path) -> None:
    addresses = Addresses(tmp_path / "a.sqlite", KEY)
    addresses.keep("camille", "mail", "", b"camille@example.net")
    addresses.keep("camille", "web_push", "d1", b"https://push.example/secret")
    addresses.keep("bo", "mail", "", b"bo@example.net")
    on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [word for word in (b"example", b"camille", b"web_push") if word in on_disk]
    assert addresses.of("camille", "mail") == {"": b"camille@example.net"}

    addresses.erase_personal_data(["camille"])
    addresses.close()
    assert b"camille" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    again = Addresses(tmp_path / "a.sqlite", KEY)
    assert again.of("camille", "mail") == {}
    assert not again.has("camille", "web_push")
    assert again.of("bo", "mail") == {"": b"bo@example.net"}


def test_what_another_key_sealed_or_what_was_moved_to_another_person_does_not_open(tmp_path: Path) -> None:
    addresses = Addresses(tmp_path / "a.sqlite", KEY)
    addresses.keep("camille", "mail", "", b"camille@example.net")
    addresses.keep("bo", "mail", "", b"bo@example.net")
    addresses.close()
    with sqlite3.connect(tmp_path / "a.sqlite") as database:
        database.execute("UPDATE items SET value = (SELECT value FROM items WHERE number = 1) WHERE number = 2")
    database.close()
    again = Addresses(tmp_path / "a.sqlite", KEY)
    with pytest.raises(Invalid):
        again.of("bo", "mail")
    assert again.of("camille", "mail") == {"": b"camille@example.net"}
    again.close()
    with pytest.raises(Invalid):
        Addresses(tmp_path / "a.sqlite", b"z" * 32)


def test_a_person_has_so_many_addresses_of_a_kind_and_no_more() -> None:
    addresses = Addresses(":memory:", KEY)
    for number in range(LIMIT):
        addresses.keep("camille", "web_push", f"d{number}", b"x")
    addresses.keep("camille", "web_push", "d0", b"y")
    with pytest.raises(Refused):
        addresses.keep("camille", "web_push", "one more", b"x")
    assert addresses.whose("web_push", "d3") == "camille"
    assert addresses.whose("web_push", "none") == ""
    addresses.drop("camille", "web_push", "d3")
    assert addresses.whose("web_push", "d3") == ""


@given(
    parts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=3),
    other=st.text(max_size=60),
)
def test_a_ticket_is_read_by_who_made_it_for_its_use_and_any_other_text_is_refused(
    parts: list[str], other: str
) -> None:
    addresses = Addresses(":memory:", KEY)
    ticket = addresses.ticket("off", *parts)
    assert addresses.read("off", ticket) == tuple(parts)
    for use, text in (("card", ticket), ("off", other), ("off", ticket[:-1]), ("off", ticket[1:])):
        with pytest.raises(Refused):
            addresses.read(use, text)
    addresses.close()
