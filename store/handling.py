"""What new events mean for alerts that people, or suppressions, have put away. Part of the worker's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from schemas.revisions import Revision
from schemas.triage import OPEN
from schemas.vocabulary import EntityRole
from store.access import WORKER
from store.alert_states import Move, apply, locked, reopened
from store.models import ALERT_ENTITIES
from store.suppressions import Covers, Held, Kind, Scope, end, held, hidden

Victims = set[tuple[str, str]]
MUTED: Final = "fits a mute"
SUPPRESSED: Final = "fits a suppression"


def before(connection: Connection, revisions: Sequence[Revision]) -> tuple[Mapping[str, Row[Any]], dict[str, Victims]]:
    """Lock the alerts of revisions that are about to be stored; give their rows, and the victims of those put away."""
    rows = locked(connection, [revision.alert.alert_id for revision in revisions])
    away = [alert_id for alert_id, row in rows.items() if row.status not in OPEN]
    return rows, _victims(connection, away)


def after(
    connection: Connection,
    stored: Sequence[Revision],
    rows: Mapping[str, Row[Any]],
    victims: Mapping[str, Victims],
) -> None:
    """Open again what has grown, hide what is new and fits a suppression. `rows`, `victims`: what `before` gave."""
    _reopen(connection, [revision for revision in stored if revision.alert.alert_id in rows], rows, victims)
    _hide(connection, [revision for revision in stored if revision.alert.alert_id not in rows])


def _reopen(
    connection: Connection,
    stored: Iterable[Revision],
    rows: Mapping[str, Row[Any]],
    victims: Mapping[str, Victims],
) -> None:
    away = [(revision, row) for revision in stored if (row := rows[revision.alert.alert_id]).status not in OPEN]
    holding = {each.suppression_id: each for each in held(connection)} if away else {}
    moves, broken = [], {}
    for revision, row in away:
        by = holding.get(row.suppression_id)
        how = _beyond(by.covers, revision) if by else _grown(revision, row, victims.get(row.alert_id, set()))
        if how:
            moves.append(Move(row, "reopen", reopened(), how))
            if by and by.kind is Kind.SUPPRESS:
                broken[by.suppression_id] = f"broken: {how} in alert {row.alert_id}"
    apply(connection, WORKER, moves)
    for suppression_id, how in broken.items():
        end(connection, WORKER, suppression_id, how)


def _beyond(covers: Covers, revision: Revision) -> str | None:
    return covers.beyond(int(revision.severity), revision.alert.alert_class, victims_of(revision))


def _grown(revision: Revision, row: Row[Any], known: Victims) -> str | None:
    if int(revision.severity) > row.severity:
        return "higher severity"
    if revision.alert.alert_class != row.alert_class:
        return "new class"
    return "new victim" if victims_of(revision) - known else None


def _hide(connection: Connection, fresh: Sequence[Revision]) -> None:
    active = held(connection) if fresh else []
    chosen: dict[str, Held] = {}
    for each in active:
        for revision in fresh:
            if not _fits(each.scope, revision):
                continue
            how = _beyond(each.covers, revision)
            if how is None:
                chosen.setdefault(revision.alert.alert_id, each)
            elif each.kind is Kind.SUPPRESS:
                end(connection, WORKER, each.suppression_id, f"broken: {how} in alert {revision.alert.alert_id}")
                chosen = {name: other for name, other in chosen.items() if other is not each}
                break
    rows = locked(connection, chosen)
    words = {Kind.MUTE: MUTED, Kind.SUPPRESS: SUPPRESSED}
    moves = [hidden(row, chosen[name].suppression_id, words[chosen[name].kind]) for name, row in rows.items()]
    apply(connection, WORKER, moves)


def victims_of(revision: Revision) -> Victims:
    """Type and id of each victim."""
    return {(entity.type, entity.id) for entity in revision.alert.entities if entity.role is EntityRole.VICTIM}


def _fits(scope: Scope, revision: Revision) -> bool:
    alert = revision.alert
    named = {(entity.type, entity.id) for entity in alert.entities}
    return all(
        getattr(scope, name) in {None, getattr(alert, name)} for name in ("detector", "alert_class", "tenant", "iss")
    ) and all((entity.type, entity.id) in named for entity in scope.entities)


def _victims(connection: Connection, alert_ids: Sequence[str]) -> dict[str, Victims]:
    if not alert_ids:
        return {}
    mine = ALERT_ENTITIES.c
    wanted = select(mine.alert_id, mine.type, mine.id).where(
        mine.alert_id.in_(alert_ids), mine.role == EntityRole.VICTIM
    )
    found: dict[str, Victims] = {}
    for row in connection.execute(wanted):
        found.setdefault(row.alert_id, set()).add((row.type, row.id))
    return found
