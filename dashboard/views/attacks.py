"""The attack timeline: when each alert's episode ran, by detector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import altair as alt
import pandas as pd

from dashboard.theme import severity_name
from dashboard.views.charts import severity_colour, severity_shape, utc_axis, utc_tooltip
from dashboard.views.frames import frame, instants, texts

ROW_HEIGHT: Final = 40
FRAME_HEIGHT: Final = 130
"""Legend, axis and its title."""


def episodes(alerts: Iterable[object]) -> pd.DataFrame:
    """Alert rows as `start`, `end`, `severity`, `detector`, `verdict`, `entity`, oldest first."""
    columns = ["start", "end", "severity", "detector", "alert_class", "entity_type", "entity_id"]
    found = frame(alerts, columns).sort_values("start", kind="stable", ignore_index=True)
    return pd.DataFrame(
        {
            "start": instants(found["start"]),
            "end": instants(found["end"]),
            "severity": found["severity"].map(severity_name).astype("object"),
            "detector": texts(found["detector"]),
            "verdict": texts(found["alert_class"]),
            "entity": texts(found["entity_type"] + " " + found["entity_id"]),
        }
    )


def timeline(found: pd.DataFrame, window: tuple[int, int]) -> alt.LayerChart:
    """A mark where each of a few episodes began, and a line for as long as it ran, over `window` (µs)."""
    base = _frame(found, window, "start").encode(
        color=severity_colour(),
        tooltip=["severity:N", "verdict:N", "entity:N", utc_tooltip("start", "began"), utc_tooltip("end", "last")],
    )
    spans = base.mark_rule(strokeWidth=3, opacity=0.45, clip=True).encode(x2="end:T")
    marks = base.mark_point(filled=True, size=90, opacity=0.9, clip=True).encode(shape=severity_shape())
    chart: alt.LayerChart = spans + marks
    return chart


def attack_counts(buckets: Iterable[object]) -> pd.DataFrame:
    """Rows (bucket, detector, severity, count) as `time`, `detector`, `severity` (a word), `count`, worst last."""
    found = frame(buckets, ["bucket", "detector", "severity", "count"])
    # What is drawn last lies on top.
    found = found.sort_values(["severity", "bucket"], kind="stable", ignore_index=True)
    return pd.DataFrame(
        {
            "time": instants(found["bucket"]),
            "detector": texts(found["detector"]),
            "severity": found["severity"].map(severity_name).astype("object"),
            "count": found["count"],
        }
    )


def density(counts: pd.DataFrame, window: tuple[int, int]) -> alt.Chart:
    """A mark for the many alerts of each bucket, the larger the more, over `window` (µs)."""
    chart: alt.Chart = (
        _frame(counts, window, "time")
        .mark_point(filled=True, opacity=0.75, clip=True)
        .encode(
            color=severity_colour(),
            shape=severity_shape(),
            size=alt.Size("count:Q", scale=alt.Scale(type="sqrt", range=[20, 220]), legend=None),
            tooltip=["severity:N", "detector:N", "count:Q", utc_tooltip("time", "from")],
        )
    )
    return chart


def _frame(found: pd.DataFrame, window: tuple[int, int], time: str) -> alt.Chart:
    rows = max(found["detector"].nunique(), 2)
    # The names stand on the lines: on a telephone a margin for them would leave nothing of the plot.
    names = alt.Axis(
        title=None,
        grid=True,
        ticks=False,
        domain=False,
        labelAlign="left",
        labelPadding=-2,
        labelOffset=-9,
        labelOverlap=False,
    )
    return alt.Chart(found, height=rows * ROW_HEIGHT + FRAME_HEIGHT).encode(
        x=utc_axis(time, window=window), y=alt.Y("detector:N", axis=names)
    )
