"""Pages of one file: what stands in them runs, and nothing else; what is written into them is only text."""

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import unescape
from pathlib import Path

import httpx
import pytest

from support.site import Site, a_site
from visavis.http.inline_page import InlinePage

PAGES = ["/glasses", "/glasses?host=even", "/glasses?host=mentra", "/glasses?host=meta", "/pair", "/phone", "/glass"]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site() as found:
        yield found


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_the_policy_of_a_page_names_its_script_and_its_style_by_their_hashes(
    site: Site, path: str, language: str
) -> None:
    page = httpx.get(f"{site.url}{path}", params=httpx.QueryParams(httpx.URL(path).params).set("language", language))
    policy = page.headers["content-security-policy"]

    for tag in ("script", "style"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page.text, re.DOTALL)
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'; ")
    for directive in ("base-uri 'none'", "form-action 'none'"):
        assert directive in policy
    assert "unsafe" not in policy
    assert f'<html lang="{language}">' in page.text
    assert not re.search(r"\{\{|\{%", page.text), "a placeholder was left"


@pytest.mark.parametrize("value", ["</script><script>alert(1)</script>", "'\"-alert(1)-\"'", "<b onclick=x()>&amp;"])
def test_what_is_written_into_a_page_is_only_text(tmp_path: Path, value: str) -> None:
    (tmp_path / "page.html").write_text("<script>let a={{value|tojson}}</script><p>{{value}}</p>", encoding="utf-8")

    text = InlinePage(tmp_path / "page.html").rendered(value=value)

    script, paragraph = re.fullmatch(r"<script>let a=(.*)</script><p>(.*)</p>", text, re.DOTALL).groups()  # type: ignore[union-attr]
    assert unescape(paragraph) == value
    for told in (script, paragraph):
        assert not set("<>") & set(told)


def test_every_page_is_made_of_words_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("{{missing}}", encoding="utf-8")

    with pytest.raises(Exception, match="missing"):
        InlinePage(tmp_path / "page.html").rendered()
