"""What people do with alerts. Each call is done whole or not at all, and leaves one audit entry an alert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol

from sqlalchemy import Connection, Row, select

from schemas.alerts import Change as RevisionChange
from schemas.triage import OPEN, Role, Status, Verdict
from store.access import MAX_NAME, Actor, written
from store.alert_states import Move, apply, locked, reopened
from store.audit import Change, Entry, append
from store.engine import Database, clock
from store.errors import ConflictError, RefusedError
from store.models import ALERT_REVISIONS, AUDIT_LOG

MAX_TARGETS: Final = 1_000
MAX_TEXT: Final = 4_000
NAMED: Final = 3
"""Titles in an error; the rest is a number."""
_MATERIAL: Final = (RevisionChange.SEVERITY, RevisionChange.CLASS, RevisionChange.ENTITY)


@dataclass(frozen=True, slots=True)
class Target:
    """An alert as somebody saw it: `version` of its state and `revision` of its content."""

    alert_id: str
    version: int
    revision: int


class Action(Protocol):
    """Something to do with alerts."""

    name: ClassVar[str]
    judges: ClassVar[bool]
    """Whether it decides over what was seen, so that the alert must not have grown since."""

    def move(self, row: Row[Any], actor: Actor, now: int) -> Move | None:
        """What becomes of an alert; None if nothing does. Raises RefusedError."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Take an alert: it is in progress, and the actor owns it."""

    name: ClassVar[str] = "begin"
    judges: ClassVar[bool] = False

    def move(self, row: Row[Any], actor: Actor, now: int) -> Move | None:
        """Only what is open can be taken."""
        _require_open(row, self.name)
        state = {"status": Status.IN_PROGRESS.value, "owner": actor.name}
        if (row.status, row.owner) == tuple(state.values()):
            return None
        return Move(row, self.name, state | {"acknowledged_at": row.acknowledged_at or now})


@dataclass(frozen=True, slots=True)
class Assign:
    """Give an alert to somebody; None takes it from everybody."""

    owner: str | None
    name: ClassVar[str] = "assign"
    judges: ClassVar[bool] = False

    def move(self, row: Row[Any], actor: Actor, now: int) -> Move | None:
        """Its status stays: nobody has looked at it by that."""
        del actor, now
        _require_open(row, self.name)
        owner = None if self.owner is None else written(self.owner, "owner", MAX_NAME)
        return None if row.owner == owner else Move(row, self.name, {"owner": owner})


@dataclass(frozen=True, slots=True)
class Resolve:
    """Close an alert with what it turned out to be, and why."""

    verdict: Verdict
    reason: str
    name: ClassVar[str] = "resolve"
    judges: ClassVar[bool] = True

    def move(self, row: Row[Any], actor: Actor, now: int) -> Move | None:
        """What was closed must be opened again before it gets another verdict."""
        _require_open(row, self.name)
        state = {
            "status": Status.RESOLVED.value,
            "verdict": self.verdict.value,
            "owner": row.owner or actor.name,
            "acknowledged_at": row.acknowledged_at or now,
            "resolved_at": now,
        }
        return Move(row, self.name, state, written(self.reason, "reason", MAX_TEXT, lines=True))


@dataclass(frozen=True, slots=True)
class Reopen:
    """Open an alert again that was closed or hidden."""

    reason: str
    name: ClassVar[str] = "reopen"
    judges: ClassVar[bool] = False

    def move(self, row: Row[Any], actor: Actor, now: int) -> Move | None:
        """Its verdict goes; the audit log keeps it."""
        del actor, now
        if row.status in OPEN:
            raise RefusedError("is open", place=row.title, next_step="nothing is to be opened again")
        return Move(row, self.name, reopened(), written(self.reason, "reason", MAX_TEXT, lines=True))


@dataclass(frozen=True, slots=True)
class Ticket:
    """Note where else the alert is worked on; None takes the note away."""

    reference: str | None
    name: ClassVar[str] = "ticket"
    judges: ClassVar[bool] = False

    def move(self, row: Row[Any], actor: Actor, now: int) -> Move | None:
        """A closed alert may get one, too."""
        del actor, now
        ticket = None if self.reference is None else written(self.reference, "ticket", MAX_NAME)
        return None if row.ticket == ticket else Move(row, self.name, {"ticket": ticket})


