"""Event and alert rates: one row of bars for each kind, so that rare kinds are not lost under frequent ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import altair as alt
import pandas as pd

from dashboard.theme import ACCENT, SEVERITIES, severity_label
from dashboard.views.charts import bar_rows
from dashboard.views.frames import frame, instants, texts
from dashboard.words import DAY, HOUR, MINUTE, duration, figure
from schemas.vocabulary import EventType

MAX_BARS: Final = 96
STEPS: Final = (MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, DAY)


def step_for(span: int) -> int:
    """The finest of `STEPS` that cuts a span (µs) into at most `MAX_BARS` buckets."""
    return next((step for step in STEPS if span <= step * MAX_BARS), STEPS[-1])


def event_rates(buckets: Iterable[object], step: int, counted: tuple[int, int]) -> pd.DataFrame:
    """Rows (minute, value, count) of `step` µs each as `time`, `until`, `type`, `rate` (events per minute).

    Args:
        counted: when events were counted, µs; the rate of a bucket that this span cuts is that of the part inside.
    """
    found = frame(buckets, ["minute", "value", "count"])
    begins, ends = found["minute"].clip(lower=counted[0]), found["minute"] + step
    inside = (ends.clip(upper=counted[1]) - begins).clip(lower=MINUTE)
    return pd.DataFrame(
        {
            "time": instants(begins),
            "until": instants(ends),
            "type": texts(found["value"]),
            "rate": found["count"].astype("float64") * MINUTE / inside,
        }
    )


def event_chart(rates: pd.DataFrame, window: tuple[int, int]) -> alt.LayerChart:
    """Events per minute by type over `window` (µs), with the latest rate and the highest of each."""
    bars = rates.rename(columns={"type": "row", "rate": "value"})
    peaks = rates.groupby("type")["rate"].max()
    latest = rates[rates["time"] == rates["time"].max()].groupby("type")["rate"].sum()
    kinds = [kind.value for kind in EventType if kind in peaks]
    notes = {kind: f"{_rate(latest.get(kind, 0.0))} / min, peak {_rate(peaks[kind])}" for kind in kinds}
    return bar_rows(bars[bars["row"].isin(kinds)], notes, dict.fromkeys(kinds, ACCENT), "events / min", window)


def _rate(value: float) -> str:
    return figure(round(value, 1 if value < 10 else 0))  # noqa: PLR2004 - two digits tell enough


def alert_counts(buckets: Iterable[object], step: int, since: int) -> pd.DataFrame:
    """Rows (bucket, severity, count) of `step` µs each as `time`, `until`, `severity` (shape and word), `count`.

    Counts of one bucket and severity are summed, the first bucket begins at `since` µs; the worst come first.
    """
    found = frame(buckets, ["bucket", "severity", "count"])
    found = found.groupby(["severity", "bucket"], as_index=False).sum()
    found = found.sort_values(["severity", "bucket"], ascending=[False, True], ignore_index=True)
    return pd.DataFrame(
        {
            "time": instants(found["bucket"].clip(lower=since)),
            "until": instants(found["bucket"] + step),
            "severity": found["severity"].map(severity_label).astype("object"),
            "count": found["count"],
        }
    )


def alert_chart(counts: pd.DataFrame, step: int, window: tuple[int, int]) -> alt.LayerChart:
    """Alerts that began in each bucket of `step` µs by severity over `window` (µs), with their sum and the most."""
    bars = counts.rename(columns={"severity": "row", "count": "value"})
    of = {label: counts.loc[counts["severity"] == label, "count"] for label in counts["severity"].unique()}
    notes = {
        label: f"{figure(count.sum())}, peak {figure(count.max())} in {duration(step)}" for label, count in of.items()
    }
    colours = {severity_label(severity): look.colour for severity, look in SEVERITIES.items()}
    return bar_rows(bars, notes, colours, f"alerts in {duration(step)}", window)
