"""What was probably meant by a name that does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

SHOWN: Final = 24
"""A longer list of names is cut: nobody reads it."""
SHORT: Final = 8
"""A list of so many names is shown beside the closest one."""


def suggestion(given: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Advice: the closest known name, and the known ones when they are few or none is close.

    >>> suggestion("entred", ["entered", "left"]), suggestion("x", ["entered", "left"])
    ('Did you mean `entered`? Known: entered, left.', 'Known: entered, left.')
    >>> suggestion("x", [])
    'There are none.'
    """
    names = list(known)
    folded = {name.casefold(): name for name in reversed(names)}
    near = get_close_matches(given[:60].casefold(), folded, n=1, cutoff=cutoff)
    more = f" … and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    known_names = f"Known: {', '.join(names[:SHOWN])}{more}." if names else "There are none."
    if not near:
        return known_names
    meant = f"Did you mean `{folded[near[0]]}`?"
    return f"{meant} {known_names}" if len(names) <= SHORT else meant
