"""Lists of alerts and incidents as the triage tables show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import pandas as pd

from dashboard.safe import visible
from dashboard.theme import severity_label
from dashboard.views.events import entity_link
from dashboard.views.frames import frame, instants, texts
from dashboard.words import duration, status_name, tactic_name
from schemas.triage import OPEN, Sla, Status, due, is_overdue

ALERT_COLUMNS: Final = (
    *("Severity", "Alert", "Entity", "Began (UTC)", "Last (UTC)"),
    *("Findings", "Risk", "State", "SLA", "Owner", "Page", "Tactics"),
)
INCIDENT_COLUMNS: Final = (
    "Severity",
    "Incident",
    "Entity",
    "Alerts",
    "Overdue",
    "Began (UTC)",
    "Last (UTC)",
    "Tactics",
)


def alert_link(alert_id: str) -> str:
    """The address of an alert's own page."""
    return f"/alert?id={quote(alert_id, safe='')}"


def alerts_of_link(type_: str, id_: str) -> list[tuple[str, str]]:
    """What the address of the triage page holds for the alerts of one entity, closed ones too."""
    return [("view", "Alerts"), *(("state", status_name(status)) for status in Status), ("entity", f"{type_}:{id_}")]


def risk_parts(parts: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """What a risk is made of, heaviest first: `Weight`, `Detector`, `When (UTC)`, `Page` (an address)."""
    found = frame(parts, ["weight", "detector", "time", "alert_id"])
    return pd.DataFrame(
        {
            "Weight": found["weight"],
            "Detector": texts(found["detector"]),
            "When (UTC)": instants(found["time"]),
            "Page": found["alert_id"].map(alert_link),
        }
    )


def sla_words(sla: Sla, row: Any, now: int) -> str:  # noqa: ANN401 - a row of the store
    """How long there is still to take an alert, or how long it is overdue; empty for what is taken or has no limit."""
    until = due(sla, row.severity, row.found_at)
    if row.status not in OPEN or row.acknowledged_at is not None or until is None:
        return ""
    if is_overdue(sla, row, now):
        return f"⚠ {duration(now - until)} over"
    return f"{duration(until - now)} left"


def alert_table(alerts: Sequence[Any], sla: Sla, now: int) -> pd.DataFrame:
    """One line an alert, in the order given; columns `ALERT_COLUMNS`. `now`: the store's clock, µs."""
    names = ["severity", "title", "entity_type", "entity_id", "start", "end", "count", "risk", "status", "owner"]
    found = frame(alerts, [*names, "alert_id", "tactics"])
    cells = (
        found["severity"].map(lambda severity: [severity_label(severity)]),
        texts(found["title"]),
        texts(found["entity_type"] + " " + found["entity_id"].astype("object")),
        instants(found["start"]),
        instants(found["end"]),
        found["count"],
        found["risk"],
        found["status"].map(status_name),
        pd.Series([sla_words(sla, row, now) for row in alerts], dtype="object"),
        texts(found["owner"]),
        found["alert_id"].map(alert_link),
        found["tactics"].map(_tactics),
    )
    return pd.DataFrame(dict(zip(ALERT_COLUMNS, cells, strict=True)))


def incident_table(
    incidents: Iterable[object], leading: Mapping[str, tuple[str, str]], overdue: Mapping[str, int]
) -> pd.DataFrame:
    """One line an incident, in the order given; columns `INCIDENT_COLUMNS`.

    Args:
        incidents: rows of the store.
        leading: incident id → type and id of the entity that its worst alert is about.
        overdue: incident id → overdue alerts in it.
    """
    names = ["severity", "title", "incident_id", "alert_count", "start", "end", "tactics"]
    found = frame(incidents, names)
    cells = (
        found["severity"].map(lambda severity: [severity_label(severity)]),
        texts(found["title"]),
        found["incident_id"].map(lambda id_: visible(" ".join(leading.get(id_, ())))),
        found["alert_count"],
        found["incident_id"].map(lambda id_: overdue.get(id_, 0)),
        instants(found["start"]),
        instants(found["end"]),
        found["tactics"].map(_tactics),
    )
    return pd.DataFrame(dict(zip(INCIDENT_COLUMNS, cells, strict=True)))


def risk_table(entities: Iterable[object]) -> pd.DataFrame:
    """Entities by risk: `Risk`, `Entity`, `Because` (detectors behind it), `More` (an address)."""
    found = frame(entities, ["score", "type", "id", "parts"])
    return pd.DataFrame(
        {
            "Risk": found["score"],
            "Entity": texts(found["type"] + " " + found["id"].astype("object")),
            "Because": found["parts"].map(_detectors),
            "More": [entity_link(type_, id_) for type_, id_ in zip(found["type"], found["id"], strict=True)],
        }
    )


def state_word(episode: str) -> str:
    """Life of the episode: whether events still add to it."""
    return "Over" if episode == "closed" else "Going on"


def _tactics(names: Iterable[str]) -> str:
    return ", ".join(tactic_name(name) for name in names)


def _detectors(parts: Iterable[Mapping[str, str]]) -> str:
    return ", ".join(dict.fromkeys(visible(part["detector"]) for part in parts))
