"""The attack timeline: when each alert's episode ran, by detector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import altair as alt
import pandas as pd

from dashboard.theme import severity_name
from dashboard.views.charts import INK, lean, legend, severity_colour, severity_shape, utc_axis, utc_tooltip
from dashboard.views.frames import frame, instants, texts

ROW_HEIGHT: Final = 46
FRAME_HEIGHT: Final = 110
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
    """A mark where each of a few episodes began, and a line for as long as it ran, over `window` (µs).

    An episode that began before the window has only its line.
    """
    first = pd.Timestamp(window[0], unit="us", tz="UTC")
    rows = found["detector"].nunique()
    tooltip = ["severity:N", "verdict:N", "entity:N", utc_tooltip("start", "began"), utc_tooltip("end", "last")]
    spans = (
        _frame(found.assign(shown=found["start"].where(found["start"] >= first, first)), window, "shown", rows)
        .mark_rule(strokeWidth=3, opacity=0.5)
        .encode(x2="end:T", color=severity_colour(legend=legend()), tooltip=tooltip)
    )
    marks = (
        _frame(found[found["start"] >= first], window, "start", rows)
        .mark_point(filled=True, size=90, opacity=0.9)
        .encode(color=severity_colour(legend=legend()), shape=severity_shape(legend=legend()), tooltip=tooltip)
    )
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
        _frame(counts, window, "time", counts["detector"].nunique())
        .mark_point(filled=True, opacity=0.75)
        .encode(
            color=severity_colour(legend=legend()),
            shape=severity_shape(legend=legend()),
            size=alt.Size("count:Q", scale=alt.Scale(type="sqrt", range=[20, 150]), legend=None),
            tooltip=["severity:N", "detector:N", "count:Q", utc_tooltip("time", "from")],
        )
    )
    return chart


def _frame(found: pd.DataFrame, window: tuple[int, int], time: str, rows: int) -> alt.Chart:
    # The names stand above the lines: on a telephone a margin for them would leave nothing of the plot.
    names = alt.Axis(
        title=None,
        grid=True,
        ticks=False,
        domain=False,
        labelColor=INK,
        labelAlign="left",
        labelPadding=-2,
        labelOffset=-ROW_HEIGHT // 3,
        labelLimit=320,
        labelOverlap=False,
    )
    return alt.Chart(lean(found), height=max(rows, 2) * ROW_HEIGHT + FRAME_HEIGHT).encode(
        x=utc_axis(time, window), y=alt.Y("detector:N", axis=names)
    )
