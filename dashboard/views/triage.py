"""What people did with alerts, and what an action is about, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from dashboard.safe import visible
from dashboard.theme import severity_label
from dashboard.views.frames import frame, instants, texts
from dashboard.words import status_name
from store.audit import Entry
from store.suppressions import Listed

_SAID = ("owner", "ticket", "reason")


def target_table(rows: Iterable[object]) -> pd.DataFrame:
    """What an action will change: `Severity`, `Alert`, `Entity`, `State`."""
    found = frame(rows, ["severity", "title", "entity_type", "entity_id", "status"])
    return pd.DataFrame(
        {
            "Severity": found["severity"].map(lambda severity: [severity_label(severity)]),
            "Alert": texts(found["title"]),
            "Entity": texts(found["entity_type"] + " " + found["entity_id"].astype("object")),
            "State": found["status"].map(status_name),
        }
    )


def trail_table(entries: Sequence[Entry]) -> pd.DataFrame:
    """Audit entries, in the order given: `Entry`, `When (UTC)`, `Who`, `Did`, `Detail`."""
    found = frame(entries, ["seq", "time", "actor", "action"])
    return pd.DataFrame(
        {
            "Entry": found["seq"],
            "When (UTC)": instants(found["time"]),
            "Who": texts(found["actor"]),
            "Did": found["action"].map(status_name),
            "Detail": pd.Series([detail(entry) for entry in entries], dtype="object"),
        }
    )


def detail(entry: Entry) -> str:
    """What an entry says beyond its action, on one line."""
    fields = entry.fields
    if entry.action == "comment":
        return _line(fields["text"])
    named = [f"{name} {fields[name]}" for name in _SAID if fields.get(name)]
    if fields.get("verdict"):
        named.insert(0, f"verdict {status_name(fields['verdict'])}")
    if fields.get("suppression_id"):
        named.append(f"suppression {fields['suppression_id']}")
    return _line("; ".join(named))


def _line(text: str) -> str:
    return visible(text.replace("\n", " ⏎ "))


def suppression_table(listed: Sequence[Listed], now: int) -> pd.DataFrame:
    """Suppressions and mutes: `Number`, `Kind`, `State`, `Scope`, `Hides`, `Until (UTC)`, `Owner`, `Reason`, `More`."""
    rows = [each.row for each in listed]
    found = frame(rows, ["suppression_id", "kind", "expires_at", "owner", "reason"])
    return pd.DataFrame(
        {
            "Number": found["suppression_id"],
            "Kind": found["kind"].map(status_name),
            "State": pd.Series([_state(each, now) for each in listed], dtype="object"),
            "Scope": pd.Series([visible(each.scope.words()) for each in listed], dtype="object"),
            "Hides": pd.Series([each.hidden for each in listed], dtype="int64"),
            "Until (UTC)": instants(found["expires_at"]),
            "Owner": texts(found["owner"]),
            "Reason": texts(found["reason"]),
            "More": found["suppression_id"].map(
                lambda number: f"/triage?view=Alerts&state=Suppressed&hidden_by={number}"
            ),
        }
    )


def _state(each: Listed, now: int) -> str:
    because = each.row.ended_because
    return visible(f"Ended: {because}") if because else each.state(now).capitalize()
