"""Real Chromium on a real server: each test fails on a console error, a page error, or a request to another host."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import axe_playwright_python  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from support.site import Site, a_site

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


class Opener:
    """Opens pages, each in a context of its own; remembers where they went and what went wrong in them."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self._browser = browser
        self._site = site
        self._contexts: list[BrowserContext] = []
        self._urls: list[str] = []
        self.errors: list[str] = []

    def __call__(
        self,
        path: str,
        role: str = "",
        subject: str = "",
        *,
        width: int = 768,
        height: int = 1024,
        language: str = "fr",
        dark: bool = False,
        key: str = "",
    ) -> Page:
        context = self._browser.new_context(
            locale="fr-FR" if language == "fr" else "en-GB",
            timezone_id="Europe/Paris",
            reduced_motion="reduce",
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        self._contexts.append(context)
        context.set_default_timeout(5_000)
        page = context.new_page()
        page.on("request", lambda request: self._urls.append(request.url))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        token = key or (self._site.key(role, subject) if role else "")
        page.goto(f"{self._site.url}{path}" + (f"#key={token}" if token else ""))
        if token:
            page.wait_for_function("() => !location.hash")
            # A key that is let in brings the page itself, by a reload: nothing is pressed before it is there.
            page.wait_for_function(
                "() => !document.getElementById('enter') || document.getElementById('refused')?.hidden === false"
            )
            page.wait_for_load_state("load")
        return page

    def forgives(self, *words: str) -> None:
        """What the test itself caused (a network that it cut, a wrong key) is no fault of the page."""
        self.errors = [error for error in self.errors if not any(word in error for word in words)]

    def closes(self) -> None:
        """Close everything; no other host was asked, and nothing went wrong."""
        for context in self._contexts:
            context.close()
        assert {urlsplit(url).netloc for url in self._urls if url.startswith("http")} <= {
            urlsplit(self._site.url).netloc
        }
        assert self.errors == []


@pytest.fixture
def site(browser: Browser, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A server in memory; ``on disk`` when the test asks for one that it can start again."""
    with a_site(tmp_path if getattr(request, "param", "") == "on disk" else None) as found:
        yield found


@pytest.fixture
def opened(browser: Browser, site: Site) -> Iterator[Opener]:
    """``opened(path, role, subject, width=…, height=…, language=…, dark=…)`` is a page signed in with such a key."""
    opener = Opener(browser, site)
    yield opener
    opener.closes()


def violations(page: Page) -> list[str]:
    """What axe finds; the policy of the page forbids a script element, so it is evaluated."""
    page.evaluate(AXE + ";0")
    return list(
        page.evaluate(
            "axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' | ').slice(0,"
            " 300)))"
        )
    )
