"""Real Chromium on a real server: each test fails on a console error, a page error, or a request to another host."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: pip install -e .[dev]")

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from pages.site import Site, a_site

CHROMIUM = Path("/usr/bin/chromium")
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
Opener = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield found
        found.close()


@pytest.fixture
def site(browser: Browser, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A server in memory; ``on disk`` when the test asks for one that it can start again."""
    with a_site(tmp_path if getattr(request, "param", "") == "on disk" else None) as found:
        yield found


@pytest.fixture
def opened(browser: Browser, site: Site) -> Iterator[Opener]:
    """Open a page in a context of its own: ``opened(path, role, subject, width=…, height=…, language=…, dark=…)``."""
    contexts: list[BrowserContext] = []
    urls: list[str] = []
    errors: list[str] = []

    def open_one(
        path: str, role: str = "", subject: str = "", *, width: int = 768, height: int = 1024, language: str = "fr", dark: bool = False, key: str = "",
    ) -> Page:  # fmt: skip
        context = browser.new_context(
            locale="fr-FR" if language == "fr" else "en-GB", timezone_id="Europe/Paris", reduced_motion="reduce", viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )  # fmt: skip
        contexts.append(context)
        context.set_default_timeout(5_000)
        page = context.new_page()
        page.on("request", lambda request: urls.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        token = key or (site.key(role, subject) if role else "")
        page.goto(f"{site.url}{path}" + (f"#key={token}" if token else ""))
        if token:
            page.wait_for_function("() => !location.hash")
            page.wait_for_load_state("load")
        return page

    open_one.errors = errors  # type: ignore[attr-defined]  a test that cuts the network expects some
    yield open_one
    for context in contexts:
        context.close()
    assert {urlsplit(url).netloc for url in urls if url.startswith("http")} <= {urlsplit(site.url).netloc}
    assert errors == []


def violations(page: Page) -> list[str]:
    """What axe finds; the policy of the page forbids a script element, so it is evaluated."""
    page.evaluate(AXE + ";0")
    return list(page.evaluate("axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' | ').slice(0, 300)))"))
