"""What charts share: a UTC axis that says so, the severity scales, and rows of bars that each have their own height."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import altair as alt
import pandas as pd

from dashboard.theme import NEUTRAL, SEVERITIES, severity_name
from dashboard.words import MILLISECOND, SECOND

NAMES: Final = [severity_name(severity) for severity in SEVERITIES]
ROWS_HEIGHT: Final = 300
EDGE_PIXELS: Final = 9
"""Room for a mark that stands at the end of a time axis."""
INK: Final = "currentColor"
"""Words of a chart are SVG: they take the colour of the page's text, as the theme's own grey is too faint to read."""
_FILLED: Final = 0.6
"""Share of a row that its highest bar takes; the words of the row stand above it."""


# The date at midnight, else the time of day on 24 hours, with seconds where the axis is that fine.
_TIME_LABEL: Final = (
    "utchours(datum.value) + utcminutes(datum.value) + utcseconds(datum.value) == 0 ? utcFormat(datum.value, '%b %d') "
    ": utcFormat(datum.value, utcseconds(datum.value) == 0 ? '%H:%M' : '%H:%M:%S')"
)
_FEW_ON_A_TELEPHONE: Final = {"expr": "width < 500 ? 3 : 6"}


def utc_axis(field: str, window: tuple[int, int]) -> alt.X:
    """A time axis in UTC over `window` (µs) that names its day."""
    axis = alt.Axis(
        title=f"UTC, {days(window)}",
        tickCount=_FEW_ON_A_TELEPHONE,
        labelOverlap=True,
        grid=False,
        labelExpr=_TIME_LABEL,
        labelColor=INK,
        titleColor=INK,
    )
    ends = [{"expr": str(micros // MILLISECOND)} for micros in window]
    return alt.X(f"{field}:T", scale=alt.Scale(type="utc", domain=ends, padding=EDGE_PIXELS), axis=axis)


def days(window: tuple[int, int]) -> str:
    """The day of a span (µs), or its first and last."""
    first, last = (f"{datetime.fromtimestamp(micros // SECOND, UTC):%Y-%m-%d}" for micros in window)
    return first if first == last else f"{first} to {last}"


def severity_colour(*, legend: alt.Legend | None) -> alt.Color:
    """Colour by the field `severity` (a word)."""
    colours = [look.colour for look in SEVERITIES.values()]
    return alt.Color("severity:N", scale=alt.Scale(domain=NAMES, range=colours), legend=legend, sort=NAMES)


def severity_shape(*, legend: alt.Legend | None) -> alt.Shape:
    """Shape by the field `severity` (a word)."""
    shapes = [look.shape for look in SEVERITIES.values()]
    return alt.Shape("severity:N", scale=alt.Scale(domain=NAMES, range=shapes), legend=legend, sort=NAMES)


def utc_tooltip(field: str, title: str) -> alt.Tooltip:
    """A time with date and zone."""
    return alt.Tooltip(f"utcyearmonthdatehoursminutesseconds({field}):T", title=title, format="%Y-%m-%d %H:%M:%S UTC")


def legend() -> alt.Legend:
    """A legend above the chart, in rows that fit a telephone."""
    return alt.Legend(title=None, orient="top", columns=_FEW_ON_A_TELEPHONE, symbolOpacity=1, labelColor=INK)


def bar_rows(
    bars: pd.DataFrame, notes: Mapping[str, str], colours: Mapping[str, str], unit: str, window: tuple[int, int]
) -> alt.LayerChart:
    """Rows of bars over time: what is rare is seen beside what is frequent, because no row has another's scale.

    Args:
        bars: `row` (a key of `notes`), `time`, `until`, `value`.
        notes: rows from top to bottom, with what is written after the name of each. Words of our own making: they
            become part of an expression.
        colours: of each row.
        unit: of the values.
        window: the time axis, µs.
    """
    floor = {row: float(len(notes) - place) for place, row in enumerate(notes, start=1)}
    peaks = bars.groupby("row")["value"].max()
    low = bars["row"].map(floor)
    drawn = bars.assign(low=low, high=low + _FILLED * bars["value"] / bars["row"].map(peaks))
    level = _levels([f"{row}: {note}" for row, note in notes.items()])
    lines = alt.Chart(pd.DataFrame({"low": list(floor.values())})).mark_rule(color=NEUTRAL, opacity=0.4).encode(y=level)
    bar = (
        alt.Chart(lean(drawn))
        .mark_rect()
        .encode(
            x=utc_axis("time", window),
            x2="until:T",
            y=level,
            y2="high:Q",
            color=alt.Color("row:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None),
            tooltip=[
                utc_tooltip("time", "from"),
                alt.Tooltip("row:N", title="what"),
                alt.Tooltip("value:Q", title=unit, format=",.4~r"),
            ],
        )
    )
    chart: alt.LayerChart = (lines + bar).properties(height=ROWS_HEIGHT)
    return chart


def lean(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows for the way to the browser: each word once, however many rows have it."""
    words = rows.select_dtypes(["object", "str"]).columns
    return rows.astype(dict.fromkeys(words, "category"))


def _levels(names: Sequence[str]) -> alt.Y:
    # Labels of an axis and no text marks: only they have the colour of the theme. They stand above their bars.
    axis = alt.Axis(
        title=None,
        values=[len(names) - place + _FILLED + 0.05 for place in range(1, len(names) + 1)],
        labelExpr=f"{json.dumps(names)}[{len(names)} - 1 - floor(datum.value)]",
        labelColor=INK,
        labelAlign="left",
        labelBaseline="bottom",
        labelPadding=-2,
        labelLimit=320,
        labelOverlap=False,
        grid=False,
        ticks=False,
        domain=False,
    )
    return alt.Y("low:Q", scale=alt.Scale(domain=[0, max(len(names), 1)], nice=False), axis=axis)
