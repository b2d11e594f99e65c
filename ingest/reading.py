"""Several files as one source: always read on in the file that is furthest behind in event time.

Files are the partitions of the order buffer, which does the merging: it holds back what a slower file may still
precede. A file is opened when the others have come to its first event, so thousands of consecutive files are fine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from ingest.files import BATCH_ROWS, FileInput
from ingest.records import RawRecords

_PEEKED_ROWS: Final = 64
_UNREAD: Final = -1


class Files:
    """Batches of several inputs.

    Args:
        inputs: their `index` is the partition of their records.
        first_time: earliest event time among a few records, µs; None when they hold no event.
        clocks: partition → event time reached so far, µs; kept by the order buffer while the batches are taken in.
        rows: upper bound of a batch.
        stopped: follow a growing input until this says so.
    """

    def __init__(
        self,
        inputs: Sequence[FileInput],
        first_time: Callable[[RawRecords], int | None],
        clocks: Mapping[int, int],
        rows: int = BATCH_ROWS,
        stopped: Callable[[], bool] | None = None,
    ) -> None:
        self._clocks = clocks
        self._rows = rows
        self._stopped = stopped
        starts = {source.index: self._start(source, first_time) if len(inputs) > 1 else 0 for source in inputs}
        self._waiting = sorted(inputs, key=lambda source: (starts[source.index], source.index), reverse=True)
        self._starts = starts
        self._open: dict[int, Iterator[RawRecords]] = {}

    @property
    def active(self) -> set[int]:
        """Inputs that may still bring events no later than what was read."""
        return set(self._open)

    def __iter__(self) -> Iterator[RawRecords]:
        """Read all inputs to their end."""
        while self._open or self._waiting:
            self._open_due()
            slowest = min(self._open, key=self._reached)
            batch = next(self._open[slowest], None)
            if batch is None:
                del self._open[slowest]
            else:
                yield batch

    def _reached(self, index: int) -> tuple[int, int]:
        return self._clocks.get(index, _UNREAD), index

    def _open_due(self) -> None:
        slowest = min((self._reached(index)[0] for index in self._open), default=None)
        while self._waiting and (slowest is None or self._starts[self._waiting[-1].index] <= slowest):
            source = self._waiting.pop()
            self._open[source.index] = source.batches(self._rows, self._stopped)
            slowest = self._starts[source.index] if slowest is None else slowest

    @staticmethod
    def _start(source: FileInput, first_time: Callable[[RawRecords], int | None]) -> int:
        """An input without an early event, or that can be read only once, is opened at once."""
        if source.once:
            return 0
        peeked = next(FileInput(source.name, source.index).batches(_PEEKED_ROWS), None)
        return (first_time(peeked) if peeked is not None else 0) or 0
