"""GS1: the trade item that a code names, given as digits, a Digital Link or an EPC; one item has one 14-digit key."""
# A Digital Link is read by its path alone, so any domain and prefix will do.

import re
from calendar import monthrange
from collections.abc import Container
from datetime import date
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from msgspec import Struct

from visavis.model.errors import Invalid

HOME: Final = "https://id.gs1.org"
LENGTHS: Final = (8, 12, 13, 14)
LONGEST: Final = 2_000
"""The longest code accepted, in characters."""
QUALIFIERS: Final[dict[str, tuple[str, int]]] = {
    "22": ("variant", 20),
    "10": ("lot", 20),
    "21": ("serial", 20),
    "235": ("third_party", 28),
}
"""What may follow the item in a Digital Link, in this order: the field it fills, and how long it may be."""
DATES: Final[dict[str, str]] = {"15": "best_before", "17": "expires"}
_TEXT: Final = re.compile(r"[!-\"%-?A-Z_a-z]+")
_EPC: Final = re.compile(r"urn:epc:(?:id:sgtin|class:lgtin|idpat:sgtin):(\d{6,12})\.(\d{1,7})\.(.+)", re.DOTALL)
_NAMELESS: Final = "*"


class Item(Struct, frozen=True, gc=False):
    """One trade item; ``gtin`` has 14 digits, what the code does not state is empty."""

    gtin: str
    variant: str = ""
    lot: str = ""
    serial: str = ""
    third_party: str = ""
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
    """The item that this code names: digits, a Digital Link, or an EPC as a URN. :class:`Invalid` when it names none.

    >>> read("https://example.com/shop/01/09506000134352/10/ABC/21/123?17=270131").lot
    'ABC'
    >>> read("urn:epc:id:sgtin:0614141.107346.2018").gtin
    '10614141073464'
    """
    if len(code) > LONGEST:
        raise Invalid("Not a product's code: it is too long.", advice=f"Send at most {LONGEST:,} characters.")
    if code[:8].lower().startswith(("http://", "https://")):
        return _linked(code)
    return _epc(code) if code.startswith("urn:") else Item(gtin(code))


def canonical(item: Item) -> str:
    """The one Digital Link of this item, at GS1's own address.

    >>> canonical(read("http://shop.example/a/01/9506000134352/21/1%2F2?linkType=all&17=270200"))
    'https://id.gs1.org/01/09506000134352/21/1%2F2?17=270228'
    """
    path = [
        f"{HOME}/01/{item.gtin}",
        *[f"{key}/{quote(text, safe='')}" for key, (field, _) in QUALIFIERS.items() if (text := getattr(item, field))],
    ]
    query = [f"{key}={day:%y%m%d}" for key, field in DATES.items() if (day := getattr(item, field)) is not None]
    return "/".join(path) + ("?" + "&".join(query) if query else "")


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


def _linked(code: str) -> Item:
    try:
        parts = urlsplit(code)
        host = parts.hostname
    except ValueError:
        host = None
    if not host:
        raise Invalid("Not a Digital Link: it has no host.", advice="Write it as https://id.gs1.org/01/GTIN.")
    segments = parts.path.removesuffix("/").split("/")
    for at in [at for at, segment in enumerate(segments) if segment == "01"]:
        try:
            fields: dict[str, Any] = _path([unquote(segment, errors="strict") for segment in segments[at + 1 :]])
        except (Invalid, UnicodeDecodeError):
            continue
        text = dict(parse_qsl(parts.query, max_num_fields=None))
        dates: dict[str, Any] = {field: _day(text[key]) for key, field in DATES.items() if key in text}
        return Item(**fields, **dates)
    raise Invalid(
        "Not a Digital Link: its path names no trade item.",
        advice="Write it as https://id.gs1.org/01/GTIN, then /22, /10, /21, /235 in this order.",
    )


def _path(segments: list[str]) -> dict[str, str]:
    """What follows ``/01/``: the item, then its qualifiers in their order, each once."""
    if len(segments) % 2 == 0:
        raise Invalid("A qualifier has no value.")
    fields, order = {"gtin": gtin(segments[0])}, list(QUALIFIERS)
    for key, text in zip(segments[1::2], segments[2::2], strict=True):
        if key not in order:
            raise Invalid("A qualifier is unknown, comes twice or too late.")
        del order[: order.index(key) + 1]
        field, longest = QUALIFIERS[key]
        fields[field] = _text(text, longest)
    return fields


def _epc(code: str) -> Item:
    found = _EPC.fullmatch(code)
    if found is None or len(found[1]) + len(found[2]) != 13:
        raise Invalid(
            "Not an EPC of a trade item.",
            advice="Send a URN that begins with urn:epc:id:sgtin: or urn:epc:class:lgtin:, or a Digital Link.",
        )
    company, reference, rest = found.groups()
    body = reference[0] + company + reference[1:]
    item = body + check_digit(body)
    if rest == _NAMELESS and ":idpat:" in code:
        return Item(item)
    try:
        text = _text(unquote(rest, errors="strict"), 20)
    except UnicodeDecodeError:
        raise Invalid("Not an EPC: its last part is not UTF-8.", advice="Write it with percent signs.") from None
    return Item(item, lot=text) if ":lgtin:" in code else Item(item, serial=text)


def _text(text: str, longest: int) -> str:
    if len(text) > longest or not _TEXT.fullmatch(text):
        raise Invalid(
            f"A lot or serial number has 1 to {longest} letters, digits or signs.",
            advice="Write others with percent signs.",
        )
    return text


def _day(text: str) -> date:
    """A date as GS1 writes it, YYMMDD, of this century; day 00 is the last of its month."""
    try:
        if len(text) != 6 or not (text.isascii() and text.isdigit()):
            raise ValueError
        year, month, day = 2000 + int(text[:2]), int(text[2:4]), int(text[4:])
        return date(year, month, day or monthrange(year, month)[1])
    except ValueError:
        raise Invalid("Not a Digital Link: a date in it is none.", advice="Write it as YYMMDD.") from None
