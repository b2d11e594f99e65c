"""Decode beside the caller: one thread decodes a batch while the caller fetches or checks another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from ingest.decode import Decoded, Decoder
from ingest.records import DeadLetter, DeadReason, RawRecords

IN_FLIGHT: Final = 2


class Batch(NamedTuple):
    """A batch as it came, and decoded."""

    raw: RawRecords
    decoded: Decoded
    decoder: Decoder

    def bury(self, row: int, reason: DeadReason, detail: str) -> DeadLetter:
        """Make a dead letter of one record that was decoded and is refused later."""
        return self.decoder.bury(self.raw, row, reason, detail)

    def only(self, rows: npt.NDArray[np.bool_]) -> Batch:
        """Keep some of the events."""
        return self._replace(decoded=self.decoded.take(rows))


class DecodeAhead:
    """Batches on their way through the decoding thread, in order. At most `IN_FLIGHT` are inside."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._batches: deque[tuple[RawRecords, Future[Decoded]]] = deque()

    def __len__(self) -> int:
        """Batches inside."""
        return len(self._batches)

    def __enter__(self) -> Self:
        """Use as a context: the thread ends with it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what is not begun and wait for what is."""
        self._thread.shutdown(cancel_futures=True)

    def submit(self, raw: RawRecords) -> None:
        """Hand a batch to the thread."""
        self._batches.append((raw, self._thread.submit(self._decoder.decode, raw)))

    def ready(self, *, wait: bool = False) -> Iterator[Batch]:
        """Give decoded batches in order: those that are done, and those that keep the queue too long.

        Args:
            wait: give all, waiting for each.
        """
        # What gets done while the caller is busy waits for the next call: until then the thread would have no work.
        done = sum(future.done() for _, future in self._batches)
        for _ in range(len(self._batches) if wait else max(done, len(self._batches) - IN_FLIGHT + 1)):
            raw, future = self._batches.popleft()
            yield Batch(raw, future.result(), self._decoder)

    def through(self, batches: Iterable[RawRecords]) -> Iterator[Batch]:
        """Decode a finite source, ahead of the consumer."""
        for raw in batches:
            self.submit(raw)
            yield from self.ready()
        yield from self.ready(wait=True)

    @property
    def partitions(self) -> set[int]:
        """Partitions of the batches inside."""
        return {number for raw, _ in self._batches for number in np.unique(raw.partition).tolist()}
