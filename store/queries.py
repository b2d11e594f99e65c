"""The one read service over the store: what pages and commands ask, answered in bounded rows. No SQL elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Executable, Row, Select, Text, and_, cast, exists, false, func, or_, select

from schemas.coverage import Filled
from schemas.triage import OPEN, Sla, Status
from schemas.vocabulary import EntityType, Severity
from store.engine import Database, clock
from store.models import (
    ALERT_ENTITIES,
    ALERT_REVISIONS,
    ALERTS,
    CHECKPOINTS,
    DEAD_LETTER_COUNTS,
    ENTITY_RISK,
    INCIDENTS,
    LAKE_SEGMENTS,
    ROLLUPS,
    SHADOW_ALERTS,
    SOURCE_FIELDS,
    WORKERS,
)

MAX_ROWS: Final = 500
"""Most rows of one page: 50 000 rows are 11 MB in a browser."""
MAX_REVISIONS: Final = 200
MAX_TOTALS: Final = 20_000

Sort = Literal["newest", "severity", "risk"]
AnyRow: TypeAlias = Row[*tuple[Any, ...]]
AlertRow: TypeAlias = AnyRow
"""Columns of the table `alerts` but for `body`."""

_SHOWN: Final = [column for column in ALERTS.c if column.key != "body"]


class AlertFilter(NamedTuple):
    """Which alerts; what is left out does not restrict. `since`, `begun`: end and start of the alert at or after, µs.

    Only starts have an index: without `begun`, a time in which nothing happened is found by looking at every alert.
    `overdue`: those that nobody has taken within their severity's time, µs.
    """

    severities: Sequence[Severity] = ()
    detectors: Sequence[str] = ()
    episodes: Sequence[str] = ()
    tactics: Sequence[str] = ()
    entity: tuple[EntityType, str] | None = None
    incident_id: str | None = None
    statuses: Sequence[Status] = ()
    owner: str | None = None
    ticket: str | None = None
    suppression_id: int | None = None
    since: int | None = None
    begun: int | None = None
    overdue: Sla | None = None


class Page(NamedTuple):
    """One page of rows.

    Attributes:
        rows: at most as many as were asked for.
        following: position to ask the next page with; None at the end.
        newest: cursor of the newest alert when the page was read, to count what came since.
        now: the database's clock, µs.
    """

    rows: Sequence[AnyRow]
    following: tuple[Any, ...] | None
    newest: int
    now: int


class WorkersSeen(NamedTuple):
    """Heartbeats, newest first, and the database's clock, µs, to judge their age by."""

    workers: Sequence[AnyRow]
    now: int


class Storage(NamedTuple):
    """Size of the database in bytes, number of alerts, time of the newest checkpoint (µs), the database's clock."""

    octets: int
    alerts: int
    checkpoint_at: int | None
    now: int


