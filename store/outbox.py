"""What publishers read: revisions after a cursor of their own, so that one sink's outage delays only that sink."""

from __future__ import annotations

from sqlalchemy import select

from schemas.alerts import Change
from schemas.fields import format_time
from schemas.revisions import StoredRevision
from schemas.triage import AlertState, StoredState
from store.audit import Entry
from store.engine import Database, clock
from store.models import ALERT_REVISIONS, AUDIT_LOG, PUBLISHER_CURSORS
from store.sql import upsert


class Outbox:
    """Revisions in the order they were stored. One writer at a time makes cursors rise without overtaking."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cursor(self, publisher: str) -> int:
        """How far a publisher has come; 0 for a new one, which starts at the earliest."""
        wanted = select(PUBLISHER_CURSORS.c.cursor).where(PUBLISHER_CURSORS.c.publisher == publisher)
        with self._database.read() as connection:
            return connection.execute(wanted).scalar_one_or_none() or 0

    def after(self, cursor: int, limit: int) -> list[StoredRevision]:
        """Give the next revisions, at most `limit`."""
        table = ALERT_REVISIONS.c
        columns = (table.cursor, table.alert_id, table.change, table.detected_at, table.body)
        wanted = select(*columns).where(table.cursor > cursor).order_by(table.cursor).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        return [StoredRevision(row[0], row[1], Change(row[2]), row[3], row[4]) for row in rows]

    def advance(self, publisher: str, cursor: int) -> None:
        """Remember that everything up to `cursor` has been delivered."""
        # A cursor that falls back offers revisions again, which sinks know by alert id and revision.
        with self._database.write(durable=False) as connection:
            now = connection.execute(select(clock())).scalar_one()
            upsert(connection, PUBLISHER_CURSORS, [{"publisher": publisher, "cursor": cursor, "updated_at": now}])


class StateOutbox:
    """Triage states in the order of the audit log, which holds them; cursors are its numbers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._outbox = Outbox(database)

    def cursor(self, publisher: str) -> int:
        """As `Outbox.cursor`."""
        return self._outbox.cursor(publisher)

    def after(self, cursor: int, limit: int) -> list[StoredState]:
        """Give the next states, at most `limit`. Comments change none."""
        table = AUDIT_LOG.c
        mine = (table.seq > cursor, table.subject_type == "alert", table.action != "comment")
        wanted = select(AUDIT_LOG).where(*mine).order_by(table.seq).limit(limit)
        with self._database.read() as connection:
            entries = [Entry(*row) for row in connection.execute(wanted)]
        return [StoredState(entry.seq, _state(entry)) for entry in entries]

    def advance(self, publisher: str, cursor: int) -> None:
        """As `Outbox.advance`."""
        self._outbox.advance(publisher, cursor)


def _state(entry: Entry) -> AlertState:
    fields = entry.fields
    same = ("incident_id", "revision", "version", "status", "verdict", "reason", "owner", "ticket")
    return AlertState(
        time=format_time(entry.time),
        alert_id=entry.subject,
        suppression=fields["suppression_id"],
        action=entry.action,
        actor=entry.actor,
        audit=entry.anchor,
        **{name: fields[name] for name in same},
    )
