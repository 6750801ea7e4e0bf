"""The line of each key of a TOML text, which ``tomllib`` does not tell."""

import re
from typing import Final

_KEY: Final = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_DOTTED: Final = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER: Final = re.compile(rf"\s*\[\[?\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_PAIR: Final = re.compile(rf"\s*({_DOTTED})\s*=(.*)$")
_TEXT_OR_COMMENT: Final = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*')


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    r"""The first line of each key of a valid TOML text, and of each table; keys of inline tables on its line.

    The tables of an array (``[[steps]]``) are also found by their number: ``("steps", "0", "moment")``.

    >>> key_lines('a = 1\n[b.c]\nd = [\n  "e = 2",\n]\nf = 3\n')
    {('a',): 1, ('b',): 2, ('b', 'c'): 2, ('b', 'c', 'd'): 3, ('b', 'c', 'f'): 6}
    """
    found: dict[tuple[str, ...], int] = {}
    counts: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    closing, depth = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        if closing:
            closing = "" if closing in line else closing
            continue
        if depth == 0:
            header, pair = _HEADER.match(line), _PAIR.match(line)
            if header:
                table = _keys(header[1])
                _name(found, table, number)
                if line.lstrip().startswith("[["):
                    counts[table] = counts.get(table, -1) + 1
                    table = (*table, str(counts[table]))
                    _name(found, table, number)
            if header or not pair:
                continue
            _name(found, table + _keys(pair[1]), number)
            line = pair[2]  # noqa: PLW2901  what is left to read of it
        closing = next((quotes for quotes in ('"""', "'''") if line.count(quotes) % 2), "")
        bare = _TEXT_OR_COMMENT.sub("", line)
        depth += sum(map(bare.count, "[{")) - sum(map(bare.count, "]}"))
    return found


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple([key.strip("\"'") for key in re.findall(_KEY, dotted)])


def _name(found: dict[tuple[str, ...], int], keys: tuple[str, ...], number: int) -> None:
    for length in range(1, len(keys) + 1):
        found.setdefault(keys[:length], number)
