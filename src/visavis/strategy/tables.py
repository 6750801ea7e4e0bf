"""The brand's products, families and places, from CSV and GeoJSON; each fault with its line."""

import csv
import io
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from visavis.model.catalogue import Family, Place, Product
from visavis.model.errors import Invalid
from visavis.model.gs1 import gtin
from visavis.model.ids import ID_LIMIT
from visavis.strategy.faults import Reading
from visavis.strategy.opening_hours import opening_hours
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


def places(reading: Reading) -> dict[str, Place]:
    """``places.geojson``: circles (a Point and its ``radius_m``) and polygons without holes."""
    path, found = "places.geojson", dict[str, Place]()
    text = reading.text(path)
    if not text:
        return found
    try:
        features = msgspec.json.decode(text, type=_Collection).features
    except (msgspec.MsgspecError, RecursionError) as error:
        where = re.search(r"\(byte (\d+)\)", str(error))
        line = text.encode().count(b"\n", 0, int(where[1])) + 1 if where else 1
        what = f"this is not a GeoJSON collection: {error}"
        reading.fault(path, line, what, "It is a FeatureCollection of Features.")
        return found
    # The decoder gives no lines: the nth feature stands where the nth `properties` does.
    starts = [text.count("\n", 0, match.start()) + 1 for match in re.finditer(r'"properties"\s*:', text)]
    for number, feature in enumerate(features):
        line = starts[number] if len(starts) == len(features) else 1
        try:
            place = _place(feature)
        except (msgspec.ValidationError, ValueError, KeyError) as error:
            advice = "Give id, kind, name, zone, and a Point with radius_m or a Polygon."
            reading.fault(path, line, f"this is not a place: {error}", advice)
            continue
        if place.id in found:
            reading.fault(path, line, f"the place `{place.id}` is there twice", "Each place has its own id.")
        if not is_zone(place.zone):
            reading.fault(path, line, f"`{place.zone}` is not a time zone", "Write one such as Europe/Paris.")
        found[place.id] = place
    return found


def is_zone(name: str) -> bool:
    """Whether this is a time zone of the IANA database."""
    try:
        return bool(ZoneInfo(name))
    except (KeyError, ValueError, OSError):
        return False


class _About(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    kind: str
    name: str
    zone: str
    radius_m: float = 0.0
    opening_hours: str = ""


class _Feature(msgspec.Struct):
    geometry: dict[str, Any]
    properties: Any


class _Collection(msgspec.Struct):
    features: list[_Feature]


def _place(feature: _Feature) -> Place:
    about = msgspec.convert(feature.properties, _About)
    if not 0 < len(about.id) <= ID_LIMIT:
        raise ValueError(f"its id has not 1 to {ID_LIMIT} characters")
    hours = about.opening_hours
    if hours:
        opening_hours(hours)
    kind, coordinates = feature.geometry.get("type"), feature.geometry.get("coordinates")
    if kind == "Point":
        if about.radius_m <= 0.0:
            raise ValueError("a Point needs a radius_m above 0")
        longitude, latitude = _point(msgspec.convert(coordinates, list[float]))
        return Place(about.id, about.kind, about.name, about.zone, longitude, latitude, about.radius_m, (), hours)
    if kind != "Polygon":
        raise ValueError("its geometry is neither a Point nor a Polygon")
    rings = msgspec.convert(coordinates, list[list[list[float]]])
    if len(rings) != 1 or len(rings[0]) < 4 or rings[0][0] != rings[0][-1]:
        raise ValueError("its Polygon is not one closed ring of at least four points")
    ring = tuple([_point(point) for point in rings[0]])
    return Place(about.id, about.kind, about.name, about.zone, ring=ring, opening_hours=hours)


def _point(numbers: list[float]) -> tuple[float, float]:
    if len(numbers) not in (2, 3) or not (abs(numbers[0]) <= 180.0 and abs(numbers[1]) <= 90.0):
        raise ValueError("a point is longitude (-180 to 180), latitude (-90 to 90)")
    return numbers[0], numbers[1]
