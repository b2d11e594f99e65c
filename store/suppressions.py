"""Suppressions and mutes: what nobody needs to look at until a day that is set. They hide alerts and delete none.

A *suppression* says that something known is benign: it covers the severity, classes and victims of the alerts that
were there when it was made. An alert of its scope that goes beyond them stays visible and ends the suppression, whose
reason no longer holds. A *mute* says that nobody wants to hear of a scope for a while: it hides up to a severity, and
what is above stays visible without ending it. The worker's transactions apply both (docs/decisions/0019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from schemas.fields import micros
from schemas.triage import OPEN, Role, Status
from schemas.vocabulary import EntityRole, EntityType, Severity
from store.access import Actor, written
from store.alert_states import Move, apply, locked
from store.audit import Change, append
from store.engine import Database, clock
from store.errors import ConflictError, RefusedError
from store.models import ALERT_ENTITIES, ALERTS, SUPPRESSIONS
from store.queries import AnyRow, about

LONGEST: Final = timedelta(days=90)
MAX_ACTIVE: Final = 500
MAX_HIDDEN: Final = 1_000
"""Alerts that one new suppression may hide at once: people list them before they agree."""
MAX_REASON: Final = 1_000
DEFAULT_MUTE: Final = Severity.MEDIUM


class Kind(StrEnum):
    """What breaks it: more than what was seen, or only a higher severity."""

    SUPPRESS = "suppress"
    MUTE = "mute"


class Named(BaseModel):
    """An entity by type and id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: EntityType
    id: str = Field(min_length=1, max_length=1_024)


class Scope(BaseModel):
    """Which alerts: all that is given must fit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detector: str | None = None
    alert_class: str | None = None
    tenant: str | None = None
    iss: str | None = None
    entities: tuple[Named, ...] = Field((), max_length=5)

    @model_validator(mode="after")
    def _of_something(self) -> Scope:
        if not (self.detector or self.entities):
            raise ValueError("name a detector or an entity: nothing may hide everything")
        return self

    def words(self) -> str:
        """The scope in words."""
        parts = [f"{name.replace('alert_', '')} {value}" for name, value in self if isinstance(value, str)]
        return ", ".join([*parts, *(f"{named.type} {named.id}" for named in self.entities)])


class Covers(BaseModel):
    """What is hidden of the scope. None: any."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    severity: int
    classes: frozenset[str] | None = None
    victims: frozenset[tuple[str, str]] | None = None

    def beyond(self, severity: int, alert_class: str, victims: set[tuple[str, str]]) -> str | None:
        """How an alert goes beyond it; None if it does not."""
        if severity > self.severity:
            return "higher severity"
        if self.classes is not None and alert_class not in self.classes:
            return "new class"
        return "new victim" if self.victims is not None and victims - self.victims else None


class Held(NamedTuple):
    """A suppression or mute that holds."""

    suppression_id: int
    kind: Kind
    scope: Scope
    covers: Covers


class Listed(NamedTuple):
    """A suppression or mute, held or not: its row, its scope, and how many alerts it hides now."""

    row: Row[Any]
    scope: Scope
    hidden: int

    def state(self, now: int) -> str:
        """As `state_of`."""
        return state_of(self.row, now)


def state_of(row: Row[Any], now: int) -> str:
    """`active`, `ended` or `expired` at `now`, µs."""
    if row.ended_at is not None:
        return "ended"
    return "active" if row.expires_at > now else "expired"


class Suppressions:
    """The service for them. Errors as those of `store.triage.Triage`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def preview(self, scope: Scope) -> Sequence[AnyRow]:
        """Give the open alerts that it would hide, worst first, one more than `MAX_HIDDEN` at most."""
        order = (ALERTS.c.severity.desc(), ALERTS.c.start.desc(), ALERTS.c.alert_id)
        wanted = select(ALERTS.c.alert_id, ALERTS.c.title, ALERTS.c.severity, ALERTS.c.alert_class)
        with self._database.read() as connection:
            return connection.execute(wanted.where(*_open_in(scope)).order_by(*order).limit(MAX_HIDDEN + 1)).all()

    def add(
        self,
        actor: Actor,
        kind: Kind,
        scope: Scope,
        *,
        reason: str,
        lasts: timedelta,
        severity: Severity | None = None,
    ) -> tuple[int, int]:
        """Hide the open alerts of a scope and those to come; give its number and how many are hidden now.

        Args:
            actor: answers for it.
            kind: see the module.
            scope: which alerts.
            reason: why, for those who come after.
            lasts: at most `LONGEST`.
            severity: up to which it hides; without it that of the worst open alert, for a mute at least medium.
        """
        actor.require(Role.ANALYST, f"{kind.value} alerts")
        reason = written(reason, "reason", MAX_REASON, lines=True)
        if not timedelta(0) < lasts <= LONGEST:
            raise RefusedError(
                f"must end within {LONGEST.days} days", place="expiry", next_step="choose an earlier one"
            )
        with self._database.write() as connection:
            rows = _to_hide(connection, kind, scope)
            covers = _covers(connection, kind, list(rows), severity)
            number = _insert(connection, actor, kind, scope, (covers, reason, micros(lasts)))
            within = [row for row in rows.values() if row.severity <= covers.severity]
            apply(connection, actor.name, [hidden(row, number, reason) for row in within])
        return number, len(within)

    def end(self, actor: Actor, suppression_id: int, reason: str) -> None:
        """Let new alerts show again; what was hidden stays so until somebody opens it again."""
        actor.require(Role.ANALYST, "end suppressions")
        reason = written(reason, "reason", MAX_REASON, lines=True)
        with self._database.write() as connection:
            if not end(connection, actor.name, suppression_id, reason):
                raise ConflictError(
                    "no such suppression holds", place=str(suppression_id), next_step="see which do, and since when"
                )

    def all(self, *, limit: int = 500) -> tuple[list[Listed], int]:
        """Give the newest, and the database's clock, µs."""
        mine = (ALERTS.c.suppression_id == SUPPRESSIONS.c.suppression_id, ALERTS.c.status == Status.SUPPRESSED)
        hidden_now = select(func.count()).select_from(ALERTS).where(*mine).scalar_subquery()
        wanted = select(SUPPRESSIONS, hidden_now.label("hidden"), clock().label("now"))
        with self._database.read() as connection:
            found = connection.execute(wanted.order_by(SUPPRESSIONS.c.suppression_id.desc()).limit(limit)).all()
            now = connection.execute(select(clock())).scalar_one()
        return [Listed(row, Scope.model_validate(row.scope), row.hidden) for row in found], now


