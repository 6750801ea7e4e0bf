"""Identifiers: which ones are accepted from outside, and those that are made by hashing what they name."""

import re
import unicodedata
from collections.abc import Iterable
from hashlib import blake2b
from string import ascii_uppercase, digits
from typing import Final

from visavis.model.errors import Invalid

ID_LIMIT: Final = 128
_PLACEHOLDER: Final = re.compile(
    r"(null|undefined|none|nan|nil)+|nul|void|empty|missing|unset|unknown|anonymous|anon|guest|visitor|true|false"
    r"|na|notavailable|notapplicable|notset|notauthenticated|unauthenticated|unidentified|default|placeholder"
    r"|object|objectobject|objectnull|objectundefined|identifier|email|(user|customer|distinct|anonymous|device)?id"
    r"|uid|uuid|guid|inconnu|anonyme|invité|invite|visiteur|aucun"
    r"|0+|0x0+|([0-9])\3{7,}|([a-f])\4{31}"
)
"""What programs write when they have no identifier: words, only zeros, one digit repeated, a UUID of one letter."""
_INVISIBLE: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that show nothing."""
_TEMPLATE: Final = re.compile(r"\{\{.*\}\}|\{%.*%\}|[$#]\{.*\}|[\[<{][a-z_. ]+[\]>}]|%[a-z]|%[a-z_]+%|%\(\w+\)s")
"""A variable that a template left unfilled."""
_MINUS_ONE: Final = "-1"
OWN: Final = "~"
"""How the ids of our own moments begin; no sender may send such an id."""
_UNNAMEABLE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Controls, lone surrogates and separators of lines: not to be written in an address, a header or a log."""


def is_placeholder(text: str) -> bool:
    """Whether this stands for "no identifier": blank, invisible, zeros, or a word such as ``null`` or ``guest``.

    Case, width, spaces, quotes and punctuation do not matter.

    >>> [is_placeholder(text) for text in ("NULL", " 'undefined' ", "[object Object]", "n/a", "0000-0000", "-1", "..")]
    [True, True, True, True, True, True, True]
    >>> [is_placeholder(text) for text in ("camille", "42", "shop/42", "guest-42", "nullarbor", "2000")]
    [False, False, False, False, False, False]
    """
    folded = unicodedata.normalize("NFKC", text).casefold().strip(" \t\r\n\"'`´‘’“”«»\u200b\u2060\ufeff")
    plain = "".join([char for char in folded if _is_visible(char)])
    return (
        not plain
        or folded == _MINUS_ONE
        or _PLACEHOLDER.fullmatch(plain) is not None
        or _TEMPLATE.fullmatch(folded) is not None
    )


def _is_visible(char: str) -> bool:
    """Whether this is a letter, a digit or a symbol such as an emoji: no punctuation, space or mark."""
    kind = unicodedata.category(char)
    return (kind[0] in "LN" or kind == "So") and char not in _INVISIBLE


def check_id(text: str, what: str) -> None:
    """:class:`Invalid` unless every endpoint can name this, percent-encoded in its path; ``what`` names the field."""
    if text in (".", "..") or not text.strip() or any(unicodedata.category(char) in _UNNAMEABLE for char in text):
        raise Invalid(
            f"`{what}` cannot be named in an address: it is blank, `.` or `..`, or has control characters.",
            advice="Send printable characters; slashes, spaces and accents may be among them.",
        )
    if len(text) > ID_LIMIT:
        raise Invalid(f"`{what}` has more than {ID_LIMIT} characters.", advice="Send a shorter one.")


def check_identity(text: str, what: str) -> None:
    """:class:`Invalid` unless this can name one person: no placeholder, and :func:`check_id`."""
    check_id(text, what)
    if is_placeholder(text):
        raise Invalid(
            f"`{what}` names nobody: it is a placeholder, such as `null`, `0` or `guest`.",
            advice="Send the identifier of one person; when there is none, send nothing about a person.",
        )


def check_sent_id(text: str) -> None:
    """:class:`Invalid` unless a sender may give a moment this id: :func:`check_id`, and not one of our own."""
    check_id(text, "id")
    if text.startswith(OWN):
        raise Invalid(f"Not a moment: ids that begin with `{OWN}` are the server's own.", advice="Choose another id.")


def own_id(*parts: str) -> str:
    """The id of a moment of our own: what it is, then what it follows from; the same parts, the same id.

    >>> own_id("due", "d1"), len(own_id("opposed", "0", "m" * ID_LIMIT)) <= ID_LIMIT
    ('~due-d1', True)
    """
    name = OWN + "-".join(parts)
    if len(name) <= ID_LIMIT:
        return name
    return f"{OWN}{parts[0]}-{blake2b(name.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def has_form(forms: Iterable[str], text: str) -> bool:
    """Whether this has one of these forms, in which ``#`` stands for a digit and ``@`` for a capital letter, A to Z.

    >>> [has_form(("K-###", "@#"), text) for text in ("K-042", "B7", "K-42", "é7", "K-04२")]
    [True, True, False, False, False]
    """
    return any(len(form) == len(text) and all(map(_fits, form, text)) for form in forms)


def _fits(sign: str, char: str) -> bool:
    return char == sign if sign not in "#@" else char in (digits if sign == "#" else ascii_uppercase)


def draw_id(customer: str, moment: str, audience: str) -> str:
    """What names the draw for this audience at this moment of this customer; it never leaves the engine.

    >>> draw_id("camille", "m1", "customer")
    'fa04f78e80f0e71f5e771a6e'
    """
    name = f"{customer}\x00{moment}\x00{audience}"
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def decision_id(key: bytes, customer: str, moment: str, audience: str) -> str:
    """The id of the decision for this audience: a keyed hash, so that nobody computes it from a name.

    >>> len(decision_id(b"k", "camille", "m1", "customer"))
    24
    >>> decision_id(b"k", "camille", "m1", "customer") == decision_id(b"l", "camille", "m1", "customer")
    False
    """
    name = f"decision/{draw_id(customer, moment, audience)}"
    return blake2b(name.encode(), key=key, digest_size=12).hexdigest()


def version_of(*parts: bytes) -> str:
    """The version of a content, 12 hexadecimal digits; each part is length-prefixed so that boundaries matter.

    >>> version_of(b"ab", b"c") == version_of(b"a", b"bc")
    False
    """
    digest = blake2b(digest_size=6)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
