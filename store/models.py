"""The tables. Times are µs since the epoch: event time, except `detected_at`, `*_at` and leases (the database's clock).

`alerts` is the current state of each alert, `alert_revisions` all that was ever published of it; `found_at` of an alert
is `detected_at` of its first revision. Rows of `rollups`, `dead_letter_counts` and `source_fields` are totals of their
time, set by checkpoints, so that writing them again changes nothing. `lake_segments` lists the files of the event
lake; what it does not list does not count.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _counter() -> TypeEngine[int]:
    """An ascending key; SQLite counts up only in a column of its own INTEGER."""
    return BigInteger().with_variant(Integer, "sqlite")


ALERTS: Final = Table(
    "alerts",
    METADATA,
    Column("alert_id", String(64), primary_key=True),
    Column("incident_id", String(64), nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("episode", String(16), nullable=False),
    Column("detector", String(64), nullable=False),
    Column("class", String(64), nullable=False, key="alert_class"),
    Column("title", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("confidence", String(8), nullable=False),
    Column("risk", SmallInteger, nullable=False),
    Column("tenant", Text),
    Column("iss", Text),
    Column("entity_type", String(16), nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("tactics", JSON, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_cursor", BigInteger, nullable=False, index=True),
    Column("detected_at", BigInteger, nullable=False),
    Column("found_at", BigInteger, nullable=False, server_default="0"),
    Column("body", Text, nullable=False),
    # What people did; the worker's revisions leave these alone but for `store.handling`.
    Column("status", String(16), nullable=False, server_default="new"),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("verdict", String(32)),
    Column("owner", Text),
    Column("ticket", Text),
    Column("suppression_id", BigInteger),
    Column("acknowledged_at", BigInteger),
    Column("resolved_at", BigInteger),
    # Pages follow the first columns; the others let counts do without the rows, whose bodies are long.
    Index(None, "start", "alert_id", "severity", "detector"),
    Index(None, "severity", "start", "alert_id", "status"),
    Index(None, "suppression_id"),
    Index(None, "risk", "start", "alert_id"),
    Index(None, "detector", "alert_class", "alert_id"),
)

ALERT_REVISIONS: Final = Table(
    "alert_revisions",
    METADATA,
    Column("cursor", _counter(), primary_key=True, autoincrement=True),
    Column("alert_id", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("change", String(16), nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("detected_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("alert_id", "revision"),
    sqlite_autoincrement=True,
)

SHADOW_ALERTS: Final = Table(
    "shadow_alerts",
    METADATA,
    Column("alert_id", String(64), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("detector", String(64), nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("detected_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "start", "alert_id"),
)
"""Alerts of detectors on trial: apart, so that no count, page, publisher or risk can take them for others."""

ALERT_ENTITIES: Final = Table(
    "alert_entities",
    METADATA,
    Column("alert_id", ForeignKey("alerts.alert_id", ondelete="CASCADE"), primary_key=True),
    Column("type", String(16), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("role", String(16), nullable=False),
    Index(None, "type", "id"),
)

INCIDENTS: Final = Table(
    "incidents",
    METADATA,
    Column("incident_id", String(64), primary_key=True),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("alert_count", Integer, nullable=False),
    Column("tactics", JSON, nullable=False),
    Column("merged_into", String(64)),
    Column("containment", JSON(none_as_null=True)),
    Column("blast_radius", JSON(none_as_null=True)),
    Index(None, "start", "incident_id"),
    Index(None, "severity", "start", "incident_id"),
)

ENTITY_RISK: Final = Table(
    "entity_risk",
    METADATA,
    Column("entity_key", String(36), primary_key=True),
    Column("tenant", Text),
    Column("iss", Text),
    Column("type", String(16), nullable=False),
    Column("id", Text, nullable=False),
    Column("score", SmallInteger, nullable=False, index=True),
    Column("time", BigInteger, nullable=False),
    Column("parts", JSON, nullable=False),
    Index(None, "type", "id"),
)
"""`entity_key` is `EntityRisk.key`: tenant and issuer may be longer than PostgreSQL can index."""

PUBLISHER_CURSORS: Final = Table(
    "publisher_cursors",
    METADATA,
    Column("publisher", String(128), primary_key=True),
    Column("cursor", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

ROLLUPS: Final = Table(
    "rollups",
    METADATA,
    Column("minute", BigInteger, primary_key=True),
    Column("dimension", String(32), primary_key=True),
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
)
"""`key` tells values apart that are written alike: a client id is unique only within its issuer."""

DEAD_LETTER_COUNTS: Final = Table(
    "dead_letter_counts",
    METADATA,
    Column("minute", BigInteger, primary_key=True),
    Column("reason", String(64), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

SOURCE_FIELDS: Final = Table(
    "source_fields",
    METADATA,
    Column("hour", BigInteger, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("type", String(16), primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("filled", JSON, nullable=False),
)
"""Rows are `schemas.coverage.Filled`."""

WORKERS: Final = Table(
    "workers",
    METADATA,
    Column("worker_id", String(128), primary_key=True),
    Column("host", Text, nullable=False),
    Column("epoch", BigInteger),
    Column("state", String(16), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("watermark", BigInteger),
    Column("lag", BigInteger),
    Column("counters", JSON, nullable=False),
)

LEASE: Final = Table(
    "lease",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("holder", String(128)),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
"""One row. `epoch` rises with every change of leader and guards each of the leader's transactions."""

COMMANDS: Final = Table(
    "commands",
    METADATA,
    Column("command_id", _counter(), primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("args", JSON, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("result", JSON),
    sqlite_autoincrement=True,
)

CHECKPOINTS: Final = Table(
    "checkpoints",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("config_digest", String(128), nullable=False),
    Column("manifest", JSON, nullable=False),
    Column("offsets", JSON, nullable=False),
)

CHECKPOINT_PARTS: Final = Table(
    "checkpoint_parts",
    METADATA,
    Column("seq", ForeignKey("checkpoints.seq", ondelete="CASCADE"), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""State small enough to live in the database: episodes, order buffer, duplicate segments, …"""

LAKE: Final = Table(
    "lake",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("folder", String(32), nullable=False),
)
"""At most one row: the folder within `[lake] path` that belongs to this store, so that two stores may share a path."""

LAKE_SEGMENTS: Final = Table(
    "lake_segments",
    METADATA,
    Column("name", String(128), primary_key=True),
    Column("hour", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("octets", BigInteger, nullable=False),
    Column("first_time", BigInteger, nullable=False),
    Column("last_time", BigInteger, nullable=False),
    Column("first_arrival", BigInteger, nullable=False),
    Column("last_arrival", BigInteger, nullable=False),
    Index(None, "hour", "first_arrival"),
)
"""Rows are `store.lake.Segment`."""

AUDIT_LOG: Final = Table(
    "audit_log",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("subject_type", String(16), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index(None, "subject_type", "subject", "seq"),
)
"""Every change that a person or a rule made; `store.audit` chains the entries. `detail` is canonical JSON."""

AUDIT_HEAD: Final = Table(
    "audit_head",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""One row: the last entry. Locking it puts writers in line."""

SUPPRESSIONS: Final = Table(
    "suppressions",
    METADATA,
    Column("suppression_id", _counter(), primary_key=True, autoincrement=True),
    Column("kind", String(8), nullable=False),
    Column("scope", JSON, nullable=False),
    Column("covers", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("ended_at", BigInteger),
    Column("ended_by", Text),
    Column("ended_because", Text),
    sqlite_autoincrement=True,
)
