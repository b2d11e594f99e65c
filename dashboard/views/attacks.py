"""The attack timeline: when each alert's episode ran, by detector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import altair as alt
import pandas as pd

from dashboard.theme import severity_name
from dashboard.views.charts import severity_colour, severity_shape, utc_axis, utc_tooltip
from dashboard.views.frames import frame, instants, texts

ROW_HEIGHT: Final = 36
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
    """A mark where each episode began, and a line for as long as it ran, over `window` (µs)."""
    rows = max(found["detector"].nunique(), 2)
    base = alt.Chart(found, height=rows * ROW_HEIGHT + FRAME_HEIGHT).encode(
        x=utc_axis("start", window=window),
        y=alt.Y("detector:N", title=None, axis=alt.Axis(labelLimit=130, grid=True)),
        color=severity_colour(),
        tooltip=["severity:N", "verdict:N", "entity:N", utc_tooltip("start", "began"), utc_tooltip("end", "last")],
    )
    spans = base.mark_rule(strokeWidth=3, opacity=0.45, clip=True).encode(x2="end:T")
    marks = base.mark_point(filled=True, size=90, opacity=0.9, clip=True).encode(shape=severity_shape())
    chart: alt.LayerChart = spans + marks
    return chart
