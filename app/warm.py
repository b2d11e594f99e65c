"""Compile the kernels before they are needed: the first run on a machine does in advance what later ones read back."""

from __future__ import annotations

from typing import Final

import orjson

from engines.decoding import Batch
from engines.pipeline import Pipeline
from ingest.decode import Decoder
from ingest.records import RawRecords
from ingest.simulator import simulate

EVENTS: Final = 2_000
START: Final = 1_767_225_600_000_000


def warm(decoder: Decoder, pipeline: Pipeline) -> None:
    """Send a little simulated traffic through; the pipeline is of no use afterwards."""
    events = simulate(seed=1, start=START, events=EVENTS)
    for record in (RawRecords.of([orjson.dumps(event) for event in events]),) * 2:
        pipeline.take(Batch(record, decoder.decode(record), decoder))
        pipeline.advance({0})
    pipeline.flush()
