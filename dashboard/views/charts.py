"""What charts share: a UTC axis that says so, and the severity scales."""

from __future__ import annotations

from typing import Final

import altair as alt

from dashboard.theme import SEVERITIES, severity_name
from dashboard.words import MILLISECOND

NAMES: Final = [severity_name(severity) for severity in SEVERITIES]


# The date at midnight, else the time of day on 24 hours, with seconds where the axis is that fine.
_TIME_LABEL: Final = (
    "utchours(datum.value) + utcminutes(datum.value) + utcseconds(datum.value) == 0 ? utcFormat(datum.value, '%b %d') "
    ": utcFormat(datum.value, utcseconds(datum.value) == 0 ? '%H:%M' : '%H:%M:%S')"
)


def utc_axis(field: str = "time", *, window: tuple[int, int] | None = None) -> alt.X:
    """A time axis in UTC, over the data or over `window` (µs)."""
    axis = alt.Axis(title="UTC", tickCount=6, labelOverlap=True, grid=False, labelExpr=_TIME_LABEL)
    ends = [{"expr": str(micros // MILLISECOND)} for micros in window] if window else alt.Undefined
    return alt.X(f"{field}:T", scale=alt.Scale(type="utc", domain=ends), axis=axis)


def severity_colour() -> alt.Color:
    """Colour by the field `severity` (a word)."""
    colours = [look.colour for look in SEVERITIES.values()]
    return alt.Color("severity:N", scale=alt.Scale(domain=NAMES, range=colours), legend=legend(), sort=NAMES)


def severity_shape() -> alt.Shape:
    """Shape by the field `severity` (a word)."""
    shapes = [look.shape for look in SEVERITIES.values()]
    return alt.Shape("severity:N", scale=alt.Scale(domain=NAMES, range=shapes), legend=legend(), sort=NAMES)


def utc_tooltip(field: str, title: str) -> alt.Tooltip:
    """A time with date and zone."""
    return alt.Tooltip(f"utcyearmonthdatehoursminutesseconds({field}):T", title=title, format="%Y-%m-%d %H:%M:%S UTC")


def legend() -> alt.Legend:
    """A legend above the chart, in rows that fit a telephone."""
    return alt.Legend(title=None, orient="top", columns=3, symbolOpacity=1)
