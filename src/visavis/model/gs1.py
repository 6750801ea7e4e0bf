"""GS1: the trade item that a code names, however it is written; one item has one 14-digit key.

A code is the digits below a bar, a Digital Link, an element string (what a scanner reads in a DataMatrix or a
GS1-128), or an EPC. Lot and serial number are never read.
"""

import re
from calendar import monthrange
from collections.abc import Container, Iterable, Iterator
from datetime import date
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from visavis.model.errors import Invalid

LENGTHS: Final = (8, 12, 13, 14)
LONGEST: Final = 2_000
"""The longest code accepted, in characters."""
DATES: Final[dict[str, str]] = {"15": "best_before", "17": "expires"}
NAMES: Final = {"gtin": "01", "exp": "17"}
"""Application identifiers that older Digital Links write in letters."""
_EPC: Final = re.compile(
    r"urn:epc:(?:id:sgtin|class:lgtin|idpat:sgtin):([0-9]{6,12})\.([0-9]{1,7})\.(.+)", re.DOTALL | re.IGNORECASE
)
_BRACKETED: Final = re.compile(r"\(([0-9]{2,4})\)([^(]*)")
_ELEMENTS: Final = re.compile(r"(?:\](?:C1|e0|d2|Q3|J1)\x1d?|\x1d|(?=01[0-9]{14}.))(.*)", re.DOTALL)
"""An element string: its symbology, or an item at once."""
_SEPARATOR: Final = "\x1d"
_FIXED: Final = {
    **dict.fromkeys(("00",), 18),
    **dict.fromkeys(("01", "02", "03", "41"), 14),
    "04": 16,
    **dict.fromkeys(("11", "12", "13", "14", "15", "16", "17", "18", "19"), 6),
    "20": 2,
    **dict.fromkeys(("31", "32", "33", "34", "35", "36"), 8),
}
"""How many characters follow the first two of an element that needs no separator (GS1 General Specifications, 7.8)."""


class Item(Struct, frozen=True, gc=False):
    """One trade item of 14 digits, with the dates that the code states."""

    gtin: str
    best_before: date | None = None
    expires: date | None = None


def check_digit(digits: str) -> str:
    """The digit that ends a code which begins with these.

    >>> check_digit("0950600013435")
    '2'
    """
    return str(-sum([int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(digits))]) % 10)


def gtin(digits: str) -> str:
    """The 14 digits of a GTIN-8, -12, -13 or -14; :class:`Invalid` when it is none.

    >>> gtin("3017620422003"), gtin("96385074")
    ('03017620422003', '00000096385074')
    """
    if len(digits) not in LENGTHS or not (digits.isascii() and digits.isdigit()):
        raise Invalid("Not a GTIN: it has 8, 12, 13 or 14 digits.", advice="Send the digits below the bar code.")
    if check_digit(digits[:-1]) != digits[-1]:
        raise Invalid("Not a GTIN: its last digit does not fit the others.", advice="Read the code again.")
    return digits.zfill(14)


def spellings(item: str) -> tuple[str, ...]:
    """The ways in which a catalogue may write this GTIN of 14 digits, the most usual first.

    >>> spellings("03017620422003"), spellings("00000096385074")
    (('3017620422003', '03017620422003'), ('0000096385074', '00000096385074', '000096385074', '96385074'))
    """
    return tuple([item[-length:] for length in (13, 14, 12, 8) if item[:-length].strip("0") == ""])


