"""Whether ten million events later everything is as fast as after the first million, checkpoints included."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.figures import Figure
from benchmarks.pipeline import batch_of, new_pipeline
from benchmarks.streams import SECRETS, decoded, later, mix
from engines.chunks import ChunkFolder
from engines.pipeline import Pipeline
from engines.snapshots import Manifest, Snapshot
from ingest.decode import Decoder

EVENTS: Final = 400_000
TURNS: Final = 26
EARLY: Final = slice(2, 5)
LATE: Final = slice(-3, None)
"""Turns up to about two million events, and those after the tenth million."""


def measure() -> list[Figure]:
    """Give the ratio of the late rate to the early one."""
    stream = decoded(mix(EVENTS))
    span = int(max(events["time"].max() for events in stream) - min(events["time"].min() for events in stream))
    pipeline, decoder = new_pipeline(), Decoder(SECRETS)
    costs, manifest = [], None
    with TemporaryDirectory(prefix="tokentrail-bench-") as folder:
        for turn in range(TURNS):
            batches = [batch_of(later(events, turn, span), decoder) for events in stream]
            start = time.process_time()
            for batch in batches:
                pipeline.take(batch)
                pipeline.advance({0})
            manifest = _saved(turn + 1, pipeline, ChunkFolder(Path(folder)), manifest)
            costs.append(time.process_time() - start)
    early, late = statistics.median(costs[EARLY]), statistics.median(costs[LATE])
    note = f"{EVENTS / late / 1_000:.0f} k events/CPU-s, a checkpoint every {EVENTS} events"
    return [Figure("rate after 10 M events / after 1 M", early / late, "ratio", 0.9, note=note)]


def _saved(number: int, pipeline: Pipeline, folder: ChunkFolder, before: Manifest | None) -> Manifest:
    return Snapshot(number, pipeline.parts(), pipeline.blobs(), before).write(folder, 1)
