"""Which identifiers are accepted, by every way in."""

import re
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from support.doors import MOMENTS, a_server, client, every_way, moment, operations, running
from support.people import NOON
from visavis.devices.home import messages
from visavis.model.entry import Entry
from visavis.model.errors import Invalid
from visavis.model.ids import check_identity, is_placeholder
from visavis.model.moment import Worn

pytestmark = pytest.mark.anyio

NOBODY = (
    *("null", "NULL", "undefined", "None", "NaN", "nil", "<nil>", "[object Object]", "null null", "'null'", '"null"'),
    *("0", "-1", "0.0", "0000000", "00000000-0000-0000-0000-000000000000", "11111111-1111-1111-1111-111111111111"),
    *(
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        " ",
        "\u00a0",
        "\u200b",
        "\u2060\ufeff",
        "\u3164",
        "-",
        "--",
        "?",
        "..",
        ".",
    ),
    *("unknown", "Anonymous", " guest ", "n/a", "N.A.", "false", "true", "not_authenticated", "inconnu", "ｎｕｌｌ"),
    *("{{ customer_id }}", "${user}", "<customer>", "%s", "{}", "[]", "..", ".", "nu\u200bll"),
)
SOMEBODY = (
    *(
        "camille",
        "42",
        "1",
        "7777",
        "shop/42",
        "auth0|1",
        "a%2Fb",
        "o'neil",
        "Ça va 7f3a91",
        "李",
        "🙂",
        "guest-42",
        "<a@b.fr>",
    ),
    *("{3F2504E0-4F89-11D3-9A0C-0305E82C3301}", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "null-island", "nina", "20"),
)


@pytest.mark.parametrize("text", NOBODY)
def test_a_placeholder_names_nobody(text: str) -> None:
    assert is_placeholder(text)
    with pytest.raises(Invalid):
        check_identity(text, "customer")


@pytest.mark.parametrize("text", SOMEBODY)
def test_an_identifier_of_one_person_is_accepted(text: str) -> None:
    check_identity(text, "customer")


async def test_no_moment_is_kept_for_nobody_and_no_stranger_is_linked_to_another() -> None:
    server = a_server()
    async with running(server) as brand:
        for text in NOBODY:
            refused = await brand.post(MOMENTS, json=moment(customer=text))
            assert (refused.status_code, bool(refused.json()["advice"])) == (422, True), text
            for kind in ("linked", "unlinked"):
                for stranger in ("ann", "bo", "cy"):
                    sent = moment(kind, stranger, id=f"{kind}-{text.strip() or 'x'}"[:60], identifier=text)
                    assert (await brand.post(MOMENTS, json=sent)).status_code == 422, text
        mixed = await brand.post(MOMENTS, json=[moment(customer="undefined"), moment(customer="ann", id="ok")])
    assert [one.get("status", 200) for one in mixed.json()] == [422, 200]
    assert [entry.customer for _, entry in server.log.scan() if isinstance(entry, Entry)] == ["ann"]
    assert [server.processor.customer(name).names for name in ("ann", "bo", "cy")] == [("ann",), ("bo",), ("cy",)]


@pytest.mark.parametrize("role", ["device", "sensor"])
@pytest.mark.parametrize("text", ["undefined", " ", "0", "[object Object]"])
def test_no_key_speaks_for_nobody(role: str, text: str) -> None:
    with pytest.raises(Invalid, match="subject"):
        a_server().access_keys.issue(role, text)


async def test_no_address_names_nobody() -> None:
    server = a_server()
    async with running(server) as brand:
        asked: list[tuple[str, str, dict[str, Any] | None]] = [
            ("GET", "/v1/people/undefined/purposes", None),
            ("GET", "/v1/people/null/export", None),
            ("PUT", "/v1/people/NaN/purposes/look", {"on": True}),
            ("POST", "/v1/people/anonymous/erase", {"erase": True}),
            ("POST", "/v1/people/undefined/import", {"copy": "x"}),
            ("POST", "/v1/devices/pairing", {"person": "undefined"}),
        ]
        for method, path, body in asked:
            found = await brand.request(method, path, json=body)
            assert found.status_code == 422, (path, found.text)
    assert not list(server.processor.population)


