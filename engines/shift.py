"""A leader's shift: fetch, judge, write, save, in turns, until asked to stop."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import numpy as np

from alerts.stream import AlertChanges
from detectors.base import micros
from detectors.tables import Table
from detectors.windows import Window
from engines.checkpoints import Checkpointer
from engines.decoding import Batch, DecodeAhead
from engines.jwks_watch import JwksWatch
from engines.lake import LakeLog
from engines.pipeline import Pipeline
from engines.status import DeadLetterSink, Limits, Status
from ingest.records import DeadLetter
from ingest.source import Source
from schemas.alerts import Change
from schemas.vocabulary import EventType
from store.writer import AlertWriter

LOG: Final = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.05
MINUTE_SECONDS: Final = 60.0

T = TypeVar("T")


class Retried(Protocol):
    """Calls the store until it answers."""

    def __call__(self, call: Callable[[], T]) -> T:
        """Give what `call` gives."""


@dataclass(slots=True)
class Shift:
    """The work of one leader, one `turn` after the other."""

    epoch: int
    pipeline: Pipeline
    source: Source
    checkpointer: Checkpointer
    ahead: DecodeAhead
    writer: AlertWriter
    dead_letters: DeadLetterSink
    limits: Limits
    status: Status
    config_digest: str
    retried: Retried
    jwks: JwksWatch | None = None
    lake: LakeLog | None = None
    offsets: dict[int, int] = field(default_factory=dict)
    _saved_at: float = field(default_factory=time.monotonic)
    _busy_at: float = field(default_factory=time.monotonic)
    _dead_minute: float = 0.0
    _dead_in_minute: int = 0
    _held_back: bool = False

    def __post_init__(self) -> None:
        """Start where the source starts."""
        self.offsets = dict(self.source.delivered)

    def turn(self) -> None:
        """Do a little of everything that is due."""
        if self.jwks is not None:
            self.jwks.deliver(self.pipeline.order.watermark)
        self.source.hold(self._held())
        polled = self.source.poll(0 if len(self.ahead) else POLL_SECONDS)
        for notice in polled.notices:
            LOG.warning(notice)
        if len(polled.records):
            self.ahead.submit(polled.records)
        for batch in self.ahead.ready():
            self._take(batch)
        if polled.markers:
            self._skip(polled.markers)
        self._judge()
        self._save()

    def drain(self) -> None:
        """Finish what is begun and save it, so that the next leader starts here."""
        for batch in self.ahead.ready(wait=True):
            self._take(batch)
        self._judge()
        if self.checkpointer.busy:
            self._finish()
        self._begin()
        self._finish()

    def _take(self, batch: Batch) -> None:
        if self.lake is not None:
            self.lake.take(batch, self.pipeline.order)
        self._bury([*batch.decoded.dead, *self.pipeline.take(batch)])
        self.status.counters.update({"records": len(batch.raw), "skipped": batch.decoded.skipped.total()})
        self.status.counters.update(batch.decoded.counters)
        for number in np.unique(batch.raw.partition).tolist():
            self.offsets[number] = int(batch.raw.offsets[batch.raw.partition == number].max()) + 1
        self._busy_at = time.monotonic()

    def _skip(self, markers: list[DeadLetter]) -> None:
        for batch in self.ahead.ready(wait=True):
            self._take(batch)
        self._bury(markers)
        self.offsets.update(self.source.delivered)

    def _bury(self, letters: list[DeadLetter]) -> None:
        if not letters:
            return
        self.dead_letters.write(letters)
        self.pipeline.refused.add(letters, self.pipeline.order.clocks)
        self.status.dead.update(letter.reason.value for letter in letters)
        now = time.monotonic()
        if now - self._dead_minute >= MINUTE_SECONDS:
            self._dead_minute, self._dead_in_minute = now, 0
        self._dead_in_minute += len(letters)

    def _held(self) -> set[int]:
        """Partitions to leave alone for now: all in a flood of dead letters, those that lead while too much waits."""
        flood = self._dead_in_minute > self.limits.dead_letters_per_minute
        if flood and time.monotonic() - self._dead_minute < MINUTE_SECONDS:
            return self.source.partitions
        order = self.pipeline.order
        bound = self.limits.max_waiting // 2 if self._held_back else self.limits.max_waiting
        self._held_back = order.waiting > bound
        if not self._held_back:
            return set()
        slowest = min((order.clocks[number] for number in self._active() if number in order.clocks), default=0)
        return {number for number, clock in order.clocks.items() if clock - slowest > micros(self.limits.lateness)}

    def _active(self) -> set[int]:
        return self.source.partitions - self.source.drained(self.offsets)

    def _judge(self) -> None:
        active = self._active()
        if active or len(self.ahead):
            self._write(self.pipeline.advance(active or self.source.partitions))
        elif self.pipeline.order.waiting and time.monotonic() - self._busy_at > self.limits.lateness.total_seconds():
            # Everything was read and nothing came for as long as an event may be late: nothing is to come.
            self._write(self.pipeline.flush())
        self._show()
        self.status.lag = sum(self.source.lag().values())

    def _show(self) -> None:
        order, status = self.pipeline.order, self.status
        status.events = Counter(dict(zip(EventType, self.pipeline.types.tolist(), strict=True)))
        status.counters["late"], status.counters["duplicate"] = order.counters.late, order.counters.duplicate
        status.counters["allowed"] = self.pipeline.alerts.allowed.counts.total()
        status.watermark = order.watermark

    def _write(self, alerts: AlertChanges) -> None:
        if not (alerts.revisions or alerts.incidents or alerts.risks or alerts.shadows):
            return
        committed = self.retried(
            lambda: self.writer.commit_revisions(
                alerts.revisions,
                self.epoch,
                incidents=alerts.incidents,
                risks=alerts.risks,
                shadows=alerts.shadows,
            )
        )
        new = (revision.alert for revision in alerts.revisions if revision.alert.change is Change.NEW)
        self.status.alerts.update((alert.detector, alert.severity) for alert in new)
        for alert_id, revision in committed.conflicts:
            LOG.error("alert %s revision %d differs from what is stored; the stored one stays", alert_id, revision)
            self.status.counters["conflicts"] += 1

    def _save(self) -> None:
        if self.checkpointer.ready:
            self._finish()
        due = time.monotonic() - self._saved_at >= self.limits.checkpoint_every.total_seconds()
        if due and not self.checkpointer.busy:
            self._begin()

    def _begin(self) -> None:
        self._saved_at = time.monotonic()
        self.dead_letters.flush()
        parts = self.pipeline.parts().items()
        self.status.tables = {name: (len(it), it.evicted) for name, it in parts if isinstance(it, Table | Window)}
        self.checkpointer.begin(self.pipeline, self.offsets)

    def _finish(self) -> None:
        offsets = self.retried(lambda: self.checkpointer.finish(self.config_digest))
        self.source.commit(offsets)
        if self.lake is not None:
            self.status.lake = self.lake.size
        self.status.checkpoint_at = time.monotonic()
        self.status.checkpoint_seconds = time.monotonic() - self._saved_at
