"""Where is this point? The smallest place that contains it."""

from collections.abc import Iterable
from math import asin, cos, pi, radians, sin, sqrt
from typing import Final

from visavis.model.catalogue import Place

EARTH_M: Final = 6_371_008.8
DEGREE_M: Final = EARTH_M * pi / 180.0


def find(places: Iterable[Place], longitude: float, latitude: float) -> Place | None:
    """The smallest place that contains this point (degrees), or ``None``; equal sizes are told apart by id."""
    inside = [place for place in places if contains(place, longitude, latitude)]
    return min(inside, key=lambda place: (area_m2(place), place.id)) if inside else None


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
