"""A new screen is linked by the code on another: typed or scanned, by keyboard, in both languages."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from support.site import EVERYTHING, Site
from web.conftest import Opener, violations


def a_code(site: Site, **whose: object) -> str:
    key = site.key("brand")
    answer = httpx.post(
        f"{site.url}/v1/devices/pairing", json=whose, headers={"authorization": f"Bearer {key}"}, trust_env=False
    )
    return str(answer.json()["code"])


def test_a_scanned_code_links_the_screen_and_the_card_comes(site: Site, opened: Opener) -> None:
    site.person("camille", *EVERYTHING)
    page = opened(f"/pair?profile=vuzix-m400#{a_code(site, person='camille')}", width=640, height=360)
    expect(page.locator("#code")).to_have_value(re.compile(r"\w{4}-\w{4}"))
    assert "#" not in page.url, "the code is gone from the address"
    page.locator("#code").press("Enter")
    page.wait_for_url("**/glasses*")

    shown = site.enters("camille")

    assert shown is not None
    assert shown.device == "vuzix-m400"
    expect(page.locator("#title")).not_to_be_empty()


def test_an_advisers_screen_is_linked_to_the_place(site: Site, opened: Opener) -> None:
    page = opened("/pair?language=en", width=1024, height=768, language="en")
    expect(page.locator("#profile")).to_have_value("tablet")
    page.locator("#code").fill(a_code(site, place="s1").lower())
    page.get_by_role("button", name="Link").click()

    page.wait_for_url("**/adviser*")


@pytest.mark.parametrize(("language", "said"), [("fr", "Ce code n’est pas valable"), ("en", "This code is not valid")])
def test_a_wrong_code_is_told_in_words(site: Site, opened: Opener, language: str, said: str) -> None:
    page = opened(f"/pair?language={language}", width=390, height=844, language=language)
    page.locator("#code").fill("AAAA-AAAA")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_contain_text(said)
    assert violations(page) == []
    # A refusal is a line in the console.
    opened.errors.clear()
