"""CPU cost of decoding with full validation, hashing and redaction: 0, 1 and 100 % bad records."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final

from benchmarks.figures import Figure
from benchmarks.peer import peer_records
from benchmarks.streams import BATCH, SECRETS
from ingest.decode import Decoder
from ingest.records import RawRecords

RECORDS: Final = 200_000
ROUNDS: Final = 3
GOALS: Final = {0.0: 120.0, 0.01: 110.0, 1.0: 10.0}
"""Share of bad records → thousands a second."""
_SEED: Final = 11

Spoil = Callable[[bytes, random.Random], bytes]
SPOILS: Final[tuple[Spoil, ...]] = (
    lambda record, rng: record[: rng.randrange(len(record))],
    lambda record, _: record.replace(b'"type":"', b'"type":"no-'),
    lambda record, _: record.replace(b"+00:00", b""),
    lambda record, _: record.replace(b"52.5", b'"north"'),
    lambda record, _: record.replace(b"52.5", b"520.5"),
    lambda record, _: record.replace(b"user-", b"u" * 300),
    lambda record, _: record.replace(b"Mozilla", b"\xff\xfe"),
)


def spoiled(records: Sequence[bytes], share: float) -> list[bytes]:
    """Break a share of the records, each in one of the ways in turn at random."""
    rng = random.Random(_SEED)  # noqa: S311 - reproducible, no secret
    return [rng.choice(SPOILS)(record, rng) if rng.random() < share else record for record in records]


def cpu_seconds(decoder: Decoder, records: Sequence[bytes]) -> tuple[float, int]:
    """CPU seconds of decoding all records in batches, and how many were refused."""
    batches = [RawRecords.of(records[start : start + BATCH]) for start in range(0, len(records), BATCH)]
    refused = 0
    start = time.process_time()
    for batch in batches:
        refused += len(decoder.decode(batch).dead)
    return time.process_time() - start, refused


def measure() -> list[Figure]:
    """Give a rate for each share of bad records."""
    records = list(peer_records(RECORDS))
    decoder = Decoder(SECRETS)
    cpu_seconds(decoder, spoiled(records[:BATCH], 0.5))
    figures = []
    for share, goal in GOALS.items():
        some = spoiled(records, share)
        runs = [cpu_seconds(decoder, some) for _ in range(ROUNDS)]
        rate = len(some) / statistics.median(seconds for seconds, _ in runs)
        note = f"{runs[0][1]:,} of {len(some):,} refused"
        figures.append(Figure(f"decode, {share:.0%} bad", rate / 1_000, "k events/CPU-s", goal, note=note))
    return figures
