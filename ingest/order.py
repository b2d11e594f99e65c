"""Event-time order: per-partition watermarks, the buffer that sorts, late rows, and duplicates.

A topic keyed by user drains its partitions at different speeds, so an address's events arrive out of order. Rows wait
here until the watermark says that nothing earlier is to come, and leave in (time, `seq`, event id) order.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.seen import Seen
from schemas.columns import NULL_TIME
from schemas.frame import Events

BEFORE_ALL: Final = -1
"""Watermark before the first event."""


@dataclass(slots=True)
class Counters:
    """Rows that were not simply passed on."""

    late: int = 0
    duplicate: int = 0
    too_late: int = 0


@dataclass(slots=True)
class OrderBuffer:
    """Rows on their way into event-time order.

    Args:
        lateness: how long after the newest event of its partition an event may still come, µs.
        horizon: how far behind the watermark a late row may be, µs; an older one is too late, because duplicates can
            no longer be told from new events.
    """

    lateness: int
    horizon: int = 3_600_000_000
    watermark: int = BEFORE_ALL
    clocks: dict[int, int] = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)
    counters: Counters = field(default_factory=Counters)
    _pending: list[Events] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        """Rows in the buffer."""
        return sum(map(len, self._pending))

    def add(
        self, events: Events, partition: npt.NDArray[Any], record_time: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Take in a decoded batch.

        Args:
            events: any order.
            partition: partition of each row, shape (n,).
            record_time: Kafka's timestamp of each row, µs, `NULL_TIME` where there is none; it bounds what a wrong
                clock can do to the watermark.

        Returns:
            Mask of the rows that were too late and not taken, shape (n,).
        """
        times = events["time"]
        self._tick(partition, np.where(record_time == NULL_TIME, times, np.minimum(times, record_time)))
        late = times <= self.watermark
        refused = self.too_late(times)
        self.counters.too_late += int(refused.sum())
        placed = events.with_columns(order_time=np.maximum(times, self.watermark + 1), late=late)
        kept = placed.take(~refused) if refused.any() else placed
        if len(kept):
            self._pending.append(kept)
        return refused

    def too_late(self, times: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which events of these times `add` would refuse now, shape (n,)."""
        refused: npt.NDArray[np.bool_] = times < self.watermark - self.horizon
        return refused

    def _tick(self, partition: npt.NDArray[Any], times: npt.NDArray[np.int64]) -> None:
        for number in np.unique(partition).tolist():
            newest = int(times[partition == number].max()) - self.lateness
            self.clocks[number] = max(self.clocks.get(number, BEFORE_ALL), newest)

    def advance(self, active: Collection[int]) -> Events:
        """Move the watermark to the slowest active partition and give the rows that are due.

        Args:
            active: partitions that may still bring events; a partition that was never heard of holds everything back.
        """
        if not active:
            return Events.empty()
        slowest = min(self.clocks.get(number, BEFORE_ALL) for number in active)
        return self._release(max(self.watermark, slowest))

    def advance_to(self, watermark: int) -> Events:
        """Move the watermark to where it was when something was seen, never back, and give the rows that are due."""
        return self._release(max(self.watermark, watermark))

    def flush(self) -> Events:
        """Give all rows: the input has ended, or was silent for longer than the lateness.

        The watermark stops at the last event.
        """
        newest = max((int(part["order_time"].max()) for part in self._pending), default=self.watermark)
        return self._release(max(self.watermark, newest))

    def _release(self, watermark: int) -> Events:
        self.watermark = watermark
        due: list[Events] = []
        rest: list[Events] = []
        for part in self._pending:
            ready = part["order_time"] <= watermark
            if ready.all():
                due.append(part)
            elif not ready.any():
                rest.append(part)
            else:
                due.append(part.take(ready))
                rest.append(part.take(~ready))
        self._pending = rest
        return self._distinct(sort(Events.concat(due)))

    def _distinct(self, events: Events) -> Events:
        if not len(events):
            return events
        again = _repeats_previous(events)
        late = events["late"] & ~again
        if late.any():
            again[late] = self.seen.contains(events.take(late))
        self.counters.duplicate += int(again.sum())
        fresh = events.take(~again) if again.any() else events
        self.counters.late += int(fresh["late"].sum())
        self.seen.remember(fresh, self.watermark - self.horizon)
        return fresh

    def pending(self) -> Events:
        """All waiting rows, for the checkpoint; they keep their place."""
        self._pending = [Events.concat(self._pending)] if self._pending else []
        return self._pending[0] if self._pending else Events.empty()

    def restore(self, pending: Events) -> None:
        """Put back what `pending` gave."""
        self._pending = [pending] if len(pending) else []


def sort(events: Events) -> Events:
    """Order rows by (`order_time`, `time`, `seq`, event id): the same for every way of cutting and delivering them."""
    keys = (events["seq"], events["time"], events["order_time"])
    order = np.lexsort(keys)
    tied = np.ones(max(len(events) - 1, 0), np.bool_)
    for key in keys:
        tied &= key[order][1:] == key[order][:-1]
    if tied.any():
        order = _by_event_id(events, order, tied)
    return events.take(order)


def _by_event_id(events: Events, order: npt.NDArray[np.int64], tied: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    run = np.concatenate([[0], np.cumsum(~tied)])
    shared = np.flatnonzero(np.concatenate([[False], tied]) | np.concatenate([tied, [False]]))
    ids = events.text.gather(order[shared], ["event_id"])["event_id"]
    ranked = pc.sort_indices(
        pa.table({"run": run[shared], "id": ids}), sort_keys=[("run", "ascending"), ("id", "ascending")]
    )
    order = order.copy()
    order[shared] = order[shared][ranked.to_numpy()]
    return order


def _repeats_previous(events: Events) -> npt.NDArray[np.bool_]:
    again = np.zeros(len(events), np.bool_)
    same = np.ones(max(len(events) - 1, 0), np.bool_)
    for name in ("time", "event_key", "event_key2"):
        same &= events[name][1:] == events[name][:-1]
    again[1:] = same
    return again