def test_no_home_and_no_copy_from_elsewhere_brings_nobody_in() -> None:
    server = a_server()
    product = next(iter(server.strategy.products))
    sent = {"event_type": "out_of_stock", "gtin": product, "time": NOON.isoformat()}
    with pytest.raises(Invalid, match="customer"):
        messages.event(msgspec.json.decode(msgspec.json.encode(sent)), "null", "h1", {product}, NOON)

    server.processor.process([Worn(id="m1", customer="bo", occurred_at=NOON, device="g1")])
    [entry] = server.processor.entries_of("bo")
    with pytest.raises(Invalid, match="customer"):
        a_server().processor.adopt([msgspec.structs.replace(entry, customer="undefined")])


async def test_a_key_of_a_person_still_works() -> None:
    server = a_server()
    async with running(server), client(server, server.access_keys.issue("device", "shop/42")) as own:
        assert (await own.post(MOMENTS, json=moment(customer="shop/42"))).status_code == 200


HARD = (
    "shop/42",
    "auth0|1",
    "a%2Fb",
    "a/b/c",
    "/x",
    "a/",
    "../x",
    "?q=1#f",
    "Ça va",
    "李",
    "a+b",
    "x%",
    "o'neil\\x",
    "🙂",
)
"""Ids with characters that mean something in an address."""


def path_of(template: str, **names: str) -> str:
    return re.sub(r"{(\w+)}", lambda found: quote(names.get(found[1], "7"), safe=""), template)


@pytest.mark.parametrize("name", HARD)
async def test_whoever_is_taken_in_is_reached_at_every_address(name: str) -> None:
    server = a_server()
    async with running(server) as brand, client(server, server.access_keys.issue("device", name)) as own:
        assert (await brand.post(MOMENTS, json=moment(customer=name, id=name))).status_code == 200
        chosen = await own.put(path_of("/v1/people/{person}/purposes/look", person=name), json={"on": True})
        assert chosen.status_code == 200, chosen.text
        assert server.processor.customer(name).consents["look"].status == "given"
        read = [one for one in operations(server) if one.method == "GET" and "{person}" in one.template]
        assert len(read) > 5
        for one in read:
            asker = own if "device" in one.roles else brand
            found = await asker.get(path_of(one.template, person=name, moment=name, purpose="look"))
            unknown = {404} if "{decision}" in one.template else set()
            assert found.status_code in {200} | unknown, (one.template, found.text)
            assert "nothing at this address" not in found.text, one.template
        erased = await brand.post(path_of("/v1/people/{person}/erase", person=name), json={"erase": True})
        assert erased.status_code == 200, erased.text
        assert not server.processor.customer(name).entries


async def test_no_address_with_an_encoded_slash_is_unknown() -> None:
    server = a_server(**every_way())
    async with running(server) as brand:
        for operation in operations(server):
            if "{" in operation.path and not operation.path.endswith(".png"):
                path = re.sub(r"{\w+}", "a%2Fb", operation.template)
                found = await brand.request(operation.method, path, json={})
                assert "nothing at this address" not in found.text, (operation.method, path)
                assert found.status_code != 405, (operation.method, path)
                assert (await brand.request("PROPFIND", path)).status_code == 405, path
        assert (await brand.get("/static/..%2F..%2Fwiring.py")).status_code == 404


async def test_an_id_that_no_address_can_name_is_refused() -> None:
    server = a_server()
    async with running(server) as brand:
        for name in (".", "..", "a\x00b", "a\nb", "\x7f", "a\u2028b"):
            assert (await brand.post(MOMENTS, json=moment(customer=name))).status_code == 422, repr(name)
            assert (await brand.post(MOMENTS, json=moment(id=name))).status_code == 422, repr(name)
    assert not list(server.processor.population)
