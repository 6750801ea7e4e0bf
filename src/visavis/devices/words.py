"""Words of the devices' own pages, written in French and English side by side."""

from collections.abc import Mapping

LANGUAGES = ("fr", "en")


def by_language(pairs: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    """The words of each language by name.

    >>> by_language({"go": ("Relier", "Link")})
    {'fr': {'go': 'Relier'}, 'en': {'go': 'Link'}}
    """
    return {language: {name: pair[at] for name, pair in pairs.items()} for at, language in enumerate(LANGUAGES)}
