"""What one alert stands on: measured against expected, evidence in its window, entities, history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import altair as alt
import pandas as pd

from dashboard.safe import visible
from dashboard.theme import ACCENT, SEVERITIES, severity_label
from dashboard.views.charts import INK, legend, utc_axis, utc_tooltip
from dashboard.views.events import entity_link, event_link
from dashboard.views.frames import frame, instants, texts
from dashboard.words import SECOND, duration, figure
from schemas.alerts import Alert, Observation
from schemas.catalogue import Unit
from schemas.fields import parse_time
from schemas.vocabulary import Severity

HEIGHT: Final = 240
EVENT: Final = {
    "type": "What",
    "ip": "Address",
    "asn": "ASN",
    "country": "Country",
    "outcome": "Outcome",
    "device": "Device",
    "ua": "User agent",
    "vendor_event_id": "Vendor's id",
}


def observed_table(alert: Alert) -> pd.DataFrame:
    """What was seen beside what was expected: `Measured`, `Seen`, and where known `Expected`, `Threshold`, `Ratio`."""
    rows = [
        (
            visible(seen.metric).replace("_", " "),
            measured(seen.value, seen.unit),
            measured(seen.baseline, seen.unit),
            measured(seen.threshold, seen.unit),
            _ratio(seen),
        )
        for seen in alert.observed
    ]
    return _filled(pd.DataFrame(rows, columns=["Measured", "Seen", "Expected", "Threshold", "Ratio"]))


def measured(value: float | str | None, unit: str) -> str:
    """A value with its unit, e.g. `20 min 20 s`, `8 883 km`, `3 / min`; nothing for None."""
    if value is None or isinstance(value, str):
        return visible(value)
    match unit:
        case Unit.SECONDS:
            return duration(int(value * SECOND)) if value >= 1 else f"{figure(value)} s"
        case Unit.RATIO | Unit.PROBABILITY:
            return f"{figure(round(100 * value, 1))} %"
    rounded = figure(round(value) if value >= 100 else round(value, 2))  # noqa: PLR2004 - three digits tell enough
    return visible(f"{rounded}{_SUFFIXES.get(unit, f' {unit}')}")


_SUFFIXES: Final[dict[str, str]] = {Unit.COUNT: "", Unit.PER_HOUR: " / h", Unit.PER_MINUTE: " / min"}


def _ratio(seen: Observation) -> str:
    name, reference = ("threshold", seen.threshold) if seen.baseline is None else ("expected", seen.baseline)
    if isinstance(seen.value, str) or isinstance(reference, str) or not reference:
        return ""
    return f"{figure(round(seen.value / reference, 1))} × {name}"  # noqa: RUF001 - the sign that is meant


def _filled(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns that some row fills."""
    return rows.loc[:, (rows != "").any()]


def evidence_rows(alert: Alert) -> pd.DataFrame:
    """The evidence rows in order of time: `time`, the fields of `EVENT` as text, and `link`, the event's address."""
    found = alert.evidence.rows
    times = pd.to_datetime(pd.Series([row.time for row in found], dtype="object"), utc=True, format="ISO8601")
    # Not by way of a frame: a missing ASN would make floats of the others.
    words = {name: pd.Series([visible(getattr(row, name)) for row in found], dtype="object") for name in EVENT}
    # A record that was cut has no rows at all, so that rows and ids never slip.
    links = [event_link(id_, parse_time(row.time)) for id_, row in zip(alert.evidence.event_ids, found, strict=False)]
    words["link"] = pd.Series(links, dtype="object").reindex(range(len(found)))
    return pd.DataFrame({"time": times} | words).sort_values("time", kind="stable", ignore_index=True)


def evidence_table(alert: Alert) -> pd.DataFrame:
    """The evidence rows as a table, without the columns that no row fills; `Event` leads to the raw event."""
    return _filled(evidence_rows(alert)).rename(columns={"time": "Time (UTC)", "link": "Event"} | EVENT)


def evidence_chart(alert: Alert) -> alt.LayerChart:
    """The evidence on its time line, by kind of event and source; the time from first to last finding is shaded."""
    window = _window(alert)
    episode = pd.DataFrame({"start": [pd.Timestamp(alert.start)], "end": [pd.Timestamp(alert.end)]})
    colour = SEVERITIES[Severity[alert.severity.upper()]].colour
    shade = (
        alt.Chart(episode, height=HEIGHT)
        .mark_rect(opacity=0.13, color=colour)
        .encode(
            x=utc_axis("start", window), x2="end:T", tooltip=[utc_tooltip("start", "began"), utc_tooltip("end", "last")]
        )
    )
    rows = evidence_rows(alert)
    points = (
        alt.Chart(rows.drop(columns="link").assign(ip=rows["ip"].where(rows["ip"] != "", "no address")))
        .mark_point(filled=True, size=110, opacity=0.9, color=ACCENT)
        .encode(
            x=utc_axis("time", window),
            y=alt.Y("ip:N", title=None, axis=alt.Axis(labelLimit=150, labelColor=INK, grid=True)),
            shape=alt.Shape("type:N", legend=legend()),
            tooltip=[utc_tooltip("time", "Time"), *(alt.Tooltip(f"{name}:N", title=EVENT[name]) for name in EVENT)],
        )
    )
    chart: alt.LayerChart = shade + points
    return chart


def _window(alert: Alert) -> tuple[int, int]:
    """From the first to the last of evidence and episode, µs; at least a second."""
    times = [parse_time(time) for time in (alert.start, alert.end, *(row.time for row in alert.evidence.rows))]
    return min(times), max(*times, min(times) + SECOND)


def entity_table(alert: Alert) -> pd.DataFrame:
    """`Role`, `Entity`, `Name` where one has a name, and `More` (an address)."""
    found = frame(alert.entities, ["role", "type", "id", "name"])
    rows = pd.DataFrame(
        {
            "Role": found["role"].map(str).astype("object"),
            "Entity": texts(found["type"].map(str) + " " + found["id"].astype("object")),
            "Name": texts(found["name"]),
            "More": [entity_link(type_, id_) for type_, id_ in zip(found["type"], found["id"], strict=True)],
        }
    )
    return _filled(rows)


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