def held(connection: Connection) -> list[Held]:
    """Give those that hold now."""
    table = SUPPRESSIONS.c
    wanted = select(table.suppression_id, table.kind, table.scope, table.covers)
    rows = connection.execute(wanted.where(table.ended_at.is_(None), table.expires_at > clock()))
    return [
        Held(row[0], Kind(row[1]), Scope.model_validate(row[2]), Covers.model_validate(row[3])) for row in rows.all()
    ]


def hidden(row: Row[Any], suppression_id: int, reason: str) -> Move:
    """The change of an alert that is hidden."""
    state = {"status": Status.SUPPRESSED.value, "suppression_id": suppression_id}
    return Move(row, "suppress", state, reason)


def end(connection: Connection, actor: str, suppression_id: int, reason: str) -> bool:
    """End one within a transaction; False if it does not hold any more."""
    table = SUPPRESSIONS.c
    mine = (table.suppression_id == suppression_id, table.ended_at.is_(None), table.expires_at > clock())
    ended = update(SUPPRESSIONS).where(*mine)
    values = {"ended_at": clock(), "ended_by": actor, "ended_because": reason}
    if connection.execute(ended.values(values)).rowcount != 1:
        return False
    append(connection, actor, [Change("end", "suppression", str(suppression_id), {"reason": reason})])
    return True


def _open_in(scope: Scope) -> list[ColumnElement[bool]]:
    given = [(ALERTS.c[name], getattr(scope, name)) for name in ("detector", "alert_class", "tenant", "iss")]
    return [
        ALERTS.c.status.in_(OPEN),
        *(column == value for column, value in given if value is not None),
        *(about(named.type, named.id) for named in scope.entities),
    ]


def _to_hide(connection: Connection, kind: Kind, scope: Scope) -> dict[str, Row[Any]]:
    ids = connection.execute(select(ALERTS.c.alert_id).where(*_open_in(scope)).limit(MAX_HIDDEN + 1)).scalars().all()
    if len(ids) > MAX_HIDDEN:
        raise RefusedError(f"more than {MAX_HIDDEN} open alerts fit", place="scope", next_step="narrow it")
    if kind is Kind.SUPPRESS and not ids:
        raise RefusedError(
            "no open alert fits, and a suppression covers what was seen", place="scope", next_step="mute it instead"
        )
    rows = locked(connection, ids)
    return {alert_id: row for alert_id, row in rows.items() if row.status in OPEN}


def _covers(connection: Connection, kind: Kind, alert_ids: Sequence[str], severity: Severity | None) -> Covers:
    seen = connection.execute(
        select(ALERTS.c.severity, ALERTS.c.alert_class).where(ALERTS.c.alert_id.in_(alert_ids)).distinct()
    ).all()
    worst = max([row.severity for row in seen], default=0)
    if kind is Kind.MUTE:
        return Covers(severity=int(severity or max(worst, DEFAULT_MUTE)))
    mine = ALERT_ENTITIES.c
    victims = connection.execute(
        select(mine.type, mine.id).where(mine.alert_id.in_(alert_ids), mine.role == EntityRole.VICTIM).distinct()
    )
    return Covers(
        severity=int(severity or worst),
        classes=frozenset(row.alert_class for row in seen),
        victims=frozenset((row.type, row.id) for row in victims),
    )


def _insert(connection: Connection, actor: Actor, kind: Kind, scope: Scope, facts: tuple[Covers, str, int]) -> int:
    covers, reason, lasts = facts
    if len(held(connection)) >= MAX_ACTIVE:
        raise RefusedError(f"{MAX_ACTIVE} hold already", place="suppressions", next_step="end some")
    now = connection.execute(select(clock())).scalar_one()
    row: Mapping[str, Any] = {
        "kind": kind.value,
        "scope": scope.model_dump(mode="json", exclude_none=True),
        "covers": _plain(covers),
        "reason": reason,
        "owner": actor.name,
        "created_at": now,
        "expires_at": now + lasts,
    }
    number = int(
        connection.execute(insert(SUPPRESSIONS).values(row).returning(SUPPRESSIONS.c.suppression_id)).scalar_one()
    )
    append(connection, actor.name, [Change(kind.value, "suppression", str(number), row)])
    return number


def _plain(covers: Covers) -> dict[str, Any]:
    """As JSON, sets in order."""
    found = covers.model_dump(mode="json", exclude_none=True)
    return {name: sorted(value) if isinstance(value, list) else value for name, value in found.items()}
