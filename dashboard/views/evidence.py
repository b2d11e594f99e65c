"""What one alert stands on: measured against expected, evidence in its window, entities, history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import altair as alt
import pandas as pd

from dashboard.safe import visible
from dashboard.theme import ACCENT, SEVERITIES, severity_label
from dashboard.views.alerts import entity_link
from dashboard.views.charts import legend, utc_axis, utc_tooltip
from dashboard.views.frames import frame, instants, texts
from dashboard.words import figure
from schemas.alerts import Alert, Observation
from schemas.vocabulary import Severity

HEIGHT: Final = 240
EVENT: Final = {
    "type": "Event",
    "ip": "Address",
    "asn": "ASN",
    "country": "Country",
    "ua": "User agent",
    "device": "Device",
    "outcome": "Outcome",
    "vendor_event_id": "Vendor's id",
}


def observed_table(alert: Alert) -> pd.DataFrame:
    """What was seen beside what was expected: `Measured`, `Seen`, `Expected`, `Threshold`, `Times expected`."""
    rows = [
        (
            visible(seen.metric).replace("_", " "),
            _with_unit(seen.value, seen.unit),
            _with_unit(seen.baseline, seen.unit),
            _with_unit(seen.threshold, seen.unit),
            _ratio(seen),
        )
        for seen in alert.observed
    ]
    return pd.DataFrame(rows, columns=["Measured", "Seen", "Expected", "Threshold", "Times expected"])


def _with_unit(value: float | str | None, unit: str) -> str:
    plain = value is None or isinstance(value, str) or unit in {"count", "ratio", "asn", "country", "time"}
    return visible(figure(value) if plain else f"{figure(value)} {unit}")


def _ratio(seen: Observation) -> str:
    reference = seen.baseline if seen.baseline is not None else seen.threshold
    if isinstance(seen.value, str) or isinstance(reference, str) or not reference:
        return "-"
    return f"{figure(round(seen.value / reference, 1))} x"


def evidence_rows(alert: Alert) -> pd.DataFrame:
    """The evidence rows in order of time: `time`, and the fields of `EVENT` as text."""
    found = frame(alert.evidence.rows, ["time", *EVENT])
    times = pd.to_datetime(found["time"], utc=True, format="ISO8601")
    rows = pd.DataFrame({"time": times} | {name: texts(found[name]) for name in EVENT})
    return rows.sort_values("time", kind="stable", ignore_index=True)


def evidence_table(alert: Alert) -> pd.DataFrame:
    """The evidence rows as a table, without the columns that no row fills."""
    rows = evidence_rows(alert)
    return rows.loc[:, (rows != "").any()].rename(columns={"time": "Time (UTC)"} | EVENT)


def evidence_chart(alert: Alert) -> alt.LayerChart:
    """The evidence on its time line, by kind of event and source, over the episode's window."""
    window = pd.DataFrame({"start": [pd.Timestamp(alert.start)], "end": [pd.Timestamp(alert.end)]})
    colour = SEVERITIES[Severity[alert.severity.upper()]].colour
    shade = (
        alt.Chart(window, height=HEIGHT)
        .mark_rect(opacity=0.13, color=colour)
        .encode(x=utc_axis("start"), x2="end:T", tooltip=[utc_tooltip("start", "began"), utc_tooltip("end", "last")])
    )
    rows = evidence_rows(alert)
    points = (
        alt.Chart(rows.assign(ip=rows["ip"].where(rows["ip"] != "", "no address")))
        .mark_point(filled=True, size=110, opacity=0.9, color=ACCENT)
        .encode(
            x=utc_axis("time"),
            y=alt.Y("ip:N", title=None, axis=alt.Axis(labelLimit=150, grid=True)),
            shape=alt.Shape("type:N", legend=legend()),
            tooltip=[utc_tooltip("time", "Time"), *(alt.Tooltip(f"{name}:N", title=EVENT[name]) for name in EVENT)],
        )
    )
    chart: alt.LayerChart = shade + points
    return chart


def entity_table(alert: Alert) -> pd.DataFrame:
    """`Role`, `Entity`, `Name`, and `Same entity` (the address of all alerts about it)."""
    found = frame(alert.entities, ["role", "type", "id", "name"])
    return pd.DataFrame(
        {
            "Role": found["role"].map(str).astype("object"),
            "Entity": texts(found["type"].map(str) + " " + found["id"].astype("object")),
            "Name": texts(found["name"]),
            "Same entity": [entity_link(type_, id_) for type_, id_ in zip(found["type"], found["id"], strict=True)],
        }
    )


def history_table(revisions: Iterable[object]) -> pd.DataFrame:
    """Revisions, oldest first: `Revision`, `Event time (UTC)`, `Change`, `Severity`, `Stored (UTC)`."""
    found = frame(revisions, ["revision", "time", "change", "severity", "detected_at"])
    return pd.DataFrame(
        {
            "Revision": found["revision"],
            "Event time (UTC)": instants(found["time"]),
            "Change": texts(found["change"]),
            "Severity": found["severity"].map(lambda severity: [severity_label(severity)]),
            "Stored (UTC)": instants(found["detected_at"]),
        }
    )
