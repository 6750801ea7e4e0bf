"""``places.geojson`` (RFC 7946): circles (a Point and its ``radius_m``) and polygons without holes; faults by line."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final

import msgspec
import numpy as np

from visavis.model.catalogue import Place, Ring
from visavis.model.ids import ID_LIMIT
from visavis.strategy.faults import Reading
from visavis.strategy.opening_hours import opening_hours
from visavis.strategy.places import area_m2, distance_m
from visavis.strategy.tables import is_zone

PATH: Final = "places.geojson"
CORNERS_LIMIT: Final = 2_000
LEAST_AREA_M2: Final = 0.1
FAR_M: Final = 2_500_000.0
"""So far from its time zone's city, and near it with its numbers swapped, a place has them swapped."""
_CITY: Final = re.compile(r"^\S+\t([+-]\d{2})(\d{2})(?:\d{2})?([+-]\d{3})(\d{2})(?:\d{2})?\t(\S+)", re.MULTILINE)


def places(reading: Reading) -> dict[str, Place]:
    """The places by id; every feature is read, whatever is wrong with another."""
    found = dict[str, Place]()
    text = reading.text(PATH)
    if not text:
        return found
    try:
        features = msgspec.json.decode(text, type=_Collection).features
    except (msgspec.MsgspecError, RecursionError) as error:
        where = re.search(r"\(byte (\d+)\)", str(error))
        line = text.encode().count(b"\n", 0, int(where[1])) + 1 if where else 1
        what = f"this is not a GeoJSON collection: {error}"
        reading.fault(PATH, line, what, "It is a FeatureCollection of Features.")
        return found
    # The decoder gives no lines: the nth feature stands where the nth `properties` does.
    starts = [text.count("\n", 0, match.start()) + 1 for match in re.finditer(r'"properties"\s*:', text)]
    for number, feature in enumerate(features):
        line = starts[number] if len(starts) == len(features) else 1
        try:
            place = _place(msgspec.convert(feature, _Feature))
        except (msgspec.ValidationError, ValueError, KeyError) as error:
            advice = "Give id, kind, name, zone, and a Point with radius_m, a Polygon or a MultiPolygon."
            reading.fault(PATH, line, f"this is not a place: {error}", advice)
            continue
        if place.id in found:
            reading.fault(PATH, line, f"the place `{place.id}` is there twice", "Each place has its own id.")
        if not is_zone(place.zone):
            reading.fault(PATH, line, f"`{place.zone}` is not a time zone", "Write one such as Europe/Paris.")
        elif _is_swapped(place):
            what = f"the place `{place.id}` is far from {place.zone}, and near it with its numbers swapped"
            reading.fault(PATH, line, what, "GeoJSON writes the longitude first, then the latitude.")
        found[place.id] = place
    return found


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
    features: list[Any]


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
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError("its geometry is neither a Point nor a Polygon nor a MultiPolygon")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    rings = tuple([_ring(polygon) for polygon in msgspec.convert(polygons, list[list[list[list[float]]]])])
    if not rings:
        raise ValueError("its MultiPolygon is empty")
    return Place(about.id, about.kind, about.name, about.zone, rings=rings, opening_hours=hours)


def _ring(polygon: list[list[list[float]]]) -> Ring:
    """The one ring of a polygon; across 180° its longitudes go on (180.01 for -179.99)."""
    if len(polygon) != 1 or len(polygon[0]) < 4 or polygon[0][0] != polygon[0][-1]:
        raise ValueError("its Polygon is not one closed ring of at least four points")
    if len(polygon[0]) > CORNERS_LIMIT:
        raise ValueError(f"its ring has more than {CORNERS_LIMIT:,} points")
    ring = tuple(_unwrapped([_point(point) for point in polygon[0]]))
    if _crosses_itself(ring):
        raise ValueError("its ring crosses itself")
    if area_m2(Place("", "", "", "", rings=(ring,))) < LEAST_AREA_M2:
        raise ValueError("its ring has no area")
    return ring


def _unwrapped(points: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """The points, each longitude within 180° of the one before: an edge is never longer than half the earth."""
    turns, before = 0.0, points[0][0]
    for longitude, latitude in points:
        step = longitude - before
        turns += -360.0 if step > 180.0 else 360.0 if step < -180.0 else 0.0
        yield longitude + turns, latitude
        before = longitude


def _crosses_itself(ring: Ring) -> bool:
    """Whether two edges that are not neighbours meet."""
    starts, ends = np.array(ring[:-1]), np.array(ring[1:])
    count = len(starts)
    for index in range(count - 2):
        others = np.arange(index + 2, count - (index == 0))
        a, b, c, d = starts[index], ends[index], starts[others], ends[others]
        apart = (_side(a, b, c) * _side(a, b, d) > 0) | (_side(c, d, a) * _side(c, d, b) > 0)
        boxes = np.all((np.minimum(c, d) <= np.maximum(a, b)) & (np.minimum(a, b) <= np.maximum(c, d)), axis=1)
        if np.any(~apart & boxes):
            return True
    return any(a == b for a, b in pairwise(ring))


def _side(a: Any, b: Any, c: Any) -> Any:
    """On which side of the line from a to b the point c lies: 1, 0 (on it) or -1."""
    ab, ac = b - a, c - a
    return np.sign(ab[..., 0] * ac[..., 1] - ab[..., 1] * ac[..., 0])


def _point(numbers: list[float]) -> tuple[float, float]:
    if len(numbers) not in (2, 3) or not (abs(numbers[0]) <= 180.0 and abs(numbers[1]) <= 90.0):
        raise ValueError("a point is longitude (-180 to 180), latitude (-90 to 90)")
    return numbers[0], numbers[1]


def _is_swapped(place: Place) -> bool:
    """Whether latitude and longitude are in each other's place, as far as the city of the time zone tells."""
    city = _cities().get(place.zone)
    longitude, latitude = place.rings[0][0] if place.rings else (place.longitude, place.latitude)
    if city is None or abs(longitude) > 90.0 or distance_m(longitude, latitude, *city) < FAR_M:
        return False
    return distance_m(latitude, longitude, *city) < distance_m(longitude, latitude, *city) / 3.0


@cache
def _cities() -> dict[str, tuple[float, float]]:
    """The longitude and latitude of the city that each time zone is named after (the IANA database's ``zone.tab``)."""
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    return {zone: (_degrees(east, e), _degrees(north, n)) for north, n, east, e, zone in _CITY.findall(table)}


def _degrees(whole: str, minutes: str) -> float:
    return float(whole) + (-1.0 if whole.startswith("-") else 1.0) * float(minutes) / 60.0
