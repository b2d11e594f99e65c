"""Great circles where formulas go wrong: at the poles, the antimeridian, the antipodes and at nearly no distance."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.geography.sphere import EARTH_RADIUS_KM, great_circle_km

HALF_WAY = math.pi * EARTH_RADIUS_KM
LAT = st.floats(-90, 90)
LON = st.floats(-180, 180)


@pytest.mark.parametrize(
    ("places", "km"),
    [
        ((52.52, 13.40, 48.86, 2.35), 878),
        ((40.71, -74.01, 34.05, -118.24), 3_936),
        ((0, 179.5, 0, -179.5), 111.19),
        ((90, 0, 90, 123), 0),
        ((89.9, 0, 89.9, 180), 22.24),
        ((90, 0, -90, 77), HALF_WAY),
        ((0, 0, 0, 180), HALF_WAY),
        ((12, 34, -12, -146), HALF_WAY),
        ((52.52, 13.40, 52.52, 13.400001), 6.77e-5),
    ],
)
def test_known_distances(places: tuple[float, float, float, float], km: float) -> None:
    assert great_circle_km(*map(float, places)) == pytest.approx(km, rel=2e-3, abs=1e-6)


@given(LAT, LON, LAT, LON)
def test_distance_is_that_of_the_chord(lat: float, lon: float, other_lat: float, other_lon: float) -> None:
    a, b = ((math.radians(x), math.radians(y)) for x, y in ((lat, lon), (other_lat, other_lon)))
    x, y = (
        (math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)) for north, east in (a, b)
    )
    by_chord = 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.dist(x, y) / 2))
    assert great_circle_km(lat, lon, other_lat, other_lon) == pytest.approx(by_chord, abs=1e-2)
    assert great_circle_km(other_lat, other_lon, lat, lon) == pytest.approx(by_chord, abs=1e-2)
