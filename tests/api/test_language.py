"""The language of every answer is one that the brand has, whatever notices or browsers ask for."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import visavis
from support.doors import MOMENTS, a_server, client, every_way, moment, running, shops
from support.people import STRATEGY, grocery
from visavis.model.customer import newborn
from visavis.strategy.read import read

DOORS = {
    "brand": (
        "/v1/people/camille/moments/door",
        "/v1/people/camille/decisions/{card}/why",
        "/v1/people/camille/purposes",
        "/v1/decisions/{card}",
        "/v1/decisions/{brief}",
        "/console",
        "/console/moment?number={number}",
    ),
    "device": ("/glasses", "/glasses/screen", "/phone", "/phone/card", "/phone/pass.pkpass", "/pair", "/me", "/glass"),
    "adviser": ("/adviser", "/adviser/briefs"),
}
"""Each of these writes a card, a brief, a reason or a page."""


def in_one_language(language: str) -> dict[str, bytes]:
    """The example brand with the cards of one language only; its notices are still in both."""
    other = {"fr": "en", "en": "fr"}[language]
    files = grocery()
    files["brand.toml"] = files["brand.toml"].replace(
        b'languages = ["fr", "en"]', f'languages = ["{language}"]'.encode()
    )
    for path in files:
        if path.startswith("actions/"):
            files[path] = re.sub(rf"\n\[card\.{other}\]\n[^\[]*".encode(), b"\n", files[path])
    said = rf'(, {other} = "[^"]*"|{other} = "[^"]*", )'
    files["objectives.toml"] = re.sub(said.encode(), b"", files["objectives.toml"])
    return files


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_brand_with_one_language_answers_who_was_served_a_notice_in_another(language: str) -> None:
    async def what() -> None:
        server = a_server(files=in_one_language(language), **every_way())
        other = {"fr": "en", "en": "fr"}[language]
        async with running(server) as brand:
            for purpose in ("place-moment", "reminders", "adviser-brief"):
                notice: Any = {"purpose": purpose, "notice": server.strategy.purposes[purpose].notice.version}
                sent = [
                    moment("linked", "camille", id=f"known-{purpose}", identifier="card-1"),
                    moment("noticed", "camille", id=f"notice-{purpose}", language=other, **notice),
                    moment("consented", "camille", id=f"yes-{purpose}", **notice),
                ]
                assert all(one["kept"] for one in (await brand.post(MOMENTS, json=sent)).json())
            await shops(brand, server, "camille")
            assert server.loop.customer("camille").language == other

            entered = await brand.post(MOMENTS, json=moment("entered", "camille", id="door"))
            assert entered.status_code == 200, entered.text
            [card] = [one for one in entered.json()["decisions"] if one["result"] == "show"]
            assert card["card"]["language"] == language
            checked_in = await brand.post(MOMENTS, json=moment("checked_in", "camille", id="in"))
            [brief] = [one for one in checked_in.json()["decisions"] if one["audience"] == "adviser"]
            assert brief["brief"]["language"] == language

            named = {"card": card["decision"], "brief": brief["decision"], "number": server.screens.recent[-1].number}
            subjects = {"device": "camille", "adviser": "s1", "brand": ""}
            for role, paths in DOORS.items():
                async with client(server, server.access_keys.issue(role, subjects[role])) as one:
                    for path in paths:
                        address = path.format(**named)
                        address += f"{'&' if '?' in address else '?'}language={other}"
                        answer = await one.get(address, headers={"accept-language": other})
                        assert answer.status_code == 200, (address, answer.status_code, answer.text[:200])

    asyncio.run(what())


def test_the_language_is_the_one_asked_for_then_the_persons_then_the_brands_first() -> None:
    person = replace(newborn("camille"), language="en")
    french = read(in_one_language("fr"))

    assert STRATEGY.language_for() == "fr"
    assert STRATEGY.language_for(person) == "en"
    assert STRATEGY.language_for(person, "fr") == "fr"
    assert STRATEGY.language_for(person, "", "de", "fr") == "fr"
    assert STRATEGY.language_for(person, "de") == "en"
    assert french.language_for(person, "en") == "fr"


def test_a_language_is_chosen_in_one_place_only() -> None:
    source = Path(visavis.__file__).parent
    elsewhere = [
        f"{path.relative_to(source)}: {line.strip()}"
        for path in source.rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"languages\[0\]|\.language or (?!None|before)|in [\w.]*languages (?:else|and)", line)
    ]

    assert [one.partition(":")[0] for one in elsewhere] == ["strategy/read.py"], elsewhere
