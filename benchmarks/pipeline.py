"""Order, duplicates, detectors, counts and alerts in one process, without decoding."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Sequence
from typing import Final

from benchmarks.figures import Figure
from benchmarks.streams import BATCH, HEADLINE, HORIZON, LATENESS, SECRETS, decoded, mix
from detectors.registry import DETECTORS
from engines.decoding import Batch
from engines.pipeline import Pipeline
from ingest.decode import Decoded, Decoder
from ingest.records import RawRecords
from schemas.frame import Events

EVENTS: Final = 400_000
ROUNDS: Final = 3


def new_pipeline(types: Iterable[str] = HEADLINE) -> Pipeline:
    """Build a pipeline of some detectors with their defaults."""
    detectors = {name: DETECTORS[name]() for name in types}
    return Pipeline(detectors, lateness=LATENESS, horizon=HORIZON)


def batch_of(events: Events, decoder: Decoder) -> Batch:
    """Wrap events that were decoded before as a batch that comes from one partition."""
    raw = RawRecords.of([None] * len(events))
    return Batch(raw, Decoded.of(events), decoder)


def seconds(stream: Sequence[Events], types: Iterable[str]) -> float:
    """CPU seconds of one pass from an empty pipeline."""
    pipeline, decoder = new_pipeline(types), Decoder(SECRETS)
    batches = [batch_of(events, decoder) for events in stream]
    start = time.process_time()
    for batch in batches:
        pipeline.take(batch)
        pipeline.advance({0})
    pipeline.flush()
    return time.process_time() - start


def measure() -> list[Figure]:
    """Give the rate with the headline detectors and with all."""
    stream, rates = decoded(mix(EVENTS)), []
    for types in (HEADLINE, tuple(DETECTORS)):
        seconds(stream, types)
        rates.append(EVENTS / statistics.median(seconds(stream, types) for _ in range(ROUNDS)) / 1_000)
    note = f"batches of {BATCH}"
    return [
        Figure("order, dedupe, four detectors, alerts", rates[0], "k events/CPU-s", 150, note=note),
        Figure(f"order, dedupe, all {len(DETECTORS)} detectors, alerts", rates[1], "k events/CPU-s", note=note),
    ]