def read(code: str) -> Item:
    """The item that this code names; :class:`Invalid` when it names none. A date that is none is passed over.

    >>> read("https://example.com/shop/01/09506000134352/10/ABC/21/123?15=270230;17=270131").expires
    datetime.date(2027, 1, 31)
    >>> read("urn:epc:id:sgtin:0614141.107346.2018").gtin
    '10614141073464'
    >>> read("(01)09506000134352(10)ABC").gtin == read("]d2010950600013435210ABC").gtin == "09506000134352"
    True
    """
    if len(code) > LONGEST:
        raise Invalid("Not a product's code: it is too long.", advice=f"Send at most {LONGEST:,} characters.")
    code = code.strip(" \t\r\n")
    start = code[:8].lower()
    if start.startswith(("http://", "https://")):
        return _linked(code)
    if start.startswith("urn:"):
        return Item(_epc(code))
    if code.startswith("("):
        return _item(_BRACKETED.findall(code))
    found = _ELEMENTS.fullmatch(code)
    return _item(_elements(found[1])) if found is not None else Item(gtin(code))


def product_of(known: Container[str], code: str) -> str:
    """The product by its ``known`` name, else its 14 digits without lot or serial number; another code stays as it is.

    >>> product_of({"3017620422003": "spread"}, "https://id.gs1.org/01/03017620422003/21/S1")
    '3017620422003'
    >>> product_of({}, "own-bread")
    'own-bread'
    """
    if code in known:
        return code
    try:
        item = read(code).gtin
    except Invalid:
        return code
    return next((spelling for spelling in spellings(item) if spelling in known), item)


def _item(elements: Iterable[tuple[str, str]]) -> Item:
    """The item of these application identifiers and their values; the first of each counts."""
    found: dict[str, str] = {}
    for key, text in elements:
        found.setdefault(key, text)
    if "01" not in found:
        raise Invalid("Not a product's code: it names no trade item.", advice="Its identifier is 01, then 14 digits.")
    dates: dict[str, Any] = {field: _day(found[key]) for key, field in DATES.items() if key in found}
    return Item(gtin(found["01"].strip()), **dates)


def _linked(code: str) -> Item:
    """The item of a Digital Link: it is read by its path alone, so any domain and prefix will do."""
    try:
        parts = urlsplit(code)
        host = parts.hostname
    except ValueError:
        host = None
    if not host:
        raise Invalid("Not a Digital Link: it has no host.", advice="Write it as https://id.gs1.org/01/GTIN.")
    path = [NAMES.get(one.lower(), one) for one in map(unquote, parts.path.split("/"))]
    query = [one.partition("=") for one in re.split("[&;]", parts.query)]
    stated = [(NAMES.get(key.lower(), key), unquote(text)) for key, _, text in query]
    for at in [at for at, segment in enumerate(path[:-1]) if segment == "01"]:
        try:
            return _item([("01", path[at + 1]), *zip(path[at + 2 :: 2], path[at + 3 :: 2], strict=False), *stated])
        except Invalid:
            continue
    raise Invalid("Not a Digital Link: its path names no trade item.", advice="Write it as https://id.gs1.org/01/GTIN.")


def _elements(text: str) -> Iterator[tuple[str, str]]:
    while text:
        key, text = text[:2], text[2:]
        if (length := _FIXED.get(key)) is not None:
            value, text = text[:length], text[length:].removeprefix(_SEPARATOR)
        else:
            value, _, text = text.partition(_SEPARATOR)
        yield key, value


def _epc(code: str) -> str:
    found = _EPC.fullmatch(code)
    if found is None or len(found[1]) + len(found[2]) != 13:
        raise Invalid(
            "Not an EPC of a trade item.",
            advice="Send a URN that begins with urn:epc:id:sgtin: or urn:epc:class:lgtin:, or a Digital Link.",
        )
    body = found[2][0] + found[1] + found[2][1:]
    return body + check_digit(body)


def _day(text: str) -> date | None:
    """A date as GS1 writes it, YYMMDD; day 00 is the last of its month. ``None`` for what is no date.

    The year is the one within 50 years of 2026 (General Specifications, 7.12): 77 to 99 are of the last century.
    """
    if len(text) != 6 or not (text.isascii() and text.isdigit()):
        return None
    year, month, day = 2000 + int(text[:2]), int(text[2:4]), int(text[4:])
    year -= 100 if year > 2076 else 0
    try:
        return date(year, month, day or monthrange(year, month)[1])
    except ValueError:
        return None
