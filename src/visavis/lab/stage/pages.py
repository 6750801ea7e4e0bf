"""The stage's own templates, words and static files."""

from pathlib import Path
from typing import Final

from starlette.routing import Mount

from visavis.web.pages import SHARED, Templates, static

FOLDER: Final = Path(__file__).parent
TEMPLATES: Final = Templates(FOLDER, SHARED)
WORDS: Final = TEMPLATES.words


def static_files() -> Mount:
    """The stage's style sheet and script."""
    return static(FOLDER / "static", "/stage/static")
