"""CPU cost of decoding with full validation, hashing and redaction: 0, 1 and 100 % bad records.

python -m benchmarks.decode [N] [ROUNDS]
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from benchmarks.events import peer_records
from ingest.decode import Decoder
from ingest.privacy import Secrets
from ingest.records import RawRecords

BATCH: Final = 20_000
SHARES: Final = (0.0, 0.01, 1.0)
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


def main(n: str = "200000", rounds: str = "3") -> None:
    """Print a line for each share."""
    records = list(peer_records(int(n)))
    decoder = Decoder(Secrets(bytes(range(16))))
    cpu_seconds(decoder, spoiled(records[:BATCH], 0.5))
    for share in SHARES:
        some = spoiled(records, share)
        runs = [cpu_seconds(decoder, some) for _ in range(int(rounds))]
        seconds = statistics.median(seconds for seconds, _ in runs)
        rate = len(some) / seconds
        print(f"{share:4.0%} bad: {rate:9,.0f} records per CPU-second, {runs[0][1]:7,} of {len(some):,} refused")


if __name__ == "__main__":
    main(*sys.argv[1:])
