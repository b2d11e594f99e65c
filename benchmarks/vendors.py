"""CPU cost of a vendor's records: adapter alone, and decoded with validation, hashing and redaction."""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson

from benchmarks.decode import cpu_seconds
from benchmarks.figures import Figure
from benchmarks.streams import SECRETS
from ingest.decode import Decoder
from ingest.vendors import ADAPTERS, Adapter, Skip

RECORDS: Final = 40_000
ROUNDS: Final = 3
GOAL: Final = 15.0
"""µs of CPU an event, of the adapter."""
FIXTURES: Final = Path(__file__).resolve().parents[1] / "tests" / "ingest" / "fixtures"


def documented(name: str) -> list[bytes]:
    """Give the vendor's documented JSON records that are token events, over and over."""
    cases = json.loads((FIXTURES / f"{name}.json").read_bytes())
    records = [orjson.dumps(case["record"]) for case in cases if "events" in case and "record" in case]
    return (records * (RECORDS // len(records) + 1))[:RECORDS]


def adapting(adapter: Adapter, records: Sequence[bytes]) -> tuple[float, int]:
    """CPU seconds from JSON to JSON of our own fields, and how many events came of it."""
    counters: Counter[str] = Counter()
    events = 0
    start = time.process_time()
    for record in records:
        result = adapter.normalise(orjson.loads(record), counters)
        for event in () if isinstance(result, Skip) else result:
            orjson.dumps(event)
            events += 1
    return time.process_time() - start, events


def measure() -> list[Figure]:
    """Give the cost an event of each adapter, and of the whole way into columns."""
    figures = []
    for name, adapter in ADAPTERS.items():
        records = documented(name)
        runs = [adapting(adapter, records) for _ in range(ROUNDS)]
        events = runs[0][1]
        alone = statistics.median(seconds for seconds, _ in runs) / events * 1e6
        decoder = Decoder(SECRETS, name)
        cpu_seconds(decoder, records[:1_000])
        whole = statistics.median(cpu_seconds(decoder, records)[0] for _ in range(ROUNDS)) / events * 1e6
        note = f"{whole:.1f} decoded, with validation and hashing; {events / len(records):.1f} events a record"
        figures.append(Figure(f"adapter {name}", alone, "µs CPU/event", GOAL, at_most=True, note=note))
    return figures
