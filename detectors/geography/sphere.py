"""Distances on the Earth taken as a sphere."""

from __future__ import annotations

import math
from typing import Final

from detectors.kernels import inner

EARTH_RADIUS_KM: Final = 6_371.0088
"""Mean radius R1 of the GRS 80 ellipsoid; the sphere is wrong by at most 0.6 %."""


@inner
def great_circle_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Give the great-circle distance in km of two places in degrees; exact at poles, antimeridian and antipodes.

    Haversine formula (Sinnott, "Virtues of the Haversine", Sky and Telescope 68, 1984), clamped for antipodes.
    """
    north, other_north = math.radians(lat), math.radians(other_lat)
    half_north = math.sin((other_north - north) / 2)
    half_east = math.sin(math.radians(other_lon - lon) / 2)
    chord = half_north * half_north + math.cos(north) * math.cos(other_north) * half_east * half_east
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, chord)))
