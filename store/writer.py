"""The leader's alerts: revisions appended once, and the current state of alerts, entities, incidents and risk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, insert, select, tuple_, update

from schemas.revisions import EntityRisk, Incident, Revision
from store import handling
from store.engine import Database, clock
from store.lease import guard
from store.models import ALERT_ENTITIES, ALERT_REVISIONS, ALERTS, ENTITY_RISK, INCIDENTS, SHADOW_ALERTS
from store.sql import batches, upsert


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit did.

    Attributes:
        written: revisions that were new.
        repeated: revisions that were there already, equal to the byte (after a crash the same are found again).
        conflicts: (alert id, revision) whose stored content differs; the stored one stays. Never on a healthy run.
    """

    written: int = 0
    repeated: int = 0
    conflicts: tuple[tuple[str, int], ...] = ()


class AlertWriter:
    """Writes what the alert stream yields. All methods need the epoch of the lease that is held."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def commit_revisions(
        self,
        revisions: Sequence[Revision],
        epoch: int,
        *,
        incidents: Sequence[Incident] = (),
        risks: Sequence[EntityRisk] = (),
        shadows: Sequence[Revision] = (),
    ) -> Committed:
        """Store revisions with the incidents and risks they changed, in one transaction; safe to repeat.

        `shadows` are kept apart: the latest revision of each alert, which no publisher sees.

        Raises:
            LeadershipLostError: another worker leads; nothing was kept.
            StoreUnavailableError: the database does not answer; nothing was kept.
        """
        if not (revisions or incidents or risks or shadows):
            return Committed()
        # What a power failure undoes is found again from the checkpoint before it (docs/decisions/0011).
        with self._database.write(durable=False) as connection:
            guard(connection, epoch)
            stored = _stored_bodies(connection, revisions)
            new = [revision for revision in revisions if revision.key not in stored]
            conflicts = tuple(r.key for r in revisions if r.key in stored and stored[r.key] != r.body)
            if new:
                _append(connection, new)
            upsert(connection, INCIDENTS, [_incident_row(incident) for incident in incidents])
            _move_merged(connection, incidents)
            upsert(connection, ENTITY_RISK, [_risk_row(risk) for risk in risks])
            _keep_apart(connection, shadows)
        return Committed(len(new), len(revisions) - len(new) - len(conflicts), conflicts)


def _stored_bodies(connection: Connection, revisions: Sequence[Revision]) -> dict[tuple[str, int], str]:
    table, found = ALERT_REVISIONS, dict[tuple[str, int], str]()
    for part in batches(revisions):
        wanted = tuple_(table.c.alert_id, table.c.revision).in_([revision.key for revision in part])
        for row in connection.execute(select(table.c.alert_id, table.c.revision, table.c.body).where(wanted)):
            found[row.alert_id, row.revision] = row.body
    return found


def _append(connection: Connection, new: Sequence[Revision]) -> None:
    now = connection.execute(select(clock())).scalar_one()
    rows = [_revision_row(revision, now) for revision in new]
    statement = insert(ALERT_REVISIONS).returning(ALERT_REVISIONS.c.cursor, sort_by_parameter_order=True)
    cursors = connection.execute(statement, rows).scalars().all()
    first = {revision.alert.alert_id: cursor for revision, cursor in reversed(list(zip(new, cursors, strict=True)))}
    latest = {revision.alert.alert_id: revision for revision in new}
    current, victims = handling.before(connection, list(latest.values()))
    risen = [r for name, r in latest.items() if name not in current or r.alert.revision > current[name].revision]
    upsert(
        connection,
        ALERTS,
        [
            _alert_row(revision, now) | {"first_cursor": first[revision.alert.alert_id], "found_at": now}
            for revision in risen
        ],
        keep={"first_cursor", "found_at"},
    )
    upsert(connection, ALERT_ENTITIES, _entity_rows(risen))
    handling.after(connection, risen, current, victims)


def _keep_apart(connection: Connection, shadows: Sequence[Revision]) -> None:
    latest = {revision.alert.alert_id: revision for revision in shadows}
    known: dict[str, int] = {}
    table = SHADOW_ALERTS.c
    for part in batches(list(latest)):
        wanted = select(table.alert_id, table.revision).where(table.alert_id.in_(part))
        known.update((row.alert_id, row.revision) for row in connection.execute(wanted))
    risen = [revision for name, revision in latest.items() if revision.alert.revision > known.get(name, 0)]
    if risen:
        now = connection.execute(select(clock())).scalar_one()
        kept = ("alert_id", "revision", "detector", "severity", "start", "detected_at", "body")
        rows = [_alert_row(revision, now) for revision in risen]
        upsert(connection, SHADOW_ALERTS, [{name: row[name] for name in kept} for row in rows])


def _move_merged(connection: Connection, incidents: Iterable[Incident]) -> None:
    for incident in incidents:
        if incident.merged_into is not None:
            mine = ALERTS.c.incident_id == incident.incident_id
            connection.execute(update(ALERTS).where(mine).values(incident_id=incident.merged_into))


def _revision_row(revision: Revision, now: int) -> dict[str, Any]:
    return {
        "alert_id": revision.alert.alert_id,
        "revision": revision.alert.revision,
        "time": revision.time,
        "change": revision.alert.change.value,
        "severity": int(revision.severity),
        "detected_at": now,
        "body": revision.body,
    }


def _alert_row(revision: Revision, now: int) -> dict[str, Any]:
    alert = revision.alert
    return {
        **alert.model_dump(
            mode="json",
            include={"alert_id", "incident_id", "revision", "episode", "detector", "alert_class", "title", "summary"}
            | {"confidence", "risk", "tenant", "iss", "count"},
        ),
        "severity": int(revision.severity),
        "entity_type": alert.entities[0].type.value,
        "entity_id": alert.entities[0].id,
        "tactics": alert.attack.tactics,
        "start": revision.start,
        "end": revision.end,
        "detected_at": now,
        "body": revision.body,
    }


def _entity_rows(revisions: Iterable[Revision]) -> list[dict[str, Any]]:
    rows = {
        (revision.alert.alert_id, entity.type, entity.id): entity.role
        for revision in revisions
        for entity in revision.alert.entities
    }
    return [
        {"alert_id": alert_id, "type": type_.value, "id": id_, "role": role.value}
        for (alert_id, type_, id_), role in rows.items()
    ]


def _incident_row(incident: Incident) -> dict[str, Any]:
    nested = {name: _json(getattr(incident, name)) for name in ("containment", "blast_radius")}
    return asdict(incident) | nested | {"severity": int(incident.severity), "tactics": list(incident.tactics)}


def _json(record: BaseModel | None) -> dict[str, Any] | None:
    return None if record is None else record.model_dump(mode="json", exclude_none=True)


def _risk_row(risk: EntityRisk) -> Mapping[str, Any]:
    return asdict(risk) | {
        "entity_key": risk.key,
        "type": risk.type.value,
        "parts": [asdict(part) for part in risk.parts],
    }
