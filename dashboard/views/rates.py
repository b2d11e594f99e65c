"""Event and alert rates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import altair as alt
import pandas as pd

from dashboard.theme import CATEGORIES, SEVERITIES, severity_name
from dashboard.views.charts import legend, severity_colour, utc_axis, utc_tooltip
from dashboard.views.frames import frame, instants, texts
from dashboard.words import MINUTE, duration
from schemas.vocabulary import EventType

HEIGHT: Final = 260
TYPES: Final = [member.value for member in EventType]


def event_rates(buckets: Iterable[object], step: int) -> pd.DataFrame:
    """Rows (minute, value, count) of `step` µs each as `time`, `type`, `rate` (events per minute)."""
    found = frame(buckets, ["minute", "value", "count"])
    return pd.DataFrame(
        {
            "time": instants(found["minute"]),
            "type": texts(found["value"]),
            "rate": found["count"].astype("float64") * MINUTE / step,
        }
    )


def event_chart(rates: pd.DataFrame, window: tuple[int, int]) -> alt.Chart:
    """Stacked areas of events per minute by type, over `window` (µs)."""
    chart: alt.Chart = (
        alt.Chart(rates, height=HEIGHT)
        .mark_area(interpolate="step-after")
        .encode(
            x=utc_axis(window=window),
            y=alt.Y("rate:Q", title="events / min", stack="zero"),
            color=alt.Color(
                "type:N",
                scale=alt.Scale(domain=TYPES, range=list(CATEGORIES[: len(TYPES)])),
                legend=legend(),
            ),
            tooltip=[utc_tooltip("time", "from"), "type:N", alt.Tooltip("rate:Q", format=",.1f", title="events / min")],
        )
    )
    return chart


def alert_counts(buckets: Iterable[object]) -> pd.DataFrame:
    """Rows (bucket, severity, count) as `time`, `severity` (a word), `order` (0 is worst), `count`."""
    found = frame(buckets, ["bucket", "severity", "count"])
    words = found["severity"].map(severity_name).astype("object")
    order = words.map({severity_name(severity): place for place, severity in enumerate(SEVERITIES)})
    return pd.DataFrame({"time": instants(found["bucket"]), "severity": words, "order": order, "count": found["count"]})


def alert_chart(counts: pd.DataFrame, step: int, window: tuple[int, int]) -> alt.Chart:
    """Stacked bars of alerts that began in each bucket, worst at the bottom, over `window` (µs)."""
    ends = counts.assign(until=counts["time"] + pd.Timedelta(step, unit="us"))
    chart: alt.Chart = (
        alt.Chart(ends, height=HEIGHT)
        .mark_bar(orient="vertical", binSpacing=1)
        .encode(
            x=utc_axis(window=window),
            x2="until:T",
            y=alt.Y("count:Q", title=f"alerts per {duration(step)}", axis=alt.Axis(tickMinStep=1), stack="zero"),
            color=severity_colour(),
            order=alt.Order("order:Q"),
            tooltip=[utc_tooltip("time", "from"), "severity:N", "count:Q"],
        )
    )
    return chart
