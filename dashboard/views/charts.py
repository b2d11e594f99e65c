"""What charts share: a UTC axis that says so, and the severity scales."""

from __future__ import annotations

import altair as alt

from dashboard.theme import SEVERITIES, severity_name

NAMES = [severity_name(severity) for severity in SEVERITIES]


def utc_axis(field: str = "time", *, ticks: int = 6) -> alt.X:
    """A time axis in UTC."""
    axis = alt.Axis(title="UTC", tickCount=ticks, labelOverlap=True, grid=False)
    return alt.X(f"{field}:T", scale=alt.Scale(type="utc"), axis=axis)


def severity_colour(*, legend: bool = True) -> alt.Color:
    """Colour by the field `severity` (a word)."""
    colours = [look.colour for look in SEVERITIES.values()]
    return alt.Color(
        "severity:N", scale=alt.Scale(domain=NAMES, range=colours), legend=_legend() if legend else None, sort=NAMES
    )


def severity_shape(*, legend: bool = True) -> alt.Shape:
    """Shape by the field `severity` (a word)."""
    shapes = [look.shape for look in SEVERITIES.values()]
    return alt.Shape(
        "severity:N", scale=alt.Scale(domain=NAMES, range=shapes), legend=_legend() if legend else None, sort=NAMES
    )


def utc_tooltip(field: str, title: str) -> alt.Tooltip:
    """A time with date and zone."""
    return alt.Tooltip(f"utcyearmonthdatehoursminutesseconds({field}):T", title=title, format="%Y-%m-%d %H:%M:%S UTC")


def _legend() -> alt.Legend:
    return alt.Legend(title=None, orient="top", symbolLimit=0, columns=0)
