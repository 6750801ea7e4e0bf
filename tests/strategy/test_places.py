from math import cos, radians
from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as st

from visavis.model.catalogue import Place
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
    return Place("", "", "", "", ring=(*ring, ring[0]))


@st.composite
def near(draw: st.DrawFn, place: Place) -> tuple[float, float]:
    """A point where the place has its edges, or anywhere."""
    if draw(st.booleans()):
        return draw(longitudes), draw(latitudes)
    if place.ring:
        x, y = draw(st.sampled_from(place.ring))
        reach = draw(st.sampled_from([0.0, 1e-12, 1e-6, 0.01]))
        return x + draw(st.floats(-reach, reach)), y + draw(st.floats(-reach, reach))
    degrees = place.radius_m / 111_195.0 * draw(st.sampled_from([0.0, 0.5, 0.999999, 1.0, 1.000001]))
    shrink = max(cos(radians(place.latitude)), 1e-3)
    x, y = place.longitude + draw(st.sampled_from([-1, 0, 1])) * degrees / shrink, place.latitude
    x, y = (x, y) if draw(st.booleans()) else (place.longitude, y + degrees)
    return (x + 180.0) % 360.0 - 180.0, min(max(y, -90.0), 90.0)


@settings(max_examples=600)
@given(st.data(), st.lists(a_circle() | a_polygon(), min_size=1, max_size=6))
def test_the_grid_finds_the_places_that_a_plain_scan_finds(data: st.DataObject, drawn: list[Place]) -> None:
    places = [
        Place(str(i), "", "", "", place.longitude, place.latitude, place.radius_m, place.ring)
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
