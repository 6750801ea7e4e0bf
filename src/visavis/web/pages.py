"""What all pages for people share: templates, words in two languages, static files, security headers."""

import tomllib
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from visavis.cards.typography import typeset
from visavis.cards.words import EPOCH
from visavis.http.header_fields import preferred_languages
from visavis.http.requests import PAGE
from visavis.model.customer import Customer
from visavis.strategy.read import Strategy

HERE: Final = Path(__file__).parent
LANGUAGES: Final = ("fr", "en")


def _read(words: Any, language: str) -> Any:
    """Tables of words as records, so that ``w.adviser.items`` is a word and never a method; each is typeset."""
    if isinstance(words, dict):
        return SimpleNamespace(**{name: _read(one, language) for name, one in words.items()})
    if isinstance(words, str) and words == words.strip():
        return words[:1] + typeset(words, language)[1:]
    return words


class Templates:
    """The ``templates`` and ``words`` (``fr.toml``, ``en.toml``) of a folder, and those that all pages share."""

    def __init__(self, folder: Path, shared: "Templates | None" = None) -> None:
        self.words = {one: _words(folder / "words" / f"{one}.toml", one) for one in LANGUAGES}
        for one, words in (shared.words if shared is not None else {}).items():
            vars(self.words[one]).update(vars(words))
        self._environment = Environment(
            loader=FileSystemLoader([folder / "templates", HERE / "templates"]),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def rendered(self, template: str, language: str, **values: Any) -> str:
        """The text of a template; ``w`` are the words of this language, a table a page: ``w.adviser.done``."""
        values |= {"w": self.words[language], "language": language, "percent": partial(percent, language=language)}
        return self._environment.get_template(template).render(**values)

    def page(self, template: str, language: str, *, status: int = 200, framed: bool = False, **values: Any) -> Response:
        """A whole page, with the headers of all pages; ``framed`` when our own stage may show it in a frame."""
        name, ancestors = "content-security-policy", "frame-ancestors 'self'" if framed else "frame-ancestors 'none'"
        headers = PAGE | {name: PAGE[name].replace("frame-ancestors 'none'", ancestors)}
        return HTMLResponse(self.rendered(template, language, **values), status, headers=headers)


def _words(path: Path, language: str) -> Any:
    return _read(tomllib.loads(path.read_text(encoding="utf-8")), language)


SHARED: Final = Templates(HERE)
WORDS: Final = SHARED.words
rendered: Final = SHARED.rendered
page: Final = SHARED.page


def language_of(request: Request, strategy: Strategy, customer: Customer | None = None) -> str:
    """The language of a page: asked for in its address, else by the browser, else as for any card."""
    browser = preferred_languages(request.headers.get("accept-language", ""))
    return strategy.language_for(customer, request.query_params.get("language", ""), *browser)


def clock(hour: float, language: str) -> str:
    r"""An hour of the day as people write it.

    >>> clock(18.7, "fr"), clock(18.7, "en")
    ('18\xa0h\xa042', '18:42')
    """
    hours, minutes = divmod(round(hour * 60), 60)
    return f"{hours}\u00a0h\u00a0{minutes:02}" if language == "fr" else f"{hours}:{minutes:02}"


def wall_clock(local_day: int, local_hour: float, language: str) -> str:
    r"""A local day (counted from 1970-01-01) and hour as people say them.

    >>> wall_clock(20_781, 18.7, "fr"), wall_clock(20_781, 18.7, "en")
    ('mardi 18\xa0h\xa042', 'Tuesday 18:42')
    """
    return f"{format_date(EPOCH + timedelta(days=local_day), 'EEEE', locale=language)} {clock(local_hour, language)}"


def signed(value: float, language: str) -> str:
    r"""A difference as people write it: one decimal, its sign always, a real minus.

    >>> signed(1.84, "fr"), signed(-0.4, "en")
    ('+1,8', '\u22120.4')
    """
    return ("+" if value >= 0 else "\u2212") + format_decimal(abs(value), "0.0", locale=language)


def percent(share: float, language: str) -> str:
    r"""A share as people write it, to a tenth of a percent.

    >>> percent(0.333, "fr"), percent(0.333, "en")
    ('33,3\xa0%', '33.3%')
    """
    return format_percent(share, "0.#\u00a0%" if language == "fr" else "0.#%", locale=language)


def static(folder: Path = HERE / "static", path: str = "/static") -> Mount:
    """The style sheets and scripts of the pages."""
    return Mount(path, StaticFiles(directory=folder), name="static")
