"""Checkpoints of a pipeline: content to chunk files by a thread, then the pointer to the store in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from engines import rollups
from engines.chunks import ChunkFolder
from engines.lake import LakeLog
from engines.pipeline import Pipeline
from engines.snapshots import Manifest, Snapshot, restore
from schemas.coverage import Filled
from schemas.errors import CheckpointError
from store.checkpoints import KEPT, Checkpoint, Checkpoints, DeadLetterCount, Rollup
from store.engine import Database

_LAKE: Final = "lake"
"""Part of a checkpoint: the number of the next event in the lake."""


@dataclass(frozen=True, slots=True)
class _Begun:
    seq: int
    parts: dict[str, bytes]
    offsets: dict[int, int]
    totals: list[Rollup]
    refused: list[DeadLetterCount]
    filled: list[Filled]
    written: Future[Manifest]


@dataclass(frozen=True, slots=True)
class Restored:
    """A pipeline to go on with.

    Attributes:
        pipeline: at its checkpoint, or fresh.
        offsets: partition → where to read on; empty when there was no checkpoint.
        cold: parts that start empty because their parameters or layout changed.
        damaged: checkpoints that were passed over.
        arrival: number of the next event in the lake; None if the checkpoint knows of no lake.
    """

    pipeline: Pipeline
    offsets: dict[int, int]
    cold: list[str]
    damaged: list[str]
    arrival: int | None = None


class Checkpointer:
    """Saves and restores one pipeline.

    A checkpoint has two halves. `begin` copies what changed and hands it to a thread that makes it durable; `finish`
    commits the pointer once that is done. Between the two the pipeline goes on.

    Args:
        database: the migrated store.
        folder: where chunk files lie; the workers of one store share it.
        epoch: of the lease that is held.

    Attributes:
        lake: its files count from the checkpoint on; None where events are not kept.
    """

    def __init__(self, database: Database, folder: ChunkFolder, epoch: int) -> None:
        self._store = Checkpoints(database)
        self._folder = folder
        self._epoch = epoch
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._begun: _Begun | None = None
        self._kept: list[Manifest] = []
        self._seq = 0
        self.lake: LakeLog | None = None

    @property
    def busy(self) -> bool:
        """A checkpoint is begun and not finished."""
        return self._begun is not None

    @property
    def ready(self) -> bool:
        """A begun checkpoint can be finished without waiting."""
        return self._begun is not None and self._begun.written.done() and (self.lake is None or self.lake.ready)

    def restore(self, new_pipeline: Callable[[], Pipeline]) -> Restored:
        """Give a pipeline at the newest checkpoint that can be read; a fresh one when there is none.

        Raises:
            CheckpointError: there are checkpoints and none can be read.
        """
        damaged: list[str] = []
        for stored in self._store.newest_first():
            manifest = Manifest.model_validate(stored.manifest)
            pipeline = new_pipeline()
            try:
                contents = {name: self._folder.read(chunk) for name, chunk in manifest.blobs.items()}
                cold = restore(self._folder, manifest, pipeline.parts())
            except CheckpointError as error:
                damaged.append(f"checkpoint {stored.seq} cannot be used: {error}")
                continue
            pipeline.restore_blobs(contents)
            self._seq = stored.seq
            self._kept = [manifest]
            offsets = {int(number): offset for number, offset in stored.offsets.items()}
            arrival = int(stored.parts[_LAKE]) if _LAKE in stored.parts else None
            return Restored(pipeline, offsets, cold, damaged, arrival)
        if damaged:
            raise CheckpointError(
                "; ".join(damaged),
                place=str(self._folder.folder),
                next_step="restore the state folder from a backup, or start anew with an empty store",
            )
        return Restored(new_pipeline(), {}, [], [])

    def sweep(self) -> None:
        """Delete chunk files that crashes left behind. Call once, when leading."""
        stored = [Manifest.model_validate(checkpoint.manifest) for checkpoint in self._store.newest_first()]
        self._folder.sweep(chunk for manifest in stored for chunk in manifest.chunks())

    def begin(self, pipeline: Pipeline, offsets: Mapping[int, int]) -> None:
        """Copy what changed since the last checkpoint and start to write it."""
        self._seq += 1
        refused = pipeline.refused.changes()
        filled = pipeline.coverage.changes(pipeline.order.watermark)
        snapshot = Snapshot(self._seq, pipeline.parts(), pipeline.blobs(), self._kept[-1] if self._kept else None)
        totals = list(rollups.rows(snapshot.changed("rollups"), pipeline.client_name))
        parts = {}
        if self.lake is not None:
            self.lake.begin(pipeline.order.watermark)
            parts[_LAKE] = str(self.lake.begun_at).encode()
        written = self._thread.submit(snapshot.write, self._folder, self._epoch)
        self._begun = _Begun(self._seq, parts, dict(offsets), totals, refused, filled, written)

    def finish(self, config_digest: str) -> dict[int, int]:
        """Wait for the content, commit the pointer, drop what no kept checkpoint needs; give the offsets it holds.

        Raises:
            StoreUnavailableError: nothing was committed; call again.
            LeadershipLostError: another worker leads.
            LakeError: a file of the lake cannot be written.
        """
        if self._begun is None:
            raise RuntimeError("finish without begin")
        begun = self._begun
        manifest = begun.written.result()
        offsets = {str(number): offset for number, offset in begun.offsets.items()}
        checkpoint = Checkpoint(begun.seq, config_digest, manifest.model_dump(mode="json"), offsets, begun.parts)
        lake = self.lake.finish() if self.lake is not None else None
        self._store.commit(
            checkpoint, self._epoch, rollups=begun.totals, dead_letters=begun.refused, filled=begun.filled, lake=lake
        )
        if self.lake is not None and lake is not None:
            self.lake.committed(lake)
        self._begun = None
        self._keep(manifest)
        return begun.offsets

    def _keep(self, manifest: Manifest) -> None:
        self._kept.append(manifest)
        outdated, self._kept = self._kept[:-KEPT], self._kept[-KEPT:]
        kept = [chunk for each in self._kept for chunk in each.chunks()]
        self._folder.drop((chunk for each in outdated for chunk in each.chunks()), kept)

    def close(self) -> None:
        """Wait for the threads."""
        self._thread.shutdown()
        if self.lake is not None:
            self.lake.close()
