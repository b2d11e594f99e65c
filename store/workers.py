"""Heartbeats: what each worker process says about itself, leader or standby."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import select

from store.engine import Database, clock
from store.models import WORKERS
from store.sql import upsert


class WorkerState(StrEnum):
    """What a worker is doing."""

    STANDBY = "standby"
    RESTORING = "restoring"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One sign of life.

    Attributes:
        worker_id: as in the lease.
        watermark: event time up to which everything has been judged, µs.
        lag: records that the broker holds and the worker has not read.
        counters: whatever the worker counts, by name.
    """

    worker_id: str
    host: str
    state: WorkerState
    epoch: int | None = None
    watermark: int | None = None
    lag: int | None = None
    counters: Mapping[str, int] = field(default_factory=dict)


class Workers:
    """Writes heartbeats, by the database's clock. Needs no lease."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, heartbeat: Heartbeat) -> None:
        """Record that the worker lives; its first beat is its start."""
        with self._database.write(durable=False) as connection:
            now = connection.execute(select(clock())).scalar_one()
            row = {
                "worker_id": heartbeat.worker_id,
                "host": heartbeat.host,
                "epoch": heartbeat.epoch,
                "state": heartbeat.state.value,
                "started_at": now,
                "seen_at": now,
                "watermark": heartbeat.watermark,
                "lag": heartbeat.lag,
                "counters": dict(heartbeat.counters),
            }
            upsert(connection, WORKERS, [row], keep={"started_at"})
