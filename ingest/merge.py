"""Merge of several inputs by event time, in bounded memory.

Each input is taken to be roughly in order. One batch of every input whose time range is being passed is held, sorted;
disorder wider than that batch comes out as it is and meets the order buffer's lateness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

import numpy as np

from ingest.decode import Decoded
from ingest.files import BATCH_ROWS, FileInput
from ingest.records import RawRecords

LOOK_AHEAD_ROWS: Final = 400_000
"""Rows held over all inputs: with many inputs each holds less."""

_MIN_BATCH_ROWS: Final = 256
_PEEKED_ROWS: Final = 64
_END_OF_TIME: Final = int(np.iinfo(np.int64).max)

Decode: TypeAlias = Callable[[RawRecords], Decoded]


def merged(inputs: Sequence[FileInput], decode: Decode, rows: int = BATCH_ROWS) -> Iterator[Decoded]:
    """Decode inputs and yield their events in time order, at most `rows` at once; equal times in input order.

    An input is opened when the merge reaches its first event, so that thousands of consecutive files are fine. The
    `source_row`s of a merged batch are positions within batches of different inputs.
    """
    held = max(_MIN_BATCH_ROWS, min(rows, LOOK_AHEAD_ROWS // max(len(inputs), 1)))
    waiting = sorted(((_first_time(source, decode), source) for source in inputs), key=lambda pair: pair[0])
    cursors: list[_Cursor] = []
    while waiting or cursors:
        while waiting and waiting[0][0] <= min((cursor.reach for cursor in cursors), default=_END_OF_TIME):
            cursors.append(_Cursor(waiting.pop(0)[1], decode, held))
        cursors.sort(key=lambda cursor: cursor.source.index)
        frontier = min(cursor.reach for cursor in cursors)
        yield from _emitted(Decoded.concat([cursor.pass_to(frontier) for cursor in cursors], [0] * len(cursors)), rows)
        cursors = [cursor for cursor in cursors if not cursor.exhausted]


def _emitted(decoded: Decoded, rows: int) -> Iterator[Decoded]:
    ordered = decoded.take(np.argsort(decoded.events["time"], kind="stable"))
    yield ordered.take(slice(0, rows))
    for start in range(rows, len(ordered.events), rows):
        yield ordered.without_report().take(slice(start, start + rows))


def _first_time(source: FileInput, decode: Decode) -> int:
    """Earliest time among an input's first records; an input without any is opened at once, for its report."""
    peeked = FileInput(source.name, source.index)
    for raw in peeked.batches(_PEEKED_ROWS):
        times = decode(raw).events["time"]
        return int(times.min()) if len(times) else 0
    return 0


class _Cursor:
    """Place of the merge in one input: a sorted batch, passed from its start."""

    def __init__(self, source: FileInput, decode: Decode, rows: int) -> None:
        self.source = source
        self.exhausted = False
        self.reach = _END_OF_TIME
        self._decode = decode
        self._batches = source.batches(rows)
        self._done: list[Decoded] = []
        self._next: Decoded | None = None
        self._refill()

    def _refill(self) -> None:
        """Take the next batch with events; batches without any only add to the report."""
        for raw in self._batches:
            decoded = self._decode(raw)
            if len(decoded.events):
                self._next = decoded.take(np.argsort(decoded.events["time"], kind="stable"))
                self.reach = int(self._next.events["time"][-1])
                return
            self._done.append(decoded)
        self._next, self.reach, self.exhausted = None, _END_OF_TIME, True

    def pass_to(self, time: int) -> Decoded:
        """Give everything up to `time` (included), and read on where the batch is used up."""
        while self._next is not None:
            passed = int(np.searchsorted(self._next.events["time"], time, side="right"))
            self._done.append(self._next.take(slice(0, passed)))
            if passed < len(self._next.events):
                self._next = self._next.without_report().take(slice(passed, None))
                break
            self._refill()
        done, self._done = self._done, []
        return Decoded.concat(done, [0] * len(done))
