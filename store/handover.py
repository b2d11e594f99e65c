"""What one shift leaves to the next: alerts that wait, what was done since, and what is hidden from now on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from schemas.fields import format_time
from schemas.triage import Sla, Status
from schemas.vocabulary import Severity
from store.audit import Entry
from store.engine import Database, clock
from store.models import ALERTS, AUDIT_LOG, SUPPRESSIONS
from store.queries import AlertFilter, AnyRow, matching
from store.suppressions import Scope, state_of

SHOWN: Final = 100
"""Entries of each list; the totals are of all."""


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NotedAlert(_Plain):
    """An alert. Times are RFC 3339; `reason` is that of its verdict."""

    alert_id: str
    severity: str
    title: str
    entity: str
    found: str
    status: str
    owner: str | None
    ticket: str | None
    verdict: str | None
    reason: str | None = None


class NotedComment(_Plain):
    """What somebody wrote about an alert."""

    alert_id: str
    title: str
    time: str
    actor: str
    text: str


class NotedSuppression(_Plain):
    """A suppression or mute that was made, or is over, in the span."""

    suppression: int
    kind: str
    state: str
    scope: str
    owner: str
    reason: str
    until: str
    ended_by: str | None
    ended_because: str | None


class Alerts(_Plain):
    """Alerts, the worst and oldest first, and how many there are."""

    total: int
    shown: list[NotedAlert]


class Comments(_Plain):
    """Comments, oldest first, and how many there are."""

    total: int
    shown: list[NotedComment]


class Handover(_Plain):
    """The note.

    Attributes:
        since: begin of the span, RFC 3339.
        at: its end: when the store was asked.
        found: alerts that were found in the span.
        new: those of them that nobody has taken.
        older: alerts from before that nobody has taken, or that were opened again.
        in_progress: whatever their age.
        overdue: as `schemas.triage.is_overdue`, whatever their age.
        resolved: in the span, and not opened again.
        suppressions: made, ended or expired in the span.
        comments: written in the span.
    """

    since: str
    at: str
    found: int
    older: int
    new: Alerts
    in_progress: Alerts
    overdue: Alerts
    resolved: Alerts
    suppressions: list[NotedSuppression]
    comments: Comments


def handover(database: Database, since: int, sla: Sla) -> Handover:
    """Write the note on what happened since, µs.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    table = ALERTS.c
    waiting, fresh = table.status == Status.NEW, table.found_at >= since
    with database.read() as connection:
        now = connection.execute(select(clock())).scalar_one()
        return Handover(
            since=format_time(since),
            at=format_time(now),
            found=_count(connection, [fresh]),
            older=_count(connection, [waiting, table.found_at < since]),
            new=_alerts(connection, [waiting, fresh]),
            in_progress=_alerts(connection, [table.status == Status.IN_PROGRESS]),
            overdue=_alerts(connection, matching(AlertFilter(overdue=sla))),
            resolved=_alerts(connection, [table.status == Status.RESOLVED, table.resolved_at >= since]),
            suppressions=_suppressions(connection, since, now),
            comments=_comments(connection, since),
        )


def _count(connection: Connection, where: Sequence[ColumnElement[bool]]) -> int:
    return int(connection.execute(select(func.count()).select_from(ALERTS).where(*where)).scalar_one())


def _alerts(connection: Connection, where: Sequence[ColumnElement[bool]]) -> Alerts:
    table = ALERTS.c
    columns = [table[name] for name in ("alert_id", "severity", "title", "entity_type", "entity_id", "found_at")]
    wanted = select(*columns, table.status, table.owner, table.ticket, table.verdict).where(*where)
    order = (table.severity.desc(), table.found_at, table.alert_id)
    rows = connection.execute(wanted.order_by(*order).limit(SHOWN)).all()
    reasons = _reasons(connection, [row.alert_id for row in rows if row.verdict is not None])
    shown = [_noted(row, reasons.get(row.alert_id)) for row in rows]
    return Alerts(total=_count(connection, where), shown=shown)


def _noted(row: AnyRow, reason: str | None) -> NotedAlert:
    return NotedAlert(
        alert_id=row.alert_id,
        severity=Severity(row.severity).name.lower(),
        title=row.title,
        entity=f"{row.entity_type} {row.entity_id}",
        found=format_time(row.found_at),
        status=row.status,
        owner=row.owner,
        ticket=row.ticket,
        verdict=row.verdict,
        reason=reason,
    )


def _reasons(connection: Connection, alert_ids: Sequence[str]) -> dict[str, str]:
    """Give why each alert got its verdict: the reason of its last one."""
    wanted = _entries("resolve").where(AUDIT_LOG.c.subject.in_(alert_ids)).order_by(AUDIT_LOG.c.seq)
    entries = [Entry(*row) for row in connection.execute(wanted)]
    return {entry.subject: entry.fields["reason"] for entry in entries}


def _comments(connection: Connection, since: int) -> Comments:
    wanted = _entries("comment").where(AUDIT_LOG.c.time >= since)
    total = connection.execute(select(func.count()).select_from(wanted.subquery())).scalar_one()
    newest = [Entry(*row) for row in connection.execute(wanted.order_by(AUDIT_LOG.c.seq.desc()).limit(SHOWN))]
    titles = select(ALERTS.c.alert_id, ALERTS.c.title).where(ALERTS.c.alert_id.in_({it.subject for it in newest}))
    named = {row.alert_id: row.title for row in connection.execute(titles)}
    shown = [
        NotedComment(
            alert_id=entry.subject,
            title=named.get(entry.subject, ""),
            time=format_time(entry.time),
            actor=entry.actor,
            text=entry.fields["text"],
        )
        for entry in reversed(newest)
    ]
    return Comments(total=total, shown=shown)


def _entries(action: str) -> Select[Any]:
    return select(AUDIT_LOG).where(AUDIT_LOG.c.subject_type == "alert", AUDIT_LOG.c.action == action)


def _suppressions(connection: Connection, since: int, now: int) -> list[NotedSuppression]:
    table = SUPPRESSIONS.c
    expired = and_(table.ended_at.is_(None), table.expires_at >= since, table.expires_at <= now)
    changed = or_(table.created_at >= since, table.ended_at >= since, expired)
    rows = connection.execute(select(SUPPRESSIONS).where(changed).order_by(table.suppression_id.desc()).limit(SHOWN))
    return [
        NotedSuppression(
            suppression=row.suppression_id,
            kind=row.kind,
            state=state_of(row, now),
            scope=Scope.model_validate(row.scope).words(),
            owner=row.owner,
            reason=row.reason,
            until=format_time(row.expires_at),
            ended_by=row.ended_by,
            ended_because=row.ended_because,
        )
        for row in rows
    ]
