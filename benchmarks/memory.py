"""Memory: a million users and five million live tokens with checkpoints; the register of tokens; never-issued-use."""

from __future__ import annotations

import resource
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from benchmarks.figures import Figure
from benchmarks.pipeline import new_pipeline
from benchmarks.population import populate
from benchmarks.processes import apart
from benchmarks.streams import BATCH, START
from detectors.tables import Table
from detectors.tokens import Tokens
from engines.chunks import ChunkFolder
from engines.snapshots import Snapshot
from schemas.frame import Events
from schemas.vocabulary import EventType, code

GIBIBYTE: Final = 1024**2
"""In the unit of `ru_maxrss`, KiB."""
LIVE: Final = 10_000_000
_MEGABYTE: Final = 10**6


def measure() -> list[Figure]:
    """Give the peak; to be called in a process of its own."""
    pipeline, manifest, note = new_pipeline(), None, ""
    with TemporaryDirectory(prefix="tokentrail-bench-") as folder:
        chunks = ChunkFolder(Path(folder))
        for number, (users, tokens) in enumerate(populate(pipeline, START), start=1):
            manifest = Snapshot(number, pipeline.parts(), pipeline.blobs(), manifest).write(chunks, 1)
            note = f"{users:,} users, {tokens:,} live tokens"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIBIBYTE
    return [
        Figure("peak memory", peak, "GiB", 2, at_most=True, note=note),
        Figure(f"register of {LIVE:,} live tokens", apart(_register, LIVE), "MB", 400, at_most=True, note="resident"),
        Figure("never-issued-use beside it", apart(_never_issued), "MB", 400, at_most=True, note=note),
    ]


def _register(tokens: int) -> float:
    """Give what the register of so many tokens adds to what is resident, MB."""
    rng, register, before = np.random.default_rng(1), Tokens(), 0
    issues = {"type": np.full(BATCH, code(EventType.ISSUE), np.int8)}
    for number in range(tokens // BATCH):
        issues["token_id"] = rng.integers(1, 2**63, BATCH).astype(np.uint64)
        issues["order_time"] = np.full(BATCH, START + number)
        register.trace(Events(BATCH, issues, Events.empty().text))
        before = before or _resident()
    return (_resident() - before) / _MEGABYTE


def _resident() -> int:
    """Give the bytes of this process that are in memory now: a table that grows was twice there for a moment."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize()


def _never_issued() -> float:
    """Give the size of the detector's rows after the same population, MB."""
    pipeline = new_pipeline(["never-issued-use"])
    for _ in populate(pipeline, START):
        pass
    parts = [part for name, part in pipeline.parts().items() if name.startswith("never-issued-use/")]
    return sum(len(part) * part.row_bytes for part in parts if isinstance(part, Table)) / _MEGABYTE
