"""The brand's products and families, from CSV; each fault with its line."""

import csv
import io
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo

from visavis.model.catalogue import Family, Product
from visavis.model.errors import Invalid
from visavis.model.gs1 import gtin
from visavis.model.ids import ID_LIMIT
from visavis.strategy.faults import Reading
from visavis.strategy.suggestion import suggestion

PRODUCTS: Final = (*Product.__struct_fields__, "never_push")
FAMILIES: Final = ("family", "name_fr", "name_en", "never_push")
OWN_DIGITS: Final = 8
"""A number of up to so many digits may be a brand's own; a longer one is a GTIN."""
PRICE_LIMIT_CENTS: Final = 1_000_000_000
_NO: Final = frozenset({"", "0", "no", "n", "non", "false", "faux"})
_NUMBER: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)?e[+-]?[0-9]+", re.IGNORECASE)


def rows(
    reading: Reading, path: str, known: tuple[str, ...], needed: tuple[str, ...]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The line number and the cells of each row, in the order of ``known``; a column that the file lacks is empty."""
    text = reading.text(path)
    if not text or not text.strip():
        return
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        head = next(lines, [])
        if not set(needed) & set(head) and (sign := _separator(",".join(head), len(needed))):
            reading.fault(path, 1, f"the columns are separated by {sign}, not by commas", "Save it with commas.")
            return
        for name in needed:
            if name not in head and not get_close_matches(name, set(head) - set(known), n=1):
                advice = f"The first line names the columns: {', '.join(known)}."
                reading.fault(path, 1, f"the column {name} is missing", advice)
        for name in head:
            if name not in known or head.count(name) > 1:
                what = f"the column `{name[:40]}` is " + ("not known" if name not in known else "there twice")
                reading.fault(path, 1, what, suggestion(name, known) if name not in known else "Keep one.")
        if not set(needed) <= set(head):
            return
        width = len(head)
        places = [head.index(name) if name in head else width for name in known]
        for row in lines:
            if len(row) == width:
                row.append("")
                yield lines.line_num, tuple([row[place] for place in places])
            elif len(row) == 1 and (sign := _separator(row[0], width)):
                what = f"from this line on the cells are separated by {sign}, not by commas"
                reading.fault(path, lines.line_num, what, "Save it with commas.")
                return
            elif row:
                what = f"this line has {len(row)} cells, not {width}"
                reading.fault(
                    path, lines.line_num, what, "Put cells with a comma between quotes, and close each quote."
                )
    except csv.Error as error:
        reading.fault(path, lines.line_num, f"this is not CSV: {error}", "Correct the line.")


_SIGNS: Final = {";": "semicolons", "\t": "tabs", "|": "bars"}


def _separator(cell: str, width: int) -> str:
    """What separates a line that is one cell where ``width`` were expected; empty when nothing we know."""
    return next((name for sign, name in _SIGNS.items() if cell.count(sign) + 1 >= width), "")


def families(reading: Reading) -> dict[str, Family]:
    """``families.csv``: their names, and which are never pushed."""
    path, found = "families.csv", dict[str, Family]()
    for line, (key, name_fr, name_en, never_push) in rows(reading, path, FAMILIES, ("family", "name_fr", "name_en")):
        if not key or key in found:
            what = f"`{key[:ID_LIMIT]}` is there twice" if key else "the family is not named"
            reading.fault(path, line, what, "One line a family.")
        found[key] = Family(key, name_fr, name_en, _reason(never_push))
    return found


def products(reading: Reading) -> tuple[dict[str, Product], frozenset[str]]:
    """``products.csv``, and the families of products that are never pushed; a product without a family is its own."""
    path, found, never = "products.csv", dict[str, Product](), set[str]()
    for line, cells in rows(reading, path, PRODUCTS, ("gtin", "family")):
        code, family, name_fr, name_en, price_cents, margin_share, aisle, image, never_push = map(str.strip, cells)
        if not code or code in found or len(code) > ID_LIMIT or not code.isprintable():
            what = "there twice" if code in found else f"not a name of 1 to {ID_LIMIT} characters"
            advice = "Each line names one product by its gtin."
            reading.fault(path, line, f"the product `{code[:ID_LIMIT]}` is {what}", advice)
        elif ruined := _ruined(code):
            advice = f"Keep the column as text in a spreadsheet; a number of your own has up to {OWN_DIGITS} digits."
            reading.fault(path, line, f"the code `{code}` {ruined}", advice)
        price, margin = _number(price_cents, int), _number(margin_share, float)
        if not 0 <= price <= PRICE_LIMIT_CENTS or not 0.0 <= margin <= 1.0:
            what = f"the price or margin of `{code[:ID_LIMIT]}` is not a number that can be"
            given = f"They are `{price_cents[:20]}` and `{margin_share[:20]}`"
            advice = f"{given}: price_cents is whole cents, such as 129 for 1.29, margin_share 0 to 1."
            reading.fault(path, line, what, advice)
        if _reason(never_push):
            never.add(family or code)
        found[code] = Product(code, family or code, name_fr, name_en, int(price), margin, aisle, image)
    return found, frozenset(never)


def _number(text: str, kind: type[int] | type[float]) -> float:
    """The number of a cell, 0 when it is empty; -1 when it is none."""
    try:
        return kind(text or 0)
    except ValueError:
        return -1


def _reason(never_push: str) -> str:
    """Why something is never pushed; empty for a no."""
    return "" if never_push.strip().lower() in _NO else never_push.strip()


def _ruined(code: str) -> str:
    """What a spreadsheet did to this code; empty when nothing. Codes of a brand's own are not checked."""
    if _NUMBER.fullmatch(code):
        return "is a number, no code: its digits are lost"
    if code.startswith(("'", "=", '"')):
        return "begins with a sign of a spreadsheet"
    if not (code.isascii() and code.isdigit()) or len(code) <= OWN_DIGITS:
        return ""
    try:
        gtin(code)
    except Invalid:
        return "is no GTIN: it lacks a zero in front, or its last digit does not fit the others"
    return ""


def is_zone(name: str) -> bool:
    """Whether this is a time zone of the IANA database."""
    try:
        return bool(ZoneInfo(name))
    except (KeyError, ValueError, OSError):
        return False
