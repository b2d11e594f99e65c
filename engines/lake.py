"""The worker's event lake: what it took in, in order of arrival, as files that count from the next checkpoint on.

One thread writes. Open rows go to a file when they are many, at the latest when a checkpoint begins; the checkpoint's
transaction lists the files. On the way small files of an hour are merged, and hours beyond the retention dropped.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engines.decoding import Batch
from ingest.order import OrderBuffer
from schemas.columns import NULL_TIME
from schemas.fields import micros
from schemas.frame import Events
from schemas.stated import INSTANT, stated
from store.checkpoints import KEPT
from store.engine import Database
from store.lake import HOUR, ROW_GROUP, SCHEMA, LakeChange, LakeFolder, LakeList, Segment

IN_FLIGHT: Final = 3
"""Files being written; the worker waits for the disk when there are more."""
MERGED_ROWS: Final = 1_000_000
MERGED_AT: Final = 16
"""Small files of an hour that are merged; of an hour that is over, `MERGED_LATER` are enough."""
MERGED_LATER: Final = 4
GRACE_SECONDS: Final = 120.0
"""How long files stay that are no longer listed: somebody may be reading them."""


class _Taken(NamedTuple):
    events: Events
    partition: npt.NDArray[np.int32]
    record_time: npt.NDArray[np.int64]
    watermark: int


class LakeSize(NamedTuple):
    """Rows, bytes and files that count."""

    rows: int
    octets: int
    files: int


@dataclass(frozen=True, slots=True)
class Lake:
    """Where the lake is and how long it keeps events, by event time."""

    database: Database
    path: Path
    keep: timedelta

    def open(self, epoch: int, arrival: int | None) -> LakeLog:
        """Go on writing, as the leader.

        Args:
            epoch: of the lease.
            arrival: number of the next event as of the checkpoint that was restored; None if it knew of no lake.

        Raises:
            LeadershipLostError: another worker leads.
        """
        listed = LakeList(self.database)
        folder = LakeFolder(self.path / listed.claim(epoch))
        segments = listed.segments()
        folder.sweep({segment.name for segment in segments})
        return LakeLog(folder, segments, epoch, micros(self.keep), arrival)


class LakeLog:
    """Takes events in and turns them into segments.

    Args:
        segments: those listed.
        keep: µs of event time.
        arrival: number of the next event. Segments from there on belong to checkpoints that could not be read; their
            events come again, and the next checkpoint drops them.
    """

    def __init__(
        self, folder: LakeFolder, segments: Sequence[Segment], epoch: int, keep: int, arrival: int | None
    ) -> None:
        self._folder, self._epoch, self._keep = folder, epoch, keep
        beyond = max((segment.last_arrival + 1 for segment in segments), default=0)
        self._arrival = beyond if arrival is None else arrival
        self._again = [segment for segment in segments if segment.first_arrival >= self._arrival]
        self._segments = [segment for segment in segments if segment.first_arrival < self._arrival]
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lake")
        self._number = 0
        self._open: list[_Taken] = []
        self._rows = 0
        self._writing: list[Future[LakeChange]] = []
        self._begun: list[Future[LakeChange]] = []
        self._bounds: deque[int] = deque(maxlen=KEPT)
        self._begun_at = 0
        self._unlisted: deque[tuple[float, str]] = deque()

    @property
    def size(self) -> LakeSize:
        """What counts."""
        kept = self._segments
        return LakeSize(sum(it.rows for it in kept), sum(it.octets for it in kept), len(kept))

    @property
    def begun_at(self) -> int:
        """Number of the first event after the checkpoint that was begun last, to be kept in it."""
        return self._begun_at

    def take(self, batch: Batch, order: OrderBuffer) -> None:
        """Take in what a batch brings, before the order buffer does; what that will refuse is left out."""
        rows, events = batch.decoded.source_row, batch.decoded.events
        partition, record_time = batch.raw.partition[rows], batch.raw.record_time[rows]
        refused = order.too_late(events["time"])
        if refused.any():
            events, partition, record_time = events.take(~refused), partition[~refused], record_time[~refused]
        if len(events):
            self._open.append(_Taken(events, partition, record_time, order.watermark))
            self._rows += len(events)
        if self._rows >= ROW_GROUP:
            self._close()

    def _close(self) -> None:
        if not self._open:
            return
        taken, first = self._open, self._arrival
        self._open, self._arrival, self._rows = [], self._arrival + self._rows, 0
        self._writing.append(self._thread.submit(self._write, taken, first))
        if len(self._writing) > IN_FLIGHT:
            self._writing[-IN_FLIGHT - 1].result()

    def _write(self, taken: Sequence[_Taken], first: int) -> LakeChange:
        table = _table(taken, first)
        return LakeChange([self._segment(rows, hour) for hour, rows in _by_hour(table)])

    def _segment(self, rows: pa.Table, hour: int) -> Segment:
        self._number += 1
        return self._folder.write(rows, hour, f"{self._epoch}-{self._number}")

    def begin(self, watermark: int) -> None:
        """Close the open rows for a checkpoint, and look for what is to be merged or dropped; `finish` gives it."""
        self._close()
        self._begun_at = self._arrival
        outdated = [it for it in self._segments if it.hour + HOUR <= watermark - self._keep]
        merged = self._mergeable(watermark, {it.name for it in outdated})
        self._begun, self._writing = self._writing, []
        self._begun.append(self._thread.submit(self._rewrite, merged, [*outdated, *self._again]))

    def _mergeable(self, watermark: int, outdated: set[str]) -> list[Segment]:
        """Small files of one hour, so old that every kept checkpoint has them."""
        if len(self._bounds) < KEPT:
            return []
        small = [it for it in self._segments if it.rows < ROW_GROUP and it.last_arrival < self._bounds[0]]
        small = sorted((it for it in small if it.name not in outdated), key=lambda it: (it.hour, it.first_arrival))
        for hour, files in groupby(small, key=lambda it: it.hour):
            group = list(files)
            if len(group) >= (MERGED_LATER if hour + 2 * HOUR < watermark else MERGED_AT):
                rows = accumulate(it.rows for it in group)
                return [it for it, total in zip(group, rows, strict=True) if total <= MERGED_ROWS]
        return []

    def _rewrite(self, merged: Sequence[Segment], dropped: Sequence[Segment]) -> LakeChange:
        if not merged:
            return LakeChange(dropped=dropped)
        whole = self._segment(self._folder.read(merged).select(SCHEMA.names), merged[0].hour)
        return LakeChange([whole], [*dropped, *merged])

    @property
    def ready(self) -> bool:
        """What was begun is written."""
        return all(written.done() for written in self._begun)

    def finish(self) -> LakeChange:
        """Wait for the files of the checkpoint that was begun; safe to call again until `committed`.

        Raises:
            LakeError: a file cannot be written or read.
        """
        changes = [written.result() for written in self._begun]
        return LakeChange(
            [it for change in changes for it in change.added], [it for change in changes for it in change.dropped]
        )

    def committed(self, change: LakeChange) -> None:
        """The store lists the change: forget what it dropped, and delete what was dropped some time ago."""
        gone = {segment.name for segment in change.dropped}
        self._segments = [it for it in self._segments if it.name not in gone] + list(change.added)
        self._begun, self._again = [], []
        self._bounds.append(self._begun_at)
        now = time.monotonic()
        self._unlisted.extend((now, name) for name in gone)
        while self._unlisted and now - self._unlisted[0][0] > GRACE_SECONDS:
            self._folder.drop([self._unlisted.popleft()[1]])

    def close(self) -> None:
        """Wait for the thread."""
        self._thread.shutdown()


def _table(taken: Iterable[_Taken], first: int) -> pa.Table:
    parts = []
    for part in taken:
        n = len(part.events)
        unknown = part.record_time == NULL_TIME
        arrays: list[Any] = [
            np.arange(first, first + n),
            part.partition.astype(np.int32, copy=False),
            pa.array(part.record_time, mask=unknown).view(INSTANT),
            np.full(n, part.watermark),
        ]
        first += n
        parts.append(pa.Table.from_arrays([*map(pa.array, arrays), *stated(part.events).columns], schema=SCHEMA))
    return pa.concat_tables(parts)


def _by_hour(table: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    times = table["time"].cast(pa.int64()).to_numpy()
    starts = times - times % HOUR
    hours = np.unique(starts).tolist()
    for hour in hours:
        yield hour, table if len(hours) == 1 else table.filter(pa.array(starts == hour))
