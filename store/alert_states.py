"""Changes of alerts' triage states: the rows and the audit entries, together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, select, update

from schemas.triage import Status
from store.audit import Change, Entry, append
from store.models import ALERTS
from store.sql import batches

STATE: Final = ("status", "verdict", "owner", "ticket", "suppression_id", "acknowledged_at", "resolved_at")
_READ: Final = [
    ALERTS.c[name]
    for name in ("alert_id", "incident_id", "revision", "version", "title", "severity", "alert_class", *STATE)
]


@dataclass(frozen=True, slots=True)
class Move:
    """A change of one alert: the row as it was read, what is done, the columns of `STATE` that change, and why."""

    row: Row[Any]
    action: str
    values: Mapping[str, Any]
    reason: str | None = None


def locked(connection: Connection, alert_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """Read alerts, which nobody else changes until the transaction ends."""
    found: dict[str, Row[Any]] = {}
    # Everybody locks in the order of ids, so that nobody waits for one who waits for him.
    for part in batches(sorted(set(alert_ids))):
        wanted = select(*_READ).where(ALERTS.c.alert_id.in_(part)).order_by(ALERTS.c.alert_id).with_for_update()
        found.update((row.alert_id, row) for row in connection.execute(wanted))
    return found


def apply(connection: Connection, actor: str, moves: Sequence[Move]) -> list[Entry]:
    """Write the changes of locked alerts with one audit entry each."""
    if not moves:
        return []
    fields: Mapping[str, Any] = {name: bindparam(f"to_{name}") for name in STATE}
    mine = ALERTS.c.alert_id == bindparam("of")
    statement = update(ALERTS).where(mine).values(version=ALERTS.c.version + 1, **fields)
    after = [_after(move) for move in moves]
    connection.execute(
        statement,
        [
            {"of": move.row.alert_id, **{f"to_{name}": state[name] for name in STATE}}
            for move, state in zip(moves, after, strict=True)
        ],
    )
    return append(connection, actor, [_change(move, state) for move, state in zip(moves, after, strict=True)])


def reopened() -> dict[str, Any]:
    """The columns of an alert that somebody has to look at again; who owned it still does."""
    return {"status": Status.NEW.value, "verdict": None, "suppression_id": None, "resolved_at": None}


def _after(move: Move) -> dict[str, Any]:
    return {name: getattr(move.row, name) for name in STATE} | dict(move.values)


def _change(move: Move, after: Mapping[str, Any]) -> Change:
    detail = {
        "incident_id": move.row.incident_id,
        "revision": move.row.revision,
        "version": move.row.version + 1,
        "before": move.row.status,
        **{name: after[name] for name in ("status", "verdict", "owner", "ticket", "suppression_id")},
        "reason": move.reason,
    }
    return Change(move.action, "alert", move.row.alert_id, detail)
