"""The worker: Kafka through the pipeline into the store, with checkpoints, a lease, and a bounded way out.

At least once in, effectively once out: alert revisions are written at once and again after a crash, when they are found
equal; offsets, state and totals move together in a checkpoint. The store is the only place that is written
synchronously; topics and files follow it with cursors of their own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Final, TypeVar

from engines.checkpoints import Checkpointer, Restored
from engines.chunks import ChunkFolder
from engines.decoding import DecodeAhead
from engines.jwks_watch import JwksWatch
from engines.lake import Lake
from engines.pipeline import Pipeline
from engines.shift import Shift
from engines.status import DeadLetterSink, Limits, Status
from ingest.decode import Decoder
from ingest.source import Source
from store.engine import Database
from store.errors import StoreUnavailableError
from store.lease import Lease
from store.workers import Heartbeat, Workers, WorkerState
from store.writer import AlertWriter

LOG: Final = logging.getLogger(__name__)

HEARTBEAT_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 0.5

T = TypeVar("T")


@dataclass(kw_only=True)
class Worker:
    """One worker process.

    Attributes:
        worker_id: different from every other process's.
        host: name of this machine, for people.
        database: migrated.
        folder: of checkpoint chunks.
        new_pipeline: builds the pipeline of the configuration.
        new_source: opens the source at the offsets of a checkpoint.
        decoder: for the topic's format.
        dead_letters: where unusable records go.
        config_digest: of the configuration, for the checkpoint.
        jwks: watches what issuers publish, if anything.
        lake: keeps the events, if they are to be kept.
        status: what it shows of itself.
    """

    worker_id: str
    host: str
    database: Database
    folder: ChunkFolder
    new_pipeline: Callable[[], Pipeline]
    new_source: Callable[[Mapping[int, int]], Source]
    decoder: Decoder
    dead_letters: DeadLetterSink
    limits: Limits
    config_digest: str
    jwks: JwksWatch | None = None
    lake: Lake | None = None
    status: Status = field(default_factory=Status)
    _stopping: bool = False
    _beaten_at: float = float("-inf")

    def __post_init__(self) -> None:
        """Prepare what speaks with the store."""
        self._lease = Lease(self.database, self.worker_id, self.limits.lease)
        self._workers = Workers(self.database)

    def stop(self) -> None:
        """Ask the worker to drain and leave; safe in a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Wait for leadership, then work until stopped.

        Raises:
            LeadershipLostError: another worker took over; nothing was written since.
            CheckpointError: the state cannot be read back.
        """
        epoch = self._leadership()
        if epoch is None:
            return
        self.status.epoch = epoch
        self.status.state = WorkerState.RESTORING
        self._beat()
        checkpointer = Checkpointer(self.database, self.folder, epoch)
        try:
            self._lead(checkpointer, epoch)
        finally:
            checkpointer.close()
        self._lease.release(epoch)
        self.status.state = WorkerState.STOPPED
        self._beat()

    def _lead(self, checkpointer: Checkpointer, epoch: int) -> None:
        restored = checkpointer.restore(self.new_pipeline)
        checkpointer.sweep()
        _report(restored)
        if self.lake is not None:
            checkpointer.lake = self.lake.open(epoch, restored.arrival)
        source = self.new_source(restored.offsets)
        try:
            with DecodeAhead(self.decoder) as ahead, self.jwks or nullcontext():
                shift = Shift(
                    epoch=epoch,
                    pipeline=restored.pipeline,
                    source=source,
                    checkpointer=checkpointer,
                    ahead=ahead,
                    writer=AlertWriter(self.database),
                    dead_letters=self.dead_letters,
                    limits=self.limits,
                    status=self.status,
                    config_digest=self.config_digest,
                    retried=self._retried,
                    jwks=self.jwks,
                    lake=checkpointer.lake,
                )
                self.status.state = WorkerState.RUNNING
                while not self._stopping:
                    shift.turn()
                    self._stay_leader(epoch)
                shift.drain()
        finally:
            source.close()

    def _stay_leader(self, epoch: int) -> None:
        if time.monotonic() - self._beaten_at >= HEARTBEAT_SECONDS:
            self._retried(lambda: self._lease.renew(epoch))
            self._beat()

    def _leadership(self) -> int | None:
        while not self._stopping:
            epoch = self._retried(self._lease.acquire)
            if epoch is not None:
                LOG.info("leading with epoch %d", epoch)
                return epoch
            self._beat()
            time.sleep(min(HEARTBEAT_SECONDS, self.limits.lease.total_seconds() / 3))
        return None

    def _retried(self, call: Callable[[], T]) -> T:
        """Call the store until it answers; nothing is fetched meanwhile. Asked to stop, give up: nothing is lost."""
        before = self.status.state
        while True:
            try:
                result = call()
            except StoreUnavailableError as error:
                if self._stopping:
                    raise
                if self.status.state is not WorkerState.PAUSED:
                    LOG.warning("paused: %s", error)
                self.status.state = WorkerState.PAUSED
                time.sleep(RETRY_SECONDS)
            else:
                self.status.state = before
                return result

    def _beat(self) -> None:
        status = self.status
        heartbeat = Heartbeat(
            self.worker_id, self.host, status.state, status.epoch, status.watermark, status.lag, dict(status.counters)
        )
        self._retried(lambda: self._workers.beat(heartbeat))
        self._beaten_at = time.monotonic()


def _report(restored: Restored) -> None:
    for message in restored.damaged:
        LOG.error(message)
    for name in restored.cold:
        LOG.warning("%s starts empty and is warming: it is new, or its parameters changed", name)