class Triage:
    """Actions on alerts.

    Every method raises, with nothing done:
        ForbiddenError: the role does not allow it.
        RefusedError: a rule is broken: no reason, too many alerts, an alert that is not open.
        ConflictError: somebody changed an alert since it was seen, or it grew beyond what is judged.
        StoreUnavailableError: the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def act(self, actor: Actor, targets: Sequence[Target], action: Action) -> list[Entry]:
        """Do one thing with all targets; give the audit entries of those that it changed."""
        actor.require(Role.ANALYST, f"{action.name} alerts")
        if len(targets) > MAX_TARGETS:
            raise RefusedError(
                f"{len(targets)} alerts are more than {MAX_TARGETS} at once",
                place=action.name,
                next_step="narrow the filter",
            )
        with self._database.write() as connection:
            rows = locked(connection, [target.alert_id for target in targets])
            _require_unchanged(connection, targets, rows)
            if action.judges:
                _require_ungrown(connection, targets, rows)
            now = connection.execute(select(clock())).scalar_one()
            moves = [action.move(rows[target.alert_id], actor, now) for target in targets]
            return apply(connection, actor.name, [move for move in moves if move is not None])

    def comment(self, actor: Actor, alert_ids: Sequence[str], text: str) -> list[Entry]:
        """Add a comment, which nobody can change or take away; needs no version, as it replaces nothing."""
        actor.require(Role.ANALYST, "comment on alerts")
        text = written(text, "comment", MAX_TEXT, lines=True)
        if len(alert_ids) > MAX_TARGETS:
            raise RefusedError(f"more than {MAX_TARGETS} alerts", place="comment", next_step="narrow the filter")
        with self._database.write() as connection:
            rows = locked(connection, alert_ids)
            for alert_id in alert_ids:
                if alert_id not in rows:
                    raise ConflictError("is not stored any more", place=alert_id, next_step="read the list again")
            return append(connection, actor.name, [Change("comment", "alert", id_, {"text": text}) for id_ in rows])


def _require_open(row: Row[Any], action: str) -> None:
    if row.status not in OPEN:
        raise RefusedError(f"cannot {action} what is {row.status}", place=row.title, next_step="reopen it first")


def _require_unchanged(connection: Connection, targets: Sequence[Target], rows: dict[str, Row[Any]]) -> None:
    gone = [target.alert_id for target in targets if target.alert_id not in rows]
    if gone:
        raise ConflictError(_named(gone, "not stored any more"), next_step="read the list again")
    other = [rows[target.alert_id] for target in targets if rows[target.alert_id].version != target.version]
    if other:
        told = [f"“{row.title}” ({_last(connection, row)})" for row in other]
        raise ConflictError(
            _named(told, "changed since you read it"), next_step="nothing was done; look again, then decide"
        )


def _last(connection: Connection, row: Row[Any]) -> str:
    mine = (AUDIT_LOG.c.subject_type == "alert") & (AUDIT_LOG.c.subject == row.alert_id)
    wanted = select(AUDIT_LOG.c.actor, AUDIT_LOG.c.action).where(mine & (AUDIT_LOG.c.action != "comment"))
    last = connection.execute(wanted.order_by(AUDIT_LOG.c.seq.desc()).limit(1)).one_or_none()
    return f"{last.action} by {last.actor}" if last else "by nobody known"


def _require_ungrown(connection: Connection, targets: Sequence[Target], rows: dict[str, Row[Any]]) -> None:
    """Nobody judges what he has not seen: a severity, class or entity that came meanwhile."""
    late = {t.alert_id: t.revision for t in targets if rows[t.alert_id].revision > t.revision}
    table = ALERT_REVISIONS.c
    material = table.change.in_([change.value for change in _MATERIAL])
    grown = [
        f"“{rows[alert_id].title}”"
        for alert_id, seen in late.items()
        if connection.execute(
            select(table.cursor).where(table.alert_id == alert_id, table.revision > seen, material).limit(1)
        ).first()
    ]
    if grown:
        raise ConflictError(
            _named(grown, "grown in severity, class or entities since you read it"),
            next_step="nothing was done; look at what is new, then decide",
        )


def _named(alerts: Sequence[str], what: str) -> str:
    more = f" and {len(alerts) - NAMED} more" if len(alerts) > NAMED else ""
    return f"{', '.join(alerts[:NAMED])}{more}: {what}"


def targets(rows: Sequence[Any]) -> list[Target]:
    """Rows of `alerts` as they were read, to act on."""
    return [Target(row.alert_id, row.version, row.revision) for row in rows]
