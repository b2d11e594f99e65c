"""What a worker is allowed and what it shows of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from engines.lake import LakeSize
from ingest.records import DeadLetter
from store.workers import WorkerState


class DeadLetterSink(Protocol):
    """Takes dead letters; what was written is durable after `flush`."""

    def write(self, letters: Iterable[DeadLetter]) -> None:
        """Take letters."""

    def flush(self) -> None:
        """Make all of them durable."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a worker's doings; the settings of the same names say what they mean."""

    lateness: timedelta
    max_waiting: int
    checkpoint_every: timedelta
    lease: timedelta
    dead_letters_per_minute: int


@dataclass(slots=True)
class Status:
    """What the health endpoint and the heartbeat show. Only the worker's thread writes it.

    `watermark` is event time in µs, `lag` counts records not yet fetched, `checkpoint_at` is monotonic seconds.
    `events` counts what was judged by type, `alerts` the new ones by detector and severity; `tables` has rows and
    evictions of each part of the state at the last checkpoint, `lake` its size then, None where events are not kept.
    """

    state: WorkerState = WorkerState.STANDBY
    epoch: int | None = None
    watermark: int | None = None
    lag: int = 0
    checkpoint_at: float | None = None
    checkpoint_seconds: float = 0.0
    dead: Counter[str] = field(default_factory=Counter)
    counters: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    alerts: Counter[tuple[str, str]] = field(default_factory=Counter)
    tables: dict[str, tuple[int, int]] = field(default_factory=dict)
    lake: LakeSize | None = None
