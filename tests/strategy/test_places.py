from math import cos, radians
from time import process_time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavis.model.catalogue import Place
from visavis.strategy.faults import Reading
from visavis.strategy.geojson import places
from visavis.strategy.places import PlaceIndex, area_m2, contains

longitudes = st.floats(-180, 180) | st.sampled_from([-180.0, 180.0, -179.9999, 179.9999, 0.0, 0.01])
latitudes = st.floats(-90, 90) | st.sampled_from([-90.0, 90.0, 89.9, -89.9999, 0.0, 48.85])
radii = st.floats(1e-3, 2e7) | st.floats(1, 5000)


@st.composite
def a_circle(draw: st.DrawFn) -> Place:
    return Place("", "", "", "", draw(longitudes), draw(latitudes), draw(radii))


@st.composite
def a_polygon(draw: st.DrawFn) -> Place:
    x, y, size = draw(longitudes), draw(latitudes), draw(st.floats(1e-4, 20))
    corner = st.tuples(
        st.floats(max(x - size, -180), min(x + size, 180)), st.floats(max(y - size, -90), min(y + size, 90))
    )
    ring = draw(st.lists(corner, min_size=3, max_size=6))
    return Place("", "", "", "", rings=((*ring, ring[0]),))


@st.composite
def near(draw: st.DrawFn, place: Place) -> tuple[float, float]:
    """A point where the place has its edges, or anywhere."""
    if draw(st.booleans()):
        return draw(longitudes), draw(latitudes)
    if place.rings:
        x, y = draw(st.sampled_from(place.rings[0]))
        reach = draw(st.sampled_from([0.0, 1e-12, 1e-6, 0.01]))
        return x + draw(st.floats(-reach, reach)), y + draw(st.floats(-reach, reach))
    degrees = place.radius_m / 111_195.0 * draw(st.sampled_from([0.0, 0.5, 0.999999, 1.0, 1.000001]))
    shrink = max(cos(radians(place.latitude)), 1e-3)
    x, y = place.longitude + draw(st.sampled_from([-1, 0, 1])) * degrees / shrink, place.latitude
    x, y = (x, y) if draw(st.booleans()) else (place.longitude, y + degrees)
    return (x + 180.0) % 360.0 - 180.0, min(max(y, -90.0), 90.0)


@settings(max_examples=150)
@given(st.data(), st.lists(a_circle() | a_polygon(), min_size=1, max_size=6))
def test_the_grid_finds_the_places_that_a_plain_scan_finds(data: st.DataObject, drawn: list[Place]) -> None:
    places = [
        Place(str(i), "", "", "", place.longitude, place.latitude, place.radius_m, place.rings)
        for i, place in enumerate(drawn)
    ]
    index = PlaceIndex(places)

    for place in places:
        point = data.draw(near(place))
        inside = [one for one in places if contains(one, *point)]
        assert index.containing(*point) == sorted(inside, key=lambda one: (area_m2(one), one.id))


def test_a_circle_lies_across_the_meridian_of_180_degrees_and_around_a_pole() -> None:
    fiji = Place("fiji", "", "", "", 179.999, -17.0, 500.0)
    pole = Place("pole", "", "", "", 0.0, 89.999, 5_000.0)
    index = PlaceIndex([fiji, pole])

    assert index.containing(-179.999, -17.0) == [fiji]
    assert index.containing(180.0, -17.0) == [fiji]
    assert index.containing(-179.99, -17.0) == []
    assert index.containing(120.0, 89.98) == [pole]


