"""CPU of each detector on the simulator's mix and with one key in 30 % of the rows; bytes of state a key."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Final

from benchmarks.figures import Figure
from benchmarks.streams import HEADLINE, Judged, crowded, judged, mix
from detectors import run
from detectors.base import Detector
from detectors.registry import DETECTORS
from detectors.tables import Table

EVENTS: Final = 400_000
ROUNDS: Final = 5
SHARE: Final = 0.3
WINDOWS: Final = frozenset({"usage-spike/recent"})
"""Tables whose rows are windows, of which no more than what is used now is kept."""


def nanoseconds(stream: Sequence[Judged], *detectors: Detector) -> float:
    """CPU of one pass of some detectors from an empty state, the register of tokens included, ns an event."""
    named = {detector.type: detector for detector in detectors}
    states = {detector.type: detector.new_state() for detector in detectors}
    tokens = run.tokens_for(detectors)
    start = time.process_time_ns()
    for batch in stream:
        events = batch.events if tokens is None else tokens.trace(batch.events)
        run.step(named, states, events, batch.watermark)
    return (time.process_time_ns() - start) / sum(len(batch.events) for batch in stream)


def bytes_a_key(detector: Detector, stream: Sequence[Judged]) -> dict[str, float]:
    """Bytes a live row of each table that has grown, with its index; capacity that is not used yet is not counted."""
    state = detector.new_state()
    for batch in stream:
        run.step({detector.type: detector}, {detector.type: state}, batch.events, batch.watermark)
    tables = {f"{detector.type}/{name}": part for name, part in state.items() if isinstance(part, Table)}
    return {name: table.row_bytes for name, table in tables.items() if len(table) > 0 and name not in WINDOWS}


def measure() -> list[Figure]:
    """Give two figures a detector, mix and crowd, those of all together, and the widest row of the headline ones."""
    stream = judged(mix(EVENTS))
    crowd = [Judged(crowded(batch.events, SHARE), batch.watermark) for batch in stream]
    figures, widest = [], ("", 0.0)
    all_of_them = [kind() for kind in DETECTORS.values()]
    for name, group, goal in (*((one.type, [one], 1.0) for one in all_of_them), ("all of them", all_of_them, 8.0)):
        nanoseconds(stream, *group)
        for label, events in (("mix", stream), (f"one key {SHARE:.0%}", crowd)):
            value = statistics.median(nanoseconds(events, *group) for _ in range(ROUNDS))
            figures.append(Figure(f"{name}, {label}", value / 1_000, "µs/event", goal, at_most=True, note="CPU"))
    for name in HEADLINE:
        widest = max(widest, *bytes_a_key(DETECTORS[name](), stream).items(), key=_size)
    figures.append(Figure("widest row of state", widest[1], "bytes/key", 200, at_most=True, note=widest[0]))
    return figures


def _size(item: tuple[str, float]) -> float:
    return item[1]
