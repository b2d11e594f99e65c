"""Events of the lake as tables, totals and a time line; one event in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import altair as alt
import pandas as pd

from dashboard.safe import visible
from dashboard.theme import ACCENT
from dashboard.views.charts import INK, utc_axis, utc_tooltip
from dashboard.words import SECOND
from schemas.vocabulary import EntityType
from store.events import EventRow

HEIGHT: Final = 220
SHOWN: Final = {
    "type": "Type",
    "operation": "Operation",
    "outcome": "Outcome",
    "reason": "Reason",
    "sub": "User",
    "client_id": "Client",
    "token_id": "Token",
    "ip": "Address",
    "asn": "ASN",
    "country": "Country",
    "device_id": "Device",
    "user_agent": "User agent",
}
COLUMNS: Final = ("time", "event_id", *SHOWN, "city", "family_id", "session_id", "key_id", "ja4", "login")
"""What the pages ask the lake for."""
ENTITY_FIELDS: Final[dict[str, EntityType]] = {
    "sub": EntityType.USER,
    "login": EntityType.USER,
    "client_id": EntityType.CLIENT,
    "token_id": EntityType.TOKEN,
    "parent_id": EntityType.TOKEN,
    "subject_token_id": EntityType.TOKEN,
    "family_id": EntityType.FAMILY,
    "session_id": EntityType.SESSION,
    "key_id": EntityType.KEY,
    "ip": EntityType.IP,
    "asn": EntityType.ASN,
    "device_id": EntityType.DEVICE,
    "ja4": EntityType.DEVICE,
    "tenant": EntityType.TENANT,
}
"""Event field → the kind of entity that its value names."""


def entity_link(type_: str, id_: str) -> str:
    """The address of an entity's own page; a family's is the one with its chain."""
    return f"/family?{urlencode({'id': id_})}" if type_ == EntityType.FAMILY else _entity(type_, id_)


def _entity(type_: str, id_: str) -> str:
    return f"/entity?{urlencode({'type': type_, 'id': id_})}"


def event_link(event_id: str, micros: int) -> str:
    """The address of one event: its id, and its time, which says where to look."""
    return f"/event?{urlencode({'id': event_id, 'at': micros})}"


def in_frame(rows: Iterable[EventRow]) -> pd.DataFrame:
    """Rows of the lake as a frame of `COLUMNS`, newest as given; ids stay text, `time` is an instant in UTC."""
    found = [[row.get(name) for name in COLUMNS] for row in rows]
    frame = pd.DataFrame(found, columns=list(COLUMNS), dtype="object")
    return frame.assign(time=pd.to_datetime(frame["time"], utc=True).astype("datetime64[us, UTC]"))


def event_table(events: pd.DataFrame) -> pd.DataFrame:
    """One line an event, in the order given: `Time (UTC)`, what some event fills of `SHOWN`, `Event` (an address)."""
    cells = {title: events[name].map(visible).astype("object") for name, title in SHOWN.items()}
    filled = {title: cell for title, cell in cells.items() if (cell != "").any()}
    micros = events["time"].astype("int64")
    links = [event_link(str(id_), at) for id_, at in zip(events["event_id"], micros, strict=True)]
    return pd.DataFrame({"Time (UTC)": events["time"]} | filled | {"Event": links})


def timeline(events: pd.DataFrame, alerts: Iterable[Any]) -> alt.LayerChart:
    """Events by type and time, and above them the alerts.

    Args:
        events: of `in_frame`, at least one.
        alerts: rows with `title`, `start`.
    """
    marks = pd.DataFrame(
        [(visible(row.title), pd.Timestamp(row.start, unit="us", tz="UTC"), "alert") for row in alerts],
        columns=["title", "time", "type"],
    )
    times = pd.concat([events["time"], marks["time"]]) if len(marks) else events["time"]
    window = _window(times)
    rows = alt.Y("type:N", title=None, axis=alt.Axis(labelColor=INK, grid=True))
    shown = events[["time", "type", "ip", "outcome", "reason"]].map(_plain).assign(time=events["time"])
    ticks = (
        alt.Chart(shown, height=HEIGHT)
        .mark_tick(color=ACCENT, opacity=0.6, thickness=2)
        .encode(
            x=utc_axis("time", window),
            y=rows,
            tooltip=[
                utc_tooltip("time", "Time"),
                *(alt.Tooltip(f"{n}:N") for n in ("type", "ip", "outcome", "reason")),
            ],
        )
    )
    points = (
        alt.Chart(marks)
        .mark_point(shape="triangle-up", filled=True, size=120, color="#d62728")
        .encode(x=utc_axis("time", window), y=rows, tooltip=[alt.Tooltip("title:N"), utc_tooltip("time", "Began")])
    )
    chart: alt.LayerChart = ticks + points
    return chart


def _window(times: pd.Series[Any]) -> tuple[int, int]:
    micros = times.astype("datetime64[us, UTC]").astype("int64")
    first, last = int(micros.min()), int(micros.max())
    return first, max(last, first + SECOND)


def _plain(value: object) -> object:
    return visible(value)


def totals(events: pd.DataFrame, fields: Sequence[str], titles: Sequence[str]) -> pd.DataFrame:
    """Events by some fields, most first: the fields under `titles`, `Events`, `First (UTC)`, `Last (UTC)`.

    Rows without any of the fields are left out. Where the first field names an entity, `Page` is its address.
    """
    words = events[[*fields]].map(_plain)
    some = (words != "").any(axis=1)
    grouped = words[some].assign(time=events.loc[some, "time"]).groupby(list(fields), sort=False)["time"]
    found = grouped.agg(["size", "min", "max"]).sort_values("size", ascending=False, kind="stable").reset_index()
    found.columns = pd.Index([*titles, "Events", "First (UTC)", "Last (UTC)"])
    kind = ENTITY_FIELDS.get(fields[0])
    if kind is not None:
        found["Page"] = [entity_link(kind, id_) if id_ else None for id_ in found[titles[0]]]
    return found


def record(row: EventRow) -> dict[str, object]:
    """The fields that an event fills, times as RFC 3339, ready for JSON."""
    return {name: _json(value) for name, value in row.items() if value is not None and value is not False}


def _json(value: object) -> object:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def field_table(row: EventRow) -> pd.DataFrame:
    """One line a field: `Field`, `Value`, and `Page` (an address) where it names an entity."""
    fields = record(row)
    values = [", ".join(map(visible, v)) if isinstance(v, list) else visible(v) for v in fields.values()]
    pages = [_page_of(name, row[name]) for name in fields]
    return pd.DataFrame({"Field": list(fields), "Value": values, "Page": pages})


def _page_of(name: str, value: object) -> str | None:
    kind = ENTITY_FIELDS.get(name)
    if kind is None:
        return None
    return entity_link(kind, f"AS{value}" if kind is EntityType.ASN else str(value))


HOLDER: Final = {
    "client_id": "Client",
    "device_id": "Device",
    "ip": "Address",
    "asn": "ASN",
    "country": "Country",
    "city": "City",
    "user_agent": "User agent",
    "ja4": "JA4",
}


def holder_table(issue: Mapping[str, Any], use: Mapping[str, Any]) -> pd.DataFrame:
    """Who got the token beside who used it: `What`, `At issue`, `At use`, `Same` (yes, no, or unknown)."""
    rows = []
    for name, title in HOLDER.items():
        before, after = visible(issue.get(name)), visible(use.get(name))
        if before or after:
            same = "unknown" if not (before and after) else "yes" if before == after else "✖ no"
            rows.append((title, before or "-", after or "-", same))
    return pd.DataFrame(rows, columns=["What", "At issue", "At use", "Same"])
