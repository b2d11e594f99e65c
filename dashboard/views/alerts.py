"""Lists of alerts and incidents as the triage tables show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

import pandas as pd

from dashboard.safe import visible
from dashboard.theme import severity_label
from dashboard.views.frames import frame, instants, texts

ALERT_COLUMNS: Final = (
    *("Severity", "Alert", "Entity", "Tactics", "Began (UTC)"),
    *("Last (UTC)", "Findings", "Risk", "State", "Page"),
)
INCIDENT_COLUMNS: Final = ("Severity", "Incident", "Alerts", "Tactics", "Began (UTC)", "Last (UTC)")


def alert_link(alert_id: str) -> str:
    """The address of an alert's own page."""
    return f"/alert?id={quote(alert_id, safe='')}"


def entity_link(type_: str, id_: str) -> str:
    """The address of the triage page with the alerts of one entity, closed ones too."""
    return f"/triage?view=Alerts&state=Open&state=Closed&entity={quote(f'{type_}:{id_}', safe='')}"


def alert_table(alerts: Iterable[object]) -> pd.DataFrame:
    """One line an alert, in the order given; columns `ALERT_COLUMNS`."""
    names = ["severity", "title", "entity_type", "entity_id", "tactics", "start", "end", "count", "risk", "episode"]
    found = frame(alerts, [*names, "alert_id"])
    cells = (
        found["severity"].map(lambda severity: [severity_label(severity)]),
        texts(found["title"]),
        texts(found["entity_type"] + " " + found["entity_id"].astype("object")),
        found["tactics"].map(_words),
        instants(found["start"]),
        instants(found["end"]),
        found["count"],
        found["risk"],
        found["episode"].map(state_word),
        found["alert_id"].map(alert_link),
    )
    return pd.DataFrame(dict(zip(ALERT_COLUMNS, cells, strict=True)))


def incident_table(incidents: Iterable[object]) -> pd.DataFrame:
    """One line an incident, in the order given; columns `INCIDENT_COLUMNS`."""
    found = frame(incidents, ["severity", "title", "alert_count", "tactics", "start", "end"])
    cells = (
        found["severity"].map(lambda severity: [severity_label(severity)]),
        texts(found["title"]),
        found["alert_count"],
        found["tactics"].map(_words),
        instants(found["start"]),
        instants(found["end"]),
    )
    return pd.DataFrame(dict(zip(INCIDENT_COLUMNS, cells, strict=True)))


def risk_table(entities: Iterable[object]) -> pd.DataFrame:
    """Entities by risk: `Risk`, `Entity`, `Because` (detectors behind it), `Same entity` (an address)."""
    found = frame(entities, ["score", "type", "id", "parts"])
    return pd.DataFrame(
        {
            "Risk": found["score"],
            "Entity": texts(found["type"] + " " + found["id"].astype("object")),
            "Because": found["parts"].map(lambda parts: _words(dict.fromkeys(part["detector"] for part in parts))),
            "Same entity": [entity_link(type_, id_) for type_, id_ in zip(found["type"], found["id"], strict=True)],
        }
    )


def state_word(episode: str) -> str:
    """Life of the episode in the words of the state filter: what still grows is open."""
    return "Closed" if episode == "closed" else "Open"


def _words(values: Iterable[str]) -> str:
    return ", ".join(visible(value) for value in values)
