"""The offline map: countries that events came from, and the changes of country that alerts speak of.

Events carry a country, not an address on the map, so a place is the point of its country in `assets/countries.csv`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from math import asin, atan2, cos, degrees, radians, sin, sqrt
from pathlib import Path
from typing import Any, Final, NamedTuple

import altair as alt
import pandas as pd

from dashboard.theme import ACCENT, NEUTRAL, severity_name
from dashboard.views.charts import lean, legend, severity_colour, severity_shape
from schemas.alerts import Alert
from schemas.vocabulary import Severity

OUTLINES_PATH: Final = "/map/countries-110m.json"
"""Where the server gives the outlines; the browser keeps them."""
STEPS: Final = 12
"""Points of an arc: enough to look round at the width of a screen."""
HEIGHT: Final = 310
ANTARCTICA: Final = "010"
"""Its ISO 3166-1 number. Nobody logs in there, and it takes a fifth of the map."""
_ASSETS: Final = Path(__file__).parents[1] / "assets"


class Place(NamedTuple):
    """A country and a point in it, degrees."""

    name: str
    lon: float
    lat: float


@cache
def places() -> dict[str, Place]:
    """Countries by their ISO 3166-1 alpha-2 code."""
    with (_ASSETS / "countries.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: Place(row["name"], float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)}


def activity(counts: Iterable[tuple[str, int]]) -> pd.DataFrame:
    """Events by country code as `country`, `lon`, `lat`, `events`; codes of no country are left out."""
    known = [(places()[code], events) for code, events in counts if code in places()]
    rows = [(place.name, place.lon, place.lat, events) for place, events in known]
    return pd.DataFrame(rows, columns=["country", "lon", "lat", "events"])


def journeys(alerts: Iterable[Alert]) -> pd.DataFrame:
    """Changes of country as points of arcs: within an alert's evidence, or from the country that was expected.

    The same change of many alerts is one arc.

    Returns:
        `arc` (one per unbroken line), `step`, `lon`, `lat`, `severity` (of the worst), `journey`, `alerts` (how many);
        `last` marks the arrival.
    """
    rows: list[tuple[Any, ...]] = []
    for number, ((origin, goal), severities) in enumerate(_legs(alerts).items()):
        words = (severity_name(max(severities)), f"{origin.name} → {goal.name}", len(severities))
        points = great_circle(origin, goal)
        piece, before = 0, points[0][0]
        for step, (lon, lat) in enumerate(points):
            # The map ends at 180°: the line goes on from its other edge as a new piece.
            piece += abs(lon - before) > 180  # noqa: PLR2004 - half the way round
            before = lon
            rows.append((f"{number}.{piece}", step, round(lon, 2), round(lat, 2), *words, step == STEPS))
    return pd.DataFrame(rows, columns=["arc", "step", "lon", "lat", "severity", "journey", "alerts", "last"])


def _legs(alerts: Iterable[Alert]) -> dict[tuple[Place, Place], list[Severity]]:
    found: dict[tuple[Place, Place], list[Severity]] = {}
    for alert in alerts:
        for leg in dict.fromkeys(_changes(alert)):
            found.setdefault(leg, []).append(Severity[alert.severity.upper()])
    return found


def _changes(alert: Alert) -> Iterator[tuple[Place, Place]]:
    seen = [row.country for row in sorted(alert.evidence.rows, key=lambda row: row.time) if row.country in places()]
    expected = [(o.baseline, o.value) for o in alert.observed if o.unit == "country"]
    for origin, goal in [*pairwise(seen), *expected]:
        if origin != goal and origin in places() and goal in places():
            yield places()[str(origin)], places()[str(goal)]


def great_circle(origin: Place, goal: Place, steps: int = STEPS) -> Sequence[tuple[float, float]]:
    """Points (lon, lat in degrees) on the shortest way over the sphere, ends included.

    Slerp: https://www.movable-type.co.uk/scripts/latlong.html (intermediate point). Opposite points have no single
    shortest way; the one given is then arbitrary.
    """
    (lon1, lat1), (lon2, lat2) = ((radians(place.lon), radians(place.lat)) for place in (origin, goal))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    angle = 2 * asin(min(1.0, sqrt(half)))
    if sin(angle) == 0:
        return [(origin.lon, origin.lat)] * (steps + 1)
    points = []
    for step in range(steps + 1):
        near, far = sin((1 - step / steps) * angle) / sin(angle), sin(step / steps * angle) / sin(angle)
        x = near * cos(lat1) * cos(lon1) + far * cos(lat2) * cos(lon2)
        y = near * cos(lat1) * sin(lon1) + far * cos(lat2) * sin(lon2)
        z = near * sin(lat1) + far * sin(lat2)
        points.append((degrees(atan2(y, x)), degrees(atan2(z, sqrt(x * x + y * y)))))
    return points


def world(active: pd.DataFrame, travelled: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Land, a circle for each country's events, and an arc with the severity's mark at its end for each journey."""
    land = (
        alt.Chart(alt.topo_feature(OUTLINES_PATH, "countries"))
        .transform_filter(alt.datum.id != ANTARCTICA)
        .mark_geoshape(fill=NEUTRAL, fillOpacity=0.22, stroke=NEUTRAL, strokeOpacity=0.5, strokeWidth=0.4)
    )
    circles = (
        alt.Chart(active)
        .mark_circle(color=ACCENT, opacity=0.55, stroke=ACCENT)
        .encode(
            longitude="lon:Q",
            latitude="lat:Q",
            size=alt.Size("events:Q", scale=alt.Scale(type="sqrt", range=[15, 700]), legend=None),
            tooltip=["country:N", alt.Tooltip("events:Q", format=",")],
        )
    )
    place = {"longitude": "lon:Q", "latitude": "lat:Q", "tooltip": ["journey:N", "severity:N", "alerts:Q"]}
    arcs = (
        alt.Chart(lean(travelled))
        .mark_line(strokeWidth=1.8, opacity=0.85)
        .encode(detail="arc:N", order="step:Q", color=severity_colour(legend=legend()), **place)
    )
    arrivals = (
        alt.Chart(lean(travelled[travelled["last"]]))
        .mark_point(filled=True, size=80, opacity=1)
        .encode(color=severity_colour(legend=legend()), shape=severity_shape(legend=legend()), **place)
    )
    layers = [land, circles] if travelled.empty else [land, circles, arcs, arrivals]
    return alt.layer(*layers).project("equalEarth").properties(height=HEIGHT)
