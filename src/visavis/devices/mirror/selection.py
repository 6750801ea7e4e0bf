"""Partial answers: ``fields=items(id,menuItems/id),nextPageToken`` keeps these and drops the rest.

Reference: Google, *Performance tips: Partial response*, 2014.
"""

import re
from typing import Any, Final

from visavis.model.errors import Invalid

LIMIT: Final = 1_000
DEPTH: Final = 12
Mask = dict[str, Any]
_TOKEN: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[*/(),])\s*")


def mask(text: str) -> Mask:
    """What is to be kept: a name with nothing below it is kept whole.

    >>> mask("items(id,menuItems/id),nextPageToken")
    {'items': {'id': {}, 'menuItems': {'id': {}}}, 'nextPageToken': {}}
    """
    tokens = _TOKEN.findall(text)
    if len(text) > LIMIT or "".join(tokens) != re.sub(r"\s", "", text):
        raise Invalid("The `fields` cannot be read.", advice="Write them as items(id,text),nextPageToken.")
    found, at = _several(tokens, 0, 0)
    if at != len(tokens):
        raise Invalid("The `fields` cannot be read.", advice="Close what you open.")
    return found


def selected(value: Any, kept: Mask) -> Any:
    """What remains of a JSON value.

    >>> selected({"items": [{"id": "a", "text": "b"}], "kind": "k"}, mask("items/id"))
    {'items': [{'id': 'a'}]}
    """
    if not kept or ("*" in kept and not kept["*"]):
        return value
    if isinstance(value, list):
        return [selected(one, kept) for one in value]
    if not isinstance(value, dict):
        return value
    below = {name: kept[name] if name in kept else kept["*"] for name in value if name in kept or "*" in kept}
    return {name: selected(value[name], one) for name, one in below.items()}


def _several(tokens: list[str], at: int, depth: int) -> tuple[Mask, int]:
    found: Mask = {}
    while True:
        one, at = _one(tokens, at, depth)
        for name, below in one.items():
            found[name] = below if name not in found else {**found[name], **below} if found[name] and below else {}
        if at >= len(tokens) or tokens[at] != ",":
            return found, at
        at += 1


def _one(tokens: list[str], at: int, depth: int) -> tuple[Mask, int]:
    if at >= len(tokens) or tokens[at] in "/()," or depth > DEPTH:
        raise Invalid("The `fields` cannot be read.", advice="Write them as items(id,text),nextPageToken.")
    name, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
    if following == "/":
        below, at = _one(tokens, at + 2, depth + 1)
        return {name: below}, at
    if following == "(":
        below, at = _several(tokens, at + 2, depth + 1)
        if at >= len(tokens) or tokens[at] != ")":
            raise Invalid("The `fields` cannot be read.", advice="Close what you open.")
        return {name: below}, at + 1
    return {name: {}}, at + 1
