"""Peak memory of a process that remembers a million users and five million live tokens and writes checkpoints."""

from __future__ import annotations

import resource
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.figures import Figure
from benchmarks.pipeline import new_pipeline
from benchmarks.population import populate
from benchmarks.streams import START
from engines.chunks import ChunkFolder
from engines.snapshots import Snapshot

GIBIBYTE: Final = 1024**2
"""In the unit of `ru_maxrss`, KiB."""


def measure() -> list[Figure]:
    """Give the peak; to be called in a process of its own."""
    pipeline, manifest, note = new_pipeline(), None, ""
    with TemporaryDirectory(prefix="tokentrail-bench-") as folder:
        chunks = ChunkFolder(Path(folder))
        for number, (users, tokens) in enumerate(populate(pipeline, START), start=1):
            manifest = Snapshot(number, pipeline.parts(), pipeline.blobs(), manifest).write(chunks, 1)
            note = f"{users:,} users, {tokens:,} live tokens"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIBIBYTE
    return [Figure("peak memory", peak, "GiB", 2, at_most=True, note=note)]
