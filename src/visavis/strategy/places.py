"""The places that contain a point, and those in which each place lies."""

from collections.abc import Iterable
from math import asin, cos, degrees, floor, pi, radians, sin, sqrt
from typing import Final

from visavis.model.catalogue import Place

EARTH_M: Final = 6_371_008.8
DEGREE_M: Final = EARTH_M * pi / 180.0
CELLS_A_DEGREE: Final = 100
CELLS_AROUND: Final = 360 * CELLS_A_DEGREE
CELLS_LIMIT: Final = 1000
"""A place over more cells than this is kept aside, and tested for every point."""
POLAR_LATITUDE: Final = 89.9
"""A circle that reaches beyond may hold a pole: its box has all longitudes."""
_POLAR_SHRINK: Final = 0.01
_MARGIN: Final = 1e-6
"""Degrees (0.1 m) by which a bounding box is widened, more than rounding can move an edge."""


class PlaceIndex:
    """Places by grid cell (0.01°) of their bounding boxes; columns go around the earth, across the 180° meridian."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._cells: dict[tuple[int, int], list[Place]] = {}
        self._large: list[Place] = []
        for place in places:
            west, south, east, north = _box(place)
            columns, rows = _cells(west, east), _cells(south, north)
            if len(columns) * len(rows) > CELLS_LIMIT:
                self._large.append(place)
                continue
            for column in columns:
                for row in rows:
                    self._cells.setdefault((column % CELLS_AROUND, row), []).append(place)

    def containing(self, longitude: float, latitude: float) -> list[Place]:
        """The places that contain this point (degrees), the smallest first; of equal sizes the first by id."""
        near = self._cells.get((floor(longitude * CELLS_A_DEGREE) % CELLS_AROUND, floor(latitude * CELLS_A_DEGREE)), ())
        inside = [place for place in (*near, *self._large) if contains(place, longitude, latitude)]
        return sorted(inside, key=lambda place: (area_m2(place), place.id))

    def near(self, longitude: float, latitude: float, reach_m: float) -> dict[str, Place]:
        """By id, every place that has a point within this reach, and perhaps others that are not much farther."""
        south, north = latitude - reach_m / DEGREE_M, latitude + reach_m / DEGREE_M
        around = reach_m / (DEGREE_M * max(cos(radians(latitude)), _POLAR_SHRINK))
        found = {place.id: place for place in self._large}
        for column in _cells(longitude - around, longitude + around):
            for row in _cells(south, north):
                found.update([(place.id, place) for place in self._cells.get((column % CELLS_AROUND, row), ())])
        return found

    def within(self, place: Place) -> tuple[str, ...]:
        """The larger places that contain the middle of this one, the smallest first."""
        own, middle = area_m2(place), _middle(place)
        return tuple([one.id for one in self.containing(*middle) if area_m2(one) > own])


def _middle(place: Place) -> tuple[float, float]:
    if not place.ring:
        return place.longitude, place.latitude
    longitudes, latitudes = zip(*set(place.ring), strict=True)
    return sum(sorted(longitudes)) / len(longitudes), sum(sorted(latitudes)) / len(latitudes)


def _cells(low: float, high: float) -> range:
    return range(floor((low - _MARGIN) * CELLS_A_DEGREE), floor((high + _MARGIN) * CELLS_A_DEGREE) + 1)


def _box(place: Place) -> tuple[float, float, float, float]:
    """West, south, east, north of a place, in degrees; for a circle sin Δλ = sin r / cos φ (Napier's rule)."""
    if place.ring:
        longitudes, latitudes = zip(*place.ring, strict=True)
        return min(longitudes), min(latitudes), max(longitudes), max(latitudes)
    reach = place.radius_m / DEGREE_M
    south, north = place.latitude - reach, place.latitude + reach
    if max(-south, north) > POLAR_LATITUDE:
        return -180.0, south, 180.0, north
    around = degrees(asin(sin(radians(reach)) / cos(radians(place.latitude))))
    return place.longitude - around, south, place.longitude + around, north


def contains(place: Place, longitude: float, latitude: float) -> bool:
    """Whether the point is in the circle (haversine distance) or in the polygon (ray casting)."""
    if not place.ring:
        return 0.0 < distance_m(place.longitude, place.latitude, longitude, latitude) <= place.radius_m or (
            place.radius_m > 0.0 and (place.longitude, place.latitude) == (longitude, latitude)
        )
    inside = False
    x1, y1 = place.ring[-1]
    for x2, y2 in place.ring:
        if (y1 > latitude) != (y2 > latitude) and longitude < (x2 - x1) * (latitude - y1) / (y2 - y1) + x1:
            inside = not inside
        x1, y1 = x2, y2
    return inside


def apart_m(place: Place, longitude: float, latitude: float) -> float:
    """How far the point is from a circle around the place; 0 within it."""
    middle = _middle(place)
    extent = max([distance_m(*middle, *corner) for corner in place.ring], default=place.radius_m)
    return max(0.0, distance_m(*middle, longitude, latitude) - extent)


def distance_m(longitude_a: float, latitude_a: float, longitude_b: float, latitude_b: float) -> float:
    """Great-circle distance.

    >>> round(distance_m(2.3522, 48.8566, -0.1276, 51.5072) / 1000)
    344

    Reference: Sinnott, *Virtues of the haversine*, 1984.
    """
    a, b = radians(latitude_a), radians(latitude_b)
    h = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(longitude_b - longitude_a) / 2) ** 2
    return 2.0 * EARTH_M * asin(min(1.0, sqrt(h)))


def area_m2(place: Place) -> float:
    """The area of a place; a polygon's is that of its flat projection, good enough to order nested ones."""
    if not place.ring:
        return pi * place.radius_m**2
    shrink = cos(radians(place.ring[0][1]))
    total = 0.0
    x1, y1 = place.ring[-1]
    for x2, y2 in place.ring:
        total += (x1 * y2 - x2 * y1) * shrink
        x1, y1 = x2, y2
    return abs(total) / 2.0 * DEGREE_M**2
