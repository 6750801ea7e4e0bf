"""Which files of a folder are the strategy's, and which look like one of them with another name."""

from difflib import get_close_matches
from typing import Final

from visavis.model.ids import ID_LIMIT
from visavis.strategy.suggestion import suggestion

LOCK: Final = "notices.lock"
"""The file of the hashes that ``visavis lint --lock`` wrote; a server also keeps those of what it loaded."""
FILES: Final = (
    "brand.toml",
    "objectives.toml",
    "purposes.toml",
    LOCK,
    "segments.toml",
    "devices.toml",
    "webhooks.toml",
    "products.csv",
    "families.csv",
    "places.geojson",
)
FOLDERS: Final = ("actions", "stories")
KNOWN: Final = f"Known: {', '.join(FILES)}, actions/*.toml, stories/*.toml."
_ENDINGS: Final = (".toml", ".csv", ".geojson", ".json", ".tml")


def is_own(path: str) -> bool:
    """Whether the strategy reads this file, by its path inside the folder."""
    folder, _, name = path.rpartition("/")
    return path in FILES or (folder in FOLDERS and name.endswith(".toml") and _is_name(name))


def is_hidden(path: str) -> bool:
    """Whether some part of this path begins with a dot, as `.git` does."""
    return any(part.startswith(".") for part in path.split("/"))


def mistaken(path: str) -> str:
    """Advice about a file that was probably meant for the strategy; empty when it is the strategy's or something else.

    >>> mistaken("segment.toml"), mistaken("actions/spring/tea.toml")
    ('Did you mean `segments.toml`?', 'Move it to actions/tea.toml: folders inside actions are not read.')
    >>> mistaken("action/tea.toml"), mistaken("actions/tea.tml"), mistaken("shelf.png"), mistaken("actions/tea.toml")
    ('Move it to actions/tea.toml.', 'Rename it to actions/tea.toml.', '', '')
    """
    if is_own(path):
        return ""
    *folders, name = path.split("/")
    stem, dot, suffix = name.rpartition(".")
    ending = dot + suffix.lower()
    if not folders:
        return _mistaken_file(name, ending)
    folder = folders[0]
    near = folder if folder in FOLDERS else next(iter(get_close_matches(folder.lower(), FOLDERS, n=1, cutoff=0.6)), "")
    if not near or not get_close_matches(ending, (".toml",), cutoff=0.6):
        return ""
    meant = f"{near}/{stem}.toml"
    if len(folders) > 1:
        return f"Move it to {meant}: folders inside {folder} are not read."
    if folder != near:
        return f"Move it to {meant}."
    if name.endswith(".toml"):
        return f"A name has 1 to {ID_LIMIT} printable characters."
    return f"Rename it to {meant}."


def _mistaken_file(name: str, ending: str) -> str:
    stem = name.rpartition(".")[0]
    if stem in FOLDERS and ending == ".toml":
        return f"Each of the {stem} is a file of its own: {stem}/NAME.toml."
    if ending in _ENDINGS:
        advice = suggestion(name, FILES)
        return advice if advice.startswith("Did") else KNOWN
    return ""


def _is_name(name: str) -> bool:
    return name.isprintable() and 0 < len(name.removesuffix(".toml")) <= ID_LIMIT
