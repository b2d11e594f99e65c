"""Compile the kernels before they are needed: the first run on a machine does in advance what later ones read back."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import orjson

from detectors.registry import DETECTORS
from detectors.series.scorer import Scorer
from detectors.tables import Table
from detectors.windows import Window
from engines.chunks import ChunkFolder
from engines.decoding import Batch
from engines.pipeline import Pipeline
from engines.snapshots import Snapshot, restore
from ingest.decode import Decoder
from ingest.kernels.batches import PLACES, read_batch
from ingest.privacy import Secrets
from ingest.records import RawRecords
from ingest.simulator import Traffic, simulate

EVENTS: Final = 4_000
TRAFFIC: Final = Traffic(rate=1.0, users=200)
"""Over an hour of traffic, so that every kind of attack but the slowest fits in."""
START: Final = 1_767_225_600_000_000
YOUNG_OBJECTS: Final = 20_000
"""All threads stand still while the collector looks through so many: some 30 ms. Fewer would be looked at too early."""
INGEST: Final = "ingest"
"""The part that is not a detector: decoding, order, counts."""
SERIES: Final = "series"
"""Nor is this: `score-series`."""


def warm(decoder: Decoder, new_pipeline: Callable[[], Pipeline]) -> None:
    """Send a little simulated traffic through a pipeline, and rehearse its checkpoint and restore."""
    pipeline = new_pipeline()
    read_batch(np.zeros(0, np.uint8), 0, np.empty((PLACES, 0), np.int64))
    records = RawRecords.of([orjson.dumps(event) for event in simulate(1, START, events=EVENTS, traffic=TRAFFIC)])
    pipeline.take(Batch(records, decoder.decode(records), decoder))
    pipeline.advance({0})
    pipeline.flush()
    for part in pipeline.parts().values():
        if isinstance(part, Table | Window):
            part.compact(pipeline.order.watermark)
    with TemporaryDirectory(prefix="tokentrail-warm-") as name:
        folder = ChunkFolder(Path(name))
        manifest = Snapshot(1, pipeline.parts(), pipeline.blobs(), None).write(folder, 0)
        restore(folder, manifest, new_pipeline().parts())


def settle() -> None:
    """Take what start-up made out of the garbage collector's sight; call when everything long-lived exists.

    Each full collection would walk the modules, kernels and tables that never die.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def precompile() -> Iterator[tuple[str, int, int]]:
    """Compile everything, part by part, on all cores.

    Yields:
        The part that is ready, how many are, and of how many.
    """
    # What takes longest comes first: the detector with the most state.
    by_size = sorted(DETECTORS, key=lambda name: -len(DETECTORS[name]().new_state()))
    parts = [*by_size[:1], INGEST, SERIES, *by_size[1:]]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        running = {pool.submit(_compile, part): part for part in parts}
        for ready, done in enumerate(as_completed(running), 1):
            done.result()
            yield running[done], ready, len(parts)


def _compile(part: str) -> None:
    if part == SERIES:
        Scorer().score(np.zeros(1, np.int64), np.zeros(1))
        return
    detectors = {} if part == INGEST else {part: DETECTORS[part]()}
    new_pipeline = partial(Pipeline, detectors, lateness=timedelta(seconds=10), horizon=timedelta(hours=1))
    warm(Decoder(Secrets(bytes(32))), new_pipeline)