def test_a_point_is_found_among_many_places_without_looking_at_each() -> None:
    places = [
        Place(f"s{i}", "shop", "", "", -4.0 + i % 200 * 0.06, 42.0 + i // 200 * 0.1, 150.0) for i in range(20_000)
    ]
    index = PlaceIndex(places)

    started = process_time()
    found = [index.containing(place.longitude, place.latitude) for place in places[::100]]

    assert found == [[place] for place in places[::100]]
    assert process_time() - started < 0.1  # one plain scan of all of them takes about 9 ms


def geojson(*geometries: object, zone: str = "Pacific/Fiji") -> dict[str, bytes]:
    """The example with these places instead of its own."""
    features = [
        {
            "type": "Feature",
            "properties": {"id": f"p{number}", "kind": "shop", "name": "P", "zone": zone},
            "geometry": geometry,
        }
        for number, geometry in enumerate(geometries)
    ]
    lines = b",\n".join(map(msgspec.json.encode, features))
    return {"places.geojson": b'{"type": "FeatureCollection", "features": [\n' + lines + b"]}"}


def placed(*geometries: object, zone: str = "Pacific/Fiji") -> tuple[dict[str, Place], list[str]]:
    """The places as they are read, and the faults."""
    reading = Reading(geojson(*geometries, zone=zone))
    found = places(reading)
    return found, reading.listed()


def square(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


@given(st.floats(-180, 180), st.floats(-80, 80), st.integers(0, 3), st.booleans())
def test_a_square_is_the_same_square_on_every_meridian(west: float, south: float, first: int, back: bool) -> None:
    east = west + 0.02 - (360.0 if west + 0.02 > 180.0 else 0.0)
    corners = square(west, south, east, south + 0.02)[:-1]
    corners = corners[first:] + corners[:first]
    ring = [*corners, corners[0]][:: -1 if back else 1]
    [place] = placed({"type": "Polygon", "coordinates": [ring]}, zone="UTC")[0].values()
    index = PlaceIndex([place])

    def at(longitude: float, latitude: float) -> bool:
        return bool(index.containing((longitude + 180.0) % 360.0 - 180.0, latitude))

    assert at(west + 0.01, south + 0.01)
    assert not at(west - 0.01, south + 0.01)
    assert not at(west + 0.03, south + 0.01)
    assert not at(west + 180.0, south + 0.01)
    assert 0.9 < area_m2(place) / (0.02 * 111_195) ** 2 / cos(radians(south)) < 1.1


def test_a_place_cut_at_180_degrees_is_one_place() -> None:
    halves = [[square(179.99, -16.80, 180.0, -16.78)], [square(-180.0, -16.80, -179.99, -16.78)]]
    found, faults = placed({"type": "MultiPolygon", "coordinates": halves})
    index = PlaceIndex(found.values())

    assert not faults
    assert [bool(index.containing(longitude, -16.79)) for longitude in (179.995, -179.995, 179.98, -179.98, 0.0)] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("geometry", "said"),
    [
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}, "crosses itself"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [2, 0], [0, 0]]]}, "has no area"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [0, 0], [0, 0], [0, 0]]]}, "crosses itself"),
        ({"type": "Polygon", "coordinates": [square(0, 0, 1e-9, 1e-9)]}, "has no area"),
        ({"type": "Polygon", "coordinates": [square(0, 0, 1, 1), square(0.2, 0.2, 0.4, 0.4)]}, "not one closed ring"),
        ({"type": "MultiPolygon", "coordinates": []}, "is empty"),
        ({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}, "neither a Point"),
        (None, "Expected `object`"),
    ],
)
def test_each_fault_of_a_file_is_listed(geometry: object, said: str) -> None:
    found, faults = placed(geometry, None, {"type": "Polygon", "coordinates": [square(178.0, -17.0, 178.1, -16.9)]})

    assert list(found) == ["p2"]
    assert [one.split(": ")[0] for one in faults] == ["places.geojson:2", "places.geojson:3"]
    assert said in faults[0]


def test_longitude_and_latitude_in_each_others_place_are_a_fault() -> None:
    paris = {"type": "Polygon", "coordinates": [square(2.35, 48.85, 2.36, 48.86)]}
    swapped = {"type": "Polygon", "coordinates": [square(48.85, 2.35, 48.86, 2.36)]}

    assert not placed(paris, zone="Europe/Paris")[1]
    assert "numbers swapped" in placed(swapped, zone="Europe/Paris")[1][0]