class LakeTotals(NamedTuple):
    """Files, events and bytes of the event lake, and the time of its first event, µs."""

    files: int
    rows: int
    octets: int
    first: int | None


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Refused records of one reason: how many, and the last minute they came in (µs)."""

    reason: str
    count: int
    last: int


class Queries:
    """Read-only questions to one store.

    Every method raises StoreUnavailableError while the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def _all(self, statement: Executable) -> Sequence[AnyRow]:
        with self._database.read() as connection:
            return connection.execute(statement).all()

    def _one(self, statement: Executable) -> Any:  # noqa: ANN401 - as the column's type
        with self._database.read() as connection:
            return connection.execute(statement).scalar()

    def workers(self) -> WorkersSeen:
        """Give every worker's last sign of life."""
        return WorkersSeen(self._all(select(WORKERS).order_by(WORKERS.c.seen_at.desc())), self._one(select(clock())))

    def newest_time(self) -> int | None:
        """Give the event time up to which everything was judged, µs; None before the first event."""
        # A worker that has had no event reports a time before all.
        found: int | None = self._one(select(func.max(WORKERS.c.watermark)).where(WORKERS.c.watermark >= 0))
        return found

    def first_time(self) -> int | None:
        """Give the minute of the first event that was counted, µs; None before it."""
        found: int | None = self._one(select(func.min(ROLLUPS.c.minute)))
        return found

    def open_by_severity(self) -> dict[int, int]:
        """Count alerts that somebody still has to look at."""
        counts = select(ALERTS.c.severity, func.count()).where(ALERTS.c.status.in_(OPEN))
        return {row[0]: row[1] for row in self._all(counts.group_by(ALERTS.c.severity))}

    def alerts(
        self, where: AlertFilter, *, sort: Sort = "newest", after: tuple[Any, ...] | None = None, limit: int = 100
    ) -> Page:
        """Give a page of alerts in an order that new alerts do not shift."""
        leading = {"newest": [], "severity": [ALERTS.c.severity], "risk": [ALERTS.c.risk]}[sort]
        keys: list[Any] = [*leading, ALERTS.c.start, ALERTS.c.alert_id]
        return self._page(select(*_SHOWN).where(*matching(where)), keys, after, limit)

    def incidents(
        self, where: AlertFilter, *, sort: Sort = "newest", after: tuple[Any, ...] | None = None, limit: int = 100
    ) -> Page:
        """Give a page of incidents that hold a matching alert; merged ones stand under the one that took them."""
        leading = [INCIDENTS.c.severity] if sort != "newest" else []
        keys: list[Any] = [*leading, INCIDENTS.c.start, INCIDENTS.c.incident_id]
        # One look into each incident, in the order of the index, until the page is full.
        inside = exists().where(ALERTS.c.incident_id == INCIDENTS.c.incident_id, *matching(where, unindexed=True))
        found = select(INCIDENTS).where(INCIDENTS.c.merged_into.is_(None), inside)
        return self._page(found, keys, after, limit)

    def incident(self, incident_id: str) -> AnyRow | None:
        """Give one incident, or the one that took it in; None if there is no such incident."""
        taken = select(INCIDENTS.c.merged_into).where(INCIDENTS.c.incident_id == incident_id)
        named = func.coalesce(taken.scalar_subquery(), incident_id)
        return next(iter(self._all(select(INCIDENTS).where(INCIDENTS.c.incident_id == named))), None)

    def leading_entities(self, incident_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Give for each incident the type and id of the entity that its worst alert, the earliest of them, is about."""
        table = ALERTS.c
        worst_first = (table.severity.desc(), table.start, table.alert_id)
        place = func.row_number().over(partition_by=table.incident_id, order_by=worst_first).label("place")
        ranked = select(table.incident_id, table.entity_type, table.entity_id, place)
        ranked_rows = ranked.where(table.incident_id.in_(incident_ids)).subquery()
        rows = self._all(select(ranked_rows).where(ranked_rows.c.place == 1))
        return {row.incident_id: (row.entity_type, row.entity_id) for row in rows}

    def overdue_in(self, incident_ids: Sequence[str], sla: Sla) -> dict[str, int]:
        """Count the overdue alerts of each incident that has any."""
        inside = (ALERTS.c.incident_id.in_(incident_ids), *matching(AlertFilter(overdue=sla), unindexed=True))
        counts = select(ALERTS.c.incident_id, func.count()).where(*inside).group_by(ALERTS.c.incident_id)
        return {row[0]: row[1] for row in self._all(counts)}

    def _page(self, rows: Select[Any], keys: list[Any], after: tuple[Any, ...] | None, limit: int) -> Page:
        limit = min(limit, MAX_ROWS)
        if after is not None:
            rows = rows.where(_beyond(keys, after))
        found = self._all(rows.order_by(*(key.desc() for key in keys)).limit(limit + 1))
        shown = found[:limit]
        following = tuple(shown[-1]._mapping[key.key] for key in keys) if len(found) > limit else None  # noqa: SLF001 - Row's documented interface
        newest = self._one(select(func.max(ALERTS.c.first_cursor))) or 0
        return Page(shown, following, newest, self._one(select(clock())))

    def count_alerts(self, where: AlertFilter, *, beyond: int = 0) -> int:
        """Count matching alerts that came after a page was read (its `newest`)."""
        counted = select(func.count()).select_from(ALERTS).where(*matching(where), ALERTS.c.first_cursor > beyond)
        count: int = self._one(counted)
        return count

    def bodies(self, where: AlertFilter, *, limit: int) -> list[str]:
        """Give the newest matching alerts as their JSON records."""
        newest = select(ALERTS.c.alert_id).where(*matching(where, unindexed=True)).order_by(ALERTS.c.start.desc())
        # Chosen first and read then: a sort would carry every body along.
        chosen = newest.limit(min(limit, MAX_ROWS))
        found = select(ALERTS.c.body).where(ALERTS.c.alert_id.in_(chosen)).order_by(ALERTS.c.start.desc())
        return [row[0] for row in self._all(found)]

    def shadows(
        self, *, severities: Sequence[Severity] = (), detectors: Sequence[str] = (), limit: int
    ) -> Sequence[AnyRow]:
        """Give the newest alerts of detectors on trial."""
        table = SHADOW_ALERTS.c
        found = select(SHADOW_ALERTS).order_by(table.start.desc(), table.alert_id.desc())
        if severities:
            found = found.where(table.severity.in_([int(wanted) for wanted in severities]))
        if detectors:
            found = found.where(table.detector.in_(detectors))
        return self._all(found.limit(min(limit, MAX_ROWS)))

    def alert_ids(self, beginning: str, *, limit: int = 2) -> list[str]:
        """Give the ids of alerts that begin so."""
        found = select(ALERTS.c.alert_id).where(ALERTS.c.alert_id.startswith(beginning, autoescape=True))
        return [row[0] for row in self._all(found.order_by(ALERTS.c.alert_id).limit(limit))]

    def records(self, alert_ids: Sequence[str]) -> dict[str, AnyRow]:
        """Give for each of at most 500 alerts when it was detected (µs) and its latest revision as JSON record."""
        wanted = select(ALERTS.c.alert_id, ALERTS.c.detected_at, ALERTS.c.body)
        return {row.alert_id: row for row in self._all(wanted.where(ALERTS.c.alert_id.in_(alert_ids[:MAX_ROWS])))}

    def alert(self, alert_id: str) -> str | None:
        """Give the latest revision of one alert as its JSON record; None if there is no such alert."""
        body: str | None = self._one(select(ALERTS.c.body).where(ALERTS.c.alert_id == alert_id))
        return body

    def rows(self, alert_ids: Sequence[str]) -> dict[str, AlertRow]:
        """Give alerts by id, at most `MAX_ROWS`; ids that are not stored are left out."""
        found = self._all(select(*_SHOWN).where(ALERTS.c.alert_id.in_(alert_ids[:MAX_ROWS])))
        return {row.alert_id: row for row in found}

    def in_incidents(self, incident_ids: Sequence[str], where: AlertFilter, *, limit: int) -> Sequence[AlertRow]:
        """Give the matching alerts of some incidents, worst first."""
        worst_first = (ALERTS.c.severity.desc(), ALERTS.c.start.desc(), ALERTS.c.alert_id)
        inside = select(*_SHOWN).where(ALERTS.c.incident_id.in_(incident_ids), *matching(where, unindexed=True))
        return self._all(inside.order_by(*worst_first).limit(limit))

    def every(self, where: AlertFilter, *, limit: int, newest: int | None = None) -> Sequence[AlertRow]:
        """Give all matching alerts at once, worst first, at most `limit`: to act on. `newest`: that of a page."""
        worst_first = (ALERTS.c.severity.desc(), ALERTS.c.start.desc(), ALERTS.c.alert_id.desc())
        known = [] if newest is None else [ALERTS.c.first_cursor <= newest]
        found = select(*_SHOWN).where(*matching(where), *known)
        return self._all(found.order_by(*worst_first).limit(limit))

    def owners(self) -> list[str]:
        """Give who owns alerts, by name."""
        named = select(ALERTS.c.owner).where(ALERTS.c.owner.is_not(None)).distinct().order_by(ALERTS.c.owner)
        return [row[0] for row in self._all(named.limit(MAX_ROWS))]

    def revision(self, alert_id: str) -> int | None:
        """Give the number of an alert's latest revision; None if there is no such alert."""
        found: int | None = self._one(select(ALERTS.c.revision).where(ALERTS.c.alert_id == alert_id))
        return found

    def revisions(self, alert_id: str) -> Sequence[AnyRow]:
        """Give what was published of one alert, oldest first."""
        mine = select(ALERT_REVISIONS).where(ALERT_REVISIONS.c.alert_id == alert_id)
        return self._all(mine.order_by(ALERT_REVISIONS.c.revision).limit(MAX_REVISIONS))

    def detectors(self) -> list[str]:
        """Give the types of detectors that have raised alerts."""
        return [row[0] for row in self._all(select(ALERTS.c.detector).distinct().order_by(ALERTS.c.detector))]

    def tactics(self) -> list[str]:
        """Give the ATT&CK tactics of stored alerts."""
        rows = self._all(
            select(ALERTS.c.detector, ALERTS.c.alert_class, func.max(ALERTS.c.alert_id)).group_by(
                ALERTS.c.detector, ALERTS.c.alert_class
            )
        )
        examples = [row[2] for row in rows]
        found = self._all(select(ALERTS.c.tactics).where(ALERTS.c.alert_id.in_(examples)))
        return sorted({tactic for row in found for tactic in row[0]})

    def event_rate(self, dimension: str, since: int, until: int, step: int) -> Sequence[AnyRow]:
        """Give (minute, value, count) of a dimension in buckets of `step` µs."""
        bucket = (ROLLUPS.c.minute - ROLLUPS.c.minute % step).label("minute")
        total = func.sum(ROLLUPS.c.count).label("count")
        found = select(bucket, ROLLUPS.c.value, total).where(*_within(dimension, since, until))
        return self._all(found.group_by(bucket, ROLLUPS.c.value).order_by(bucket))

    def totals(self, dimension: str, since: int, until: int) -> list[tuple[str, int]]:
        """Give (value, events) of a dimension over a span, µs."""
        found = select(ROLLUPS.c.value, func.sum(ROLLUPS.c.count)).where(*_within(dimension, since, until))
        return [(row[0], int(row[1])) for row in self._all(found.group_by(ROLLUPS.c.value))]

    def attack_rate(self, since: int, until: int, step: int) -> Sequence[AnyRow]:
        """Give (bucket, detector, severity, count) of alerts by their start, in buckets of `step` µs."""
        bucket = (ALERTS.c.start - ALERTS.c.start % step).label("bucket")
        kind = (bucket, ALERTS.c.detector, ALERTS.c.severity)
        found = select(*kind, func.count().label("count")).where(ALERTS.c.start >= since, ALERTS.c.start <= until)
        return self._all(found.group_by(*kind).order_by(bucket))

    def fired(self, since: int) -> Sequence[AnyRow]:
        """Give (detector, alert_class, count, last start) of the alerts that began since, µs."""
        kind = (ALERTS.c.detector, ALERTS.c.alert_class)
        totals = (func.count().label("count"), func.max(ALERTS.c.start).label("last"))
        return self._all(select(*kind, *totals).where(ALERTS.c.start >= since).group_by(*kind))

    def verdicts(self, since: int) -> Sequence[AnyRow]:
        """Give (detector, verdict, count) of the judged alerts that began since, µs."""
        kind = (ALERTS.c.detector, ALERTS.c.verdict)
        judged = (ALERTS.c.start >= since, ALERTS.c.verdict.is_not(None))
        return self._all(select(*kind, func.count().label("count")).where(*judged).group_by(*kind).order_by(*kind))

    def risky_entities(self, limit: int) -> Sequence[AnyRow]:
        """Give the entities of highest risk."""
        return self._all(select(ENTITY_RISK).order_by(ENTITY_RISK.c.score.desc()).limit(min(limit, MAX_ROWS)))

    def entity_risk(self, type_: EntityType, id_: str) -> Sequence[AnyRow]:
        """Give the risk of one entity in each tenant and issuer that has such a one, highest first."""
        mine = (ENTITY_RISK.c.type == type_.value, ENTITY_RISK.c.id == id_)
        return self._all(select(ENTITY_RISK).where(*mine).order_by(ENTITY_RISK.c.score.desc()).limit(MAX_ROWS))

    def lake(self) -> LakeTotals:
        """Say how much the event lake holds."""
        table = LAKE_SEGMENTS.c
        totals = (func.count(), func.coalesce(func.sum(table.rows), 0), func.coalesce(func.sum(table.octets), 0))
        files, rows, octets, first = self._all(select(*totals, func.min(table.first_time)))[0]
        return LakeTotals(files, int(rows), int(octets), first)

    def dead_letters(self, span: int) -> list[DeadLetters]:
        """Give refused records by reason over the last `span` µs."""
        table = DEAD_LETTER_COUNTS.c
        found = select(table.reason, func.sum(table.count), func.max(table.minute))
        rows = self._all(found.where(table.minute >= clock() - span).group_by(table.reason))
        return [DeadLetters(row[0], int(row[1]), row[2]) for row in rows]

    def filled(self, span: int) -> list[Filled]:
        """Give what each source filled in over the last `span` µs of event time, oldest first, at most `MAX_TOTALS`."""
        table = SOURCE_FIELDS.c
        newest = select(func.max(table.hour)).scalar_subquery()
        found = select(SOURCE_FIELDS).where(table.hour > newest - span).order_by(table.hour.desc()).limit(MAX_TOTALS)
        return [Filled(*row) for row in reversed(self._all(found))]

    def sources_since(self) -> dict[str, int]:
        """Give the first hour that each source is known from, µs."""
        table = SOURCE_FIELDS.c
        return dict(self._all(select(table.source, func.min(table.hour)).group_by(table.source).limit(MAX_ROWS)))

    def storage(self) -> Storage:
        """Say how much is stored."""
        return Storage(
            self._database.size(),
            self._one(select(func.count()).select_from(ALERTS)),
            self._one(select(func.max(CHECKPOINTS.c.created_at))),
            self._one(select(clock())),
        )


def _beyond(keys: list[Any], after: tuple[Any, ...]) -> ColumnElement[bool]:
    """Rows after a position in descending order of all keys."""
    steps = (
        and_(*(key == value for key, value in zip(keys[:at], after, strict=False)), keys[at] < after[at])
        for at in range(len(keys))
    )
    return or_(*steps)


def _within(dimension: str, since: int, until: int) -> tuple[ColumnElement[bool], ...]:
    return ROLLUPS.c.dimension == dimension, ROLLUPS.c.minute >= since, ROLLUPS.c.minute <= until


def matching(where: AlertFilter, *, unindexed: bool = False) -> list[ColumnElement[bool]]:
    """Conditions on alerts. `unindexed`: severities and detectors, which many share, must not decide how to look."""
    severity: ColumnElement[int] = ALERTS.c.severity
    detector: ColumnElement[str] = ALERTS.c.detector
    if unindexed:
        # SQLite takes every index for selective; an expression keeps it from those of these columns.
        severity, detector = func.coalesce(severity, 0), func.coalesce(detector, "")
    conditions: list[ColumnElement[bool]] = []
    if where.severities:
        conditions.append(severity.in_([int(wanted) for wanted in where.severities]))
    if where.detectors:
        conditions.append(detector.in_(where.detectors))
    if where.episodes:
        conditions.append(ALERTS.c.episode.in_(where.episodes))
    if where.tactics:
        # The quotes make it the whole name: a tactic is one string of the JSON list.
        conditions.append(or_(*(cast(ALERTS.c.tactics, Text).contains(f'"{name}"') for name in where.tactics)))
    if where.entity:
        conditions.append(about(*where.entity))
    if where.since is not None:
        conditions.append(ALERTS.c.end >= where.since)
    if where.begun is not None:
        conditions.append(ALERTS.c.start >= where.begun)
    if where.overdue is not None:
        conditions.append(_overdue(where.overdue, severity))
    return conditions + _handled(where)


def about(type_: str, id_: str) -> ColumnElement[bool]:
    """Alerts that name an entity."""
    mine = ALERT_ENTITIES.c
    return exists().where(mine.alert_id == ALERTS.c.alert_id, mine.type == type_, mine.id == id_)


def _handled(where: AlertFilter) -> list[ColumnElement[bool]]:
    """Conditions on the incident, and on what people did."""
    equal = [(ALERTS.c[name], getattr(where, name)) for name in ("incident_id", "owner", "ticket", "suppression_id")]
    status = [ALERTS.c.status.in_(where.statuses)] if where.statuses else []
    return [*status, *(column == value for column, value in equal if value is not None)]


def _overdue(sla: Sla, severity: ColumnElement[int]) -> ColumnElement[bool]:
    """As `schemas.triage.is_overdue`."""
    late = (and_(severity == int(each), ALERTS.c.found_at < clock() - span) for each, span in sla.items())
    return and_(ALERTS.c.status.in_(OPEN), ALERTS.c.acknowledged_at.is_(None), or_(false(), *late))
